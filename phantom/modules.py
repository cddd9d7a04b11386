"""Modules common to all objects of a synthetic set: patient, study, series, equipment, approval, file meta."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterable

    from phantom.identifiers import Identifiers

#: UID roots of the scanner and the planning system.
SCANNER_ROOT = "1.2.840.113619.2.55.3"
PLANNING_ROOT = "1.2.246.352.221"
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
DOSE_CLASS = "1.2.840.10008.5.1.4.1.1.481.2"
STRUCTURES_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
PLAN_CLASS = "1.2.840.10008.5.1.4.1.1.481.5"
RT_IMAGE_CLASS = "1.2.840.10008.5.1.4.1.1.481.1"
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
PROCEDURE_STEP_CLASS = "1.2.840.10008.3.1.2.3.3"


def item(**values: Any) -> Dataset:
    """Return a data set with these attributes by keyword."""
    return fill(Dataset(), **values)


def fill(data: Dataset, **values: Any) -> Dataset:
    """Set attributes by keyword."""
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def reference(sop_class: str, instance: str) -> Dataset:
    """Return a reference to an object."""
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence.  PS3.3 Table 8.8-1."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def set_decimals(data: Dataset, keyword: str, numbers: Iterable[float], style: str = "%.2f") -> None:
    """Set a DS as raw bytes: pydicom would create an object for each of 1.5 million coordinates."""
    text = "\\".join([style % number for number in numbers]).encode()
    text += b" " * (len(text) % 2)
    tag = Tag(keyword)
    data[tag] = RawDataElement(tag, "DS", len(text), text, 0, False, True)
    data.set_original_encoding(False, True, "iso8859")  # otherwise the writer would decode it


def undeclared(*items: Dataset) -> bytes:
    """Return items encoded as a sequence of unknown VR: UN, with implicit VR inside.  PS3.5 6.2.2."""
    written = BytesIO()
    for one in items:
        buffer = DicomBytesIO()
        buffer.is_implicit_VR = buffer.is_little_endian = True
        write_dataset(buffer, one)
        content = buffer.getvalue()
        written.write(b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content)
    return written.getvalue()


def started(sop_class: str, instance: str, ids: Identifiers, creator: str) -> Dataset:
    """Return a new object with file meta information: application titles and a private block, as from a network."""
    data = Dataset()
    data.file_meta = meta = FileMetaDataset()
    fill(
        meta,
        FileMetaInformationVersion=b"\0\1",
        MediaStorageSOPClassUID=sop_class,
        MediaStorageSOPInstanceUID=instance,
        TransferSyntaxUID=ExplicitVRLittleEndian,
        ImplementationClassUID=PYDICOM_IMPLEMENTATION_UID,
        ImplementationVersionName="PHANTOM_1",
        SourceApplicationEntityTitle=ids.title("application title"),
        SendingApplicationEntityTitle=ids.title("sending application title"),
        PrivateInformationCreatorUID=ids.uid(SCANNER_ROOT, "private meta"),
        PrivateInformation=f"export by {ids.word('exporting user')} ".encode(),
    )
    return fill(
        data,
        SOPClassUID=sop_class,
        SOPInstanceUID=instance,
        InstanceCreatorUID=ids.uid(PLANNING_ROOT, creator),
        TimezoneOffsetFromUTC="+0100",
    )


def add_patient(data: Dataset, ids: Identifiers) -> None:
    """Add the patient module as filled in by clinics.  PS3.3 C.7.1.1, C.7.2.2."""
    fill(
        data,
        PatientName=f"{ids.family_name}^{ids.given_name}^{ids.word('middle name')}",
        PatientID=ids.code("patient ID", "HN"),
        IssuerOfPatientID=ids.word("issuer of patient ID"),
        PatientBirthDate=ids.day("birth"),
        PatientBirthTime="041500",
        PatientSex="F" if ids.number("sex", 2) % 2 else "M",
        OtherPatientIDsSequence=[
            item(
                PatientID=ids.code("other patient ID", "RTX"),
                IssuerOfPatientID=ids.word("other issuer"),
                TypeOfPatientID="TEXT",
            )
        ],
        OtherPatientNames=f"{ids.word('other name')}^{ids.given_name}",
        PatientBirthName=f"{ids.word('birth name')}^{ids.given_name}",
        PatientMotherBirthName=ids.word("mother's birth name") + "^",
        PatientAddress=f"{ids.word('street')}gasse 17, 80336 {ids.word('town')}",
        PatientTelephoneNumbers=ids.code("telephone", "+49 89 ", 9),
        RegionOfResidence=ids.word("region"),
        MilitaryRank=ids.word("military rank"),
        MedicalRecordLocator=ids.code("medical record", "MR"),
        Occupation=ids.word("occupation"),
        PatientReligiousPreference=ids.word("religion"),
        EthnicGroup=ids.word("ethnic group"),
        PatientSize="1.74",
        PatientWeight="71",
        SmokingStatus="UNKNOWN",
        Allergies=f"see letter of {ids.word('family doctor')}",
        AdditionalPatientHistory=f"Dr. {ids.word('earlier physician')}, seen {ids.spelt_day('admission', '%d.%m.%Y')}",
        PatientComments=f"wife {ids.word('relative')}, mobile {ids.code('mobile', '0171-', 8)}",
    )


def add_study(data: Dataset, ids: Identifiers) -> None:
    """Add the study module and its order.  PS3.3 C.7.2.1, C.4.11."""
    fill(
        data,
        StudyInstanceUID=ids.uid(SCANNER_ROOT, "study"),
        StudyDate=ids.day("study"),
        StudyTime="101233",
        StudyID=ids.code("study ID", "ST"),
        AccessionNumber=ids.code("accession number", "ACC"),
        StudyDescription=f"Planning CT {ids.spelt_day('study', '%Y-%m-%d')} {ids.word('study description')}",
        ReferringPhysicianName=ids.person("referring physician"),
        ReferringPhysicianTelephoneNumbers=ids.code("physician's telephone", "+49 89 ", 9),
        ReferringPhysicianAddress=f"{ids.word('physician street')}allee 3",
        PhysiciansOfRecord=ids.person("physician of record"),
        NameOfPhysiciansReadingStudy=ids.person("reading physician"),
        RequestingPhysician=ids.person("requesting physician"),
        RequestingService=ids.word("requesting service"),
        AdmissionID=ids.code("admission ID", "ADM"),
        AdmittingDate=ids.day("admission"),
        AdmittingDiagnosesDescription=f"C10.9, {ids.word('diagnosis text')}",
        CurrentPatientLocation=f"Station {ids.word('ward')}",
        ReferencedStudySequence=[reference(STUDY_CLASS, ids.uid(SCANNER_ROOT, "earlier study"))],
        ReferencedPerformedProcedureStepSequence=[reference(PROCEDURE_STEP_CLASS, ids.uid(SCANNER_ROOT, "step"))],
    )


def add_equipment(data: Dataset, ids: Identifiers, **values: Any) -> None:
    """Add the equipment module: `values` identify the device, the rest its institution.  PS3.3 C.7.5.1."""
    fill(
        data,
        InstitutionName=f"Klinikum {ids.word('institution')}",
        InstitutionAddress=f"{ids.word('institution street')}platz 2, 80336 {ids.word('institution town')}",
        InstitutionalDepartmentName=f"Radioonkologie {ids.word('department')}",
        OperatorsName=ids.person("operator"),
        DateOfLastCalibration=ids.day("calibration"),
        TimeOfLastCalibration="070000",
        **values,
    )


def add_planning_series(data: Dataset, ids: Identifiers, kind: str, day: str) -> None:
    """Add the planning system's series and workstation."""
    fill(
        data,
        SpecificCharacterSet="ISO_IR 192",
        InstanceCreationDate=ids.day(day),
        InstanceCreationTime="142210",
        SeriesInstanceUID=ids.uid(PLANNING_ROOT, f"{kind} series"),
        SeriesNumber=1,
        SeriesDescription=f"{kind} {ids.word('series description')}",
    )
    add_equipment(
        data,
        ids,
        Manufacturer="Varian Medical Systems",
        ManufacturerModelName="ARIA RadOnc",
        StationName=ids.code("planning station", "ECLIPSE"),
        DeviceSerialNumber=ids.code("planning serial number", "ARIA"),
        SoftwareVersions="16.1.2",
    )


def add_approval(data: Dataset, ids: Identifiers, kind: str) -> None:
    """Add the approval module.  PS3.3 C.8.8.16."""
    fill(
        data,
        ApprovalStatus="APPROVED",
        ReviewDate=ids.day(f"{kind} approval"),
        ReviewTime="161500",
        ReviewerName=ids.person(f"{kind} reviewer"),
    )


def moment(day: str, ids: Identifiers) -> str:
    """Return a DT on a day."""
    return f"{ids.day(day)}101245.120000+0100"
