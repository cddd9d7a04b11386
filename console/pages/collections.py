"""The collections of a share, and the form of a new one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from console.auth.roles import START
from console.events import Parts
from console.forms import NewCollection
from console.pages.asked import Asked, action, live, to
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form


def collections(request: Request) -> Response:
    """List the collections of the share."""
    asked = Asked.of(request)
    if asked.desk.is_one_collection and len(places := asked.desk.places()) == 1 and places[0].id:
        return to(f"/c/{places[0].id}")
    return asked.page("collections.html", overview=_overview(asked))


def collections_events(request: Request) -> Response:
    """Send the changes of the list."""
    asked = Asked.of(request)
    return live(
        asked, lambda: Parts({"collections": asked.render("collections_list.html", overview=_overview(asked))}, {})
    )


def _overview(asked: Asked) -> dict[str, Any]:
    try:
        places = asked.desk.places()
        looks = [(place, asked.desk.board(place.id).look() if place.id else None) for place in places]
    except CIRCUMSTANCES:
        return {"away": True, "looks": []}
    return {"away": False, "looks": looks}


def new_page(request: Request) -> Response:
    """Show the form of a new collection."""
    asked = Asked.of(request)
    asked.needs(START)
    return _new(asked, NewCollection.empty(asked.desk))


@action
def new_preview(asked: Asked, form: Form) -> Response:
    """Show the identity that the first set would get."""
    filled = NewCollection.of(form, asked.desk)
    return asked.page("preview.html", filled=filled, same=_same(asked, filled))


@action
def new(asked: Asked, form: Form) -> Response:
    """Create a collection."""
    filled = NewCollection.of(form, asked.desk)
    if filled.wrong or filled.identity is None or filled.options is None:
        return _new(asked, filled, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        made = asked.desk.create(filled.folder, filled.identity, filled.options)
    except CIRCUMSTANCES as wrong:
        return _new(asked, filled, HTTPStatus.UNPROCESSABLE_ENTITY, words_of(wrong))
    asked.did("collection_made", collection=made.id)
    return to(f"/c/{made.id}")


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
