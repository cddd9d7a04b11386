"""Sets of every kind pass their proof, published ones pass it again, and its reading of values is right."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread, dcmwrite

from services.dicom.dictionary import keyword, tag
from services.errors import NotClean, SettingsWrong
from services.machines import descriptor
from services.maintenance.verify_again import verify_published
from services.policy.attribute_types import TABLE, demanded
from services.policy.table import Action, Choice, policy_for
from services.proof.compare_elements import by_attribute
from services.proof.evidence import Place, Reasons
from services.proof.prove import Expected, prove
from services.proof.values import _is_of_age, _Moment, _moments
from services.store.collection import Collection
from services.vocabulary.defined_terms import is_term
from tests import sets
from tests.anonymized import IDENTITY, anonymize_folder
from tests.judge import judge

if TYPE_CHECKING:
    from pathlib import Path

SHAPES: dict[str, tuple[sets.Edit, ...]] = {
    "implicit": (sets.encoded("implicit"),),
    "deflated": (sets.encoded("deflated"),),
    "big endian": (sets.encoded("big endian"),),
    "compressed": (sets.rle,),
    "no preamble": (sets.without_preamble,),
    "no file meta": (sets.without_file_meta,),
    "undefined lengths": (sets.undefined_lengths,),
    "sequences as UN": (sets.un_sequences,),
    "private without creator": (sets.private_without_creator,),
    "junk in dates": (sets.junk_dates,),
    "FFF said privately": (sets.fluence("FFF", private_only=True),),
    "electrons": (sets.electrons,),
    "two studies": (sets.two_studies,),
    "no references to images": (sets.contours_without_images,),
    "a second series listed": (sets.second_series_in_image_list,),
    "no age": (sets.setting(PatientAge=None),),
    "over 89": (sets.setting(PatientAge="095Y", PatientBirthDate=""),),
    "born on 29 February": (sets.setting(PatientAge=None, PatientBirthDate="19600229"),),
    "nothing known of the age": (sets.setting(PatientAge=None, PatientBirthDate=""),),
    "two sexes": (sets.setting("CT", PatientSex="M"), sets.setting("RTPLAN", PatientSex="F")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_set_of_an_odd_shape_passes(tmp_path: Path, shape: str) -> None:
    """Odd but valid sets are proven like all others, and the independent judge agrees."""
    made = sets.make_set(tmp_path, *SHAPES[shape])
    done = anonymize_folder(made.folder, tmp_path / "ANON_006")
    judge(made.folder, done.anon, made.manifest)


@pytest.mark.parametrize(
    "edit",
    [
        sets.patient("Brain^Long", "2018"),
        sets.patient("Long^Static", "2018"),
        sets.patient("2018^2018", "2018"),
        sets.patient("Siemens^Philips", "1234"),
        sets.patient("Primary^Axial", "0815"),
        sets.patient("Yamada^Tarou=山田^太郎", "7"),
        sets.latin_1_undeclared,
    ],
)
def test_a_set_of_a_patient_with_a_common_name_or_id_passes(tmp_path: Path, edit: sets.Edit) -> None:
    """Words of the standard, anatomy and products are in every set, whatever its patient's name."""
    made = sets.make_set(tmp_path, edit)
    anonymize_folder(made.folder, tmp_path / "ANON_006")


@pytest.mark.parametrize("odd", ["implicit", "junk in dates", "over 89", "nothing known of the age"])
@pytest.mark.parametrize(
    "options",
    [
        {"machines": ()},
        {"dates": "remove"},
        {"dates": "keep"},
        {"patient_characteristics": "age_sex"},
        {"scanner": "SCANNER_A"},
    ],
    ids=str,
)
def test_a_set_passes_under_every_option(tmp_path: Path, options: dict[str, object], odd: str) -> None:
    """The proof asks the same policy what should have been done."""
    made = sets.make_set(tmp_path, *SHAPES[odd])
    anonymize_folder(made.folder, tmp_path / "ANON_006", **options)  # type: ignore[arg-type]


# Rebuilt references

BROKEN: dict[str, tuple[sets.Edit, ...]] = {
    "dose → plan": (sets.dose_of_another_plan,),
    "plan → structure set": (sets.plan_of_another_structure_set,),
    "contours → CT": (sets.contours_on_other_images,),
    "frame of reference": (sets.other_frame_of_reference("RTSTRUCT"),),
    "no list of images": (sets.without_image_list, sets.dose_of_another_plan),
    "a second series listed": (sets.second_series_in_image_list, sets.dose_of_another_plan),
}


