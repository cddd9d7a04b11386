"""Login, logout and the choice of language."""

from __future__ import annotations

import hmac
import math
import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from anyio import to_thread
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console import forms
from console.auth.middleware import cookie, cookie_name
from console.pages.asked import Asked, action, to
from console.translations import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form

LOGIN_TOKEN_BYTES: Final = 32
LOGIN_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""Length of 32 bytes from `secrets.token_urlsafe`."""

log = structlog.get_logger()


def login_page(request: Request) -> Response:
    """Show the login page; logged-in visitors are redirected to the collections."""
    return to("/") if request.state.session else _login(Asked.of(request))


async def login(request: Request) -> Response:
    """Log in a user by password."""
    asked = Asked.of(request)
    name = cookie_name(request, "login")
    try:
        form = await forms.read(request, request.cookies.get(name, ""))
    except HTTPException as refused:
        if refused.status_code != HTTPStatus.FORBIDDEN:
            raise
        return _login(asked, "login.stale", HTTPStatus.FORBIDDEN)
    user, place = form["user"].strip(), request.client.host if request.client else ""
    if wait_s := asked.desk.throttle.admit(user, place):
        return await run_in_threadpool(_wait, asked, user, wait_s)
    checking = request.app.state.checking_passwords
    return await to_thread.run_sync(_log_in, asked, user, place, form["password"], limiter=checking)


def _log_in(asked: Asked, user: str, place: str, password: str) -> Response:
    desk = asked.desk
    if desk.users is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    if not desk.users.check(user, password):
        if wait_s := desk.throttle.pause_s(user, place):
            return _wait(asked, user, wait_s)
        log.warning("console.login_failed", user=_known(asked, user))
        return _login(asked, "login.wrong", HTTPStatus.FORBIDDEN)
    desk.throttle.succeeded(user, place)
    known = desk.users.find(user)
    return _welcome(asked, user, known.kept) if known else _login(asked, "login.wrong", HTTPStatus.FORBIDDEN)


def _wait(asked: Asked, user: str, wait_s: float) -> Response:
    """Refuse a login after too many attempts, whether or not the user exists."""
    log.warning("console.login_throttled", user=_known(asked, user))
    answer = _login(asked, "login.wait", HTTPStatus.TOO_MANY_REQUESTS, span=asked.texts.lasting(wait_s))
    answer.headers["Retry-After"] = str(math.ceil(wait_s))
    return answer


def _known(asked: Asked, user: str) -> str:
    """Return an existing user's name for the log; other input may be a password and is not logged."""
    return user if asked.desk.users and asked.desk.users.knows(user) else ""


def enter(request: Request) -> Response:
    """Log in by the link printed on the terminal."""
    asked = Asked.of(request)
    key = asked.desk.key
    given = request.query_params.get("key", "")
    if key is None or not hmac.compare_digest(given.encode(), key.encode()):
        log.warning("console.login_failed", user="")
        return _login(asked, status=HTTPStatus.FORBIDDEN)
    return _welcome(asked, "me")


def _welcome(asked: Asked, user: str, kept: str = "") -> Response:
    if old := asked.request.state.session:
        asked.desk.sessions.end(old)
    session = asked.desk.sessions.begin(user, kept)
    asked.request.state.session = session
    asked.did("logged_in")
    answer = to("/")
    answer.headers.append("Set-Cookie", cookie(asked.request, session.token))
    return answer


def _login(asked: Asked, wrong: str = "", status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Return the login page, with its own CSRF token against cross-site logins."""
    name = cookie_name(asked.request, "login")
    kept = asked.request.cookies.get(name, "")
    is_ours = LOGIN_TOKEN.fullmatch(kept) is not None
    token = kept if is_ours else secrets.token_urlsafe(LOGIN_TOKEN_BYTES)
    answer = asked.page("login.html", status, token=token, wrong=wrong and asked.texts(wrong, **values))
    if not is_ours:  # input from a browser must not be copied into a header
        secure = "; Secure" if name.startswith("__Host-") else ""
        answer.headers.append("Set-Cookie", f"{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}")
    return answer


@action
def logout(asked: Asked, _form: Form) -> Response:
    """Log out."""
    asked.did("logged_out")
    asked.desk.sessions.end(asked.session)
    answer = to("/login")
    answer.headers.append("Set-Cookie", cookie(asked.request, "", ended=True))
    return answer


def language(request: Request) -> Response:
    """Change the language and return to the previous page."""
    wanted, back = request.path_params["language"], request.query_params.get("back", "/")
    if wanted not in LANGUAGES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    answer = to(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")
    answer.set_cookie("language", wanted, max_age=365 * 86_400, httponly=True, samesite="strict")
    return answer
