"""The verdict on a folder before it is processed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom import Dataset

from services.errors import SetChanged, SetIncomplete, SetRefused
from services.forms.collection_form import Options
from services.machines.descriptor import find, folders
from services.policy.table import Choice, policy_for
from services.rtset import folder_listing
from services.verdict import check
from tests import sets
from tests.sets import MadeSet, make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.verdict.verdict import Verdict

REFUSE = Options(machine=("VicRapidPlan",))
KEEP = Options(machine=())
RELINK = replace(REFUSE, on_broken_links="relink")
ALL_SHOWN = {
    "dose → plan": "shown",
    "plan → structure set": "shown",
    "contours → CT": "shown",
    "frame of reference": "shown",
}


def judge(made: MadeSet | Path, options: Options = REFUSE) -> Verdict:
    """Check a folder under these options."""
    folder = made.folder if isinstance(made, MadeSet) else made
    machines = [find(name, folders()) for name in options.machine]
    return check.judge(folder, options, machines, policy_for(Choice(keep_machine=not machines)))


def faults(verdict: Verdict) -> list[str]:
    """Return the codes of faults."""
    return [fault.code for fault in verdict.faults]


def missing(verdict: Verdict) -> list[str]:
    """Return the codes of missing objects."""
    return [fault.code for fault in verdict.missing]


def test_a_well_formed_set_is_good(tmp_path):
    """Counts, links, machine and the set are returned, without faults."""
    verdict = judge(make_set(tmp_path))
    assert verdict.counts == {"CT": 3, "RTSTRUCT": 1, "RTPLAN": 1, "RTDOSE": 1}
    assert verdict.links == ALL_SHOWN
    assert (verdict.faults, verdict.missing, verdict.good, verdict.empty) == (
        (),
        (),
        True,
        False,
    )
    assert verdict.machine
    assert verdict.machine.fits
    assert verdict.good_set() is verdict.rtset


def dose_beside(made: MadeSet) -> None:
    """Move most of the dose out of the patient."""
    x, y, z = made.dose.ImagePositionPatient
    made.dose.ImagePositionPatient = [x + 300, y, z]


def isocentre_elsewhere(made: MadeSet) -> None:
    """Move the isocentre of a beam out of the CT."""
    made.plan.BeamSequence[0].ControlPointSequence[0].IsocenterPosition = [5000, 0, 0]


def other_way_round(made: MadeSet) -> None:
    """Plan the patient the other way round."""
    made.plan.PatientSetupSequence[0].PatientPosition = "FFS"


@pytest.mark.parametrize(
    ("edit", "note"),
    [
        (dose_beside, "has its grid beside the CT."),
        (dose_beside, "The dose grid reaches "),
        (isocentre_elsewhere, "has an isocentre outside the CT."),
        (other_way_round, "The patient lies HFS in the CT and FFS in RT Plan RP."),
    ],
)
def test_what_lies_apart_though_all_links_are_shown_is_a_note(tmp_path, edit, note):
    """UIDs prove one set; a person should review it."""
    verdict = judge(make_set(tmp_path, edit))
    assert verdict.good
    assert [found for found in verdict.notes if note in found]


@pytest.mark.parametrize(
    ("edit", "code", "says"),
    [
        (sets.second("RTSTRUCT"), "second-structure-set", "2 RT Structure Sets"),
        (sets.second("RTPLAN"), "second-plan", "2 RT Plans"),
        (sets.second("RTDOSE"), "second-dose", "2 RT Doses"),
        (sets.second_ct_series, "second-ct-series", "on which the structures were drawn"),
        (sets.second_slice_at_same_position, "duplicate-positions", "the same position"),
    ],
)
def test_what_is_there_twice_is_refused_and_named(tmp_path, edit, code, says):
    """Several doses, plans, structure sets or CT series: a person must choose."""
    verdict = judge(make_set(tmp_path, edit))
    assert faults(verdict) == [code]
    assert says in verdict.faults[0].found
    assert verdict.rtset is None
    with pytest.raises(SetRefused, match=code):
        verdict.good_set()


def test_one_object_in_two_files_is_refused(tmp_path):
    """A copy in the folder is named, whatever its file name, and nothing that follows from it is."""
    made = make_set(tmp_path)
    again = made.folder / "again"
    again.mkdir()
    for data in made.objects:
        (again / f"copy of {made.path(data).name}").write_bytes(made.path(data).read_bytes())
    verdict = judge(made)
    assert faults(verdict) == ["duplicate-instance"]
    assert verdict.faults[0].remedy == "Take the copies out of the folder."


@pytest.mark.parametrize("modality", ["CT", "RTSTRUCT", "RTPLAN", "RTDOSE"])
def test_two_versions_of_one_object_are_refused(tmp_path, modality):
    """A plan that was changed and exported again has the same UID: which one is right, only a person knows."""
    made = make_set(tmp_path)
    path = made.path(made.of(modality)[0])
    changed = pydicom.dcmread(path)
    changed.StudyDescription = "second version"
    changed.save_as(path.with_name("again.dcm"))
    verdict = judge(made)
    assert faults(verdict) == ["duplicate-instance"]
    assert "They differ" in verdict.faults[0].remedy


@pytest.mark.parametrize("modality", ["CT", "RTDOSE"])
def test_two_versions_of_one_image_are_refused(tmp_path, modality):
    """Objects of one UID that differ in their pixels only are no copies, either."""
    made = make_set(tmp_path)
    path = made.path(made.of(modality)[0])
    changed = pydicom.dcmread(path)
    changed.PixelData = changed.PixelData[:-2] + b"\x01\x00"
    changed.save_as(path.with_name("again.dcm"))
    verdict = judge(made)
    assert faults(verdict) == ["duplicate-instance"]
    assert "They differ" in verdict.faults[0].remedy


@pytest.mark.parametrize(
    ("modality", "code"),
    [("CT", "no-ct"), ("RTSTRUCT", "no-rt-structure-set"), ("RTPLAN", "no-rt-plan"), ("RTDOSE", "no-rt-dose")],
)
def test_a_missing_object_may_still_arrive(tmp_path, modality, code):
    """Copying may continue, so the set is incomplete and not yet refused."""
    verdict = judge(make_set(tmp_path, sets.without(modality)))
    assert (faults(verdict), missing(verdict)) == ([], [code])
    with pytest.raises(SetIncomplete):
        verdict.good_set()


def test_missing_slices_are_counted(tmp_path):
    """The progress of copying is visible."""
    verdict = judge(make_set(tmp_path, sets.without_slices(0, 2), ct=5))
    assert missing(verdict) == ["slices-missing"]
    assert verdict.links["contours → CT"] == "incomplete"
    assert verdict.missing[0].found.startswith("3 of 5 CT slices")


@pytest.mark.parametrize("pattern", ["READY", "*.ready"])
def test_a_set_without_the_mark_of_its_exporter_is_not_complete(tmp_path, pattern):
    """If the collection defines one; with it the set is good."""
    made, options = make_set(tmp_path), replace(REFUSE, ready=pattern)
    assert missing(judge(made, options)) == ["not-ready"]
    (made.folder / pattern.replace("*", "done")).touch()
    assert judge(made, options).good


@pytest.mark.parametrize("modality", ["CT", "RTSTRUCT", "RTPLAN", "RTDOSE"])
def test_a_truncated_file_may_still_be_on_its_way(tmp_path, modality):
    """It is named, with the position of its end."""
    verdict = judge(make_set(tmp_path, sets.truncated(modality)))
    assert not verdict.faults
    assert "file-truncated" in missing(verdict)
    assert "is incomplete: the " in verdict.missing[0].found


def test_a_file_full_of_zeros_has_not_arrived(tmp_path):
    """Windows allocates a file before writing it."""
    made = make_set(tmp_path)
    path = made.path(made.ct[1])
    path.write_bytes(bytes(path.stat().st_size))
    (made.folder / "new.dcm").touch()
    assert missing(judge(made)) == ["file-truncated", "file-truncated", "slices-missing"]


def test_an_unreadable_file_is_refused_by_name(tmp_path):
    """Waiting would not help, so it is refused."""
    made = make_set(tmp_path)
    (made.folder / "broken.dcm").write_bytes(
        bytes(128)
        + b"DICM"
        + b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
        + b"\x08\x00\x05\x11SQ\0\0\x08\0\0\0"
        + b"x" * 8
    )
    verdict = judge(made)
    assert faults(verdict) == ["file-unreadable"]
    assert verdict.faults[0].found.startswith("broken.dcm cannot be read as DICOM")


def test_two_patients_are_always_refused(tmp_path):
    """Accepting it is not an option."""
    made = make_set(tmp_path, sets.setting("RTPLAN", PatientID="someone else"))
    verdict = judge(made, replace(REFUSE, accept=frozenset(("two-patients",))))
    assert faults(verdict) == ["two-patients"]
    assert made.path(made.plan).name in verdict.faults[0].found


def test_an_id_in_other_spelling_or_absent_is_no_second_patient(tmp_path):
    """Systems pad IDs and change their case; other names are reported but decide nothing."""
    verdict = judge(
        make_set(
            tmp_path,
            sets.setting(PatientID="Ab12"),
            sets.setting("RTPLAN", PatientID="AB12 ", PatientName="Other^Name"),
            sets.setting("RTDOSE", PatientID="", PatientSex="O"),
        )
    )
    assert verdict.good
    assert "The objects state 2 different names of the patient." in verdict.notes
    assert "The objects state 2 different sexes." in verdict.notes
    assert any(note.startswith("No patient ID in RT Dose RD.") for note in verdict.notes)


def test_other_objects_are_left_out_and_named(tmp_path):
    """Many folders contain setup images, registrations and text files."""
    made = make_set(tmp_path, sets.other_object("RTIMAGE"), sets.other_object("REG"), sets.other_object("RTIMAGE"))
    (made.folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (made.folder / "link").symlink_to(tmp_path)
    verdict = judge(made)
    assert verdict.good
    assert "Left out, because they belong to no set: 2 RT Image, 1 Spatial Registration." in verdict.notes
    assert "1 file is not DICOM and ignored." in verdict.notes
    assert "1 file is not examined (a link)." in verdict.notes
    assert faults(judge(made, replace(REFUSE, extra_objects="refuse"))) == ["extra-objects"]


def test_a_folder_without_dicom_is_no_set(tmp_path):
    """It does not wait."""
    (tmp_path / "letter.txt").write_text("Dear colleague")
    assert judge(tmp_path).empty


def test_a_vanished_file_means_that_the_set_changed(tmp_path):
    """It is restarted instead of failing."""
    made = make_set(tmp_path)
    seen = folder_listing.take(made.folder)
    made.path(made.dose).unlink()
    with pytest.raises(SetChanged):
        check.judge(made.folder, KEEP, [], policy_for(Choice(keep_machine=True)), seen)


def test_all_faults_of_a_set_are_reported_at_once(tmp_path):
    """So one new export suffices."""
    verdict = judge(
        make_set(tmp_path, sets.second("RTDOSE"), sets.verification_plan, sets.hd120, sets.without_slices(0))
    )
    assert set(faults(verdict)) == {"second-dose", "verification-plan", "machine-leaf-boundaries"}
    assert missing(verdict) == ["slices-missing"]


def test_a_code_that_is_accepted_becomes_a_note(tmp_path):
    """The collection accepts it knowingly."""
    made = make_set(tmp_path, sets.relative_dose)
    assert faults(judge(made)) == ["relative-dose"]
    accepted = judge(made, replace(REFUSE, accept=frozenset(("relative-dose",))))
    assert accepted.good
    assert any(note.startswith("Accepted: RT Dose") for note in accepted.notes)


def test_a_beam_that_the_machine_lacks_is_named_by_its_number(tmp_path):
    """The remedy gives the collection's options."""
    made = make_set(tmp_path, sets.hd120)
    (fault,) = judge(made).faults
    assert fault.code == "machine-leaf-boundaries"
    assert "Beam 1 has leaf boundaries" in fault.found
    assert "Beam 2 has leaf boundaries" in fault.found
    assert judge(made, replace(REFUSE, on_machine_mismatch="warn")).good
    assert judge(made, replace(REFUSE, machine=("VicRapidPlan", "VicRapidPlanHD"))).good
    kept = judge(made, KEEP)
    assert (kept.good, kept.machine) == (True, None)


