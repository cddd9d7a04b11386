"""Requests and responses common to all pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Match

from console import forms
from console.auth.roles import NotAllowed
from console.events import Parts, stream
from console.pages import templates
from console.translations import Texts
from services.errors import SettingsWrong
from services.language import spoken
from services.layout import STATE_NAME
from services.runtime import audit
from services.store.collection import Collection, ShareAway
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from console.auth.sessions import Session
    from console.collection_view import Board
    from console.forms import Form
    from console.share_view import Desk
    from watcher.status.rows import Row

    Act = Callable[["Asked", Form], Response]
    """What a form does."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with the data that every page needs."""

    request: Request
    desk: Desk
    texts: Texts

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Return the wrapper of a request."""
        return cls(request, request.app.state.desk, Texts(spoken()))

    @property
    def session(self) -> Session:
        """Return the session, which the middleware guarantees."""
        session: Session | None = self.request.state.session
        if session is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        return session

    def needs(self, role: str) -> None:
        """Raise if the visitor lacks a role.

        Raises
        ------
        NotAllowed
            The role does not permit it.
        """
        if not self.session.may(role):
            raise NotAllowed

    @property
    def board(self) -> Board:
        """Return the requested collection.

        Raises
        ------
        HTTPException
            There is no such collection.
        SettingsWrong, OSError
            There are two of them, or the share is unavailable, like an empty mount point.
        """
        try:
            return self.desk.board(self.collection_id)
        except ShareAway:
            if self.desk.share.roots():
                raise HTTPException(HTTPStatus.NOT_FOUND) from None
            raise

    @property
    def collection_id(self) -> str:
        """Return the ID of the requested collection."""
        its_id: str = self.request.path_params["collection"]
        return its_id

    @property
    def collection(self) -> Collection:
        """Return the requested collection, read from the share without changing it."""
        return Collection.look(self.board.root)

    def open_collection(self) -> Collection:
        """Return the requested collection, to change it."""
        return Collection.open(self.board.root)

    @property
    def row(self) -> Row:
        """Return the state of the requested set."""
        found = self.board.row(self.request.path_params["locator"])
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    def _report_language(self) -> str:
        """Return the language of what the program reports about sets: that of their collection."""
        its_id = self.request.path_params.get("collection")
        return self.desk.language_of(its_id) if its_id else self.texts.language

    def _page(self) -> str:
        """Return the address of this page, also where it answers a form that was sent to an address without a page."""
        if self.request.method == "GET":
            return str(self.request.url.replace(scheme="", netloc=""))
        scope = {**self.request.scope, "method": "GET", "path": self.request.url.path}
        while not any(route.matches(scope)[0] is Match.FULL for route in self.request.app.routes):
            scope["path"] = scope["path"].rpartition("/")[0] or "/"
        return str(scope["path"])

    def render(self, template: str, **values: Any) -> str:
        """Render a page or a part of one."""
        text = templates.of_name(template).render(
            t=self.texts,
            session=self.request.state.session,
            path=self.request.url.path,
            back=self._page(),
            desk=self.desk,
            report_language=self._report_language(),
            **values,
        )
        return readable(text)

    def page(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
        """Return a page as the response."""
        return HTMLResponse(self.render(template, **values), status)

    def did(self, what: str, **values: Any) -> None:
        """Record an action in the log and in the collection's audit trail, never with the name of a folder or patient.

        An action is not undone if it cannot be recorded; the failure is logged as an error.
        """
        event = f"console.{what}"
        log.info(event, user=self.session.user, **values)
        its_id = values.pop("collection", "")
        try:
            roots = [self.desk.share.find(its_id)] if its_id else self.desk.share.roots()
            for root in roots:
                audit.note(root / STATE_NAME, what.replace("_", " "), user=self.session.user, by="page", **values)
        except (SettingsWrong, OSError) as error:
            log.error("audit.failed", error=type(error).__name__)  # noqa: TRY400 - its text may hold a path


def readable(text: str) -> str:
    r"""Return a text encodable in UTF-8: bytes of a name that are not UTF-8 become `\xfc`.

    Python represents them as lone surrogates (PEP 383), which cannot be encoded.
    """
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def action(do: Act) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that processes forms with a valid CSRF token."""

    @wraps(do)
    async def endpoint(request: Request) -> Response:
        asked = Asked.of(request)
        form = await forms.read(request, asked.session.csrf)
        return await run_in_threadpool(do, asked, form)

    return endpoint


def or_again(page: Callable[[Asked, int, str], Response], status: int = HTTPStatus.CONFLICT) -> Callable[[Act], Act]:
    """Return a decorator that answers an action that is impossible at the moment with its page and the reason."""

    def decorate(do: Act) -> Act:
        @wraps(do)
        def tried(asked: Asked, form: Form) -> Response:
            try:
                return do(asked, form)
            except CIRCUMSTANCES as wrong:
                return page(asked, status, words_of(wrong))

        return tried

    return decorate


def to(path: str) -> RedirectResponse:
    """Redirect to a page after a form was processed."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def went_wrong(request: Request, error: Exception) -> Response:
    """Return the error page; for unexpected errors without details."""
    asked = Asked.of(request)
    if isinstance(error, NotAllowed):
        return asked.page("error.html", error.status_code, code="role", why="")
    if isinstance(error, HTTPException):
        return asked.page("error.html", error.status_code, code=str(int(error.status_code)), why="")
    if isinstance(error, CIRCUMSTANCES):
        return asked.page("error.html", HTTPStatus.SERVICE_UNAVAILABLE, code="503", why=words_of(error))
    log.error("console.failed", exc_info=error)
    return asked.page("error.html", HTTPStatus.INTERNAL_SERVER_ERROR, code="500", why="")


def live(asked: Asked, parts: Callable[[], Parts]) -> Response:
    """Return the event stream of changes in the parts of a page."""

    def there() -> Parts:
        try:
            return parts()
        except HTTPException:  # the collection or share is unavailable: the stream ends and the browser reconnects
            raise ShareAway from None

    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(asked.request, asked.desk, there), media_type="text/event-stream", headers=headers)
