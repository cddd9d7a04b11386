"""What follows when a person has decided about words: sets are done again, others go on, notes go away."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.errors import SettingsWrong
from services.publication import republish, unread_words
from services.store import notes, records, registry
from services.store.records import folder_name
from services.vocabulary import anatomy

if TYPE_CHECKING:
    from collections.abc import Collection as Container
    from collections.abc import Iterable

    from services.forms.word_list import State
    from services.publication.unread_words import SetWords
    from services.store.collection import Collection


class Followed(NamedTuple):
    """What was set going."""

    again: tuple[str, ...] = ()
    """Published sets that are done again under their numbers: `ANON_006`."""

    withdraw: tuple[str, ...] = ()
    """Those that a person has to withdraw: what they were made of is gone, or the word stands where nothing can go."""

    resumed: int = 0
    """Sets that waited for a person and go on."""


def decide(collection: Collection, words: Iterable[str], state: State) -> None:
    """Note in `words.csv` what a person decided about words.

    Raises
    ------
    SettingsWrong
        A word of the lexicon is to be removed, or the file was changed just now.
    """
    words = list(words)
    known = [word for word in words if state == "remove" and _is_of_the_lexicon(word)]
    if known:
        raise SettingsWrong(f"{', '.join(known)} is in the lexicon, and stays: a model needs it.")
    unread_words.render(collection, words, state)


def follow(collection: Collection) -> Followed:
    """Set going what follows from the decisions that a collection was opened with. It may be asked for again."""
    again: list[str] = []
    withdraw: list[str] = []
    resumed = 0
    for found in unread_words.every(collection):
        left = unread_words.unread(collection, found)
        if found.index is None:
            resumed += _resume(collection, found, left)
        elif removed := set(filter(collection.decisions.is_removed, left)):
            done = not _cannot_go(found, removed) and _do_again(collection, found.index)
            (again if done else withdraw).append(folder_name(found.index))
        elif not left:
            _clear_note(collection, found)
    return Followed(tuple(again), tuple(withdraw), resumed)


def _resume(collection: Collection, found: SetWords, left: list[str]) -> bool:
    """Look at a waiting set again when each of its words is decided."""
    if not all(map(collection.decisions.is_removed, left)) or _cannot_go(found, left):
        return False
    unread_words.forget(collection, found.locator, found.plan)
    registry.reopen(collection, found.locator)
    return True


def _cannot_go(found: SetWords, words: Container[str]) -> bool:
    """Return whether one of these words would be there again, since dose or import depend on a value that holds it."""
    return any(each["word"] in words and unread_words.cannot_go(each) for each in found.words)


def _do_again(collection: Collection, index: int) -> bool:
    """Request a published set anew; false where that cannot be."""
    published = records.read(collection, index)
    if published is not None and republish.is_requested(collection, published):
        return True
    try:
        republish.request(collection, index)
    except SettingsWrong:
        return False
    return True


def _clear_note(collection: Collection, found: SetWords) -> None:
    """Take away the note that told of words which are all read now, if it told of nothing else."""
    folder = registry.folder_of(collection, found.locator)
    published = records.read(collection, found.index) if found.index is not None else None
    if folder is not None and published is not None and not published.content.get("doubts"):
        notes.clear(folder)


def _is_of_the_lexicon(word: str) -> bool:
    return not any(map(str.isdecimal, word)) and not any(anatomy.unknown_words(word))