@pytest.mark.parametrize("edit", [sets.ion_plan, sets.brachy_plan])
def test_plans_without_linac_beams_can_only_keep_their_machine(tmp_path, edit):
    """They are not moved even with a warning."""
    made = make_set(tmp_path, edit)
    verdict = judge(made, replace(REFUSE, on_machine_mismatch="warn"))
    assert [fault.remedy for fault in verdict.faults] == ['Collect it with machine = "keep".']
    assert judge(made, KEEP).good


@pytest.mark.parametrize("syntax", sets.TRANSFER_SYNTAXES)
def test_every_encoding_is_judged_alike(tmp_path, syntax):
    """The verdict does not depend on the encoding."""
    assert judge(make_set(tmp_path, sets.encoded(syntax))).links == ALL_SHOWN


@pytest.mark.parametrize(
    "edit", [sets.without_preamble, sets.without_file_meta, sets.undefined_lengths, sets.un_sequences]
)
def test_unusual_but_valid_files_are_accepted(tmp_path, edit):
    """Planning systems import them."""
    verdict = judge(make_set(tmp_path, edit))
    assert (verdict.faults, verdict.missing) == ((), ())


def test_hostile_names_stay_on_one_line(tmp_path):
    """A line break in a file name must not forge a line of a REFUSED file."""
    made = make_set(tmp_path)
    path = made.path(made.ct[1])
    path.rename(path.with_name("CT\nAll is well.dcm"))
    (made.folder / "x\ny.dcm").write_bytes(path.with_name("CT\nAll is well.dcm").read_bytes()[:-500])
    verdict = judge(made)
    assert all("\n" not in fault.found for fault in (*verdict.faults, *verdict.missing))


