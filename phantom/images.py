"""The planning CT and the dose of a synthetic set."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phantom import anatomy
from phantom.modules import (
    CT_CLASS,
    DOSE_CLASS,
    PLAN_CLASS,
    PLANNING_ROOT,
    SCANNER_ROOT,
    STRUCTURES_CLASS,
    STUDY_CLASS,
    add_equipment,
    add_patient,
    add_planning_series,
    add_study,
    coded,
    fill,
    item,
    moment,
    reference,
    set_decimals,
    started,
    undeclared,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from phantom.anatomy import DoseGrid, Organ, Scan
    from phantom.identifiers import Identifiers


@dataclass(frozen=True)
class _Scanner:
    """Attributes of one manufacturer's scanner."""

    maker: str
    model: str
    software: str
    kernel: str
    filter: str
    scan_options: str
    rotation_s: float


_SCANNERS = (
    _Scanner("GE MEDICAL SYSTEMS", "Discovery RT", "qin.3", "STANDARD", "BODY FILTER", "HELICAL MODE", 1.0),
    _Scanner("SIEMENS", "SOMATOM go.Sim", "syngo CT VA30A", "Br38f", "FLAT", "SPI", 0.5),
    _Scanner("Philips", "Big Bore", "3.6.7", "B", "B", "HELIX", 0.75),
)


def ct_series(scan: Scan, ids: Identifiers) -> list[Dataset]:
    """Return the planning CT, lowest slice first.  PS3.3 A.3."""
    shared = pickle.dumps(_ct_slice(scan, ids))  # `deepcopy` takes three times as long
    noise = np.random.default_rng(ids.number("noise", 6)).normal(0, 9, (scan.size, scan.size)).astype(np.float32)
    slices = []
    for index in range(scan.slices):
        instance, z_mm = ids.uid(SCANNER_ROOT, "slice", index + 1), scan.z_mm(index)
        data: Dataset = pickle.loads(shared)  # noqa: S301 - changing one slice must not change the others
        fill(data.file_meta, MediaStorageSOPInstanceUID=instance)
        fill(
            data,
            SOPInstanceUID=instance,
            InstanceNumber=index + 1,
            ImagePositionPatient=[scan.first_pixel_mm, scan.first_pixel_mm, z_mm],
            SliceLocation=z_mm,
            AcquisitionTime=f"1013{10 + index // 20:02d}",
            ContentTime=f"1014{10 + index // 20:02d}",
            PixelData=(anatomy.hounsfield(scan, index, noise) + 1024).astype("<i2").tobytes(),
        )
        slices.append(data)
    _add_overlay(slices[0], scan, ids)
    return slices


def _ct_slice(scan: Scan, ids: Identifiers) -> Dataset:
    """Return the attributes common to all slices."""
    scanner = _SCANNERS[ids.number("scanner", 3) % len(_SCANNERS)]
    data = started(CT_CLASS, ids.uid(SCANNER_ROOT, "slice", 1), ids, "scanner")
    add_patient(data, ids)
    add_study(data, ids)
    add_equipment(
        data,
        ids,
        Manufacturer=scanner.maker,
        ManufacturerModelName=scanner.model,
        StationName=ids.code("scanner station", "CTSIM"),
        DeviceSerialNumber=ids.code("scanner serial number", "SN"),
        DeviceUID=ids.device_uid(SCANNER_ROOT),
        SoftwareVersions=scanner.software,
    )
    _add_request(data, ids)
    _add_former_values(data, ids)
    fill(
        data,
        SpecificCharacterSet="ISO_IR 100",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        InstanceCreationDate=ids.day("study"),
        InstanceCreationTime="101502",
        SeriesDate=ids.day("study"),
        SeriesTime="101300",
        AcquisitionDate=ids.day("study"),
        AcquisitionDateTime=moment("study", ids),
        ContentDate=ids.day("study"),
        Modality="CT",
        SeriesInstanceUID=ids.uid(SCANNER_ROOT, "CT series"),
        SeriesNumber=2,
        SeriesDescription=f"HN 3mm {ids.word('CT series description')}",
        PerformingPhysicianName=ids.person("performing physician"),
        PatientAge=f"{ids.age_years:03d}Y",
        BodyPartExamined="HEADNECK",
        PatientPosition="HFS",
        FrameOfReferenceUID=ids.uid(SCANNER_ROOT, "frame of reference"),
        PositionReferenceIndicator="",
        ReferencedImageSequence=[reference(CT_CLASS, ids.uid(SCANNER_ROOT, "topogram"))],
        ProcedureCodeSequence=[coded("CTHN", "99LOCAL", "CT Hals")],
        ProtocolName=f"6.1 HN {ids.word('protocol')}",
        ImageComments=f"mask made by {ids.word('radiographer')}",
        AcquisitionNumber=1,
        ScanOptions=scanner.scan_options,
        KVP="120",
        SliceThickness=scan.spacing_mm,
        SpacingBetweenSlices=scan.spacing_mm,
        DataCollectionDiameter=500,
        ReconstructionDiameter=500,
        DistanceSourceToDetector="1062.5",
        DistanceSourceToPatient="606.85",
        GantryDetectorTilt="0",
        TableHeight="154.5",
        RotationDirection="CW",
        ExposureTime=round(1000 * scanner.rotation_s),
        XRayTubeCurrent=240,
        Exposure=round(240 * scanner.rotation_s),
        FilterType=scanner.filter,
        GeneratorPower=53,
        FocalSpots="1.2",
        ConvolutionKernel=scanner.kernel,
        RevolutionTime=scanner.rotation_s,
        SingleCollimationWidth=0.625,
        TotalCollimationWidth=20.0,
        SpiralPitchFactor=0.938,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=scan.size,
        Columns=scan.size,
        PixelSpacing=[scan.pixel_mm, scan.pixel_mm],
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=1,
        RescaleIntercept=-1024,
        RescaleSlope=1,
        RescaleType="HU",
        WindowCenter=40,
        WindowWidth=400,
    )
    _add_private_blocks(data, ids)
    return data


