"""What changes on a page is sent to it: only those of its parts that are not as they were."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.concurrency import run_in_threadpool

from console.auth.middleware import visitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request

    from console.share_view import Desk

EVERY_S: Final = 0.7
QUIET_S: Final = 15.0
"""So often a line goes out even when nothing changes: proxies close what is silent, and who has gone is noticed."""

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

    WHATWG HTML 9.2, Server-sent events.
    """
    sent, silent_s = Parts({}, {}), 0.0
    yield f"retry: {AGAIN_MS}\n\n"
    while not request.app.state.stopping.is_set() and visitor(desk, request):
        now = await run_in_threadpool(parts)
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
