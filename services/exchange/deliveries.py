"""A delivery is made: sets, sheets, report and tables, a manifest of them, and a signature over it.

It appears whole or not at all. A new folder is made under another name beside its place and renamed; in a folder that
was there before, `delivery.json.sig` comes last, and without it nothing is a delivery. What an attempt that was cut off
left behind is thrown away by the next. Each delivery is written down in `.anonymizer/deliveries/` before it appears, so
that none is unaccounted for.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import shutil
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from services import plain_files
from services.errors import SettingsWrong
from services.exchange import delivery_key, door, manifest, packing
from services.layout import SHEETS_NAME
from services.maintenance import export
from services.maintenance.export import Exported
from services.runtime import durable_files
from services.store import records, tracking_lines
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from services.exchange.delivery_key import DeliveryKey
    from services.store.collection import Collection

TRAVELS: Final = frozenset({"copied", "there already"})
SCHEMA: Final = 1
_FILE: Final = "delivery-{}.zip"
_NAMED_BY_US: Final = re.compile(r"delivery-[0-9a-f]{8}\.zip(\.age)?")
_LEFT: Final = re.compile(rf"\.{_NAMED_BY_US.pattern}\.unfinished")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks to be delivered, and how."""

    indices: frozenset[int] | None = None
    """Of the sets; all by default."""

    hospitals: frozenset[str] = frozenset()
    """Only sets of these; all by default."""

    unread_words: bool = False
    """Whether sets travel although nobody has looked at some of their words."""

    hospital_name: bool = False
    """Whether the hospital is named in the delivery."""

    as_zip: bool = False

    recipients: tuple[Any, ...] = ()
    """For whom the ZIP is encrypted."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered once, as `.anonymizer/deliveries/` has it."""

    id: str

    at: str
    """ISO 8601, UTC."""

    to: str
    """Where it was written, as the person named it."""

    user: str
    """Of the system or the console."""

    key: str
    """Fingerprint of the key it is signed with."""

    sets: Mapping[str, str]
    """ANON folder, and the fingerprint of its files."""

    withdrawn: tuple[str, ...] = ()
    unread_words: bool = False
    encrypted: bool = False

    done: bool = True
    """False where it was cut off, or is being written."""


class Made(NamedTuple):
    """A delivery that was made, and what became of each set that was asked for."""

    sets: list[Exported]

    delivery: Delivery | None
    """None where nothing could be delivered."""

    place: Path


def make(
    collection: Collection,
    target: Path,
    key: DeliveryKey,
    wanted: Wanted,
    extras: Callable[[Path, list[int]], None],
    *,
    user: str = "",
    to: str = "",
) -> Made:
    """Make a delivery of a collection in or at `target`.

    Parameters
    ----------
    target
        A folder, made if it is not there; with `as_zip` a file that ends in `.zip` or `.age`, or the folder for it.
    extras
        Writes report and tables of the delivered indices into a folder.
    user
        Who asks; the user of the system by default.
    to
        Where it goes, as it is written down; `target` by default.

    Raises
    ------
    SettingsWrong
        `target` lies in the collection, or is not free; or a set was asked for that was never published.
    OSError
        A circumstance: nothing is there under its final name.
    """
    export.refuse_inside(collection, target)
    chosen, held = _choose(collection, wanted)
    run = _Run(collection, key, wanted, extras, user or _user(), to)
    if wanted.as_zip or wanted.recipients:
        return run.packed(_file_of(target, run.id, encrypted=bool(wanted.recipients)), chosen, held)
    return run.new_folder(target, chosen, held) if _is_free(target) else run.into(target, chosen, held)


def _is_free(target: Path) -> bool:
    """Return whether nothing is there, or an empty folder that a new one may take the place of."""
    if not os.path.lexists(target):
        return True
    if not target.is_dir() or target.is_symlink() or target.is_mount() or any(target.iterdir()):
        return False
    return os.access(target.parent, os.W_OK)


