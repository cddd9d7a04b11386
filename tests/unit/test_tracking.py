"""The tracking file: our lines in order, others' kept, and nothing lost if it cannot be written."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.runtime import durable_files
from services.store import tracking_lines
from services.store.collection import Collection
from services.store.tracking_lines import HEADER, TrackingFiles, TrackingLine, numbers_in_files

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 22)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection."""
    form = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
    return Collection.create(tmp_path, form, Options(machine=()))


def line(index: int, day: date = DAY, **other: str) -> TrackingLine:
    """Make a set's line from what differs."""
    values = {"orig_patient_id": f"orig-{index}", "orig_plan_id": "Plan", "hospital": "Demo Hospital", **other}
    return TrackingLine(new_patient_id=f"zzz_AnusGE{index:03d}", day=day, **values)


def publish(collection: Collection, *indices: int, day: date = DAY) -> None:
    """Write the entries of published sets."""
    for index in indices:
        (collection.tracking / f"{index:06d}.json").write_bytes(durable_files.encode(line(index, day).entry(index)))


def file_of(collection: Collection, day: str = "20261122") -> Path:
    """Return the tracking file of a day."""
    return collection.root / f"VicRapidPlan_trackingFile_{day}.txt"


def test_the_file_is_exactly_as_specified(collection: Collection) -> None:
    """Header, comma and space, sorted by index whatever the order of publication; one file per day."""
    publish(collection, 10, 7, 1000)
    publish(collection, 8, day=date(2026, 11, 23))

    assert TrackingFiles(collection).render() == ["20261122", "20261123"]
    assert file_of(collection).read_bytes() == (
        b"OrigPatientID, NewPatientID, OrigPlanID, Hospital\n"
        b"orig-7, zzz_AnusGE007, Plan, Demo Hospital\n"
        b"orig-10, zzz_AnusGE010, Plan, Demo Hospital\n"
        b"orig-1000, zzz_AnusGE1000, Plan, Demo Hospital\n"
    )
    assert file_of(collection, "20261123").read_text().splitlines() == [
        HEADER,
        "orig-8, zzz_AnusGE008, Plan, Demo Hospital",
    ]


@pytest.mark.parametrize(
    "value", ['Plan, "final"', " leading", "trailing ", '"', "Größe", "", "=1+1", "a\\b", "semi;colon", "x" * 64]
)
def test_a_value_comes_back_from_the_file_as_it_was(value: str) -> None:
    """Quoted if CSV requires it; everything else is unchanged."""
    text = line(6, orig_plan_id=value).text

    assert next(csv.reader([text], skipinitialspace=True))[2] == value
    assert ('"' in text) == any(sign in value for sign in '",') or value != value.strip()


@pytest.mark.parametrize("value", ["two\nlines", "two\r\nlines", "two\u2028lines", "two\x85lines", "two\udcfflines"])
def test_line_breaks_in_values_do_not_break_a_line(value: str) -> None:
    """DICOM forbids control characters in IDs, but they occur."""
    text = line(6, orig_patient_id=value).text

    assert text.splitlines() == [text]
    assert text.encode()


def test_lines_of_others_are_kept_first(collection: Collection) -> None:
    """The older program's, with its encoding and line ends, and a person's, but no second header."""
    file_of(collection).write_bytes(
        b"\xef\xbb\xbfOrigPatientID,NewPatientID,OrigPlanID,Hospital\r\n"
        b"M\xfcller, zzz_AnusGE003, Plan, Hospital\r\n"
        b"\r\n"
        b"# checked by hand"
    )
    publish(collection, 6)
    TrackingFiles(collection).render()
    publish(collection, 7)
    TrackingFiles(collection).render()

    assert file_of(collection).read_bytes().split(b"\n") == [
        HEADER.encode(),
        b"M\xfcller, zzz_AnusGE003, Plan, Hospital",
        b"# checked by hand",
        b"orig-6, zzz_AnusGE006, Plan, Demo Hospital",
        b"orig-7, zzz_AnusGE007, Plan, Demo Hospital",
        b"",
    ]


