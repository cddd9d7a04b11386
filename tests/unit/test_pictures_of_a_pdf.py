"""Pictures in a PDF have the page's pixels, and are not recompressed needlessly."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader

from sheets.render.page import Page, Picture
from sheets.render.pdf import pdf

NOISE = np.random.default_rng(19).integers(0, 256, (90, 130, 3), np.uint8)
SMOOTH = np.repeat(np.arange(130, dtype=np.uint8)[np.newaxis, :, np.newaxis], 90, axis=0).repeat(3, axis=2)
RGB = {"noise": Image.fromarray(NOISE), "smooth": Image.fromarray(SMOOTH)}
OTHERS = {
    "palette": RGB["smooth"].quantize(16),
    "grey": RGB["smooth"].convert("L"),
    "alpha": RGB["smooth"].convert("RGBA"),
}


def png(picture: Image.Image, **options: object) -> bytes:
    """Write a picture as PNG."""
    stream = io.BytesIO()
    picture.save(stream, "png", **options)
    return stream.getvalue()


def in_pdf(*pictures: bytes) -> list[Image.Image]:
    """Return the pictures of a PDF with these PNGs."""
    page = Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [Picture(one, "says") for one in pictures], "x")
    return [found.image for one in PdfReader(io.BytesIO(pdf(page))).pages for found in one.images if found.image]


@pytest.mark.parametrize("name", [*RGB, *OTHERS])
def test_a_picture_is_the_same_in_a_pdf(name: str) -> None:
    """For all PNG formats."""
    picture = (RGB | OTHERS)[name]
    (found,) = in_pdf(png(picture))
    assert np.array_equal(np.asarray(found.convert("RGB")), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("name", RGB)
def test_the_rows_of_a_plain_png_are_not_packed_again(name: str) -> None:
    """Compressing took longer than everything else in a PDF."""
    data = png(RGB[name])
    packed = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    page = Page("ANON_006", "", "2026-11-29T10:00:00+00:00", [Picture(data, "says")], "x")
    assert packed in pdf(page)


def test_a_png_with_more_than_pixels_is_taken_too() -> None:
    """Only its pixels are included."""
    remark = PngInfo()
    remark.add_text("Comment", "made by nobody")
    data = png(RGB["noise"], pnginfo=remark)
    (found,) = in_pdf(data)
    assert np.array_equal(np.asarray(found), NOISE)


def test_each_of_several_pictures_has_its_place() -> None:
    """With recompressed and unchanged ones mixed, and one twice."""
    pictures = [RGB["noise"], OTHERS["palette"], RGB["smooth"], RGB["noise"]]
    found = in_pdf(*map(png, pictures))
    assert [np.asarray(one.convert("RGB")).tolist() for one in found] == [
        np.asarray(one.convert("RGB")).tolist() for one in pictures
    ]
