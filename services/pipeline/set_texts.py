"""Treatment of a set's texts: names of structures, labels, and the words that a person must review."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from services.deidentify.replacements import rename
from services.publication import unread_words
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from services.deidentify.structure_renaming import Renaming
    from services.pipeline.one_set import OneSet
    from services.rtset.reader import RtSet


def choose_renaming(one: OneSet, rtset: RtSet, person: str, hospital: str) -> Renaming:
    """Compute the treatment of the set's texts.

    Parameters
    ----------
    person
        Keyed mark of the set's person, which distinguishes the words of different persons.
    hospital
        Name of its hospital in the tracking file, which a list of identities may state.
    """
    collection = one.collection
    of_others = cache(partial(unread_words.of_others, collection, person))  # read if a word needs it, and once
    return rename(
        rtset,
        collection.naming,
        collection.decisions,
        replace=collection.options.unread_words == "replace",
        elsewhere=lambda word: fold(word) in of_others(),
        hospital=f"{collection.hospital_named(one.folder)} {hospital}",
    )


def must_be_reviewed(one: OneSet, renaming: Renaming) -> bool:
    """Return whether a person must review words of the set before it gets a number."""
    return one.collection.options.unread_words == "wait" and bool(renaming.undecided)


def note_words(one: OneSet, renaming: Renaming, person: str, index: int | None = None) -> None:
    """Store the words of a set under its number; of one that waits for a person, under its folder and plan."""
    plan = one.plan if index is None else ""
    unread_words.write(one.collection, index, one.locator, person, [word.as_json() for word in renaming.unread], plan)


def forget_waiting(one: OneSet) -> None:
    """Remove the words that were stored while the set waited."""
    unread_words.forget(one.collection, one.locator, one.plan)
