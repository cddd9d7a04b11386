"""The report of a collection: its published sets, their contents, and the reasons for refusals. It identifies no one.

The facts and the thumbnail of each set are stored when its sheet is made; if they are missing, the set is examined
again. Folders of sets are never named; refusals are only counted.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from services.maintenance.export import REPORT
from services.publication import unread_words
from services.runtime import durable_files
from services.store import given_identities, records, registry, releases
from services.store.records import folder_name
from services.store.releases import RELEASED, SENT_BACK
from services.store.set_state import SetState
from sheets import paths, recognition, set_summary
from sheets.read.numbers import percent
from sheets.render.html import html
from sheets.render.page import Cell, Facts, Heading, Page, Table, Text, Tile, Tiles, program
from sheets.tables import files
from sheets.tables.in_report import distributions, matrix, outlier_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path, PurePath

    from services.store.collection import Collection
    from services.store.releases import Release
    from sheets.render.page import Block

OF_HOSPITAL: Final = "report_{}.html"
"""The report of one hospital's sets, for those who run the collection."""

_NO_NAME: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One published set."""

    index: int

    facts: Mapping[str, Any]
    """As returned by `sheets.set_summary.summary`."""

    decision: Release | None = None
    """The decision of a person about its release."""


def make(collection: Collection, hospital: str | None = None) -> Path:
    """Write the report of a collection and return its path.

    Parameters
    ----------
    hospital
        Restrict the report to the sets of this hospital. It names the hospital, so it is written to a separate file,
        which is kept.
    """
    found = entries(collection, indices_of(collection, hospital))
    outcomes = [
        outcome
        for locator, folder in registry.registered(collection)
        if hospital in {None, _hospital_of(collection, folder)}
        and (outcome := registry.read_outcome(collection, locator)) is not None
    ]
    every = [one for outcome in outcomes for one in outcome.entries]
    states = Counter(str(one.state) for one in every)
    refused = Counter(code for one in every if one.state is SetState.REFUSED for code in one.codes)
    place = paths.folder(collection)
    place.mkdir(exist_ok=True)
    page, name = report(collection, found, states, refused), REPORT
    if hospital is not None:
        page, name = replace(page, title=f"{page.title}, {hospital}"), OF_HOSPITAL.format(_NO_NAME.sub("_", hospital))
    durable_files.write_atomically(place / name, html(page), staging=collection.staging)
    return place / name


def indices_of(collection: Collection, hospital: str | None = None) -> list[int]:
    """Return the published indices of a collection, or those of one of its hospitals."""
    indices = records.indices(collection)
    if hospital is None:
        return indices
    of_hospital = {one.index for one in given_identities.given(collection) if one.hospital == hospital}
    return [index for index in indices if index in of_hospital]


def of_one_person(collection: Collection, indices: Iterable[int]) -> list[list[int]]:
    """Return the groups of these published indices that belong to the same person, for persons with several sets."""
    wanted, by_person = set(indices), defaultdict[str, list[int]](list)
    for one in given_identities.given(collection):
        if one.person and one.index in wanted:
            by_person[one.person].append(one.index)
    return sorted(of_one for of_one in by_person.values() if len(of_one) > 1)


def _hospital_of(collection: Collection, folder: PurePath) -> str:
    return collection.hospital_of(collection.root / folder) or collection.identity.hospital


def report(
    collection: Collection,
    entries: list[Entry],
    states: Mapping[str, int],
    refused: Mapping[str, int],
    *,
    house: bool = True,
) -> Page:
    """Lay out the report; its outliers are for internal use only."""
    tables = of_collection(collection, entries, house=house)
    latest = max((str(entry.facts["at"]) for entry in entries), default="")
    identity = collection.identity
    return Page(
        title=f"Collection {identity.patient_id}",
        subtitle=f"Published sets: {len(entries)}" + (f", most recent {latest[:10]}" if latest else ""),
        at=latest,
        blocks=[
            Facts([*_counts(entries, states), *_words(collection)]),
            *_grid(entries),
            *_sets(entries),
            *_table("Prescriptions", "Prescription", Counter(str(entry.facts["prescription"]) for entry in entries)),
            *_table("Machines", "Machine", _each(entries, "machines")),
            *_table("Energies", "Energy", _each(entries, "energies")),
            *_table("Techniques", "Technique", Counter(str(one["technique"] or "none") for one in tables["sets"])),
            *matrix(tables),
            *distributions(tables),
            *(outlier_blocks(tables) if house else ()),
            *(recognition.blocks((entry.index, entry.facts["recognition"]) for entry in entries) if house else ()),
            *(_persons(of_one_person(collection, (entry.index for entry in entries))) if house else ()),
            *_refusals(refused),
        ],
        program=program(),
    )


def of_collection(collection: Collection, found: Iterable[Entry], *, house: bool) -> dict[str, Any]:
    """Return the tables of sets, for internal use or for a delivery."""
    facts = ((entry.index, entry.facts["tables"]) for entry in found)
    return files.tables(collection, facts, program(), house=house)


def travelling(collection: Collection, entries: list[Entry]) -> Page:
    """Lay out the report of a delivery: these sets only, without refusals or other sets."""
    whole = report(collection, entries, {}, {}, house=False)
    counts = Facts([("Sets", str(len(entries))), ("Indices", _ranges([entry.index for entry in entries]))])
    return replace(whole, subtitle=f"Sets delivered: {len(entries)}", blocks=[counts, *list(whole.blocks)[1:]])


def entries(collection: Collection, indices: Iterable[int]) -> list[Entry]:
    """Return the entries of the report for those of these indices that are present."""
    found = ((index, set_summary.read_or_make(collection, index)) for index in indices)
    return [Entry(index, facts, releases.current(collection, index)) for index, facts in found if facts is not None]


def _counts(entries: list[Entry], states: Mapping[str, int]) -> list[tuple[str, str]]:
    indices = sorted(entry.index for entry in entries)
    return [
        ("Published", str(len(entries))),
        ("Indices", _ranges(indices)),
        ("Refused", str(states.get(SetState.REFUSED, 0))),
        ("Parked", str(states.get(SetState.PARKED, 0))),
        ("Waiting", str(states.get(SetState.WAITING, 0))),
    ]


def _words(collection: Collection) -> list[tuple[str, str]]:
    """Count the unknown words of the collection's texts by the decision of a person about them."""
    states = Counter(word.state for word in unread_words.gathered(collection))
    read = f"{states['fine']} accepted, {states['remove']} to be removed"
    return [("Words not yet reviewed", f"{states['unread']} ({read})")]


