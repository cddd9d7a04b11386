"""Coded strings that are no defined terms contain words, too, which a person reviews if unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phantom.modules import item
from services.deidentify.coded_words import CodedWords
from services.deidentify.unread_words import Rule
from services.dicom.dictionary import tag
from services.forms.word_list import Decisions
from services.rtset.kept_values import unusual
from services.vocabulary.spelling import fold
from tests.anonymized import anonymize_folder
from tests.sets import make_set, setting
from tests.unit.test_invalid_kept_values import identified, published, put, value_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import MadeSet

OF_SCANNERS = [
    r"ORIGINAL\PRIMARY\AXIAL\CT_SOM5 SPI",
    r"ORIGINAL\PRIMARY\AXIAL\CT_SOM7 SPI DUAL",
    r"ORIGINAL\PRIMARY\AXIAL\HELIX",
    r"ORIGINAL\PRIMARY\AXIAL\AVERAGE",
    r"DERIVED\SECONDARY\AXIAL\MIP",
    r"DERIVED\SECONDARY\REFORMATTED\CSA MPR",
    r"ORIGINAL\PRIMARY\AXIAL\VOLUME",
]
OF_OPTIONS = ["HELICAL MODE", "AXIAL MODE", "SCOUT MODE", "TILTED_4", "CINE MODE", "HELIX", "SPIRAL", "AUTO_MA"]
OF_REGIONS = ["HEADNECK", "UNTERKIEFER", "ABDOMEN_PELVIS", "TSPINE", "CHESTABDPELVIS", "WHOLEBODY", "BRUST", "MAMMA_LI"]


LABELS = setting(RTPlanLabel="HN", StructureSetLabel="HN")


def words(found: Anonymized) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the words to be reviewed, and where they occur."""
    return {one.word: dict(one.texts) for one in found.replacements.cleaner.unread}


