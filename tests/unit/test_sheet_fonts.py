"""Fonts of a page: small subsets for most, full fonts where needed."""

from __future__ import annotations

import io

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from sheets.render.page import Page, Text
from sheets.render.pdf import pdf
from sheets.render.pdf_file import PdfFile
from sheets.render.typeface import font_file, is_latin

TEXTS = {
    "Latin": "PTV 70 Gy, 95 % ≥ 66.5 Gy; Übergröße µ Žlutý",
    "Greek": "Δόση, PTV",
    "Cyrillic": "Доза PTV",
}


@pytest.mark.parametrize("bold", [False, True])
def test_the_small_face_has_every_letter_for_which_it_is_taken(bold: bool) -> None:
    """Or the full font lacks it, too."""
    small, whole = (TTFont(font_file(bold=bold, latin=latin)).getBestCmap() for latin in (True, False))
    assert [chr(code) for code in whole if is_latin(chr(code)) and code not in small] == []


@pytest.mark.parametrize("script", TEXTS)
def test_a_text_is_written_in_its_letters(script: str) -> None:
    """And can be extracted from the file."""
    page = Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [Text(TEXTS[script]), Text(TEXTS[script], "good")], "x")
    data = pdf(page)
    text = PdfReader(io.BytesIO(data)).pages[0].extract_text()
    assert text.count(TEXTS[script]) == 2
    assert is_latin(TEXTS[script]) == (script == "Latin")
    assert len(data) < 60_000


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("bold", [False, True])
def test_a_text_is_as_wide_as_its_letters(script: str, bold: bool) -> None:
    """By the font's widths, at any size."""
    face = TTFont(font_file(bold=bold, latin=script == "Latin"))
    letters, per_em = face.getBestCmap(), face["head"].unitsPerEm
    points = sum(face["hmtx"][letters[ord(letter)]][0] for letter in TEXTS[script]) / per_em
    file = PdfFile(title="", producer="", created=None)
    assert [file.width(TEXTS[script], size, bold=bold) for size in (7.0, 10.0)] == pytest.approx(
        [points * size * 25.4 / 72 for size in (7.0, 10.0)], rel=1e-3
    )


@pytest.mark.parametrize(
    "name",
    ["PTV_\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C}", "\u05d7\u05d5\u05d8", "\u0631\u0626\u0629"],
)
def test_a_letter_that_the_typeface_lacks_leaves_a_box(name: str) -> None:
    """It never disappears without a trace, and the file says what the box means."""
    data = pdf(Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [Text(name), Text(name, "good")], "x"))
    text = PdfReader(io.BytesIO(data)).pages[0].extract_text()
    latin = "".join(letter for letter in name if letter.isascii())
    assert text.count(latin + "\N{WHITE SQUARE}" * (len(name) - len(latin))) == 2
    assert "\N{WHITE SQUARE}: a letter that this typeface does not have" in text


def test_a_file_with_all_letters_speaks_of_none_missing() -> None:
    """In Latin, Greek and Cyrillic."""
    data = pdf(Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [*map(Text, TEXTS.values())], "x"))
    assert "typeface" not in PdfReader(io.BytesIO(data)).pages[0].extract_text()
