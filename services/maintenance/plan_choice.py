"""A person's choice among the plans of a folder, by the ordinals that `check` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import SetRefused, SettingsWrong
from services.language import gettext, joined
from services.layout import SETTINGS_NAME
from services.store import again, plans, registry
from services.verdict import folder_sets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from services.rtset.reader import SetFile
    from services.store.collection import Collection
    from services.verdict.selection.complete_sets import Candidate


def choose(collection: Collection, folder: Path, numbers: Iterable[int]) -> list[Candidate]:
    """Choose some plans of a folder and leave out the others; published ones stay published.

    Returns
    -------
    list
        The chosen plans.

    Raises
    ------
    SettingsWrong
        The collection does not ask for a choice, or a number does not exist.
    SetChanged, OSError
        The folder cannot be read at the moment.
    """
    if collection.options.plans != "ask":
        raise SettingsWrong(
            gettext(
                'Plans are chosen by a person only with plans = "ask" in [check]; {file} has "{plans}".',
                file=SETTINGS_NAME,
                plans=collection.options.plans,
            )
        )
    found, taken = _numbered(collection, folder, numbers)
    if not taken:
        raise SettingsWrong(gettext("Choose at least one plan, by the numbers that `anonymizer check ROOT` prints."))
    marks = [plans.mark_of(collection, one.plan_uid) for one in found]
    chosen = frozenset(plans.mark_of(collection, one.plan_uid) for one in taken)
    locator = registry.register(collection, collection.name_of(folder))
    registry.choose(collection, locator, registry.Choice(chosen, frozenset(marks) - chosen))
    again.reset_outcome(collection, collection.name_of(folder))
    return taken


def is_chosen(collection: Collection, folder: Path, plan: SetFile) -> bool | None:
    """Return whether a person chose a plan of a folder or left it out; None if not asked about it yet."""
    taken, left = registry.chosen(collection, collection.locator(collection.name_of(folder)))
    mark = plans.mark_of(collection, plan.sop_instance_uid)
    return True if mark in taken else False if mark in left else None


def marks_of(collection: Collection, folder: Path, numbers: Iterable[int]) -> list[str]:
    """Return the marks of the plans of a folder with the given numbers.

    Raises
    ------
    SettingsWrong
        A number does not exist.
    """
    return [plans.mark_of(collection, one.plan_uid) for one in _numbered(collection, folder, numbers)[1]]


def _numbered(
    collection: Collection, folder: Path, numbers: Iterable[int]
) -> tuple[tuple[Candidate, ...], list[Candidate]]:
    """Return all plans of a folder, and those with the given numbers.

    Raises
    ------
    SettingsWrong
        A number does not exist.
    """
    try:
        found = folder_sets.plans_in(folder, collection.options)
    except SetRefused as refused:
        raise SettingsWrong(joined(fault.found for fault in refused.faults)) from None
    by_number = {one.ordinal: one for one in found}
    wanted = sorted(set(numbers))
    if unknown := [str(number) for number in wanted if number not in by_number]:
        if not found:
            raise SettingsWrong(gettext("{folder} contains no plan.", folder=folder.name))
        raise SettingsWrong(
            gettext(
                "{folder} has no plan {numbers}: `anonymizer check ROOT` prints their numbers, 1 to {count}.",
                folder=folder.name,
                numbers=", ".join(unknown),
                count=len(found),
            )
        )
    return found, [by_number[number] for number in wanted]
