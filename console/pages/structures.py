"""The page of structure names: current names, proposals and decisions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from console.pages.asked import Asked, action, or_again, to
from services.vocabulary.structure_names import EDITION as NOMENCLATURE
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from console.structure_view import Namer
    from services.forms.structure_list import State as NameState


def structures(request: Request) -> Response:
    """Show structure names, proposals, and undecided names."""
    return _names(Asked.of(request))


def _names(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board, its_id = asked.board, asked.collection_id
    survey = None
    try:
        survey = board.namer.look()
    except CIRCUMSTANCES as unreadable:
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


@action
@or_again(_names)
def decide_names(asked: Asked, form: Form) -> Response:
    """Confirm new names, or keep the current ones."""
    state: NameState = "confirmed" if form["state"] == "confirmed" else "ignored"
    names = dict.fromkeys(form.all("source"))
    targets = {name: form[f"target {name}"].strip() if state == "confirmed" else "" for name in names}
    shown = {name: form[key] for name in names if (key := f"was {name}") in form}
    return _do_names(asked, "names_decided", lambda namer: namer.decide(targets, state, shown))


@action
@or_again(_names)
def name_again(asked: Asked, form: Form) -> Response:
    """Process published sets again, under their own numbers and with the current names."""
    return _do_names(asked, "sets_again", lambda namer: namer.do_again(dict.fromkeys(form.all("anon"))))


def _do_names(asked: Asked, what: str, do: Callable[[Namer], int]) -> Response:
    count = do(asked.board.namer)
    asked.did(what, collection=asked.collection_id, count=count)
    return to(f"/c/{asked.collection_id}/structures")
