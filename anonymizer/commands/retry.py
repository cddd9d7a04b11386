"""`anonymizer retry`: has a refused or parked set looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.arguments import Root, SetFolder, check_collection, set_in
from anonymizer.terminal import command, console
from services.errors import SettingsWrong
from services.maintenance import plan_choice
from services.rtset import folder_listing, unfinished_pixels
from services.runtime import audit
from services.store import again, plans, registry
from services.store.collection import Collection
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="It is a set of its own, although its objects have the UIDs of a published one."),
]
Accept = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help=f"Take the set as it is now, though this stands against it: {unfinished_pixels.CODE}.",
    ),
]


Numbers = Annotated[
    list[int] | None,
    typer.Argument(metavar="[NUMBER…]", help="Of a folder with several sets, those meant, as `check` prints them."),
]


def retry(root: Root, folder: SetFolder, numbers: Numbers = None, as_new: AsNew = False, accept: Accept = None) -> None:
    """Look at a refused or parked set again, as if it had just been dropped."""
    check_collection(root)
    collection = Collection.open(root)
    name = set_in(root, folder, by_hospital=collection.options.by_hospital)
    place = root / name
    if accept not in {None, unfinished_pixels.CODE}:
        raise SettingsWrong(
            f"--accept takes {unfinished_pixels.CODE} only. A collection's form accepts other codes, for all its sets."
        )
    if not (accept or as_new or numbers):
        _refuse_what_was_not_refused(collection, str(name))
    locator = registry.register(collection, name)
    if accept:
        registry.accept(collection, locator, folder_listing.fingerprint(place), accept)
    marks = _marks(collection, place, numbers or ())
    if as_new:
        meant = marks or again.published_otherwise(collection, locator)
        registry.count_as_new(collection, locator, folder_listing.fingerprint(place), meant)
    again.look_again(collection, str(name), marks)
    audit.note(collection.state, "as new" if as_new else "tried again", set=locator, accepted=accept or "")
    console().print(f"{name} is looked at again by the service, or by: {command('run', root)}")


def _marks(collection: Collection, place: Path, numbers: Sequence[int]) -> list[str]:
    """Return the marks of the plans that are meant."""
    taken = plan_choice.numbered(collection, place, numbers)[1] if numbers else []
    return [plans.mark_of(collection, one.plan_uid) for one in taken]


def _refuse_what_was_not_refused(collection: Collection, name: str) -> None:
    """Refuse to look again at a set that is published, and whose folder is as it was then.

    Raises
    ------
    SettingsWrong
        Says how the set stands. A folder with several sets may always be looked at again.
    """
    outcome = registry.read_outcome(collection, collection.locator(name))
    if outcome is None or not outcome.state.is_published or outcome.index is None or len(outcome.sets) > 1:
        return
    if outcome.fingerprint == folder_listing.fingerprint(collection.root / name):
        anon = folder_name(outcome.index)
        raise SettingsWrong(
            f"{name} was neither refused nor parked: it is published as {anon}. To take it back: "
            f"{command('withdraw', collection.root, anon)}"
        )
