"""Which words of a set a person would have to read, before anything is done to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from services.deidentify.replacements import NOTHING_DECIDED, UNNAMED, rename

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.forms.structure_list import Naming
    from services.forms.word_list import Decisions
    from services.rtset.reader import RtSet
    from services.store.collection import Collection


def of_set(
    rtset: RtSet, naming: Naming = UNNAMED, decisions: Decisions = NOTHING_DECIDED, *, replace: bool = False
) -> Sequence[str]:
    """Return the words of the texts that would travel which nobody knows and no person has found to be fine."""
    renaming = rename(rtset, naming, decisions, replace=replace)
    return [word.word for word in renaming.undecided]


def asked_by(collection: Collection | None) -> Callable[[RtSet], Sequence[str]]:
    """Return the question for the sets of a collection, with what was decided there; it can go to another process."""
    if collection is None:
        return of_set
    replaces = collection.options.unread_words == "replace"
    return partial(of_set, naming=collection.naming, decisions=collection.decisions, replace=replaces)
