"""Kept technical texts that contain a name, ID or station by chance are replaced, never parking a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset

from services.deidentify.identifiers import Identifiers
from services.errors import NotClean, SetRefused
from services.proof import search
from services.vocabulary import spelling
from tests import sets
from tests.anonymized import anonymized
from tests.unit.test_invalid_kept_values import published, put, value_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet


def blocks(*trays: str, material: str = "Cerrobend") -> Edit:
    """Add a block to the first beam on each tray."""

    def edit(made: MadeSet) -> None:
        made.plan.BeamSequence[0].BlockSequence = [block(n, tray, material) for n, tray in enumerate(trays, start=1)]
        made.plan.BeamSequence[0].NumberOfBlocks = len(trays)
        made.plan.BeamSequence[0].TotalBlockTrayFactor = "1"

    return edit


def block(number: int, tray: str, material: str) -> Dataset:
    """Return one block."""
    made = Dataset()
    made.BlockNumber, made.BlockName, made.BlockTrayID, made.MaterialID = number, f"Bl{number}", tray, material
    made.SourceToBlockTrayDistance, made.BlockType, made.BlockDivergence = "650", "SHIELDING", "PRESENT"
    made.BlockThickness, made.BlockTransmission, made.BlockNumberOfPoints = "80", "0.05", 4
    made.BlockData = ["-20", "-20", "20", "-20", "20", "20", "-20", "20"]
    made.AccessoryCode = tray
    return made


@pytest.mark.parametrize(
    ("edits", "trays", "material"),
    [
        ([blocks("tray 2")], ["tray 2"], "Cerrobend"),
        ([sets.patient("Wood^Anna", "77"), blocks("tray 2", material="WOOD")], ["tray 2"], "Item01"),
        ([sets.setting(ReferringPhysicianName="Lead^John"), blocks("tray 2", material="Lead")], ["tray 2"], "Item01"),
        (
            [sets.setting(StationName="LINAC7"), blocks("LINAC7 tray 2", "LINAC7 tray 3")],
            ["tray 2", "tray 3"],
            "Cerrobend",
        ),
        (
            [sets.patient("Amberstein^Maria", "88123456"), blocks("Amberstein", "88123456")],
            ["Item02", "Item01"],
            "Cerrobend",
        ),
        ([sets.patient("Meier^Eva", "2018"), blocks("2018", "tray 2018")], ["2018", "tray 2018"], "Cerrobend"),
    ],
)
def test_identifiers_in_texts_configured_by_a_clinic_are_removed(
    tmp_path: Path, edits: list[Edit], trays: list[str], material: str
) -> None:
    """Equal texts stay equal, the accessory's code like its tray; short numbers are no IDs."""
    done = anonymized(tmp_path, *edits)
    left = done.plan.BeamSequence[0].BlockSequence

    assert [each.BlockTrayID for each in left] == trays
    assert [each.AccessoryCode for each in left] == trays
    assert {each.MaterialID for each in left} == {material}


def written_by_the_maker(**values: str) -> Edit:
    """Write such texts into the CT."""

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            for keyword, value in values.items():
                setattr(data, keyword, value)

    return edit


@pytest.mark.parametrize(
    ("name", "patient_id", "values"),
    [
        ("Standard^Anna", "77", {"ConvolutionKernel": "STANDARD"}),
        ("Body^Filter", "77", {"FilterType": "BODY FILTER"}),
        ("Aria^Eva", "156", {"SoftwareVersions": "aria 15.6 build 156"}),
        ("Meier^Eva", "2018", {"SoftwareVersions": "VB20 2018 20180101"}),
    ],
)
def test_texts_of_manufacturers_are_kept(tmp_path: Path, name: str, patient_id: str, values: dict[str, str]) -> None:
    """Whatever the patient's name: manufacturers know no patient."""
    done = anonymized(tmp_path, sets.patient(name, patient_id), written_by_the_maker(**values))

    assert {keyword: str(done.ct[keyword].value) for keyword in values} == values


@pytest.mark.parametrize(
    ("value", "new"),
    [("Br40 Amberstein", "Product01"), ("88123456", "Product01"), ("19610503", "Product01"), ("Br40f", "Br40f")],
)
@pytest.mark.parametrize("keyword", ["ConvolutionKernel", "SoftwareVersions", "FilterType"])
def test_identifiers_typed_by_people_are_removed(tmp_path: Path, keyword: str, value: str, new: str) -> None:
    """A name, an ID, a date of birth."""
    edits = sets.patient("Amberstein^Maria", "88123456"), sets.setting(PatientBirthDate="19610503")

    assert anonymized(tmp_path, *edits, written_by_the_maker(**{keyword: value})).ct[keyword].value == new


