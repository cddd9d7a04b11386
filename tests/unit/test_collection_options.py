"""The options of a collection: what each keeps and removes, and that the objects claim exactly that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import judge, sets
from tests.anonymized import IDENTITY, anonymize_folder, anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import MadeSet

KEEP = {"machines": ()}


def dates_of(done: Anonymized) -> set[str]:
    """Return every date of the output except the birth date."""
    return {
        str(element.value)
        for data in done.new.values()
        for _, element in judge.elements(data)
        if element.VR in {"DA", "DT"} and element.keyword not in judge.NO_DAYS and element.value
    }


def test_dates_move_by_whole_weeks(tmp_path: Path) -> None:
    """The judge checks that all moved alike; the objects state MODIFIED."""
    done = anonymized(tmp_path)
    assert done.replacements.shift.days % 7 == 0
    assert judge.day(done.ct.StudyDate) == judge.day(done.old["CT 0"].StudyDate) - done.replacements.shift
    assert {data.LongitudinalTemporalInformationModified for data in done.new.values()} == {"MODIFIED"}
    assert done.methods == ["113100", "113105", "113107", "113108"]


def test_dates_are_removed(tmp_path: Path) -> None:
    """All, including the birth date; the age stays. Required dates are empty or a constant."""
    done = anonymized(tmp_path, dates="remove")
    assert dates_of(done) == set()
    assert {data.PatientBirthDate for data in done.new.values()} == {""}
    assert {data.PatientAge for data in done.new.values()} == {done.old["CT 0"].PatientAge}
    assert {data.LongitudinalTemporalInformationModified for data in done.new.values()} == {"REMOVED"}
    assert done.methods == ["113100", "113105", "113108"]


def test_dates_stay(tmp_path: Path) -> None:
    """Those of the study; the birth date is still made up."""
    done = anonymized(tmp_path, dates="keep")
    assert done.ct.StudyDate == done.old["CT 0"].StudyDate
    assert done.plan.RTPlanDate == done.old["RTPLAN"].RTPlanDate
    assert done.plan.PatientBirthDate != done.old["RTPLAN"].PatientBirthDate
    assert {data.LongitudinalTemporalInformationModified for data in done.new.values()} == {"UNMODIFIED"}
    assert done.methods == ["113100", "113105", "113106", "113108"]


def weighed(made: MadeSet) -> None:
    """Add patient characteristics besides age and sex."""
    sets.setting(PatientWeight="81.5", PatientSize="1.77", EthnicGroup="Plantesian", SmokingStatus="YES")(made)


def test_characteristics_of_the_patient_are_retained(tmp_path: Path) -> None:
    """Option 113108."""
    done = anonymized(tmp_path, weighed)
    assert (done.ct.PatientWeight, done.ct.PatientSize, done.ct.SmokingStatus) == (81.5, 1.77, "YES")


def test_age_and_sex_alone(tmp_path: Path) -> None:
    """Neither the Basic Profile, which removes both, nor 113108, which keeps more, is claimed."""
    done = anonymized(tmp_path, weighed, patient_characteristics="age_sex")
    for data in done.new.values():
        assert not any(keyword in data for keyword in ("PatientWeight", "PatientSize", "EthnicGroup", "SmokingStatus"))
        assert data.PatientSex == done.old["CT 0"].PatientSex
        assert data.PatientAge == done.old["CT 0"].PatientAge
    assert done.methods == ["113105", "113107"]
    assert "of the patient's characteristics age and sex only" in done.plan.DeidentificationMethod


LESS = [
    "113108 without SexParametersForClinicalUseCategorySequence",
    "113108 without SexParametersForClinicalUseCategoryCodeSequence",
    "113108 without SexParametersForClinicalUseCategoryReference",
    "113108 without EthnicGroup EthnicGroupCodeSequence EthnicGroups",
    "113108 without SmokingStatus PregnancyStatus PatientSexNeutered",
]


def test_what_a_dose_model_has_no_use_for_goes(tmp_path: Path) -> None:
    """Age, sex, size and weight stay; the objects state what is missing from 113108."""
    done = anonymized(tmp_path, weighed, patient_characteristics="dose_model")
    assert (done.ct.PatientWeight, done.ct.PatientSize) == (81.5, 1.77)
    for data in done.new.values():
        assert not any(keyword in data for keyword in ("EthnicGroup", "SmokingStatus"))
        assert (data.PatientSex, data.PatientAge) == (done.old["CT 0"].PatientSex, done.old["CT 0"].PatientAge)
        assert list(data.DeidentificationMethod)[2:] == LESS
    assert done.methods == ["113100", "113105", "113107", "113108"]


def test_no_birth_date_is_made_up_where_none_is_wanted(tmp_path: Path) -> None:
    """The age is still stated."""
    done = anonymized(tmp_path, birth_date="empty")
    assert {(data.PatientBirthDate, data.PatientAge) for data in done.new.values()} == {
        ("", done.old["CT 0"].PatientAge)
    }


@pytest.mark.parametrize(
    ("dates", "methods", "said"),
    [
        ("shift", ["113100", "113105", "113107", "113108"], "MODIFIED"),
        ("keep", ["113100", "113105", "113108"], "MODIFIED"),
        ("remove", ["113100", "113105", "113108"], "REMOVED"),
    ],
)
def test_times_of_day_go_where_they_are_not_wanted(tmp_path: Path, dates: str, methods: list[str], said: str) -> None:
    """Required times are empty; full dates are not claimed without times."""
    dated = sets.setting("CT", StudyTime="101500", AcquisitionTime="101501", AcquisitionDateTime="20200101101501")
    done = anonymized(tmp_path, dated, times="remove", dates=dates)
    times = {
        element.keyword: element.value
        for data in done.new.values()
        for element in data.iterall()
        if element.VR in {"TM", "DT"} and element.value and element.keyword != "ContextGroupVersion"
    }
    assert set(times.values()) <= {"000000", "000000.000000"}, times
    assert (done.methods, done.ct.LongitudinalTemporalInformationModified) == (methods, said)


def test_every_beam_is_put_on_the_machine(tmp_path: Path) -> None:
    """Including setup fields; serial numbers and stations in beams, and the scanner's identity, are removed."""
    done = anonymized(tmp_path)
    for beam in done.plan.BeamSequence:
        assert beam.TreatmentMachineName == "VicRapidPlan"
        assert beam.Manufacturer == "Varian Medical Systems"
        assert not {"DeviceSerialNumber", "StationName", "InstitutionName"} & {element.keyword for element in beam}
    assert not {"StationName", "DeviceSerialNumber"} & {element.keyword for element in done.ct}
    assert done.ct.DeviceUID != done.old["CT 0"].DeviceUID
    assert (done.ct.Manufacturer, done.ct.ManufacturerModelName) == (
        done.old["CT 0"].Manufacturer,
        done.old["CT 0"].ManufacturerModelName,
    )


