"""The record of a published set: the only proof that it was published, and what was done to it. It holds no secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.errors import SettingsWrong
from services.layout import ANON_NAME
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1

_NAME: Final = re.compile(ANON_NAME.pattern + r"\.json")


def folder_name(index: int) -> str:
    """Name the folder of a published set: `ANON_006`."""
    return f"ANON_{index:03d}"


def index_of(name: str) -> int:
    """Read the index in the name of a published set's folder.

    Raises
    ------
    SettingsWrong
        It is named otherwise.
    """
    number = ANON_NAME.fullmatch(name)
    if number is None:
        raise SettingsWrong(f"{name} is not named like a published set: ANON_006.")
    return int(number[1])


def hash_of(path: Path) -> str:
    """Hash a file as a record does: SHA-256, in hexadecimal digits; empty where it is no regular file."""
    try:
        with plain_files.opened(path) as file:
            return file_digest(file, "sha256").hexdigest()
    except plain_files.NotPlain:
        return ""


def digest_over(hashes: Mapping[str, str]) -> str:
    """Return one digest over all files: the SHA-256 of what `sha256sum *` says of them, in the order of their names."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a published set."""

    index: int

    set_id: str | None
    """None for a number adopted from the older program, or whose record cannot be read: whose it is, nobody knows."""

    plan_name: str
    """`RP.<new uid>.dcm`. The same on every attempt and in no other set: what tells our folder from someone else's."""

    at: str
    """When it was published: ISO 8601, UTC."""

    content: Mapping[str, Any]
    """Hashes by new file name, counts, policy edition, verdicts, changes by attribute: as `publish` was given it."""

    @property
    def withdrawn(self) -> str:
        """When a person took the set back; empty while it stands. What was forgotten does not stand."""
        return str(self.content.get("withdrawn", "")) or self.forgotten

    @property
    def forgotten(self) -> str:
        """On which day all that was here of the set was erased; empty while it is not."""
        return str(self.content.get("forgotten", ""))

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of each published file, by name; none where nobody proved them (the older program's)."""
        files = self.content.get("proof", {}).get("files", {})
        return {name: file["sha256"] for name, file in files.items() if "/" not in name}

    @property
    def unread_words(self) -> bool:
        """Return whether words were left in its texts, when it was published, that no person had read."""
        words = self.content.get("words")
        return isinstance(words, dict) and bool(words.get("unread"))

    @property
    def taken_words(self) -> frozenset[str]:
        """Marks of the words that went though they are no identifiers, as `Collection.mark_of_word` makes them."""
        words = self.content.get("words")
        return frozenset(map(str, words.get("taken", ()))) if isinstance(words, dict) else frozenset()

    def encoded(self) -> bytes:
        """Return the record as it is stored."""
        stored = {"schema": SCHEMA, "index": self.index, "set": self.set_id, "plan": self.plan_name, "at": self.at}
        return durable_files.encode({**self.content, **stored})


def path_of(collection: Collection, index: int) -> Path:
    """Return where the record of an index stands."""
    return collection.records / f"{folder_name(index)}.json"


def indices(collection: Collection) -> list[int]:
    """Return the indices under which something was published, in order; files of other names are not ours."""
    names = map(_NAME.fullmatch, durable_files.names(collection.records))
    return sorted({int(found[1]) for found in names if found})


def read(collection: Collection, index: int) -> Record | None:
    """Return the record of an index; None when nothing was published under it."""
    path = path_of(collection, index)
    if not path.exists():
        return None
    return decoded(durable_files.read(path) or {}, index)


def decoded(stored: dict[str, Any], index: int) -> Record:
    """Make a record of what was stored."""
    content = {key: value for key, value in stored.items() if key not in {"schema", "index", "set", "plan", "at"}}
    return Record(index, stored.get("set"), stored.get("plan", ""), stored.get("at", ""), content)
