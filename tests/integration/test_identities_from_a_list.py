"""Pseudonyms assigned by a trial: patients get the identities in `identities.csv`, and nobody another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pydicom
import pytest

from services.errors import SettingsWrong
from services.maintenance import doctor, export, withdraw
from services.publication import republish
from services.publication.index_ledger import Ledger, NumberHeld
from services.runtime.settings import Settings
from services.store import notes, records
from services.store.collection import Collection
from services.store.tracking_lines import fields
from tests.in_process import anonymizer
from tests.integration.test_run import anon_folders, run, states
from tests.sets import make_collection, make_set, setting
from watcher.set_states import SetStatuses
from watcher.status.reader import StatusReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

HEAD = "original_id;patient_id;family_name;first_name;index;hospital;note\n"


def a_set(root: Path, name: str, patient_id: str) -> Path:
    """Drop a set of a patient."""
    return make_set(root, setting(PatientID=patient_id), name=name, seed=name).folder


def listed(root: Path, *rows: str, unlisted: str = "wait") -> Path:
    """Make a collection with a list."""
    make_collection(root, more=f'[people]\nunlisted = "{unlisted}"\n')
    write(root, *rows)
    return root


def write(root: Path, *rows: str) -> None:
    """Rewrite the list."""
    (root / "identities.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def told(root: Path, index: int) -> tuple[str, str, str, str]:
    """Return new ID and name of a published set, and new ID and hospital in its line."""
    plan = pydicom.dcmread(min((root / f"ANON_{index:03d}").glob("RP.*.dcm")))
    line = json.loads((root / ".anonymizer" / "tracking" / f"{index:06d}.json").read_text())["line"]
    read = fields(line.encode())
    return str(plan.PatientID), str(plan.PatientName), read[1], read[3]


def test_listed_patients_become_whom_the_list_says(tmp_path: Path, take: Callable) -> None:
    """Number, names and hospital from the row if given, otherwise from the form."""
    root = listed(tmp_path / "BATCH", "A1;T-1;Doe;Jane;8;St. Anna", "B2;T-2", "C3;T-3;;Max")
    for name, patient_id in (("b", "B2"), ("a", "A1"), ("c", " c3 ")):
        a_set(root, name, patient_id)
    assert [take(root, name).index for name in "bac"] == [6, 8, 7]
    assert told(root, 6) == ("T-2", "AnusGE006^First", "T-2", "Demo Hospital")
    assert told(root, 7) == ("T-3", "AnusGE007^Max", "T-3", "Demo Hospital")
    assert told(root, 8) == ("T-1", "Doe^Jane", "T-1", "St. Anna")
    for name in ("CT", "RS", "RD"):
        for path in (root / "ANON_008").glob(f"{name}.*.dcm"):
            data = pydicom.dcmread(path)
            assert (data.PatientID, data.PatientName) == ("T-1", "Doe^Jane")


def test_a_held_number_is_given_to_nobody_else_and_is_no_gap(
    tmp_path: Path, client: redis.Redis, take: Callable
) -> None:
    """Whatever Redis knew before, and after it was emptied; removing the row frees its number."""
    root = listed(tmp_path / "BATCH", "A1;T-1;;;7", unlisted="next")
    (root / "identities.csv").unlink()
    for name in "bcdef":
        a_set(root, name, f"{name}9")
    assert take(root, "b").index == 6
    write(root, "A1;T-1;;;7")
    assert take(root, "c").index == 8
    client.flushall()
    assert take(root, "d").index == 9
    collection = Collection.open(root)
    ledger = Ledger(collection, client)
    assert not ledger.audit().withdrawn
    ledger.rebuild()
    assert take(root, "e").index == 10
    write(root, "Z1;T-1;;;17")
    client.flushall()
    assert take(root, "f").index == 7


def test_unlisted_patients_wait_and_go_on_when_they_are_listed(tmp_path: Path, take: Callable) -> None:
    """With a note, without a number, and without repeated checks."""
    root = listed(tmp_path / "BATCH", "A1;T-1")
    folder = a_set(root, "x", "X9")
    outcome = take(root, "x")
    assert (outcome.state, outcome.codes) == ("waiting", ("unlisted",))
    assert "not in identities.csv" in notes.beside(folder, notes.NOTE).read_text("utf-8-sig")
    collection = Collection.open(root)
    assert not list(collection.claims.iterdir())
    statuses = SetStatuses(collection)
    assert [status.concluded for status in statuses.take()] == [True]
    write(root, "A1;T-1", "X9;T-9")
    assert [status.concluded for status in statuses.take()] == [False]
    assert (take(root, "x").state, told(root, 6)[0]) == ("published", "T-9")
    note = notes.beside(folder, notes.NOTE)
    assert not note.exists() or "not in identities.csv" not in note.read_text("utf-8-sig")


def test_a_set_that_waits_for_a_list_continues_without_one(tmp_path: Path, take: Callable) -> None:
    """Without a list, numbers are used."""
    root = listed(tmp_path / "BATCH", "A1;T-1")
    a_set(root, "x", "X9")
    take(root, "x")
    (root / "identities.csv").unlink()
    assert [status.concluded for status in SetStatuses(Collection.open(root)).take()] == [False]
    assert take(root, "x").index == 6


def test_an_id_that_lost_its_zeros_never_takes_a_number(tmp_path: Path, take: Callable) -> None:
    """Neither the row's number nor the next one."""
    root = listed(tmp_path / "BATCH", "47;T-1", unlisted="next")
    a_set(root, "x", "0047")
    outcome = take(root, "x")
    assert (outcome.state, outcome.codes) == ("waiting", ("zeros-lost",))
    assert "Row 2" in outcome.text


