"""The console as an ASGI application."""

from __future__ import annotations

import asyncio
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.auth.middleware import Guard
from console.pages import (
    collection,
    collections,
    deliveries,
    files,
    login,
    persons,
    plans,
    published,
    structures,
    words,
)
from console.pages.asked import went_wrong
from console.translations import InTheirLanguage
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from console.share_view import Desk

PASSWORDS_AT_A_TIME: Final = 2
"""Number of password checks in parallel. Each needs 64 MiB; many logins must not exhaust memory or page threads."""

LOOKS_AT_A_TIME: Final = 20
"""Number of event streams that read the share in parallel, and of threads that may hang there."""


def make_app(desk: Desk) -> Starlette:
    """Return the application for a desk."""
    app = Starlette(
        routes=[
            Route("/", collections.collections),
            Route("/events", collections.collections_events),
            Route("/login", login.login_page, methods=["GET"]),
            Route("/login", login.login, methods=["POST"]),
            Route("/enter", login.enter),
            Route("/logout", login.logout, methods=["POST"]),
            Route("/language/{language}", login.language),
            Route("/new", collections.new_page, methods=["GET"]),
            Route("/new", collections.new, methods=["POST"]),
            Route("/new/preview", collections.new_preview, methods=["POST"]),
            *_of_a_collection("/c/{collection}"),
            Mount("/static", StaticFiles(packages=[("console", "static")]), name="static"),
        ],
        middleware=[Middleware(InTheirLanguage), Middleware(Guard, desk=desk, failed=went_wrong)],
        exception_handlers=dict.fromkeys((HTTPException, *CIRCUMSTANCES), went_wrong),
    )
    app.state.desk = desk
    app.state.stopping = asyncio.Event()
    app.state.checking_passwords = CapacityLimiter(PASSWORDS_AT_A_TIME)
    app.state.looking = CapacityLimiter(LOOKS_AT_A_TIME)
    app.state.reading = BoundedSemaphore(LOOKS_AT_A_TIME)
    return app


def _of_a_collection(at: str) -> list[Route]:
    """Return the pages of one collection."""
    return [
        Route(at, collection.collection),
        Route(f"{at}/events", collection.collection_events),
        Route(f"{at}/check", collection.check, methods=["POST"]),
        Route(f"{at}/start", collection.start, methods=["POST"]),
        Route(f"{at}/not-taken", collection.not_taken),
        Route(f"{at}/sets/{{locator}}/again", collection.try_again, methods=["POST"]),
        Route(f"{at}/sets/{{locator}}/plans", plans.plans, methods=["GET"]),
        Route(f"{at}/sets/{{locator}}/plans", plans.choose_plans, methods=["POST"]),
        Route(f"{at}/structures", structures.structures, methods=["GET"]),
        Route(f"{at}/structures", structures.decide_names, methods=["POST"]),
        Route(f"{at}/structures/again", structures.name_again, methods=["POST"]),
        Route(f"{at}/words", words.words, methods=["GET"]),
        Route(f"{at}/words", words.decide_words, methods=["POST"]),
        Route(f"{at}/persons", persons.persons),
        Route(f"{at}/sets/{{locator}}/person", persons.decide_person, methods=["POST"]),
        Route(f"{at}/tracking/{{day}}", files.tracking_page),
        Route(f"{at}/tracking/{{day}}/file", files.tracking_file),
        Route(f"{at}/sheets/{{sheet}}", files.sheet),
        Route(f"{at}/published/{{anon}}", published.published),
        Route(f"{at}/published/{{anon}}/release", published.release, methods=["POST"]),
        Route(f"{at}/published/{{anon}}/send-back", published.send_back, methods=["POST"]),
        Route(f"{at}/published/{{anon}}/withdraw", published.withdraw, methods=["POST"]),
        Route(f"{at}/deliveries", deliveries.deliveries, methods=["GET"]),
        Route(f"{at}/deliveries", deliveries.deliver, methods=["POST"]),
        Route(f"{at}/deliveries/events", deliveries.deliveries_events),
        Route(f"{at}/deliveries/{{delivery}}/file", deliveries.delivery_file),
    ]
