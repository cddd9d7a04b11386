"""Builders of sets that say only what differs: `make_set(tmp_path, relative_dose, encoded(ImplicitVRLittleEndian))`.

A set is a small synthetic one (`phantom/`), changed by edits before it is written. An edit is a function
of the `MadeSet`; what takes arguments makes one. Edits are applied in the order given, so they combine freely.
"""

from __future__ import annotations

import copy
import io
import os
import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import (
    correct_ambiguous_vr,
    correct_ambiguous_vr_element,
    write_data_element,
    write_file_meta_info,
)
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from phantom.modules import item, reference, undeclared
from phantom.plan import HD_LEAF_BOUNDARIES_MM
from phantom.sets import Manifest, SyntheticSet, build_set, file_name
from tests.built_once import built_once
from tests.encoded import data_set, element, in_order, rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The ways a set is written down that can be met; compressed and preamble-less ones have edits of their own.
TRANSFER_SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}


@dataclass
class MadeSet:
    """A set being edited by a test: its objects and their files."""

    folder: Path
    ct: list[Dataset]
    structure_set: Dataset
    plan: Dataset
    dose: Dataset
    manifest: Manifest
    """Identifiers planted before the edits."""
    objects: list[Dataset]
    """Objects to be written: all of the above, unless changed by an edit."""
    rewrites: list[tuple[str, Callable[[bytes], bytes]]] = field(default_factory=list)
    """Changes to the bytes of a modality's files; "" for all."""

    def of(self, modality: str) -> list[Dataset]:
        """Return the objects of a modality; "" for all."""
        return [data for data in self.objects if modality in ("", data.Modality)]

    def path(self, data: Dataset) -> Path:
        """Return the path of an object."""
        return self.folder / file_name(data)

    def write(self) -> None:
        """Write the objects (again)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for data in self.objects:
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
            with disable_value_validation():
                written = _file_of(data)
            for modality, rewrite in self.rewrites:
                if modality in ("", data.Modality):
                    written = rewrite(written)
            self.path(data).write_bytes(written)


Edit = Callable[[MadeSet], None]


def make_set(
    parent: Path | None,
    *edits: Edit,
    name: str = "Mustermann Erika 4711",
    ct: int = 3,
    rois: int | Sequence[str] = ("PTV", "SpinalCord"),
    size: int = 32,
    control_points: int = 4,
    seed: int | str = 0,
    **more: object,
) -> MadeSet:
    """Write a small set into `parent/name`; other arguments are those of `build_set`.

    Without a parent nothing is written.
    """
    with disable_value_validation():
        what = {"seed": seed, "ct": ct, "rois": rois, "size": size, "control_points": control_points, **more}
        made = _made(what)
        result = MadeSet(
            (parent or Path()) / name,
            made.ct,
            made.structure_set,
            made.plan,
            made.dose,
            made.manifest,
            list(made.objects),
        )
        for edit in edits:
            edit(result)
    if parent:
        result.write()
    return result


# Most tests change little of a set. Its objects are therefore read from files made once in a process: pydicom decodes
# an element when somebody asks for it, and the others are written as they were read.

#: Pixels on a side of an image: of nothing larger is kept what was built.
LARGE_SIZE = 256


def copied(data: Dataset) -> Dataset:
    """Copy an object; `deepcopy` takes three times as long."""
    made: Dataset = pickle.loads(pickle.dumps(data))
    return made


def _made(what: dict[str, Any]) -> SyntheticSet:
    """Build a set, or copy an equal one."""
    build = _built if what["size"] <= LARGE_SIZE else _build
    built: SyntheticSet = pickle.loads(build(pickle.dumps(what)))
    return built


def _build(what: bytes) -> bytes:
    built = build_set(**pickle.loads(what))
    built.ct = [*map(_as_read, built.ct)]
    built.structure_set, built.plan, built.dose = map(_as_read, (built.structure_set, built.plan, built.dose))
    return pickle.dumps(built)


_built = built_once(_build)


def _as_read(data: Dataset) -> Dataset:
    """Return an object as it is read from its file."""
    read = pydicom.dcmread(io.BytesIO(file_of_built(data)))
    read.buffer = None  # the file, which nobody asks for
    if "PixelData" in read:
        read["PixelData"].VR = "OB or OW"  # an edit may choose other cells
    return read


def file_of_built(data: Dataset) -> bytes:
    """Return the file of an object as it was built."""
    for one in data.values():
        if " or " in one.VR:
            correct_ambiguous_vr_element(one, data, is_little_endian=True)
    return _head(tuple((one.tag, one.VR, one.value) for one in data.file_meta)) + data_set(data)


def _encoded(data: Dataset) -> bytes:
    """Return the file of an object as pydicom writes it."""
    written = io.BytesIO()
    pydicom.dcmwrite(written, data, enforce_file_format=True)
    return written.getvalue()


_PIXELS = Tag("PixelData")


def _file_of(data: Dataset) -> bytes:
    """Return an object's file, in which elements that were not accessed since it was read keep their bytes."""
    syntax = data.file_meta.TransferSyntaxUID
    is_compressed = syntax.is_transfer_syntax and syntax.is_compressed
    is_known = syntax in TRANSFER_SYNTAXES.values() or is_compressed
    if not is_known or data.original_character_set != data._character_set:
        for _ in data.iterall():  # decodes it
            pass
        return _encoded(correct_ambiguous_vr(data, is_little_endian=True))
    head = _head(tuple((tag, one.VR, one.value) for tag, one in data.file_meta.items()))
    implicit, big_endian = syntax == ImplicitVRLittleEndian, syntax == ExplicitVRBigEndian
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = not big_endian, implicit
    for tag, one in in_order(data):
        if isinstance(one, RawDataElement):
            explicit = element(tag, one.VR.encode(), one.value or b"")
            if implicit or big_endian:
                explicit = rewritten(explicit, implicit=implicit, big_endian=big_endian)
            written.write(explicit)
        else:
            chosen = _unambiguous(data, one, is_little_endian=not big_endian)
            if tag == _PIXELS and is_compressed:
                chosen.is_undefined_length = True
            write_data_element(written, chosen, data.get("SpecificCharacterSet"))
    if syntax != DeflatedExplicitVRLittleEndian:
        return head + written.getvalue()
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(written.getvalue()) + deflater.flush()
    return head + deflated + bytes(len(deflated) % 2)


