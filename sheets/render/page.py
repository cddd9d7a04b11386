"""The elements of a page, independent of its rendering as HTML or PDF."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.render.draw import Colour

Tone = Literal["plain", "good", "bad", "small"]


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    text: str
    new_page: bool = False
    """On paper."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Named facts."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """Cell of a table."""

    text: str
    colour: Colour | None = None
    """Shown as a small square before the text."""
    bad: bool = False
    picture: bytes | None = None
    """A PNG instead of the text."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()
    """Right-aligned columns."""
    widths: Sequence[float] | None = None
    """Relative widths of the columns on paper; equal if not given."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG of full width."""

    png: bytes
    says: str
    """Alternative text."""

    caption: str = ""
    """Caption."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a plot."""

    points: Sequence[tuple[float, float]]
    colour: Colour
    width_pt: float = 1.0
    dashes: tuple[float, float] | None = None
    """Length of dash and gap, in mm on paper; None for a solid line."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over two axes starting at 0."""

    curves: Sequence[Curve]
    ends: tuple[float, float]
    """Ends of the axes: across, up."""
    names: tuple[str, str]
    ticks: tuple[Sequence[float], Sequence[float]]
    says: str
    """Alternative text."""
    mark: tuple[float, str] | None = None
    """A marked value on the horizontal axis, and its label."""

    @property
    def mark_is_late(self) -> bool:
        """Return whether there is more room before the mark than after it."""
        return self.mark is not None and self.mark[0] > self.ends[0] / 2


@dataclass(frozen=True, slots=True)
class Key:
    """Meaning of a colour or line."""

    colour: Colour
    meaning: str
    width_pt: float = 0.0
    """Width of the line; 0 for a filled square."""
    dashes: tuple[float, float] | None = None
    on_black: bool = False
    """Whether the line is drawn on a CT; on paper it then needs a dark background, for white is one of the colours."""


@dataclass(frozen=True, slots=True)
class Legend:
    """Legend of colours and lines."""

    entries: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Tile:
    """A small picture with text."""

    png: bytes | None
    title: str
    lines: Sequence[str]
    bad: bool = False
    """Whether it needs review: its last line is red."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Small pictures, as many per row as fit."""

    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Signature:
    """Empty fields to be filled in by hand."""

    fields: Sequence[str]


Block = Heading | Text | Facts | Table | Picture | Plot | Legend | Tiles | Signature


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet, or a report."""

    title: str
    subtitle: str
    at: str
    """Time of publication of its sets, ISO 8601; it contains no other time."""
    blocks: Sequence[Block]
    program: str
    """Name and version of the program that made it."""


def program() -> str:
    """Return the name and version of this program."""
    return f"rt-set-anonymizer {version('rt-set-anonymizer')}"
