"""What the checks of a set find, one after the other, and in which words it is passed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.language import english, gettext
from services.policy.object_kinds import CT, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.errors import Fault
    from services.layout import NotTaken
    from services.rtset.references import Objects

_ACCEPTED: Final = "Accepted:"


@dataclass(slots=True)
class Findings:
    """Findings on one set, to which each check adds its own."""

    faults: list[Fault] = field(default_factory=list)
    missing: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    record_notes: list[str] = field(default_factory=list)
    """Notes without references to the patient, suitable for record and sheet."""
    file_notes: list[str] = field(default_factory=list)
    """Notes without references to the patient except names of the objects' files, in the form of `SetFile.called`."""
    accepted: list[str] = field(default_factory=list)
    """Codes of faults that the collection knowingly accepts."""
    of_names: list[str] = field(default_factory=list)
    """Notes on the structures' names for record and sheet, instead of those that quote names."""
    not_taken: tuple[NotTaken, ...] = ()

    def accept(self, faults: Sequence[Fault]) -> None:
        """Accept faults that the collection knowingly accepts, with a note."""
        self.accepted += [fault.code for fault in faults]
        self.add_file_notes(gettext("Accepted: {found}", found=fault.found) for fault in faults)

    def add_file_notes(self, notes: Iterable[str]) -> None:
        """Add notes that are suitable for record and sheet once file names are removed."""
        self.file_notes += notes

    def for_person(self) -> tuple[str, ...]:
        """Return all notes, for the share's users only."""
        return (*self.notes, *self.file_notes, *self.record_notes)

    def for_record(self, objects: Objects) -> tuple[str, ...]:
        """Return the notes without references to the patient, in English, for record and sheet."""
        return (*_without_files(self.file_notes, objects), *map(english, self.record_notes), *self.names_for_record())

    def names_for_record(self) -> tuple[str, ...]:
        """Return the notes on the structures' names for record and sheet."""
        return tuple(map(english, self.of_names))


def _without_files(notes: Sequence[str], objects: Objects) -> list[str]:
    """Return notes without file names, since a planning system's file names often identify the patient."""
    if not notes:
        return []
    slices = (
        objects.slices if any(english(note).startswith(_ACCEPTED) for note in notes) else ()
    )  # no other note names files
    files = (*slices, objects.structure_set, objects.plan, objects.dose)
    words = {one.called: "a CT slice" if one.kind == CT else f"the {NAMES[one.kind]}" for one in files if one}
    sentences = []
    for note in map(english, notes):
        text, _, _ = note.partition("\n")  # the names follow, one per line
        for called, word in words.items():
            text = text.replace(called, word)
        sentences.append(text[:1].upper() + text[1:])
    return sentences
