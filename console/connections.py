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
"""Time limit for a request's head, from the connection or the head's first byte."""

BODY_S: Final = 30.0
"""Time limit for its body of at most 1 MiB, sufficient for a slow hospital network."""

MOST: Final = 500
"""Maximum number of connections."""

MOST_OF_ADDRESS: Final = 250
"""Maximum per address, which all users behind a proxy share; each open page holds one connection."""


class BoundedConnection(H11Protocol):
    """A connection with a deadline for its request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since: float | None = None
        """Start of the current wait on the loop's clock; None while a request is being answered."""
        self._waits_for: object = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Accept the connection if there is room or an incomplete one can be closed."""
        super().connection_made(transport)
        self._follow()
        others = [each for each in self.connections if isinstance(each, BoundedConnection) and each is not self]
        own = [each for each in others if each.client and self.client and each.client[0] == self.client[0]]
        if (len(own) >= MOST_OF_ADDRESS and not _make_room(own)) or (len(others) >= MOST and not _make_room(others)):
            self.abandon()

    def data_received(self, data: bytes) -> None:
        """Pass the data on and update the deadline."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request, for as long as uvicorn keeps idle connections."""
        super().on_response_complete()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._await(None)
        super().connection_lost(exc)

    def abandon(self) -> None:
        """Close the connection at once; the reader of its request gets a disconnect."""
        self._await(None)
        self.connections.discard(self)
        self.transport.abort()

    def _follow(self) -> None:
        """Update the deadline from the state of the protocol. RFC 9112."""
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
    """Close the connection whose request has been incomplete for the longest; return False if there is none."""
    waited_for = [each for each in among if each.waiting_since is not None]
    if not waited_for:
        return False
    min(waited_for, key=lambda each: each.waiting_since or 0.0).abandon()
    return True
