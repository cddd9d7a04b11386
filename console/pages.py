"""The pages, one function each; what they do to sets is done by a collection's board."""

from __future__ import annotations

import csv
import hmac
import math
import re
import secrets
from dataclasses import dataclass
from functools import cache, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import jinja2
import structlog
from anyio import to_thread
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from console import forms
from console.auth.middleware import cookie, cookie_name
from console.events import Parts, stream
from console.forms import NEW_FOLDER, NewCollection
from console.translations import LANGUAGES, Texts, catalogue, chosen
from services.errors import SettingsWrong
from services.forms.collection_form import BY_HAND
from services.layout import STATE_NAME
from services.machines.descriptor import KEEP
from services.rtset.reader import CT, DOSE, PLAN, STRUCTURE_SET
from services.rtset.references import CONTOURS_CT, DOSE_PLAN, FRAME, LINKS, PLAN_STRUCTURE_SET
from services.runtime import audit
from services.store.collection import ShareAway
from services.store.records import folder_name
from services.store.set_state import SetState
from services.store.tracking_lines import file_name
from services.vocabulary.structure_names import EDITION as NOMENCLATURE
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from console.auth.sessions import Session
    from console.collection_view import Board, Look
    from console.forms import Form
    from console.share_view import Desk
    from console.structure_view import Namer
    from services.forms.structure_list import State as NameState

CHAIN: Final = ((DOSE, DOSE_PLAN), (PLAN, PLAN_STRUCTURE_SET), (STRUCTURE_SET, CONTOURS_CT), (CT, None))
"""Each object of a set with the link that goes on from it."""

SHOWN_DONE: Final = 25
"""Anonymized sets on a page, unless all are asked for."""

