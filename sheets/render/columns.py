"""Widths of a table's columns on paper: figures and words are not broken into lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.render.page import Table

SIZES_PT: Final = (7.0, 6.5, 6.0, 5.5, 5.0)
"""Sizes of the text, the first one if it fits."""

PADDING_MM: Final = 0.8
_WIDEST: Final = 0.25
"""Part of the table that a column gets at most for the sake of a long word, which is broken otherwise."""

_ROUNDING_MM: Final = 1e-6


class Columns(NamedTuple):
    """Layout of a table's columns."""

    widths: list[float]
    """In mm."""

    size_pt: float


class Measure(Protocol):
    """Measurement of texts."""

    def __call__(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return the width of a text of a size in points, in mm."""


def columns(table: Table, room: float, measure: Measure) -> Columns:
    """Return columns as wide as the table states or, at the others' expense, as their words and figures need.

    Parameters
    ----------
    room
        Width of the table, in mm.
    """
    parts = table.widths or [1.0] * len(table.columns)
    stated = [part / sum(parts) * room for part in parts]
    for size in SIZES_PT:
        least = [
            max((measure(text, size, bold=bold) for text, bold in _unbroken(table, column)), default=0.0)
            + 2 * PADDING_MM
            + _ROUNDING_MM
            for column in range(len(parts))
        ]
        least = [
            needed if column in table.numbers else min(needed, max(width, _WIDEST * room))
            for column, (needed, width) in enumerate(zip(least, stated, strict=True))
        ]
        if sum(least) <= room:
            break
    else:
        return Columns([width / sum(least) * room for width in least], size)
    spare = [max(width - needed, 0) for width, needed in zip(stated, least, strict=True)]
    share = (room - sum(least)) / (sum(spare) or 1)
    return Columns([needed + more * share for needed, more in zip(least, spare, strict=True)], size)


def _unbroken(table: Table, column: int) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a column that must stay on one line, and whether they are bold."""
    for word in table.columns[column].split(" "):
        yield word, True
    for row in table.rows:
        cell = row[column]
        for text in [cell.text] if column in table.numbers else cell.text.split(" "):
            yield text, cell.bad
