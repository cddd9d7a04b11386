"""`identities.csv` damaged by spreadsheets: every bad row is reported by number before anything is written."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from services.errors import SettingsWrong
from services.runtime import durable_files
from services.store.collection import Collection
from services.store.tracking_lines import TrackingLine
from tests.sets import make_collection

if TYPE_CHECKING:
    from pathlib import Path

    from services.forms.identity_list import IdentityList

HEAD = "original_id;patient_id;family_name;first_name;index;hospital;note\n"


def looked(root: Path, text: str | bytes, *, unlisted: str = "wait") -> IdentityList:
    """Read a list like the collection does."""
    root.mkdir(exist_ok=True)
    if not (root / "collection.toml").exists():
        make_collection(root, more=f'[people]\nunlisted = "{unlisted}"\n')
    (root / "identities.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return Collection.look(root).identities


def rows(found: IdentityList) -> list[int]:
    """Return the names of the bad rows."""
    return [fault.row for fault in found.faults]


BAD: dict[str, tuple[str | bytes, list[int], str]] = {
    "no column of original IDs": ("patient_id;index\nT-1;7\n", [1], "original_id is missing"),
    "two columns of one name": ("original_id;patient_id;patient_id\n1;T-1;T-2\n", [1], "the same name"),
    "an empty file": ("", [1], "empty"),
    "one original ID twice": (HEAD + "A1;T-1\nB2;T-2\n a1 ;T-3\n", [2, 4], "original_id is the same as in row 4"),
    "one new ID twice": (HEAD + "A1;T-1\nB2;t-1\nC3;T-3\n", [2, 3], "patient_id is the same as in row 3"),
    "one number twice": (HEAD + "A1;T-1;;;9\nB2;T-2;;;9\n", [2, 3], "index is the same as in row 3"),
    "no original ID": (HEAD + "A1;T-1\n;T-2\n", [3], "original_id is empty"),
    "no new ID": (HEAD + "A1;\nB2;T-2\n", [2], "patient_id is empty"),
    "zeros lost at the left": (HEAD + "0012345;T-1\n2345;T-2\n0000001;T-3\n", [3], "removed zeros"),
    "zeros lost at the right": (HEAD + "A1;001\nB2;2\nC3;003\n", [3], "patient_id has 1 digits"),
    "a number as scientists write it": (HEAD + "A1;T-1\n1,23457E+11;T-2\n", [3], "changed by a spreadsheet"),
    "an error of a formula": (HEAD + "A1;#N/A\n", [2], "changed by a spreadsheet"),
    "a new ID that is too long": (HEAD + f"A1;{'T' * 65}\n", [2], "65 characters"),
    "an original ID that is too long": (HEAD + f"{'A' * 65};T-1\n", [2], "65 characters"),
    "a name that is too long": (HEAD + f"A1;T-1;{'N' * 40};{'F' * 30}\n", [2], "71 characters"),
    "a backslash": (HEAD + "A1;T\\1\nB\\2;T-2\n", [2, 3], "\\"),
    "a letter that is not English": (HEAD + "A1;T-ä\n", [2], "'ä'"),
    "a caret in a name": (HEAD + "A1;T-1;Mouse^Minnie\n", [2], "'^'"),
    "a line end in a cell": (HEAD + 'A1;"T\n1"\n', [3], "not text"),
    "a number that is none": (HEAD + "A1;T-1;;;seven\nB2;T-2;;;7.5\n", [2, 3], "whole number from 6"),
    "a number below the first": (HEAD + "A1;T-1;;;5\n", [2], "whole number from 6"),
    "another separator in a row": (HEAD + "A1,T-1\n", [2], "patient_id is empty"),
    "a separator without quotes": (
        "original_id,patient_id,hospital\nA1,T-1,St. Anna, Ward 3\nB2,T-2,St. Anna\n",
        [2],
        "more cells than there are columns",
    ),
    "an encoding that lost letters": ((HEAD + "M\ufffdller;T-1\n").encode(), [2], "UTF-8"),
    "Unicode text without its mark": ((HEAD + "A1;T-1\n").encode("utf-16-le"), [1], "is missing"),
    "a workbook": (b"PK\x03\x04\x14\0\x06\0" + bytes(90), [1], "save it as CSV"),
    "a workbook of long ago": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90), [1], "save it as CSV"),
    "a fault below a stated separator": ("sep=;\n" + HEAD + "A1;T-1\nB2;\n", [4], "patient_id is empty"),
    "a page": ("<table><tr><td>original_id</td></tr></table>", [1], "is missing"),
    "a separator that is none": ("original_id|patient_id\nA1|T-1\n", [1], "is missing"),
    "a quote that never ends": (HEAD + 'A1;"T-1\nB2;T-2\nC3;T-3\n', [4], "not text"),
    "the columns once more": (HEAD + "A1;T-1\n" + HEAD, [3], "whole number"),
    "letters put together otherwise": (HEAD + "M\u00fcller;T-1\nMu\u0308ller;T-2\n", [2, 3], "the same as in row"),
    "a letter of Cyrillic": (HEAD + "A1;\u0422-1\n", [2], "'\u0422'"),
    "a character that takes no room": (HEAD + "A\u200b1;T-1\nB2;T\ufeff-2\n", [2, 3], "not text"),
    "a character that turns the text": (HEAD + "A1;T-1;\u202eMouse\n", [2], "not text"),
    "a date of an original ID": (
        HEAD + "01.02.2026;T-1\n1/2/26;T-2\n",
        [2, 3],
        "looks like a value changed by a spreadsheet",
    ),
    "a date of a new ID": (HEAD + "A1;Jan 47\nB2;2047-01-01\nC3;1. Mai 2026\n", [2, 3, 4], "changed by a spreadsheet"),
    "a truth": (HEAD + "A1;TRUE\nB2;falsch\n", [2, 3], "changed by a spreadsheet"),
    "a fraction of nothing": (HEAD + "4711.0;T-1\n", [2], "looks like a value changed by a spreadsheet"),
    "a formula": (HEAD + '"=""0047""";T-1\nB2;=B1\n', [2, 3], "looks like a value changed by a spreadsheet"),
    "a formula as a name": (HEAD + "A1;T-1;=B2\n", [2], "'='"),
    "the original ID inside the new one": (HEAD + "4711088;T-4711088\n", [2], "patient_id holds the original ID"),
    "the original ID as a name": (HEAD + "mm1234;T-1;MM1234\n", [2], "family_name holds the original ID"),
    "digits of other letters": (HEAD + "A1;T-1;;;\u0669\nB2;\uff34-2\n", [2, 3], "whole number"),
    "a number with a sign": (HEAD + "A1;T-1;;;+7\nB2;T-2;;;1_0\nC3;T-3;;;7,0\n", [2, 3, 4], "whole number"),
    "a number of five thousand digits": (HEAD + f"A1;T-1;;;{'9' * 5000}\n", [2], "whole number"),
    "a note without end": (HEAD + f"A1;T-1;;;;;{'x' * 200_000}\n", [2], "not a line of a table"),
    "the real ID of another patient": (HEAD + "A1;B2\nB2;T-2\n", [2], "original ID of a patient"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_list_is_reported_row_by_row_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    """Each kind with its row numbers; no state is created, and the file is left unchanged."""
    text, wrong, says = BAD[kind]
    found = looked(tmp_path, text)
    assert sorted(set(rows(found))) == wrong
    assert any(says in fault.says for fault in found.faults), found.faults
    data = (tmp_path / "identities.csv").read_bytes()
    with pytest.raises(SettingsWrong) as refused:
        Collection.open(tmp_path)
    assert str(refused.value).count("identities.csv, row ") == len(found.faults)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collection.toml", "identities.csv"]
    assert (tmp_path / "identities.csv").read_bytes() == data


def test_all_bad_rows_are_reported_at_once(tmp_path: Path) -> None:
    """One kind does not hide another."""
    found = looked(tmp_path, HEAD + "A1;T-1\n;T-2\nC3;T\\3\nD4;T-4;;;x\nE5;T-1\n")
    assert sorted(set(rows(found))) == [2, 3, 4, 5, 6]


GOOD: dict[str, str | bytes] = {
    "semicolons": HEAD + "0047;T-1;;;9\n",
    "commas": "original_id,patient_id,index\n0047,T-1,9\n",
    "tabs": "original_id\tpatient_id\tindex\n0047\tT-1\t9\n",
    "a first line that states the separator": "sep=;\r\n" + HEAD + "0047;T-1;;;9\r\n",
    "a stated separator that none would guess": "SEP=|\noriginal_id|patient_id|index\n0047|T-1|9\n",
    "a stated separator, saved as Unicode text": ('"sep=,",,\noriginal_id,patient_id,index\n0047,T-1,9\n').encode(
        "utf-16"
    ),
    "a mark": (HEAD + "0047;T-1;;;9\r\n").encode("utf-8-sig"),
    "Unicode text": (HEAD + "0047;T-1;;;9\r\n").encode("utf-16"),
    "the code page of Windows": (HEAD + "0047;T-1;;;9;Köln;müde\r\n").encode("cp1252"),
    "columns in another order, and others": "Index;remark;PATIENT_ID; original_id\n9;x;T-1;0047\n",
    "blank rows": HEAD + "\n;;;;;;\n0047;T-1;;;9\n;;\n",
    "an apostrophe": HEAD + "'0047;T-1;;;9\n",
    "blanks around": HEAD + " 0047 ; T-1 ;;; 9\n",
    "line ends of long ago": (HEAD + "0047;T-1;;;9\n").replace("\n", "\r"),
    "what looks like a date or a fraction, by intent": HEAD + "0047;T-1;;;9\n'01.02.2026;T-2\n'12.0;T-3\n",
    "an original ID of few characters": HEAD + "0047;T-1;;;9\nB;TB-2;Blue\n",
    "numbers of two widths, by intent": HEAD + "0047;T-1;;;9\n'12;T-2\n",
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_spreadsheets_write_is_read(tmp_path: Path, kind: str) -> None:
    """Encodings, separators and blank rows are no faults."""
    found = looked(tmp_path, GOOD[kind])
    assert found.faults == ()
    row = found.of(" 0047")
    assert row is not None
    assert (row.patient_id, row.index) == ("T-1", 9)
    assert found.of("47") is None
    almost = found.but_for_zeros("47")
    assert almost is not None
    assert almost.row == row.row


def publish_line(root: Path, index: int, original: str, new: str, *, withdrawn: bool = False) -> Collection:
    """Record a set as published, as far as lists of identities are concerned."""
    (root / "identities.csv").unlink(missing_ok=True)
    collection = Collection.open(root)
    line = TrackingLine(original, new, "Plan", "Demo", date(2026, 1, 1))
    stored = line.entry(index)
    record = {"schema": 1, "index": index, "set": "0" * 32, "plan": "", "at": ""}
    record |= {"identity": {"patient_id": new, "patient_name": "x"}, "person": collection.person(original)}
    (collection.records / f"ANON_{index:03d}.json").write_bytes(durable_files.encode(record))
    ending = "withdrawn" if withdrawn else "json"
    (collection.tracking / f"{index:06d}.{ending}").write_bytes(
        durable_files.encode({"index": index, "day": "20260101", "mark": "x"} if withdrawn else stored)
    )
    return collection


@pytest.mark.parametrize("withdrawn", [False, True])
def test_what_was_given_to_another_patient_is_a_fault_and_to_the_same_one_none(
    tmp_path: Path, *, withdrawn: bool
) -> None:
    """By number and new ID, even after a withdrawal."""
    make_collection(tmp_path)
    publish_line(tmp_path, 9, "A1", "T-1", withdrawn=withdrawn)
    assert looked(tmp_path, HEAD + "A1;T-1;;;9\nB2;T-2;;;10\n").faults == ()
    found = looked(tmp_path, HEAD + "B2;T-1\nC3;T-3;;;9\n")
    assert [str(fault) for fault in found.faults] == [
        "identities.csv, row 2: patient_id was given to another patient, as ANON_009.",
        "identities.csv, row 3: index 9 was given to another patient.",
    ]


def test_the_real_id_of_a_published_patient_is_no_new_id(tmp_path: Path) -> None:
    """Otherwise a published file would contain it."""
    make_collection(tmp_path)
    publish_line(tmp_path, 9, "A1", "T-1")
    assert rows(looked(tmp_path, HEAD + "B2;a1\n")) == [2]


def test_a_new_id_that_a_number_would_give_is_reported_where_numbers_are_given(tmp_path: Path) -> None:
    """If unlisted patients wait, nobody gets it; with its own number it belongs to the row."""
    text = HEAD + "A1;zzz_AnusGE010\nB2;zzz_AnusGE011;;;11\nC3;zzz_AnusGE005\n"
    assert rows(looked(tmp_path / "next", text, unlisted="next")) == [2]
    assert rows(looked(tmp_path / "wait", text)) == []


def test_a_fault_of_the_table_is_reported_in_german_with_its_row(tmp_path: Path) -> None:
    """The row is in the sentence in any language."""
    make_collection(tmp_path, more='[service]\nlanguage = "de"\n')
    found = looked(tmp_path, HEAD + f"A1;T-1\nB2;T-2;;;;;{'x' * 200_000}\n")
    assert rows(found) == [3]
    with pytest.raises(SettingsWrong) as wrong:
        Collection.open(tmp_path)
    assert str(wrong.value) == "identities.csv, Zeile 3: Das ist keine Zeile einer Tabelle."
