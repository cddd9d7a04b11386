"""Other contents of real objects: retired attributes, documents, signatures, junk, dangling references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phantom.modules import item, reference
from services.errors import SetRefused
from tests import judge, sets
from tests.anonymized import anonymize_folder, anonymized

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import MadeSet

WORD = "Quexilbrotan"
"""A text that only these tests write."""


def _retired(data: Dataset) -> None:
    for tag, vr in (
        (0x00080010, "SH"),  # Recognition Code
        (0x00084000, "LT"),  # Identifying Comments
        (0x00081000, "LO"),  # Network ID
        (0x00200070, "LO"),  # Other Study Numbers
        (0x00203401, "CS"),  # Modifying Device ID
        (0x00321020, "LO"),  # Scheduled Study Location
        (0x00324000, "LT"),  # Study Comments
        (0x00380500, "LO"),  # Patient State
        (0x40000010, "LT"),  # Arbitrary
        (0x40004000, "LT"),  # Text Comments
        (0x4008010B, "ST"),  # Interpretation Text
        (0x50000022, "LO"),  # a curve
        (0x60020022, "LO"),  # an overlay without pixels
        (0x0008A999, "LO"),  # unknown to every edition
    ):
        data.add_new(tag, vr, WORD.upper() if vr == "CS" else WORD)
    data.add_new(0x50003000, "OW", WORD.encode())
    data.add_new(0x00080000, "UL", 4)
    data.add_new(0x00090000, "UL", 4)


def _documents_and_signatures(data: Dataset) -> None:
    data.EncapsulatedDocument = WORD.encode()
    data.MIMETypeOfEncapsulatedDocument = "text/xml"
    data.DocumentTitle = WORD
    data.DigitalSignaturesSequence = [
        item(
            MACIDNumber=1,
            DigitalSignatureUID="1.2.3",
            DigitalSignatureDateTime="20200101",
            CertificateType="X509_1993_SIG",
            CertificateOfSigner=WORD.encode(),
            Signature=WORD.encode(),
        )
    ]
    data.MACParametersSequence = [
        item(
            MACIDNumber=1,
            MACCalculationTransferSyntaxUID="1.2.840.10008.1.2",
            MACAlgorithm="SHA1",
            DataElementsSigned=[0x00100010],
        )
    ]
    data.EncryptedAttributesSequence = [
        item(EncryptedContentTransferSyntaxUID="1.2.840.10008.1.2", EncryptedContent=WORD.encode())
    ]
    data.OriginalAttributesSequence = [
        item(ModifyingSystem=WORD, ModifiedAttributesSequence=[item(PatientName=WORD, PatientID=WORD)])
    ]
    icon = item(PhotometricInterpretation="MONOCHROME2")
    icon.add_new(0x7FE00010, "OB", WORD.encode())
    data.IconImageSequence = [icon]
    data.DataSetTrailingPadding = WORD.encode()


def _who_and_where(data: Dataset) -> None:
    data.PatientBirthDateInAlternativeCalendar = WORD
    data.PatientAlternativeCalendar = "OTHER"
    data.IssuerOfPatientID = WORD
    data.RetrieveURL = f"https://{WORD}/"
    data.ContentCreatorName = WORD
    data.InstitutionCodeSequence = [item(CodeValue=WORD, CodingSchemeDesignator="99LOCAL", CodeMeaning=WORD)]


@pytest.mark.parametrize("plant", [_retired, _documents_and_signatures, _who_and_where])
def test_what_no_planning_system_needs_is_gone(tmp_path: Path, plant: Callable[[Dataset], None]) -> None:
    """Retired attributes, curves, overlays, signatures, documents, icons, former values: none is kept."""

    def everywhere(made: MadeSet) -> None:
        for data in made.objects:
            plant(data)

    done = anonymized(tmp_path, everywhere)
    assert WORD.lower().encode() not in done.written.lower()
    for place, data in done.new.items():
        groups = {element.tag.group for _, element in judge.elements(data)}
        assert not {group for group in groups if group >> 8 in {0x50, 0x60} or group in {0x0400, 0xFFFA, 0x4000}}, place


def test_a_coded_string_that_holds_the_patient_s_name_is_not_published(tmp_path: Path) -> None:
    """Defined terms stay; an identifying non-term is removed and reported."""

    def misuse(made: MadeSet) -> None:
        name = str(made.plan.PatientName).partition("^")[0].upper()
        made.ct[0].ScanOptions = name

    done = anonymized(tmp_path, misuse)
    name = str(done.old["RTPLAN"].PatientName).partition("^")[0].upper()
    assert name.encode() not in done.written
    assert not done.ct.get("ScanOptions")


def test_earlier_marks_of_de_identification_are_replaced(tmp_path: Path) -> None:
    """They describe what another tool did to its input."""

    def mark(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientIdentityRemoved = "NO"
            data.DeidentificationMethod = [WORD, "ENCRYPTED"]
            data.DeidentificationMethodCodeSequence = [
                item(
                    CodeValue="113112", CodingSchemeDesignator="DCM", CodeMeaning="Retain Institution Identity Option"
                ),
                item(CodeValue=WORD, CodingSchemeDesignator="99X", CodeMeaning=WORD),
            ]
            data.LongitudinalTemporalInformationModified = "UNMODIFIED"

    done = anonymized(tmp_path, mark)
    assert WORD.encode() not in done.written
    for data in done.new.values():
        assert data.PatientIdentityRemoved == "YES"
        assert data.LongitudinalTemporalInformationModified == "MODIFIED"
        assert [code.CodeValue for code in data.DeidentificationMethodCodeSequence] == done.methods
    assert done.methods == ["113100", "113105", "113107", "113108"]


def test_an_approval_is_removed_with_reviewer_and_time(tmp_path: Path) -> None:
    """A changed object is unapproved: name, day and time of the review are removed with the status."""

    def approve(made: MadeSet) -> None:
        for data in (made.plan, made.structure_set):
            data.ApprovalStatus = "APPROVED"
            data.ReviewDate, data.ReviewTime, data.ReviewerName = "20200102", "1200", f"{WORD}^Otto"

    done = anonymized(tmp_path, approve)
    for data in (done.plan, done.structure_set):
        assert data.ApprovalStatus == "UNAPPROVED"
        assert not any(keyword in data for keyword in ("ReviewDate", "ReviewTime", "ReviewerName"))


def test_private_elements_go_at_every_depth(tmp_path: Path) -> None:
    """Including those without a creator; the judge looks for any odd group."""
    done = anonymized(tmp_path, sets.private_without_creator, sets.un_sequences)
    assert b"orphan" not in done.written


@pytest.mark.parametrize("study_id", ["", None, "ST4711"])
def test_every_object_gets_the_same_study_id(tmp_path: Path, study_id: str | None) -> None:
    """Eclipse refuses an empty one; the accession number is empty in all objects."""
    done = anonymized(tmp_path, sets.setting(StudyID=study_id, AccessionNumber=study_id))
    assert {data.StudyID for data in done.new.values()} == {"1"}
    assert {data.AccessionNumber for data in done.new.values()} == {""}


def test_invalid_dates_are_removed_and_dotted_ones_moved(tmp_path: Path) -> None:
    """A UUID, a month by name and zeros are no dates and are removed; the dotted form is one and moves."""
    done = anonymized(tmp_path, sets.junk_dates)
    assert done.plan.RTPlanDate == ""
    assert done.structure_set.StructureSetDate == ""
    assert done.dose.get("InstanceCreationDate", "") == ""
    assert judge.day(done.ct.AcquisitionDate) == judge.day("2020.03.01") - done.replacements.shift
    assert done.ct.ContentDate == ""


# References


def test_references_to_what_is_not_here_stay_references(tmp_path: Path) -> None:
    """They are mapped like all others, so that common references stay common."""

    def refer(made: MadeSet) -> None:
        image = reference("1.2.840.10008.5.1.4.1.1.481.1", "1.2.404.1")
        for beam in made.plan.BeamSequence:
            beam.ReferencedReferenceImageSequence = [image]
        predecessor = reference("1.2.840.10008.5.1.4.1.1.481.5", "1.2.404.2")
        predecessor.RTPlanRelationship = "PREDECESSOR"
        made.plan.ReferencedRTPlanSequence = [predecessor]

    done = anonymized(tmp_path, refer, sets.second_series_in_image_list)
    images = {beam.ReferencedReferenceImageSequence[0].ReferencedSOPInstanceUID for beam in done.plan.BeamSequence}
    assert len(images) == 1
    assert b"1.2.404" not in done.written


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_values_that_are_no_uids_are_mapped_all_the_same(tmp_path: Path) -> None:
    """A word, leading zeros, an overlong number, blanks: each value has one new UID everywhere."""
    strange = ["UNKNOWN", "1.02.003.4", f"1.2.{'3' * 70}", " 1.2.77", "1.2.840.10008x"]

    def refer(made: MadeSet) -> None:
        made.dose.ReferencedImageSequence = [reference("1.2.840.10008.5.1.4.1.1.2", uid) for uid in strange]
        made.plan.BeamSequence[0].ReferencedReferenceImageSequence = made.dose.ReferencedImageSequence
        for data in made.of("CT"):
            data.IrradiationEventUID = [strange[0], data.SOPInstanceUID, "1.2.840.10008.1.2", strange[1]]

    done = anonymized(tmp_path, refer)
    new = [one.ReferencedSOPInstanceUID for one in done.dose.ReferencedImageSequence]
    assert len(set(new)) == len(strange)
    assert all(uid.startswith("2.25.") and uid.is_valid for uid in new)
    beam = done.plan.BeamSequence[0]
    assert [one.ReferencedSOPInstanceUID for one in beam.ReferencedReferenceImageSequence] == new
    assert list(done.ct.IrradiationEventUID) == [new[0], done.ct.SOPInstanceUID, "1.2.840.10008.1.2", new[1]]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_an_invalid_frame_of_reference_uid_is_mapped_alike_in_all_objects(tmp_path: Path) -> None:
    """All objects agree on it, before and after."""

    def call(made: MadeSet) -> None:
        for data in (*made.objects, *made.structure_set.ReferencedFrameOfReferenceSequence):
            if "FrameOfReferenceUID" in data:
                data.FrameOfReferenceUID = "UNKNOWN"
        for roi in made.structure_set.StructureSetROISequence:
            roi.ReferencedFrameOfReferenceUID = "UNKNOWN"

    done = anonymized(tmp_path, call)
    assert len({data.FrameOfReferenceUID for data in done.new.values() if "FrameOfReferenceUID" in data}) == 1
    assert not any("UNKNOWN" in uid for data in done.new.values() for uids in judge.uids(data).values() for uid in uids)


def test_codes_of_structures_stay_whole(tmp_path: Path) -> None:
    """Eclipse identifies codes by context: UIDs of tables and dates of editions, which are not the patient's."""

    def code(made: MadeSet) -> None:
        for observation in made.structure_set.RTROIObservationsSequence:
            observation.RTROIIdentificationCodeSequence = [
                item(
                    CodeValue="15776009",
                    CodingSchemeDesignator="99VMS_STRUCTCODE",
                    CodingSchemeVersion="1.0",
                    CodeMeaning="Spinal Cord",
                    MappingResource="99VMS",
                    ContextGroupVersion="20161209",
                    ContextIdentifier="VMS011",
                    ContextUID="1.2.246.352.7.2.11",
                    MappingResourceUID="1.2.246.352.7.1.1",
                )
            ]

    done = anonymized(tmp_path, code)
    codes = [one.RTROIIdentificationCodeSequence for one in done.structure_set.RTROIObservationsSequence]
    assert codes == [one.RTROIIdentificationCodeSequence for one in done.old["RTSTRUCT"].RTROIObservationsSequence]