@pytest.mark.parametrize(
    ("value", "new"), [("88123456", "Item01"), ("Amberstein", "Item01"), ("T-04000", "T-04000"), ("7088", "7088")]
)
def test_a_code_that_somebody_made_of_an_identifier_is_replaced(tmp_path: Path, value: str, new: str) -> None:
    """Listed codes are kept, names or IDs in their place are not."""

    def coded(made: MadeSet) -> None:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "99X", "PTV"
        made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = [code]

    done = anonymized(tmp_path, sets.patient("Amberstein^Maria", "88123456"), coded)
    observation = done.new["RTSTRUCT"].RTROIObservationsSequence[0]

    assert observation.RTROIIdentificationCodeSequence[0].CodeValue == new


@pytest.mark.parametrize(
    ("meaning", "new"),
    [
        ("PTV Amberstein", "PTV"),
        ("Amberstein Maria", "Product01"),
        ("Entire parotid gland structure", "Entire parotid gland structure"),
    ],
)
def test_a_meaning_of_a_public_scheme_that_was_typed_over_is_cleaned(tmp_path: Path, meaning: str, new: str) -> None:
    """The scheme gives the author of the code, not of the words."""

    def coded(made: MadeSet) -> None:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "SCT", meaning
        made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = [code]

    done = anonymized(tmp_path, sets.patient("Amberstein^Maria", "88123456"), coded)
    observation = done.new["RTSTRUCT"].RTROIObservationsSequence[0]

    assert observation.RTROIIdentificationCodeSequence[0].CodeMeaning == new


AMBERSTEIN = (sets.patient("Amberstein^Maria^Luise", "0088123456"), sets.setting(PatientBirthDate="19610503"))


@pytest.mark.parametrize("value", ["Amberstein", "88123456", "1961-05-03"])
@pytest.mark.parametrize(("keyword", "new"), [("Manufacturer", "Product01"), ("ManufacturerModelName", "Product01")])
def test_makers_and_models_that_are_none_are_replaced(tmp_path: Path, value: str, keyword: str, new: str) -> None:
    """All slices have the same stand-in."""
    assert anonymized(tmp_path, *AMBERSTEIN, written_by_the_maker(**{keyword: value})).ct[keyword].value == new


@pytest.mark.parametrize(
    ("patient", "maker", "model", "station"),
    [
        ("Siemens^Anna", "SIEMENS", "SOMATOM Confidence", "CT1"),
        ("Meier^Eva", "Elscint", "Exel RT16", "RT16"),
        ("Meier^Eva", "Elscint", "Exel RT16", "ELSCINT"),
    ],
)
def test_makers_and_models_stay_whatever_patient_and_station_are_called(
    tmp_path: Path, patient: str, maker: str, model: str, station: str
) -> None:
    """Lexicon words in them name no patient, and stations may be named after models."""
    edits = sets.patient(patient, "77"), sets.setting(StationName=station)
    done = anonymized(tmp_path, *edits, written_by_the_maker(Manufacturer=maker, ManufacturerModelName=model))

    assert (done.ct.Manufacturer, done.ct.ManufacturerModelName) == (maker, model)


@pytest.mark.parametrize("model", ["Brilliance SN69366284", "X_69366284", "SN69366284"])
def test_a_serial_number_in_a_model_goes(tmp_path: Path, model: str) -> None:
    """It identifies one device, whatever the model's name."""
    edits = sets.patient("Meier^Eva", "77"), sets.setting(DeviceSerialNumber="SN69366284")
    done = anonymized(tmp_path, *edits, written_by_the_maker(ManufacturerModelName=model))

    assert "69366284" not in done.ct.ManufacturerModelName


def of_a_scheme(**values: str) -> Edit:
    """Add a private coding scheme with these values."""

    def edit(made: MadeSet) -> None:
        scheme = Dataset()
        scheme.CodingSchemeDesignator = "99X"
        for keyword, value in values.items():
            setattr(scheme, keyword, value)
        made.structure_set.CodingSchemeIdentificationSequence = [scheme]

    return edit


@pytest.mark.parametrize(
    ("keyword", "value", "new"),
    [
        ("CodingSchemeURL", "http://x/Amberstein", "Product01"),
        ("CodingSchemeURL", "http://dicom.nema.org/x", "http://dicom.nema.org/x"),
        ("CodingSchemeRegistry", "Amberstein", "Product01"),
        ("CodingSchemeVersion", "0088123456", "Product01"),
        ("CodingSchemeExternalID", "88123456", "Item01"),
    ],
)
def test_what_names_a_scheme_of_codes_is_cleaned(tmp_path: Path, keyword: str, value: str, new: str) -> None:
    """Without parking the set."""
    done = anonymized(tmp_path, *AMBERSTEIN, of_a_scheme(**{keyword: value}))

    assert done.structure_set.CodingSchemeIdentificationSequence[0][keyword].value == new


