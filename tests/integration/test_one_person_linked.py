"""`same_patient = "link"`: a person's later set shares identity, dates, UIDs and birth date."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pydicom
import pytest

from services.errors import NotClean
from services.exchange import delivery_key
from services.maintenance import doctor, forget, withdraw
from services.maintenance.verify_again import verify_published
from services.pipeline import proven_set
from services.publication import claims, republish
from services.publication.index_ledger import Ledger
from services.runtime.settings import Settings
from services.store import notes, records
from services.store.collection import Collection
from tests.delivered import anonymizer
from tests.judge import NO_DAYS
from tests.sets import Edit, MadeSet, make_collection, make_set, setting, undated_codes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

BIRTH = "19600203"
FIRST_STUDIED = date(2020, 3, 2)


def studied(days: int) -> Edit:
    """Make a set studied so many days after the person's first one, with the age that follows from it.

    All its days move, those of moments too: were some left behind, a shift of the person could by chance map one onto
    another, and the set would wait.
    """

    def edit(made: MadeSet) -> None:
        later = FIRST_STUDIED + timedelta(days=days) - date.fromisoformat(made.ct[0].StudyDate)
        for data in made.objects:
            for element in data.iterall():
                if element.VR in {"DA", "DT"} and element.value and element.keyword not in NO_DAYS:
                    written = str(element.value)
                    element.value = f"{date.fromisoformat(written[:8]) + later:%Y%m%d}{written[8:]}"
            data.pop("PatientAge", None)

    return edit


def drop(
    root: Path,
    name: str,
    patient_id: str = "A1",
    *edits: Edit,
    birth: str = BIRTH,
    days: int = 0,
    seed: str = "",
) -> Path:
    """Drop a set of a person, `days` after their first one."""
    who = setting(PatientID=patient_id, PatientBirthDate=birth, PatientSex="F")
    return make_set(
        root, who, studied(days), undated_codes, *edits, name=name, seed=seed or f"{root.name}{name}"
    ).folder


def linking(root: Path, more: str = "", same_patient: str = "link") -> Path:
    """Make a collection that links the sets of a person."""
    return make_collection(root, more=f'{more}\n[people]\nsame_patient = "{same_patient}"\n')


def plan_of(root: Path, index: int) -> pydicom.Dataset:
    """Read a published set's plan."""
    (path,) = (root / f"ANON_{index:03d}").glob("RP.*.dcm")
    return pydicom.dcmread(path)


def says(root: Path, index: int) -> tuple[str, ...]:
    """Return identity, birth date and study ID of a published plan."""
    plan = plan_of(root, index)
    return (plan.PatientID, str(plan.PatientName), plan.PatientBirthDate, plan.StudyID)


def moved_by(root: Path, name: str, index: int) -> int:
    """Return the shift of a set's study date in days."""
    (path,) = (root / name).glob("RP*.dcm")
    days = (date.fromisoformat(pydicom.dcmread(path).StudyDate), date.fromisoformat(plan_of(root, index).StudyDate))
    return (days[0] - days[1]).days


def lines(root: Path) -> list[str]:
    """Return new IDs in the state's tracking entries."""
    entries = sorted((root / ".anonymizer" / "tracking").glob("*.json"))
    return [json.loads(path.read_text())["line"].split(", ")[1] for path in entries]


def note_of(folder: Path) -> str:
    """Read the note beside a set."""
    path = notes.beside(folder, notes.NOTE)
    return path.read_text("utf-8-sig") if path.exists() else ""


def test_later_sets_have_the_identity_of_the_first(tmp_path: Path, take: Callable) -> None:
    """ID, name, birth date, exact intervals, consecutive study IDs; folders and lines are each set's own."""
    root = linking(tmp_path / "BATCH")
    for name, days in (("a", 0), ("b", 400), ("c", 777)):
        drop(root, name, days=days)
    drop(root, "other", "B2")
    assert [take(root, name).index for name in ("a", "other", "b", "c")] == [6, 7, 8, 9]
    first = says(root, 6)
    assert first[:2] == ("zzz_AnusGE006", "AnusGE006^First")
    assert [says(root, index) for index in (8, 9)] == [(*first[:3], "2"), (*first[:3], "3")]
    assert says(root, 7)[:2] == ("zzz_AnusGE007", "AnusGE007^First")
    assert len({moved_by(root, name, index) for name, index in (("a", 6), ("b", 8), ("c", 9))}) == 1
    assert lines(root) == ["zzz_AnusGE006", "zzz_AnusGE007", "zzz_AnusGE006", "zzz_AnusGE006"]
    told = note_of(root / "b")
    assert "the same person as ANON_006" in told
    assert "zzz_AnusGE006 stands in the tracking file more than once" in told
    assert note_of(root / "a") == ""
    collection = Collection.open(root)
    keys = {str(records.read(collection, index).content["key"]) for index in (6, 8, 9)}  # type: ignore[union-attr]
    assert keys == {f"person:{collection.person('A1')}"}
    for name, index in (("a", 6), ("b", 8), ("c", 9)):
        verify_published(root / name, root / f"ANON_{index:03d}", collection, [])
    assert {one.code for one in doctor.examine(collection)} == {"not-rendered"}
    assert take(root, "b").index == 8


