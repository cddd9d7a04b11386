"""Who may see a page, what a page may do in the browser, and a line in the log for each that was asked for.

Folder names are shown, and they are often patients' names: without a login there is nothing but the login.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from console.auth.roles import ALL, START, NotAllowed
from console.auth.users import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from console.auth.sessions import Session
    from console.share_view import Desk

OPEN: Final = ("/login", "/enter", "/static/", "/language/")
"""What is shown to everybody: it says nothing of any set."""

FOR_ALL: Final = ("/login", "/logout")
"""Forms that everybody may send; any other one changes something."""

LIVE: Final = "/events"
"""How addresses end behind which progress comes by itself: nobody need sit before it."""

GONE: Final = 499
"""Noted where a visitor was cut off, or left, before their form had come: no answer has this status."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Of every answer that does not say otherwise itself."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger()


class Guard:
    """Stands before all pages.

    Parameters
    ----------
    failed
        Makes the page that is shown for what nobody foresaw.
    """

    def __init__(self, app: ASGIApp, desk: Desk, failed: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._desk = desk
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, began, status = Request(scope), time.monotonic(), 0
        session = visitor(self._desk, request)
        is_new = False
        if session is None and (user := _by_proxy(self._desk, request)):
            session, is_new = self._desk.sessions.begin(user), True
            _renew(self._desk, session)
        request.state.session = session

        async def finish(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if is_new and session:
                    headers.append("Set-Cookie", cookie(request, session.token))
            await send(message)

        answer = self._turned_away(request, session)
        try:
            await (answer or self._app)(scope, receive, finish)
        except ClientDisconnect:
            status = GONE
        except Exception as error:
            if status:
                raise
            await self._failed(request, error)(scope, receive, finish)
        finally:
            _note(request, session, status, time.monotonic() - began)

    def _turned_away(self, request: Request, session: Session | None) -> Response | None:
        if request.method == "POST" and _is_from_elsewhere(request):
            return PlainTextResponse("This form is not from this page.", HTTPStatus.FORBIDDEN)
        if session and request.method == "POST" and request.url.path not in FOR_ALL and not session.may(START):
            return self._failed(request, NotAllowed())
        if session or request.url.path.startswith(OPEN):
            return None
        if request.method != "GET" or request.url.path.endswith(LIVE):
            return self._failed(request, HTTPException(HTTPStatus.UNAUTHORIZED))
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)


def visitor(desk: Desk, request: Request) -> Session | None:
    """Return who asks, if they are logged in, with the roles of now; where a proxy says who it is, it must be they."""
    session = desk.sessions.of(request.cookies.get(cookie_name(request)), touch=not request.url.path.endswith(LIVE))
    if session and desk.settings.console_proxy and session.user != _by_proxy(desk, request):
        return None
    return session if session and _renew(desk, session) else None


def _renew(desk: Desk, session: Session) -> bool:
    """Bring a session's roles up to date; end it, and return false, where its user is gone or has another password."""
    user = desk.users.find(session.user) if desk.users else None
    if session.kept and (user is None or user.kept != session.kept):
        desk.sessions.end(session)
        return False
    session.roles = user.roles if user else ALL
    return True


def cookie(request: Request, token: str, *, ended: bool = False) -> str:
    """Write the header that gives a session's token to the browser, or takes it away."""
    return (
        f"{cookie_name(request)}={token}; Path=/; HttpOnly; SameSite=Strict"
        + ("" if _is_plain_loopback(request) else "; Secure")
        + ("; Max-Age=0" if ended else "")
    )


def cookie_name(request: Request, of: str = "console") -> str:
    """Name a cookie so that no other host can set it; on a laptop, so that no other console there does.

    RFC 6265bis 4.1.3.2, the prefix `__Host-`.
    """
    return f"{of}-{request.url.port}" if _is_plain_loopback(request) else f"__Host-{of}"


def _is_plain_loopback(request: Request) -> bool:
    """Return whether the browser is on this very machine and speaks plain HTTP: some send no `Secure` cookie there."""
    return request.url.scheme == "http" and request.url.hostname in _LOOPBACK


def _is_from_elsewhere(request: Request) -> bool:
    """Return whether the browser says that another site sends this form. Its token says it once more."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site != "same-origin"
    return origin is not None and origin.partition("://")[2] != request.headers.get("host")


def _by_proxy(desk: Desk, request: Request) -> str | None:
    """Return the user that the trusted proxy names; nobody else is believed."""
    proxy = desk.settings.console_proxy
    if proxy is None or request.client is None:
        return None
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return None
    user = request.headers.get(proxy.header, "")
    believed = any(address in network for network in proxy.networks)
    return user if believed and NAME.fullmatch(user) else None


def _note(request: Request, session: Session | None, status: int, seconds: float) -> None:
    """Write that a page was asked for: by its function's name, for an address may be anything that somebody typed."""
    endpoint = request.scope.get("endpoint")
    given = request.scope.get("path_params", {})
    log.info(
        "console.asked",
        page=getattr(endpoint, "__name__", type(endpoint).__name__ if endpoint else ""),
        method=request.method if request.method in {"GET", "HEAD", "POST"} else "other",
        status=status,
        seconds=round(seconds, 3),
        user=session.user if session else "",
        collection=given.get("collection") if endpoint else None,
        set=given.get("locator") if endpoint else None,
    )
