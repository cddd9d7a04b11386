"""`anonymizer new`: creates the form of a root folder, from options or at the terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.arguments import MachineNames, Root, check_root
from anonymizer.terminal import command, console
from services.errors import SettingsWrong
from services.forms.collection_form import Options, options_of_new_collection
from services.forms.identity import Identity, wrong_parts
from services.language import Language
from services.machines import descriptor
from services.publication import claims
from services.runtime import audit
from services.runtime.settings import Settings
from services.store.collection import Collection, has_state
from services.store.records import folder_name
from watcher.identities import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.machines.descriptor import Machine

PatientId = Annotated[str | None, typer.Option(help="New patient ID; the index is appended.")]
FamilyName = Annotated[str | None, typer.Option(help="New family name; the index is appended.")]
FirstName = Annotated[str | None, typer.Option(help="New first name.")]
Hospital = Annotated[str | None, typer.Option(help="Written to the tracking file only.")]
InLanguage = Annotated[
    Language, typer.Option(help="Language of the form, of REFUSED and NOTE files, and of the check's findings.")
]
InitialIndex = Annotated[int | None, typer.Option(help="The index of the first set.")]

_QUESTIONS = {
    "patient_id": "New patient ID, without the index (zzz_AnusGE)",
    "family_name": "New family name, without the index (AnusGE)",
    "first_name": "New first name (First)",
    "hospital": "Hospital (for the tracking file only)",
}


def new(
    root: Root,
    patient_id: PatientId = None,
    family_name: FamilyName = None,
    first_name: FirstName = None,
    hospital: Hospital = None,
    initial_index: InitialIndex = None,
    machine: MachineNames = None,
    language: InLanguage = "en",
    go_on: Annotated[
        bool,
        typer.Option(
            "--continue", help="Keep the numbers assigned here by the older program, and continue after them."
        ),
    ] = False,
    above: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --continue: the highest number assigned before the share was restored from a backup.",
        ),
    ] = None,
) -> None:
    """Turn a folder into a collection: the identities its sets get, and the machine of their plans."""
    check_root(root)
    had_form = has_form(root)
    form: tuple[Identity, Options] | tuple[None, None] = (None, None)
    if had_form and not go_on:
        raise SettingsWrong(f"{root / 'collection.toml'} already exists: change it there.")
    if not had_form:
        identity, options = fill_in(patient_id, family_name, first_name, hospital, initial_index, machine)
        form = identity, replace(options, language=language)
    if above is not None and not go_on:
        raise SettingsWrong("--above belongs to --continue: anonymizer new ROOT --continue --above N")
    if above is not None and has_state(root):
        collection = Collection.go_on_above(root, above)
    elif go_on:
        collection = Collection.adopt(root, form[0], form[1], above or 0)
    elif form[0] and form[1]:
        collection = Collection.create(root, *form)
    audit.note(collection.state, "numbers continued" if go_on else "collection made")
    if not had_form:
        console().print(f"{collection.root / 'collection.toml'} written.")
    print_next_identity(collection)
    warn_of_overlap(root)


def has_form(root: Path) -> bool:
    """Return whether a folder is a collection."""
    return os.path.lexists(root / "collection.toml")


def fill_in(
    patient_id: str | None,
    family_name: str | None,
    first_name: str | None,
    hospital: str | None,
    initial_index: int | None,
    machine: list[str] | None,
) -> tuple[Identity, Options]:
    """Write the form; missing values are asked for at a terminal and are an error elsewhere."""
    given = {"patient_id": patient_id, "family_name": family_name, "first_name": first_name, "hospital": hospital}
    missing = [name for name, value in given.items() if value is None]
    if missing and not sys.stdin.isatty():
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise SettingsWrong(f"There is no collection.toml yet, and these options are missing: {options}.")
    for name in missing:
        given[name] = typer.prompt(_QUESTIONS[name])
    if missing and initial_index is None:
        initial_index = typer.prompt("Initial index", value_proc=_whole_number, default=1)
    if missing and machine is None:
        machine = [typer.prompt('Machine descriptor, or "keep"', default="VicRapidPlan")]
    identity = Identity(
        **{name: value or "" for name, value in given.items()},
        initial_index=1 if initial_index is None else initial_index,
    )
    wrong, known = list(wrong_parts(identity)), []
    try:
        known = known_machines(machine_names(machine))
    except SettingsWrong as unknown:
        wrong.append(str(unknown))
    if wrong:
        raise SettingsWrong("\n".join(wrong))
    return identity, options_of_new_collection(found.name for found in known)


def _whole_number(answer: str) -> int:
    try:
        return int(answer)
    except ValueError:
        raise typer.BadParameter("Enter a whole number, such as 1.") from None


def print_next_identity(collection: Collection) -> None:
    """Show the identity of the next set: the first one, unless numbers were given before."""
    identity, taken = collection.identity, claims.taken(collection)
    index = next(index for index in count(identity.initial_index) if index not in taken)
    which = "first" if index == identity.initial_index else "next"
    new = identity.numbered(index)
    screen = console()
    screen.print(f"The {which} set will be {new.patient_id}, {new.patient_name}, in {folder_name(index)}.")
    screen.print(f"Now: {command('check', collection.root)}, then {command('run', collection.root)}")


def warn_of_overlap(root: Path) -> None:
    """Warn if another collection of this machine or share could assign the same identities."""
    if overlap := overlaps.of(root, Settings.of_process().share):
        console(stderr=True).print(str(overlap))


def machine_names(given: list[str] | None) -> tuple[str, ...]:
    """Return the machines of the option: the bundled descriptor if not given, none if plans keep their machines."""
    names = given or ["VicRapidPlan"]
    return () if names == [descriptor.KEEP] else tuple(names)


def known_machines(names: Iterable[str]) -> list[Machine]:
    """Return the machines; an unknown name raises now rather than when the first set needs it."""
    return descriptor.named(names, descriptor.folders(Settings.of_process().machines))
