"""The tables in the report: structures by set, distributions of volumes and doses, and outliers."""

from __future__ import annotations

from collections import defaultdict
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final

from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sheets.render.page import Block

MOST_COLUMNS: Final = 12
"""Sets per table of the matrix; more do not fit on a page."""

_NONE: Final = "-"
_DRAWN: Final = "x"
_EMPTY: Final = "o"


def matrix(tables: Mapping[str, Any]) -> Iterator[Block]:
    """Lay out the matrix of structures by set, in tables of a dozen sets."""
    names = [str(one["set"]) for one in tables["sets"]]
    marks: dict[tuple[str, str], str] = {}
    for one in tables["structures"]:
        marks[_called(one), str(one["set"])] = _DRAWN if one["drawn"] else _EMPTY
    counted: defaultdict[str, int] = defaultdict(int)
    for name, _ in marks:
        counted[name] += 1
    order = sorted(counted, key=lambda name: (-counted[name], name.casefold()))
    yield Heading("Structures by set")
    for first in range(0, len(names), MOST_COLUMNS):
        shown = names[first : first + MOST_COLUMNS]
        yield Table(
            ("Structure", *(name.removeprefix("ANON_") for name in shown)),
            [[Cell(name), *(Cell(marks.get((name, of_set), "")) for of_set in shown)] for name in order],
        )
    yield Text(
        f"{_DRAWN}: drawn. {_EMPTY}: present without contours. Confirmed names replace the original ones.", "small"
    )


def distributions(tables: Mapping[str, Any]) -> Iterator[Block]:
    """Lay out the distributions of volume and mean dose of each structure over the sets."""
    alike: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in tables["structures"]:
        alike[_called(one), str(one["type"])].append(one)
    total = len(tables["sets"])
    yield Heading("Structures")
    spread = ("least", "25 %", "median", "75 %", "most")
    yield Table(
        (
            "Structure",
            "Type",
            "In sets",
            "Drawn in",
            *(f"cm³ {one}" for one in spread),
            *(f"Dmean Gy {one}" for one in spread),
        ),
        [
            [
                Cell(name),
                Cell(kind),
                Cell(str(len(same))),
                Cell(f"{sum(one['volume_cm3'] is not None for one in same)} of {total}"),
                *_spread([one["volume_cm3"] for one in same]),
                *_spread([one["dmean_gy"] for one in same]),
            ]
            for (name, kind), same in sorted(alike.items(), key=lambda row: (-len(row[1]), row[0][0].casefold()))
        ],
        frozenset(range(2, 14)),
    )


def outlier_blocks(tables: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the outliers, and the findings for which there are too few sets."""
    yield Heading("Outliers")
    found = tables["findings"]
    if found:
        yield Table(
            ("Set", "What", "Structure", "Value", ""),
            [
                [
                    Cell(str(one["set"])),
                    Cell(str(one["code"]).replace("-", " ")),
                    Cell(str(one["structure"])),
                    Cell(f"{one['value']:g}"),
                    Cell(str(one["sentence"])),
                ]
                for one in found
            ],
            frozenset({3}),
            (1.2, 1.8, 1.8, 1, 6),
        )
    else:
        yield Text("No outliers.")
    yield from (Text(f"Too few sets to judge. {says}") for says in tables["judged"])
    yield Text(
        "These remarks are for internal use: none is a reason to refuse a set or is part of a delivery.", "small"
    )


def _called(structure: Mapping[str, Any]) -> str:
    return str(structure["name_confirmed"] or structure["name"])


def _spread(figures: Sequence[float | None]) -> list[Cell]:
    known = sorted(figure for figure in figures if figure is not None)
    if not known:
        return [Cell(_NONE)] * 5
    lower, middle, upper = quantiles(known, n=4, method="inclusive") if len(known) > 1 else [known[0]] * 3
    return [Cell(f"{figure:.1f}") for figure in (known[0], lower, middle, upper, known[-1])]
