"""Reading a folder, and its objects' statements about the patient."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from services.errors import SetRefused
from services.language import named
from services.policy.table import Choice, Policy, policy_for
from services.policy.text_roles import Text
from services.rtset import folder_listing, reader
from services.verdict.selection import members
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.rtset.reader import Contents, RtSet
    from tests.sets import MadeSet


def read(folder: Path) -> Contents:
    """Read a folder."""
    return reader.read(folder, folder_listing.take(folder))


def assemble(made: MadeSet, policy: Policy | None = None) -> RtSet:
    """Read the written set."""
    objects = members.choose(read(made.folder).objects).objects
    assert objects.structure_set
    assert objects.plan
    assert objects.dose
    return reader.assemble(
        made.folder,
        folder_listing.take(made.folder),
        policy or policy_for(Choice()),
        slices=objects.slices,
        structure_set=objects.structure_set,
        plan=objects.plan,
        dose=objects.dose,
    )


def test_objects_are_identified_by_what_they_are_and_not_by_their_names(tmp_path):
    """Files of any name, at any depth."""
    made = make_set(tmp_path, sets.other_object("PT"))
    deep = made.folder / "a" / "b"
    deep.mkdir(parents=True)
    made.path(made.plan).rename(deep / "no extension")
    (made.folder / "notes.txt").write_text("x")
    contents = read(made.folder)
    assert {kind: len(files) for kind, files in contents.objects.items()} == {
        "CT": 3,
        "RTSTRUCT": 1,
        "RTPLAN": 1,
        "RTDOSE": 1,
    }
    assert contents.objects["RTPLAN"][0].path == PurePosixPath("a/b/no extension")
    assert list(contents.extra) == ["Positron Emission Tomography Image"]
    assert (contents.not_dicom, contents.unreadable, contents.empty) == (1, (), False)


def test_a_set_is_identified_by_its_instances_in_the_order_of_the_slices(tmp_path):
    """Not by file names, which may change."""
    made = make_set(tmp_path, ct=5)
    for index, data in enumerate(made.ct):
        made.path(data).rename(made.folder / f"{5 - index}.dcm")
    uids = [data.SOPInstanceUID for data in (*made.ct, made.structure_set, made.plan, made.dose)]
    assert list(assemble(made).sop_instance_uids) == uids


def test_identifiers_are_found_at_every_depth(tmp_path):
    """Every planted complete value is found, with its kind; kept values are not."""

    def plant(made: MadeSet) -> None:
        made.plan.OperatorsName = "Deep^Operator"
        made.plan.BeamSequence[0].InstitutionName = "Klinik\\Zweite"
        block = made.plan.BeamSequence[0].private_block(0x0099, "PHANTOM ARCHIVE 1.0", create=True)
        block.add_new(0x07, "PN", "Private^Person")
        made.plan.Manufacturer = "Maker of plans"

    one = assemble(make_set(tmp_path, plant))
    assert {
        ("person", "Deep^Operator"),
        ("place", "Klinik"),
        ("place", "Zweite"),
        ("person", "Private^Person"),
    } <= one.found
    assert "Maker of plans" in one.technical
    assert not [text for _, text in one.found if text == "Maker of plans"]


def test_names_are_read_in_the_character_set_of_their_item(tmp_path):
    """An item may declare its own. PS3.3 C.12.1.1.2."""

    def declare(made: MadeSet) -> None:
        request = made.ct[0].RequestAttributesSequence[0]
        request.SpecificCharacterSet = "ISO_IR 144"
        request.RequestedProcedureID = "Иванов"

    assert ("other-id", "Иванов") in assemble(make_set(tmp_path, declare)).found


def test_what_an_option_keeps_is_no_identifier_to_be_removed(tmp_path):
    """A kept machine's name is rightly in the output."""
    made = make_set(tmp_path, sets.setting("RTPLAN", Manufacturer="Maker"))
    name = made.plan.BeamSequence[0].TreatmentMachineName
    assert ("device", name) in assemble(made).found
    assert ("device", name) not in assemble(made, policy_for(Choice(keep_machine=True))).found