def _ranges(numbers: list[int]) -> str:
    """Write `6 to 9, 11`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in ranges) or "none"


def _grid(entries: list[Entry]) -> Iterator[Block]:
    """Yield a tile for each set: first those that need review, then the others by prescription."""
    groups = defaultdict[tuple[bool, str], list[Entry]](list)
    for entry in sorted(entries, key=lambda one: one.index):
        bad = bool(_wrong(entry))
        groups[not bad, "To be reviewed" if bad else f"Prescription: {entry.facts['prescription']}"].append(entry)
    for (_, heading), of_group in sorted(groups.items(), key=lambda group: group[0]):
        yield Heading(f"{heading} ({len(of_group)})")
        yield Tiles([_tile(entry) for entry in of_group])


def _wrong(entry: Entry) -> str:
    """Return why a set needs review; '' if there is no reason."""
    if entry.facts["equal"] is False:
        return "differs from its source"
    if not entry.facts["as_proven"]:
        return "files changed since the proof"
    return _decided(entry.decision) if entry.decision is not None and entry.decision.state == SENT_BACK else ""


def _tile(entry: Entry) -> Tile:
    facts, wrong = entry.facts, _wrong(entry)
    energies = " ".join([", ".join(facts["machines"]), ", ".join(facts["energies"])]).strip()
    lines = [str(facts["prescription"]), energies]
    if facts["target"]:
        d95, v95 = facts["target_d95_gy"], facts["target_covered_percent"]
        figures = [f"D95 {d95:.1f} Gy"] if d95 is not None else []
        figures += [f"V95 {percent(v95 / 100)}"] if v95 is not None else []
        lines.append(f"{facts['target']}: {', '.join(figures)}" if figures else str(facts["target"]))
    lines += [wrong or _decided(entry.decision)]
    picture = b64decode(facts["picture"]) if facts["picture"] else None
    return Tile(picture, folder_name(entry.index), [line for line in lines if line], bad=bool(wrong))


def _sets(entries: list[Entry]) -> Iterator[Block]:
    yield Heading("Sets")
    rows = []
    for entry in sorted(entries, key=lambda one: one.index):
        index, facts = entry.index, entry.facts
        drawn = sum(one["volume_cm3"] is not None for one in facts["structures"])
        equal = facts["equal"]
        good = equal is not False and facts["as_proven"]
        rows.append(
            [
                Cell(folder_name(index)),
                Cell(str(facts["patient_id"])),
                Cell(str(facts["slices"])),
                Cell(f"{drawn} of {len(facts['structures'])}"),
                Cell(str(facts["prescription"])),
                Cell(str(facts["target"])),
                Cell(_figure(facts["target_d95_gy"])),
                Cell(_figure(facts["target_covered_percent"])),
                Cell({True: "no difference", False: "differs", None: "source not here"}[equal], bad=not good),
                Cell(_decided(entry.decision), bad=entry.decision is not None and entry.decision.state == SENT_BACK),
            ]
        )
    yield Table(
        (
            "Set",
            "Patient ID",
            "CT slices",
            "Structures drawn",
            "Prescription",
            "Target",
            "D95 Gy",
            "V95 %",
            "Source",
            "Released",
        ),
        rows,
        frozenset({2, 3, 6, 7}),
    )
    yield Text(
        "D95: minimum dose received by 95 % of the target. V95 %: fraction of the target receiving 95 % of the "
        "prescribed dose. Of several targets, the first of those with the highest dose.",
        "small",
    )


def _decided(decision: Release | None) -> str:
    if decision is None:
        return ""
    by = f"{decision.day}, {decision.role}"
    return by if decision.state == RELEASED else f"sent back {by}"


def _table(heading: str, what: str, counted: Mapping[str, int]) -> Iterator[Block]:
    yield Heading(heading)
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    yield Table((what, "Sets"), [[Cell(name), Cell(str(count))] for name, count in rows], frozenset({1}))


def _each(entries: Iterable[Entry], key: str) -> Counter[str]:
    return Counter(str(value) for entry in entries for value in entry.facts[key])


def _persons(of_one: list[list[int]]) -> Iterator[Block]:
    """Yield the sets that belong to the same person; for internal use only, because it links them."""
    if of_one:
        yield Heading("Sets of one person")
        rows = [[Cell(folder_name(first)), Cell(", ".join(map(folder_name, later)))] for first, *later in of_one]
        yield Table(("Set", "Same person as"), rows, frozenset())
        yield Text(
            "By patient ID. A model evaluated on sets of persons it was trained on appears better than it is.",
            "small",
        )


def _refusals(refused: Mapping[str, int]) -> Iterator[Block]:
    if refused:
        yield from _table(
            "Refused sets, by reason", "Reason", {code.replace("-", " "): count for code, count in refused.items()}
        )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