@pytest.mark.parametrize("link", BROKEN)
def test_a_set_whose_references_were_rebuilt_passes(tmp_path: Path, link: str) -> None:
    """Its links differ from the source's, and must be complete."""
    made = sets.make_set(tmp_path, *BROKEN[link])
    anonymize_folder(made.folder, tmp_path / "ANON_006", on_broken_links="relink")


def test_wrong_links_are_found_although_references_were_rebuilt(tmp_path: Path) -> None:
    """A contour on a wrong slice, or a missing link, is found although references were rebuilt."""
    made = sets.make_set(tmp_path, sets.dose_of_another_plan, ct=9)
    done = anonymize_folder(made.folder, tmp_path / "ANON_006", on_broken_links="relink")
    path = next(done.anon.glob("RS.*"))
    data = dcmread(path)
    images = [contour.ContourImageSequence[0] for contour in data.ROIContourSequence[0].ContourSequence]
    images[0].ReferencedSOPInstanceUID = images[1].ReferencedSOPInstanceUID
    dcmwrite(path, data, enforce_file_format=False)
    dose_path = next(done.anon.glob("RD.*"))
    dose = dcmread(dose_path)
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = "2.25.1"
    dcmwrite(dose_path, dose, enforce_file_format=False)
    with pytest.raises(NotClean) as not_clean:
        prove(
            [(data.Modality, made.path(data)) for data in made.objects],
            done.anon,
            Expected(IDENTITY, done.replacements.policy, done.replacements.machine, relinked=True),
        )
    assert set(not_clean.value.reasons) == {
        "links: dose → plan was rebuilt, but is incomplete at RTDOSE ReferencedRTPlanSequence.ReferencedSOPInstanceUID",
        (
            "links: contours → CT was rebuilt, but is incomplete at RTSTRUCT "
            "ROIContourSequence.ContourSequence.ContourImageSequence.ReferencedSOPInstanceUID"
        ),
    }


# Published sets


def test_a_published_set_is_proven_again(tmp_path: Path) -> None:
    """`anonymizer verify SOURCE ANON_006` needs the source, the output and the form, and no key."""
    root = sets.make_collection(tmp_path / "BATCH", more='[privacy]\nscanner = "SCANNER_A"')
    made = sets.make_set(root)
    collection = Collection.open(root)
    done = anonymize_folder(made.folder, root / "ANON_006", scanner="SCANNER_A")
    again = verify_published(made.folder, done.anon, collection, descriptor.folders())
    assert again == done.proof


def test_a_published_set_of_another_source_fails(tmp_path: Path) -> None:
    """With another patient's folder, nothing fits."""
    root = sets.make_collection(tmp_path / "BATCH")
    made = sets.make_set(root)
    other = sets.make_set(root, name="another", seed=2)
    collection = Collection.open(root)
    done = anonymize_folder(made.folder, root / "ANON_006")
    with pytest.raises(NotClean):
        verify_published(other.folder, done.anon, collection, descriptor.folders())


def test_a_folder_that_is_no_published_set_is_reported(tmp_path: Path) -> None:
    """Reported in a sentence."""
    root = sets.make_collection(tmp_path / "BATCH")
    made = sets.make_set(root)
    with pytest.raises(SettingsWrong, match="ANON_006"):
        verify_published(made.folder, made.folder, Collection.open(root), descriptor.folders())


# Values

MOMENTS = {
    ("DA", "20110506"): [_Moment(date(2011, 5, 6), 8, "")],
    ("DA", "2011.05.06"): [_Moment(date(2011, 5, 6), 8, "")],
    ("DA", "20110506-20110507"): [_Moment(date(2011, 5, 6), 8, ""), _Moment(date(2011, 5, 7), 8, "")],
    ("DA", "-20110507"): [_Moment(date(2011, 5, 7), 8, "")],
    ("DA", "20110506-"): [_Moment(date(2011, 5, 6), 8, "")],
    ("DA", "2011"): [],
    ("DA", "20110506143231"): [],
    ("DA", "20110230"): [],
    ("DA", "2.25.1234"): [],
    ("DA", ""): [],
    ("DT", "20110506"): [_Moment(date(2011, 5, 6), 8, "")],
    ("DT", "2011"): [_Moment(date(2011, 1, 1), 4, "")],
    ("DT", "201105"): [_Moment(date(2011, 5, 1), 6, "")],
    ("DT", "2011-0500"): [_Moment(date(2011, 1, 1), 4, "-0500")],
    ("DT", "20110506143231.123456+0200"): [_Moment(date(2011, 5, 6), 8, "143231.123456+0200")],
    ("DT", "2011.05.06"): [],
}


