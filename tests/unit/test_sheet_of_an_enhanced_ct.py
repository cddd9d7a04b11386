"""A sheet of an enhanced CT, whose slices are frames of one object, is like that of separate files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sheets.read import contours, ct_volume, plan_objects
from sheets.read.ct_volume import NotDrawable
from tests.sets import frames_of_one_ct, make_set, rle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.sets import Edit

SLICES = 5


def drawn(parent: Path, *edits: Edit, by_pydicom: bool) -> Sequence[Any]:
    """Return the drawn CT and contours of a set."""
    made = make_set(parent, *edits, ct=SLICES)
    found = plan_objects.read(made.folder, by_pydicom=by_pydicom)
    structures = contours.read(found.structure_set, found.frame, found.slices_mm)
    return (
        [one.place for one in found.slices],
        [ct_volume.read_slice(image, found.frame)[...].tolist() for image in found.images()],
        [[points.tolist() for points in one.contours] for one in structures],
    )


@pytest.mark.parametrize("by_pydicom", [False, True])
@pytest.mark.parametrize("edits", [(frames_of_one_ct,), (frames_of_one_ct, rle)])
def test_its_frames_lie_where_slices_would(tmp_path: Path, edits: tuple[Edit, ...], by_pydicom: bool) -> None:
    """Positions, Hounsfield units and contours, including compressed frames."""
    of_frames = drawn(tmp_path / "frames", *edits, by_pydicom=by_pydicom)

    assert of_frames == drawn(tmp_path / "slices", by_pydicom=by_pydicom)
    assert len(of_frames[0]) == SLICES


def test_frames_that_do_not_say_where_they_lie_are_not_drawn(tmp_path: Path) -> None:
    """Nothing else could be drawn."""
    made = make_set(None, frames_of_one_ct)
    del made.ct[0].PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    made.folder = tmp_path / made.folder
    made.write()

    with pytest.raises(NotDrawable):
        plan_objects.read(made.folder)
