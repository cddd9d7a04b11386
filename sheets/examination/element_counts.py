"""Counts of the elements removed, changed and kept in a set, by group of attributes, from its record."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydicom.datadict import tag_for_keyword

from sheets.read.engine_data import EngineData, tags
from sheets.read.numbers import vr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sheets.read.numbers import Data

COLUMNS: Final = ("removed", "emptied", "replaced", "new UID", "date", "cleaned", "added", "kept")
"""The possible outcomes for an element."""

_COLUMN_OF: Final = {
    "drop": "removed",
    "empty": "emptied",
    "dummy": "replaced",
    "identity": "replaced",
    "machine": "replaced",
    "scanner": "replaced",
    "approval": "replaced",
    "method": "replaced",
    "uid": "new UID",
    "date": "date",
    "clean": "cleaned",
    "added": "added",
}
"""Keyed by the actions in the record: `services.policy.table.Action`."""

PRIVATE: Final = "private"
_GROUPS: Final = (
    ("study, series, equipment", {0x0008}),
    ("patient", {0x0010, 0x0012}),
    ("acquisition", {0x0018}),
    ("series, image and frame of reference", {0x0020}),
    ("image and its voxels", {0x0028, 0x7FE0}),
    ("requests, visits, procedures", {0x0032, 0x0038, 0x0040}),
    ("overlays and curves", {*range(0x5000, 0x5100, 2), *range(0x6000, 0x6100, 2)}),
    ("dose", {0x3004}),
    ("structures", {0x3006}),
    ("plan and beams", {0x300A, 0x300C, 0x3002, 0x3008}),
    ("approval", {0x300E}),
)
_OTHER: Final = "other"
_METHOD_CODES: Final = tag_for_keyword("DeidentificationMethodCodeSequence") or 0


class Row(NamedTuple):
    """One group of attributes."""

    group: str
    counts: Mapping[str, int]
    """Counts by the names in `COLUMNS`."""


def group_of(tag: int) -> str:
    """Return the group of an attribute."""
    number = tag >> 16
    if number % 2:
        return PRIVATE
    return next((name for name, numbers in _GROUPS if number in numbers), _OTHER)


def elements_of(data: Data, into: Counter[str]) -> None:
    """Count the elements of a data set by group, at every depth; of a sequence, its contents are counted.

    Only the code sequence that states the de-identification method counts as one element: it was added as one.
    """
    if isinstance(data, EngineData):
        for tag, count in tags(data, _METHOD_CODES).items():
            into[group_of(tag)] += count
        return
    for tag in data.keys():  # noqa: SIM118 - a data set iterates over elements that it decodes first
        if vr(data, tag) == "SQ" and tag != _METHOD_CODES:
            for item in data[tag].value or ():
                elements_of(item, into)
        else:
            into[group_of(tag)] += 1


def by_group(account: Mapping[str, Any]) -> Counter[str]:
    """Return the counts in the account of a proof, by group of attributes."""
    found: Counter[str] = Counter()
    for number, count in account["elements"].items():
        found[group_of(int(number, 16) << 16)] += count
    return found


def account(changes: Mapping[str, Mapping[str, int]], written: Mapping[str, int]) -> list[Row]:
    """Return the table, with the totals in the last row.

    Parameters
    ----------
    changes
        Counts by attribute path and action, from the proof in the record.
    written
        Number of elements of each group in the published set.
    """
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, actions in changes.items():
        group = group_of(_last_tag(path))
        for action, count in actions.items():
            table[group][_COLUMN_OF.get(action, "replaced")] += count
    for group, count in written.items():
        found = table[group]
        found["kept"] = count - sum(found[column] for column in COLUMNS if column not in {"removed", "kept"})
    names = [*(name for name, _ in _GROUPS), _OTHER, PRIVATE]
    rows = [Row(name, table[name]) for name in names if any(table[name].values())]
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.counts)
    return [*rows, Row("all", total)]


def _last_tag(path: str) -> int:
    """Return the last tag of a path in the record: `RTPLAN BeamSequence>BeamName`, `CT (0009,1001)`."""
    last = path.rpartition(" ")[2].rpartition(">")[2]
    if last.startswith("("):
        return int(last[1:5], 16) << 16
    return int(tag_for_keyword(last) or 0)


def checks(proof: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the checks of the proof, each with the number of facts examined."""
    return [(str(name), int(count)) for name, count in proof.get("checks", {}).items()]
