"""A delivered set that gets new numbers is proven: whatever is written wrongly is noticed, and nothing is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest

from services.dicom import part10
from services.errors import NotClean
from services.exchange.incoming import renumber
from services.forms.collection_form import Options
from services.forms.identity import NewIdentity
from services.machines import descriptor
from services.policy.table import policy_for
from services.verdict import check
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from services.rtset.reader import RtSet
    from tests.sets import MadeSet

OVERLAYS = 0x6000
WHO = NewIdentity("multi006", "Multi^First", 6)


def without_private(made: MadeSet) -> None:
    """Take out what no delivered set has."""
    for data in made.objects:
        data.remove_private_tags()
        for tag in [tag for tag in data if tag.tag.group == OVERLAYS]:
            del data[tag.tag]


@pytest.fixture
def rtset(tmp_path: Path) -> RtSet:
    """Read a small set, as the delivered one is read."""
    options = Options(machine=("VicRapidPlan",))
    machines = descriptor.named(options.machine, descriptor.folders())
    return check.judge(make_set(tmp_path, without_private).folder, options, machines, policy_for(options)).good_set()


def lost(data: Dataset) -> None:
    """Lose an element."""
    del data.Manufacturer


def added(data: Dataset) -> None:
    """Put one in."""
    data.ContrastBolusAgent = "IODINE"


def changed(data: Dataset) -> None:
    """Change a kept text."""
    data.Modality = "MR"


def old_uid(data: Dataset) -> None:
    """Set the UID of all objects to the same."""
    data.StudyInstanceUID = "1.2.3"


def other_patient(data: Dataset) -> None:
    """Name somebody else."""
    data.PatientName = "Huber^Josef"


def fewer_items(data: Dataset) -> None:
    """Lose a structure."""
    if data.Modality == "RTSTRUCT":
        del data.StructureSetROISequence[0]


def other_pixels(data: Dataset) -> None:
    """Change a voxel."""
    if data.Modality == "CT":
        data.PixelData = bytes([data.PixelData[0] ^ 1]) + data.PixelData[1:]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lost, "elements: some were lost or inserted"),
        (added, "elements: some were lost or inserted"),
        (changed, "elements: Modality is not as expected"),
        (old_uid, "uids: they were not replaced one to one"),
        (other_patient, "elements: PatientName is not as expected"),
        (fewer_items, "elements: StructureSetROISequence has other items"),
        (other_pixels, "pixels: differ in a CT"),
    ],
)
def test_what_is_written_wrongly_is_noticed(
    tmp_path: Path, rtset: RtSet, monkeypatch: pytest.MonkeyPatch, change: Callable[[Dataset], None], found: str
) -> None:
    """In one object or in all."""
    write = part10.write

    def wrongly(target: Path, *arguments: object, **named: object) -> object:
        written = write(target, *arguments, **named)
        data = pydicom.dcmread(target)
        change(data)
        data.save_as(target)
        return written

    monkeypatch.setattr(part10, "write", wrongly)
    (tmp_path / "new").mkdir()
    with pytest.raises(NotClean) as caught:
        renumber.write(rtset, WHO, bytes(32), tmp_path / "new")
    assert caught.value.reasons == (found,)


def test_a_set_that_is_written_well_is_proven(tmp_path: Path, rtset: RtSet) -> None:
    """Each file is told by its digest."""
    (tmp_path / "new").mkdir()
    digests = renumber.write(rtset, WHO, bytes(32), tmp_path / "new")
    assert digests.keys() == {path.name for path in (tmp_path / "new").iterdir()}
    assert {pydicom.dcmread(path).PatientID for path in (tmp_path / "new").iterdir()} == {"multi006"}