@lru_cache(maxsize=1024)
def _head(meta: tuple[tuple[int, str, Any], ...]) -> bytes:
    """Return preamble and file meta information; undecoded values are bytes."""
    data = FileMetaDataset()
    for tag, vr, value in meta:
        raw = isinstance(value, bytes)
        data[tag] = (
            RawDataElement(Tag(tag), vr, len(value), value, 0, False, True) if raw else DataElement(tag, vr, value)
        )
    written = DicomBytesIO(bytes(128) + b"DICM")
    written.seek(0, os.SEEK_END)
    write_file_meta_info(written, data)
    return written.getvalue()


def _unambiguous(data: Dataset, one: DataElement, *, is_little_endian: bool) -> DataElement:
    """Choose among the VRs that an element may have."""
    if one.VR == "SQ":
        for each in one.value:
            correct_ambiguous_vr(each, is_little_endian, ancestors=[each, data])
        return one
    return correct_ambiguous_vr_element(one, data, is_little_endian)


def make_collection(
    root: Path,
    *,
    patient_id: str = "zzz_AnusGE",
    family_name: str = "AnusGE",
    first_name: str = "First",
    hospital: str = "Demo Hospital",
    initial_index: int = 6,
    machine: str = "VicRapidPlan",
    more: str = "",
    sheets: bool = False,
) -> Path:
    """Make a root folder with `collection.toml`; `more` is TOML added after the `[plan]` table's machine.

    No sheets are made unless asked for: they take longer than the small sets themselves.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "collection.toml").write_text(
        f'[identity]\npatient_id = "{patient_id}"\nfamily_name = "{family_name}"\nfirst_name = "{first_name}"\n'
        f'hospital = "{hospital}"\ninitial_index = {initial_index}\n\n[plan]\nmachine = "{machine}"\n{more}\n'
        f"[sheets]\nmake = {str(sheets).lower()}\n",
        encoding="utf-8",
    )
    return root


def _renewed(data: Dataset, ending: str) -> Dataset:
    """Copy an object with a new SOP Instance UID."""
    made = copied(data)
    made.SOPInstanceUID = f"{data.SOPInstanceUID}.{ending}"
    return made


# What is in the folder


def without(modality: str) -> Edit:
    """Remove all objects of a modality."""

    def edit(made: MadeSet) -> None:
        made.objects[:] = [data for data in made.objects if data.Modality != modality]

    return edit


def without_slices(*indices: int) -> Edit:
    """Remove CT slices, counted from the lowest one."""

    def edit(made: MadeSet) -> None:
        for index in indices:
            made.objects.remove(made.ct[index])

    return edit


def second(modality: str) -> Edit:
    """Add a second object of a modality: the same with another SOP Instance UID."""

    def edit(made: MadeSet) -> None:
        made.objects.append(_renewed(made.of(modality)[0], "99"))

    return edit


def second_ct_series(made: MadeSet) -> None:
    """Add an unreferenced CT series: a contrast phase."""
    for data in made.ct:
        phase = _renewed(data, "77")
        phase.SeriesInstanceUID = f"{data.SeriesInstanceUID}.77"
        phase.SeriesNumber = 3
        made.objects.append(phase)


def second_slice_at_same_position(made: MadeSet) -> None:
    """Add a slice at the position of another one."""
    made.objects.append(_renewed(made.ct[0], "66"))


#: SOP classes of what else is in patients' folders.
OTHER_CLASSES = {
    "RTIMAGE": "1.2.840.10008.5.1.4.1.1.481.1",
    "RTRECORD": "1.2.840.10008.5.1.4.1.1.481.4",
    "REG": "1.2.840.10008.5.1.4.1.1.66.1",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
}


def other_object(modality: str) -> Edit:
    """Add an object that belongs to no set: an RT image, a registration, a PET slice ..."""

    def edit(made: MadeSet) -> None:
        shared = (
            "PatientName",
            "PatientID",
            "StudyInstanceUID",
            "StudyDate",
            "SeriesInstanceUID",
            "SpecificCharacterSet",
        )
        data = item(**{keyword: made.plan[keyword].value for keyword in shared})
        data.file_meta = copy.deepcopy(made.plan.file_meta)
        data.SOPClassUID = OTHER_CLASSES[modality]
        data.SOPInstanceUID = f"{made.plan.SOPInstanceUID}.{len(made.objects)}"
        data.Modality = modality
        made.objects.append(data)

    return edit


def enhanced_ct(made: MadeSet) -> None:
    """Give the CT the class of an enhanced one."""
    for data in made.ct:
        data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"


def frames_of_one_ct(made: MadeSet) -> None:
    """Make the CT one object with the slices as frames. PS3.3 A.38.1."""
    slices = sorted(made.ct, key=lambda data: float(data.ImagePositionPatient[2]))
    whole = copied(slices[0])
    whole.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    whole.NumberOfFrames = len(slices)
    whole.PixelData = b"".join(data.PixelData for data in slices)
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=whole.PixelSpacing, SliceThickness=whole.SliceThickness)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=whole.ImageOrientationPatient)],
        PixelValueTransformationSequence=[
            item(RescaleSlope=whole.RescaleSlope, RescaleIntercept=whole.RescaleIntercept, RescaleType="HU")
        ],
    )
    whole.SharedFunctionalGroupsSequence = [shared]
    whole.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=data.ImagePositionPatient)]) for data in slices
    ]
    for keyword in ("ImagePositionPatient", "SliceLocation", *(one.keyword for group in shared for one in group[0])):
        if keyword in whole:
            del whole[keyword]
    number = {data.SOPInstanceUID: at for at, data in enumerate(slices, 1)}
    for contour in contours(made):
        for image in contour.ContourImageSequence:
            image.ReferencedFrameNumber = number[image.ReferencedSOPInstanceUID]
            image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = whole.SOPClassUID, whole.SOPInstanceUID
    (frame_of_reference,) = made.structure_set.ReferencedFrameOfReferenceSequence
    (series,) = frame_of_reference.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    series.ContourImageSequence = [reference(whole.SOPClassUID, whole.SOPInstanceUID)]
    made.objects[:] = [data for data in made.objects if data.SOPInstanceUID not in number] + [whole]
    made.ct[:] = [whole]


# Who it is


def setting(modality: str = "", **values: object) -> Edit:
    """Set attributes at the top of every object of a modality; None deletes one."""

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            for keyword, value in values.items():
                if value is None:
                    data.pop(keyword, None)
                else:
                    setattr(data, keyword, value)

    return edit


def patient(name: str, patient_id: str = "1", study_id: str = "1", charset: str = "ISO_IR 192") -> Edit:
    """Change the patient, echoing the name in labels: for short and common names, and foreign letters."""
    label = name.partition("=")[0].partition("^")[0][:13]

    def edit(made: MadeSet) -> None:
        setting(SpecificCharacterSet=charset, PatientName=name, PatientID=patient_id, StudyID=study_id)(made)
        made.plan.RTPlanLabel = f"HN {label}"
        made.structure_set.StructureSetLabel = f"HN {label}"

    return edit


def latin_1_undeclared(made: MadeSet) -> None:
    """Write a name with an umlaut in undeclared Latin-1."""
    patient("Größe^Jürgen", "4711", charset="ISO_IR 100")(made)
    _forget_character_set(made)


def _forget_character_set(made: MadeSet) -> None:
    declared = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"
    made.rewrites.append(("", lambda written: written.replace(declared, b"", 1)))


def junk_dates(made: MadeSet) -> None:
    """Put junk seen in real files into date fields."""
    made.plan.RTPlanDate = "2.25.1234567890"
    made.dose.InstanceCreationDate = "01-MAR-2020"
    made.structure_set.StructureSetDate = "00000000"
    for data in made.ct:
        data.AcquisitionDate = "2020.03.01"
        data.ContentDate = ""


def undated_codes(made: MadeSet) -> None:
    """Remove the table edition from every code.

    That day lies years away from the set's own, so that of all shifts of a person some would map a day onto it, and a
    set that is linked to the person would wait, by chance. The set's own days are weeks apart, and no shift does.
    """

    def leave_out(holder: Dataset, element: DataElement) -> None:
        if element.keyword == "ContextGroupVersion":
            del holder[element.tag]

    for data in made.objects:
        data.walk(leave_out)


# How the objects are linked


def _of_nobody(uid: str) -> str:
    return f"{uid}.404"


def dose_of_another_plan(made: MadeSet) -> None:
    """Make the dose reference a missing plan."""
    (plan,) = made.dose.ReferencedRTPlanSequence
    plan.ReferencedSOPInstanceUID = _of_nobody(plan.ReferencedSOPInstanceUID)


def dose_without_plan(made: MadeSet) -> None:
    """Make the dose reference no plan."""
    del made.dose.ReferencedRTPlanSequence


def plan_of_another_structure_set(made: MadeSet) -> None:
    """Make the plan reference a missing structure set."""
    (structures,) = made.plan.ReferencedStructureSetSequence
    structures.ReferencedSOPInstanceUID = _of_nobody(structures.ReferencedSOPInstanceUID)


def plan_without_structure_set(made: MadeSet) -> None:
    """Make the plan reference no structure set."""
    del made.plan.ReferencedStructureSetSequence


def contours(made: MadeSet) -> Iterable[Dataset]:
    """Yield every contour of the structure set."""
    for roi in made.structure_set.ROIContourSequence:
        yield from roi.get("ContourSequence", ())


def contours_on_other_images(made: MadeSet) -> None:
    """Make the contours reference missing images."""
    for contour in contours(made):
        (image,) = contour.ContourImageSequence
        image.ReferencedSOPInstanceUID = _of_nobody(image.ReferencedSOPInstanceUID)


def contours_without_images(made: MadeSet) -> None:
    """Make the contours reference no images, as many systems do; the list of images stays."""
    for contour in contours(made):
        del contour.ContourImageSequence


def without_image_list(made: MadeSet) -> None:
    """Leave out the structure set's list of images."""
    del made.structure_set.ReferencedFrameOfReferenceSequence