def test_a_file_that_was_sorted_or_deleted_by_hand_comes_back(collection: Collection) -> None:
    """With every line once, and lines added by a person."""
    publish(collection, 6, 7)
    files = TrackingFiles(collection)
    files.render()
    lines = file_of(collection).read_text().splitlines()
    file_of(collection).write_text("\n".join([*reversed(lines), "mine"]))
    assert files.render() == ["20261122"]
    assert file_of(collection).read_text().splitlines() == [lines[0], "mine", *lines[1:]]

    file_of(collection).unlink()
    assert files.render() == ["20261122"]
    assert file_of(collection).read_text().splitlines() == lines
    assert files.render() == []


def test_a_read_only_file_is_an_error_and_nothing_is_lost(collection: Collection) -> None:
    """The lines are added once it is writable again."""
    publish(collection, 6)
    files = TrackingFiles(collection)
    files.render()
    publish(collection, 7)
    file_of(collection).chmod(0o444)
    with pytest.raises(PermissionError):
        files.render()
    assert len(file_of(collection).read_text().splitlines()) == 2

    file_of(collection).chmod(0o644)
    assert files.render() == ["20261122"]
    assert len(file_of(collection).read_text().splitlines()) == 3
    assert durable_files.names(collection.staging) == []


def test_a_person_who_writes_in_the_file_meanwhile_loses_nothing(collection: Collection, monkeypatch) -> None:
    """Between our read and write; continuous writing makes us wait."""
    publish(collection, 6)
    written = iter([b"added\n"])
    refuse_if_read_only = tracking_lines._refuse_if_read_only

    def add_a_line(path: Path) -> None:
        refuse_if_read_only(path)
        with path.open("ab") as file:
            file.write(next(written, b""))

    monkeypatch.setattr(tracking_lines, "_refuse_if_read_only", add_a_line)
    assert TrackingFiles(collection).render() == ["20261122"]
    assert file_of(collection).read_bytes().split(b"\n")[1] == b"added"

    publish(collection, 7)
    written = iter([b"%d\n" % number for number in range(100)])
    with pytest.raises(BlockingIOError):
        TrackingFiles(collection).render()


def test_an_entry_that_comes_while_the_file_is_rendered_is_in_it(collection: Collection, monkeypatch) -> None:
    """The entries are listed until they no longer change."""
    publish(collection, 6)
    write = durable_files.write_atomically

    def publish_another(path: Path, data: bytes, *, staging: Path | None = None) -> None:
        publish(collection, 7)
        write(path, data, staging=staging)

    monkeypatch.setattr(durable_files, "write_atomically", publish_another)
    TrackingFiles(collection).render()

    assert len(file_of(collection).read_text().splitlines()) == 3


def test_an_unreadable_entry_does_not_hold_up_the_others(collection: Collection) -> None:
    """`doctor` reports it."""
    publish(collection, 6)
    for index, content in ((7, b""), (8, b'{"day": 20261122, "line": "x"}'), (9, b"{}")):
        (collection.tracking / f"{index:06d}.json").write_bytes(content)
    (collection.tracking / "notes.txt").touch()

    TrackingFiles(collection).render()
    assert len(file_of(collection).read_text().splitlines()) == 2


def test_ten_thousand_lines_cost_a_listing(collection: Collection, monkeypatch) -> None:
    """No entry is read twice, and an up-to-date file is not read at all."""
    publish(collection, *range(6, 206))
    files = TrackingFiles(collection)
    assert [files.render(), files.render()] == [["20261122"], []]  # the second makes sure of what the first wrote
    opened: list[str] = []
    monkeypatch.setattr(durable_files, "read", lambda path: opened.append(path.name))
    monkeypatch.setattr(TrackingFiles, "_compose", lambda *_: opened.append("file"))

    assert files.render() == []
    assert opened == []


def test_numbers_in_tracking_files_of_whatever_program(tmp_path: Path) -> None:
    """After this collection's patient ID only; other texts are ignored."""
    (tmp_path / "VicRapidPlan_trackingFile_20200101.txt").write_bytes(
        b'"Plan, A", zzz_AnusGE011, "x"\r\n'
        b"77,zzz_AnusGE012,p,h\n"
        b"78, zzz_Other099, p, h\n"
        b"zzz_AnusGE050\n"
        b"\xff\xfe, zzz_AnusGE013\n"
    )
    (tmp_path / "VicRapidPlan_trackingFile_old.txt").write_text("77, zzz_AnusGE900, p, h")

    assert numbers_in_files(tmp_path, "zzz_AnusGE") == {11, 12, 13}


