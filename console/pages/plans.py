"""The page for choosing plans of a folder with several, if the collection requires it."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from console.forms import whole_number
from console.pages.asked import Asked, action, or_again, to
from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.language import gettext, gettext_noop
from services.maintenance import plan_choice
from services.rtset import folder_listing
from services.store import registry

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from services.store.collection import Collection
    from watcher.status.rows import Row

OVERTAKEN = gettext_noop(
    "The folder has changed, or somebody else has chosen, since you loaded the page. Nothing was changed: check "
    "the current plans and choose again."
)


async def plans(request: Request) -> Response:
    """Show the plans of a folder: label, date, approval, prescription, beams, and current choice."""
    return await run_in_threadpool(_plans, Asked.of(request))


def _plans(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    row, board = asked.row, asked.board
    judgement = board.checks.plans(row)
    return asked.page(
        "plans.html",
        status,
        row=row,
        judgement=judgement,
        asks=read_settings(board.root)[1].plans == "ask",
        was=_mark(asked.collection, row, judgement.fingerprint),
        collection=asked.collection_id,
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


@action
@or_again(_plans)
def choose_plans(asked: Asked, form: Form) -> Response:
    """Store the choice of plans of a folder."""
    row, board = asked.row, asked.board
    numbers = [number for given in form.all("plan") if (number := whole_number(given)) is not None]
    with board.deciding:
        collection = asked.open_collection()
        folder = board.root / row.folder
        if form["was"] != _mark(collection, row, folder_listing.fingerprint(folder)):
            raise SettingsWrong(gettext(OVERTAKEN))
        plan_choice.choose(collection, folder, numbers)
    board.checks.forget(row.locator)
    asked.did("plans_chosen", collection=asked.collection_id, set=row.locator, count=len(numbers))
    return to(f"/c/{asked.collection_id}")


def _mark(collection: Collection, row: Row, fingerprint: str) -> str:
    """Return a token for detecting changes of folder or choice since the page was shown."""
    taken, left = registry.chosen(collection, row.locator)
    return sha256(repr((fingerprint, sorted(taken), sorted(left))).encode()).hexdigest()
