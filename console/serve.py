"""The web server of the console."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from console.app import make_app
from console.connections import BoundedConnection
from services.errors import SettingsWrong
from services.runtime import heartbeat, metrics, stop_signals
from services.runtime.settings import Address
from worker.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from starlette.applications import Starlette

    from console.share_view import Desk

HERE: Final = Address("127.0.0.1", 8765)
"""Default address: this machine only."""

GRACE_S: Final = 3
SIGN_S: Final = 5.0


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Disable uvicorn's signal handlers, which would end the process without cleanup."""
        yield


def serve(desk: Desk, ready: Callable[[], None]) -> None:
    """Serve until asked to stop.

    Parameters
    ----------
    ready
        Called when the server accepts requests.

    Raises
    ------
    SettingsWrong
        The address is not available.
    """
    app = make_app(desk)
    server = _Server(config(app))

    def stop() -> None:
        server.should_exit = True
        app.state.stopping.set()  # event streams would never end

    async def run(listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        stop_signals.on_request(lambda: loop.call_soon_threadsafe(stop))
        living = asyncio.create_task(_write_heartbeat(desk))
        ready()
        await server.serve([listening])
        living.cancel()

    with _listen(desk.settings.console or HERE) as listening:
        try:
            asyncio.run(run(listening))
        finally:
            desk.clear()


def config(app: Starlette) -> uvicorn.Config:
    """Return the server configuration, without uvicorn's own headers, access log and proxy handling."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        log_config=None,
        access_log=False,  # its lines contain raw addresses; the middleware logs requests
        server_header=False,
        proxy_headers=False,  # trusted proxies are handled by the middleware
        forwarded_allow_ips="",
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",
        ws="none",
    )


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise SettingsWrong(
            f"The console cannot be served at {address.host}:{address.port} ({why}). Set ANONYMIZER_CONSOLE to another "
            "address, such as 127.0.0.1:8766."
        ) from None


async def _write_heartbeat(desk: Desk) -> None:
    client = connect(desk.settings) if desk.settings.redis_url else None
    try:
        while desk.settings.health is not None or client is not None:
            if desk.settings.health is not None:
                await asyncio.to_thread(heartbeat.write, desk.settings.health, heartbeat.CONSOLE)
            if client is not None:
                await asyncio.to_thread(metrics.heard, client, heartbeat.CONSOLE)
            await asyncio.sleep(SIGN_S)
    finally:
        if client is not None:
            metrics.ended(client, heartbeat.CONSOLE)