def _add_request(data: Dataset, ids: Identifiers) -> None:
    """Add the data of the radiology information system: requested and performed procedure.  PS3.3 C.4.13."""
    fill(
        data,
        PerformedProcedureStepID=ids.code("performed step ID", "PPS"),
        PerformedProcedureStepStartDate=ids.day("study"),
        PerformedProcedureStepStartTime="101233",
        PerformedProcedureStepDescription=f"CT Kopf-Hals {ids.word('performed step')}",
        PerformedStationAETitle=ids.title("performed station title"),
        PerformedStationName=ids.title("performed station"),
        PerformedLocation=ids.word("performed location"),
        CommentsOnThePerformedProcedureStep=f"done with {ids.word('helper')}",
        RequestAttributesSequence=[
            item(
                RequestedProcedureID=ids.code("requested procedure ID", "RP"),
                RequestedProcedureDescription=f"Bestrahlungsplanung {ids.word('requested procedure')}",
                ReasonForTheRequestedProcedure=f"Tumorboard {ids.spelt_day('admission', '%d/%m/%Y')}",
                RequestedProcedureComments=f"call {ids.word('caller')}",
                ScheduledProcedureStepID=ids.code("scheduled step ID", "SPS"),
                ScheduledProcedureStepDescription=f"CT mit Maske {ids.word('scheduled step')}",
                ScheduledProtocolCodeSequence=[coded("HN3", "99LOCAL", f"Protokoll {ids.word('scheduled protocol')}")],
                ReferencedStudySequence=[reference(STUDY_CLASS, ids.uid(SCANNER_ROOT, "requested study"))],
            )
        ],
    )


def _add_former_values(data: Dataset, ids: Identifiers) -> None:
    """Add the record of the archive's changes to the object.  PS3.3 C.12.1.1.9."""
    data.OriginalAttributesSequence = [
        item(
            ModifiedAttributesSequence=[
                item(
                    PatientID=ids.code("former patient ID", "TMP"),
                    PatientName=f"{ids.word('former name')}^{ids.given_name}",
                )
            ],
            AttributeModificationDateTime=moment("contours", ids),
            ModifyingSystem=ids.word("archive"),
            SourceOfPreviousValues=ids.word("source of former values"),
            ReasonForTheAttributeModification="COERCE",
        )
    ]


def _add_private_blocks(data: Dataset, ids: Identifiers) -> None:
    """Add private blocks of scanners and archives: text, dates as numbers, declared and undeclared sequences."""
    identity = data.private_block(0x0009, "GEMS_IDEN_01", create=True)
    identity.add_new(0x01, "LO", f"GE_GENESIS_FF {ids.word('private scanner name')}")
    identity.add_new(0x02, "SH", data.StationName)
    identity.add_new(0x27, "SL", ids.seconds("study"))
    data.private_block(0x0023, "GEMS_STDY_01", create=True).add_new(0x70, "FD", float(ids.seconds("study")))
    parameters = data.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x10, "US", 400)
    parameters.add_new(0x28, "OB", f"{ids.word('private bytes')}\0".encode().ljust(48, b"\0"))
    header = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    header.add_new(0x10, "OB", b"SV10" + f'ProtocolName::"{ids.word("private header")}"'.encode().ljust(124, b"\0"))
    archive = data.private_block(0x0099, "PHANTOM ARCHIVE 1.0", create=True)
    nested = item(PatientName=f"{ids.word('private sequence name')}^{ids.given_name}", PatientID=data.PatientID)
    nested.private_block(0x0099, "PHANTOM ARCHIVE 1.0", create=True).add_new(
        0x01, "UI", ids.uid(SCANNER_ROOT, "private nested")
    )
    archive.add_new(0x01, "SQ", [nested])
    hidden = item(
        ReferencedSOPInstanceUID=ids.uid(SCANNER_ROOT, "undeclared"), PatientComments=ids.word("undeclared comment")
    )
    archive.add_new(0x02, "UN", undeclared(hidden))


