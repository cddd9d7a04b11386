"""`structures.csv` survives spreadsheets, with a person's changes preserved."""

import pytest

from services.errors import SettingsWrong
from services.forms import structure_list
from services.forms.structure_list import Naming, Row, Sheet, decoded, escaped
from services.language import speaking

SHEET = Sheet(
    (
        Row("Parotis li", "Parotid_L", "confirmed", "5", "another name"),
        Row("Ring; 5 mm", "", "ignored", "2"),
        Row('Herz "alt"', "Heart", "proposed", "1"),
        Row("-PTV", "PTV", "confirmed"),
        Row("Größe", "", "proposed"),
    )
)


def decisions(sheet):
    """Return the columns of the program and of the person, by row."""
    return [(row.source, row.target, row.state, row.sets, row.note) for row in sheet.rows]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_it_is_read_as_spreadsheets_save_it(separator, end, encoding):
    """With any separator, line end and encoding, quoted or not."""
    text = Sheet(SHEET.rows, separator=separator, line_end=end).encoded().decode("utf-8-sig")
    read = decoded(text.encode(encoding))
    assert decisions(read) == decisions(SHEET)
    assert (read.separator, read.line_end) == (separator, end)
    assert read.encoded().decode("utf-8-sig") == text


def test_other_columns_and_their_order_stay():
    """A person's own columns are preserved, named or not."""
    text = "asked by;State;target;source;;sets\r\nDr. A;CONFIRMED;Heart;Herz;x;\r\nme;;;Ring;y;\r\n"
    sheet = decoded(text.encode()).decided("Ring", "ignored")
    assert decisions(sheet) == [("Herz", "Heart", "confirmed", "", ""), ("Ring", "", "ignored", "", "")]
    assert sheet.encoded().decode("utf-8-sig") == (
        "asked by;State;target;source;;sets;note\r\nDr. A;confirmed;Heart;Herz;x;;\r\nme;ignored;;Ring;y;;\r\n"
    )


def test_names_that_spreadsheets_calculate_are_quoted():
    """Names like `-PTV` or `5-10` would become an error or a date."""
    text = Sheet((Row("-PTV"), Row("5-10"), Row("'x"))).encoded().decode("utf-8-sig")
    assert text.splitlines()[1:] == ["'-PTV;;proposed;;", "'5-10;;proposed;;", "''x;;proposed;;"]
    assert [row.source for row in decoded(text.encode()).rows] == ["-PTV", "5-10", "'x"]


@pytest.mark.parametrize("name", ["Dec1", "Mai 5", "März 12", "SEPT-3", "okt. 2026", "True", "FALSCH"])
def test_a_month_with_a_number_stays_a_name(name):
    """A spreadsheet would convert it to a date or a logical value."""
    text = Sheet((Row(name),)).encoded().decode("utf-8-sig")
    assert text.splitlines()[1:] == [f"'{name};;proposed;;"]
    assert [row.source for row in decoded(text.encode()).rows] == [name]


@pytest.mark.parametrize("name", ["Marker1", "Mandible", "Junction 2", "Decubitus1", "Mai", "Augen 2", "'n Ring"])
def test_names_that_spreadsheets_keep_are_written_unchanged(name):
    """No mark is added, and a person's own is not removed."""
    text = Sheet((Row(name),)).encoded().decode("utf-8-sig")
    if not name.startswith("'"):
        assert text.splitlines()[1:] == [f"{name};;proposed;;"]
    assert [row.source for row in decoded(text.encode()).rows] == [name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name;target\nHerz;Heart\n", "source and state is missing"),
        ("source;target;state\nHerz;Heart;yes\n", "line 2: state must be one of"),
        ("source;target;state\nA;B;proposed\nHerz;;confirmed\n", "line 3: it is confirmed, but has no target"),
        ("source;target;state\nHerz;A name that is too long;confirmed\n", "line 2: the target has 23 characters"),
        ("source;target;state\nHerz;Größe;confirmed\n", "line 2: the target may have English letters"),
        ("source;target;state\n;Heart;confirmed\n", "line 2: it is confirmed, but has no source"),
        ("source;target;state\nA;B;confirmed\nA;C;confirmed\n", "line 3: confirmed before, with another target"),
        ("source;source;target;state\n", "two columns have the same name"),
        ('source;target;state\n"' + "x" * 200_000 + '";;\n', "this is not a line of a table"),
    ],
)
def test_a_partial_list_is_refused(text, said):
    """The line and the error are reported, without the name."""
    with pytest.raises(SettingsWrong, match=said) as wrong:
        decoded(text.encode())
    assert "Herz" not in str(wrong.value)


def test_its_own_row_counts_before_a_pattern():
    """And an exact row before one in another case; even if ignored."""
    naming = Naming(
        (
            Row("Parotis*", "Parotids", "confirmed"),
            Row("parotis LI", "Parotid_L", "confirmed"),
            Row("PAROTIS LI", "Parotid_R", "confirmed"),
            Row("Parotis alt", "", "ignored"),
            Row("[*]Skin", "Skin", "confirmed"),
        )
    )
    names = ("Parotis li", "PAROTIS  LI", "Parotis beide", "Parotis alt", "*skin", "xSkin", "Glandula parotis")
    assert [naming.target(name) for name in names] == ["Parotid_L", "Parotid_R", "Parotids", None, "Skin", None, None]
    assert [name for name in names if naming.is_ignored(name)] == ["Parotis alt"]
    assert escaped("*Skin") == "[*]Skin"


def test_a_list_is_identified_by_what_was_decided_alone():
    """New proposals, notes or counts do not affect published sets."""
    noted = Sheet((*SHEET.rows, Row("Neu", "Brain")), separator=",").encoded()
    assert decoded(noted).naming.digest == SHEET.naming.digest
    assert SHEET.decided("Neu", "confirmed", "Brain").naming.digest != SHEET.naming.digest
    assert Sheet().naming.digest == ""


def test_what_a_person_saved_meanwhile_is_not_written_over(tmp_path):
    """Their changes win; ours must be repeated."""
    read = structure_list.read(tmp_path)
    structure_list.write(tmp_path, SHEET, instead_of=read)
    with pytest.raises(SettingsWrong, match="changed just now"):
        structure_list.write(tmp_path, read.decided("Herz", "confirmed", "Heart"), instead_of=read)
    assert decisions(structure_list.read(tmp_path)) == decisions(SHEET)


def test_a_target_that_no_planning_system_keeps_is_not_taken():
    """Seventeen characters are too many."""
    with pytest.raises(SettingsWrong, match="planning systems keep 16"):
        SHEET.decided("Herz", "confirmed", "OpticChiasm_PRV03")


def test_what_is_wrong_with_a_name_is_stated_in_the_language_of_the_collection():
    """For a decision, and for a line of the file."""
    with speaking("de"):
        with pytest.raises(SettingsWrong) as decided:
            SHEET.decided("Herz", "confirmed", "OpticChiasm_PRV03")
        with pytest.raises(SettingsWrong) as read:
            decoded(b"source;target;state\nHerz;;confirmed\n")
    assert str(decided.value) == (
        "Das lässt sich nicht bestätigen: Der Zielname hat 17 Zeichen; Planungssysteme behalten 16."
    )
    assert str(read.value) == "structures.csv, Zeile 2: Der Name ist bestätigt, hat aber kein „target“."
