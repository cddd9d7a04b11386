"""The page of unknown words in kept texts, which are accepted or removed."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, get_args

from starlette.concurrency import run_in_threadpool

from console.pages.asked import Asked, action, or_again, to
from services.forms import spreadsheet, word_list
from services.forms.word_list import State
from services.maintenance import word_decisions
from services.publication import unread_words
from services.vocabulary.spelling import fold
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from services.store.collection import Collection

SHOWN: Final = 1000
"""Number of words on a page; those that may identify come first, then those in most sets."""


async def words(request: Request) -> Response:
    """List the words, optionally of one state."""
    return await run_in_threadpool(_words, Asked.of(request))


def _words(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board, its_id = asked.board, asked.collection_id
    state = asked.request.query_params.get("state", "")
    listed: list[unread_words.Word] = []
    withdraw: list[str] = []
    try:
        collection = asked.collection
        listed = unread_words.gathered(collection)
        removed = dict.fromkeys(index for one in listed if one.state == "remove" for index in one.indices)
        withdraw = unread_words.to_withdraw(collection, removed)
    except CIRCUMSTANCES as unreadable:
        status, wrong = max(status, HTTPStatus.CONFLICT), wrong or words_of(unreadable)
    chosen = [one for one in listed if state not in get_args(State) or one.state == state]
    chosen.sort(key=lambda one: not one.why)  # what may identify first; the rest is mostly decided at once
    return asked.page(
        "unread_words.html",
        status,
        words=chosen[:SHOWN],
        total=len(chosen),
        counts=Counter(one.state for one in listed),
        every=len(listed),
        states=get_args(State),
        state=state if state in get_args(State) else "",
        withdraw=withdraw,
        collection=its_id,
        page=f"/c/{its_id}/words",
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


@action
@or_again(_words)
def decide_words(asked: Asked, form: Form) -> Response:
    """Accept or remove words; sets are processed again, continue, or have to be withdrawn."""
    its_id = asked.collection_id
    state: State = "remove" if form["state"] == "remove" else "fine"
    chosen = list(dict.fromkeys(form.all("word")))
    shown = {word: form[key] for word in chosen if (key := f"was {word}") in form}
    if not chosen:
        return _words(asked, HTTPStatus.CONFLICT, asked.texts("words.none_chosen"))
    with asked.board.deciding:
        collection = asked.open_collection()
        _check_shown(collection, shown)
        word_decisions.decide(collection, chosen, state)
        word_decisions.follow(asked.collection)
    asked.did("words_removed" if state == "remove" else "words_marked_fine", collection=its_id, count=len(chosen))
    at = asked.request.query_params.get("state", "")
    return to(f"/c/{its_id}/words" + (f"?state={at}" if at in get_args(State) else ""))


def _check_shown(collection: Collection, shown: Mapping[str, str]) -> None:
    """Raise if another user has decided about words since they were shown.

    Raises
    ------
    SettingsWrong
        Names some of them.
    """
    now = {fold(row.word): row.state for row in word_list.read(collection.root).rows}
    overtaken = [word for word, was in shown.items() if now.get(fold(word), "unread") != was]
    if overtaken:
        raise spreadsheet.overtaken(overtaken)
