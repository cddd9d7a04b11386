"""Each element of a published set is changed alone, at every depth and in every way: its proof finds every change.

What `test_mutations_of_a_published_set` picks by hand is here gone through: whatever attribute a writer may spoil.
Elements of like items are tried once, and each in one way; in every way by `make properties`.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from pydicom import dcmread, dcmwrite

from services.deidentify.uid_map import UidMap
from services.errors import NotClean
from services.proof.prove import Expected, prove
from tests import sets
from tests.anonymized import IDENTITY, KEY, anonymize_folder
from tests.each_element import PREFIXES, WAYS, changed, exchanged

if TYPE_CHECKING:
    from pathlib import Path

#: No harm where a file holds ASCII alone, as these do.
HARMLESS: Final = {("removed", "SpecificCharacterSet")}


class PublishedSet(NamedTuple):
    """A published set, and what its proof needs."""

    source: list[tuple[str, Path]]
    anon: Path
    expected: Expected

    def copied(self, folder: Path) -> PublishedSet:
        """Copy it, to be changed."""
        shutil.copytree(self.anon, folder / "ANON_006")
        return self._replace(anon=folder / "ANON_006")

    def path(self, prefix: str) -> Path:
        """Return one file of a kind."""
        return min(self.anon.glob(f"{prefix}.*"))

    def is_clean(self) -> bool:
        """Return whether the proof passes."""
        try:
            prove(self.source, self.anon, self.expected)
        except NotClean:
            return False
        return True


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedSet:
    """Publish a set of a patient whose name ends with letters of sides."""
    folder = tmp_path_factory.mktemp("each")
    rois = ["Parotid_L Richter", "Parotid_R Richter", "PTV_70"]
    made = sets.make_set(folder, sets.patient("Richter^Lara", "40771923"), rois=rois, ct=2, size=16, control_points=2)
    done = anonymize_folder(made.folder, folder / "ANON_006", scanner="SCANNER_A")
    replacements = done.replacements
    return PublishedSet(
        [(data.Modality, made.path(data)) for data in made.objects],
        done.anon,
        Expected(IDENTITY, replacements.policy, replacements.machine, replacements.scanner, new_uid=UidMap(KEY)),
    )


@pytest.mark.hypothesis
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_element_changes_unseen(prefix: str, way: str, published: PublishedSet, tmp_path: Path) -> None:
    """An element of one file changes, and nothing else does."""
    copy = published.copied(tmp_path)
    unseen = {name: copy.is_clean() for name in changed(copy.path(prefix), way)}
    assert len(unseen) > 5
    assert {(way, name) for name, is_clean in unseen.items() if is_clean} <= HARMLESS


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_two_items_exchange_a_value_unseen(prefix: str, published: PublishedSet, tmp_path: Path) -> None:
    """Two beams or structures exchange what only one of them has."""
    copy = published.copied(tmp_path)
    assert [name for name in exchanged(copy.path(prefix)) if copy.is_clean()] == []


def test_no_two_structures_exchange_their_sides_unseen(published: PublishedSet, tmp_path: Path) -> None:
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
    assert not copy.is_clean()