def test_every_date_counts_and_junk_does_not(tmp_path):
    """Including private ones: the shift must not map one date of the set onto another."""

    def private(made: MadeSet) -> None:
        made.dose.private_block(0x0099, "PHANTOM ARCHIVE 1.0", create=True).add_new(0x08, "DA", "19991231")
        made.dose.InstanceCreationDate = "01-MAR-2020"

    dates = assemble(make_set(tmp_path, private)).dates
    assert date(1999, 12, 31) in dates
    assert date(2020, 3, 1) not in dates


def test_texts_for_the_cleaner_carry_the_number_of_what_they_name(tmp_path):
    """Structures and beams; code meanings only if the scheme is not of a public body."""

    def code(made: MadeSet) -> None:
        made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = [
            sets.item(CodeValue="1", CodingSchemeDesignator="99VMS", CodeMeaning="PTV of Mustermann"),
            sets.item(CodeValue="2", CodingSchemeDesignator="SCT", CodeMeaning="Spinal cord"),
            sets.item(CodeValue="3", CodingSchemeDesignator="KLINIK", CodeMeaning="CTV of Mustermann"),
        ]

    texts = assemble(make_set(tmp_path, code)).texts
    assert {
        Text("roi_name", 1, "PTV"),
        Text("roi_name", 2, "SpinalCord"),
        Text("roi_label", 1, "PTV"),
        Text("code_meaning", 0, "PTV of Mustermann"),
        Text("code_meaning", 0, "CTV of Mustermann"),
    } <= texts
    assert {text.number for text in texts if text.role == "beam_name"} == {1, 2, 3}
    assert "Spinal cord" not in {text.value for text in texts if text.role == "code_meaning"}
    assert all(text.value for text in texts)


def test_more_than_a_set_holds_is_refused(tmp_path, monkeypatch):
    """Memory is bounded, whatever is in a folder."""
    made = make_set(tmp_path)
    for limit in ("MAX_ELEMENTS", "MAX_BYTES"):
        with monkeypatch.context() as patched:
            patched.setattr(reader, limit, 100)
            with pytest.raises(SetRefused, match="too-large"):
                read(made.folder)


@given(st.lists(st.text(max_size=20), max_size=12))
def test_names_in_a_sentence_are_one_line(names):
    """With a few names at most."""
    sentence = named(names)
    assert sentence.isprintable()
    assert len(sentence) <= 5 * 22 + len(" and 12 more")


def coded(made: MadeSet) -> None:
    """Put the same code into kept and removed sequences, and in several character sets."""
    for number, data in enumerate(made.objects):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99LOCAL", "Prüfung Erika"
        if number % 3 == 1:
            code.SpecificCharacterSet = "ISO_IR 100"
        data.SpecificCharacterSet = "ISO_IR 192" if number % 2 else "ISO_IR 100"
        data.ProcedureCodeSequence = Sequence([code])
        data.AnatomicRegionSequence = Sequence([Dataset(code)])
        data.RequestAttributesSequence = Sequence([Dataset(code)])


@pytest.mark.parametrize("edits", [(), (coded,), (coded, sets.encoded("implicit")), (coded, sets.undefined_lengths)])
def test_short_sequences_that_recur_are_read_once_and_nothing_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edits: tuple[sets.Edit, ...]
) -> None:
    """The result is the same as when traversing every item."""
    made = make_set(tmp_path, *edits, ct=6, dense=True)
    collected = ("found", "dates", "texts", "technical", "foreign", "mends", "unusual", "travelling")
    once = assemble(made)
    monkeypatch.setattr(reader, "_SHORT", -1)
    each = assemble(made)
    assert {name: getattr(once, name) for name in collected} == {name: getattr(each, name) for name in collected}
