"""The page of a published set: review, release, send back, withdraw."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from console.pages.asked import Asked, action
from services.errors import SettingsWrong
from services.exchange import export_checkpoint
from services.exchange.deliveries import holding
from services.maintenance.withdraw import withdraw_set
from services.store import records, releases
from services.store.collection import Collection
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form


async def published(request: Request) -> Response:
    """Show a published set: its unread words, its sheet, and the decision form."""
    return await run_in_threadpool(_published, Asked.of(request))


def _published(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    collection, index = _collection(asked), _index(asked)
    found = records.read(collection, index)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    anon = folder_name(index)
    return asked.page(
        "published.html",
        status,
        anon=anon,
        record=found,
        decision=releases.current(collection, index),
        void=bool(releases.history(collection, index)) and releases.current(collection, index) is None,
        words=export_checkpoint.unread(collection, index),
        deliveries=holding(collection, index),
        has_sheet=anon in asked.board.files.sheets(),
        collection=asked.request.path_params["collection"],
        name=asked.desk.name_of(collection.root),
        wrong=wrong,
    )


@action
def release(asked: Asked, form: Form) -> Response:
    """Release a reviewed set."""

    def do(collection: Collection, index: int) -> None:
        releases.release(collection, index, user=asked.session.user, role=form["role"])

    return _do(asked, "released", do)


@action
def send_back(asked: Asked, form: Form) -> Response:
    """Send a set back, with a reason."""

    def do(collection: Collection, index: int) -> None:
        releases.send_back(collection, index, user=asked.session.user, role=form["role"], reason=form["reason"])

    return _do(asked, "sent_back", do)


@action
def withdraw(asked: Asked, _form: Form) -> Response:
    """Withdraw a published set permanently."""

    def do(collection: Collection, index: int) -> None:
        withdraw_set(collection, index)
        TrackingFiles(collection).render()

    return _do(asked, "withdrawn", do)


def _do(asked: Asked, what: str, do: Callable[[Collection, int], None]) -> Response:
    index = _index(asked)
    try:
        do(Collection.open(asked.board.root), index)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _published(asked, HTTPStatus.CONFLICT, words_of(wrong))
    its_id, anon = asked.request.path_params["collection"], folder_name(index)
    asked.did(what, collection=its_id, anon=anon)
    return RedirectResponse(f"/c/{its_id}/published/{anon}", HTTPStatus.SEE_OTHER)


def _collection(asked: Asked) -> Collection:
    return Collection.look(asked.board.root)


def _index(asked: Asked) -> int:
    try:
        return index_of(asked.request.path_params["anon"])
    except SettingsWrong:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