def replan(first: Path, name: str, **changes: object) -> Path:
    """Drop another plan with its dose on the same images and structures; `changes` are of the images."""
    folder = first.with_name(name)
    shutil.copytree(first, folder)
    (plan,) = folder.glob("RP*")
    (dose,) = folder.glob("RD*")
    for path in (plan, dose):
        data = pydicom.dcmread(path)
        data.SOPInstanceUID += ".1"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        if path == dose:
            data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID += ".1"
        data.save_as(path)
    for path in folder.glob("CT*") if changes else ():
        data = pydicom.dcmread(path)
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        data.save_as(path)
    return folder


def test_a_replan_shares_its_images_byte_for_byte(tmp_path: Path, take: Callable) -> None:
    """They are the same objects of one study: identical files in both folders."""
    root = linking(tmp_path / "BATCH")
    first = drop(root, "a")
    replan(first, "b")
    assert [take(root, name).index for name in "ab"] == [6, 7]
    files = [{path.name: path.read_bytes() for path in (root / f"ANON_{index:03d}").iterdir()} for index in (6, 7)]
    shared = {name for name in files[0] if name in files[1]}
    assert {name[:2] for name in shared} == {"CT", "RS"}
    assert all(files[0][name] == files[1][name] for name in shared)
    assert says(root, 7) == says(root, 6)
    told = note_of(root / "b")
    assert "the same plan label as ANON_006" in told
    assert "the same structure-set label as ANON_006" in told


@pytest.mark.parametrize("identity", ["keep", "renumber"])
def test_a_delivery_of_a_persons_sets_is_received(tmp_path: Path, take: Callable, identity: str) -> None:
    """Shared images are one object there as well, and nobody is reported as being two persons."""
    root = linking(tmp_path / "BATCH")
    replan(drop(root, "a"), "b")
    assert [take(root, name).index for name in "ab"] == [6, 7]
    assert anonymizer("export", root, tmp_path / "out").code == 0
    centre = make_collection(tmp_path / "CENTRE", patient_id="multi", more=f'[receive]\nidentity = "{identity}"\n')
    trusted = delivery_key.fingerprint(delivery_key.of_user(Collection.look(root), Settings()).public)
    said = json.loads(anonymizer("receive", tmp_path / "out", centre, "--trust", trusted, "--json").text)
    assert [(one["state"], one["anon"]) for one in said["sets"]] == [("taken", "ANON_006"), ("taken", "ANON_007")]
    assert "one patient twice" not in str(said)
    files = [{path.name: path.read_bytes() for path in (centre / f"ANON_{index:03d}").iterdir()} for index in (6, 7)]
    shared = files[0].keys() & files[1].keys()
    assert {name[:2] for name in shared} == {"CT", "RS"}
    assert all(files[0][name] == files[1][name] for name in shared)
    assert says(centre, 6)[:2] == says(centre, 7)[:2]
    assert list(doctor.examine(Collection.open(centre))) == []


@pytest.mark.parametrize("unread", ["a", "b"])
def test_a_word_to_review_in_one_plan_does_not_keep_the_other_from_its_person(
    tmp_path: Path, take: Callable, unread: str
) -> None:
    """Clean Descriptors would be claimed in the images of only one, although the files are shared."""
    root = linking(tmp_path / "BATCH")
    replan(drop(root, "a"), "b")
    for folder in (root / "a", root / "b"):
        (path,) = folder.glob("RP*")
        data = pydicom.dcmread(path)
        data.RTPlanLabel = "HN Wombelung" if folder.name == unread else "HN"
        data.save_as(path)
    outcomes = {name: take(root, name) for name in "ab"}
    assert {name: (outcome.state, outcome.index) for name, outcome in outcomes.items()} == {
        "a": ("published", 6),
        "b": ("published", 7),
    }
    assert ["Wombelung" in note_of(root / name) for name in "ab"] == [name == unread for name in "ab"]
    assert says(root, 7) == says(root, 6)