@pytest.mark.parametrize("value", ["Amberstein", "AMBERSTEIN_2", "88123456", "1961-05-03", "MariaAmberstein"])
@pytest.mark.parametrize("keyword", ["ApplicatorID", "WedgeID", "SnoutID", "RangeShifterID"])
def test_what_chooses_the_hardware_is_refused_with_its_path(tmp_path: Path, keyword: str, value: str) -> None:
    """The intended value is unknown, and a stand-in would be another applicator."""

    def edit(made: MadeSet) -> None:
        setattr(made.plan.BeamSequence[0], keyword, value)

    with pytest.raises(SetRefused) as refused:
        anonymized(tmp_path, *AMBERSTEIN, edit)

    assert {(fault.code, fault.found.split(" of ")[0]) for fault in refused.value.faults} == {
        ("identifier-in-term", f"BeamSequence>{keyword}")
    }


@pytest.mark.parametrize(
    ("name", "new"), [("Rotbachtal TB1", ""), ("AmbersteinTB", ""), ("TB1", "TB1"), ("LINAC7", "LINAC7")]
)
def test_a_machine_that_is_named_after_hospital_or_person_stays_without_a_name(
    tmp_path: Path, name: str, new: str
) -> None:
    """If plans keep their machines: hardly anybody can rename one, and no importer needs the name (Type 2)."""

    def edit(made: MadeSet) -> None:
        for beam in made.plan.BeamSequence:
            beam.TreatmentMachineName = name

    edits = *AMBERSTEIN, sets.setting(InstitutionName="Klinikum Rotbachtal", StationName="LINAC7"), edit

    assert {beam.TreatmentMachineName for beam in anonymized(tmp_path, *edits, machines=()).plan.BeamSequence} == {new}


@pytest.mark.parametrize(("value", "new"), [("Amberstein", ""), ("88123456", ""), ("Caucasian", "Caucasian")])
def test_a_characteristic_that_says_who_it_is_is_emptied(tmp_path: Path, value: str, new: str) -> None:
    """If characteristics are retained."""
    done = anonymized(tmp_path, *AMBERSTEIN, written_by_the_maker(EthnicGroup=value), patient_characteristics="retain")

    assert done.ct.EthnicGroup == new


@pytest.mark.parametrize(
    ("value", "new"), [("AML 3456", ""), ("LMA_456", ""), ("AML", "AML"), ("CT 3456", "CT 3456"), ("HEAD", "HEAD")]
)
def test_initials_beside_the_end_of_an_id_go_from_a_coded_string(tmp_path: Path, value: str, new: str) -> None:
    """Neither is significant alone."""
    assert anonymized(tmp_path, *AMBERSTEIN, written_by_the_maker(BodyPartExamined=value)).ct.BodyPartExamined == new


def test_initials_beside_the_end_of_an_id_go_from_a_label(tmp_path: Path) -> None:
    """Two weak sources agree, so the word is removed from every text."""
    done = anonymized(tmp_path, *AMBERSTEIN, make={"rois": ["PTV LMA 3456", "VMAT_LMA", "Ring 345"]})

    assert done.roi_names == ["PTV", "VMAT", "Ring 345"]


@pytest.mark.parametrize(
    ("institution", "maker", "new"),
    [
        ("Fjellstrand universitetssykehus", "Fjellstrand Universitetssykehus", "Product01"),
        ("Klinikum Rotbachtal", "Klinikum Rotbachtal Software", "Product01"),
        ("Klinikum Rotbachtal", "Klinikum Rotbachtal2", "Product01"),
        ("Klinikum Rötbachtal", "2KlinikumRoetbachtal", "Product01"),
        ("Rotbachtal", "In-house, Rotbachtal", "Product01"),
        ("Klinikum Rotbachtal", "Rotbachtal", "Product01"),
        ("St. Anna Klinikum am Rotbachtal", "Anna Klinikum Rotbachtal QA", "Anna Klinikum Rotbachtal QA"),
        ("Philips Klinik", "Philips", "Philips"),
        ("Klinik Hof", "Hof Medical", "Hof Medical"),
        ("Klinikum Rotbachtal", "University Hospital Oberquell", "University Hospital Oberquell"),
        ("Varian Medical Systems", "Varian Medical Systems", "Varian Medical Systems"),
        ("Siemens", "Siemens Healthineers", "Siemens Healthineers"),
        ("Acme", "ACME", "ACME"),
    ],
)
def test_a_hospital_that_names_itself_as_the_maker(tmp_path: Path, institution: str, maker: str, new: str) -> None:
    """Its name, with or without its common words, is removed wherever a manufacturer is stated; manufacturers stay."""
    edits = sets.setting(InstitutionName=institution), written_by_the_maker(Manufacturer=maker)

    assert anonymized(tmp_path, *edits).ct.Manufacturer == new


