"""What a page consists of, before it is HTML or PDF: the same content for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.render.draw import Colour

Tone = Literal["plain", "good", "bad", "small"]


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a part of the page."""

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
    """What is known, each with its name."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """Part of a table."""

    text: str
    colour: Colour | None = None
    """Shown as a small field before the text."""
    bad: bool = False
    picture: bytes | None = None
    """A PNG in the place of the text."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()
    """Columns that are set flush right."""
    widths: Sequence[float] | None = None
    """Of the columns on paper, relative to each other; even where none are given."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG over the whole width."""

    png: bytes
    says: str
    """Read out, and shown where it cannot be."""

    caption: str = ""
    """Stands below it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a plot."""

    points: Sequence[tuple[float, float]]
    colour: Colour
    width_pt: float = 1.0
    dashes: tuple[float, float] | None = None
    """How long a dash and a gap are, in mm on paper; None for a whole line."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over two axes that begin at 0."""

    curves: Sequence[Curve]
    ends: tuple[float, float]
    """Where the axes end: across, up."""
    names: tuple[str, str]
    ticks: tuple[Sequence[float], Sequence[float]]
    says: str
    """Read out, and shown where it cannot be."""
    mark: tuple[float, str] | None = None
    """A value on the axis across that is marked, and what it is."""

    @property
    def mark_is_late(self) -> bool:
        """Return whether there is more room before the mark than behind it."""
        return self.mark is not None and self.mark[0] > self.ends[0] / 2


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour means, or a line."""

    colour: Colour
    meaning: str
    width_pt: float = 0.0
    """Of the line that is shown; a field where it has no width."""
    dashes: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Legend:
    """Which colours and lines mean what."""

    entries: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Tile:
    """A small picture with what it shows."""

    png: bytes | None
    title: str
    lines: Sequence[str]
    bad: bool = False
    """Whether somebody has to look at it: its last line is told in red."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Small pictures, as many beside each other as there is room for."""

    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Signature:
    """Empty fields for a pen."""

    fields: Sequence[str]


Block = Heading | Text | Facts | Table | Picture | Plot | Legend | Tiles | Signature


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet, or a report."""

    title: str
    subtitle: str
    at: str
    """When what it tells of was published: ISO 8601. No other time stands in it."""
    blocks: Sequence[Block]
    program: str
    """Name and version of what made it."""
