"""The synthetic set is the basis of tests and demonstration, so its claims are checked."""

from __future__ import annotations

import io
import re
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from phantom.anatomy import BODY
from phantom.sets import SyntheticSet, build_set, write_demo, write_set
from services.errors import SettingsWrong
from tests.conformance import told_by
from tests.sets import (
    TRANSFER_SYNTAXES,
    copied,
    encoded,
    file_of_built,
    make_set,
    rle,
    un_sequences,
    undefined_lengths,
    without_file_meta,
    without_preamble,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import DataElement, Dataset

#: UIDs that name no instance of this patient's data; they are the same in every set.
CLASS_LIKE = {"SOPClassUID", "ReferencedSOPClassUID", "MediaStorageSOPClassUID", "TransferSyntaxUID"} | {
    "ImplementationClassUID",
    "ContextUID",
    "MappingResourceUID",
}


@pytest.fixture(scope="module")
def made() -> SyntheticSet:
    """Build a head-and-neck set with twenty structures and the complete plan, on a coarse grid."""
    return build_set(seed=3, ct=12, size=64, dose_bits=16)


@pytest.fixture(scope="module")
def folder(made: SyntheticSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the same set."""
    written = tmp_path_factory.mktemp("phantom") / made.folder
    write_set(made, written)
    return written


@pytest.fixture(scope="module")
def read(folder: Path) -> dict[str, Dataset]:
    """Read the files: structure set, plan and dose by modality, `CT` the lowest slice."""
    objects = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    objects.sort(key=lambda data: -data.get("InstanceNumber", 0))
    return {data.Modality: data for data in objects}


def elements(data: Dataset) -> Iterator[DataElement]:
    """Yield every element at every depth, including file meta information."""
    yield from data.file_meta
    yield from data.iterall()


def test_a_built_set_is_written_as_pydicom_writes_it(made: SyntheticSet) -> None:
    """By `tests.sets`, in a third of the time."""
    for data in map(copied, made.objects):
        theirs = io.BytesIO()
        pydicom.dcmwrite(theirs, data, enforce_file_format=True)
        assert file_of_built(data) == theirs.getvalue()


def standard_texts(data: Dataset) -> list[str]:
    """Collect UIDs, names, dates and numbers at every depth, except in private elements."""
    texts = []
    for element in data:
        if element.tag.is_private or element.keyword == "PixelData":
            continue
        if element.VR == "SQ":
            texts += [text for one in element.value for text in standard_texts(one)]
        elif element.VR in {"UI", "PN", "DA", "DS"}:
            texts.append(str(element.value))
    return texts


def names(read: dict[str, Dataset]) -> dict[str, int]:
    """Return the ROI numbers by name."""
    return {roi.ROIName: roi.ROINumber for roi in read["RTSTRUCT"].StructureSetROISequence}


def drawn(read: dict[str, Dataset], name: str) -> list[np.ndarray]:
    """Return the contours of a structure as points (x, y, z)."""
    number = names(read)[name]
    (roi,) = [one for one in read["RTSTRUCT"].ROIContourSequence if one.ReferencedROINumber == number]
    return [np.array(contour.ContourData, dtype=float).reshape(-1, 3) for contour in roi.get("ContourSequence", ())]


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    """Byte for byte."""
    first, again = (make_set(tmp_path, name=name, seed=8) for name in ("first", "again"))
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == {
        path.name: path.read_bytes() for path in again.folder.iterdir()
    }


def test_another_seed_makes_another_patient() -> None:
    """Two sets share no identifier and no UID."""
    one, other = (build_set(seed=seed, ct=1, size=16, control_points=2).manifest for seed in (1, 2))
    assert not one.values & other.values
    assert not one.uids & other.uids


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_the_judge_of_dicom_objects_finds_no_error(tmp_path: Path, seed: int) -> None:
    """Dciodvfy, for each of the three scanners' headers; it does not support 32-bit doses."""
    made = build_set(seed=seed, ct=2, size=32, control_points=6, dose_bits=16)
    write_set(made, tmp_path)
    for path in tmp_path.iterdir():
        verdict = told_by("dciodvfy", path)
        assert verdict, "dciodvfy does not know what this is"
        assert not [line for line in verdict if "Error" in line], made.ct[0].Manufacturer


def test_the_seeds_above_cover_the_three_scanners() -> None:
    """Otherwise the previous test would judge one of them twice."""
    makers = {build_set(seed=seed, ct=1, size=16, control_points=2).ct[0].Manufacturer for seed in (1, 2, 5)}
    assert makers == {"GE MEDICAL SYSTEMS", "SIEMENS", "Philips"}


def test_the_judge_of_entities_misses_only_what_dangles_on_purpose(folder: Path) -> None:
    """Dcentvfy: patient, study, series and frame of reference are the same in all objects."""
    errors = [line for line in told_by("dcentvfy", *folder.iterdir()) if "Error" in line]
    assert errors
    assert all(line.startswith("Error - Missing SOPInstanceUID that was referenced") for line in errors)


def test_every_planted_identifier_is_where_the_manifest_says(
    made: SyntheticSet, read: dict[str, Dataset], folder: Path
) -> None:
    """Each location is looked up in the files by path."""
    for planted in made.manifest.planted:
        if planted.where == "folder":
            assert planted.value in folder.name
            continue
        name, path = planted.where.split(" ", 1)
        here = read[name].file_meta if path.startswith("file meta ") else read[name]
        for step in path.removeprefix("file meta ").split("."):
            keyword, index = re.fullmatch(r"(\(.*\)|\w+)(?:\[(\d+)\])?", step).groups()
            tag = keyword.strip("()").replace(",", "") if keyword[0] == "(" else keyword
            value = here[tag].value
            here = value[int(index)] if index else value
        if isinstance(here, bytes):
            assert any(spelt in here for spelt in planted.spelt), planted
        else:
            assert planted.value in (f"{here:.0f}" if isinstance(here, float) else str(here)), planted


def test_every_planted_identifier_is_long(made: SyntheticSet) -> None:
    """So that none matches by chance."""
    assert min(len(value) for value in made.manifest.values) >= 6
    assert len(made.manifest.values) > 110


def test_identifiers_are_planted_in_every_object_and_at_every_depth(made: SyntheticSet) -> None:
    """In headers, nested items, private elements of each kind, file meta, and the folder's name."""
    places = {planted.where for planted in made.manifest.planted}
    assert {
        "folder",
        "CT file meta PrivateInformation",
        "CT PatientName",
        "CT RequestAttributesSequence[0].ScheduledProcedureStepDescription",
        "CT OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientName",
        "CT (0023,1070)",
        "CT (0099,1001)[0].PatientName",
        "CT (0099,1002)",
        "CT (6000,0022)",
        "RTSTRUCT StructureSetROISequence[18].ROIName",
        "RTSTRUCT RTROIObservationsSequence[18].ROIObservationLabel",
        "RTSTRUCT StructureSetLabel",
        "RTSTRUCT ReviewerName",
        "RTPLAN RTPlanLabel",
        "RTPLAN BeamSequence[0].BeamName",
        "RTPLAN BeamSequence[0].InstitutionName",
        "RTPLAN BeamSequence[0].DeviceSerialNumber",
        "RTPLAN BeamSequence[0].TreatmentMachineName",
        "RTPLAN DoseReferenceSequence[0].(3267,1000)",
        "RTPLAN (3253,1000)",
        "RTPLAN (3773,1002)",
        "RTDOSE DoseComment",
    } <= places


def test_the_manifest_lists_every_uid(made: SyntheticSet, folder: Path) -> None:
    """All in declared elements, plus the one in an undeclared sequence."""
    found = set()
    for path in folder.iterdir():
        for element in elements(pydicom.dcmread(path)):
            if element.VR == "UI" and element.keyword not in CLASS_LIKE:
                found |= set(element.value if element.VM > 1 else [element.value])
    assert found <= made.manifest.uids
    assert len(made.manifest.uids - found) == 1  # inside (0099,1002)


def test_uids_carry_a_serial_number_and_a_date(made: SyntheticSet) -> None:
    """Like real ones, and file names contain them; only the scanner's is older."""
    assert {uid for uid in made.manifest.uids if made.ct[0].StudyDate not in uid} == {made.ct[0].DeviceUID}


def test_the_manifest_lists_every_date(made: SyntheticSet, read: dict[str, Dataset]) -> None:
    """Those of every DA and DT at every depth."""
    found = {
        element.value[:8]
        for data in read.values()
        for element in elements(data)
        if element.VR in {"DA", "DT"} and element.value and element.keyword != "ContextGroupVersion"
    }
    assert found == made.manifest.dates


def test_age_and_birth_date_agree(read: dict[str, Dataset]) -> None:
    """On the day of the planning CT."""
    ct = read["CT"]
    birth, study = int(ct.PatientBirthDate), int(ct.StudyDate)
    assert ct.PatientAge == f"{(study - birth) // 10000:03d}Y"
    assert {data.PatientBirthDate for data in read.values()} == {ct.PatientBirthDate}


def test_the_objects_are_linked(made: SyntheticSet, read: dict[str, Dataset]) -> None:
    """Dose to plan, plan to structure set, contours and image list to the CT, one frame of reference, one study."""
    structures, plan, dose = (read[modality] for modality in ("RTSTRUCT", "RTPLAN", "RTDOSE"))
    slices = {data.SOPInstanceUID: data for data in made.ct}
    (frame,) = structures.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
    assert study.ReferencedSOPInstanceUID == made.ct[0].StudyInstanceUID
    assert series.SeriesInstanceUID == made.ct[0].SeriesInstanceUID
    assert [image.ReferencedSOPInstanceUID for image in series.ContourImageSequence] == list(slices)
    assert len({data.FrameOfReferenceUID for data in [*read.values(), frame]}) == 1
    for roi in structures.ROIContourSequence:
        for contour in roi.get("ContourSequence", ()):
            image = slices[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            assert {float(z) for z in contour.ContourData[2::3]} == {float(image.ImagePositionPatient[2])}


def test_contours_lie_inside_the_body_and_one_structure_was_never_drawn(read: dict[str, Dataset]) -> None:
    """On most slices, and no point is outside the patient."""
    undrawn = [name for name in names(read) if not drawn(read, name)]
    assert undrawn == ["Bolus_05mm"]
    widest = BODY[:, 1:3].max(axis=0) * 1.03
    for name in names(read):
        for points in drawn(read, name):
            assert (np.abs(points[:, :2] - (0, 15)) <= widest).all(), name
    assert len(drawn(read, "BODY")) == 12


def test_labels_are_the_first_sixteen_characters_of_the_names(read: dict[str, Dataset]) -> None:
    """ROIObservationLabel, as planning systems write it."""
    labels = [one.ROIObservationLabel for one in read["RTSTRUCT"].RTROIObservationsSequence]
    assert labels == [name[:16] for name in names(read)]


def test_the_ct_shows_what_is_contoured() -> None:
    """Air around the patient; soft tissue, bone and air according to the contours."""
    made = build_set(
        ct=20, size=256, control_points=2, rois=["BODY", "SpinalCord", "Bone_Mandible", "Trachea", "Brain"]
    )
    expected_hu = {"SpinalCord": (10, 60), "Bone_Mandible": (800, 1200), "Trachea": (-1010, -900), "Brain": (20, 60)}
    numbers = {roi.ROINumber: roi.ROIName for roi in made.structure_set.StructureSetROISequence}
    seen: dict[str, list[float]] = {}
    slices = {data.SOPInstanceUID: data for data in made.ct}
    for roi in made.structure_set.ROIContourSequence:
        for contour in roi.ContourSequence:
            data = slices[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            pixels = np.frombuffer(data.PixelData, "<i2").reshape(data.Rows, data.Columns) + data.RescaleIntercept
            outline = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
            # The thickness of a horseshoe lies between its first and last point.
            middle = (
                (outline[0] + outline[-1]) / 2
                if numbers[roi.ReferencedROINumber] == "Bone_Mandible"
                else outline.mean(axis=0)
            )
            column, row = np.round((middle[:2] - data.ImagePositionPatient[0]) / data.PixelSpacing[0]).astype(int)
            seen.setdefault(numbers[roi.ReferencedROINumber], []).append(float(pixels[row, column]))
            assert pixels[5, 5] < -950
    medians = {name: float(np.median(values)) for name, values in seen.items()}
    for name, (low, high) in expected_hu.items():
        assert low <= medians[name] <= high, (name, medians[name])


def test_the_plan_stays_within_the_machine(read: dict[str, Dataset]) -> None:
    """Two arcs of 178 control points and a setup field on a TrueBeam with a Millennium 120."""
    *arcs, setup = read["RTPLAN"].BeamSequence
    for arc in arcs:
        devices = {one.RTBeamLimitingDeviceType: one for one in arc.BeamLimitingDeviceSequence}
        assert len(devices["MLCX"].LeafPositionBoundaries) == 61
        points = arc.ControlPointSequence
        assert len(points) == arc.NumberOfControlPoints == 178
        tips = np.array(
            [point.BeamLimitingDevicePositionSequence[-1].LeafJawPositions for point in points], dtype=float
        )
        left, right = tips[:, :60], tips[:, 60:]
        assert (right - left >= 0.5 - 1e-9).all()
        for bank in (left, right):
            assert np.abs(bank).max() <= 200
            assert (bank.max(axis=1) - bank.min(axis=1)).max() <= 150
        assert np.abs(np.diff(tips, axis=0)).max() <= 10  # 25 mm/s, 2 degrees in 0.4 s
        meterset = [float(point.CumulativeMetersetWeight) for point in points]
        assert meterset == sorted(meterset)
        assert (meterset[0], meterset[-1]) == (0, 1)
        turns = np.diff([float(point.GantryAngle) for point in points]) % 360
        assert np.allclose(np.minimum(turns, 360 - turns), 358 / 177, atol=0.11)
    (group,) = read["RTPLAN"].FractionGroupSequence
    assert [("BeamMeterset" in beam) for beam in group.ReferencedBeamSequence] == [True, True, False]
    assert setup.TreatmentDeliveryType == "SETUP"


def test_the_dose_is_high_in_the_target_and_the_histograms_tell_the_same(read: dict[str, Dataset]) -> None:
    """A fall-off around the target, and none in air."""
    dose = read["RTDOSE"]
    gy = dose.pixel_array * float(dose.DoseGridScaling)
    histograms = {one.DVHReferencedROISequence[0].ReferencedROINumber: one for one in dose.DVHSequence}
    mean_gy = {name: float(histograms[n].DVHMeanDose) for name, n in names(read).items() if n in histograms}
    assert abs(mean_gy["PTV_7000"] - 70) < 2
    assert mean_gy["SpinalCord"] < 15 < mean_gy["PTV_5600"] < mean_gy["PTV_7000"]
    assert gy[:, 0, 0].max() == 0
    for histogram in histograms.values():
        volumes = np.array(histogram.DVHData[1::2], dtype=float)
        assert len(volumes) == histogram.DVHNumberOfBins
        assert (np.diff(volumes) <= 0).all()
        assert float(histogram.DVHMaximumDose) <= gy.max() + 0.01


@pytest.mark.parametrize("bits", [16, 32])
def test_the_dose_has_as_many_bits_as_were_asked_for(bits: int) -> None:
    """Its maximum uses them."""
    dose = build_set(ct=3, size=32, control_points=2, dose_bits=bits).dose
    stored = np.frombuffer(dose.PixelData, f"<u{bits // 8}")
    assert len(stored) == dose.NumberOfFrames * dose.Rows * dose.Columns
    assert stored.max() / 2**bits > 0.999


def test_three_slices_are_enough_for_every_structure(tmp_path: Path) -> None:
    """Each requested one is drawn at least once, whatever its name."""
    made = make_set(tmp_path, rois=["PTV", "SpinalCord", "Lens_L", "Something else"])
    assert [len(roi.ContourSequence) >= 1 for roi in made.structure_set.ROIContourSequence] == [True] * 4


def test_a_demonstration_is_a_collection_with_real_looking_folders(tmp_path: Path) -> None:
    """Three patients, one with an umlaut, and a user's settings."""
    root = tmp_path / "BATCH"
    made = write_demo(root, sets=3, ct=2, size=16, rois=4)
    settings = tomllib.loads((root / "collection.toml").read_text(encoding="utf-8"))
    assert settings == {
        "identity": {
            "patient_id": "zzz_AnusGE",
            "family_name": "AnusGE",
            "first_name": "First",
            "hospital": "Demo Hospital",
            "initial_index": 6,
        },
        "plan": {"machine": "VicRapidPlan"},
        "privacy": {"patient_characteristics": "dose_model"},
    }
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    assert folders == {one.folder for one in made}
    assert any("ü" in name for name in folders)
    assert all(len(list((root / name).iterdir())) == 5 for name in folders)
    assert all(one.manifest.values for one in made)


def test_a_demonstration_never_goes_where_something_is(tmp_path: Path) -> None:
    """Nothing is written, and the sentence says what to do."""
    (tmp_path / "patient").mkdir()
    with pytest.raises(SettingsWrong, match="is not empty"):
        write_demo(tmp_path, sets=1)
    assert [path.name for path in tmp_path.iterdir()] == ["patient"]


@pytest.mark.parametrize(
    "edit",
    [*map(encoded, TRANSFER_SYNTAXES), rle, without_preamble, without_file_meta, undefined_lengths, un_sequences],
    ids=[*TRANSFER_SYNTAXES, "RLE", "no preamble", "no meta", "undefined lengths", "UN sequences"],
)
def test_an_encoding_changes_nothing_of_the_content(tmp_path: Path, edit: object) -> None:
    """Pixels, coordinates and references are unchanged."""
    plain, odd = make_set(tmp_path, name="plain"), make_set(tmp_path, edit, name="odd")
    for before, after in zip(plain.objects, odd.objects, strict=True):
        expected = pydicom.dcmread(plain.path(before))
        got = pydicom.dcmread(odd.path(after), force=True)
        got.file_meta.setdefault("TransferSyntaxUID", ImplicitVRLittleEndian)
        if "PixelData" in expected:
            assert np.array_equal(expected.pixel_array, got.pixel_array)
        assert standard_texts(got) == standard_texts(expected)