def test_two_sets_of_a_listed_patient_have_one_identity_and_two_numbers(tmp_path: Path, take: Callable) -> None:
    """The first gets the row's number, even if withdrawn since."""
    root = listed(tmp_path / "BATCH", "A1;T-1;;;9")
    for name in "abc":
        a_set(root, name, "A1")
    assert [take(root, name).index for name in "ab"] == [9, 6]
    assert told(root, 6)[0] == told(root, 9)[0] == "T-1"
    withdraw.withdraw_set(Collection.open(root), 9)
    assert take(root, "c").index == 7


def test_a_number_that_another_set_holds_is_waited_for(tmp_path: Path, client: redis.Redis, take: Callable) -> None:
    """It was claimed before the list existed and stays; the listed set takes no other."""
    root = make_collection(tmp_path / "BATCH")
    a_set(root, "a", "A1")
    ledger = Ledger(Collection.open(root), client)
    assert ledger.claim("1" * 32, "2" * 32) == 6
    write(root, "A1;T-1;;;6")
    with pytest.raises(NumberHeld):
        take(root, "a")
    ledger.release("1" * 32)
    assert take(root, "a").index == 6


def test_a_changed_row_is_reported_and_never_applied(tmp_path: Path, take: Callable) -> None:
    """By doctor and status; a republished set keeps its identity or is not republished."""
    root = listed(tmp_path / "BATCH", "A1;T-1;Doe;Jane;8")
    a_set(root, "a", "A1")
    take(root, "a")
    republish.request(Collection.open(root), 8)
    write(root, "A1;T-2;Doe;Jane;9")
    assert take(root, "a").state == "published"
    assert told(root, 8)[:3] == ("T-1", "Doe^Jane", "T-1")
    collection = Collection.look(root)
    assert sorted({one.code for one in doctor.examine(collection)}) == ["identity-row-changed", "not-rendered"]
    assert "Row 2" in StatusReader(root, Settings()).read().warning
    with pytest.raises(SettingsWrong, match=r"identities\.csv"):
        republish.request(collection, 8)


def test_a_bad_list_stops_a_run_before_it_writes_and_names_its_rows(tmp_path: Path) -> None:
    """As does one that is wrong only in relation to the sets: an ID without its zeros."""
    root = listed(tmp_path / "BATCH", "A1;T-1", "A1;T-2", "C3;T\\3")
    a_set(root, "a", "A1")
    before = sorted(path.name for path in root.iterdir())
    for command in ("check", "run"):
        done = anonymizer(command, root)
        assert done.returncode == 2
        assert [f"row {row}" in done.stderr for row in (2, 3, 4)] == [True] * 3
    assert sorted(path.name for path in root.iterdir()) == before
    write(root, "A1;T-1", "47;T-2")
    a_set(root, "b", "0047")
    for command in ("check", "run"):
        done = anonymizer(command, root)
        assert (done.returncode, "row 3" in done.stderr) == (2, True)
    assert anon_folders(root) == []


def test_a_run_with_a_list_comes_to_its_end(tmp_path: Path) -> None:
    """Listed sets are published, the others wait; neither the list nor an original ID is exported."""
    root = listed(tmp_path / "BATCH", "A1;T-1;;;9", "B2;T-2")
    for name, patient_id in (("a", "A1"), ("b", "B2"), ("x", "X9")):
        a_set(root, name, patient_id)
    data = (root / "identities.csv").read_bytes()
    ran = run(root, "--workers", 2)
    assert ran.code == 1
    assert states(ran) == {
        "a": ("published", "ANON_009"),
        "b": ("published", "ANON_006"),
        "x": ("waiting", ""),
    }
    assert (root / "identities.csv").read_bytes() == data
    collection = Collection.look(root)
    assert [one.state for one in export.copy_sets(collection, tmp_path / "out")] == ["copied", "copied"]
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name == "identities.csv"]
    assert list(doctor.examine(collection)) == []
    record = records.read(collection, 9)
    assert record is not None
    assert b"A1" not in record.encoded()
