"""Attribute types required of a set's objects: Types 1 and 2 of PS3.3, for attributes affected by de-identification.

Removing a name is easy; removing what importers require makes an object that no system reads. The policy table resolves
each such case. This table is an independent check: it is derived from the object definitions, not from the policy, and
the proof checks every published object against it.

Type 1 must have a value, Type 2 must be present but may be empty (PS3.5 7.4). Conditional types (1C, 2C) apply whenever
the source has the attribute: its condition was then met, and no attribute that states a condition is removed.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from services.dicom.dictionary import tag

ANY: Final = -1
"""Inside every sequence."""

ROOT: Final = 0

# Kind of object (`*`: any), Type, then attributes; `Sequence>Attribute` if the place matters, `*>Attribute` if it does
# not. PS3.3 A.3, A.18, A.19, A.20, A.49.
_TABLE: Final = """
* 1  StudyInstanceUID SeriesInstanceUID SOPInstanceUID SOPClassUID Modality FrameOfReferenceUID
* 2  PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber
* 2  ReferringPhysicianName SeriesNumber Manufacturer PositionReferenceIndicator ContentDate ContentTime
* 2  PatientSexNeutered PatientBreedDescription BreedRegistrationSequence ResponsiblePerson ResponsibleOrganization
* 1  ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
* 1  ClinicalTrialProtocolEthicsCommitteeName
* 2  ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName
* 2  ClinicalTrialTimePointID ClinicalTrialCoordinatingCenterName
* 1  *>ReferencedSOPClassUID *>ReferencedSOPInstanceUID *>CodeValue *>CodeMeaning *>CodingSchemeDesignator
* 1  SourcePatientGroupIdentificationSequence>PatientID GroupOfPatientsIdentificationSequence>PatientID

CT 1  ImageType RescaleType
CT 2  AcquisitionNumber KVP InstanceNumber ContrastBolusAgent
CT 2  PatientTreatmentPreparationDeviceSequence>DeviceSerialNumber
CT 2  PatientTreatmentPreparationProcedureSequence>PatientTreatmentPreparationProcedureParameterDescription
CT 2  ReferencedPatientSetupPhotoSequence>PatientSetupPhotoDescription

RTSTRUCT 1  StructureSetLabel StructureSetROISequence>ReferencedFrameOfReferenceUID
RTSTRUCT 1  ReferencedFrameOfReferenceSequence>FrameOfReferenceUID RTReferencedSeriesSequence>SeriesInstanceUID
RTSTRUCT 1  SourceSeriesInformationSequence>SeriesDate SourceSeriesInformationSequence>SeriesTime
RTSTRUCT 1  SourceSeriesInformationSequence>SeriesDescription
RTSTRUCT 2  OperatorsName StructureSetDate StructureSetTime StructureSetROISequence>ROIName
RTSTRUCT 2  RTROIObservationsSequence>RTROIInterpretedType RTROIObservationsSequence>ROIInterpreter

RTPLAN 1  RTPlanLabel RTPlanGeometry ApprovalStatus BeamSequence>BeamType BeamSequence>RadiationType
RTPLAN 1  PrimaryFluenceModeSequence>FluenceMode PrimaryFluenceModeSequence>FluenceModeID
RTPLAN 1  ApplicatorSequence>ApplicatorID GeneralAccessorySequence>GeneralAccessoryID
RTPLAN 1  PatientSetupSequence>PatientAdditionalPosition EnhancedRTBeamLimitingDeviceSequence>DeviceLabel
RTPLAN 1  SourceSequence>SourceIsotopeName SourceSequence>SourceStrengthReferenceDate
RTPLAN 1  SourceSequence>SourceStrengthReferenceTime
RTPLAN 2  OperatorsName RTPlanDate RTPlanTime
RTPLAN 2  BeamSequence>TreatmentMachineName IonBeamSequence>TreatmentMachineName
RTPLAN 2  TreatmentMachineSequence>TreatmentMachineName BlockSequence>MaterialID CompensatorSequence>MaterialID
RTPLAN 2  FixationDeviceSequence>FixationDeviceLabel ShieldingDeviceSequence>ShieldingDeviceLabel
RTPLAN 2  SetupDeviceSequence>SetupDeviceLabel ChannelSequence>SourceApplicatorID ChannelShieldSequence>ChannelShieldID
RTPLAN 2  BrachyAccessoryDeviceSequence>BrachyAccessoryDeviceID DoseCalibrationConditionsSequence>CalibrationDateTime
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>Manufacturer EnhancedRTBeamLimitingDeviceSequence>ManufacturerModelName
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>ManufacturerModelVersion
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>DeviceSerialNumber
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>DeviceAlternateIdentifier
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>ManufacturerDeviceIdentifier
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>RTAccessoryHolderSlotID
RTPLAN 2  EnhancedRTBeamLimitingDeviceSequence>RTAccessoryDeviceSlotID
RTPLAN 2  PatientTreatmentPreparationDeviceSequence>DeviceSerialNumber
RTPLAN 2  PatientTreatmentPreparationProcedureSequence>PatientTreatmentPreparationProcedureParameterDescription
RTPLAN 2  ReferencedPatientSetupPhotoSequence>PatientSetupPhotoDescription

RTDOSE 1  DoseUnits DoseType DoseSummationType DoseGridScaling
RTDOSE 2  OperatorsName InstanceNumber PlanOverviewSequence>RTPlanLabel PlanOverviewSequence>TreatmentSite
"""


def _read() -> dict[tuple[str, int, int], int]:
    table: dict[tuple[str, int, int], int] = {}
    for line in filter(None, _TABLE.splitlines()):
        kind, type_, *attributes = line.split()
        for attribute in attributes:
            *sequence, keyword = attribute.split(">")
            within = ROOT if not sequence else ANY if sequence == ["*"] else tag(sequence[0])
            table[kind, within, tag(keyword)] = int(type_)
    return table


TABLE: Final = _read()
"""The Type, by kind of object, tag of the enclosing sequence (`ROOT`, `ANY`) and tag of the attribute."""


@cache
def demanded(kind: str, sequence: int, attribute: int) -> int:
    """Return the requirement for an attribute that the source has.

    Parameters
    ----------
    kind
        `CT`, `RTSTRUCT`, `RTPLAN` or `RTDOSE`.
    sequence
        Tag of the innermost sequence around it; 0 at the root.
    attribute
        Its tag.

    Returns
    -------
    int
        1: must have a value, 2: must be present, 0: none.
    """
    for object_ in (kind, "*"):
        for within in (sequence, ANY):
            if type_ := TABLE.get((object_, within, attribute)):
                return type_
    return 0
