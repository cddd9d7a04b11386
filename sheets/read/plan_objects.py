"""The objects of one set, read by the engine, or for comparisons by pydicom, which neither wrote nor proved them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.rtset import folder_listing, reader
from services.verdict.selection.set_aside import set_aside
from sheets.read import ct_volume, enhanced_ct
from sheets.read.beams import beams
from sheets.read.ct_volume import Frame, NotDrawable
from sheets.read.engine_data import EngineData
from sheets.read.numbers import exactly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset

    from services.dicom.part10 import DicomFile
    from services.rtset.reader import SetFile
    from services.verdict.selection.complete_sets import Choose
    from sheets.read.beams import Beam
    from sheets.read.ct_volume import Place
    from sheets.read.numbers import Data, Floats


class Slice(NamedTuple):
    """One CT slice."""

    path: Path
    place: Place

    header: Data
    """The complete data set if it is a frame of an enhanced CT."""


@dataclass(frozen=True)
class Objects:
    """One set. The CT's pixels stay on disk and are read one slice at a time."""

    sop_instance_uids: tuple[str, ...]

    frame: Frame
    slices: tuple[Slice, ...]
    """Sorted along the frame's axis."""

    structure_set: Data
    plan: Data
    dose: Data

    by_pydicom: bool
    """Whether they are read by pydicom."""

    files: tuple[DicomFile, ...]
    """All objects as read by the engine, without their pixels."""

    @property
    def slices_mm(self) -> Floats:
        """Return the sorted positions of the slices along the frame's axis, in mm."""
        return np.unique([one.place.at for one in self.slices])

    @cached_property
    def bounds_mm(self) -> Floats:
        """Return the bounds (2, 3) of the CT's voxels along the axes of the frame, in mm."""
        at = self.slices_mm
        gaps = np.diff(at)[[0, -1]] if len(at) > 1 else np.ones(2)
        bounds = np.empty((2, 3))
        bounds[:, self.frame.stacked] = at[0] - gaps[0] / 2, at[-1] + gaps[1] / 2
        for number, axis in enumerate(self.frame.along):
            ends = [
                (one.place.first[number] - one.place.step[number] / 2)
                + np.array([0, one.place.step[number] * one.place.size[number]])
                for one in self.slices
            ]
            bounds[:, axis] = np.min(ends), np.max(ends)
        return bounds

    @property
    def spacing(self) -> str:
        """Return the slice distances: `3 mm`, `2 and 5 mm`, `2 to 7.5 mm`."""
        gaps = np.unique(np.diff(self.slices_mm).round(1))
        if len(gaps) > 2:
            return f"{gaps[0]:g} to {gaps[-1]:g} mm"
        return " and ".join(f"{gap:g}" for gap in gaps) + " mm" if len(gaps) else "no distance"

    @cached_property
    def beams(self) -> list[Beam]:
        """Return the beams of the plan."""
        return beams(self.plan)

    def images(self) -> Iterator[Data]:
        """Yield the slices one at a time."""
        for one in self.slices:
            is_a_file = isinstance(one.header, EngineData)
            yield _read(one.path) if self.by_pydicom and is_a_file else one.header


class NoSet(Exception):
    """The folder no longer holds one set."""


def read(folder: Path, *, by_pydicom: bool = False, choose: Choose = lambda found: set_aside(found).objects) -> Objects:
    """Return the set in a folder.

    Parameters
    ----------
    choose
        Selects the objects of the set from those in the folder.

    Raises
    ------
    NoSet
        There is not one structure set, one plan, one dose and a CT.
    NotDrawable
        The geometry of the CT's slices is not stated.
    OSError
        A file cannot be read.
    """
    found = choose(reader.read(folder, folder_listing.take(folder)).objects)
    single = [found[kind] for kind in (STRUCTURE_SET, PLAN, DOSE)]
    if not found[CT] or any(len(files) != 1 for files in single):
        raise NoSet
    files = [*found[CT], *(files[0] for files in single)]
    structure_set, plan, dose = (_object(folder, one, by_pydicom=by_pydicom) for (one,) in single)
    images = [(folder / one.path, header) for one in found[CT] for header in _images(folder, one)]
    try:
        within = ct_volume.frame(exactly(images[0][1], "ImageOrientationPatient", 6))
        slices = [Slice(path, ct_volume.place(header, within), header) for path, header in images]
    except (ValueError, IndexError) as error:
        raise NotDrawable from error
    return Objects(
        sop_instance_uids=tuple(one.sop_instance_uid for one in files),
        frame=within,
        slices=tuple(sorted(slices, key=lambda one: one.place.at)),
        structure_set=structure_set,
        plan=plan,
        dose=dose,
        by_pydicom=by_pydicom,
        files=tuple(one.file for one in files),
    )


def _images(folder: Path, one: SetFile) -> Sequence[Data]:
    """Return the slice in a CT file; for an enhanced CT its frames, read by pydicom."""
    header = EngineData(one.view, one)
    return enhanced_ct.frames(_read(folder / one.path)) if enhanced_ct.has_frames(header) else [header]


def _object(folder: Path, one: SetFile, *, by_pydicom: bool) -> Data:
    return _read(folder / one.path) if by_pydicom else EngineData(one.view, one)


def _read(path: Path) -> Dataset:
    """Read one object; if its transfer syntax is not stated, it is the one pydicom inferred."""
    data = dcmread(path, force=True)
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, _ = data.original_encoding
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return data