def all_of(collection: Collection) -> list[Delivery]:
    """Return what was ever delivered, the earliest first."""
    names = durable_files.names(collection.deliveries) if collection.deliveries.is_dir() else []
    stored = [
        durable_files.read(collection.deliveries / name)
        for name in names
        if name.endswith(".json") and not durable_files.is_left_over(name)
    ]
    return sorted((_decoded(one) for one in stored if one and "id" in one), key=lambda one: (one.at, one.id))


def holding(collection: Collection, index: int) -> list[Delivery]:
    """Return the deliveries that hold a set."""
    return [one for one in all_of(collection) if folder_name(index) in one.sets]


def _choose(collection: Collection, wanted: Wanted) -> tuple[set[int], list[Exported]]:
    """Return the indices that may travel, and what is held back at the door."""
    there = records.indices(collection)
    for index in sorted(wanted.indices or ()):
        found = records.read(collection, index)
        if found is None:
            raise SettingsWrong(f"{folder_name(index)} was never published here.")
        if found.withdrawn:
            raise SettingsWrong(f"{folder_name(index)} was withdrawn. A delivery without --sets tells whoever has it.")
    chosen, held = set(), []
    for index in there:
        if wanted.indices is not None and index not in wanted.indices:
            continue
        if wanted.hospitals and hospital_of(collection, index) not in wanted.hospitals:
            continue
        found = records.read(collection, index)
        stands = found is not None and not found.withdrawn
        if stands and not wanted.unread_words and door.count_unread(collection, index):
            held.append(Exported(folder_name(index), "unread words"))
        elif stands and (why := door.not_released(collection, index)):
            held.append(Exported(folder_name(index), why))
        else:
            chosen.add(index)
    return chosen, held


def hospital_of(collection: Collection, index: int) -> str:
    """Return the hospital of a set: the fourth column of its tracking line."""
    columns = tracking_lines.columns(collection, index)
    return columns[3] if len(columns) > 3 else ""