@pytest.mark.parametrize(("vr", "value"), MOMENTS)
def test_dates_are_read_without_the_writers_help(vr: str, value: str) -> None:
    """DA and DT, ranges, and other values. PS3.5 6.2."""
    assert _moments(value, vr.encode()) == MOMENTS[vr, value]


@pytest.mark.parametrize(
    ("age", "birth", "day", "fits"),
    [
        ("045Y", date(1960, 5, 6), date(2005, 5, 6), True),
        ("045Y", date(1960, 5, 7), date(2005, 5, 6), False),
        ("090Y", date(1900, 5, 6), date(2005, 5, 6), True),
        ("030M", date(2003, 1, 31), date(2005, 7, 31), True),
        ("004D", date(2005, 5, 2), date(2005, 5, 6), True),
        ("003W", date(2005, 5, 2), date(2005, 5, 6), False),
        ("", date(1960, 5, 6), date(2005, 5, 6), False),
        ("045Y", date(2005, 5, 6), date(2005, 5, 6), False),
    ],
)
def test_an_age_is_held_against_a_birth_date(age: str, birth: date, day: date, *, fits: bool) -> None:
    """In completed years, months, weeks or days; 090Y is 90 or more."""
    assert _is_of_age(age, birth, day) is fits


# Tables


@pytest.mark.parametrize("dates", ["shift", "remove", "keep"])
@pytest.mark.parametrize("characteristics", ["retain", "age_sex"])
@pytest.mark.parametrize("keep_machine", [False, True])
def test_the_policy_leaves_what_the_objects_must_hold(dates: str, characteristics: str, *, keep_machine: bool) -> None:
    """The two tables are based on different documents, and agree."""
    policy = policy_for(Choice(dates, characteristics, keep_machine))
    for (kind, sequence, attribute), type_ in TABLE.items():
        action = policy.decision(attribute, (sequence,) if sequence > 0 else ()).action
        name = f"{kind} {keyword(max(sequence, 0))}>{keyword(attribute)}"
        assert action is not Action.DROP, name
        assert action is not Action.EMPTY or type_ == 2, name


def test_what_is_demanded_depends_on_object_and_place() -> None:
    """A treatment machine's name is required in a beam; a patient ID is Type 1 in some items."""
    machine_name = tag("TreatmentMachineName")
    assert demanded("RTPLAN", tag("BeamSequence"), machine_name) == 2
    assert demanded("RTDOSE", tag("BeamSequence"), machine_name) == 0
    assert demanded("CT", 0, tag("PatientID")) == 2
    assert demanded("CT", tag("SourcePatientGroupIdentificationSequence"), tag("PatientID")) == 1
    assert demanded("RTDOSE", tag("ReferencedRTPlanSequence"), tag("ReferencedSOPInstanceUID")) == 1


@pytest.mark.parametrize("value", ["", "HFS", "ORIGINAL\\PRIMARY\\AXIAL ", "ISO_IR 192", "\\ISO 2022 IR 87"])
def test_terms_of_the_standard_are_recognized(value: str) -> None:
    """Whatever the patient's name."""
    assert is_term(value)


@pytest.mark.parametrize("value", ["MUSTERMANN", "ORIGINAL\\MUSTERMANN", "ISOLDE", "HEAD 4711"])
def test_words_that_are_no_terms_are_searched(value: str) -> None:
    """These are searched."""
    assert not is_term(value)


def test_reasons_are_counted_and_bounded() -> None:
    """An error in every slice is one reason, and a broken set does not fill the log."""
    reasons = Reasons()
    for number in range(180):
        reasons.add("elements", "is lost", Place("CT", (tag("BeamSequence"),), 0x00091001, (number,)))
    assert reasons.sentences() == ["elements: is lost at CT BeamSequence[0].(0009,1001) (180 times)"]
    for number in range(100):
        reasons.add("files", f"{number} is wrong")
    assert len(reasons.sentences()) == Reasons.MOST + 1
    assert reasons.sentences()[-1] == "and 61 more"


def test_changes_are_laid_out_by_attribute() -> None:
    """As in a record: without item numbers and values."""
    beams, name = tag("BeamSequence"), tag("BeamName")
    place = Place("RTPLAN", (beams,), name)
    changed = [(place, "clean", 2), (place, "drop", 1)]
    assert by_attribute(changed) == {"RTPLAN BeamSequence>BeamName": {"clean": 2, "drop": 1}}
