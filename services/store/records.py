"""Records of published sets: the only proof of publication, and of what was done to a set. They hold no secrets."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.errors import SettingsWrong
from services.language import gettext
from services.layout import ANON_NAME, sheets_folder
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1

_NAME: Final = re.compile(ANON_NAME.pattern + r"\.json")


def folder_name(index: int) -> str:
    """Return the folder name of a published set: `ANON_006`."""
    return f"ANON_{index:03d}"


def index_of(name: str) -> int:
    """Return the index in the folder name of a published set.

    Raises
    ------
    SettingsWrong
        The name has another form.
    """
    number = ANON_NAME.fullmatch(name)
    if number is None:
        raise SettingsWrong(gettext("{name} is not the name of a published set, such as ANON_006.", name=name))
    return int(number[1])


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex digits, as stored in records; empty if it is not a regular file."""
    try:
        with plain_files.opened(path) as file:
            return file_digest(file, "sha256").hexdigest()
    except plain_files.NotPlain:
        return ""


def digest_over(hashes: Mapping[str, str]) -> str:
    """Return the SHA-256 of what `sha256sum *` prints for all files, sorted by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """Record of a published set."""

    index: int

    set_id: str | None
    """None for a number adopted from the older program, or if the record is unreadable: its owner is unknown."""

    plan_name: str
    """`RP.<new uid>.dcm`: the same on every attempt and in no other set, so it identifies our folder."""

    at: str
    """Time of publication: ISO 8601, UTC."""

    content: Mapping[str, Any]
    """Hashes by new file name, counts, policy edition, verdicts, changes by attribute: as given to `publish`."""

    @property
    def withdrawn(self) -> str:
        """When the set was withdrawn; empty if it was not. A forgotten set counts as withdrawn."""
        return str(self.content.get("withdrawn", "")) or self.forgotten

    @property
    def forgotten(self) -> str:
        """Date on which all data about the set was erased; empty if it was not."""
        return str(self.content.get("forgotten", ""))

    @property
    def locator(self) -> str:
        """Locator of the folder from which it was published; empty if not stated."""
        return str(self.content.get("locator", ""))

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of each published file, by name; empty if never proven (the older program's)."""
        files = self.content.get("proof", {}).get("files", {})
        return {name: file["sha256"] for name, file in files.items() if "/" not in name}

    @property
    def unread_words(self) -> bool:
        """Return whether its texts contained words that no person had reviewed when it was published."""
        words = self.content.get("words")
        return isinstance(words, dict) and bool(words.get("unread"))

    @property
    def taken_words(self) -> frozenset[str]:
        """Marks of removed words that are not identifiers, as returned by `Collection.mark_of_word`."""
        words = self.content.get("words")
        return frozenset(map(str, words.get("taken", ()))) if isinstance(words, dict) else frozenset()

    def encoded(self) -> bytes:
        """Return the record as stored."""
        stored = {"schema": SCHEMA, "index": self.index, "set": self.set_id, "plan": self.plan_name, "at": self.at}
        return durable_files.encode({**self.content, **stored})


def path_of(collection: Collection, index: int) -> Path:
    """Return the path of the record of an index."""
    return collection.records / f"{folder_name(index)}.json"


def outdate_sheet(collection: Collection, index: int) -> None:
    """Give the sheet of a set the oldest time there is, so that it is drawn again even if the clock was set back."""
    with suppress(FileNotFoundError, PermissionError):
        os.utime(sheets_folder(collection.root) / f"{folder_name(index)}.pdf", ns=(0, 0))


def indices(collection: Collection) -> list[int]:
    """Return the published indices in ascending order, ignoring files of other names."""
    names = map(_NAME.fullmatch, durable_files.names(collection.records))
    return sorted({int(found[1]) for found in names if found})


def read(collection: Collection, index: int) -> Record | None:
    """Return the record of an index; None if nothing was published under it."""
    path = path_of(collection, index)
    if not path.exists():
        return None
    return decoded(durable_files.read(path) or {}, index)


def decoded(stored: dict[str, Any], index: int) -> Record:
    """Create a record from its stored form."""
    content = {key: value for key, value in stored.items() if key not in {"schema", "index", "set", "plan", "at"}}
    return Record(index, stored.get("set"), stored.get("plan", ""), stored.get("at", ""), content)
