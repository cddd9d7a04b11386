"""Technical texts that stay, and happen to hold a name, an ID or a station: replaced there, never a reason to park."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset

from tests import sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet


def blocks(*trays: str, material: str = "Cerrobend") -> Edit:
    """Give the first beam a block on each tray."""

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
def test_what_a_clinic_has_configured_loses_what_identifies(
    tmp_path: Path, edits: list[Edit], trays: list[str], material: str
) -> None:
    """Equal stays equal and different different, the accessory's code with its tray; short numbers are no IDs."""
    done = anonymized(tmp_path, *edits)
    left = done.plan.BeamSequence[0].BlockSequence

    assert [each.BlockTrayID for each in left] == trays
    assert [each.AccessoryCode for each in left] == trays
    assert {each.MaterialID for each in left} == {material}


def written_by_the_maker(**values: str) -> Edit:
    """Let the CT say so."""

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
def test_what_a_maker_has_written_stays(tmp_path: Path, name: str, patient_id: str, values: dict[str, str]) -> None:
    """Whatever the patient is called: makers know none."""
    done = anonymized(tmp_path, sets.patient(name, patient_id), written_by_the_maker(**values))

    assert {keyword: str(done.ct[keyword].value) for keyword in values} == values


@pytest.mark.parametrize(
    ("value", "new"),
    [("Br40 Amberstein", "Product01"), ("88123456", "Product01"), ("19610503", "Product01"), ("Br40f", "Br40f")],
)
@pytest.mark.parametrize("keyword", ["ConvolutionKernel", "SoftwareVersions", "FilterType"])
def test_what_a_person_has_typed_there_goes(tmp_path: Path, keyword: str, value: str, new: str) -> None:
    """A name, an ID, a date of birth."""
    edits = sets.patient("Amberstein^Maria", "88123456"), sets.setting(PatientBirthDate="19610503")

    assert anonymized(tmp_path, *edits, written_by_the_maker(**{keyword: value})).ct[keyword].value == new


@pytest.mark.parametrize(
    ("value", "new"), [("88123456", "Item01"), ("Amberstein", "Item01"), ("T-04000", "T-04000"), ("7088", "7088")]
)
def test_a_code_that_somebody_made_of_an_identifier_is_replaced(tmp_path: Path, value: str, new: str) -> None:
    """A code of a list stays, a name or an ID in its place does not."""

    def coded(made: MadeSet) -> None:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "99X", "PTV"
        made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = [code]

    done = anonymized(tmp_path, sets.patient("Amberstein^Maria", "88123456"), coded)
    observation = done.new["RTSTRUCT"].RTROIObservationsSequence[0]

    assert observation.RTROIIdentificationCodeSequence[0].CodeValue == new