def contours_between_slices(made: MadeSet) -> None:
    """Draw the contours one millimetre off the slices, without references."""
    contours_without_images(made)
    move_contours(made, 1)


def move_contours(made: MadeSet, offset_mm: float) -> None:
    """Move the contours along the patient."""
    for contour in contours(made):
        points = np.array(contour.ContourData, dtype=float).reshape(-1, 3) + np.array([0, 0, offset_mm])
        contour.ContourData = [f"{number:.2f}" for number in points.ravel()]


def other_frame_of_reference(modality: str) -> Edit:
    """Put an object into a frame of reference of its own."""

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            other = _of_nobody(made.ct[0].FrameOfReferenceUID)
            data.FrameOfReferenceUID = other
            for roi in data.get("StructureSetROISequence", ()):
                roi.ReferencedFrameOfReferenceUID = other
            for frame in data.get("ReferencedFrameOfReferenceSequence", ()):
                frame.FrameOfReferenceUID = other

    return edit


plan_without_frame_of_reference = setting("RTPLAN", FrameOfReferenceUID=None)


def structures_in_two_frames_of_reference(made: MadeSet) -> None:
    """Put one drawn structure into another frame of reference than the rest."""
    roi = made.structure_set.StructureSetROISequence[-1]
    roi.ReferencedFrameOfReferenceUID = _of_nobody(roi.ReferencedFrameOfReferenceUID)


