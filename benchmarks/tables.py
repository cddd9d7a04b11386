"""Bars and tables of results as Markdown, for the terminal and for RESULTS.md."""

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
        """Return whether the bar was met or not measured."""
        return self.verdict != NOT_MET

    @classmethod
    def below(cls, what: str, limit: float, measured: float, unit: str = "") -> Bar:
        """Compare a value with its upper limit."""
        return cls(what, f"{_number(limit)}{unit}", f"{_number(measured)}{unit}", MET if measured <= limit else NOT_MET)

    @classmethod
    def above(cls, what: str, limit: float, measured: float, unit: str = "") -> Bar:
        """Compare a value with its lower limit."""
        return cls(
            what, f"≥ {_number(limit)}{unit}", f"{_number(measured)}{unit}", MET if measured >= limit else NOT_MET
        )

    @classmethod
    def skipped(cls, what: str, limit: str, why: str) -> Bar:
        """Report that something was not measured."""
        return cls(what, limit, why, SKIPPED)


def _number(value: float) -> str:
    """Return a number with three significant digits; counts in full."""
    return f"{value:,.0f}" if value >= MANY else f"{value:.3g}"


@dataclass
class Report:
    """Result of one part of the benchmarks."""

    title: str
    bars: list[Bar] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return it as Markdown, without the bars, which are shown together with those of the other parts."""
        return "\n\n".join([f"## {self.title}", *self.tables, *self.remarks])


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table that is also legible on a terminal."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def bars_table(bars: list[Bar]) -> str:
    """Return the table of the bars."""
    return table(["what", "bar", "measured", ""], [[bar.what, bar.at_most, bar.measured, bar.verdict] for bar in bars])