def test_a_withdrawn_line_goes_and_leaves_nothing_that_names_anyone(collection: Collection) -> None:
    """It does not count as foreign, even for another process; even a day's last line is removed."""
    publish(collection, 6, 7)
    publish(collection, 8, day=date(2026, 11, 23))
    TrackingFiles(collection).render()
    file_of(collection).write_text(file_of(collection).read_text() + "a person's own line\n")
    files = TrackingFiles(collection)
    files.render()

    for index in (6, 8, 8):
        tracking_lines.withdraw(collection, index)

    assert files.render() == ["20261122", "20261123"]
    assert TrackingFiles(collection).render() == []
    assert file_of(collection).read_text().splitlines() == [
        HEADER,
        "a person's own line",
        "orig-7, zzz_AnusGE007, Plan, Demo Hospital",
    ]
    assert file_of(collection, "20261123").read_text().splitlines() == [HEADER]
    left = sorted(collection.tracking.iterdir())
    assert [path.name for path in left] == ["000006.withdrawn", "000007.json", "000008.withdrawn"]
    assert not any(b"orig" in path.read_bytes() for path in left if path.suffix == tracking_lines.WITHDRAWN)


def test_a_withdrawal_that_was_cut_off_holds(collection: Collection) -> None:
    """If killed before the entry was removed, its replacement counts."""
    publish(collection, 6)
    entry = collection.tracking / "000006.json"
    stored = entry.read_bytes()
    TrackingFiles(collection).render()
    tracking_lines.withdraw(collection, 6)
    entry.write_bytes(stored)

    TrackingFiles(collection).render()

    assert file_of(collection).read_text().splitlines() == [HEADER]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_a_file_that_a_spreadsheet_saved_is_read_as_that(collection: Collection, encoding: str, separator: str) -> None:
    """Every line is there once, in UTF-8 and the original's format; a withdrawn one does not return."""
    for index in (6, 7):
        entry = line(index, orig_patient_id=f"Größe-{index}").entry(index)
        (collection.tracking / f"{index:06d}.json").write_bytes(durable_files.encode(entry))
    TrackingFiles(collection).render()
    rows = [*csv.reader(file_of(collection).read_text("utf-8").splitlines(), skipinitialspace=True)]
    rows.insert(1, ["Älter", "zzz_AnusGE003", "Plan", "Hospital"])
    saved = "\r\n".join(separator.join(row) for row in rows) + "\r\n"
    file_of(collection).write_bytes(saved.encode(encoding))

    assert 3 in numbers_in_files(collection.root, "zzz_AnusGE")
    tracking_lines.withdraw(collection, 7)
    TrackingFiles(collection).render()

    assert file_of(collection).read_bytes().decode("utf-8").splitlines() == [
        HEADER,
        "Älter, zzz_AnusGE003, Plan, Hospital" if separator != "," else "Älter,zzz_AnusGE003,Plan,Hospital",
        "Größe-6, zzz_AnusGE006, Plan, Demo Hospital",
    ]
    assert TrackingFiles(collection).render() == []


def test_a_file_never_holds_two_encodings(collection: Collection) -> None:
    """The older program's lines are unchanged until one of ours needs another encoding."""
    file_of(collection).write_bytes(HEADER.encode() + b"\nM\xfcller, zzz_AnusGE003, Plan, Hospital\n")
    publish(collection, 6)
    TrackingFiles(collection).render()
    assert b"M\xfcller, zzz" in file_of(collection).read_bytes()

    (collection.tracking / "000007.json").write_bytes(durable_files.encode(line(7, orig_plan_id="Größe").entry(7)))
    TrackingFiles(collection).render()
    assert file_of(collection).read_text("utf-8").splitlines()[1:] == [
        "Müller, zzz_AnusGE003, Plan, Hospital",
        "orig-6, zzz_AnusGE006, Plan, Demo Hospital",
        "orig-7, zzz_AnusGE007, Größe, Demo Hospital",
    ]


def test_cells_that_spreadsheets_calculate_are_reported() -> None:
    """Numbers and single signs do not count; `check` reports a set's values, `doctor` the lines."""
    text = line(6, orig_patient_id='=HYPERLINK("x")', orig_plan_id="-Boost", hospital="+49 30").text

    assert tracking_lines.formulas(text) == ["OrigPatientID", "OrigPlanID", "Hospital"]
    assert tracking_lines.formulas(line(6, orig_patient_id="-5", orig_plan_id="-", hospital="a=b").text) == []