def two_studies(made: MadeSet) -> None:
    """Put the planning system's objects into their own study, which is allowed."""
    for data in (made.structure_set, made.plan, made.dose):
        data.StudyInstanceUID = f"{made.ct[0].StudyInstanceUID}.2"


def second_series_in_image_list(made: MadeSet) -> None:
    """Make the structure set list a second series, registered to the planning CT and not in the folder."""
    (study,) = made.structure_set.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    series = item(
        SeriesInstanceUID=_of_nobody(made.ct[0].SeriesInstanceUID),
        ContourImageSequence=[reference("1.2.840.10008.5.1.4.1.1.4", _of_nobody(made.ct[0].SOPInstanceUID))],
    )
    study.RTReferencedSeriesSequence.append(series)


# What the dose and the plan mean


relative_dose = setting("RTDOSE", DoseUnits="RELATIVE")
verification_plan = setting("RTPLAN", PlanIntent="VERIFICATION")
plan_for_a_device = setting("RTPLAN", RTPlanGeometry="TREATMENT_DEVICE")
burned_in = setting("CT", BurnedInAnnotation="YES")
tilted_gantry = setting("CT", GantryDetectorTilt="12.5")


def plan_sum(made: MadeSet) -> None:
    """Make the dose a sum of two plans."""
    made.dose.DoseSummationType = "MULTI_PLAN"
    (plan,) = made.dose.ReferencedRTPlanSequence
    made.dose.ReferencedRTPlanSequence.append(
        reference(plan.ReferencedSOPClassUID, _of_nobody(plan.ReferencedSOPInstanceUID))
    )


