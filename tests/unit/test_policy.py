"""The policy table: the standard's rows equal the standard, ours have reasons, and options work as described."""

from __future__ import annotations

import itertools
from hashlib import sha256

import pytest

from services.dicom import dictionary
from services.policy.markdown import as_markdown, as_rows, as_summary
from services.policy.table import (
    ADDITIONS,
    EDITION,
    Action,
    Choice,
    Policy,
    Row,
    less_retained,
    method_codes,
    method_text,
    policy_for,
    read_table,
    temporal_information,
)

CHOICES = [
    Choice(*options)
    for options in itertools.product(
        ("shift", "remove", "keep"), ("dose_model", "retain", "age_sex"), (False, True), ("fake",), ("keep", "remove")
    )
]
DEFAULT = Choice()
STANDARDS_COLUMNS = [name for name in Row.__slots__ if name == "basic" or name.startswith(("retain", "clean"))]
RULES = ("any, silent", "any, unknown")


def action(keyword: str, options: Choice, *within: str) -> str:
    """Return the action on an attribute."""
    decision = policy_for(options).decision(dictionary.tag(keyword), [dictionary.tag(name) for name in within])
    return f"{decision.action.value} {decision.argument}".strip()


def standards_rows() -> list[Row]:
    """Return the rows of Table E.1-1."""
    return [row for row in read_table() if row.basic and not row.within]


def test_the_rows_of_the_standard_equal_table_e1_1() -> None:
    """All 657 of Table E.1-1, tag, keyword and eleven codes: any slip of a key changes the sum.

    The sum was taken over an independent copy of the table of this edition.
    """
    lines = [
        ",".join([row.tag, row.keyword, *(getattr(row, column) for column in STANDARDS_COLUMNS)])
        for row in standards_rows()
    ]
    assert (EDITION, len(lines), sha256("\n".join(lines).encode()).hexdigest()) == (
        "PS3.15-2026d",
        657,
        "d51fa2e12d3df8b33828c77954369c4c664990d264389f17e8d925c508917153",
    )


def test_each_row_is_there_once_and_in_the_order_of_its_tag() -> None:
    """In the standard's order, for comparison; rules come last."""
    keys = [(row.tag in RULES, row.tag.lower(), row.within) for row in read_table() if row.tag not in RULES]
    assert keys == sorted(set(keys))
    assert [row.tag in RULES for row in read_table()] == sorted(row.tag in RULES for row in read_table())


def test_tags_keywords_and_vrs_agree_with_the_dictionary() -> None:
    """Rows name attributes consistently."""
    for row in read_table():
        if row.tag in RULES or "x" in row.tag or "g" in row.tag:
            continue
        tag = int(row.tag[1:5] + row.tag[6:10], 16)
        assert (row.keyword, row.vr) == (dictionary.keyword(tag), dictionary.vr(tag).decode())


def test_every_row_of_ours_says_why() -> None:
    """If the standard is silent or we deviate, the reason is in the row."""
    unexplained = []
    for row in read_table():
        offered = {
            {"X": "drop", "Z": "empty", "D": "dummy", "U": "uid", "U*": "keep"}[code]
            for code in row.basic.split("/")
            if code
        }
        departs = row.action or (row.resolved and row.resolved not in offered)
        if (departs or not row.basic) and not row.reason:
            unexplained.append((row.tag, row.within))
    assert unexplained == []


def test_every_choice_that_the_standard_leaves_is_made() -> None:
    """No code with a slash is undecided, and every dummy has its value."""
    assert [row.keyword for row in read_table() if "/" in row.basic and not (row.resolved or row.action)] == []
    assert [
        row.keyword
        for row in read_table()
        if "dummy" in (row.action, row.resolved or {"D": "dummy"}.get(row.basic))
        and not row.action
        and not row.argument
    ] == []


