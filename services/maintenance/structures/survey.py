"""Survey of structure names in a collection: current names, proposed names, and names not decided."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from services.forms import structure_list
from services.forms.structure_list import Row
from services.language import gettext, gettext_noop
from services.publication import republish
from services.store.records import folder_name
from services.vocabulary import structure_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.deidentify.structure_renaming import Coverage, KeptBack, Structure
    from services.forms.structure_list import Sheet, State
    from services.maintenance.structures.reading import SetNames
    from services.store.collection import Collection
    from services.vocabulary.structure_names import How

_NOTES: Final[Mapping[How, str]] = {
    "exact": gettext_noop("a name of the nomenclature"),
    "spelling": gettext_noop("another spelling"),
    "alias": gettext_noop("another name"),
    "language": gettext_noop("another language"),
    "unknown": "",
}
"""Notes on rows that are not self-explanatory."""


@dataclass(frozen=True, slots=True)
class Name:
    """A structure name used in the collection."""

    name: str

    places: frozenset[tuple[str, int]]
    """The sets that contain it: folder, and ordinal in it."""

    target: str
    """Target from the list if confirmed or ignored; else the proposal, or empty if a person must decide."""

    how: How
    """Reason for the proposal, or for its absence."""

    state: State | None
    """State in the list; None if it is not listed."""

    kept_back: Mapping[KeptBack, int]
    """Number of sets in which a confirmed name is not applied, by reason."""

    contradicting_codes: int
    """Number of sets in which a structure's code contradicts its new name."""

    @property
    def sets(self) -> int:
        """Number of sets that contain it."""
        return len(self.places)

    @property
    def folders(self) -> frozenset[str]:
        """The folders of these sets."""
        return frozenset(folder for folder, _ in self.places)


@dataclass(frozen=True, slots=True)
class NamesOfSet:
    """How far the names of one set are decided."""

    folder: str

    ordinal: int
    """Of several sets of a folder, as printed by `check`; 0 for the only one."""

    coverage: Coverage | None
    """As it would be published now; None where the set was not read."""

    anon: str
    """`ANON_006`; empty if not published."""

    outdated: int
    """Number of structures of the published set that would now be named differently."""

    asked_again: bool
    """Whether republication is pending."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Names of a collection."""

    names: tuple[Name, ...]
    """Most frequent first."""

    sets: tuple[NamesOfSet, ...]

    stand_ins: int
    """Number of structures whose names identify the patient; each is named by a number and not listed."""

    @property
    def undecided(self) -> tuple[Name, ...]:
        """Names that are neither decided nor in the nomenclature."""
        return tuple(name for name in self.names if name.state in {None, "proposed"} and name.how != "exact")

    @property
    def outdated(self) -> tuple[NamesOfSet, ...]:
        """Published sets with structures that would now be named differently."""
        return tuple(one for one in self.sets if one.outdated)


def survey(collection: Collection, sheet: Sheet, sets: Iterable[SetNames]) -> Survey:
    """Aggregate the names of a collection's sets.

    Parameters
    ----------
    sheet
        The current or a prospective list.
    sets
        As returned by a `Reader`.
    """
    asked = frozenset(republish.asked(collection))
    named_sets: list[NamesOfSet] = []
    found: list[tuple[tuple[str, int], list[Structure]]] = []
    for one in sets:
        renaming = one.named_by(sheet.naming)
        every = renaming.structures if renaming else []
        named_sets.append(
            NamesOfSet(
                one.folder,
                one.ordinal,
                renaming.coverage if renaming else None,
                folder_name(one.index) if one.index is not None else "",
                sum((one.published or {}).get(each.number, each.name) != each.name for each in every),
                one.index in asked,
            )
        )
        found.append(((one.folder, one.ordinal), every))
    return Survey(
        tuple(_names(found, sheet)), tuple(named_sets), sum(each.is_stand_in for _, every in found for each in every)
    )


def updated(sheet: Sheet, names: Iterable[Name]) -> Sheet:
    """Return the list with a row for each name of the collection and updated counts of sets.

    What a person wrote, and the order, are kept.
    """
    names = list(names)
    rows = [replace(row, sets=str(_count(row, names))) for row in sheet.rows]
    new = (
        Row(structure_list.escaped(name.name), name.target, "proposed", str(name.sets), _note(name.how))
        for name in names
        if name.state is None
    )
    return replace(sheet, rows=(*rows, *new))


def _note(how: How) -> str:
    says = _NOTES.get(how, how)
    return gettext(says) if says else ""


def _count(row: Row, names: Iterable[Name]) -> int:
    """Count the sets that have one of the names of a row."""
    return len(frozenset().union(*(name.places for name in names if row.fits(name.name))))


def _names(found: Iterable[tuple[tuple[str, int], list[Structure]]], sheet: Sheet) -> list[Name]:
    """Collect the names of all sets, most frequent first."""
    places: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    kept_back: defaultdict[str, Counter[KeptBack]] = defaultdict(Counter)
    contradicting: Counter[str] = Counter()
    for place, every in found:
        for name, of_name in groupby(sorted(every, key=_cleaned), key=_cleaned):
            ones = [one for one in of_name if not one.is_stand_in]
            if ones:
                places[name].add(place)
            kept_back[name].update({one.kept_back for one in ones if one.kept_back})
            contradicting[name] += any(one.contradicting_code for one in ones)
    return [
        _name(name, frozenset(places[name]), sheet.row(name), kept_back[name], contradicting[name])
        for name in sorted(places, key=lambda name: (-len(places[name]), name.casefold(), name))
    ]


def _name(
    name: str,
    places: frozenset[tuple[str, int]],
    row: Row | None,
    kept_back: Mapping[KeptBack, int],
    contradicting: int,
) -> Name:
    proposed = structure_names.propose(name)
    target = row.target if row else proposed.target
    return Name(name, places, target, proposed.how, row.state if row else None, dict(kept_back), contradicting)


def _cleaned(structure: Structure) -> str:
    return structure.cleaned