def _add_overlay(data: Dataset, scan: Scan, ids: Identifiers) -> None:
    """Add an overlay.  PS3.3 C.9.2."""
    data.add_new(0x60000010, "US", scan.size)
    data.add_new(0x60000011, "US", scan.size)
    data.add_new(0x60000022, "LO", f"drawn for {ids.word('overlay description')}")
    data.add_new(0x60000040, "CS", "G")
    data.add_new(0x60000050, "SS", [1, 1])
    data.add_new(0x60000100, "US", 1)
    data.add_new(0x60000102, "US", 0)
    data.add_new(0x60001500, "LO", ids.word("overlay label"))
    data.add_new(0x60003000, "OW", bytes(scan.size * scan.size // 8))


def rt_dose(
    scan: Scan,
    organs: Sequence[Organ],
    ids: Identifiers,
    *,
    plan: str,
    structure_set: str,
    prescribed_gy: float,
    bits: int,
) -> Dataset:
    """Return the dose of the plan, with `bits` bits (16 or 32) and dose-volume histograms.  PS3.3 A.18."""
    grid = anatomy.dose(scan, prescribed_gy)
    data = started(DOSE_CLASS, ids.uid(PLANNING_ROOT, "dose"), ids, "planning system")
    add_patient(data, ids)
    add_study(data, ids)
    add_planning_series(data, ids, "RTDOSE", "plan")
    scaling = float(f"{float(grid.gy.max()) / (2**bits - 1):.9e}") * (1 + 1e-8)
    fill(
        data,
        Modality="RTDOSE",
        ContentDate=ids.day("plan"),
        ContentTime="142211",
        InstanceNumber=1,
        FrameOfReferenceUID=ids.uid(SCANNER_ROOT, "frame of reference"),
        PositionReferenceIndicator="",
        ImagePositionPatient=[round(float(axis[0]), 4) for axis in (grid.x, grid.y, grid.z)],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        SliceThickness="",
        PixelSpacing=[f"{float(axis[1] - axis[0]):.6g}" for axis in (grid.y, grid.x)],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=len(grid.z),
        FrameIncrementPointer=0x3004000C,
        Rows=len(grid.y),
        Columns=len(grid.x),
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=0,
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseComment=f"checked by {ids.word('dose comment')}",
        DoseSummationType="PLAN",
        GridFrameOffsetVector=[round(float(z - grid.z[0]), 4) for z in grid.z],
        DoseGridScaling=f"{scaling:.9e}",
        TissueHeterogeneityCorrection="IMAGE",
        ReferencedRTPlanSequence=[reference(PLAN_CLASS, plan)],
        ReferencedStructureSetSequence=[reference(STRUCTURES_CLASS, structure_set)],
        DVHSequence=_histograms(grid, scan, organs),
        PixelData=np.minimum(np.round(grid.gy.astype(float) / scaling), 2.0**bits - 1)
        .astype(f"<u{bits // 8}")
        .tobytes(),
    )
    data.private_block(0x3243, "Varian Medical Systems VISION 3243", create=True).add_new(
        0x09, "LO", f"dose of {ids.family_name}"
    )
    return data


def _histograms(grid: DoseGrid, scan: Scan, organs: Sequence[Organ]) -> list[Dataset]:
    """Return the dose-volume histogram of each structure in bins of 0.1 Gy, by the structure set's ROI numbers."""
    x_mm, y_mm = (float(axis[1] - axis[0]) for axis in (grid.x, grid.y))
    z_mm = float(grid.z[1] - grid.z[0]) if len(grid.z) > 1 else scan.spacing_mm
    histograms = []
    for number, organ in enumerate(organs, 1):
        doses = np.empty(0) if organ.kind == "EXTERNAL" else grid.voxels(organ, scan)
        if not doses.size:
            continue
        bins = int(doses.max() / 0.1) + 2
        differential = np.histogram(doses, bins, (0, 0.1 * bins))[0]
        volume_cm3 = differential[::-1].cumsum()[::-1] * (x_mm * y_mm * z_mm / 1000)
        histogram = item(
            DVHType="CUMULATIVE",
            DoseUnits="GY",
            DoseType="PHYSICAL",
            DVHDoseScaling=1,
            DVHVolumeUnits="CM3",
            DVHNumberOfBins=bins,
            DVHReferencedROISequence=[item(DVHROIContributionType="INCLUDED", ReferencedROINumber=number)],
            DVHMinimumDose=f"{doses.min():.4f}",
            DVHMaximumDose=f"{doses.max():.4f}",
            DVHMeanDose=f"{doses.mean():.4f}",
        )
        set_decimals(histogram, "DVHData", np.column_stack([np.full(bins, 0.1), volume_cm3]).ravel(), "%.4f")
        histograms.append(histogram)
    return histograms