def test_two_patients_are_distinguished_by_number_plan_and_files(tmp_path):
    """So the person knows what to remove; IDs differing only by zeros are usually typing errors."""
    made = make_set(
        tmp_path,
        sets.setting(PatientID="004711", RTPlanLabel=None),
        sets.setting("RTPLAN", PatientID="4711", RTPlanLabel="HN"),
    )
    (fault,) = judge(made).faults
    first, *below = fault.found.split("\n")
    assert "5 objects of patient 004711; 1 object of patient 4711, plan HN." in first
    assert first.endswith("Some of the IDs differ by leading zeros only.")
    assert below[1] == f"4711: RT Plan {made.path(made.plan).name}."
    assert "and 2 more, RT Structure Set" in below[0]


def test_a_dose_of_one_plane_is_refused(tmp_path):
    """A grid of one plane is not a dose of a volume, unless the CT is of one slice, too."""

    def one_plane(made: MadeSet) -> None:
        made.dose.NumberOfFrames = 1
        made.dose.GridFrameOffsetVector = [0]
        size = made.dose.Rows * made.dose.Columns * made.dose.BitsAllocated // 8
        made.dose.PixelData = made.dose.PixelData[:size]

    assert faults(judge(make_set(tmp_path, one_plane))) == ["dose-of-one-plane"]
    assert judge(make_set(tmp_path / "one", one_plane, ct=1)).good