@pytest.mark.parametrize("scheme", ["99LOCAL", "KLINIKUM", "L", ""])
def test_the_meaning_of_a_code_of_no_public_body_is_free_text(tmp_path: Path, scheme: str) -> None:
    """A clinic's own scheme may lack the prefix 99: its meanings are still typed text."""

    def code(made: MadeSet) -> None:
        meaning = f"Protokoll {str(made.plan.PatientName).partition('^')[0]}"
        made.plan.ProcedureCodeSequence = [
            item(CodeValue="HN3", CodingSchemeDesignator=scheme, CodeMeaning=meaning),
            item(CodeValue="108290001", CodingSchemeDesignator="SCT", CodeMeaning="Radiation oncology"),
        ]

    local, public = anonymized(tmp_path, code).plan.ProcedureCodeSequence
    assert (local.CodeValue, local.CodeMeaning) == ("HN3", "Meaning01")
    assert public.CodeMeaning == "Radiation oncology"


def test_structures_that_were_never_drawn_stay(tmp_path: Path) -> None:
    """With and without an empty list of contours."""

    def undraw(made: MadeSet) -> None:
        first, second = made.structure_set.ROIContourSequence
        first.ContourSequence = []
        del second.ContourSequence

    done = anonymized(tmp_path, undraw)
    first, second = done.structure_set.ROIContourSequence
    assert len(first.ContourSequence) == 0
    assert "ContourSequence" not in second
    assert done.roi_names == ["PTV", "SpinalCord"]


