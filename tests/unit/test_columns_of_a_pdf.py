"""Figures in a PDF are on one line and on the page, whatever their size; so are words, if there is room."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from sheets.render.columns import PADDING_MM, SIZES_PT, columns
from sheets.render.page import Cell, Heading, Page, Table
from sheets.render.pdf import pdf
from sheets.render.pdf_file import PdfFile

ROOM_MM = 186.0
HISTOGRAMS = ("Structure", "Type", "cm³", "Dmean Gy", "Dmax Gy", "D0.03cc Gy", "D2 Gy", "D50 Gy", "D95 Gy", "D98 Gy")
WIDTHS = [3.2, 2.2, 1.8, 1.45, 1.3, 1.75, 1.3, 1.3, 1.3, 1.3]
NUMBERS = frozenset(range(2, 10))
FIGURES = {
    "usual": ("4.53", "64.12"),
    "doses of a tenth of a gray": ("4.53", "0.0579"),
    "doses of a milligray": ("12.50*", "0.000579"),
    "large volumes": ("123456.78", "8660.00"),
    "both": ("1234567.89*", "0.0000579"),
    "unknown": ("4.53", "unknown"),
}


def table(volume: str, dose: str, name: str = "PTV_7000", kind: str = "PTV") -> Table:
    """Make a table like that of the histograms."""
    row = [Cell(name, colour=(255, 0, 0)), Cell(kind), Cell(volume), *[Cell(dose)] * 7]
    return Table(HISTOGRAMS, [row, row], NUMBERS, WIDTHS)


def written(*tables: Table) -> str:
    """Return the texts of a PDF, one per line."""
    page = Page("ANON_006", "", "2026-11-29T10:00:00+00:00", tables, "x")
    return "\n".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf(page))).pages)


@pytest.mark.parametrize("figures", FIGURES)
def test_a_figure_is_on_one_line(figures: str) -> None:
    """None is broken, and none reaches into its neighbour."""
    volume, dose = FIGURES[figures]
    words = written(table(volume, dose, "a long name that needs two lines")).split()
    assert words.count(volume) == 2
    assert words.count(dose) == 14


@pytest.mark.parametrize("figures", FIGURES)
@pytest.mark.parametrize("name", ["PTV", "PTV_70_boost_left_neck_2mm", "x" * 64])
def test_columns_fill_the_page_and_hold_their_figures(figures: str, name: str) -> None:
    """A smaller letter is taken if necessary."""
    file = PdfFile(title="", producer="", created=None)
    of = table(*FIGURES[figures], name, "IRRAD_VOLUME")
    layout = columns(of, ROOM_MM, file.width)
    assert sum(layout.widths) == pytest.approx(ROOM_MM)
    assert layout.size_pt in SIZES_PT
    for number in NUMBERS:
        needed = file.width(of.rows[0][number].text, layout.size_pt) + 2 * PADDING_MM
        assert layout.widths[number] >= needed


def test_a_table_whose_figures_fit_has_the_widths_that_it_states() -> None:
    """Text of the usual size, too."""
    of = Table(("Name", "Type", "MU"), [[Cell("Beam 1"), Cell("STATIC"), Cell("100.0")]], frozenset({2}), (3, 2, 1))
    layout = columns(of, 60, PdfFile(title="", producer="", created=None).width)
    assert layout.widths == pytest.approx([30, 20, 10])
    assert layout.size_pt == SIZES_PT[0]


def test_a_table_with_too_many_figures_is_still_on_the_page() -> None:
    """Forty columns of long figures are broken rather than cut off."""
    of = Table(["D"] * 40, [[Cell("123456.789")] * 40], frozenset(range(40)))
    layout = columns(of, ROOM_MM, PdfFile(title="", producer="", created=None).width)
    assert sum(layout.widths) == pytest.approx(ROOM_MM)
    assert "".join(written(of).split()).count("123456.789") == 40


@pytest.mark.parametrize(("rows", "pages"), [(3, 1), (40, 2)])
def test_a_heading_that_begins_a_page_leaves_no_page_nearly_empty(rows: int, pages: int) -> None:
    """Two rows that did not fit on the page before are no reason for a page of their own."""
    first = Table(("a", "b"), [[Cell("1"), Cell("2")]] * rows)
    page = Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [first, Heading("Next", new_page=True), first], "x")
    assert len(PdfReader(io.BytesIO(pdf(page))).pages) == pages
