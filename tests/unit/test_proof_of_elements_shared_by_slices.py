"""Slices share most contents, recognized by their bytes: errors in any slice are still detected."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, dcmread, dcmwrite

from services.errors import NotClean
from services.proof.prove import Expected, prove
from tests import sets
from tests.anonymized import IDENTITY, anonymize_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.proof.prove import Proof

    Prove = Callable[[], Proof]

SLICES = 5


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[sets.MadeSet, Path, Expected, Proof]:
    """Anonymize a valid set once."""
    folder = tmp_path_factory.mktemp("sound")
    made = sets.make_set(folder, rois=3, ct=SLICES)
    done = anonymize_folder(made.folder, folder / "ANON_006")
    policy, machine = done.replacements.policy, done.replacements.machine
    return made, done.anon, Expected(IDENTITY, policy, machine), done.proof


@pytest.fixture
def output(sound: tuple[sets.MadeSet, Path, Expected, Proof], tmp_path: Path) -> tuple[Path, Prove]:
    """Copy the set for damage, with a function that repeats its proof."""
    made, anon, expected, _ = sound
    shutil.copytree(anon, tmp_path / "ANON_006")
    source = [(data.Modality, made.path(data)) for data in made.objects]
    return tmp_path / "ANON_006", lambda: prove(source, tmp_path / "ANON_006", expected)


DAMAGES: dict[str, tuple[Callable[[Dataset], object], str]] = {
    "a kept value differs": (
        lambda data: setattr(data, "KVP", "121"),
        "elements: differs, and should be kept at CT KVP",
    ),
    "an element is lost": (
        lambda data: delattr(data, "PatientPosition"),
        "elements: is lost at CT PatientPosition",
    ),
    "an element is added": (
        lambda data: setattr(data, "RequestedContrastAgent", "seen"),
        "elements: has no source at CT RequestedContrastAgent",
    ),
    "another patient": (
        lambda data: setattr(data, "PatientID", "zzz_AnusGE0"),
        "identity: ",
    ),
    "a code is lost": (
        lambda data: data.DeidentificationMethodCodeSequence.pop(),
        "method: the codes do not state what was done",
    ),
}


@pytest.mark.parametrize("number", range(SLICES))
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_seen_in_whichever_slice_it_is(output: tuple[Path, Prove], damage: str, number: int) -> None:
    """The reason names the attribute."""
    (folder, proven), (change, reason) = output, DAMAGES[damage]
    path = sorted(folder.glob("CT.*"))[number]
    data = dcmread(path)
    change(data)
    dcmwrite(path, data)
    with pytest.raises(NotClean) as not_clean:
        proven()
    assert reason in "\n".join(not_clean.value.reasons)


def test_a_reference_is_seen_to_differ_from_the_same_one_before(output: tuple[Path, Prove]) -> None:
    """All structures use the same slices: the last contour of the last one references another image."""
    folder, proven = output
    (path,) = folder.glob("RS.*")
    data = dcmread(path)
    first, last = (
        data.ROIContourSequence[roi].ContourSequence[contour].ContourImageSequence[0]
        for roi, contour in ((0, 0), (-1, -1))
    )
    last.ReferencedSOPInstanceUID = first.ReferencedSOPInstanceUID
    dcmwrite(path, data)
    with pytest.raises(NotClean) as not_clean:
        proven()
    assert not_clean.value.reasons[0].startswith("uids: one UID became two at RTSTRUCT ROIContourSequence[2]")


def test_what_is_recognized_by_its_bytes_is_counted_in_each_slice(
    sound: tuple[sets.MadeSet, Path, Expected, Proof],
) -> None:
    """An element checked once counts in every slice, and elements in sequences with their group."""
    made, anon, _, proof = sound
    written = [dcmread(path) for path in anon.iterdir()]
    counted: dict[str, int] = {}
    for data in written:
        _count(data, counted)
    assert proof.account["elements"] == dict(sorted(counted.items()))
    assert proof.changes["CT PatientID"] == {"identity": SLICES}
    assert proof.changes["CT InstitutionName"] == {"drop": SLICES}
    assert (
        proof.checks["elements"]
        == sum(sum(actions.values()) for actions in proof.changes.values()) + (proof.elements["equal"])
    )
    assert len(made.objects) == len(written)


def _count(data: Dataset, counted: dict[str, int]) -> None:
    for element in data:
        if element.VR == "SQ" and element.keyword != "DeidentificationMethodCodeSequence":
            for item in element.value:
                _count(item, counted)
        else:
            counted[f"{element.tag.group:04x}"] = counted.get(f"{element.tag.group:04x}", 0) + 1
