"""Server-sent events that update the changed parts of a page."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio
from anyio import to_thread

from console.auth.middleware import visitor
from services.store.collection import ShareAway
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request

    from console.share_view import Desk

EVERY_S: Final = 0.7
QUIET_S: Final = 15.0
"""Interval of keep-alive lines, which prevent proxies from closing the stream and detect closed connections."""

STUCK_S: Final = 20.0
"""Time limit for reading the share; after it the stream ends and the browser reconnects."""

AGAIN_MS: Final = 2000
"""Delay after which a disconnected browser reconnects."""


class Parts(NamedTuple):
    """The dynamic parts of a page."""

    html: Mapping[str, str]
    """HTML by element ID."""

    lists: Mapping[str, list[str]]
    """The ordered IDs of child elements, by container."""

    said: str = ""
    """Announcement for screen readers."""


async def stream(request: Request, desk: Desk, parts: Callable[[], Parts]) -> AsyncIterator[str]:
    """Send a page's parts as server-sent events, all of them first, while its visitor is logged in.

    The stream ends if the share becomes unavailable; the browser shows this and reconnects.

    WHATWG HTML 9.2, Server-sent events.
    """
    sent, silent_s = Parts({}, {}), 0.0
    yield f"retry: {AGAIN_MS}\n\n"
    while not request.app.state.stopping.is_set() and visitor(desk, request):
        now = await _in_time(request, parts)
        if now is None:
            return
        changed = {
            "html": {name: html for name, html in now.html.items() if sent.html.get(name) != html},
            "lists": {name: ids for name, ids in now.lists.items() if sent.lists.get(name) != ids},
            "said": now.said if now.said != sent.said else "",
        }
        sent = now
        if any(changed.values()):
            yield f"data: {json.dumps(changed, ensure_ascii=False)}\n\n"
            silent_s = 0.0
        elif silent_s >= QUIET_S:
            yield ":\n\n"
            silent_s = 0.0
        silent_s += EVERY_S
        await asyncio.sleep(EVERY_S)


async def _in_time(request: Request, parts: Callable[[], Parts]) -> Parts | None:
    """Return the parts of a page; None if the share is unavailable or does not answer.

    A hanging share blocks the threads that read it. Streams have their own threads, so that pages are still served, and
    threads left behind count: each page reconnects forever, and must not leave another one each time.
    """
    reading = request.app.state.reading

    def read() -> Parts:
        if not reading.acquire(blocking=False):
            raise ShareAway
        try:
            return parts()
        finally:
            reading.release()

    with anyio.move_on_after(STUCK_S), suppress(*CIRCUMSTANCES):
        return await to_thread.run_sync(read, abandon_on_cancel=True, limiter=request.app.state.looking)
    return None
