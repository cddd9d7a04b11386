"""The verdicts of `anonymizer check` at a terminal: a table of the sets, their faults, and what would be kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.table import Table

from anonymizer.terminal import console, print_not_taken, printable
from services.language import counted
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.policy.text_roles import CALLED, OF_PERSON
from services.rtset.references import LINKS
from services.vocabulary.anatomy import occurring

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from services.layout import NotTaken
    from services.verdict.summary import FolderSummary

KINDS = (CT, STRUCTURE_SET, PLAN, DOSE)

_SHORT: Final = 300
"""Maximum number of distinct texts of all sets that are listed by default."""

_PERSON: Final = {keyword: says.partition(",")[0].lower() for keyword, says in OF_PERSON.items()}


def show(root: Path, rows: list[FolderSummary], not_taken: list[NotTaken], *, with_texts: bool) -> None:
    """Print the verdicts, then the faults and notes of each set, then the texts that would be kept."""
    screen = console()
    sets = [row for row in rows if row.verdict != "no set"]
    table = Table("Set", *KINDS, "Links", "Machine", "Verdict")
    for row in sets:
        counts = (str(row.counts.get(kind, "")) for kind in KINDS)
        table.add_row(printable(row.folder), *counts, _links(row), row.machine, row.verdict)
    if sets:
        screen.print(table)
    if len(sets) > 1:
        screen.print("Numbers follow the order in which sets are completed, which may differ from this order.")
    for row in sets:
        if row.sets:
            screen.print(_plans(row))
    common = {} if with_texts else _common_notes(sets)
    for row in sets:
        _print_set(screen, row, common)
    for note, number in common.items():
        screen.print(f"{number} of {counted(len(sets), 'set')}: {note}")
    for row in rows:
        if row.verdict == "no set":
            screen.print(f"{printable(row.folder)}: no DICOM files, not a set.")
    if not rows:
        screen.print(f"There are no sets in {root}: a set is a subfolder with DICOM files.")
    _print_texts(screen, sets, set_by_set=with_texts)
    print_not_taken(screen, not_taken)


def _common_notes(sets: Sequence[FolderSummary]) -> dict[str, int]:
    """Return the notes on more than one set, with the number of their sets."""
    numbers = Counter(note for row in sets for note in dict.fromkeys(row.notes))
    return {note: number for note, number in numbers.items() if number > 1}


def _print_set(screen: Console, row: FolderSummary, common: Container[str]) -> None:
    """Print the faults of a set, its notes except common ones, and a summary of what would be kept."""
    name = printable(row.folder)
    for fault in row.faults:
        screen.print(f"{name}: {fault['found']} {fault['remedy']}")
    for note in row.notes:
        if note not in common:
            screen.print(f"{name}: {note}")
    if row.unread_words:
        screen.print(f"{name}: words not yet reviewed: {', '.join(map(printable, row.unread_words))}")
    if row.texts or row.person:
        person = ", ".join(
            f"{says} {row.person[keyword]}" for keyword, says in _PERSON.items() if keyword in row.person
        )
        texts = counted(sum(map(len, row.texts.values())), "text")
        screen.print(f"{name}: {texts} would be kept; of the person: {person or 'neither age nor sex'}")


def _print_texts(screen: Console, sets: list[FolderSummary], *, set_by_set: bool) -> None:
    """List every text that would be kept, unread words marked; for all sets together only if there are few."""
    if set_by_set:
        for row in sets:
            if row.texts:
                title = f"{printable(row.folder)}: texts that would be kept"
                screen.print(_texts(title, row.texts, row.unread_words))
        return
    pooled = {
        role: some for role in CALLED if (some := sorted({text for row in sets for text in row.texts.get(role, ())}))
    }
    number = sum(map(len, pooled.values()))
    if 0 < number <= _SHORT:
        unread = sorted({word for row in sets for word in row.unread_words})
        screen.print("Texts that would be kept:")
        for role, some in pooled.items():
            with_words = ((printable(text), ", ".join(_words_in(text, unread))) for text in some)
            marked = (f"{text} (not read: {words})" if words else text for text, words in with_words)
            screen.print(f"  {CALLED[role]}: {'; '.join(marked)}")
    elif number:
        screen.print(
            f"{number} different texts would be kept: --texts lists them by set, --json prints them for a program."
        )


def _texts(title: str, texts: Mapping[str, Sequence[str]], unread: Sequence[str]) -> Table:
    table = Table("Kind", "Text", "Not read", title=title)
    for role, some in texts.items():
        for text in some:
            table.add_row(CALLED[role], printable(text), ", ".join(_words_in(text, unread)))
    return table


def _words_in(text: str, unread: Sequence[str]) -> list[str]:
    """Return the unread words in a text."""
    return [printable(word) for word in occurring(text, unread)]


def _plans(row: FolderSummary) -> Table:
    """Return the table of the plans of a folder with several sets, with the ordinals for `anonymizer choose`."""
    table = Table("No.", "Plan", "Date", "Approval", "Prescription", "Beams", "Verdict", title=row.folder)
    for one in row.sets:
        table.add_row(str(one.ordinal), one.plan, one.date, one.approval, one.prescription, str(one.beams), one.verdict)
    return table


def _links(row: FolderSummary) -> str:
    """Return the references with problems, or `linked`."""
    others = [f"{name} {row.links[name]}" for name in LINKS if row.links.get(name, "shown") != "shown"]
    return ", ".join(others) if others else "linked" if row.links else ""