# The text-valued attributes of the five kinds of object of a set on which Table E.1-1 is silent.
SILENT = """
SOPClassUID RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID Manufacturer CodeValue CodingSchemeDesignator
CodingSchemeVersion CodeMeaning CodingSchemeUID ContextGroupExtensionCreatorUID CodingSchemeURL CodingSchemeRegistry
CodingSchemeExternalID CodingSchemeName CodingSchemeResponsibleOrganization ContextUID MappingResourceUID LongCodeValue
URNCodeValue MappingResourceName PrivateCreatorReference PrivateDataElementName PrivateDataElementKeyword
PrivateDataElementDescription PrivateDataElementEncoding ManufacturerModelName ReferencedSOPClassUID
MultiFrameSourceSOPInstanceUID RetrieveURL PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
StrainDescription StrainNomenclature StrainStockNumber StrainSource StrainAdditionalInformation
GeneticModificationsDescription GeneticModificationsNomenclature PatientSpeciesDescription PatientBreedDescription
BreedRegistrationNumber DeidentificationMethod DeviceID SoftwareVersions ContrastBolusRoute TriggerSourceOrType
FilterType ConvolutionKernel TimeSource NTPSourceAddress RespiratorySignalSourceID PositionReferenceIndicator
AlgorithmSource RescaleType WindowCenterWidthExplanation LUTExplanation PixelDataProviderURL LocalNamespaceEntityID
UniversalEntityID
LUTLabel TextValue HL7InstanceIdentifier RetrieveURI RepositoryUniqueID HomeCommunityID ContainerComponentDescription
AlgorithmVersion AlgorithmParameters AlgorithmName ReferencedFiducialUID SelectorSequencePointerPrivateCreator
SelectorAttributePrivateCreator StorageMediaFileSetID SOPAuthorizationComment AuthorizationEquipmentCertificationNumber
MACCalculationTransferSyntaxUID EncryptedContentTransferSyntaxUID FluenceModeID DoseComment TreatmentProtocols
ToleranceTableLabel FractionPattern BeamName ImagingDeviceSpecificAcquisitionParameters WedgeID BolusID MaterialID
CompensatorID CompensatorTrayID BlockTrayID AccessoryCode BlockName ApplicatorID ApplicatorDescription PatientSetupLabel
PatientAdditionalPosition FixationDeviceLabel FixationDevicePosition ShieldingDeviceLabel ShieldingDevicePosition
SetupDeviceLabel SetupDeviceDescription SetupReferenceDescription SourceModelID SourceDescription SourceIsotopeName
ApplicationSetupName ApplicationSetupManufacturer TemplateType TemplateName BrachyAccessoryDeviceID
BrachyAccessoryDeviceName AfterloaderChannelID SourceApplicatorID SourceApplicatorName SourceApplicatorManufacturer
ChannelShieldID ChannelShieldName TrayAccessoryCode SetupImageComment GeneralAccessoryID GeneralAccessoryDescription
EquipmentFrameOfReferenceUID ManufacturerModelVersion DeviceAlternateIdentifierFormat SnoutID RangeShifterID
RangeShifterDescription LateralSpreadingDeviceID LateralSpreadingDeviceDescription RangeModulatorID
RangeModulatorDescription BeamCurrentModulationID PatientSupportID PatientSupportAccessoryCode RangeShifterSetting
LateralSpreadingDeviceSetting ScanSpotTuneID FrameOfReferenceTransformationComment
"""


def test_no_text_of_a_radiotherapy_object_is_kept_by_silence() -> None:
    """Each attribute missing from the standard was decided, with a reason."""
    judged = {row.keyword for row in read_table() if not row.basic and not row.within and row.reason}
    assert set(SILENT.split()) <= judged


def test_no_text_at_all_is_kept_without_a_row_of_its_own() -> None:
    """The rules for unlisted attributes keep numbers, terms and times of day, never text, names, dates or bytes."""
    for choice in CHOICES:
        for tag, decision in policy_for(choice).compiled.items():
            if decision.row.tag in RULES and decision.action is Action.KEEP and choice.dates != "keep":
                assert dictionary.vr(tag) not in b"AE AS DA DT LO LT OB PN SH ST UC UI UN UR UT".split()