def test_what_cannot_be_linked_says_so(tmp_path: Path, take: Callable) -> None:
    """A colliding date, a shared object that would differ, an age above 89; no number is used."""
    root = linking(tmp_path / "BATCH")
    first = drop(root, "a")
    take(root, "a")
    (entry,) = (root / ".anonymizer" / "persons").iterdir()
    weeks = json.loads(entry.read_text())["weeks"]
    fell = FIRST_STUDIED - timedelta(weeks=weeks)
    drop(root, "dense", "A1", setting("RTPLAN", RTPlanDate=f"{fell:%Y%m%d}"))
    replan(first, "other images", KVP="99")
    for name, days in (("old", 0), ("older", 900)):
        drop(root, name, "B2", birth="19310704", days=days)
    assert take(root, "old").index == 7
    outcomes = {name: take(root, name) for name in ("dense", "other images", "older")}
    assert {name: (outcome.state, outcome.codes) for name, outcome in outcomes.items()} == {
        "dense": ("waiting", ("dates-collide",)),
        "other images": ("waiting", ("shared-object-differs",)),
        "older": ("waiting", ("age-over-89",)),
    }
    assert "anonymizer person ROOT 'older' --new" in outcomes["older"].text
    assert [claim.index for claim in claims.unpublished(Collection.open(root))] == []
    done = anonymizer("person", root, "older", "--new")
    assert done.code == 0, done.text
    assert take(root, "older").index == 8
    assert says(root, 8)[0] == "zzz_AnusGE008"


@pytest.mark.parametrize(
    ("patient_id", "birth", "sex"),
    [("A1", "", "F"), ("A1", "19610203", "F"), ("A1", BIRTH, "M"), ("", BIRTH, "F")],
)
def test_a_person_of_uncertain_identity_waits(
    tmp_path: Path, take: Callable, patient_id: str, birth: str, sex: str
) -> None:
    """Until somebody assigns the set; then it is linked, or becomes a new person."""
    root = linking(tmp_path / "BATCH")
    drop(root, "a")
    for name in ("b", "c"):
        drop(root, name, patient_id, setting(PatientSex=sex), birth=birth)
    take(root, "a")
    outcomes = [take(root, name) for name in ("b", "c")]
    assert [(outcome.state, outcome.codes, outcome.index) for outcome in outcomes] == [
        ("waiting", ("which-person",), None)
    ] * 2
    assert outcomes[0].waits_for_person
    assert "anonymizer person ROOT 'b' ANON_007" in note_of(root / "b")
    for arguments in (("b", "ANON_006"), ("c", "--new")):
        done = anonymizer("person", root, *arguments)
        assert done.code == 0, done.text
    assert [take(root, name).index for name in ("b", "c")] == [7, 8]
    assert [says(root, index)[0] for index in (7, 8)] == ["zzz_AnusGE006", "zzz_AnusGE008"]
    assert len({moved_by(root, name, index) for name, index in (("a", 6), ("b", 7))}) == 1


def test_a_retyped_id_is_linked_for_good_when_somebody_said_so(tmp_path: Path, take: Callable) -> None:
    """The next set with that ID is linked automatically; impossible answers are explained."""
    root = linking(tmp_path / "BATCH")
    for name, patient_id in (("a", "A1"), ("b", "A-1"), ("c", "A-1")):
        drop(root, name, patient_id)
    take(root, "a")
    assert anonymizer("person", root, "b", "ANON_006").code == 0
    assert [take(root, name).index for name in ("b", "c")] == [7, 8]
    assert {says(root, index)[0] for index in (6, 7, 8)} == {"zzz_AnusGE006"}
    for arguments, why in (
        (("b", "ANON_006"), "already published as ANON_007"),
        (("a",), "or --new"),
        (("b", "ANON_006", "--new"), "or --new"),
        (("b", "ANON_099"), ""),
    ):
        done = anonymizer("person", root, *arguments)
        assert done.code == 2, arguments
        assert why in done.text


def test_who_was_published_before_sets_were_linked_enters(tmp_path: Path, take: Callable) -> None:
    """From record and folder; if not noted, somebody decides, and the rest comes from the original."""
    root = linking(tmp_path / "BATCH", same_patient="tell")
    drop(root, "a")
    take(root, "a")
    linking(root)
    drop(root, "b", days=500)
    assert take(root, "b").index == 7
    assert says(root, 7) == (*says(root, 6)[:3], "2")
    assert moved_by(root, "b", 7) == moved_by(root, "a", 6)
    shutil.rmtree(root / ".anonymizer" / "persons")
    shutil.rmtree(root / ".anonymizer" / "visits")
    drop(root, "c", days=700)
    assert take(root, "c").codes == ("which-person",)
    assert anonymizer("person", root, "c", "ANON_006").code == 0
    assert take(root, "c").index == 8
    assert says(root, 8)[:3] == says(root, 6)[:3]
    assert moved_by(root, "c", 8) == moved_by(root, "a", 6)


