"""UIDs with invalid bytes are mapped like others, and those that are kept as the names of classes name nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from services.errors import NotClean, SetRefused
from services.rtset import kept_values
from tests.anonymized import anonymize_folder, anonymized
from tests.sets import encoded, make_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet


@pytest.mark.parametrize("way", ["explicit", "implicit"])
@pytest.mark.parametrize(
    ("at", "odd"), [(0, b" "), (4, b"\xff"), (-2, b"\xfc"), (3, b"\0"), (-1, b" "), (5, b"X"), (2, b"/")]
)
@pytest.mark.parametrize("kind", ["CT", "RS", "RP", "RD"])
def test_a_uid_with_an_invalid_byte_is_mapped_alike_everywhere(
    tmp_path: Path, kind: str, at: int, odd: bytes, way: str
) -> None:
    """If all objects of the set write it alike, the set is connected before and afterwards."""
    made = make_set(tmp_path / "source", encoded(way), ct=2, size=16)
    uid = dcmread(min(made.folder.glob(f"{kind}*"))).SOPInstanceUID.encode()
    at %= len(uid)
    for path in made.folder.iterdir():
        path.write_bytes(path.read_bytes().replace(uid, uid[:at] + odd + uid[at + 1 :]))

    anonymize_folder(made.folder, tmp_path / "ANON_006")
    assert len(list((tmp_path / "ANON_006").iterdir())) == len(list(made.folder.iterdir()))


def identified(keyword: str, uid: str) -> Edit:
    """Give the set an ID and dates, and write a UID into the plan's fraction group."""

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientID, data.PatientBirthDate, data.StudyDate = "0070213344", "19870623", "20230405"
        setattr(made.plan.FractionGroupSequence[0], keyword, uid)

    return edit


KEPT = [
    "ReferencedSOPClassUID",
    "SOPClassesInStudy",
    "CodingSchemeUID",
    "ContextGroupExtensionCreatorUID",
    "MappingResourceUID",
]


@pytest.mark.parametrize("keyword", KEPT)
@pytest.mark.parametrize(
    "uid", ["1.2.246.352.70213344", "1.2.246.0070213344.1", "1.2.19870623.4", "1.2.246.20230405101112987.3"]
)
def test_a_kept_uid_that_contains_an_id_or_a_date_is_refused(tmp_path: Path, keyword: str, uid: str) -> None:
    """Classes and code tables are kept, but a system may write anything into their attributes."""
    with pytest.raises(SetRefused) as refused:
        anonymized(tmp_path, identified(keyword, uid))
    (fault,) = refused.value.faults
    assert (fault.code, keyword in fault.found, uid in fault.found) == ("identifier-in-term", True, False)


@pytest.mark.parametrize("uid", ["1.2.246.352.70213344", "1.2.246.20230405101112987.3"])
def test_the_proof_finds_a_kept_uid_that_the_check_overlooks(
    tmp_path: Path, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for itself."""
    monkeypatch.setattr(kept_values._Known, "are_in_uid", lambda *_: False)
    with pytest.raises(NotClean) as not_clean:
        anonymized(tmp_path, identified("CodingSchemeUID", uid))
    assert "a kept UID contains an ID or a date" in "".join(not_clean.value.reasons)


@pytest.mark.parametrize("keyword", KEPT)
@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.5.1.4.1.1.481.5", "1.2.246.352.70.1.70", "2.16.840.1.113883.6.119", "1.2.3.20230406.7021334"]
)
def test_a_uid_of_a_class_or_a_code_table_is_kept(tmp_path: Path, keyword: str, uid: str) -> None:
    """Readers need it."""
    done = anonymized(tmp_path, identified(keyword, uid))
    assert done.plan.FractionGroupSequence[0][keyword].value == uid


@pytest.mark.parametrize(("uid", "left"), [("1.2.246.352.70213344", ""), ("1.2.246.352.71", "1.2.246.352.71")])
def test_a_kept_device_uid_that_contains_an_id_or_a_date_is_emptied(tmp_path: Path, uid: str, left: str) -> None:
    """It is kept with its scanner, and not worth a refusal."""

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            data.DeviceUID = uid

    done = anonymized(tmp_path, identified("ReferencedSOPClassUID", "1.2.840.10008.5.1.4.1.1.481.5"), edit, machines=())
    assert done.ct.DeviceUID == left