# Type and place (PS3.3) of what is changed in some combination of options, without the levels that do not matter.
TYPED = """
2 AccessionNumber
2 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > DeviceAlternateIdentifier
1 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > DeviceLabel
2 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > DeviceSerialNumber
2 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > Manufacturer
2 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > ManufacturerDeviceIdentifier
2 BeamSequence > EnhancedRTBeamLimitingDeviceSequence > ManufacturerModelVersion
2 BeamSequence > TreatmentMachineName
2 ClinicalTrialCoordinatingCenterName
1C ClinicalTrialProtocolEthicsCommitteeName
1 ClinicalTrialProtocolID
2 ClinicalTrialProtocolName
2 ClinicalTrialSiteID
2 ClinicalTrialSiteName
1 ClinicalTrialSponsorName
1C ClinicalTrialSubjectID
1C ClinicalTrialSubjectReadingID
2 ClinicalTrialTimePointID
1 ContainerIdentifier
2C ContentDate
2C ContentTime
2 ContrastBolusAgent
1 ContributingEquipmentSequence > UDISequence > UniqueDeviceIdentifier
1C DeidentificationMethod
1C EntityLongLabel
2 FractionGroupSequence > ReferencedBeamSequence > DoseCalibrationConditionsSequence > CalibrationDateTime
1 FrameOfReferenceUID
2 IonBeamSequence > EnhancedRTBeamLimitingDeviceSequence > DeviceSerialNumber
2 IonBeamSequence > TreatmentMachineName
2 IssuerOfTheContainerIdentifierSequence
1 MultienergyCTAcquisitionSequence > MultienergyCTXRayDetectorSequence > XRayDetectorID
1 MultienergyCTAcquisitionSequence > MultienergyCTXRaySourceSequence > SourceEndDateTime
1 MultienergyCTAcquisitionSequence > MultienergyCTXRaySourceSequence > SourceStartDateTime
1 MultienergyCTAcquisitionSequence > MultienergyCTXRaySourceSequence > XRaySourceID
2 OperatorIdentificationSequence > InstitutionName
2 OperatorsName
2 PatientBirthDate
2C PatientBreedDescription
1 PatientID
2 PatientName
2 PatientSetupSequence > FixationDeviceSequence > FixationDeviceLabel
2 PatientSetupSequence > SetupDeviceSequence > SetupDeviceLabel
2 PatientSetupSequence > ShieldingDeviceSequence > ShieldingDeviceLabel
2 PatientSex
2C PatientSexNeutered
2 PatientTreatmentPreparationSequence > PatientTreatmentPreparationDeviceSequence > DeviceSerialNumber
2 PatientTreatmentPreparationSequence > PatientTreatmentPreparationProcedureParameterDescription
2 PatientTreatmentPreparationSequence > ReferencedPatientSetupPhotoSequence > PatientSetupPhotoDescription
1C PlanOverviewSequence > ReferencedImageSequence
2 PlanOverviewSequence > TreatmentSite
1 RequestAttributesSequence > RequestedProcedureID
2 RTPlanDate
1 RTPlanLabel
2 RTPlanTime
2 RTROIObservationsSequence > ROIInterpreter
2 ReferringPhysicianName
2C ResponsibleOrganization
2C ResponsiblePerson
1 SourceSequence > SourceStrengthReferenceDate
1 SourceSequence > SourceStrengthReferenceTime
1 SourceSeriesInformationSequence > SeriesDate
1 SourceSeriesInformationSequence > SeriesDescription
1 SourceSeriesInformationSequence > SeriesTime
2 SpecimenDescriptionSequence > IssuerOfTheSpecimenIdentifierSequence
1 SpecimenDescriptionSequence > SpecimenIdentifier
2 SpecimenDescriptionSequence > SpecimenPreparationSequence
2 StructureSetDate
1 StructureSetLabel
2 StructureSetROISequence > ROIName
2 StructureSetTime
2 StudyDate
2 StudyID
1 StudyInstanceUID
2 StudyTime
2 TreatmentMachineSequence > TreatmentMachineName
1 UDISequence > UniqueDeviceIdentifier
""".strip().splitlines()


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_no_type_1_is_emptied_and_no_type_1_or_2_dropped(options: Choice) -> None:
    """Attributes required by an IOD stay, unless the sequence around them is removed."""
    policy = policy_for(options)
    broken = []
    for line in TYPED:
        kind, place = line.split(" ", 1)
        tags = [dictionary.tag(keyword) for keyword in place.split(" > ")]
        *around, last = (policy.decision(tag, tags[:depth]).action for depth, tag in enumerate(tags))
        if {Action.DROP, Action.EMPTY}.intersection(around):
            continue
        if last is Action.DROP or (last is Action.EMPTY and kind.startswith("1")):
            broken.append(line)
    assert broken == []


