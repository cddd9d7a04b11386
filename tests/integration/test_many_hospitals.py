"""The root's subfolders are hospitals with their sets; numbers run through the whole collection."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pydicom
import pytest

from services.maintenance import doctor, export
from services.runtime.settings import Settings
from services.store import notes, registry
from services.store.collection import Collection
from sheets import collection_report
from tests.in_process import anonymizer
from tests.integration.test_run import run, states, tracking_lines
from tests.sets import make_collection, make_set, setting, without
from watcher.folders import folders_of
from watcher.status.reader import StatusReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from tests.sets import MadeSet

KINDS = {"CT": "CT", "RS": "RTSTRUCT", "RP": "RTPLAN", "RD": "RTDOSE"}


def hospitals(root: Path, more: str = "") -> Path:
    """Make a collection whose subfolders are hospitals."""
    return make_collection(root, more=f'[people]\nhospitals = "folder"\n{more}')


def a_set(parent: Path, name: str, patient_id: str = "4711") -> MadeSet:
    """Drop a set."""
    return make_set(parent, setting(PatientID=patient_id), name=name, seed=f"{parent.name}{name}")


def apart(made: MadeSet) -> None:
    """Put each kind of object into its own subfolder of the set."""
    for prefix in KINDS:
        inner = made.folder / prefix
        inner.mkdir()
        for path in list(made.folder.glob(f"{prefix}.*")):
            path.rename(inner / path.name)


def sets_of(root: Path) -> list[str]:
    """Return the names of the sets of a root."""
    return folders_of(Collection.look(root))


def mixed_layouts(root: Path) -> list[str]:
    """Lay out hospitals and sets in every way; return the sets."""
    a_set(root / "St. Anna", "P1")
    apart(a_set(root / "St. Anna", "P2"))
    apart(a_set(root, "P3"))
    made = a_set(root, "P4")
    deeper = made.folder / "CT"
    deeper.mkdir()
    for path in made.folder.glob("CT.*"):
        path.rename(deeper / path.name)
    apart(a_set(root, "P5"))
    (root / "P5" / "pictures").mkdir()
    (root / "P5" / "pictures" / "read me.txt").write_text("x")
    a_set(root / "Ümlaut & Söhne", "P1")
    (root / "Ümlaut & Söhne" / "list.txt").write_text("of patients")
    (root / "empty").mkdir()
    return ["P3", "P4", "P5", "St. Anna/P1", "St. Anna/P2", "Ümlaut & Söhne/P1"]


def test_sets_and_hospitals_are_distinguished(tmp_path: Path) -> None:
    """By DICOM at a folder's own level, and by references between objects in subfolders."""
    root = hospitals(tmp_path / "BATCH")
    expected = mixed_layouts(root)
    assert sets_of(root) == expected
    make_collection(root)
    assert sets_of(root) == ["empty", "P3", "P4", "P5", "St. Anna", "Ümlaut & Söhne"]


@pytest.mark.parametrize("kinds", [("CT", "RS"), ("RS", "RP"), ("RP", "RD")])
def test_two_kinds_that_refer_to_each_other_are_a_set(tmp_path: Path, kinds: tuple[str, str]) -> None:
    """Before the others have arrived."""
    root = hospitals(tmp_path / "BATCH")
    made = a_set(root, "P1")
    apart(made)
    for prefix in KINDS.keys() - {*kinds}:
        shutil.rmtree(made.folder / prefix)
    assert sets_of(root) == ["P1"]


def test_one_stray_reference_does_not_make_a_hospital_folder_a_set(tmp_path: Path) -> None:
    """An image series in the wrong folder does not affect the other sets."""
    root = hospitals(tmp_path / "BATCH")
    for name in "abcde":
        a_set(root / "H", name)
    for path in (root / "H" / "a").glob("CT.*"):
        path.rename(root / "H" / "b" / path.name)
    assert sets_of(root) == [f"H/{name}" for name in "abcde"]


