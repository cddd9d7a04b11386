"""Access control, security headers, and a log line for each request.

Pages show folder names, which are often patients' names: without a login only the login page is served.
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
"""Addresses served without a login; they reveal nothing about any set."""

FOR_ALL: Final = ("/login", "/logout")
"""Forms that every user may send; all others change something."""

LIVE: Final = "/events"
"""Suffixes of automatically updated addresses, which do not count as user activity."""

GONE: Final = 499
"""Status logged if a connection ended before its form was complete; never sent in a response."""

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
"""Default headers of every response."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger()


class Guard:
    """Middleware in front of all pages.

    Parameters
    ----------
    failed
        Returns the page for unexpected errors.
    """

    def __init__(self, app: ASGIApp, desk: Desk, failed: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._desk = desk
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request or pass it on."""
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

        answer = self._reject(request, session)
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

    def _reject(self, request: Request, session: Session | None) -> Response | None:
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
    """Return the visitor's session with current roles, if logged in; a user named by a proxy must match."""
    session = desk.sessions.of(request.cookies.get(cookie_name(request)), touch=not request.url.path.endswith(LIVE))
    if session and desk.settings.console_proxy and session.user != _by_proxy(desk, request):
        return None
    return session if session and _renew(desk, session) else None


def _renew(desk: Desk, session: Session) -> bool:
    """Update a session's roles; end it and return False if its user was removed or has a new password."""
    user = desk.users.find(session.user) if desk.users else None
    if session.kept and (user is None or user.kept != session.kept):
        desk.sessions.end(session)
        return False
    session.roles = user.roles if user else ALL
    return True


def cookie(request: Request, token: str, *, ended: bool = False) -> str:
    """Return the header that sets or deletes the session cookie."""
    return (
        f"{cookie_name(request)}={token}; Path=/; HttpOnly; SameSite=Strict"
        + ("" if _is_plain_loopback(request) else "; Secure")
        + ("; Max-Age=0" if ended else "")
    )


def cookie_name(request: Request, of: str = "console") -> str:
    """Return a cookie name that no other host can set; on localhost, that no other console there uses.

    RFC 6265bis 4.1.3.2, the prefix `__Host-`.
    """
    return f"{of}-{request.url.port}" if _is_plain_loopback(request) else f"__Host-{of}"


def _is_plain_loopback(request: Request) -> bool:
    """Return whether the browser uses plain HTTP on this machine, where some send no `Secure` cookie."""
    return request.url.scheme == "http" and request.url.hostname in _LOOPBACK


def _is_from_elsewhere(request: Request) -> bool:
    """Return whether the browser reports a cross-site request; the form's token is a second check."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site != "same-origin"
    return origin is not None and origin.partition("://")[2] != request.headers.get("host")


def _by_proxy(desk: Desk, request: Request) -> str | None:
    """Return the user named by the trusted proxy; other senders are ignored."""
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
    """Log a request by its function's name, because addresses may contain arbitrary input."""
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
