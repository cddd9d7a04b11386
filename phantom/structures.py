"""The structure set of a synthetic set."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from phantom import anatomy
from phantom.modules import (
    CT_CLASS,
    PLANNING_ROOT,
    SCANNER_ROOT,
    STRUCTURES_CLASS,
    STUDY_CLASS,
    add_approval,
    add_patient,
    add_planning_series,
    add_study,
    fill,
    item,
    reference,
    set_decimals,
    started,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from phantom.anatomy import Organ, Scan
    from phantom.identifiers import Identifiers

#: Written by Eclipse with every structure code, and needed by it to recognize the code.
_ECLIPSE_CODES = {
    "MappingResource": "99VMS",
    "ContextGroupVersion": "20161209",
    "ContextIdentifier": "VMS011",
    "ContextUID": "1.2.246.352.7.2.11",
    "MappingResourceUID": "1.2.246.352.7.1.1",
    "MappingResourceName": "Varian Medical Systems",
}


def rt_structure_set(
    scan: Scan, organs: Sequence[Organ], ids: Identifiers, slices: Sequence[str], points: int
) -> Dataset:
    """Return the structure set; `slices` are the CT's instance UIDs, lowest first.  PS3.3 A.19."""
    data = started(STRUCTURES_CLASS, ids.uid(PLANNING_ROOT, "structure set"), ids, "planning system")
    add_patient(data, ids)
    add_study(data, ids)
    add_planning_series(data, ids, "RTSTRUCT", "contours")
    add_approval(data, ids, "structure")
    frame = ids.uid(SCANNER_ROOT, "frame of reference")
    fill(
        data,
        Modality="RTSTRUCT",
        StructureSetLabel=f"HN {ids.family_name}",
        StructureSetName=f"HN {ids.spelt_day('contours', '%d%b%Y')}",
        StructureSetDescription=f"contoured by {ids.word('contouring physician')}",
        StructureSetDate=ids.day("contours"),
        StructureSetTime="155012",
        InstanceNumber=1,
        FrameOfReferenceUID=frame,
        PositionReferenceIndicator="",
        ReferencedFrameOfReferenceSequence=[_frame_of_reference(frame, ids, slices)],
        StructureSetROISequence=[
            item(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=frame,
                ROIName=organ.name,
                ROIDescription=f"by {ids.word('contouring physician')}" if organ.kind in {"GTV", "CTV"} else "",
                ROIGenerationAlgorithm="AUTOMATIC" if organ.kind == "EXTERNAL" else "MANUAL",
            )
            for number, organ in enumerate(organs, 1)
        ],
        ROIContourSequence=[_contours(number, organ, scan, slices, points) for number, organ in enumerate(organs, 1)],
        RTROIObservationsSequence=[_observation(number, organ, ids) for number, organ in enumerate(organs, 1)],
    )
    return data


def _frame_of_reference(frame: str, ids: Identifiers, slices: Sequence[str]) -> Dataset:
    series = item(
        SeriesInstanceUID=ids.uid(SCANNER_ROOT, "CT series"),
        ContourImageSequence=[reference(CT_CLASS, one) for one in slices],
    )
    # (0008,1155) holds a Study UID here; real systems do so too.
    study = reference(STUDY_CLASS, ids.uid(SCANNER_ROOT, "study"))
    study.RTReferencedSeriesSequence = [series]
    return item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[study])


def _contours(number: int, organ: Organ, scan: Scan, slices: Sequence[str], points: int) -> Dataset:
    drawn = []
    for count, index in enumerate(organ.slices(scan), 1):
        contour = item(
            ContourImageSequence=[reference(CT_CLASS, slices[index])],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=points,
            ContourNumber=count,
        )
        set_decimals(contour, "ContourData", anatomy.contour(organ, scan, index, points).ravel())
        drawn.append(contour)
    colour = list(zlib.crc32(organ.name.encode()).to_bytes(4, "big")[:3])
    roi = item(ROIDisplayColor=colour, ReferencedROINumber=number)
    if drawn:
        roi.ContourSequence = drawn
    return roi


def _observation(number: int, organ: Organ, ids: Identifiers) -> Dataset:
    observation = item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationLabel=organ.name[:16],
        RTROIInterpretedType=organ.kind,
        ROIInterpreter=ids.person("ROI interpreter") if organ.kind in {"GTV", "CTV", "PTV"} else "",
    )
    if organ.code:
        of_target = not organ.code.isdigit()
        observation.RTROIIdentificationCodeSequence = [
            item(
                CodeValue=organ.code,
                CodingSchemeDesignator="99VMS_STRUCTCODE" if of_target else "FMA",
                CodingSchemeVersion="1.0" if of_target else "3.2",
                CodeMeaning=organ.code.replace("_", " ") if of_target else organ.name.replace("_", " "),
                **_ECLIPSE_CODES,
            )
        ]
    if organ.kind == "SUPPORT":
        observation.ROIPhysicalPropertiesSequence = [
            item(ROIPhysicalProperty="REL_ELEC_DENSITY", ROIPhysicalPropertyValue="0.1")
        ]
    return observation