def test_the_scanner_is_called_as_the_collection_wishes(tmp_path: Path) -> None:
    """In every slice, and nowhere else."""
    done = anonymized(tmp_path, scanner="CT_ANON")
    named = {place: data.get("StationName") for place, data in done.new.items()}
    assert named == {place: "CT_ANON" if place.startswith("CT") else None for place in done.new}


def test_machine_and_scanner_are_kept(tmp_path: Path) -> None:
    """Everything that option 113109 keeps; it is not claimed, because device dates moved."""
    done = anonymized(tmp_path, **KEEP)
    for beam, old in zip(done.plan.BeamSequence, done.old["RTPLAN"].BeamSequence, strict=True):
        for keyword in ("TreatmentMachineName", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber"):
            assert beam[keyword].value == old[keyword].value
        assert "InstitutionName" not in beam
    assert done.ct.StationName == done.old["CT 0"].StationName
    assert done.methods == ["113100", "113105", "113107", "113108"]


def test_a_name_for_the_scanner_is_of_no_use_where_the_scanner_stays(tmp_path: Path) -> None:
    """It replaces nothing."""
    done = anonymized(tmp_path, scanner="CT_ANON", **KEEP)
    assert done.ct.StationName == done.old["CT 0"].StationName


def undated_devices(made: MadeSet) -> None:
    """Remove device dates: of calibrations and of treatment machines."""
    for data in made.objects:
        for keyword in ("DateOfLastCalibration", "TimeOfLastCalibration", "DateOfManufacture", "DateOfInstallation"):
            for _, element in list(judge.elements(data)):
                if element.VR == "SQ":
                    for one in element.value:
                        one.pop(keyword, None)
            data.pop(keyword, None)


def test_a_kept_machine_is_claimed_where_nothing_of_it_was_touched(tmp_path: Path) -> None:
    """Without device dates, or with kept dates."""
    assert anonymized(tmp_path / "undated", undated_devices, **KEEP).methods[-1] == "113109"
    assert anonymized(tmp_path / "kept", dates="keep", **KEEP).methods[-1] == "113109"
    assert "113109" not in anonymized(tmp_path / "removed", dates="remove", **KEEP).methods


@pytest.mark.parametrize(
    "options",
    [
        *({}, KEEP, {"dates": "remove"}, {"dates": "keep"}, {"patient_characteristics": "age_sex"}),
        {"patient_characteristics": "dose_model", "birth_date": "empty", "times": "remove"},
    ],
    ids=str,
)
def test_every_object_makes_the_same_statement(tmp_path: Path, options: dict[str, object]) -> None:
    """On patient, study and method, identically."""
    done = anonymized(tmp_path, **options)  # type: ignore[arg-type]
    keywords = (
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "StudyID", "AccessionNumber"),
        *("PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified"),
        "DeidentificationMethodCodeSequence",
    )
    said = [{keyword: data[keyword].to_json_dict(None, 0) for keyword in keywords} for data in done.new.values()]
    assert all(one == said[0] for one in said)
    assert done.plan.PatientID == IDENTITY.patient_id
    assert done.plan.PatientName == IDENTITY.patient_name


