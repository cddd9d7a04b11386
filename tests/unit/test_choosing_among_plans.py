"""`anonymizer choose` and the `plans` option: choosing in folders with several plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.maintenance import plan_choice
from services.store import plans, registry
from services.store.collection import Collection
from tests.exports import first
from tests.sets import make_collection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports import Export


def waiting(root: Path, mode: str = "ask") -> tuple[Collection, Export]:
    """Make a collection with a patient who has three plans."""
    make_collection(root, machine="keep", more=f'[check]\nplans = "{mode}"\n[people]\nsame_patient = "tell"\n')
    export = first(root, lambda export: len(export.plans) == 3)
    return Collection.open(root), export


def test_the_numbers_of_check_are_taken_and_kept(tmp_path: Path) -> None:
    """The others are left out; a second choice about the same plans replaces the first."""
    collection, export = waiting(tmp_path)
    locator = collection.locator(export.folder.name)
    marks = [plans.mark_of(collection, uid) for uid in export.plans]
    for numbers in ([1, 3], [2]):
        taken = plan_choice.choose(collection, export.folder, numbers)
        assert [one.plan_uid for one in taken] == [export.plans[number - 1] for number in numbers]
        chosen = {marks[number - 1] for number in numbers}
        assert registry.chosen(collection, locator) == (chosen, set(marks) - chosen)


@pytest.mark.parametrize("numbers", [[4], [0, 1], [-1], []])
def test_a_number_that_is_none_of_the_folders_is_reported(tmp_path: Path, numbers: list[int]) -> None:
    """Nothing is stored."""
    collection, export = waiting(tmp_path)
    with pytest.raises(SettingsWrong, match="anonymizer check"):
        plan_choice.choose(collection, export.folder, numbers)
    assert registry.chosen(collection, collection.locator(export.folder.name)) == (frozenset(), frozenset())


@pytest.mark.parametrize("mode", ["refuse", "each", "approved"])
def test_a_collection_that_asks_nobody_takes_no_answer(tmp_path: Path, mode: str) -> None:
    """The form's option is quoted."""
    collection, export = waiting(tmp_path, mode)
    with pytest.raises(SettingsWrong, match=f'has "{mode}"'):
        plan_choice.choose(collection, export.folder, [1])


@pytest.mark.parametrize("mode", ["refuse", "ask", "approved", "each"])
def test_who_takes_several_sets_of_a_person_says_what_they_are_to_each_other(tmp_path: Path, mode: str) -> None:
    """`each` and `approved` require `same_patient` in the form; other values do not."""
    make_collection(tmp_path, more=f'[check]\nplans = "{mode}"\n')
    if mode in {"each", "approved"}:
        with pytest.raises(SettingsWrong, match=r"line \d+: plans .* same_patient"):
            read_settings(tmp_path)
    else:
        assert read_settings(tmp_path)[1].same_patient == "tell"