@pytest.mark.parametrize(
    ("keyword", "actions"),
    [
        # what becomes of it when dates are shifted, removed, kept
        ("StudyDate", ("date", "empty", "keep")),
        ("SeriesDate", ("date", "drop", "keep")),
        ("StudyTime", ("keep", "empty", "keep")),
        ("RTPlanDate", ("date", "empty", "keep")),
        ("RTPlanTime", ("keep", "empty", "keep")),
        ("StructureSetDate", ("date", "empty", "keep")),
        ("SourceStrengthReferenceDate", ("date", "dummy 19000101", "keep")),
        ("DateOfLastCalibration", ("drop", "drop", "keep")),
        ("TimezoneOffsetFromUTC", ("drop", "drop", "keep")),
        ("ContextGroupVersion", ("keep", "keep", "keep")),
        ("ReviewDate", ("drop", "drop", "drop")),
        ("PatientBirthDate", ("identity birth_date", "identity birth_date", "identity birth_date")),
        ("ExpiryDate", ("date", "drop", "keep")),  # a date on which the table is silent
    ],
)
def test_dates_follow_their_option(keyword: str, actions: tuple[str, str, str]) -> None:
    """Dates follow their option; times of day stay if shifted; device dates are removed; code versions stay."""
    assert tuple(action(keyword, Choice(dates)) for dates in ("shift", "remove", "keep")) == actions


@pytest.mark.parametrize(
    ("keyword", "retained", "age_sex"),
    [
        ("PatientSex", "identity sex", "identity sex"),
        ("PatientAge", "identity age", "identity age"),
        ("PatientWeight", "keep", "drop"),
        ("PatientSize", "keep", "drop"),
        ("SmokingStatus", "keep", "drop"),
        ("PatientSexNeutered", "keep", "empty"),
        ("Allergies", "drop", "drop"),
        ("PatientBodyMassIndex", "drop", "drop"),
    ],
)
def test_patient_characteristics_follow_their_option(keyword: str, retained: str, age_sex: str) -> None:
    """Everything that option 113108 keeps, or only age and sex."""
    assert (action(keyword, DEFAULT), action(keyword, Choice(patient_characteristics="age_sex"))) == (retained, age_sex)


@pytest.mark.parametrize(
    ("place", "replaced", "kept"),
    [
        ("BeamSequence TreatmentMachineName", "machine name", "keep"),
        ("TreatmentMachineName", "machine name", "keep"),
        ("BeamSequence Manufacturer", "machine manufacturer", "clean product"),
        ("BeamSequence ControlPointSequence ManufacturerModelName", "machine model", "clean product"),
        ("BeamSequence EnhancedRTBeamLimitingDeviceSequence ManufacturerModelName", "empty", "clean product"),
        ("ManufacturerModelName", "clean product", "clean product"),
        ("BeamSequence DeviceSerialNumber", "drop", "keep"),
        ("BeamSequence InstitutionName", "drop", "drop"),
        ("BeamSequence InstitutionalDepartmentName", "drop", "drop"),
        ("StationName", "scanner", "keep"),
        ("DeviceUID", "uid", "keep"),
        ("GantryID", "drop", "keep"),
        ("StationAETitle", "drop", "drop"),
        ("DateOfLastCalibration", "drop", "date"),
        ("DateOfManufacture", "drop", "date"),
        ("DateOfInstallation", "drop", "date"),
        ("TimeOfLastCalibration", "drop", "keep"),
        ("CalibrationDateTime", "empty", "date"),
    ],
)
def test_equipment_follows_its_option(place: str, replaced: str, kept: str) -> None:
    """The machine is replaced in the beams or kept; the clinic is always removed."""
    *within, keyword = place.split()
    assert (action(keyword, DEFAULT, *within), action(keyword, Choice(keep_machine=True), *within)) == (replaced, kept)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("PatientID", "identity patient_id"),
        ("StudyID", "dummy 1"),
        ("AccessionNumber", "empty"),
        ("OperatorsName", "empty"),
        ("SeriesNumber", "keep"),
        ("InstanceNumber", "keep"),
        ("SpecificCharacterSet", "keep"),
        ("ROIName", "clean roi_name"),
        ("RTPlanLabel", "clean plan_label"),
        ("BeamName", "clean beam_name"),
        ("CodeMeaning", "clean code_meaning"),
        ("RTROIIdentificationCodeSequence", "keep"),
        ("ContextUID", "keep"),
        ("MappingResourceUID", "keep"),
        ("SOPClassUID", "keep"),
        ("SOPInstanceUID", "uid"),
        ("ReferencedSOPInstanceUID", "uid"),
        ("RepositoryUniqueID", "uid"),
        ("SegmentationTemplateUID", "uid"),  # silent, and judged by the rule for UI
        ("FluenceModeID", "keep"),
        ("PlanIntent", "keep"),
        ("ContourData", "keep"),
        ("PixelData", "keep"),
        ("DoseComment", "drop"),
        ("RTPlanDescription", "drop"),
        ("ApprovalStatus", "approval"),
        ("ReviewerName", "drop"),
        ("PatientIdentityRemoved", "method"),
        ("DigitalSignaturesSequence", "drop"),
        ("MACParametersSequence", "drop"),
        ("OriginalAttributesSequence", "drop"),
        ("IconImageSequence", "drop"),
        ("EncapsulatedDocument", "drop"),
        ("ReferencedImageSequence", "keep"),
    ],
)
def test_what_becomes_of_well_known_attributes_under_every_option(keyword: str, expected: str) -> None:
    """These do not depend on options."""
    assert {action(keyword, choice) for choice in CHOICES} == {expected}


