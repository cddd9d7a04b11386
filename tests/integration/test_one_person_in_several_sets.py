"""A replan, a follow-up, a second course: the same person again, reported, and never confused by equal IDs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pydicom
import pytest

from services.maintenance import doctor
from services.runtime.settings import Settings
from services.store import notes
from services.store.collection import Collection
from sheets import collection_report
from tests.in_process import anonymizer
from tests.sets import make_collection, make_set, setting
from watcher.status.reader import StatusReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def a_set(root: Path, name: str, patient_id: str, birth: str = "19600203", sex: str = "F") -> Path:
    """Drop a set of a person."""
    return make_set(
        root,
        setting(PatientID=patient_id, PatientBirthDate=birth, PatientSex=sex),
        name=name,
        seed=f"{root.name}{name}",
    ).folder


def collection_of(root: Path, same_patient: str = "", more: str = "") -> Path:
    """Make a collection."""
    said = f'same_patient = "{same_patient}"\n' if same_patient else ""
    return make_collection(root, more=f"[people]\n{said}{more}")


def note_of(folder: Path) -> str:
    """Read the note beside a set."""
    path = notes.beside(folder, notes.NOTE)
    return path.read_text("utf-8-sig") if path.exists() else ""


def test_the_same_person_is_reported_everywhere(tmp_path: Path, take: Callable) -> None:
    """In note, check, status and report; the sets get the next numbers as usual."""
    root = collection_of(tmp_path / "BATCH")
    folders = {name: a_set(root, name, patient_id) for name, patient_id in (("a", "A1"), ("b", "B2"), ("c", " A1 "))}
    d = a_set(root, "d", "A1")
    outcomes = [take(root, name) for name in folders]
    assert [(outcome.index, outcome.text) for outcome in outcomes] == [
        (6, ""),
        (7, ""),
        (8, "It is the same person as ANON_006."),
    ]
    assert [("same person as ANON_006" in note_of(folder)) for folder in folders.values()] == [False, False, True]
    rows = {row["folder"]: row["notes"] for row in json.loads(anonymizer("check", root, "--json").stdout)["sets"]}
    assert [any("same person as ANON_006" in note for note in rows[name]) for name in "abcd"] == [
        False,
        False,
        True,
        True,
    ]
    assert d.exists()
    told = {row.folder: row.why for row in StatusReader(root, Settings()).read().sets}
    assert told["c"] == "It is the same person as ANON_006."
    assert "same person as ANON_006" in anonymizer("status", root).stdout
    collection = Collection.open(root)
    assert "Sets of one person" in collection_report.make(collection).read_text("utf-8")
    assert collection_report.of_one_person(collection, (6, 7, 8)) == [[6, 8]]
    assert take(root, "c").text == outcomes[2].text
    assert "same person" in note_of(folders["c"])
    assert {one.code for one in doctor.examine(collection)} == {"not-rendered"}


def test_without_link_two_sets_of_a_person_have_nothing_in_common(tmp_path: Path, take: Callable) -> None:
    """Neither text nor UID nor date; only equal pixels, as `separate` warns."""
    root = collection_of(tmp_path / "BATCH", "separate")
    Collection.open(root)
    (root / ".anonymizer" / "key").write_text("5" * 64)  # another one could by chance move both to the same days
    first = a_set(root, "a", "A1")
    shutil.copytree(first, root / "b")
    for path in (root / "b").glob("RP.*"):
        data = pydicom.dcmread(path)
        data.SOPInstanceUID += ".1"
        data.save_as(path)
    for path in (root / "b").glob("RD.*"):
        data = pydicom.dcmread(path)
        data.SOPInstanceUID += ".1"
        data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID += ".1"
        data.save_as(path)
    assert take(root, "a").index == 6
    outcome = take(root, "b")
    assert outcome.index == 7
    assert outcome.text.startswith("It is the same person as ANON_006.")
    assert "equal pixels" in outcome.text
    said = [identifying(root / name) for name in ("ANON_006", "ANON_007")]
    assert not said[0] & said[1]


def identifying(folder: Path) -> set[str]:
    """Return the values of a published set that could link it to another of the same person."""
    found: set[str] = set()
    for path in folder.glob("*.dcm"):
        for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
            value = str(element.value)
            is_new_uid = element.VR == "UI" and value.startswith("2.25.")
            if is_new_uid or element.VR == "DA" or element.keyword in {"PatientID", "PatientName"}:
                found.add(value)
    return found - {""}


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (("A1", "19600203", "F"), ("A1", "19600203", "F"), "same person"),
        (("A1", "", "F"), ("A1", "19600203", "F"), "same person"),
        (("A1", "19000101", ""), ("A1", "19600203", "M"), "same person"),
        (("A1", "19600203", "F"), ("A1", "19610203", "F"), "birth date or sex differ"),
        (("A1", "19600203", "F"), ("A1", "19600203", "M"), "birth date or sex differ"),
        (("A1", "19600203", "F"), ("A1a", "19600203", "F"), ""),
        (("", "19600203", "F"), ("", "19600203", "F"), ""),
    ],
)
def test_what_is_stated_twice_is_compared(
    tmp_path: Path, take: Callable, first: tuple[str, ...], second: tuple[str, ...], says: str
) -> None:
    """Birth date and sex, if both state them; placeholders do not count."""
    root = collection_of(tmp_path / "BATCH")
    a_set(root, "a", *first)
    a_set(root, "b", *second)
    take(root, "a")
    text = take(root, "b").text
    assert (says in text) if says else text == ""


def test_one_id_in_two_hospitals_is_two_people(tmp_path: Path, take: Callable) -> None:
    """If hospitals have folders."""
    root = collection_of(tmp_path / "BATCH", more='hospitals = "folder"\n')
    for hospital in "AB":
        a_set(root / hospital, "x", "A1")
    assert [take(root, name).text for name in ("A/x", "B/x")] == ["", ""]


def test_what_was_published_before_persons_were_noted_enters_by_its_lines(tmp_path: Path, take: Callable) -> None:
    """As by version 0.1.0, whose state lacks that folder."""
    root = collection_of(tmp_path / "BATCH")
    for name, patient_id in (("a", "A1"), ("b", "B2"), ("c", "B2"), ("d", "A1")):
        a_set(root, name, patient_id)
    take(root, "a")
    take(root, "b")
    persons = root / ".anonymizer" / "persons"
    shutil.rmtree(persons)
    assert [take(root, name).text for name in "cd"] == [
        "It is the same person as ANON_007.",
        "It is the same person as ANON_006.",
    ]
    assert len(list(persons.iterdir())) == 2


def test_nothing_in_the_state_names_a_person(tmp_path: Path, take: Callable) -> None:
    """Persons' entries contain neither ID nor birth date."""
    root = collection_of(tmp_path / "BATCH")
    a_set(root, "a", "A1234567", "19600203")
    take(root, "a")
    (path,) = (root / ".anonymizer" / "persons").iterdir()
    stored = path.read_text()
    assert "A1234567" not in stored
    assert "19600203" not in stored
    assert json.loads(stored)["index"] == 6
