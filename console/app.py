"""The console as an application that a web server runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console import pages, release_pages
from console.auth.middleware import Guard
from services.errors import SettingsWrong
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from console.share_view import Desk

PASSWORDS_AT_A_TIME: Final = 2
"""Each takes 64 MiB for a moment: a crowd at the door must take neither all memory nor the threads of all pages."""

LOOKS_AT_A_TIME: Final = 20
"""Streams that look at the share at one moment."""


def make_app(desk: Desk) -> Starlette:
    """Make the application for what lies on a desk."""
    app = Starlette(
        routes=[
            Route("/", pages.collections),
            Route("/events", pages.collections_events),
            Route("/login", pages.login_page, methods=["GET"]),
            Route("/login", pages.login, methods=["POST"]),
            Route("/enter", pages.enter),
            Route("/logout", pages.logout, methods=["POST"]),
            Route("/language/{language}", pages.language),
            Route("/new", pages.new_page, methods=["GET"]),
            Route("/new", pages.new, methods=["POST"]),
            Route("/new/preview", pages.new_preview, methods=["POST"]),
            Route("/c/{collection}", pages.collection),
            Route("/c/{collection}/events", pages.collection_events),
            Route("/c/{collection}/check", pages.check, methods=["POST"]),
            Route("/c/{collection}/start", pages.start, methods=["POST"]),
            Route("/c/{collection}/sets/{locator}/again", pages.try_again, methods=["POST"]),
            Route("/c/{collection}/structures", pages.structures, methods=["GET"]),
            Route("/c/{collection}/structures", pages.decide_names, methods=["POST"]),
            Route("/c/{collection}/structures/again", pages.name_again, methods=["POST"]),
            Route("/c/{collection}/tracking/{day}", pages.tracking_page),
            Route("/c/{collection}/tracking/{day}/file", pages.tracking_file),
            Route("/c/{collection}/sheets/{sheet}", pages.sheet),
            Route("/c/{collection}/published/{anon}", release_pages.published),
            Route("/c/{collection}/published/{anon}/release", release_pages.release, methods=["POST"]),
            Route("/c/{collection}/published/{anon}/send-back", release_pages.send_back, methods=["POST"]),
            Route("/c/{collection}/published/{anon}/withdraw", release_pages.withdraw, methods=["POST"]),
            Route("/c/{collection}/deliveries", release_pages.deliveries),
            Mount("/static", StaticFiles(packages=[("console", "static")]), name="static"),
        ],
        middleware=[Middleware(Guard, desk=desk, failed=pages.went_wrong)],
        exception_handlers=dict.fromkeys((HTTPException, SettingsWrong, *CIRCUMSTANCES), pages.went_wrong),
    )
    app.state.desk = desk
    app.state.stopping = asyncio.Event()
    app.state.checking_passwords = CapacityLimiter(PASSWORDS_AT_A_TIME)
    app.state.looking = CapacityLimiter(LOOKS_AT_A_TIME)
    return app
