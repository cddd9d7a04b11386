"""Connections with a time limit for their request, so that half-sent requests cannot keep others out.

uvicorn waits indefinitely for the rest of a head or a body, and counts such connections towards its limit. Here both
have a deadline, and where there are too many connections, those whose request is incomplete are closed first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

HEAD_S: Final = 10.0
"""For a request's head, from the connection or the head's first byte on."""

BODY_S: Final = 30.0
"""For its body, at most a mebibyte: over the slowest line that a hospital has."""

MOST: Final = 500
"""Connections at a time."""

MOST_OF_ADDRESS: Final = 250
"""Of one address. Behind a proxy everybody has the same; each open page holds one connection."""


class BoundedConnection(H11Protocol):
    """One connection, with a time for its request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since: float | None = None
        """When what is still waited for began, by the loop's clock; None while a request is being answered."""
        self._waits_for: object = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Accept the connection, if there is room or room can be made."""
        super().connection_made(transport)
        self._follow()
        others = [each for each in self.connections if isinstance(each, BoundedConnection) and each is not self]
        own = [each for each in others if each.client and self.client and each.client[0] == self.client[0]]
        if (len(own) >= MOST_OF_ADDRESS and not _make_room(own)) or (len(others) >= MOST and not _make_room(others)):
            self.abandon()

    def data_received(self, data: bytes) -> None:
        """Pass the data on, and update the deadline."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request, as long as uvicorn lets an idle connection live."""
        super().on_response_complete()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._await(None)
        super().connection_lost(exc)

    def abandon(self) -> None:
        """End the connection at once; whoever reads its request is told that it was cut off."""
        self._await(None)
        self.connections.discard(self)
        self.transport.abort()

    def _follow(self) -> None:
        """Note what is waited for, as the state of the protocol says. RFC 9112."""
        if self.transport.is_closing():
            self._await(None)
        elif self.conn.their_state is h11.SEND_BODY:
            self._await("body", BODY_S)
        elif self.conn.their_state is h11.IDLE:
            self._await("head", HEAD_S)
        else:
            self._await(None)

    def _await(self, what: str | None, for_s: float = 0.0) -> None:
        if what is not None and what == self._waits_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._waits_for = what
        self.waiting_since = self.loop.time() if what else None
        self._timer = self.loop.call_later(for_s, self.abandon) if what else None


def _make_room(among: Iterable[BoundedConnection]) -> bool:
    """End the connection whose request has been waited for the longest; false where none is waited for."""
    waited_for = [each for each in among if each.waiting_since is not None]
    if not waited_for:
        return False
    min(waited_for, key=lambda each: each.waiting_since or 0.0).abandon()
    return True