def beam_dose(*numbers: int) -> Edit:
    """Make the dose one of these beams only."""

    def edit(made: MadeSet) -> None:
        made.dose.DoseSummationType = "BEAM"
        (plan,) = made.dose.ReferencedRTPlanSequence
        plan.ReferencedFractionGroupSequence = [
            item(
                ReferencedFractionGroupNumber=1,
                ReferencedBeamSequence=[item(ReferencedBeamNumber=number) for number in numbers],
            )
        ]

    return edit


# On which machine


def treatment_beams(made: MadeSet) -> list[Dataset]:
    """Return the two arcs."""
    return [beam for beam in made.plan.BeamSequence if beam.TreatmentDeliveryType == "TREATMENT"]


def hd120(made: MadeSet) -> None:
    """Give the plan the leaves of an HD120."""
    for beam in treatment_beams(made):
        beam.BeamLimitingDeviceSequence[-1].LeafPositionBoundaries = HD_LEAF_BOUNDARIES_MM


def fluence(mode_id: str = "FFF", *, private_only: bool = False) -> Edit:
    """Plan without a flattening filter; `private_only`: stated only in the private element (3285,1000)."""

    def edit(made: MadeSet) -> None:
        for beam in treatment_beams(made):
            twin = Dataset()
            twin.add_new(0x32850010, "LO", "Varian Medical Systems VISION 3285")
            twin.add_new(0x32851001, "CS", "NON_STANDARD")
            twin.add_new(0x32851002, "SH", mode_id)
            beam[0x32851000].value = undeclared(twin)
            beam.PrimaryFluenceModeSequence = [item(FluenceMode="NON_STANDARD", FluenceModeID=mode_id)]
            if private_only:
                del beam.PrimaryFluenceModeSequence

    return edit