class _Run:
    """One delivery on its way."""

    def __init__(
        self,
        collection: Collection,
        key: DeliveryKey,
        wanted: Wanted,
        extras: Callable[[Path, list[int]], None],
        user: str,
        to: str,
    ) -> None:
        self.id = uuid4().hex
        self._to = to
        self._collection, self._key, self._wanted, self._extras = collection, key, wanted, extras
        self._at = datetime.now(UTC).isoformat(timespec="seconds")
        self._user = user
        self._before = all_of(collection)

    def new_folder(self, target: Path, chosen: set[int], held: list[Exported]) -> Made:
        """Make it beside its place and rename it there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as new:
            sets, delivery = self._fill(new, chosen, target)
            if delivery is None:
                target.mkdir(exist_ok=True)
            else:
                _sync(new)
                with suppress(FileNotFoundError):
                    target.rmdir()  # an empty one, which a rename may not replace everywhere
                durable_files.rename_new(new, target)
                delivery = self._note(delivery, done=True)
        return Made(sorted([*sets, *held]), delivery, target)

    def into(self, target: Path, chosen: set[int], held: list[Exported]) -> Made:
        """Add it to what lies in a folder already; an earlier delivery there becomes this one."""
        if not target.is_dir():
            raise SettingsWrong("DEST is a file: name a folder, or say --zip and a name that ends in .zip.")
        earlier = _delivered_in(target, self._key)
        (target / manifest.SIGNATURE).unlink(missing_ok=True)
        current = {
            folder: published
            for folder in earlier
            if (published := records.read(self._collection, records.index_of(folder))) and not published.withdrawn
        }
        for folder, files in earlier.items():
            if folder not in current or current[folder].hashes != files:
                _remove_delivered(target, folder, files)
        chosen = chosen | {published.index for published in current.values()}
        sets, delivery = self._fill(target, chosen, target)
        if delivery is None:
            (target / manifest.NAME).unlink(missing_ok=True)
        else:
            delivery = self._note(delivery, done=True)
        return Made(sorted([*sets, *held]), delivery, target)

    def packed(self, target: Path, chosen: set[int], held: list[Exported]) -> Made:
        """Make it as one file; what is to be encrypted lies unencrypted in the collection's own folder alone."""
        if os.path.lexists(target):
            raise SettingsWrong(f"{target.name} is there already: name another file.")
        target.parent.mkdir(parents=True, exist_ok=True)
        recipients = self._wanted.recipients
        at_home = self._collection.staging / _FILE.format(self.id[:8]) if recipients else target
        with _beside(at_home) as made, _beside(target) if recipients else nullcontext(made) as new:
            sets, delivery = self._fill(made / "delivery", chosen, target)
            if delivery is not None:
                packing.pack(made / "delivery", new / "packed", recipients)
                durable_files.rename_new(new / "packed", target)
                delivery = self._note(delivery, done=True)
        return Made(sorted([*sets, *held]), delivery, target)

    def _fill(self, place: Path, chosen: set[int], target: Path) -> tuple[list[Exported], Delivery | None]:
        """Write everything into a folder, the signature last; the delivery is written down before that."""
        collection = self._collection
        sets = list(export.copy_sets(collection, place, chosen))
        indices = [records.index_of(one.folder) for one in sets if one.state in TRAVELS]
        withdrawn = self._withdrawn()
        if not indices and not withdrawn:
            return sets, None
        (place / SHEETS_NAME).mkdir(exist_ok=True)
        self._extras(place, indices)
        entries = [self._entry(index) for index in indices]
        written = manifest.whole(
            self.id,
            collection,
            self._key,
            self._at,
            entries,
            withdrawn,
            dict(_files_beside(place, indices)),
            highest=max(records.indices(self._collection), default=0),
        )
        delivery = Delivery(
            id=self.id,
            at=self._at,
            to=self._to or str(target),
            user=self._user,
            key=delivery_key.fingerprint(self._key.public),
            sets={entry["folder"]: entry["fingerprint"] for entry in entries},
            withdrawn=tuple(entry["folder"] for entry in withdrawn),
            unread_words=any(entry["unread_words"] for entry in entries),
            encrypted=bool(self._wanted.recipients),
            done=False,
        )
        self._note(delivery, done=False)
        durable_files.write_atomically(place / manifest.NAME, written)
        durable_files.write_atomically(place / manifest.SIGNATURE, self._key.sign(written))
        return sets, delivery

    def _entry(self, index: int) -> dict[str, Any]:
        published = records.read(self._collection, index)
        assert published is not None
        last = [one.sets[folder_name(index)] for one in self._before if one.done and folder_name(index) in one.sets]
        now = manifest.fingerprint_of(published.hashes)
        state = "new" if not last else "unchanged" if last[-1] == now else "revised"
        hospital = hospital_of(self._collection, index) if self._wanted.hospital_name else ""
        unread = door.count_unread(self._collection, index)
        return manifest.set_entry(self._collection, published, state, unread, hospital=hospital)

    def _withdrawn(self) -> list[dict[str, Any]]:
        """Return what was delivered once and is withdrawn now: a recall goes to whoever may have it."""
        found = []
        for folder, fingerprint in {folder: mark for one in self._before for folder, mark in one.sets.items()}.items():
            published = records.read(self._collection, records.index_of(folder))
            if published is not None and published.withdrawn:
                found.append({"folder": folder, "fingerprint": fingerprint, "withdrawn": published.withdrawn})
        return sorted(found, key=lambda one: one["folder"])

    def _note(self, delivery: Delivery, *, done: bool) -> Delivery:
        noted = replace(delivery, done=done)
        place = self._collection.deliveries
        place.mkdir(exist_ok=True)
        stored = {name: getattr(noted, name) for name in Delivery.__slots__}
        stored |= {"schema": SCHEMA, "sets": dict(noted.sets), "withdrawn": list(noted.withdrawn)}
        path = place / f"{noted.id}.json"
        durable_files.write_atomically(path, durable_files.encode(stored), staging=self._collection.staging)
        return noted


