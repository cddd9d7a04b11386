"""Outliers in a collection that are worth reviewing. Each is a remark, never a reason to refuse a set.

All five are robust: they use a median over the other sets, or a fact of the set alone. Too few sets to know what is
usual are reported instead.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from sheets.read.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FEWEST_ALIKE: Final = 5
"""Minimum number of sets with a structure for reporting half a structure."""
FEWEST_SETS: Final = 10
"""Minimum number of sets for reporting a missing organ."""

_NEARLY_ALL: Final = 0.9
_HALF: Final = 0.6
"""Fractions of the usual volume and length; below both it may be half a structure."""
_COVERED_PERCENT: Final = 90.0
_OUTSIDE_PERCENT: Final = 1.0
_SIDE_MM: Final = 15.0
"""A single structure is on the wrong side if its centre is this far beyond the midline of the body, in mm."""
_SAME_VOLUME: Final = 0.001
_FEWEST_EQUAL: Final = 3
_TARGETS: Final = frozenset({"PTV", "CTV", "GTV"})
_SIDE: Final = re.compile(
    r"(?:^|[_\W])(?:(l|left|li|links|lt|sx|sin|gauche|izq)|(r|right|re|rechts|rt|dx|dex|droite?|der))(?=$|[_\W])",
    re.IGNORECASE,
)
"""Separate words for a side."""

SIDES, HALF, TARGET, MISSING, TWICE = (
    "sides-exchanged",
    "half-a-structure",
    "target-dose",
    "organ-missing",
    "one-person-twice",
)


def outliers(sets: Sequence[Mapping[str, Any]], structures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the outliers, set by set."""
    of_set: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in structures:
        of_set[str(one["set"])].append(one)
    found = [
        *(finding for name in of_set for finding in _exchanged_sides(name, of_set[name])),
        *_half(structures),
        *(finding for one in sets for finding in _target(one, of_set[str(one["set"])])),
        *_missing(sets, of_set),
        *_twice(sets, of_set),
    ]
    return sorted(found, key=lambda one: (one["set"], one["code"], one["structure"]))