def test_a_set_with_no_whole_date_is_published(tmp_path: Path) -> None:
    """Another program left only years: they move, although the number of days cannot be determined."""

    def years(made: MadeSet) -> None:
        for data in made.objects:
            for element in data.iterall():
                if element.VR in {"DA", "DT"}:
                    element.value = ""
        made.ct[0].AcquisitionDateTime = "2019"

    source = sets.make_set(tmp_path, years, ct=1).folder
    assert anonymize_folder(source, tmp_path / "ANON_006").ct.AcquisitionDateTime < "2019"


def test_text_burned_into_the_images_is_refused(tmp_path: Path) -> None:
    """It could not be removed."""
    with pytest.raises(SetRefused) as refused:
        anonymized(tmp_path, sets.burned_in)
    assert [fault.code for fault in refused.value.faults] == ["burned-in-annotation"]


@pytest.mark.parametrize("modality", ["", "RTPLAN"])
@pytest.mark.parametrize("keyword", ["PatientBirthDate", "StudyDate", "RTPlanDate"])
@pytest.mark.parametrize("day", ["00010101", "00101231", "99991231"])
def test_placeholder_dates_at_the_ends_of_the_calendar_are_removed(
    tmp_path: Path, day: str, keyword: str, modality: str
) -> None:
    """Placeholders are removed, and the set is published."""
    made = sets.make_set(
        tmp_path, sets.setting("RTPLAN", RTPlanDate="20200102"), sets.setting(modality, **{keyword: day})
    )
    done = anonymize_folder(made.folder, tmp_path / "ANON_006")
    assert day.encode() not in done.written
