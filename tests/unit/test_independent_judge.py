"""The tests' independent judge detects every kind of violation that it checks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, dcmread, dcmwrite

from tests import sets
from tests.anonymized import Anonymized, anonymize_folder
from tests.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[sets.MadeSet, Anonymized]:
    """Anonymize a set once."""
    folder = tmp_path_factory.mktemp("sound")
    made = sets.make_set(folder, ct=5)
    return made, anonymize_folder(made.folder, folder / "ANON_006")


def _swap_images(data: Dataset) -> None:
    one, other = (contour.ContourImageSequence[0] for contour in data.ROIContourSequence[1].ContourSequence[:2])
    images = one.ReferencedSOPInstanceUID, other.ReferencedSOPInstanceUID
    other.ReferencedSOPInstanceUID, one.ReferencedSOPInstanceUID = images


def _move_point(data: Dataset) -> None:
    contour = data.ROIContourSequence[1].ContourSequence[0]
    contour.ContourData = [float(contour.ContourData[0]) + 0.1, *contour.ContourData[1:]]


DAMAGES: dict[str, tuple[str, Callable[[Dataset], object], str]] = {
    "a pixel": ("CT", lambda data: setattr(data, "PixelData", b"\1" + data.PixelData[1:]), "other pixels"),
    "a point": ("RS", _move_point, "numbers of a RTSTRUCT differ"),
    "swapped images": ("RS", _swap_images, "links differ"),
    "another plan": (
        "RD",
        lambda data: setattr(data.ReferencedRTPlanSequence[0], "ReferencedSOPInstanceUID", "2.25.1"),
        "links differ",
    ),
    "a private element": ("RP", lambda data: data.add_new(0x00111001, "LO", "x"), "a private element is left"),
    "another patient": ("RP", lambda data: setattr(data, "PatientID", "x"), "differ in what they say of the patient"),
    "a date": ("RP", lambda data: setattr(data, "RTPlanDate", "20010101"), "different numbers of days"),
    "a filled preamble": ("RP", lambda data: setattr(data, "preamble", b"x" * 128), "a preamble is filled"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_violation_is_found(sound: tuple[sets.MadeSet, Anonymized], tmp_path: Path, name: str) -> None:
    """One violation at a time."""
    made, done = sound
    kind, damage, told = DAMAGES[name]
    shutil.copytree(done.anon, tmp_path / "ANON_006")
    path = min((tmp_path / "ANON_006").glob(f"{kind}.*"))
    data = dcmread(path)
    damage(data)
    dcmwrite(path, data, enforce_file_format=False)
    with pytest.raises(AssertionError, match=told):
        judge(made.folder, tmp_path / "ANON_006", made.manifest)


def test_a_planted_identifier_is_found_in_any_byte(sound: tuple[sets.MadeSet, Anonymized], tmp_path: Path) -> None:
    """Even outside of element values."""
    made, done = sound
    shutil.copytree(done.anon, tmp_path / "ANON_006")
    path = min((tmp_path / "ANON_006").glob("RD.*"))
    data = dcmread(path)
    data.DoseComment = str(made.plan.PatientName).upper()
    dcmwrite(path, data, enforce_file_format=False)
    with pytest.raises(AssertionError, match="planted identifiers are left in a RD"):
        judge(made.folder, tmp_path / "ANON_006", made.manifest)


def test_a_sound_set_passes(sound: tuple[sets.MadeSet, Anonymized]) -> None:
    """Otherwise the other tests would prove nothing."""
    made, done = sound
    judge(made.folder, done.anon, made.manifest)
