"""`anonymizer retry`: processes a refused or parked set again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.arguments import Root, SetFolder, open_collection, set_in
from anonymizer.terminal import command, console
from services.errors import SettingsWrong
from services.maintenance import another_try, plan_choice
from services.rtset import folder_listing
from services.runtime import audit
from services.store import registry
from services.store.records import folder_name
from services.store.set_state import SetState

if TYPE_CHECKING:
    from services.store.collection import Collection

AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="Treat it as a new set, although its objects have the UIDs of a published one."),
]
Accept = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help=f"Accept the set as it is now despite this finding: {another_try.AS_IT_IS}.",
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
    if accept not in {None, another_try.AS_IT_IS}:
        raise SettingsWrong(
            f"--accept supports {another_try.AS_IT_IS} only. Other codes are accepted in the form, for all sets."
        )
    if not (accept or numbers):
        _require_refusal(collection, str(name), as_new=as_new)
    marks = plan_choice.marks_of(collection, root / name, numbers) if numbers else []
    locator = another_try.request(collection, str(name), plans=marks, as_new=as_new, as_it_is=bool(accept))
    audit.note(collection.state, "as new" if as_new else "tried again", set=locator, accepted=accept or "")
    console().print(f"{name} will be processed again by the service, or by: {command('run', root)}")


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
    if outcome.state.is_published and outcome.indices:
        anon = folder_name(outcome.indices[0])
        raise SettingsWrong(
            f"{name} was neither refused nor parked: it is published as {anon}. To take it back: "
            f"{command('withdraw', collection.root, anon)}"
        )