@pytest.mark.parametrize(
    ("tag", "row"),
    [
        (0x00091001, "(gggg,eeee) where gggg is odd"),
        (0x00090010, "(gggg,eeee) where gggg is odd"),
        (0x60013000, "(gggg,eeee) where gggg is odd"),
        (0x00080000, "(gggg,0000)"),
        (0x50040010, "(50xx,xxxx)"),
        (0x60023000, "(60xx,3000)"),
        (0x60004000, "(60xx,4000)"),
        (0x601E0010, "(60xx,xxxx)"),
        (0x00020010, "(0002,xxxx)"),
        (0x00081999, "any, unknown"),
        (0x20200010, "any, silent"),
    ],
)
def test_every_tag_has_a_row(tag: int, row: str) -> None:
    """Private, repeating, unknown: for every tag a row determines the action."""
    decision = policy_for(DEFAULT).decision(tag)
    assert decision.row.tag == row
    assert decision.action is (Action.KEEP if row == "any, silent" else Action.DROP)


def test_what_is_not_compiled_is_dropped() -> None:
    """So a writer needs one lookup: absent means removed."""
    policy = policy_for(DEFAULT)
    unlisted = [tag for tag in range(0x00000000, 0xFFFF0000, 0x00010F0F) if tag not in policy.compiled]
    assert {policy.decision(tag).action for tag in unlisted} == {Action.DROP}


def test_the_innermost_sequence_decides() -> None:
    """A machine's part below a beam is treated as the part, not as the machine."""
    assert action("Manufacturer", DEFAULT, "BeamSequence", "EnhancedRTBeamLimitingDeviceSequence") == "empty"
    assert action("Manufacturer", DEFAULT, "EnhancedRTBeamLimitingDeviceSequence", "BeamSequence").startswith("machine")


def test_identifiers_to_look_for_are_those_that_go() -> None:
    """Values kept by an option are not searched: they are in the output on purpose."""
    replaced = {dictionary.keyword(tag): kind for tag, kind in policy_for(DEFAULT).identifying.items()}
    kept = {dictionary.keyword(tag) for tag in policy_for(Choice("keep", keep_machine=True)).identifying}
    expected = {
        "PatientName": "person",
        "OperatorsName": "person",
        "PatientID": "patient-id",
        "AccessionNumber": "accession",
        "StudyID": "other-id",
        "InstitutionName": "place",
        "PatientAddress": "contact",
        "StationName": "device",
        "DeviceSerialNumber": "device",
        "TreatmentMachineName": "device",
        "StudyDate": "date",
        "PatientBirthDate": "date",
    }
    assert expected.items() <= replaced.items()
    assert {"StationName", "DeviceSerialNumber", "TreatmentMachineName", "StudyDate"}.isdisjoint(kept)
    assert {"PatientName", "PatientID", "PatientBirthDate", "InstitutionName"} <= kept


def test_every_kind_of_identifier_is_one_the_cleaner_knows() -> None:
    """The list is closed, so that a typing error in the table cannot hide an identifier."""
    kinds = {"person", "patient-id", "other-id", "place", "device", "accession", "date", "contact", ""}
    assert {row.identifies for row in read_table()} == kinds