def not_judged(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the findings for which there are too few sets."""
    remarks = []
    if len(sets) < FEWEST_ALIKE:
        remarks.append(f"Half a structure: needs {FEWEST_ALIKE} sets with it; there are {len(sets)} sets.")
    if len(sets) < FEWEST_SETS:
        remarks.append(f"An organ that is missing: needs {FEWEST_SETS} sets; there are {len(sets)}.")
    return remarks


def side_of(name: str) -> str:
    """Return the side in a name: `L`, `R`, or ''."""
    found = {"L" if match[1] else "R" for match in _SIDE.finditer(name)}
    return found.pop() if len(found) == 1 else ""


def _exchanged_sides(name: str, structures: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield structures on the other side than named: x increases to the patient's left (PS3.3 C.7.6.2.1.1)."""
    body = next((one for one in structures if one["type"] == "EXTERNAL" and one["centre_left_mm"] is not None), None)
    by_name: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for one in structures:
        if (side := side_of(str(one["name"]))) and one["centre_left_mm"] is not None and one["type"] not in _TARGETS:
            by_name[_SIDE.sub(" ", str(one["name"])).casefold()][side] = one
    for pair in by_name.values():
        if len(pair) == 2:
            left, right = pair["L"], pair["R"]
            apart = left["centre_left_mm"] - right["centre_left_mm"]
            if apart < 0:
                says = f"{left['name']} lies {-apart:.0f} mm to the right of {right['name']} in the CT."
                yield _finding(SIDES, name, str(left["name"]), apart, says)
        elif body is not None:
            ((side, one),) = pair.items()
            off = (one["centre_left_mm"] - body["centre_left_mm"]) * (1 if side == "L" else -1)
            if off < -_SIDE_MM:
                says = f"{one['name']} lies {-off:.0f} mm beyond the midline of the body in the CT, on the other side."
                yield _finding(SIDES, name, str(one["name"]), off, says)


def _half(structures: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    alike: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in structures:
        if one["volume_cm3"] and one["extent_head_mm"] is not None and one["type"] not in _TARGETS | {"EXTERNAL"}:
            alike[str(one["name_confirmed"] or one["name"])].append(one)
    for name, same in alike.items():
        if len(same) < FEWEST_ALIKE:
            continue
        volume, length = median(one["volume_cm3"] for one in same), median(one["extent_head_mm"] for one in same)
        for one in same:
            if one["volume_cm3"] < _HALF * volume and one["extent_head_mm"] < _HALF * length:
                part = 100 * one["volume_cm3"] / volume
                says = (
                    f"{name} has {one['volume_cm3']:.1f} cm³ over {one['extent_head_mm']:.0f} mm; usual: "
                    f"{volume:.1f} cm³ over {length:.0f} mm."
                )
                yield _finding(HALF, str(one["set"]), name, part, says)


def _target(of: Mapping[str, Any], structures: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    covered = of["target_v95_percent"]
    if covered is not None and covered < _COVERED_PERCENT:
        says = f"{percent(covered / 100)} of {of['target']} receive 95 % of the prescribed dose."
        yield _finding(TARGET, str(of["set"]), str(of["target"]), covered, says)
    for one in structures:
        outside = one["outside_grid_percent"]
        if one["type"] in _TARGETS and outside is not None and outside > _OUTSIDE_PERCENT:
            says = f"{percent(outside / 100)} of {one['name']} are outside the dose grid."
            yield _finding(TARGET, str(of["set"]), str(one["name"]), outside, says)


def _missing(
    sets: Sequence[Mapping[str, Any]], of_set: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    if len(sets) < FEWEST_SETS:
        return
    there: defaultdict[str, set[str]] = defaultdict(set)
    for folder, structures in of_set.items():
        for one in structures:
            if one["drawn"] and one["type"] not in _TARGETS:
                there[str(one["name_confirmed"] or one["name"])].add(folder)
    for name, having in sorted(there.items()):
        if _NEARLY_ALL * len(sets) <= len(having) < len(sets):
            for one in sets:
                if one["set"] not in having:
                    says = f"{name} is not drawn; {len(having)} of {len(sets)} sets have it."
                    yield _finding(MISSING, str(one["set"]), name, 100 * len(having) / len(sets), says)


def _twice(
    sets: Sequence[Mapping[str, Any]], of_set: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return sets of one person under two new IDs: with the same ID before, or the same CT grid and volumes.

    Each set is named once, with the first set before it: ten sets of one person are nine findings, not forty-five.
    """
    found: dict[str, tuple[bool, dict[str, Any]]] = {}
    for first, second in combinations(sets, 2):
        name = str(second["set"])
        known = name in str(first.get("same_person_as") or "").split("; ")
        is_told = name in found and (found[name][0] or not known)  # the ID counts more than volumes
        if is_told or first["patient_id"] == second["patient_id"]:
            continue
        equal = _equal_volumes(first, second, of_set)
        if known or equal >= _FEWEST_EQUAL:
            why = (
                "had the same patient ID"
                if known
                else f"have {equal} structures of the same volume on the same CT grid"
            )
            says = f"It and {first['set']} {why}: the same person twice?"
            found[name] = known, _finding(TWICE, name, "", float(equal), says)
    return [finding for _, finding in found.values()]


def _equal_volumes(
    first: Mapping[str, Any], second: Mapping[str, Any], of_set: Mapping[str, Sequence[Mapping[str, Any]]]
) -> int:
    grid = ("ct_slices", "ct_rows", "ct_columns", "ct_row_spacing_mm", "ct_slice_spacing_max_mm")
    if any(first[key] != second[key] for key in grid):
        return 0
    one, other = (
        {str(each["name"]): each["volume_cm3"] for each in of_set.get(str(of["set"]), ()) if each["volume_cm3"]}
        for of in (first, second)
    )
    shared = one.keys() & other.keys()
    equal = sum(abs(one[name] - other[name]) <= _SAME_VOLUME * one[name] for name in shared)
    return equal if shared and equal == len(shared) else 0


def _finding(code: str, folder: str, structure: str, value: float, sentence: str) -> dict[str, Any]:
    return {
        "code": code,
        "set": folder,
        "structure": structure,
        "value": round(float(value), 2),
        "sentence": f"To review: {sentence}",
    }