def _decoded(stored: Mapping[str, Any]) -> Delivery:
    sets, withdrawn = stored.get("sets", {}), stored.get("withdrawn", ())
    return Delivery(
        id=str(stored["id"]),
        at=str(stored.get("at", "")),
        to=str(stored.get("to", "")),
        user=str(stored.get("user", "")),
        key=str(stored.get("key", "")),
        sets={str(name): str(mark) for name, mark in sets.items()},
        withdrawn=tuple(map(str, withdrawn)),
        unread_words=bool(stored.get("unread_words")),
        encrypted=bool(stored.get("encrypted")),
        done=bool(stored.get("done")),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())  # a container's, which has no name


def _file_of(target: Path, delivery_id: str, *, encrypted: bool) -> Path:
    if target.suffix in {".zip", ".age"} and not target.is_dir():
        return target
    return target / (_FILE.format(delivery_id[:8]) + (".age" if encrypted else ""))


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Make a folder beside a delivery's place, in which it is made; what earlier attempts left there goes."""
    path = target.with_name(f".{target.name}.unfinished")
    if _NAMED_BY_US.fullmatch(target.name):
        left = [one for one in target.parent.iterdir() if _LEFT.fullmatch(one.name)]
    else:
        left = [path]
    for one in left:
        _clear(one)
    try:
        path.mkdir()
    except FileExistsError:
        raise SettingsWrong(
            "Another delivery is being made there, or something stands where it would be prepared: wait, or take away "
            f"{path.name}."
        ) from None
    with _held(path):
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold a folder in which a delivery is made as long as this process lives; false where another one does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:  # a share without locks
            yield True
        else:
            yield True
    finally:
        os.close(descriptor)


def _clear(path: Path) -> None:
    """Delete what an attempt left, unless its process lives."""
    with _held(path) as is_ours:
        if is_ours:
            shutil.rmtree(path, ignore_errors=True)


def _sync(place: Path) -> None:
    for path in place.rglob("*"):
        if path.is_dir():
            durable_files.fsync_folder(path)
        elif path.parent.name in {SHEETS_NAME, manifest.TABLES}:
            durable_files.fsync_file(path)
    durable_files.fsync_folder(place)


def _files_beside(place: Path, indices: Iterable[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the files of a delivery that are no set's: sheets, report, tables."""
    ours = [f"{SHEETS_NAME}/{export.REPORT}"]
    ours += [f"{SHEETS_NAME}/{folder_name(index)}{ending}" for index in indices for ending in export.SHEET_ENDINGS]
    tables = place / manifest.TABLES
    if tables.is_dir():
        ours += [path.relative_to(place).as_posix() for path in tables.rglob("*") if path.is_file()]
    for name in sorted(ours):
        if (place / name).is_file():
            yield name, manifest.file_entry(place / name)


def _delivered_in(target: Path, key: DeliveryKey) -> dict[str, dict[str, str]]:
    """Return the sets of a delivery of ours that lies in a folder, each with the hashes of its files."""
    try:
        data, signature = plain_files.read(target / manifest.NAME), plain_files.read(target / manifest.SIGNATURE)
    except FileNotFoundError:
        return {}
    if not delivery_key.is_signed(data, signature, key.public):
        return {}
    return {
        entry["folder"]: {name: file["sha256"] for name, file in entry["files"].items()}
        for entry in (durable_files.decode(data) or {}).get("sets", ())
    }


def _remove_delivered(target: Path, folder: str, files: Mapping[str, str]) -> None:
    """Remove a set that we delivered before from a folder, if it is still as we delivered it, and its sheet."""
    if (target / folder).is_dir() and export.is_as_published(target / folder, files):
        shutil.rmtree(target / folder)
        for ending in export.SHEET_ENDINGS:
            (target / SHEETS_NAME / f"{folder}{ending}").unlink(missing_ok=True)
