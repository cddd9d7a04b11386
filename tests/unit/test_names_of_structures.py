"""Names of structures, plans and beams in a complete set: equal ones stay equal, different ones different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.deidentify.replacements import UNNAMED
from services.pipeline import set_record
from tests import sets
from tests.anonymized import IDENTITY, anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

NAMED = sets.patient("Mustermann^Erika", "20714711")


def structures(*names: str, labels: tuple[str, ...] | None = None) -> Edit:
    """Name the structures; label observations with the first 16 characters, as planning systems do, or `labels`."""

    def edit(made: MadeSet) -> None:
        rois = made.structure_set.StructureSetROISequence
        observations = made.structure_set.RTROIObservationsSequence
        for roi, observation, name, label in zip(
            rois, observations, names, labels or [name[:16] for name in names], strict=True
        ):
            roi.ROIName, observation.ROIObservationLabel = name, label

    return edit


def labels_of(done: Anonymized) -> list[str]:
    """Return the observation labels."""
    return [str(one.ROIObservationLabel) for one in done.structure_set.RTROIObservationsSequence]


def test_equal_names_stay_equal(tmp_path: Path) -> None:
    """Two structures of one name are the set's own oddity, and noted."""
    done = anonymized(tmp_path, NAMED, structures("z Mustermann opt", "z Mustermann opt"))
    assert len(set(done.roi_names)) == 1
    assert "ustermann" not in done.roi_names[0]
    assert any("structures are called" in note for note in done.verdict.notes)


def test_different_names_stay_different(tmp_path: Path) -> None:
    """Even if their remainders without the name are equal."""
    done = anonymized(tmp_path, NAMED, structures("PTV Mustermann", "PTV Erika"))
    assert len(set(done.roi_names)) == 2


def test_cleaning_makes_no_name_that_another_structure_bears(tmp_path: Path) -> None:
    """The other structure keeps it."""
    done = anonymized(tmp_path, NAMED, structures("PTV Mustermann", "PTV"))
    assert done.roi_names[1] == "PTV"
    assert done.roi_names[0] not in {"PTV", "PTV Mustermann"}


def test_names_that_differ_behind_the_sixteenth_character_are_unchanged(tmp_path: Path) -> None:
    """Planning systems truncate them to one name; this is reported but not repaired."""
    names = "PTV_high_60Gy_01_a", "PTV_high_60Gy_01_b"
    done = anonymized(tmp_path, NAMED, structures(*names))
    assert tuple(done.roi_names) == names
    assert labels_of(done) == ["PTV_high_60Gy_01"] * 2
    assert any("first 16 characters" in note for note in done.verdict.notes)


def test_a_label_follows_the_name_it_was_cut_from(tmp_path: Path) -> None:
    """Even if truncated within the patient's name, so that the label alone echoes nothing."""
    done = anonymized(tmp_path, NAMED, structures("zzOptimierung Mustermann", "SpinalCord"))
    assert labels_of(done) == done.roi_names
    assert "zzOptimierung Mu" not in labels_of(done)


def test_a_label_of_its_own_is_cleaned_for_itself(tmp_path: Path) -> None:
    """It is no name's beginning."""
    done = anonymized(tmp_path, NAMED, structures("PTV", "SpinalCord", labels=("E. Mustermann", "cord")))
    assert done.roi_names == ["PTV", "SpinalCord"]
    assert labels_of(done)[1] == "cord"
    assert "ustermann" not in labels_of(done)[0]


def test_equal_texts_stay_equal_in_all_objects(tmp_path: Path) -> None:
    """Such as a plan's label shared by the structure set and a beam."""

    def label(made: MadeSet) -> None:
        made.plan.RTPlanLabel = made.structure_set.StructureSetLabel = "Mustermann 1"
        made.plan.BeamSequence[0].BeamName = "Mustermann 1"

    done = anonymized(tmp_path, NAMED, label)
    assert len({done.plan.RTPlanLabel, done.structure_set.StructureSetLabel, done.plan.BeamSequence[0].BeamName}) == 1
    assert len(done.plan.RTPlanLabel) <= 13


def test_texts_of_the_plan_lose_ids_dates_and_telephone_numbers(tmp_path: Path) -> None:
    """Whether or not they are the patient's, which cannot be determined."""

    def write(made: MadeSet) -> None:
        beams = made.plan.BeamSequence
        beams[0].BeamName = "20714711 A1"
        beams[1].BeamName = "2017-05-03"
        made.plan.RTPlanLabel = "0761 2701234"
        made.plan.DoseReferenceSequence[0].DoseReferenceDescription = "ask e.m@klinik.example"

    done = anonymized(tmp_path, NAMED, write)
    names = [beam.BeamName for beam in done.plan.BeamSequence]
    assert names[:2] == ["Beam01", "Beam02"]
    assert done.plan.RTPlanLabel == "Plan01"
    assert "@" not in done.plan.DoseReferenceSequence[0].DoseReferenceDescription


def test_the_record_tells_of_the_names_that_were_published(tmp_path: Path) -> None:
    """A name too long only because of the patient's name is short in the record."""
    done = anonymized(tmp_path, NAMED, make={"rois": ["PTV", "Parotid_L Mustermann", "Spinal cord without margin"]})
    rtset = done.verdict.good_set()
    content = set_record.describe(IDENTITY, done.replacements, done.verdict, rtset, UNNAMED, "", 0)
    of_names = "{} of more than 16 characters; Eclipse shortens {}."
    assert of_names.format("2 structures have names", "them") in done.verdict.record_notes
    assert [note for note in content["told"] if "16" in note] == [of_names.format("1 structure has a name", "it")]
