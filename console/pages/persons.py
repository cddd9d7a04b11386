"""The page of persons: published sets of the same patient, and sets to be assigned to a person."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool

from console.pages.asked import Asked, action, or_again, to
from services.errors import SettingsWrong
from services.language import gettext, gettext_noop
from services.maintenance import who_it_is
from services.rtset import folder_listing
from services.store import given_identities, records, registry
from services.store.records import folder_name, index_of
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from services.store.collection import Collection
    from watcher.status.rows import Row

OVERTAKEN = gettext_noop(
    "The folder has changed, or somebody else has decided, since you loaded the page. Nothing was changed: check "
    "the current entries and decide again."
)
NOBODY = gettext_noop("Choose an anonymized set of the same person, or “It is somebody new”.")


class Asks(NamedTuple):
    """A folder to be assigned to a person."""

    row: Row
    may_be_known: bool
    """Whether it can be linked to a published person; otherwise it can only be a new one."""
    was: str
    """Token for detecting changes of folder or decision since the page was shown."""


async def persons(request: Request) -> Response:
    """Show the published sets of the same person, and ask about unassigned ones."""
    return await run_in_threadpool(_persons, Asked.of(request))


def _persons(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board = asked.board
    collection = asked.collection
    look = board.look()
    sets: defaultdict[str, list[str]] = defaultdict(list)
    for one in given_identities.given(collection):
        found = records.read(collection, one.index)
        if one.person and found is not None and not found.withdrawn:
            sets[one.person].append(folder_name(one.index))
    return asked.page(
        "persons.html",
        status,
        total=len(sets),
        several=[anons for anons in sets.values() if len(anons) > 1],
        asks=_asks(collection, look.status.sets) if collection.options.same_patient == "link" else [],
        known=sorted(anon for anons in sets.values() for anon in anons),
        folders={row.anon: row.folder for row in look.done},
        kept_apart=collection.options.same_patient == "separate",
        collection=asked.collection_id,
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


@action
@or_again(_persons)
def decide_person(asked: Asked, form: Form) -> Response:
    """Assign the sets of a folder to the person of a published set, or to a new one."""
    board, row, is_new = asked.board, asked.row, "new" in form
    if not is_new and not form["anon"]:
        raise SettingsWrong(gettext(NOBODY))
    index = None if is_new else index_of(form["anon"])
    with board.deciding:
        collection = asked.open_collection()
        if form["was"] != _mark(collection, row):
            raise SettingsWrong(gettext(OVERTAKEN))
        who_it_is.decide(collection, board.root / row.folder, index)
    board.checks.forget(row.locator)
    anon = "" if index is None else folder_name(index)
    asked.did("person_decided", collection=asked.collection_id, set=row.locator, anon=anon)
    return to(f"/c/{asked.collection_id}/persons")


def _asks(collection: Collection, rows: Iterable[Row]) -> list[Asks]:
    """Return the folders waiting to be assigned to a person."""
    waiting = (row for row in rows if row.state is SetState.WAITING and not registry.OF_A_PERSON.isdisjoint(row.codes))
    found = []
    for row in waiting:
        try:
            found.append(Asks(row, registry.WHICH_PERSON in row.codes, _mark(collection, row)))
        except OSError:  # being moved; the next request shows it
            continue
    return found


def _mark(collection: Collection, row: Row) -> str:
    fingerprint = folder_listing.fingerprint(collection.root / row.folder)
    decided = registry.person_decided(collection, row.locator, fingerprint)
    return sha256(repr((fingerprint, decided)).encode()).hexdigest()
