"""The page of a published set: review, release, send back, withdraw."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console.pages.asked import Asked, action, or_again, to
from services.errors import SettingsWrong
from services.exchange import export_checkpoint
from services.exchange.deliveries import holding
from services.maintenance.withdraw import withdraw_set
from services.store import records, releases
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from services.store.collection import Collection


async def published(request: Request) -> Response:
    """Show a published set: its unread words, its sheet, and the decision form."""
    return await run_in_threadpool(_published, Asked.of(request))


def _published(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    collection, index = asked.collection, _index(asked)
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
        collection=asked.collection_id,
        name=asked.desk.name_of(collection.root),
        wrong=wrong,
    )


@action
@or_again(_published)
def release(asked: Asked, form: Form) -> Response:
    """Release a reviewed set."""

    def do(collection: Collection, index: int) -> None:
        releases.release(collection, index, user=asked.session.user, role=form["role"])

    return _do(asked, "released", do)


@action
@or_again(_published)
def send_back(asked: Asked, form: Form) -> Response:
    """Send a set back, with a reason."""

    def do(collection: Collection, index: int) -> None:
        releases.send_back(collection, index, user=asked.session.user, role=form["role"], reason=form["reason"])

    return _do(asked, "sent_back", do)


@action
@or_again(_published)
def withdraw(asked: Asked, _form: Form) -> Response:
    """Withdraw a published set permanently."""

    def do(collection: Collection, index: int) -> None:
        withdraw_set(collection, index)
        TrackingFiles(collection).render()

    return _do(asked, "withdrawn", do)


def _do(asked: Asked, what: str, do: Callable[[Collection, int], None]) -> Response:
    index = _index(asked)
    do(asked.open_collection(), index)
    anon = folder_name(index)
    asked.did(what, collection=asked.collection_id, anon=anon)
    return to(f"/c/{asked.collection_id}/published/{anon}")


def _index(asked: Asked) -> int:
    try:
        return index_of(asked.request.path_params["anon"])
    except SettingsWrong:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
