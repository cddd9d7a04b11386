"""Each element of a published set is changed alone, at every depth and in every way: its proof finds every change.

What `test_mutations_of_a_published_set` picks by hand is here gone through: whatever attribute a writer may spoil.
Elements of like items are tried once, and each in one way; in every way by `make properties`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from pydicom import dcmread, dcmwrite

from tests import sets
from tests.each_element import PREFIXES, WAYS, changed, exchanged
from tests.provable import Set, publish

if TYPE_CHECKING:
    from pathlib import Path

#: No harm where a file holds ASCII alone, as these do.
HARMLESS: Final = {("removed", "SpecificCharacterSet")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Set:
    """Publish a set of a patient whose name ends with letters of sides."""
    rois = ["Parotid_L Richter", "Parotid_R Richter", "PTV_70"]
    patient = sets.patient("Richter^Lara", "40771923")
    return publish(tmp_path_factory.mktemp("each"), patient, rois=rois, ct=2, size=16, control_points=2)


@pytest.mark.hypothesis
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_element_changes_unseen(prefix: str, way: str, published: Set, tmp_path: Path) -> None:
    """An element of one file changes, and nothing else does."""
    copy = published.copied(tmp_path)
    found = {name: copy.reasons() for name in changed(copy.path(prefix), way)}
    assert len(found) > 5
    assert {(way, name) for name, reasons in found.items() if not reasons} <= HARMLESS


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_two_items_exchange_a_value_unseen(prefix: str, published: Set, tmp_path: Path) -> None:
    """Two beams or structures exchange what only one of them has."""
    copy = published.copied(tmp_path)
    assert [name for name in exchanged(copy.path(prefix)) if not copy.reasons()] == []


def test_no_two_structures_exchange_their_sides_unseen(published: Set, tmp_path: Path) -> None:
    """`Parotid_L Richter` became `Parotid_L`; `Parotid_R` might be made of its letters, too."""
    copy = published.copied(tmp_path)
    path = copy.path("RS")
    data = dcmread(path)
    left, right, _ = data.StructureSetROISequence
    assert (left.ROIName, right.ROIName) == ("Parotid_L", "Parotid_R")
    for one, label in zip((left, right), ("Parotid_R", "Parotid_L"), strict=True):
        one.ROIName = label
    for one in data.RTROIObservationsSequence:
        label = str(one.ROIObservationLabel)
        one.ROIObservationLabel = {"Parotid_L": "Parotid_R", "Parotid_R": "Parotid_L"}.get(label, label)
    dcmwrite(path, data)
    assert copy.reasons()
