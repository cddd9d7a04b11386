"""Decisions of a person on reviewed published sets: released, or sent back with a reason.

`.anonymizer/releases/000006.json` holds all decisions, latest first. A decision applies only to the files reviewed: it
lapses when the set is republished, renamed or withdrawn.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from services.errors import SettingsWrong
from services.language import gettext
from services.runtime import durable_files
from services.store import records
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1
RELEASED: Final = "released"
SENT_BACK: Final = "sent back"
STATES: Final = (RELEASED, SENT_BACK)

LONGEST_ROLE: Final = 64
LONGEST_REASON: Final = 1000


@dataclass(frozen=True, slots=True)
class Release:
    """Decision on a published set."""

    state: Literal["released", "sent back"]

    at: str
    """ISO 8601, UTC."""

    role: str
    """Role of the person who decided, such as `medical physicist`. Unlike the name, it appears on sheets and in
    deliveries.
    """

    user: str
    """Who decided. Stored here only."""

    reason: str = ""
    """Why the set was sent back."""

    fingerprint: str = ""
    """Fingerprint of the reviewed files."""

    @property
    def day(self) -> str:
        """Date of the decision: `2026-11-29`."""
        return self.at[:10]


def folder(collection: Collection) -> Path:
    """Return the folder of the decisions; it is created with the first."""
    return collection.state / "releases"


def path_of(collection: Collection, index: int) -> Path:
    """Return the path of the decisions on an index."""
    return folder(collection) / f"{index:06d}.json"


def current(collection: Collection, index: int) -> Release | None:
    """Return the decision that applies to a set's current files; None if there is none."""
    last = next(iter(history(collection, index)), None)
    if last is None:
        return None
    published = records.read(collection, index)
    if published is None or published.withdrawn:
        return None
    return last if last.fingerprint == records.digest_over(published.hashes) else None


def state_of(collection: Collection, index: int) -> str:
    """Return `released`, `sent back`, or an empty string if a set's current files are undecided."""
    found = current(collection, index)
    return found.state if found else ""


def history(collection: Collection, index: int) -> list[Release]:
    """Return all decisions on an index, latest first."""
    stored = durable_files.read(path_of(collection, index)) or {}
    decisions = stored.get("decisions", [])
    return [_decoded(one) for one in decisions if isinstance(one, dict) and one.get("state") in STATES]


def indices(collection: Collection) -> list[int]:
    """Return the indices with decisions."""
    try:
        names = os.listdir(folder(collection))  # noqa: PTH208 - as in durable_files.names
    except FileNotFoundError:
        return []
    return sorted(int(name[:-5]) for name in names if re.fullmatch(r"[0-9]{6,}\.json", name))


class ReleaseReader:
    """Repeatedly reads the decisions on many sets, re-reading only changed ones."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._known: dict[int, tuple[object, str]] = {}

    def look(self) -> None:
        """Refresh the decisions.

        Raises
        ------
        OSError
            The share is unavailable.
        """
        known = self._known
        self._known = {}
        for index in indices(self._collection):
            seen = self._seen(index)
            before = known.get(index, (None, ""))
            unchanged = seen is not None and seen == before[0]
            self._known[index] = (seen, before[1] if unchanged else state_of(self._collection, index))

    def state_of(self, index: int | None) -> str:
        """Return `released`, `sent back` or an empty string, as of the last `look`."""
        return self._known.get(index or 0, (None, ""))[1]

    def _seen(self, index: int) -> object:
        try:
            paths = (path_of(self._collection, index), records.path_of(self._collection, index))
            return [(one.st_mtime_ns, one.st_ino, one.st_size) for one in map(os.stat, paths)]
        except FileNotFoundError:
            return None


def release(collection: Collection, index: int, *, user: str, role: str) -> Release:
    """Note that a person reviewed a published set and releases it.

    Raises
    ------
    SettingsWrong
        The set is not published here, or the role is missing.
    """
    return _decide(collection, index, RELEASED, user=user, role=role, reason="")


def send_back(collection: Collection, index: int, *, user: str, role: str, reason: str) -> Release:
    """Note that a person reviewed a published set and sends it back, or revokes a release.

    Raises
    ------
    SettingsWrong
        The set is not published here, or role or reason is missing.
    """
    if not reason.strip():
        raise SettingsWrong(gettext("State why the set is sent back: whoever repairs it needs to know."))
    return _decide(collection, index, SENT_BACK, user=user, role=role, reason=reason.strip()[:LONGEST_REASON])


def _decide(collection: Collection, index: int, state: str, *, user: str, role: str, reason: str) -> Release:
    published = records.read(collection, index)
    if published is None or published.set_id is None or published.withdrawn:
        raise SettingsWrong(
            gettext("{name} is not published here: there is nothing to release.", name=folder_name(index))
        )
    role = " ".join(role.split())
    if not role or len(role) > LONGEST_ROLE or not role.isprintable():
        raise SettingsWrong(
            gettext(
                "State the role in which you decide, such as medical physicist, in at most {count} characters.",
                count=LONGEST_ROLE,
            )
        )
    made = Release(
        cast("Any", state),
        datetime.now(UTC).isoformat(timespec="seconds"),
        role,
        user,
        reason,
        records.digest_over(published.hashes),
    )
    decisions = [asdict(one) for one in (made, *history(collection, index))]
    folder(collection).mkdir(exist_ok=True)
    stored = durable_files.encode({"schema": SCHEMA, "index": index, "decisions": decisions})
    durable_files.write_atomically(path_of(collection, index), stored, staging=collection.staging)
    records.outdate_sheet(collection, index)
    return made


def _decoded(stored: Mapping[str, Any]) -> Release:
    return Release(
        stored["state"], *(str(stored.get(name, "")) for name in ("at", "role", "user", "reason", "fingerprint"))
    )