@pytest.mark.parametrize(
    ("charset", "town"), [("ISO_IR 192", "Köln"), ("ISO_IR 100", "Köln"), ("ISO_IR 144", "Ижевск")]
)
def test_words_of_makers_are_read_in_their_character_set(tmp_path: Path, charset: str, town: str) -> None:
    """By the proof as by the cleaner; otherwise the set would be parked."""
    edits = (
        sets.setting(SpecificCharacterSet=charset, InstitutionAddress=f"Hauptstr. 5, 50667 {town}"),
        written_by_the_maker(Manufacturer=f"{town}2"),
    )

    assert anonymized(tmp_path, *edits, make={"rois": [f"PTV {town}"]}).roi_names == [f"PTV {town}"]


def test_kept_texts_are_searched_for_each_spelling_that_the_proof_looks_for() -> None:
    """Of every letter of Latin, Greek and Cyrillic; what only the proof finds parks a set."""
    letters = [letter for letter in map(chr, range(0xC0, 0x530)) if letter.isalpha()]
    missed = [
        letter for letter in letters if not search.spellings(f"ab{letter}d") <= spelling.spellings(f"ab{letter}d")
    ]
    assert missed == []


@pytest.mark.parametrize("value", ["MICHAL", "WALESA", "WAŁĘSA"])
def test_a_name_with_a_stroke_goes_from_a_coded_string(tmp_path: Path, value: str) -> None:
    """Written with or without it."""

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientName, data.SpecificCharacterSet = "Wałęsa^Michał", "ISO_IR 192"
        put("ct ScanOptions", value.encode(), "CS")(made)

    assert value_of(published(tmp_path, edit), "ct ScanOptions") == ""


def test_a_hospital_that_names_its_machine_as_itself(tmp_path: Path) -> None:
    """A word of the hospital's name in a model does not make it a manufacturer's."""
    edits = (
        sets.setting(InstitutionName="Klinikum Rotbachtal"),
        written_by_the_maker(Manufacturer="Klinikum Rotbachtal", ManufacturerModelName="Rotbachtal CT"),
    )

    done = anonymized(tmp_path, *edits)

    assert (done.ct.Manufacturer, done.ct.ManufacturerModelName) == ("Product01", "CT")


SERIALS = sets.setting(DeviceSerialNumber="4123"), sets.setting("CT", DeviceSerialNumber="73021")
IN_PRODUCTS = [
    ("SoftwareVersions", "VA30 SN4123", "VA30 SN"),
    ("SoftwareVersions", "VA30 S/N 4123", "VA30 S/N"),
    ("SoftwareVersions", "VA30 73021", "VA30"),
    ("ManufacturerModelName", "Edge SN4123", "Edge SN"),
    ("ManufacturerModelName", "Edge serial no. 4123", "Edge no"),
    ("ManufacturerModelName", "Edge 73021", "Edge"),
    ("SoftwareVersions", "4.123", "4.123"),
    ("SoftwareVersions", "V4123", "V4123"),
    ("SoftwareVersions", "SN4124", "SN4124"),
    ("ManufacturerModelName", "Edge 4123", "Edge 4123"),
]


@pytest.mark.parametrize(("keyword", "text", "left"), IN_PRODUCTS)
def test_a_serial_number_goes_from_the_names_of_products(tmp_path: Path, keyword: str, text: str, left: str) -> None:
    """If it is called so, or has five digits; a shorter number by itself is a version."""
    done = anonymized(tmp_path, *SERIALS, written_by_the_maker(**{keyword: text}))

    assert done.ct[keyword].value == left


@pytest.mark.parametrize(("keyword", "text"), [(keyword, text) for keyword, text, left in IN_PRODUCTS if left != text])
def test_the_proof_finds_a_serial_number_in_the_name_of_a_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyword: str, text: str
) -> None:
    """If the cleaner does not."""
    monkeypatch.setattr(Identifiers, "in_technical", lambda *_, **__: [])

    with pytest.raises(NotClean):
        anonymized(tmp_path, *SERIALS, written_by_the_maker(**{keyword: text}))
