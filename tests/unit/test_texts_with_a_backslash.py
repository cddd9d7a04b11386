r"""Kept texts with a backslash, which makes two values of them: `PTV\Boost` is published as such, through all steps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from pydicom import dcmread

from services.pipeline.folder_run import process
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from tests.sets import make_collection, make_set, patient
from tests.unit.test_structures_of_a_collection import Numbers, Unwatched

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import MadeSet

PLACES = [
    "structure_set StructureSetROISequence>ROIName",
    "structure_set RTROIObservationsSequence>ROIObservationLabel",
    "structure_set StructureSetLabel",
    "plan RTPlanLabel",
    "plan BeamSequence>BeamName",
    "plan ToleranceTableSequence>ToleranceTableLabel",
    "plan DoseReferenceSequence>DoseReferenceDescription",
    "dose Manufacturer",
]
LABELS = [r"PTV\Boost", r"\PTV", r"PTV\\Ring", r"PTV\Hohenlohe"]


def put(data: Dataset, path: str, value: str) -> Dataset:
    """Set an attribute in the first items of sequences; return its data set."""
    *sequences, keyword = path.split(">")
    for sequence in sequences:
        data = data[sequence].value[0]
    if value:
        setattr(data, keyword, value)
    return data


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("place", PLACES)
def test_a_text_with_a_backslash_is_published(tmp_path: Path, place: str, label: str) -> None:
    """Each value is cleaned by itself."""
    kind, _, path = place.partition(" ")

    def edit(made: MadeSet) -> None:
        patient("Hohenlohe^Friederike", "88123456")(made)
        put(getattr(made, kind), path, label)

    root = make_collection(tmp_path / "BATCH")
    make_set(root, edit, name="export", ct=1, size=16, points_per_contour=8, control_points=2)
    collection = Collection.open(root)
    locator = registry.register(collection, "export")

    outcome = process(
        collection, locator, Numbers(collection), Unwatched(), Settings(timezone=ZoneInfo("UTC")), patience_over=True
    )

    assert outcome is not None
    assert outcome.state == "published", outcome
    prefix = {"structure_set": "RS", "plan": "RP", "dose": "RD"}[kind]
    [file] = (root / f"ANON_{outcome.index:03d}").glob(f"{prefix}.*")
    value = put(dcmread(file), path, "")[path.rpartition(">")[2]].value
    values = [value] if isinstance(value, str) else list(value)
    assert {one for one in label.split("\\") if one != "Hohenlohe"} <= set(values)
    assert "Hohenlohe" not in values