def test_another_key_makes_other_uids_and_other_dates(tmp_path: Path) -> None:
    """The same key gives the same ones: a second attempt equals the first."""
    first, again, other = (
        anonymized(tmp_path / name, key=key)
        for name, key in (("a", bytes(range(32))), ("b", bytes(range(32))), ("c", bytes(32)))
    )
    assert first.written == again.written
    assert first.plan.SOPInstanceUID != other.plan.SOPInstanceUID
    assert first.replacements.shift != other.replacements.shift


def test_references_that_were_rebuilt_are_said_to_be(tmp_path: Path) -> None:
    """In the method; and all four links are complete, as judged independently."""
    made = sets.make_set(tmp_path, sets.dose_of_another_plan, sets.plan_without_structure_set)
    done = anonymize_folder(made.folder, tmp_path / "ANON_006", on_broken_links="relink")
    links = judge.shown_links(done.new)
    assert links["dose → plan"] == [True]
    assert links["plan → structure set"] == [True]
    assert all(len(images) == 1 and images[0] in done.new for images in links["contours → CT"])  # type: ignore[union-attr]
    assert len(links["frame of reference"]) >= len(done.new) - 1  # type: ignore[arg-type]
    assert links["studies"] == 1
    assert "references between the objects rebuilt" in done.plan.DeidentificationMethod


def test_no_date_of_a_device_is_left_to_align_two_patients_by(tmp_path: Path) -> None:
    """If a scanner's dates moved with each patient, their differences would be the true ones."""

    def of_the_device(made: MadeSet) -> None:
        for data in made.ct:
            data.DateOfManufacture, data.DateOfInstallation = "20170110", "20170503"
            data.DateOfLastCalibration, data.TimeOfLastCalibration = "20210315", "064217"
            data.TimezoneOffsetFromUTC = "+0200"

    for dates in ("shift", "remove"):
        done = anonymized(tmp_path / dates, of_the_device, dates=dates)
        left = {element.keyword for data in done.new.values() for _, element in judge.elements(data)}
        assert left.isdisjoint(
            ("DateOfManufacture", "DateOfInstallation", "DateOfLastCalibration", "TimeOfLastCalibration")
        )
        assert "TimezoneOffsetFromUTC" not in left