def test_a_hospital_stays_one_once_a_set_of_it_was_published(tmp_path: Path) -> None:
    """Whatever its folder contains later."""
    root = hospitals(tmp_path / "BATCH")
    a_set(root / "H", "a")
    run(root, "--workers", 1)
    apart(make_set(root, name="whole", seed="w"))
    for inner in (root / "whole").iterdir():
        inner.rename(root / "H" / inner.name)
    (root / "whole").rmdir()
    assert sets_of(root) == ["H/a", "H/CT", "H/RD", "H/RP", "H/RS"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a collection of three hospitals, one with a refused set."""
    root = hospitals(tmp_path_factory.mktemp("hospitals") / "BATCH")
    a_set(root / "St. Anna", "P1")
    a_set(root / "Zur Ruh, Ost", "P1")
    a_set(root, "P9")
    make_set(root / "St. Anna", without("RTDOSE"), name="P2", seed="x")
    done = run(root, "--workers", 2)
    assert {folder: state for folder, (state, _) in states(done).items()} == {
        "St. Anna/P1": "published",
        "St. Anna/P2": "refused",
        "Zur Ruh, Ost/P1": "published",
        "P9": "published",
    }
    return root


def test_each_line_has_the_sets_own_hospital(ran: Path) -> None:
    """Numbers are the collection's; notes are beside each set."""
    lines = tracking_lines(ran)[1:]
    assert sorted(line.split(", ", 3)[3] for line in lines) == ['"Zur Ruh, Ost"', "Demo Hospital", "St. Anna"]
    assert [line.split(", ")[1] for line in lines] == ["zzz_AnusGE006", "zzz_AnusGE007", "zzz_AnusGE008"]
    assert notes.beside(ran / "St. Anna" / "P2", notes.REFUSED).exists()
    assert list(doctor.examine(Collection.look(ran))) == []


def test_status_and_report_can_be_seen_for_one_hospital(ran: Path) -> None:
    """The report of all hospitals names none, and only that is delivered."""
    (told,) = json.loads(anonymizer("status", ran, "--json").stdout)
    assert {(row["folder"], row["hospital"]) for row in told["sets"]} == {
        ("P9", "Demo Hospital"),
        ("St. Anna/P1", "St. Anna"),
        ("St. Anna/P2", "St. Anna"),
        ("Zur Ruh, Ost/P1", "Zur Ruh, Ost"),
    }
    (told,) = json.loads(anonymizer("status", ran, "--hospital", "St. Anna", "--json").stdout)
    assert [row["folder"] for row in told["sets"]] == ["St. Anna/P1", "St. Anna/P2"]
    assert "St. Anna: 1 published, 1 refused" in anonymizer("status", ran).stdout
    collection = Collection.look(ran)
    page = collection_report.make(collection, "St. Anna")
    whole = collection_report.make(collection)
    assert page.name == "report_St._Anna.html"
    assert "Published sets: 1" in page.read_text("utf-8")
    assert "Published sets: 3" in whole.read_text("utf-8")
    assert "Anna" not in whole.read_text("utf-8")
    list(export.copy_sets(collection, ran.parent / "out"))
    assert not [path for path in (ran.parent / "out").rglob("*") if "Anna" in path.name]


def test_no_hospital_is_in_what_was_published_or_recorded(ran: Path) -> None:
    """Neither in DICOM nor in file names of the state."""
    for path in (*ran.glob("ANON_*/*"), *(ran / ".anonymizer" / "records").iterdir()):
        assert b"Anna" not in path.read_bytes()
        assert b"Zur Ruh" not in path.read_bytes()


def test_a_set_in_a_hospital_is_retried_by_its_path(ran: Path) -> None:
    """Relative to the root, or as completed by the shell."""
    for given in ("St. Anna/P2", ran / "St. Anna" / "P2"):
        done = anonymizer("retry", ran, given)
        assert (done.returncode, "St. Anna/P2 will be processed again" in done.stdout) == (0, True), done.stderr
    assert anonymizer("retry", ran, "P2").returncode == 2
    collection = Collection.look(ran)
    assert registry.read_outcome(collection, collection.locator("St. Anna/P2")) is None


def test_a_list_tells_patients_of_two_hospitals_apart(tmp_path: Path, client: redis.Redis, take: Callable) -> None:
    """By its hospital column; a row without one applies to one patient only."""
    root = hospitals(tmp_path / "BATCH")
    for hospital in ("A", "B"):
        a_set(root / hospital, "P1", "4711")
        a_set(root / hospital, "P2", "4712")
    (root / "identities.csv").write_text(
        "original_id,patient_id,hospital\n4711,T-1,A\n4711,T-2,B\n4712,T-3,\n", encoding="utf-8"
    )
    outcomes = {name: take(root, name) for name in ("A/P1", "B/P1", "A/P2", "B/P2")}
    assert {name: (outcome.state, outcome.codes) for name, outcome in outcomes.items()} == {
        "A/P1": ("published", ()),
        "B/P1": ("published", ()),
        "A/P2": ("published", ()),
        "B/P2": ("waiting", ("unlisted",)),
    }
    lines = [
        json.loads(path.read_text())["line"] for path in sorted((root / ".anonymizer" / "tracking").glob("*.json"))
    ]
    assert [line.split(", ")[1::2] for line in lines] == [["T-1", "A"], ["T-2", "B"], ["T-3", "A"]]


def test_status_names_hospitals_before_the_first_run(tmp_path: Path) -> None:
    """Before there is any state."""
    root = hospitals(tmp_path / "BATCH")
    a_set(root / "A", "P1")
    (row,) = StatusReader(root, Settings()).read().sets
    assert (row.folder, row.hospital) == ("A/P1", "A")


@pytest.mark.parametrize("where", ["", "Klinik Untersulz"])
def test_the_name_of_a_hospital_goes_from_labels(tmp_path: Path, where: str) -> None:
    """The form's or the folder's, in sets of several patients; words of all clinics and of the lexicon stay."""
    root = make_collection(tmp_path / "BATCH", hospital="Moosgruber Klinik Nord", more='[people]\nhospitals = "folder"')
    own = "Untersulz" if where else "Moosgruber"
    for patient_id, label in (("4711", f"HN {own}"), ("4712", f"{own}_HN 2"), ("4713", "HN Klinik")):
        edit = setting("RTPLAN", RTPlanLabel=label)
        make_set(root / where, edit, setting(PatientID=patient_id), name=f"P{patient_id}", seed=patient_id)
    run(root)
    plans = {path.parent.name: pydicom.dcmread(path) for path in root.glob("ANON_*/RP.*")}
    assert sorted(str(plan.RTPlanLabel) for plan in plans.values()) == ["HN", "HN 2", "HN Klinik"]
    for line in tracking_lines(root)[1:]:
        number = line.split(", ")[1][-3:]
        source = root / where / f"P{line.split(', ')[0]}"
        assert anonymizer("verify", source, root / f"ANON_{number}").returncode == 0


def test_the_name_of_a_listed_hospital_goes_from_labels(tmp_path: Path) -> None:
    """That of the patient's row, besides the form's."""
    root = make_collection(tmp_path / "BATCH", hospital="Moosgruber Klinik")
    (root / "identities.csv").write_text("original_id,patient_id,hospital\n4711,T-1,Untersulz\n", encoding="utf-8")
    edit = setting("RTPLAN", RTPlanLabel="HN Untersulz")
    named = setting("RTSTRUCT", StructureSetLabel="HN Moosgruber")
    make_set(root, edit, named, setting(PatientID="4711"), name="P1")
    run(root)
    labels = {str(pydicom.dcmread(path).get("RTPlanLabel")) for path in root.glob("ANON_*/RP.*")}
    labels |= {str(pydicom.dcmread(path).get("StructureSetLabel")) for path in root.glob("ANON_*/RS.*")}
    assert labels == {"HN"}
