"""The page of a collection: its sets, possible actions, and results."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from console.collection_view import AS_IT_IS, AS_NEW
from console.events import Parts
from console.pages.asked import Asked, action, live, or_again, to
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.collection_view import Board, Look
    from console.forms import Form
    from watcher.status.rows import Row

SHOWN_DONE: Final = 25
"""Number of anonymized sets on a page, unless all are requested."""

SHOWN_NOT_TAKEN: Final = 5
"""Number of items not taken that are listed here; all are on a separate page."""


def collection(request: Request) -> Response:
    """Show a collection: its sets, possible actions, and results."""
    asked = Asked.of(request)
    return _collection(asked)


def collection_events(request: Request) -> Response:
    """Send the changes of a collection."""
    asked = Asked.of(request)
    return live(asked, lambda: _parts(asked, asked.board))


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
        collection=asked.collection_id,
        every="all" in asked.request.query_params,
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


def _parts(asked: Asked, board: Board) -> Parts:
    """Return the dynamic parts of a collection's page."""
    hospital = asked.request.query_params.get("hospital", "")
    look = board.look().of_hospital(hospital) if hospital else board.look()
    here = {
        "look": look,
        "collection": asked.collection_id,
        "hospital": hospital,
        "name": asked.desk.name_of(board.root),
        "csrf": asked.session.csrf,
        "not_taken_shown": SHOWN_NOT_TAKEN,
        "asks_plans": look.options is not None and look.options.plans == "ask",
    }
    lines = [line for line in look.lines if not _is_no_set(line.row.state, line.judgement)]
    every = "all" in asked.request.query_params
    done = look.done if every else look.done[:SHOWN_DONE]
    sheets = board.files.sheets()
    html = {
        "state": asked.render("state.html", lines=lines, **here),
        "sets-none": asked.render("sets_none.html", lines=lines, **here),
        "done-more": asked.render("done_more.html", shown=len(done), **here),
        "files": asked.render("files.html", days=board.files.tracking_days(), sheets=sheets, **here),
        **{f"set-{line.row.locator}": asked.render("set.html", line=line, **here) for line in lines},
        **{_done_id(row): asked.render("done.html", id=_done_id(row), row=row, sheets=sheets, **here) for row in done},
    }
    lists = {
        "sets": [f"set-{line.row.locator}" for line in lines],
        "done": [_done_id(row) for row in done],
    }
    return Parts(html, lists, _said(asked, look))


def _done_id(row: Row) -> str:
    """Return the element ID of an anonymized set; a folder may hold several."""
    return f"done-{row.locator}-{row.anon}"


def _is_no_set(state: SetState, judgement: Any) -> bool:
    return state is SetState.NO_SET or (judgement is not None and judgement.verdict == "no set")


def _said(asked: Asked, look: Look) -> str:
    """Return the progress for screen readers, changing only when a set is done."""
    now = look.round
    if look.checking or now is None:
        return ""
    if now.over:
        return asked.texts("round.over", count=len(now.members), span=asked.texts.lasting(now.seconds))
    return asked.texts("round.doing", done=now.done, total=len(now.members))


def not_taken(request: Request) -> Response:
    """List the items that may hold DICOM and are not taken, with reasons."""
    asked = Asked.of(request)
    board = asked.board
    return asked.page(
        "not_taken.html",
        things=board.look().not_taken,
        collection=asked.collection_id,
        name=asked.desk.name_of(board.root),
    )


@action
@or_again(_collection, HTTPStatus.SERVICE_UNAVAILABLE)
def check(asked: Asked, _form: Form) -> Response:
    """Start checking the sets."""
    return _do(asked, "checked", lambda board: board.check(), nothing="check.nothing")


@action
@or_again(_collection, HTTPStatus.SERVICE_UNAVAILABLE)
def start(asked: Asked, form: Form) -> Response:
    """Start the chosen sets."""
    return _do(asked, "started", lambda board: board.start(form.all("set")), nothing="start.none")


@action
@or_again(_collection, HTTPStatus.SERVICE_UNAVAILABLE)
def try_again(asked: Asked, form: Form) -> Response:
    """Retry a refused or parked set, a changed one as new, or one as it is."""
    locator, how = asked.request.path_params["locator"], form["how"]
    what = {AS_NEW: "as_new", AS_IT_IS: "taken_as_it_is"}.get(how, "tried_again")
    return _do(asked, what, lambda board: int(board.try_again(locator, how)), nothing="again.none", set=locator)


def _do(asked: Asked, what: str, do: Callable[[Board], int], *, nothing: str, **values: Any) -> Response:
    """Perform an action on a collection and show the collection, with a message if nothing was done."""
    its_id = asked.collection_id
    count = do(asked.board)
    if count == 0:
        return _collection(asked, HTTPStatus.CONFLICT, asked.texts(nothing))
    asked.did(what, collection=its_id, count=count, **values)
    return to(f"/c/{its_id}")
