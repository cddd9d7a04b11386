"""What keeps a published set from being delivered: words in its texts that nobody has looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime import durable_files

if TYPE_CHECKING:
    from services.store.collection import Collection


def unread_words(collection: Collection, index: int) -> int:
    """Count the words of a published set that nobody has looked at: `state` *unread* in its file of words."""
    stored = durable_files.read(collection.state / "words" / f"{index:06d}.json") or {}
    words = stored.get("words", [])
    return sum(isinstance(word, dict) and word.get("state", "unread") == "unread" for word in words)
