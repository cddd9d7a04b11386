"""Two patients must not get one new identity, even in two collections: a warning comes in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.store.collection import Collection
from services.store.records import Record, path_of
from tests.sets import make_collection
from watcher.identities import overlaps

if TYPE_CHECKING:
    from pathlib import Path

TWO: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "the same": ({}, {}, "zzz_AnusGE006"),
    "another id": ({}, {"patient_id": "zzz_LungGE"}, ""),
    "other numbers": ({}, {"initial_index": 100}, ""),
    "one id the beginning of the other": (
        {"patient_id": "zzz_A", "initial_index": 1234},
        {"patient_id": "zzz_A1", "initial_index": 234},
        "zzz_A1234",
    ),
    "one id the beginning of the other, other numbers": ({"patient_id": "zzz_A"}, {"patient_id": "zzz_A1"}, ""),
}


@pytest.mark.parametrize("two", TWO)
@pytest.mark.parametrize("with_state", [True, False])
def test_collections_that_come_together_are_found(tmp_path: Path, two: str, with_state: bool) -> None:
    """By the resulting identities, from either side."""
    one, other, expected = TWO[two]
    roots = [make_collection(tmp_path / "a", **one), make_collection(tmp_path / "b", **other)]  # type: ignore[arg-type]
    if with_state:
        for root in roots:
            Collection.open(root)

    found = overlaps.among(roots)
    assert [found[root].patient_id for root in roots if root in found] == ([expected] * 2 if expected else [])
    assert overlaps.of(roots[0], None) == found.get(roots[0])
    assert overlaps.of(roots[1], tmp_path) == found.get(roots[1])


def test_numbers_that_were_given_and_sets_that_wait_count(tmp_path: Path) -> None:
    """Numbers below the other's first are harmless."""
    low, high = make_collection(tmp_path / "low", initial_index=1), make_collection(tmp_path / "high", initial_index=4)
    collection = Collection.open(low)
    for name in ("a", "b"):
        (low / name).mkdir()
    path_of(collection, 1).write_bytes(Record(1, "0" * 32, "", "", {}).encoded())
    assert overlaps.among([low, high]) == {}

    (low / "c").mkdir()
    assert overlaps.among([low, high])[low] == overlaps.Overlap("zzz_AnusGE004", high)


def test_what_cannot_be_read_warns_nobody(tmp_path: Path) -> None:
    """It is reported elsewhere."""
    roots = [make_collection(tmp_path / "a"), make_collection(tmp_path / "b")]
    (roots[1] / "collection.toml").write_text("[identity")
    assert overlaps.among(roots) == {}
    assert overlaps.of(tmp_path / "away" / "x", None) is None


def test_a_link_to_a_collection_is_not_another_one(tmp_path: Path) -> None:
    """Under either name."""
    root, link = make_collection(tmp_path / "a"), tmp_path / "link"
    link.symlink_to(root)
    assert overlaps.of(root, None) is None
    assert overlaps.of(link, None) is None