LOGIN_TOKEN_BYTES: Final = 32
LOGIN_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""So `secrets.token_urlsafe` writes 32 bytes."""

SHEET_HEADERS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
"""A sheet is a page of its own, made of published data: it may look like something, and do nothing. It is shown within
the page on which a person releases its set."""

log = structlog.get_logger()


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        languages=LANGUAGES,
        chain=CHAIN,
        link_names=LINKS,
        frame=FRAME,
        keep=KEEP,
        by_hand=BY_HAND,
        new_folder=NEW_FOLDER,
        folder_name=folder_name,
        fault_key=_fault_key,
    )
    return environment


def _fault_key(code: str) -> str:
    """Find what a fault is called; the machine's have a word for all of them."""
    return "machine-other" if code.startswith("machine-") and f"fault.{code}" not in catalogue() else code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, with what every page needs of it."""

    request: Request
    desk: Desk
    texts: Texts

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Look at a request."""
        language = chosen(request.cookies.get("language"), request.headers.get("accept-language", ""))
        return cls(request, request.app.state.desk, Texts(language))

    @property
    def session(self) -> Session:
        """Whoever asks; the guard has let nobody else in."""
        session: Session | None = self.request.state.session
        if session is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        return session

    @property
    def board(self) -> Board:
        """The collection that is asked for."""
        try:
            return self.desk.board(self.request.path_params["collection"])
        except (SettingsWrong, OSError):
            raise HTTPException(HTTPStatus.NOT_FOUND) from None

    def render(self, template: str, **values: Any) -> str:
        """Make a page, or a part of one."""
        text = (
            _templates()
            .get_template(template)
            .render(
                t=self.texts,
                session=self.request.state.session,
                path=self.request.url.path,
                desk=self.desk,
                **values,
            )
        )
        return readable(text)

    def page(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
        """Answer with a page."""
        return HTMLResponse(self.render(template, **values), status)

    def did(self, what: str, **values: Any) -> None:
        """Write down who did what, in the log and in the collection's audit: never with a name of a folder or patient.

        An act that is done is not undone because it could not be written down: the log says so, loudly.
        """
        event = f"console.{what}"
        log.info(event, user=self.session.user, **values)
        its_id = values.pop("collection", "")
        try:
            roots = [self.desk.share.find(its_id)] if its_id else self.desk.share.roots()
            for root in roots:
                audit.note(root / STATE_NAME, what.replace("_", " "), user=self.session.user, by="page", **values)
        except (SettingsWrong, OSError) as error:
            log.error("audit.failed", kind=type(error).__name__)  # noqa: TRY400 - its text may hold a path


def readable(text: str) -> str:
    r"""Return a text that UTF-8 can hold: bytes of a name that are no UTF-8 become `\xfc`.

    PEP 383: Python keeps them as lone surrogates, which no page can be written with.
    """
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def action(do: Callable[[Asked, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of what a form asks for: only forms of this visitor's own pages get through."""

    @wraps(do)
    async def endpoint(request: Request) -> Response:
        asked = Asked.of(request)
        form = await forms.read(request, asked.session.csrf)
        return await run_in_threadpool(do, asked, form)

    return endpoint


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


# Who is there


def login_page(request: Request) -> Response:
    """Ask who is there; whoever comes back here and is logged in goes on to the collections."""
    return _to("/") if request.state.session else _login(Asked.of(request))


async def login(request: Request) -> Response:
    """Let somebody in who knows their password."""
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
    return _welcome(asked, user)


def _wait(asked: Asked, user: str, wait_s: float) -> Response:
    """Turn somebody away who tried too often, whether or not there is such a user."""
    log.warning("console.login_throttled", user=_known(asked, user))
    answer = _login(asked, "login.wait", HTTPStatus.TOO_MANY_REQUESTS, span=asked.texts.lasting(wait_s))
    answer.headers["Retry-After"] = str(math.ceil(wait_s))
    return answer


def _known(asked: Asked, user: str) -> str:
    """Return a user's name for the log; what else somebody typed may be a password, and is not logged."""
    return user if asked.desk.users and asked.desk.users.knows(user) else ""


def enter(request: Request) -> Response:
    """Let somebody in who has the link that was printed at the terminal."""
    asked = Asked.of(request)
    key = asked.desk.key
    given = request.query_params.get("key", "")
    if key is None or not hmac.compare_digest(given.encode(), key.encode()):
        log.warning("console.login_failed", user="")
        return _login(asked, status=HTTPStatus.FORBIDDEN)
    return _welcome(asked, "me")


def _welcome(asked: Asked, user: str) -> Response:
    if old := asked.request.state.session:
        asked.desk.sessions.end(old)
    session = asked.desk.sessions.begin(user)
    asked.request.state.session = session
    asked.did("logged_in")
    answer = _to("/")
    answer.headers.append("Set-Cookie", cookie(asked.request, session.token))
    return answer


def _login(asked: Asked, wrong: str = "", status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Show the login, with a token of its own: nobody is to be logged in by another site's form."""
    name = cookie_name(asked.request, "login")
    kept = asked.request.cookies.get(name, "")
    is_ours = LOGIN_TOKEN.fullmatch(kept) is not None
    token = kept if is_ours else secrets.token_urlsafe(LOGIN_TOKEN_BYTES)
    answer = asked.page("login.html", status, token=token, wrong=wrong and asked.texts(wrong, **values))
    if not is_ours:  # what a browser sent goes into no header
        secure = "; Secure" if name.startswith("__Host-") else ""
        answer.headers.append("Set-Cookie", f"{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}")
    return answer


@action
def logout(asked: Asked, _form: Form) -> Response:
    """Log out."""
    asked.did("logged_out")
    asked.desk.sessions.end(asked.session)
    answer = _to("/login")
    answer.headers.append("Set-Cookie", cookie(asked.request, "", ended=True))
    return answer


def language(request: Request) -> Response:
    """Speak another language from now on, and go back to where one was."""
    wanted, back = request.path_params["language"], request.query_params.get("back", "/")
    if wanted not in LANGUAGES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    answer = _to(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")
    answer.set_cookie("language", wanted, max_age=365 * 86_400, httponly=True, samesite="strict")
    return answer


# Collections


def collections(request: Request) -> Response:
    """List the collections of the share."""
    asked = Asked.of(request)
    if asked.desk.is_one_collection and len(places := asked.desk.places()) == 1 and places[0].id:
        return _to(f"/c/{places[0].id}")
    return asked.page("collections.html", overview=_overview(asked))


def collections_events(request: Request) -> Response:
    """Send what changes in the list."""
    asked = Asked.of(request)
    return _live(
        asked, lambda: Parts({"collections": asked.render("collections_list.html", overview=_overview(asked))}, {})
    )


def _overview(asked: Asked) -> dict[str, Any]:
    try:
        places = asked.desk.places()
        looks = [(place, asked.desk.board(place.id).look() if place.id else None) for place in places]
    except (SettingsWrong, *CIRCUMSTANCES):
        return {"away": True, "looks": []}
    return {"away": False, "looks": looks}


def new_page(request: Request) -> Response:
    """Show the form of a new collection."""
    asked = Asked.of(request)
    return _new(asked, NewCollection.empty(asked.desk))


@action
def new_preview(asked: Asked, form: Form) -> Response:
    """Show whom the first set would become."""
    filled = NewCollection.of(form, asked.desk)
    return asked.page("preview.html", filled=filled, same=_same(asked, filled))


@action
def new(asked: Asked, form: Form) -> Response:
    """Make a collection."""
    filled = NewCollection.of(form, asked.desk)
    if filled.wrong or filled.identity is None or filled.options is None:
        return _new(asked, filled, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        made = asked.desk.create(filled.folder, filled.identity, filled.options)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _new(asked, filled, HTTPStatus.UNPROCESSABLE_ENTITY, words_of(wrong))
    asked.did("collection_made", collection=made.id)
    return _to(f"/c/{made.id}")


def _new(asked: Asked, filled: NewCollection, status: int = HTTPStatus.OK, failed: str = "") -> Response:
    return asked.page(
        "new.html",
        status,
        filled=filled,
        failed=failed,
        same=_same(asked, filled),
        folders=asked.desk.folders_offered(),
        machines=asked.desk.machine_names(),
    )


def _same(asked: Asked, filled: NewCollection) -> list[tuple[str, int]]:
    return asked.desk.same_patient_ids(filled.identity.patient_id) if filled.identity else []


# One collection


def collection(request: Request) -> Response:
    """Show a collection: its sets, what can be done with them, and what was made of them."""
    asked = Asked.of(request)
    return _collection(asked)


def collection_events(request: Request) -> Response:
    """Send what changes in a collection."""
    asked = Asked.of(request)

    def parts() -> Parts:
        try:
            return _parts(asked, asked.board)
        except HTTPException:  # the collection, or the share, is away: the stream ends, and the browser asks again
            raise ShareAway from None

    return _live(asked, parts)


def _collection(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board = asked.board
    look = board.look()
    return asked.page(
        "collection.html",
        status,
        parts=_parts(asked, board),
        look=look,
        hospitals=look.hospitals,
        hospital=asked.request.query_params.get("hospital", ""),
        collection=asked.request.path_params["collection"],
        every="all" in asked.request.query_params,
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


def _parts(asked: Asked, board: Board) -> Parts:
    """Make the living parts of a collection's page."""
    hospital = asked.request.query_params.get("hospital", "")
    look = board.look().of_hospital(hospital) if hospital else board.look()
    here = {
        "look": look,
        "collection": asked.request.path_params["collection"],
        "name": asked.desk.name_of(board.root),
        "csrf": asked.session.csrf,
    }
    lines = [line for line in look.lines if not _is_no_set(line.row.state, line.judgement)]
    every = "all" in asked.request.query_params
    done = look.done if every else look.done[:SHOWN_DONE]
    sheets = board.sheets()
    html = {
        "state": asked.render("state.html", lines=lines, **here),
        "sets-none": asked.render("sets_none.html", lines=lines, **here),
        "done-more": asked.render("done_more.html", shown=len(done), **here),
        "files": asked.render("files.html", days=board.tracking_days(), sheets=sheets, **here),
        **{f"set-{line.row.locator}": asked.render("set.html", line=line, **here) for line in lines},
        **{f"done-{row.locator}": asked.render("done.html", row=row, sheets=sheets, **here) for row in done},
    }
    lists = {
        "sets": [f"set-{line.row.locator}" for line in lines],
        "done": [f"done-{row.locator}" for row in done],
    }
    return Parts(html, lists, _said(asked, look))


def _is_no_set(state: SetState, judgement: Any) -> bool:
    return state is SetState.NO_SET or (judgement is not None and judgement.verdict == "no set")


def _said(asked: Asked, look: Look) -> str:
    """Tell those who listen how far it is; no more often than a set is done."""
    now = look.round
    if look.checking or now is None:
        return ""
    if now.over:
        return asked.texts("round.over", count=len(now.members), span=asked.texts.lasting(now.seconds))
    return asked.texts("round.doing", done=now.done, total=len(now.members))


@action
def check(asked: Asked, _form: Form) -> Response:
    """Begin to check the sets."""
    return _do(asked, "checked", lambda board: board.check(), nothing="check.nothing")


@action
def start(asked: Asked, form: Form) -> Response:
    """Have the chosen sets anonymized."""
    return _do(asked, "started", lambda board: board.start(form.all("set")), nothing="start.none")


@action
def try_again(asked: Asked, _form: Form) -> Response:
    """Have a refused or parked set looked at again."""
    locator = asked.request.path_params["locator"]
    return _do(asked, "tried_again", lambda board: int(board.try_again(locator)), nothing="again.none", set=locator)


def _do(asked: Asked, what: str, do: Callable[[Board], int], *, nothing: str, **values: Any) -> Response:
    """Do something with a collection and show it; where nothing could be done, say so."""
    board, its_id = asked.board, asked.request.path_params["collection"]
    try:
        count = do(board)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _collection(asked, HTTPStatus.SERVICE_UNAVAILABLE, words_of(wrong))
    if count == 0:
        return _collection(asked, HTTPStatus.CONFLICT, asked.texts(nothing))
    asked.did(what, collection=its_id, count=count, **values)
    return _to(f"/c/{its_id}")


# Names of structures


def structures(request: Request) -> Response:
    """Show what structures are called, what they might be called, and what nobody has decided."""
    return _names(Asked.of(request))


@action
def decide_names(asked: Asked, form: Form) -> Response:
    """Confirm names, or leave them as they are."""
    state: NameState = "confirmed" if form["state"] == "confirmed" else "ignored"
    names = dict.fromkeys(form.all("source"))
    targets = {name: form[f"target {name}"].strip() if state == "confirmed" else "" for name in names}
    shown = {name: form[key] for name in names if (key := f"was {name}") in form}
    return _do_names(asked, "names_decided", lambda namer: namer.decide(targets, state, shown))


@action
def name_again(asked: Asked, form: Form) -> Response:
    """Have published sets done again, under their own numbers and with the names of now."""
    return _do_names(asked, "sets_again", lambda namer: namer.do_again(dict.fromkeys(form.all("anon"))))


def _do_names(asked: Asked, what: str, do: Callable[[Namer], int]) -> Response:
    its_id = asked.request.path_params["collection"]
    try:
        count = do(asked.board.namer)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _names(asked, HTTPStatus.CONFLICT, words_of(wrong))
    asked.did(what, collection=its_id, count=count)
    return _to(f"/c/{its_id}/structures")


def _names(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board, its_id = asked.board, asked.request.path_params["collection"]
    survey = None
    try:
        survey = board.namer.look()
    except (SettingsWrong, *CIRCUMSTANCES) as unreadable:
        status, wrong = max(status, HTTPStatus.CONFLICT), wrong or words_of(unreadable)
    return asked.page(
        "structures.html",
        status,
        survey=survey,
        wrong=wrong,
        edition=NOMENCLATURE,
        collection=its_id,
        page=f"/c/{its_id}/structures",
        name=asked.desk.name_of(board.root),
    )


# What was made


def tracking_page(request: Request) -> Response:
    """Show a tracking file."""
    asked = Asked.of(request)
    text = _tracking(asked).decode("utf-8-sig", "replace")
    lines = [line for line in csv.reader(text.splitlines(), skipinitialspace=True) if line]
    board = asked.board
    asked.did("tracking_seen", collection=request.path_params["collection"])
    return asked.page(
        "tracking.html",
        day=request.path_params["day"],
        head=lines[0] if lines else [],
        lines=lines[1:],
        collection=request.path_params["collection"],
        name=asked.desk.name_of(board.root),
    )


def tracking_file(request: Request) -> Response:
    """Download a tracking file, as it is."""
    asked = Asked.of(request)
    data = _tracking(asked)
    asked.did("tracking_downloaded", collection=request.path_params["collection"])
    name = file_name(request.path_params["day"])
    return Response(
        data, media_type="text/plain; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _tracking(asked: Asked) -> bytes:
    data = asked.board.tracking_file(asked.request.path_params["day"])
    if data is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return data


def sheet(request: Request) -> Response:
    """Show the sheet of a published set, or the report of all."""
    asked = Asked.of(request)
    data = asked.board.sheet(request.path_params["sheet"])
    if data is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    asked.did("sheet_seen", collection=request.path_params["collection"], anon=request.path_params["sheet"])
    return Response(data, media_type="text/html; charset=utf-8", headers=SHEET_HEADERS)


# When it does not work


def went_wrong(request: Request, error: Exception) -> Response:
    """Say what is the matter: for what we did not foresee, only that it is."""
    asked = Asked.of(request)
    if isinstance(error, HTTPException):
        return asked.page("error.html", error.status_code, code=str(int(error.status_code)), why="")
    if isinstance(error, (SettingsWrong, *CIRCUMSTANCES)):
        return asked.page("error.html", HTTPStatus.SERVICE_UNAVAILABLE, code="503", why=words_of(error))
    log.error("console.failed", exc_info=error)
    return asked.page("error.html", HTTPStatus.INTERNAL_SERVER_ERROR, code="500", why="")


def words_of(wrong: BaseException) -> str:
    """Say what stands in the way, in words for those who are logged in."""
    return str(wrong) if isinstance(wrong, SettingsWrong) else describe(wrong)


def _live(asked: Asked, parts: Callable[[], Parts]) -> Response:
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(asked.request, asked.desk, parts), media_type="text/event-stream", headers=headers)