@pytest.mark.parametrize(
    ("options", "touched", "codes"),
    [
        (Choice(), False, "113100 113105 113107 113108"),
        (Choice("remove"), False, "113100 113105 113108"),
        (Choice("keep"), False, "113100 113105 113106 113108"),
        (Choice("shift", "age_sex"), False, "113105 113107"),
        (Choice("shift", "dose_model"), False, "113100 113105 113107 113108"),
        (Choice("shift", times="remove"), False, "113100 113105 113107 113108"),
        (Choice("keep", times="remove"), False, "113100 113105 113108"),
        (Choice("remove", "age_sex"), False, "113105"),
        (Choice("keep", "age_sex", keep_machine=True), False, "113105 113106 113109"),
        (Choice(keep_machine=True), False, "113100 113105 113107 113108 113109"),
        (Choice(keep_machine=True), True, "113100 113105 113107 113108"),
        (Choice("keep", keep_machine=True), False, "113100 113105 113106 113108 113109"),
    ],
)
def test_nothing_is_claimed_that_was_not_done(options: Choice, touched: bool, codes: str) -> None:
    """CID 7050: a code claims its whole column, or is absent."""
    assert " ".join(code.value for code in method_codes(options, device_dates_touched=touched)) == codes


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_what_a_claimed_option_keeps_is_kept(options: Choice) -> None:
    """Conversely: for each claim, its K rows are kept, age and sex as the set's own statement."""
    claimed = {code.value for code in method_codes(options, device_dates_touched=False)}
    columns = {
        "113106": "retain_long_full_dates",
        "113108": "retain_patient_characteristics",
        "113109": "retain_device_identity",
    }
    policy = policy_for(options)
    lost = {
        row.keyword
        for code, column in columns.items()
        if code in claimed
        for row in standards_rows()
        if getattr(row, column) == "K"
        and "x" not in row.tag
        and (tag := dictionary.tag(row.keyword)) not in policy.contested
        and policy.decision(tag).action not in (Action.KEEP, Action.IDENTITY)
    }
    if options.patient_characteristics == "dose_model":  # the method in words names them
        lost -= set(" ".join(less_retained(options)).split())
    # Each of these is bound to something that goes as a whole, and says so in its row.
    # Bound to something that goes as a whole, an approval, a signature, a copy, and each row says so.
    assert {word for word in lost if not word.startswith(("Selector", "Review"))} <= {
        "ApprovalStatusDateTime",
        "CertifiedTimestamp",
        "DigitalSignatureDateTime",
        "FrameOriginTimestamp",
    }


def test_contested_dates_are_governed_by_two_options() -> None:
    """Calibration dates of a kept machine; if dates are kept, none is contested."""
    contested = {dictionary.keyword(tag) for tag in policy_for(Choice(keep_machine=True)).contested}
    assert {"DateOfLastCalibration", "DateOfManufacture", "CalibrationDateTime"} <= contested
    assert "StudyDate" not in contested
    assert policy_for(Choice("keep", keep_machine=True)).contested == frozenset()


def test_the_method_in_words_fits_its_vr() -> None:
    """LO: 64 characters a value, no backslash. PS3.5 6.2."""
    for options in CHOICES:
        text = method_text(options, ["relinked"])
        assert all(0 < len(value) <= 64 and "\\" not in value for value in text)
        assert text[-1] == "relinked"
        assert EDITION in text[1]
        assert any("113108 without" in value for value in text) == (options.patient_characteristics == "dose_model")
        assert any("age and sex only" in value for value in text) == (options.patient_characteristics == "age_sex")


def test_temporal_information_says_what_became_of_dates() -> None:
    """(0028,0303), PS3.3 C.12.1."""
    assert [temporal_information(Choice(dates)) for dates in ("shift", "keep", "remove")] == [
        "MODIFIED",
        "UNMODIFIED",
        "REMOVED",
    ]


def test_additions_are_in_tag_order_and_have_a_value() -> None:
    """A writer merges them into the element stream, in which tags ascend."""
    assert list(ADDITIONS) == sorted(ADDITIONS)
    decisions = {policy_for(DEFAULT).decision(tag).action for tag in ADDITIONS}
    assert decisions == {Action.IDENTITY, Action.DUMMY, Action.EMPTY, Action.METHOD}


def test_the_page_and_the_summary_are_made_of_the_table() -> None:
    """The page shows every row, and the code's action."""
    policy = policy_for(DEFAULT)
    page = as_markdown(policy)
    assert len([line for line in page.splitlines() if line.startswith("| ")]) == len(read_table()) + 2
    assert "| (0020,0010) | StudyID |  | Z |  | 2 | dummy `1` | Eclipse refuses an empty one;" in page
    assert len({line.count("|") for line in page.splitlines() if line.startswith("| ")}) == 1
    assert [row["action"] for row in as_rows(policy) if row["keyword"] == "BeamName"] == ["clean"]
    assert "PatientName, PatientID, PatientBirthDate, PatientSex, PatientAge" in as_summary(policy)


def test_a_policy_is_laid_out_whole_and_once() -> None:
    """Workers need it for each set."""
    assert len(Policy(DEFAULT).compiled) == len(dictionary.DICTIONARY)
    assert policy_for(Choice()) is policy_for(DEFAULT)