def listed(keyword: str, value: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the words of one coded string to be reviewed, and its kind of value."""
    coded = unusual([(tag(keyword), b"CS", value.encode())], {})
    return {one.word: dict(one.texts) for one in CodedWords(coded, Rule()).unread}


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("ScanOptions", "HELIX_JSM", {"JSM": {"coded": ("HELIX_JSM",)}}),
        ("BodyPartExamined", "HOHENLOHE", {"HOHENLOHE": {"coded": ("HOHENLOHE",)}}),
        ("ScanOptions", r"HELIX\AMELIE\KARLA", {word: {"coded": (word,)} for word in ("AMELIE", "KARLA")}),
        ("RTPlanGeometry", "YOLANDA", {"YOLANDA": {"coded_fixed": ("YOLANDA",)}}),
        ("BeamType", "DYNAMIC_QX", {"QX": {"coded_fixed": ("DYNAMIC_QX",)}}),
        ("ImageType", r"ORIGINAL\PRIMARY\AXIAL\JSM", {"JSM": {"coded_fixed": ("JSM",)}}),
    ],
)
def test_a_word_that_nobody_knows_is_listed(
    keyword: str, value: str, expected: dict[str, dict[str, tuple[str, ...]]]
) -> None:
    """With its value, and whether that can be removed."""
    assert listed(keyword, value) == expected


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ImageType", OF_SCANNERS),
        ("ScanOptions", OF_OPTIONS),
        ("BodyPartExamined", OF_REGIONS),
        ("ExposureModulationType", ["XYZ_EC", "Z_EC", "AUTO", "SMARTMA"]),
        ("FilterMaterial", ["ALUMINUM", "TITANIUM", "MIXED"]),
        ("GeneralAccessoryType", ["GRATICULE", "COUCH_TOP"]),
        ("MappingResource", ["99VMS", "99VMS_STRUCTCODE", "DCMR"]),
    ],
)
def test_what_a_maker_writes_by_itself_is_known(keyword: str, values: list[str]) -> None:
    """It is not listed."""
    assert {value: found for value in values if (found := listed(keyword, value))} == {}


def test_it_stays_until_a_person_has_decided(tmp_path: Path) -> None:
    """Clean Descriptors is not claimed meanwhile."""
    found = published(tmp_path, LABELS, put("ct ScanOptions", b"HELIX_JSM", "CS"))
    assert (words(found), value_of(found, "ct ScanOptions")) == ({"JSM": {"coded": ("HELIX_JSM",)}}, "HELIX_JSM")
    assert "113105" not in found.methods


def test_a_word_occurs_in_a_text_and_in_a_code(tmp_path: Path) -> None:
    """It is one word with both locations."""
    found = published(tmp_path, LABELS, put("plan RTPlanLabel", b"VMAT_JSM"), put("ct ScanOptions", b"JSM", "CS"))
    assert words(found) == {"JSM": {"plan_label": ("VMAT_JSM",), "coded": ("JSM",)}}


@pytest.mark.parametrize(
    ("where", "left", "gone"),
    [("ct ScanOptions", "", True), ("plan RTPlanGeometry", "HELIX_JSM", False)],
)
def test_a_word_that_a_person_had_removed_goes_where_it_can(
    tmp_path: Path, where: str, left: str, *, gone: bool
) -> None:
    """If dose or import depend on the value, it is kept and stays listed; the proof agrees with both."""
    made = make_set(tmp_path / "source", identified, LABELS, put(where, b"HELIX_JSM", "CS"), ct=2, size=16)
    removed = Decisions(removed=frozenset((fold("JSM"),)))
    found = anonymize_folder(made.folder, tmp_path / "ANON_006", decisions=removed)
    assert value_of(found, where) == left
    assert words(found) == ({} if gone else {"JSM": {"coded_fixed": ("HELIX_JSM",)}})


def test_nothing_of_a_scanner_goes_because_nobody_knows_it(tmp_path: Path) -> None:
    """If unread words are replaced, codes are still kept and listed."""
    made = make_set(tmp_path / "source", identified, LABELS, put("ct ScanOptions", b"HELIX_JSM", "CS"), ct=2, size=16)
    found = anonymize_folder(made.folder, tmp_path / "ANON_006", unread_words="replace")
    assert value_of(found, "ct ScanOptions") == "HELIX_JSM"
    assert words(found) == {"JSM": {"coded": ("HELIX_JSM",)}}


@pytest.mark.parametrize(
    ("keyword", "value", "unknown"),
    [
        ("WedgeID", "W15 Karla", "Karla"),
        ("ApplicatorID", "A10 Amelie", "Amelie"),
        ("FluenceModeID", "Ottakring", "Ottakring"),
        ("SnoutID", "Snout Amelie", "Amelie"),
        ("ScanSpotTuneID", "Spot_Karla", "Karla"),
        ("WedgeID", "EDW15IN", ""),
        ("ApplicatorID", "A10x10", ""),
        ("FluenceModeID", "SRS", ""),
        ("SourceIsotopeName", "Ir-192", ""),
        ("RescaleType", "HU", ""),
        ("ScanSpotTuneID", "4.0", ""),
        ("RangeShifterSetting", "IN", ""),
    ],
)
def test_names_of_equipment_are_reviewed(keyword: str, value: str, unknown: str) -> None:
    """A person typed them when configuring a machine; sizes, energies and isotopes are known."""
    coded = unusual([(tag(keyword), b"SH", value.encode())], {})
    found = {one.word: dict(one.texts) for one in CodedWords(coded, Rule()).unread}
    assert found == ({unknown: {"coded_fixed": (value,)}} if unknown else {})


@pytest.mark.parametrize("removed", [frozenset(), frozenset((fold("Ottakring"),))])
def test_a_name_of_equipment_stays_and_is_listed(tmp_path: Path, removed: frozenset[str]) -> None:
    """The plan cannot be imported without it, even if a person had the word removed; the proof agrees."""

    def configure(made: MadeSet) -> None:
        for beam in made.plan.BeamSequence:
            beam.PrimaryFluenceModeSequence = [item(FluenceMode="STANDARD", FluenceModeID="Ottakring")]

    made = make_set(tmp_path / "source", identified, LABELS, configure, ct=2, size=16)
    found = anonymize_folder(made.folder, tmp_path / "ANON_006", decisions=Decisions(removed=removed))
    assert {beam.PrimaryFluenceModeSequence[0].FluenceModeID for beam in found.plan.BeamSequence} == {"Ottakring"}
    assert words(found) == {"Ottakring": {"coded_fixed": ("Ottakring",)}}
    assert "113105" not in found.methods
