"""Reasons not to deliver a published set: words that nobody has reviewed, or a missing release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from services.forms.collection_form import BEFORE_EXPORT
from services.publication import unread_words
from services.store import releases

if TYPE_CHECKING:
    from services.store.collection import Collection


def count_unread(collection: Collection, index: int) -> int:
    """Count the words of a published set that nobody has approved."""
    return unread_words.count_unread(collection, index)


def unread(collection: Collection, index: int) -> list[str]:
    """Return the words of a published set that nobody has approved."""
    found = unread_words.read(collection, index)
    return unread_words.unread(collection, found) if found else []


def not_released(collection: Collection, index: int) -> Literal["", "sent back", "not released"]:
    """Return why a set is held back by a person's decision: `sent back`, `not released`.

    Empty if it may be delivered.
    """
    state = releases.state_of(collection, index)
    if state == releases.SENT_BACK:
        return "sent back"
    return "not released" if collection.options.release == BEFORE_EXPORT and state != releases.RELEASED else ""