def test_the_number_is_the_persons_whatever_becomes_of_the_first_set(
    tmp_path: Path, take: Callable, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its proof failed: nobody else gets the number, even with Redis emptied, and the person's next set has it."""
    root = linking(tmp_path / "BATCH")
    for name, patient_id in (("a", "A1"), ("b", "B2"), ("c", "A1")):
        drop(root, name, patient_id)
    with monkeypatch.context() as patch:
        patch.setattr(proven_set.prove, "prove", not_clean)
        with pytest.raises(NotClean):
            take(root, "a")
    client.flushall()
    assert [take(root, name).index for name in ("b", "c", "a")] == [7, 6, 8]
    assert [says(root, index)[0] for index in (6, 7, 8)] == ["zzz_AnusGE006", "zzz_AnusGE007", "zzz_AnusGE006"]
    collection = Collection.open(root)
    assert claims.of_persons(collection) == {6, 7}
    assert Ledger(collection, client).audit().finished == 0


def not_clean(*_: object) -> None:
    """Fail the proof."""
    raise NotClean("identifiers")


def test_a_linked_set_is_withdrawn_done_again_and_forgotten(tmp_path: Path, take: Callable) -> None:
    """A person stays the same whatever happens to their first set; with the last one, their data are erased."""
    root = linking(tmp_path / "BATCH")
    for name in "abc":
        drop(root, name)
    take(root, "a")
    take(root, "b")
    collection, first = Collection.open(root), says(root, 6)
    republish.request(collection, 7)
    before = {path.name: path.read_bytes() for path in (root / "ANON_007").iterdir()}
    assert take(root, "b").index == 7
    assert before == {path.name: path.read_bytes() for path in (root / "ANON_007").iterdir()}
    withdraw.withdraw_set(collection, 6)
    assert take(root, "c").index == 8
    assert says(root, 8)[:3] == first[:3]
    for name in "abc":
        shutil.rmtree(root / name)
    for index in (6, 7):
        forget.forget_set(collection, index)
    assert len(list(collection.persons.iterdir())) == 1
    forget.forget_set(collection, 8)
    assert list(collection.persons.iterdir()) == []
    assert list(collection.visits.iterdir()) == []
    assert claims.of_persons(collection) == {6}


def test_plans_of_one_folder_become_one_person(tmp_path: Path, take: Callable) -> None:
    """Each set has its own number; the images are the same objects in both."""
    root = linking(tmp_path / "BATCH", more='[check]\nplans = "each"')
    first = drop(root, "a")
    second = replan(first, "b")
    for path in (*second.glob("RP*"), *second.glob("RD*")):
        path.rename(first / f"second {path.name}")
    shutil.rmtree(second)
    outcome = take(root, "a")
    assert [(one.state, one.index) for one in outcome.sets] == [("published", 6), ("published", 7)]
    assert says(root, 6) == says(root, 7)
    names = [{path.name for path in (root / f"ANON_{index:03d}").glob("CT*")} for index in (6, 7)]
    assert names[0] == names[1] != set()
    for index in (6, 7):
        verify_published(first, root / f"ANON_{index:03d}", Collection.open(root), [])
    assert {one.code for one in doctor.examine(Collection.open(root))} == {"not-rendered"}


def test_two_hospitals_with_one_id_are_two_people(tmp_path: Path, take: Callable) -> None:
    """A listed patient is linked under the identity of their row."""
    root = make_collection(
        tmp_path / "BATCH", more='[people]\nsame_patient = "link"\nhospitals = "folder"\nunlisted = "next"\n'
    )
    (root / "identities.csv").write_text("original_id,patient_id,hospital\nA1,TRIAL-1,B\n")
    for place, name in (("A", "x"), ("B", "x"), ("B", "y")):
        (root / place).mkdir(exist_ok=True)
        drop(root / place, name, seed=f"{place}{name}")
    assert [take(root, name).index for name in ("A/x", "B/x", "B/y")] == [6, 7, 8]
    assert [says(root, index)[0] for index in (6, 7, 8)] == ["zzz_AnusGE006", "TRIAL-1", "TRIAL-1"]
    assert len({moved_by(root, name, index) for name, index in (("B/x", 7), ("B/y", 8))}) == 1
