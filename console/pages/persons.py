"""The page of persons: published sets of the same patient, and sets to be assigned to a person."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console.pages.asked import Asked, action, to
from services.errors import SetRefused, SettingsWrong
from services.language import gettext, gettext_noop, joined
from services.maintenance import who_it_is
from services.rtset import folder_listing
from services.store import given_identities, records, registry
from services.store.collection import Collection
from services.store.records import folder_name, index_of
from services.store.set_state import SetState
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
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


@action
def decide_person(asked: Asked, form: Form) -> Response:
    """Assign the sets of a folder to the person of a published set, or to a new one."""
    its_id, locator = asked.request.path_params["collection"], asked.request.path_params["locator"]
    board = asked.board
    row = board.row(locator)
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    is_new = "new" in form
    try:
        if not is_new and not form["anon"]:
            raise SettingsWrong(gettext(NOBODY))
        index = None if is_new else index_of(form["anon"])
        with board.deciding:
            collection = Collection.open(board.root)
            folder = board.root / row.folder
            if form["was"] != _mark(collection, row):
                raise SettingsWrong(gettext(OVERTAKEN))
            who_it_is.decide(collection, folder, index)
    except SetRefused as refused:
        return _persons(asked, HTTPStatus.CONFLICT, joined(fault.found for fault in refused.faults))
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _persons(asked, HTTPStatus.CONFLICT, words_of(wrong))
    board.checks.forget(locator)
    asked.did("person_decided", collection=its_id, set=locator, anon="" if index is None else folder_name(index))
    return to(f"/c/{its_id}/persons")


def _persons(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board = asked.board
    collection = Collection.look(board.root)
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
        collection=asked.request.path_params["collection"],
        name=asked.desk.name_of(board.root),
        wrong=wrong,
    )


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