def energy(nominal: str, dose_rate: str = "600") -> Edit:
    """Plan with another energy."""

    def edit(made: MadeSet) -> None:
        for beam in treatment_beams(made):
            beam.ControlPointSequence[0].NominalBeamEnergy = nominal
            beam.ControlPointSequence[0].DoseRateSet = dose_rate

    return edit


def electrons(made: MadeSet) -> None:
    """Make the first beam an electron beam with its applicator."""
    beam = treatment_beams(made)[0]
    beam.RadiationType = "ELECTRON"
    beam.BeamType = "STATIC"
    beam.ApplicatorSequence = [
        item(ApplicatorID="A10", ApplicatorType="ELECTRON_SQUARE", ApplicatorDescription="10x10")
    ]
    del beam.BeamLimitingDeviceSequence[-1]
    points = beam.ControlPointSequence
    beam.ControlPointSequence = [points[0], points[-1]]
    beam.NumberOfControlPoints = 2
    beam.ControlPointSequence[1].ControlPointIndex = 1
    beam.ControlPointSequence[0].NominalBeamEnergy = "9"
    beam.ControlPointSequence[0].GantryRotationDirection = "NONE"
    del beam.ControlPointSequence[0].BeamLimitingDevicePositionSequence[-1]
    del beam.ControlPointSequence[1].BeamLimitingDevicePositionSequence


def wedge(made: MadeSet) -> None:
    """Put a hard wedge into the first beam."""
    beam = treatment_beams(made)[0]
    beam.NumberOfWedges = 1
    beam.WedgeSequence = [
        item(
            WedgeNumber=1,
            WedgeType="STANDARD",
            WedgeID="W30R20",
            AccessoryCode="12",
            WedgeAngle=30,
            WedgeFactor="",
            WedgeOrientation="90",
        )
    ]
    beam.ControlPointSequence[0].WedgePositionSequence = [item(ReferencedWedgeNumber=1, WedgePosition="IN")]


def ion_plan(made: MadeSet) -> None:
    """Plan with protons: an RT Ion Plan."""
    plan = made.plan
    plan.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
    for one in made.dose.get("ReferencedRTPlanSequence", ()):
        one.ReferencedSOPClassUID = plan.SOPClassUID
    plan.IonBeamSequence = plan.BeamSequence
    del plan.BeamSequence
    for beam in plan.IonBeamSequence:
        beam.RadiationType = "PROTON"
        beam.ScanMode = "MODULATED"
        beam.IonControlPointSequence = beam.ControlPointSequence
        del beam.ControlPointSequence


def brachy_plan(made: MadeSet) -> None:
    """Plan with an afterloader: no beams, an application setup."""
    plan = made.plan
    del plan.BeamSequence
    plan.BrachyTreatmentTechnique = "INTERSTITIAL"
    plan.BrachyTreatmentType = "HDR"
    machine = item(
        TreatmentMachineName="Afterloader7", Manufacturer="Varian", InstitutionName="Klinik", DeviceSerialNumber="99"
    )
    plan.TreatmentMachineSequence = [machine]
    plan.SourceSequence = [
        item(SourceNumber=1, SourceType="LINE", SourceIsotopeName="Ir-192", SourceIsotopeHalfLife="73.83")
    ]
    plan.ApplicationSetupSequence = [
        item(ApplicationSetupType="OTHER", ApplicationSetupNumber=1, TotalReferenceAirKerma="1")
    ]
    (group,) = plan.FractionGroupSequence
    group.NumberOfBeams, group.NumberOfBrachyApplicationSetups = 0, 1
    del group.ReferencedBeamSequence


