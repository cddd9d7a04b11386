"""Patients named Brain, Long or 2018, four-digit IDs, a study named 1: nothing is blocked or leaks.

A search for such bytes finds them everywhere by chance: in pixels, coordinates, UIDs. What matters is where a person
would read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deidentify.identifiers import Identifiers
from services.proof.search import Search
from tests import judge, sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet


def rois(*names: str) -> Edit:
    """Name the two structures, and label their observations."""

    def edit(made: MadeSet) -> None:
        structures = made.structure_set.StructureSetROISequence
        observations = made.structure_set.RTROIObservationsSequence
        for roi, observation, name in zip(structures, observations, names, strict=True):
            roi.ROIName, observation.ROIObservationLabel = name, name[:16]

    return edit


@pytest.mark.parametrize(
    ("name", "patient_id", "before", "after"),
    [
        ("Brain^Heart", "1", ("Brain", "Heart-PTV"), ("Brain", "Heart-PTV")),
        ("Long^Bone", "77", ("Long", "BoneMarrow"), ("ROI_01", "BoneMarrow")),
        ("Long^Bone", "77", ("PTV Long", "Bone"), ("PTV", "Bone")),
        ("2018^2018", "2018", ("PTV 2018", "CTV_20"), ("PTV", "CTV_20")),
        ("Meier^Eva", "0815", ("PTV_0815", "PTV 815"), ("PTV", "PTV 815")),
        ("Meier^Eva", "1", ("PTV1", "PTV 11"), ("PTV1", "PTV 11")),
        ("Ng^Bo", "12", ("PTV Ng", "Ring_12"), ("PTV", "Ring_12")),
        ("Siemens^Varian", "600", ("PTV Siemens", "Dose 600"), ("PTV", "Dose 600")),
        ("Static^Local", "6", ("PTV static", "Ring local"), ("PTV static", "Ring")),
        ("Jansen^Loes", "77", ("PTV Loes", "Ring"), ("PTV", "Ring")),
        ("Kim^Dae", "77", ("PTV Dae", "Ring"), ("PTV", "Ring")),
        ("Doe Lund^Sam", "77", ("PTV Doe", "Ring"), ("PTV", "Ring")),
    ],
)
def test_structures_keep_their_names_unless_they_hold_the_patient_s(
    tmp_path: Path, name: str, patient_id: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """Anatomy is kept whatever the patient's name; a label that echoes a name or an ID is not."""
    done = anonymized(tmp_path, sets.patient(name, patient_id), rois(*before))
    assert tuple(done.roi_names) == after


@pytest.mark.parametrize("name", ["Aria^Siemens", "Standard^Helical", "Body^Filter", "Local^Static", "Philips^Varian"])
def test_a_set_of_a_patient_named_like_a_product_is_published(tmp_path: Path, name: str) -> None:
    """Manufacturers and authors of code tables know no patient: their words identify nobody."""

    def of_everybody(made: MadeSet) -> None:
        for data in made.of("CT"):
            data.Manufacturer, data.ManufacturerModelName = "SIEMENS Healthineers", "Philips Aria CT"
            data.ConvolutionKernel, data.FilterType, data.SoftwareVersions = "STANDARD", "BODY FILTER", "aria 15.6"

    done = anonymized(tmp_path, sets.patient(name), of_everybody)
    assert done.ct.ConvolutionKernel == "STANDARD"
    assert done.roi_names == ["PTV", "SpinalCord"]


@pytest.mark.parametrize("patient_id", ["2018", "0815", "1234", "6", "600", "000", "0200"])
def test_numbers_that_are_equal_to_an_id_by_chance_stay(tmp_path: Path, patient_id: str) -> None:
    """Doses, metersets, times and UIDs are numbers, compared by the judge; here, the ID is in no text."""

    def by_chance(made: MadeSet) -> None:
        made.ct[0].SliceLocation = patient_id
        made.ct[0].AcquisitionTime = "101234"
        made.ct[0].TimezoneOffsetFromUTC = "+0200"
        made.plan.DoseReferenceSequence[0].TargetPrescriptionDose = patient_id

    done = anonymized(tmp_path, sets.patient("Meier^Eva", patient_id), by_chance)
    texts = {
        value
        for data in done.new.values()
        for path, element in judge.elements(data)
        if element.VR in {"LO", "SH", "LT", "ST", "PN", "UT", "UC"} and "Code" not in path
        for value in judge.values(element)
    }
    assert patient_id not in texts


def test_a_study_with_the_id_1_is_published(tmp_path: Path) -> None:
    """Every object has numbers equal to 1, as are the old and new study IDs."""
    done = anonymized(tmp_path, sets.setting(StudyID="1", AccessionNumber="1"), rois("PTV 1", "1"))
    assert done.roi_names[0] == "PTV 1"
    assert {data.StudyID for data in done.new.values()} == {"1"}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("person", "Jansen^Loes", "Loes neu"),
        ("person", "Kim^Dae", "Lung Dae"),
        ("person", "Lund^Due", "PTV Due"),
        ("person", "Oe^Kenzo", "PTV Oe"),
        ("person", "Lund^Aae", "AAE-Gy"),
        ("place", "Klinikum Laer", "Lung Laer"),
        ("place", "Haues", "Haues 2"),
    ],
)
def test_a_word_that_resembles_a_common_one_identifies(kind: str, value: str, text: str) -> None:
    """Loes is folded like the particle los, and Laer like lar; writer and proof compare what is written."""
    assert Identifiers([(kind, value)]).matches(text)
    assert Search([(kind, value)]).in_typed(text)


def test_a_short_name_is_removed_from_a_makers_text(tmp_path: Path) -> None:
    """Unless the lexicon has it as written: An is not aan."""

    def version(made: MadeSet) -> None:
        for data in made.ct:
            data.SoftwareVersions = "An"

    assert anonymized(tmp_path, sets.patient("Le^An", "77"), version).ct.SoftwareVersions != "An"


@pytest.mark.parametrize(("name", "fields"), [("P^A", ("AP", "PA")), ("La^O", ("LAO", "RAO")), ("D^E", ("DE", "Feld"))])
def test_fields_keep_their_names_beside_a_patient_of_initials(
    tmp_path: Path, name: str, fields: tuple[str, str]
) -> None:
    """Initials that are joined to a word of the lexicon name nobody; other ones go."""

    def named(made: MadeSet) -> None:
        for beam, field in zip(made.plan.BeamSequence, fields, strict=False):
            beam.BeamName = field

    done = anonymized(tmp_path, sets.patient(name, "77"), named)
    assert [beam.BeamName for beam in done.plan.BeamSequence][:2] == [*fields]
    assert Search([("person", "X^Q")]).in_typed("XQ")
