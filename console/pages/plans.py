"""The page for choosing plans of a folder with several, if the collection requires it."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console.pages.asked import Asked, action, to
from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.language import gettext, gettext_noop
from services.maintenance import plan_choice
from services.rtset import folder_listing
from services.store import registry
from services.store.collection import Collection
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from watcher.status.rows import Row

OVERTAKEN = gettext_noop(
    "The folder has changed, or somebody else has chosen, since you loaded the page. Nothing was changed: check "
    "the current plans and choose again."
)


async def plans(request: Request) -> Response:
    """Show the plans of a folder: label, date, approval, prescription, beams, and current choice."""
    return await run_in_threadpool(_plans, Asked.of(request))


@action
def choose_plans(asked: Asked, form: Form) -> Response:
    """Store the choice of plans of a folder."""
    row, its_id = _row(asked), asked.request.path_params["collection"]
    board = asked.board
    numbers = [int(number) for number in form.all("plan") if number.isascii() and number.isdigit()]
    try:
        with board.deciding:
            collection = Collection.open(board.root)
            folder = board.root / row.folder
            if form["was"] != _mark(collection, row, folder_listing.fingerprint(folder)):
                raise SettingsWrong(gettext(OVERTAKEN))
            plan_choice.choose(collection, folder, numbers)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _plans(asked, HTTPStatus.CONFLICT, words_of(wrong))
    board.checks.forget(row.locator)
    asked.did("plans_chosen", collection=its_id, set=row.locator, count=len(numbers))
    return to(f"/c/{its_id}")


def _plans(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    row, board = _row(asked), asked.board
    judgement = board.checks.plans(row)
    return asked.page(
        "plans.html",
        status,
        row=row,
        judgement=judgement,
        asks=read_settings(board.root)[1].plans == "ask",
        was=_mark(Collection.look(board.root), row, judgement.fingerprint),
        collection=asked.request.path_params["collection"],
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


def _row(asked: Asked) -> Row:
    found = asked.board.row(asked.request.path_params["locator"])
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _mark(collection: Collection, row: Row, fingerprint: str) -> str:
    """Return a token for detecting changes of folder or choice since the page was shown."""
    taken, left = registry.chosen(collection, row.locator)
    return sha256(repr((fingerprint, sorted(taken), sorted(left))).encode()).hexdigest()
