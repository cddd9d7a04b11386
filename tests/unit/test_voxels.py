"""Images and doses that are valid DICOM without image or dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.rtset import folder_listing, pixel_completeness, reader
from services.verdict.selection import members
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet


def faults(made: MadeSet) -> list[str]:
    """Return the codes of missing pixels."""
    objects = members.choose(reader.read(made.folder, folder_listing.take(made.folder)).objects).objects
    return [fault.code for fault in pixel_completeness.lacking(objects)]


def half(modality: str) -> Edit:
    """Keep the first half of the pixels of a modality's first object."""

    def edit(made: MadeSet) -> None:
        data = made.of(modality)[0]
        data.PixelData = data.PixelData[: len(data.PixelData) // 4 * 2]

    return edit


def padded(made: MadeSet) -> None:
    """Write more after the pixels, as some systems do."""
    made.dose.PixelData += b"\0\0"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (sets.setting("CT", PixelData=None), "ct-without-pixels"),
        (half("CT"), "ct-without-pixels"),
        (sets.setting("RTDOSE", PixelData=None), "dose-without-grid"),
        (half("RTDOSE"), "dose-without-grid"),
        (sets.setting("RTDOSE", Rows=None), "dose-without-grid"),
        (sets.setting("RTDOSE", NumberOfFrames="4"), "dose-without-grid"),
        (sets.setting("RTDOSE", GridFrameOffsetVector=[0, 3]), "dose-without-grid"),
        (sets.setting("RTDOSE", GridFrameOffsetVector=None), "dose-without-grid"),
        (sets.setting("RTDOSE", DoseGridScaling=None), "dose-without-scaling"),
        (sets.setting("RTDOSE", DoseGridScaling="0"), "dose-without-scaling"),
        (sets.setting("RTDOSE", DoseGridScaling="-0.001"), "dose-without-scaling"),
    ],
)
def test_what_nobody_could_import_is_refused(tmp_path: Path, edit: Edit, code: str) -> None:
    """A dose with histograms only, a truncated image in a valid file."""
    assert faults(make_set(tmp_path, edit)) == [code]


@pytest.mark.parametrize("edit", [padded, sets.rle, *(sets.encoded(syntax) for syntax in sets.TRANSFER_SYNTAXES)])
def test_whole_ones_pass_however_they_are_written(tmp_path: Path, edit: Edit) -> None:
    """Compressed, in any byte order, with padding."""
    assert faults(make_set(tmp_path, edit)) == []
