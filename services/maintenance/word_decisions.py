"""Consequences of decisions on words: sets are republished, waiting sets resume, and notes are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.errors import SettingsWrong
from services.language import gettext
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
    """Actions taken."""

    again: tuple[str, ...] = ()
    """Published sets being republished under their numbers: `ANON_006`."""

    withdraw: tuple[str, ...] = ()
    """Sets that a person must withdraw: their original is gone, or the word is where nothing can be removed."""

    resumed: int = 0
    """Number of waiting sets that resume."""


def decide(collection: Collection, words: Iterable[str], state: State) -> None:
    """Record a person's decision on words in `words.csv`.

    Raises
    ------
    SettingsWrong
        A word of the lexicon is to be removed, or the file was just changed.
    """
    words = list(words)
    known = [word for word in words if state == "remove" and _is_of_the_lexicon(word)]
    if known:
        raise SettingsWrong(
            gettext("{words} cannot be removed: models need the words of the lexicon.", words=", ".join(known))
        )
    unread_words.render(collection, words, state)


def follow(collection: Collection) -> Followed:
    """Apply the consequences of the decisions that a collection was opened with. Idempotent."""
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
    """Resume a waiting set once each of its words is decided."""
    if not all(map(collection.decisions.is_removed, left)) or _cannot_go(found, left):
        return False
    unread_words.forget(collection, found.locator, found.plan)
    registry.reopen(collection, found.locator)
    return True


def _cannot_go(found: SetWords, words: Container[str]) -> bool:
    """Return whether one of these words cannot be removed, since dose or import depend on a value with it."""
    return any(each["word"] in words and unread_words.cannot_go(each) for each in found.words)


def _do_again(collection: Collection, index: int) -> bool:
    """Request republication of a set; return False if impossible."""
    published = records.read(collection, index)
    if published is not None and republish.is_requested(collection, published):
        return True
    try:
        republish.request(collection, index)
    except SettingsWrong:
        return False
    return True


def _clear_note(collection: Collection, found: SetWords) -> None:
    """Remove a note on words once all are reviewed, if it says nothing else."""
    folder = registry.folder_of(collection, found.locator)
    published = records.read(collection, found.index) if found.index is not None else None
    if folder is not None and published is not None and not published.content.get("doubts"):
        notes.clear(folder)


def _is_of_the_lexicon(word: str) -> bool:
    return not any(map(str.isdecimal, word)) and not any(anatomy.unknown_words(word))