def _twice(data: bytes) -> bytes:
    """Add a second name, and zeros at the end of the file."""
    at = data.index(b"\x10\x00\x10\x00PN", 200)
    return data[:at] + b"\x10\x00\x10\x00PN\x04\x00A^B " + data[at:-512] + bytes(512)


@pytest.mark.parametrize("modality", ["CT", "RTDOSE"])
def test_what_makes_no_sense_is_refused_though_its_image_ends_in_zeros(tmp_path, modality):
    """A completed copy is not waited for, and existing objects are not called missing."""
    made = make_set(tmp_path, ct=1)
    made.rewrites.append((modality, _twice))
    made.write()
    verdict = judge(made)
    assert (faults(verdict), missing(verdict)) == (["file-unreadable"], [])
    assert verdict.faults[0].found.endswith("PatientName occurs twice, with different values.")


@pytest.mark.parametrize("modality", ["RTSTRUCT", "RTPLAN", "RTDOSE"])
def test_a_file_that_ends_too_early_is_waited_for_by_itself(tmp_path, modality):
    """It exists, so nothing else is requested."""
    verdict = judge(make_set(tmp_path, sets.truncated(modality)))
    assert (faults(verdict), missing(verdict)) == ([], ["file-truncated"])


@pytest.mark.parametrize("where", [0, -1])
def test_an_empty_contour_item_is_a_note(tmp_path, where):
    """Some systems write one; the set is good."""

    def empty(made):
        contours = made.structure_set.ROIContourSequence[0].ContourSequence
        contours.insert(len(contours) if where else 0, Dataset())

    verdict = judge(make_set(tmp_path, empty))
    assert verdict.good
    assert any("1 of 4 contours" in note for note in verdict.notes)