# How it is written down


def encoded(transfer_syntax: str, modality: str = "") -> Edit:
    """Write in one of the `TRANSFER_SYNTAXES`."""

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            data.file_meta.TransferSyntaxUID = TRANSFER_SYNTAXES[transfer_syntax]
            if transfer_syntax == "big endian" and "PixelData" in data:
                words = np.frombuffer(data.PixelData, f"<u{data.BitsAllocated // 8}")
                data.PixelData = words.byteswap().tobytes()

    return edit


def rle(made: MadeSet) -> None:
    """Compress the CT's pixels."""
    for data in made.ct:
        data.compress(RLELossless, generate_instance_uid=False)


def without_preamble(made: MadeSet) -> None:
    """Remove preamble and `DICM`; the file meta information stays."""
    made.rewrites.append(("", lambda written: written[132:]))


def without_file_meta(made: MadeSet) -> None:
    """Remove everything before the data set, in implicit little endian, as stored by old systems."""
    encoded("implicit")(made)
    made.rewrites.append(("", lambda written: written[132 + 12 + int.from_bytes(written[140:144], "little") :]))


def truncated(modality: str) -> Edit:
    """Truncate the files of a modality in the middle."""

    def edit(made: MadeSet) -> None:
        made.rewrites.append((modality, lambda written: written[: len(written) // 2]))

    return edit


def undefined_lengths(made: MadeSet) -> None:
    """Write sequences and items with delimiters instead of lengths."""

    def undefine(data: Dataset) -> None:
        for tag in list(data.keys()):
            if (sequence := data[tag]).VR == "SQ":
                sequence.is_undefined_length = True
                for one in sequence.value:
                    one.is_undefined_length_sequence_item = True
                    undefine(one)

    for data in made.objects:
        undefine(data)


def un_sequences(made: MadeSet) -> None:
    """Write sequences as UN, as forwarded by a system that does not know them; with a private UID inside."""
    for data, keyword in (
        (made.structure_set, "RTROIObservationsSequence"),
        (made.plan, "DoseReferenceSequence"),
        (made.dose, "ReferencedRTPlanSequence"),
        *((slice_, "RequestAttributesSequence") for slice_ in made.ct),
    ):
        items = data[keyword].value
        items[0].private_block(0x0099, "PHANTOM ARCHIVE 1.0", create=True).add_new(
            0x05, "UI", f"{data.StudyInstanceUID}.5"
        )
        data[keyword] = _un_element(data[keyword].tag, undeclared(*items))


def _un_element(tag: int, value: bytes) -> DataElement:
    """Make an element of VR UN although the dictionary knows it, which pydicom would correct."""
    pydicom.config.replace_un_with_known_vr = False
    try:
        return DataElement(tag, "UN", value)
    finally:
        pydicom.config.replace_un_with_known_vr = True


def private_without_creator(made: MadeSet) -> None:
    """Add private elements that no creator claims, at the top and deep inside."""
    for data in made.objects:
        data.add_new(0x00771001, "LO", f"orphan of {data.PatientName}")
    made.plan.BeamSequence[0].add_new(0x00771001, "UN", str(made.plan.PatientName).encode().ljust(64))


def cells_of_12_bits(made: MadeSet) -> None:
    """Write the slices' pixels as 12-bit numbers in 16-bit cells."""
    for data in made.ct:
        data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 11, 0
        count = data.Rows * data.Columns
        data.PixelData = b"".join((number * 37 % 4096).to_bytes(2, "little") for number in range(count))


def jpeg_pixels(made: MadeSet) -> None:
    """Write the slices' pixels as a lossless JPEG with valid markers, whose samples are never decoded."""
    table, frame = b"\xff\xc4\0\x16" + bytes(20), b"\xff\xc3\0\x0b\x10\0\x10\0\x10\1\1\x11\0"
    scan = b"\xff\xda\0\x08\1\1\0\1\0\0" + b"\x12\xff\0\x34\xff\xd0\x56\xff\0"
    for data in made.ct:
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
        data.PixelData = encapsulate([b"\xff\xd8" + table + frame + scan + b"\xff\xd9"], has_bot=False)
        data["PixelData"].VR = "OB"
