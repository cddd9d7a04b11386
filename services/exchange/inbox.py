"""Inbox of a collection, `[receive] inbox`: deliveries that the service receives automatically.

Only keys in the process's own file are trusted here. Revisions and withdrawals wait until a person runs `anonymizer
receive` on the delivery: published sets are never removed automatically.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from services.errors import Busy, SettingsWrong
from services.exchange import delivery_key, manifest, receiving, trust
from services.exchange.incoming.opening import Encrypted, Tampered
from services.exchange.received import before, workplace
from services.language import gettext
from services.publication.high_water import NumbersLost
from services.runtime import durable_files
from services.store import notes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import redis

    from services.exchange.incoming.outcome import DeliveryOutcome, Received
    from services.runtime.settings import Settings
    from services.store.collection import Collection

Result = Literal["done", "refused", "untrusted", "waits", "gone"]
_DEALT_WITH: Final = ("done", "refused")
"""Final outcomes; such a delivery is not tried again until it changes."""

_PACKED: Final = (".zip", ".age")


class Untrusted(Tampered):
    """The key of the delivery is not trusted; the delivery waits until it is."""


class Inbox:
    """Finds deliveries that are complete."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._seen: dict[str, list[list[Any]]] = {}

    def due(self) -> list[str]:
        """Return the marks of deliveries that have not changed since the last call and were not handled yet."""
        last, self._seen = self._seen, {_mark(self._collection, path): look(path) for path in items(self._collection)}
        return [
            mark for mark, seen in self._seen.items() if last.get(mark) == seen and not self._is_dealt_with(mark, seen)
        ]

    def _is_dealt_with(self, mark: str, seen: list[list[Any]]) -> bool:
        noted = _noted(self._collection, mark) or {}
        if noted.get("look") != seen or noted.get("result") not in _DEALT_WITH:
            return False
        waiting = noted.get("waiting")  # a person may have decided since: then its note is out of date
        return waiting is None or _outcomes(self._collection, waiting["delivery"]) == waiting["sets"]


def items(collection: Collection) -> list[Path]:
    """Return possible deliveries in the inbox: signed folders, and ZIP files."""
    name = collection.options.inbox
    place = collection.root / name
    if not name or not place.is_dir() or place.is_symlink():
        return []
    return sorted(path for path in place.iterdir() if _may_be_one(path))


def untrusted(collection: Collection) -> list[str]:
    """Return the names of deliveries in the inbox that wait for their key to be trusted."""
    return _with_result(collection, "untrusted")


def refused(collection: Collection) -> list[str]:
    """Return the names of deliveries in the inbox of which nothing was taken; a note beside each says why."""
    return _with_result(collection, "refused")


def look(path: Path) -> list[list[Any]]:
    """Return a value that changes whenever something is written into a delivery."""
    found = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sorted([str(one.relative_to(path.parent)), *_status(one)] for one in found)


def take(collection: Collection, mark: str, settings: Settings, client: redis.Redis | None = None) -> Result:
    """Receive the delivery with a mark, and write remarks for a person into a note beside it.

    Raises
    ------
    NumbersLost
        The collection pauses until a person states the number above which to continue.
    Busy, OSError, redis.RedisError
        Temporary; the delivery is retried.
    """
    path = next((one for one in items(collection) if _mark(collection, one) == mark), None)
    if path is None:
        return "gone"
    with collection.speaking():
        return _take(collection, path, mark, settings, client)


def _take(collection: Collection, path: Path, mark: str, settings: Settings, client: redis.Redis | None) -> Result:
    seen, lines = look(path), []
    result: Result = "done"
    noted: dict[str, Any] = {"look": seen}
    try:
        outcome = receiving.receive(
            collection, path, settings, is_trusted=_trusting(settings), by_person=False, client=client
        )
        lines = _lines(outcome)
        if any(one.state == "waits" for one in outcome.sets):
            noted["waiting"] = {"delivery": outcome.id, "sets": _outcomes(collection, outcome.id)}
    except NumbersLost as lost:
        notes.write_note(path, gettext("It waits. {why}", why=lost), notes.OF_DELIVERY)
        raise
    except Busy:
        raise
    except Untrusted as untrusted:
        result, lines = "untrusted", [str(untrusted)]
    except (Tampered, Encrypted) as refused:
        result, lines = "refused", [gettext("Nothing of the delivery was taken."), str(refused)]
    except SettingsWrong as wrong:  # of this process, and not of the delivery
        result, lines = "waits", [gettext("It waits. {why}", why=wrong)]
    if lines:
        notes.write_note(path, "\n".join(lines), notes.OF_DELIVERY)
    else:
        notes.clear(path)
    _note(collection, mark, noted | {"result": result})
    return result


def _outcomes(collection: Collection, delivery_id: str) -> Any:
    """Return the recorded outcomes of the sets of a delivery, received from the inbox or by a person."""
    return (before(collection, delivery_id) or {}).get("sets")


def _with_result(collection: Collection, result: Result) -> list[str]:
    found = {path.name: _noted(collection, _mark(collection, path)) for path in items(collection)}
    return [name for name, noted in found.items() if noted is not None and noted.get("result") == result]


def _may_be_one(path: Path) -> bool:
    if path.name.startswith(".") or path.is_symlink():
        return False
    if path.is_dir():
        return (path / manifest.SIGNATURE).is_file()
    return path.is_file() and path.suffix.lower() in _PACKED


def _trusting(settings: Settings) -> Callable[[str, Mapping[str, Any]], None]:
    """Return a check that accepts only the keys in the process's own file."""
    known = trust.trusted(settings) if settings.trusted_keys_file is not None else frozenset()

    def is_trusted(fingerprint: str, _: Mapping[str, Any]) -> None:
        if fingerprint not in known:
            raise Untrusted(
                gettext(
                    "It waits: its key is not in the file of trusted keys. {fingerprint}",
                    fingerprint=delivery_key.grouped(fingerprint),
                )
            )

    return is_trusted


def _lines(outcome: DeliveryOutcome) -> list[str]:
    """Return remarks for a person; empty if everything was taken without any."""
    lines = [_line(one) for one in outcome.sets if one.says or one.state != "taken"]
    return [*outcome.wrong, *outcome.says, *lines]


def _line(one: Received) -> str:
    """Return the outcome of a set; states are codes, the same in every language."""
    says = " ".join(one.says)
    if not one.anon:
        return f"{one.folder}: {one.state}. {says}".strip()
    return gettext(
        "{folder}: {state} as {anon}. {says}", folder=one.folder, state=one.state, anon=one.anon, says=says
    ).strip()


def _status(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def _mark(collection: Collection, path: Path) -> str:
    """Return an opaque name of a delivery, for messages."""
    return collection.locator(path.relative_to(collection.root))


def _noted(collection: Collection, mark: str) -> dict[str, Any] | None:
    return durable_files.read(_path(collection, mark))


def _note(collection: Collection, mark: str, noted: Mapping[str, Any]) -> None:
    workplace(collection).mkdir(exist_ok=True)
    durable_files.write_atomically(_path(collection, mark), durable_files.encode(noted), staging=collection.staging)


def _path(collection: Collection, mark: str) -> Path:
    return workplace(collection) / f"inbox-{mark}.json"
