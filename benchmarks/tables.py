"""Bars, met or not, and tables of what was measured, as Markdown: for the terminal and for RESULTS.md alike."""

from __future__ import annotations

from dataclasses import dataclass, field

MANY = 1000
MET, NOT_MET, SKIPPED = "met", "**not met**", "not measured"


@dataclass(frozen=True)
class Bar:
    """One line of the table of bars."""

    what: str
    at_most: str
    measured: str
    verdict: str

    @property
    def met(self) -> bool:
        """Return whether nothing speaks against it; what was not measured says so itself."""
        return self.verdict != NOT_MET

    @classmethod
    def below(cls, what: str, limit: float, measured: float, unit: str = "") -> Bar:
        """Hold a value against the most it may be."""
        return cls(what, f"{_number(limit)}{unit}", f"{_number(measured)}{unit}", MET if measured <= limit else NOT_MET)

    @classmethod
    def above(cls, what: str, limit: float, measured: float, unit: str = "") -> Bar:
        """Hold a value against the least it may be."""
        return cls(
            what, f"≥ {_number(limit)}{unit}", f"{_number(measured)}{unit}", MET if measured >= limit else NOT_MET
        )

    @classmethod
    def skipped(cls, what: str, limit: str, why: str) -> Bar:
        """Report that something was not measured."""
        return cls(what, limit, why, SKIPPED)


def _number(value: float) -> str:
    """Write three digits that tell something; of a count all."""
    return f"{value:,.0f}" if value >= MANY else f"{value:.3g}"


@dataclass
class Report:
    """What one part of the benchmarks has to say."""

    title: str
    bars: list[Bar] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Write it as Markdown; the bars are shown together with those of the other parts."""
        return "\n\n".join([f"## {self.title}", *self.tables, *self.remarks])


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table that is also legible at a terminal."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def bars_table(bars: list[Bar]) -> str:
    """Lay out the bars."""
    return table(["what", "bar", "measured", ""], [[bar.what, bar.at_most, bar.measured, bar.verdict] for bar in bars])
