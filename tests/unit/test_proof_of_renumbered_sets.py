"""A renumbered delivered set is proven: any writing error is noticed, and nothing is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest

from services.deidentify.uid_map import UidMap
from services.deidentify.writer import file_name
from services.dicom import part10
from services.errors import NotClean
from services.exchange.incoming import renumber
from services.forms.collection_form import Options
from services.forms.identity import NewIdentity
from services.machines import descriptor
from services.policy.table import policy_for
from services.proof.pixels import PixelComparison
from services.verdict import check
from tests import each_element
from tests.each_element import PREFIXES, WAYS
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from services.rtset.reader import RtSet
    from tests.sets import MadeSet

OVERLAYS = 0x6000
KEY = bytes(32)
WHO = NewIdentity("multi006", "Multi^First", 6)


def without_private(made: MadeSet) -> None:
    """Remove what no delivered set has."""
    for data in made.objects:
        data.remove_private_tags()
        for tag in [tag for tag in data if tag.tag.group == OVERLAYS]:
            del data[tag.tag]


def read(folder: Path, **make: object) -> RtSet:
    """Make a set, and read it as a delivered one is read."""
    options = Options(machine=("VicRapidPlan",))
    machines = descriptor.named(options.machine, descriptor.folders())
    made = make_set(folder, without_private, **make)
    return check.judge(made.folder, options, machines, policy_for(options)).good_set()


@pytest.fixture
def rtset(tmp_path: Path) -> RtSet:
    """Read a small set."""
    return read(tmp_path)


def lost(data: Dataset) -> None:
    """Lose an element."""
    del data.Manufacturer


def added(data: Dataset) -> None:
    """Add an element."""
    data.ContrastBolusAgent = "IODINE"


def changed(data: Dataset) -> None:
    """Change a kept text."""
    data.Modality = "MR"


def old_uid(data: Dataset) -> None:
    """Give all objects the same UID."""
    data.StudyInstanceUID = "2.25.7"


def other_patient(data: Dataset) -> None:
    """Change the patient's name."""
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
    """In one object or all."""
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
        renumber.write(rtset, WHO, KEY, tmp_path / "new")
    assert caught.value.reasons == (found,)


def test_a_set_that_is_written_well_is_proven(tmp_path: Path, rtset: RtSet) -> None:
    """Each file's digest is returned."""
    (tmp_path / "new").mkdir()
    digests = renumber.write(rtset, WHO, KEY, tmp_path / "new")
    assert digests.keys() == {path.name for path in (tmp_path / "new").iterdir()}
    assert {pydicom.dcmread(path).PatientID for path in (tmp_path / "new").iterdir()} == {"multi006"}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> RtSet:
    """Read a small set of two slices."""
    return read(tmp_path_factory.mktemp("delivered"), ct=2, size=16, rois=["PTV_70", "Parotid_L"], control_points=2)


def reasons(rtset: RtSet, folder: Path) -> set[str]:
    """Ask the proof for each file, as the writing does."""
    proof, uids = renumber.Proof(WHO), UidMap(KEY)
    for source in rtset.set_files:
        new = part10.read(folder / file_name(source.kind, uids(source.sop_instance_uid)))
        proof.compare(source.kind, source.file, new)
        _, wrong = PixelComparison().compare(source.kind, source.file, new)
        proof.wrong.update(wrong)
    proof.judge_uids()
    return proof.wrong


@pytest.mark.hypothesis
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_element_changes_unseen(prefix: str, way: str, delivered: RtSet, tmp_path: Path) -> None:
    """An element of one file changes, and nothing else does."""
    renumber.write(delivered, WHO, KEY, tmp_path)
    names = each_element.changed(min(tmp_path.glob(f"{prefix}.*")), way)
    assert [name for name in names if not reasons(delivered, tmp_path)] == []


@pytest.mark.parametrize("prefix", PREFIXES)
def test_nothing_surrounds_the_elements_unseen(prefix: str, delivered: RtSet, tmp_path: Path) -> None:
    """In preamble, file meta information, and behind the last element."""
    renumber.write(delivered, WHO, KEY, tmp_path)
    path = min(tmp_path.glob(f"{prefix}.*"))
    written = path.read_bytes()
    data = pydicom.dcmread(path)
    data.file_meta.SourceApplicationEntityTitle = "MUSTERMANN"
    data.save_as(path)
    for made in (path.read_bytes(), b"MUSTERMANN" + written[10:], written + b"\0\0"):
        path.write_bytes(made)
        assert reasons(delivered, tmp_path)
