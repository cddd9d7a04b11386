"""`anonymizer retry`: processes a refused or parked set again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.arguments import Root, SetFolder, open_collection, set_in
from anonymizer.terminal import command, console
from services.errors import SettingsWrong
from services.maintenance import plan_choice
from services.rtset import folder_listing, unfinished_pixels
from services.runtime import audit
from services.store import again, plans, registry
from services.store.collection import Collection
from services.store.records import folder_name
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="Treat it as a new set, although its objects have the UIDs of a published one."),
]
Accept = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help=f"Accept the set as it is now despite this finding: {unfinished_pixels.CODE}.",
    ),
]


Numbers = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="[NUMBER…]", help="Ordinals of the sets to retry in a folder with several, as printed by `check`."
    ),
]


def retry(root: Root, folder: SetFolder, numbers: Numbers = None, as_new: AsNew = False, accept: Accept = None) -> None:
    """Process a refused or parked set again, as if it had just been dropped."""
    collection = open_collection(root)
    name = set_in(collection, folder)
    place = root / name
    if accept not in {None, unfinished_pixels.CODE}:
        raise SettingsWrong(
            f"--accept supports {unfinished_pixels.CODE} only. Other codes are accepted in the form, for all sets."
        )
    if not (accept or numbers):
        _require_refusal(collection, str(name), as_new=as_new)
    locator = registry.register(collection, name)
    if accept:
        registry.accept(collection, locator, folder_listing.fingerprint(place), accept)
    marks = _marks(collection, place, numbers or ())
    if as_new:
        meant = marks or again.published_otherwise(collection, locator)
        registry.count_as_new(collection, locator, folder_listing.fingerprint(place), meant)
    again.reset_outcome(collection, str(name), marks)
    audit.note(collection.state, "as new" if as_new else "tried again", set=locator, accepted=accept or "")
    console().print(f"{name} will be processed again by the service, or by: {command('run', root)}")


def _marks(collection: Collection, place: Path, numbers: Sequence[int]) -> list[str]:
    """Return the marks of the selected plans."""
    taken = plan_choice.numbered(collection, place, numbers)[1] if numbers else []
    return [plans.mark_of(collection, one.plan_uid) for one in taken]


def _require_refusal(collection: Collection, name: str, *, as_new: bool) -> None:
    """Refuse to retry a folder that is unchanged and holds a published set or no DICOM.

    Raises
    ------
    SettingsWrong
        States the state of the set. A folder with several sets may always be retried.
    """
    outcome = registry.read_outcome(collection, collection.locator(name))
    if outcome is None or len(outcome.sets) > 1 or (as_new and outcome.state is SetState.SAME_SET):
        return
    if outcome.fingerprint != folder_listing.fingerprint(collection.root / name):
        return
    if outcome.state is SetState.NO_SET:
        raise SettingsWrong(f"{name} was neither refused nor parked: it holds no DICOM files.")
    if outcome.state.is_published and outcome.index is not None:
        anon = folder_name(outcome.index)
        raise SettingsWrong(
            f"{name} was neither refused nor parked: it is published as {anon}. To take it back: "
            f"{command('withdraw', collection.root, anon)}"
        )
