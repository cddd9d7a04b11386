"""What changes on a page is sent to it: only those of its parts that are not as they were."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio
from anyio import to_thread

from console.auth.middleware import visitor
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request

    from console.share_view import Desk

EVERY_S: Final = 0.7
QUIET_S: Final = 15.0
"""So often a line goes out even when nothing changes: proxies close what is silent, and who has gone is noticed."""

STUCK_S: Final = 20.0
"""So long a share may take for one look: then the stream ends, and the browser says that it tries again."""

AGAIN_MS: Final = 2000
"""So soon a browser asks again when it was cut off."""


class Parts(NamedTuple):
    """The living parts of a page."""

    html: Mapping[str, str]
    """By the id of the element that each is."""

    lists: Mapping[str, list[str]]
    """The ids of the elements inside others, in their order."""

    said: str = ""
    """What is told to those who listen instead of looking."""


async def stream(request: Request, desk: Desk, parts: Callable[[], Parts]) -> AsyncIterator[str]:
    """Send a page's parts as server-sent events, first all of them, as long as its visitor is logged in.

    It ends when the share goes away: the browser tells its reader so, and asks again.

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
    """Make the parts of a page; None when the share is away, or does not answer.

    A share that hangs holds the threads that look at it. Streams have some of their own, so that pages still come.
    """
    with anyio.move_on_after(STUCK_S), suppress(*CIRCUMSTANCES):
        return await to_thread.run_sync(parts, abandon_on_cancel=True, limiter=request.app.state.looking)
    return None
