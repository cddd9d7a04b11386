"""Twenty sets of four hospitals, `words.csv` reviewed after each: no leaks, no lost labels, few words."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from pydicom import dcmread

from services.forms import word_list
from services.pipeline.folder_run import process
from services.publication import unread_words
from services.runtime.settings import Settings
from services.store import records, registry
from services.store.collection import Collection
from services.vocabulary.spelling import fold
from tests.four_hospitals import SETS, HospitalSet, twenty_sets
from tests.sets import make_collection, make_set, setting
from tests.unit.test_structures_of_a_collection import Numbers, Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import Edit, MadeSet


def typed(one: HospitalSet) -> Edit:
    """Put the hospital's texts into a set, and identifiers where only systems look."""
    echo = one.echoes[0]

    def edit(made: MadeSet) -> None:
        setting(
            SpecificCharacterSet="ISO_IR 192",
            PatientName=one.person,
            PatientID=one.patient_id,
            PatientBirthDate=one.birth,
            ReferringPhysicianName=one.doctor,
            SeriesDescription=echo,
            DeviceSerialNumber=one.patient_id,
            StudyDescription=f"{one.person} {one.birth}",
        )(made)
        made.plan.RTPlanLabel, made.plan.RTPlanDescription = one.plan[:16], echo
        made.plan.ApprovalStatus, made.plan.ReviewerName = "APPROVED", one.doctor
        made.structure_set.StructureSetLabel = one.structure_set[:16]
        for beam in made.plan.BeamSequence:
            beam.BeamName, beam.BeamDescription = one.beam, echo
        for group in made.plan.FractionGroupSequence:
            group.FractionGroupDescription = echo
        for setup in made.plan.PatientSetupSequence:
            setup.SetupTechniqueDescription = echo
        for seen in made.structure_set.RTROIObservationsSequence:
            seen.ROIInterpreter, seen.ROIObservationDescription = one.doctor, echo
        block = made.plan.private_block(0x3287, "HOUSE MADE", create=True)
        block.add_new(0x01, "LO", echo)

    return edit


def texts_of(data: Dataset) -> Iterator[str]:
    """Yield every value of a data set as text."""
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                yield from texts_of(item)
        elif element.VR not in {"OW", "OB", "UI", "DS", "DA", "DT"}:  # made-up days share the year of birth
            yield fold(str(element.value))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, HospitalSet], list[list[str]]]:
    """Anonymize the sets one by one, approving every listed word; return the new words of each set."""
    root = make_collection(tmp_path_factory.mktemp("hospitals") / "BATCH")
    settings, every, listed = Settings(timezone=ZoneInfo("UTC")), {}, []
    for number, one in enumerate(twenty_sets()):
        make = {"ct": 1, "size": 16, "points_per_contour": 8, "control_points": 2}
        make_set(root, typed(one), name=f"export {number}", seed=number, rois=(*one.structures, *one.echoes), **make)
        collection = Collection.open(root)
        locator = registry.register(collection, f"export {number}")
        outcome = process(collection, locator, Numbers(collection), Unwatched(), settings, patience_over=True)
        assert outcome.state == "published", outcome
        every[outcome.index] = one
        unread_words.render(Collection.open(root))
        listed.append([row.word for row in word_list.read(root).rows if row.state == "unread"])
        unread_words.render(Collection.open(root), listed[-1], "fine")
    return root, every, listed


def test_nobody_is_named_and_every_label_is_as_it_was(
    read: tuple[Path, dict[int, HospitalSet], list[list[str]]],
) -> None:
    """In no text of any object, whatever name, ID, birth date or physician is joined to."""
    root, every, _ = read
    assert len(every) == SETS
    for index, one in every.items():
        for path in (root / records.folder_name(index)).iterdir():
            data = dcmread(path)
            assert not [text for text in texts_of(data) if any(secret in text for secret in one.secrets)], one
            if data.Modality == "RTSTRUCT":
                names = [str(roi.ROIName) for roi in data.StructureSetROISequence]
                assert names[: len(one.structures)] == list(one.structures)
                assert data.StructureSetLabel == one.structure_set[:16]
            if data.Modality == "RTPLAN":
                assert (data.RTPlanLabel, data.BeamSequence[0].BeamName) == (one.plan, one.beam)


def test_a_person_reads_a_word_once(read: tuple[Path, dict[int, HospitalSet], list[list[str]]]) -> None:
    """Initials are among them."""
    _, _, listed = read
    words = [word for words in listed for word in words]
    assert len({fold(word) for word in words}) == len(words)
    assert len(words) <= SETS // 2
    assert not any(listed[-3:])
    assert "MK" in words
