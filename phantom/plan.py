"""The plan of a synthetic set: two arcs and a setup field on a linear accelerator with 120 leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phantom import anatomy
from phantom.modules import (
    DOSE_CLASS,
    PLAN_CLASS,
    PLANNING_ROOT,
    RT_IMAGE_CLASS,
    SCANNER_ROOT,
    STRUCTURES_CLASS,
    add_approval,
    add_patient,
    add_planning_series,
    add_study,
    coded,
    fill,
    item,
    reference,
    set_decimals,
    started,
    undeclared,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from phantom.anatomy import Organ, Scan
    from phantom.identifiers import Identifiers

FRACTIONS = 35
PRESCRIBED_GY = 70.0
#: Leaf boundaries of the Millennium 120: ten leaves of 10 mm, forty of 5 mm, ten of 10 mm.
LEAF_BOUNDARIES_MM = [*range(-200, -99, 10), *range(-95, 96, 5), *range(100, 201, 10)]
#: Leaf boundaries of the HD120: fourteen leaves of 5 mm, thirty-two of 2.5 mm, fourteen of 5 mm.
HD_LEAF_BOUNDARIES_MM = [*range(-110, -39, 5), *(step * 2.5 for step in range(-15, 16)), *range(40, 111, 5)]

_SOURCE_AXIS_MM = 1000.0
_JAWS_MM = {"ASYMX": (-62.0, 68.0), "ASYMY": (-85.0, 85.0)}
_INTERFACE = """<?xml version="1.0" encoding="utf-8"?><ExtendedVAPlanInterface Version="1"><Beams><Beam>\
<ReferencedBeamNumber>1</ReferencedBeamNumber><Extensions><FieldOrder>1</FieldOrder>\
<GantryRtnExtendedStart>false</GantryRtnExtendedStart><Comment>{comment}</Comment></Extensions></Beam></Beams>\
</ExtendedVAPlanInterface>"""


def rt_plan(scan: Scan, organs: Sequence[Organ], ids: Identifiers, structure_set: str, control_points: int) -> Dataset:
    """Return the plan: two arcs with `control_points` control points each.  PS3.3 A.20."""
    data = started(PLAN_CLASS, ids.uid(PLANNING_ROOT, "plan"), ids, "planning system")
    add_patient(data, ids)
    add_study(data, ids)
    add_planning_series(data, ids, "RTPLAN", "plan")
    add_approval(data, ids, "plan")
    previous = reference(PLAN_CLASS, ids.uid(PLANNING_ROOT, "previous plan"))
    previous.RTPlanRelationship = "PREDECESSOR"
    fill(
        data,
        Modality="RTPLAN",
        FrameOfReferenceUID=ids.uid(SCANNER_ROOT, "frame of reference"),
        PositionReferenceIndicator="",
        InstanceNumber=1,
        RTPlanLabel=f"HN {ids.family_name}",
        RTPlanName=f"HN VMAT {ids.word('plan name')}",
        RTPlanDescription=f"after {ids.spelt_day('previous plan', '%d.%m.%Y')}, for {ids.word('plan description')}",
        RTPlanDate=ids.day("plan"),
        RTPlanTime="142209",
        PlanIntent="CURATIVE",
        TreatmentProtocols=ids.word("treatment protocol"),
        TreatmentSites=f"HN {ids.word('treatment site')}",
        RTPlanGeometry="PATIENT",
        ReferencedStructureSetSequence=[reference(STRUCTURES_CLASS, structure_set)],
        ReferencedRTPlanSequence=[previous],
        ReferencedDoseSequence=[reference(DOSE_CLASS, ids.uid(PLANNING_ROOT, "dose"))],
        DoseReferenceSequence=_dose_references(organs, ids),
        ToleranceTableSequence=[_tolerances()],
        PatientSetupSequence=[
            item(
                PatientPosition="HFS",
                PatientSetupNumber=1,
                SetupTechnique="ISOCENTRIC",
                SetupTechniqueDescription=f"mask of {ids.word('setup technique')}",
                FixationDeviceSequence=[
                    item(
                        FixationDeviceType="MASK",
                        FixationDeviceLabel=ids.word("fixation label"),
                        FixationDeviceDescription=f"for {ids.word('fixation description')}",
                    )
                ],
            )
        ],
        FractionGroupSequence=[_fraction_group(ids)],
        BeamSequence=[
            _arc(1, "CW", scan, ids, control_points),
            _arc(2, "CC", scan, ids, control_points),
            _setup_field(3, scan, ids),
        ],
    )
    _add_private_blocks(data, ids)
    return data


def _dose_references(organs: Sequence[Organ], ids: Identifiers) -> list[Dataset]:
    """Return a prescription to the first target, and limits for adjacent organs."""
    numbers = {organ.kind: number for number, organ in reversed(list(enumerate(organs, 1)))}
    target = item(
        DoseReferenceNumber=1,
        DoseReferenceUID=ids.uid(PLANNING_ROOT, "dose reference", 1),
        DoseReferenceStructureType="VOLUME" if "PTV" in numbers else "SITE",
        DoseReferenceDescription="PTV primary",
        DoseReferenceType="TARGET",
        DeliveryMaximumDose=PRESCRIBED_GY,
        TargetPrescriptionDose=PRESCRIBED_GY,
        TargetMaximumDose=PRESCRIBED_GY * 1.07,
    )
    limit = item(
        DoseReferenceNumber=2,
        DoseReferenceUID=ids.uid(PLANNING_ROOT, "dose reference", 2),
        DoseReferenceStructureType="SITE",
        DoseReferenceDescription="Cord",
        DoseReferenceType="ORGAN_AT_RISK",
        DeliveryMaximumDose="45",
        OrganAtRiskMaximumDose="45",
    )
    if "PTV" in numbers:
        target.ReferencedROINumber = numbers["PTV"]
    for one, name in ((target, f"PTV {ids.word('dose reference')}"), (limit, "Cord")):
        block = one.private_block(0x3267, "Varian Medical Systems VISION 3267", create=True)
        block.add_new(0x00, "UN", _even(name))
    return [target, limit]


def _tolerances() -> Dataset:
    return item(
        ToleranceTableNumber=1,
        ToleranceTableLabel="HN Standard",
        GantryAngleTolerance="2",
        BeamLimitingDeviceAngleTolerance="2",
        BeamLimitingDeviceToleranceSequence=[
            item(RTBeamLimitingDeviceType=device, BeamLimitingDevicePositionTolerance="2")
            for device in ("ASYMX", "ASYMY")
        ],
        PatientSupportAngleTolerance="3",
        TableTopVerticalPositionTolerance="20",
        TableTopLongitudinalPositionTolerance="20",
        TableTopLateralPositionTolerance="20",
    )


def _fraction_group(ids: Identifiers) -> Dataset:
    beams = []
    for number, meterset_mu in ((1, "287.413"), (2, "301.208"), (3, None)):
        beam = item(ReferencedBeamNumber=number)
        if meterset_mu:
            fill(beam, BeamDose=PRESCRIBED_GY / FRACTIONS / 2, BeamMeterset=meterset_mu)
            block = beam.private_block(0x3249, "Varian Medical Systems VISION 3249", create=True)
            block.add_new(0x00, "DS", "1.5")
            block.add_new(0x10, "UN", _even(ids.uid(PLANNING_ROOT, "dose reference", 1), b"\0"))
        beams.append(beam)
    return item(
        FractionGroupNumber=1,
        FractionGroupDescription=f"daily, {ids.word('fraction group')}",
        NumberOfFractionsPlanned=FRACTIONS,
        NumberOfBeams=len(beams),
        NumberOfBrachyApplicationSetups=0,
        ReferencedBeamSequence=beams,
        ReferencedDoseReferenceSequence=[
            item(
                ReferencedDoseReferenceNumber=1, TargetPrescriptionDose=PRESCRIBED_GY, DeliveryMaximumDose=PRESCRIBED_GY
            )
        ],
    )


def _beam(number: int, name: str, ids: Identifiers) -> Dataset:
    """Return a beam with its machine and institution."""
    beam = item(
        BeamNumber=number,
        BeamName=name,
        BeamDescription=f"{name} {ids.word('beam description')}",
        RadiationType="PHOTON",
        TreatmentMachineName=ids.code("treatment machine", "TrueBeamSN", 6),
        Manufacturer="Varian Medical Systems",
        ManufacturerModelName="TDS",
        DeviceSerialNumber=ids.code("machine serial number", "H19", 6),
        InstitutionName=f"Klinikum {ids.word('institution')}",
        InstitutionAddress=f"{ids.word('institution street')}platz 2, 80336 {ids.word('institution town')}",
        InstitutionalDepartmentName=f"Bunker {ids.word('bunker')}",
        DateOfLastCalibration=ids.day("machine calibration"),
        TimeOfLastCalibration="064500",
        PrimaryDosimeterUnit="MU",
        SourceAxisDistance=_SOURCE_AXIS_MM,
        ReferencedPatientSetupNumber=1,
        ReferencedToleranceTableNumber=1,
        ReferencedReferenceImageSequence=[_reference_image(number, ids)],
        PrimaryFluenceModeSequence=[item(FluenceMode="STANDARD")],
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
    )
    beam.private_block(0x3243, "Varian Medical Systems VISION 3243", create=True).add_new(
        0x09, "SH", ids.word("secondary beam name")
    )
    # The private equivalent of (3002,0050), written by planning systems before that attribute existed.
    twin = item()
    twin.add_new(0x32850010, "LO", "Varian Medical Systems VISION 3285")
    twin.add_new(0x32851001, "CS", "STANDARD")
    beam.private_block(0x3285, "Varian Medical Systems VISION 3285", create=True).add_new(0x00, "UN", undeclared(twin))
    return beam


def _reference_image(number: int, ids: Identifiers) -> Dataset:
    image = reference(RT_IMAGE_CLASS, ids.uid(PLANNING_ROOT, "radiograph", number))
    return fill(image, ReferenceImageNumber=number)


def _arc(number: int, direction: str, scan: Scan, ids: Identifiers, control_points: int) -> Dataset:
    """Return an arc of nearly a full rotation."""
    beam = _beam(number, f"Arc{number} {ids.spelt_day('plan', '%d.%m.%y')}", ids)
    start, turn = (181.0, 1) if direction == "CW" else (179.0, -1)
    angles = [(start + turn * 358.0 * index / (control_points - 1)) % 360 for index in range(control_points)]
    collimator_degrees = 30.0 if number == 1 else 330.0
    fill(
        beam,
        BeamLimitingDeviceSequence=[
            item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
            item(RTBeamLimitingDeviceType="ASYMY", NumberOfLeafJawPairs=1),
            item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=60, LeafPositionBoundaries=LEAF_BOUNDARIES_MM),
        ],
        BeamType="DYNAMIC",
        TreatmentDeliveryType="TREATMENT",
        FinalCumulativeMetersetWeight=1,
        NumberOfControlPoints=control_points,
        ControlPointSequence=[
            _arc_point(index, angle, "NONE" if index == control_points - 1 else direction, scan, control_points)
            for index, angle in enumerate(angles)
        ],
    )
    first = beam.ControlPointSequence[0]
    _add_geometry(first, scan, collimator_degrees)
    fill(first, NominalBeamEnergy="6", DoseRateSet="600")
    first.BeamLimitingDevicePositionSequence[:0] = [_jaw(device, *positions) for device, positions in _JAWS_MM.items()]
    first.ReferencedDoseReferenceSequence = beam.ControlPointSequence[-1].ReferencedDoseReferenceSequence = [
        item(ReferencedDoseReferenceNumber=1, CumulativeDoseReferenceCoefficient="0")
    ]
    beam.ControlPointSequence[-1].ReferencedDoseReferenceSequence = [
        item(ReferencedDoseReferenceNumber=1, CumulativeDoseReferenceCoefficient="1")
    ]
    return beam


def _arc_point(index: int, angle: float, direction: str, scan: Scan, control_points: int) -> Dataset:
    leaves = item(RTBeamLimitingDeviceType="MLCX")
    set_decimals(leaves, "LeafJawPositions", leaf_positions(scan, index, angle), "%.1f")
    return item(
        ControlPointIndex=index,
        BeamLimitingDevicePositionSequence=[leaves],
        GantryAngle=round(angle, 1),
        GantryRotationDirection=direction,
        CumulativeMetersetWeight=f"{index / (control_points - 1):.6f}",
    )


def leaf_positions(scan: Scan, index: int, angle: float) -> NDArray[np.float64]:
    """Return the leaf tips (mm), the sixty of the first bank before those of the second.

    They follow the beam's-eye view of the target, with a window sweeping over it by a few millimetres per control
    point; leaves beside it are closed. All tips are within 75 mm of the axis, so that no bank spans more than 150 mm.
    """
    boundaries = np.array(LEAF_BOUNDARIES_MM, dtype=float)
    across = (boundaries[:-1] + boundaries[1:]) / 2
    target = anatomy.TARGET
    turned = np.radians(angle)
    width = np.hypot(target.rx * np.cos(turned), target.ry * np.sin(turned)) + 5
    length = max(scan.length_mm * (target.high - target.low) / 2, 12.0) + 5
    half = width * np.sqrt(np.clip(1 - (across / min(length, 80.0)) ** 2, 0, None))
    left = -half * (0.55 + 0.45 * np.cos(index / 9 + across / 40))
    right = half * (0.55 + 0.45 * np.sin(index / 11 - across / 50))
    tips: NDArray[np.float64] = np.concatenate([left, np.maximum(right, left + 0.6)])
    return tips.clip(-75, 75)


def _setup_field(number: int, scan: Scan, ids: Identifiers) -> Dataset:
    """Return the imaging setup field: jaws, no leaves, no meterset."""
    beam = _beam(number, "CBCT", ids)
    point = item(
        ControlPointIndex=0,
        NominalBeamEnergy="6",
        DoseRateSet="0",
        BeamLimitingDevicePositionSequence=[_jaw("X", -50, 50), _jaw("Y", -50, 50)],
        GantryAngle="0",
        GantryRotationDirection="NONE",
        CumulativeMetersetWeight="0",
    )
    _add_geometry(point, scan, 0.0)
    return fill(
        beam,
        BeamLimitingDeviceSequence=[
            item(RTBeamLimitingDeviceType=device, NumberOfLeafJawPairs=1) for device in ("X", "Y")
        ],
        BeamType="STATIC",
        TreatmentDeliveryType="SETUP",
        FinalCumulativeMetersetWeight=0,
        NumberOfControlPoints=2,
        ControlPointSequence=[point, item(ControlPointIndex=1, CumulativeMetersetWeight="0")],
    )


def _jaw(device: str, low_mm: float, high_mm: float) -> Dataset:
    return item(RTBeamLimitingDeviceType=device, LeafJawPositions=[low_mm, high_mm])


def _add_geometry(point: Dataset, scan: Scan, collimator_degrees: float) -> None:
    """Add the constant values to the first control point: collimator and couch angles, isocentre."""
    fill(
        point,
        BeamLimitingDeviceAngle=collimator_degrees,
        BeamLimitingDeviceRotationDirection="NONE",
        PatientSupportAngle="0",
        PatientSupportRotationDirection="NONE",
        TableTopEccentricAngle="0",
        TableTopEccentricRotationDirection="NONE",
        TableTopVerticalPosition="",
        TableTopLongitudinalPosition="",
        TableTopLateralPosition="",
        IsocenterPosition=list(anatomy.isocentre(scan)),
    )


def _add_private_blocks(data: Dataset, ids: Identifiers) -> None:
    """Add the planning system's private elements."""
    interface = _even(_INTERFACE.format(comment=ids.word("interface comment")))
    extended = data.private_block(0x3253, "Varian Medical Systems VISION 3253", create=True)
    extended.add_new(0x00, "OB", interface)
    extended.add_new(0x01, "IS", len(interface))
    extended.add_new(0x02, "LO", "ExtendedIF")
    integrity = item()
    integrity.add_new(0x32870010, "LO", "Varian Medical Systems VISION 3287")
    integrity.add_new(0x32871001, "LO", f"{ids.word('integrity hash')}0123456789abcdef")
    data.private_block(0x3287, "Varian Medical Systems VISION 3287", create=True).add_new(0x00, "SQ", [integrity])
    # An element without a private creator, left by a program that removed only the creator.
    data.add_new(0x37731002, "UN", _even(ids.word("orphan")))
    data.PatientSetupSequence[0].SetupDeviceSequence = [
        item(
            SetupDeviceType="LASER_POINTER",
            SetupDeviceLabel=ids.word("setup device label"),
            SetupDeviceDescription=ids.word("setup device description"),
            SetupDeviceParameter="",
        )
    ]
    data.ReasonForTheRequestedProcedure = f"see {ids.word('plan request')}"
    data.ProcedureCodeSequence = [coded("VMAT", "99LOCAL", "VMAT HN")]


def _even(text: str, padding: bytes = b" ") -> bytes:
    value = text.encode()
    return value + padding * (len(value) % 2)
