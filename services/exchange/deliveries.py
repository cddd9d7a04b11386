"""Creation of deliveries: sets, sheets, report and tables, their manifest, and its signature.

A delivery appears completely or not at all. A new folder is created next to its destination and renamed; in an existing
folder, `delivery.json.sig` is written last, and without it nothing counts as a delivery. Remains of an interrupted
attempt are deleted by the next. Each delivery is recorded in `.anonymizer/deliveries/` before it appears, so that none
is unaccounted for.
"""

from __future__ import annotations

import fcntl
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
from services.exchange import delivery_key, export_checkpoint, manifest, packing
from services.language import gettext
from services.layout import SHEETS_NAME
from services.maintenance import export
from services.maintenance.export import Exported
from services.runtime import audit, durable_files
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
    """What to deliver, and how."""

    indices: frozenset[int] | None = None
    """Indices of the sets; all by default."""

    hospitals: frozenset[str] = frozenset()
    """Restricts the sets to these hospitals; all by default."""

    unread_words: bool = False
    """Whether to include sets with words that nobody has reviewed."""

    hospital_name: bool = False
    """Whether to name the hospital in the delivery."""

    as_zip: bool = False

    recipients: tuple[Any, ...] = ()
    """Recipients for whom the ZIP is encrypted."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, as recorded in `.anonymizer/deliveries/`."""

    id: str

    at: str
    """ISO 8601, UTC."""

    to: str
    """Destination as named by the person."""

    user: str
    """User of the operating system or the console."""

    key: str
    """Fingerprint of the signing key."""

    sets: Mapping[str, str]
    """ANON folders with the fingerprints of their files."""

    withdrawn: tuple[str, ...] = ()
    unread_words: bool = False
    encrypted: bool = False

    done: bool = True
    """False if interrupted or still being written."""

    number: int = 0
    """Place among the deliveries of the collection, whatever the clock said; 0 if made by an earlier version."""


class Made(NamedTuple):
    """Result of making a delivery, with the outcome of each requested set."""

    sets: list[Exported]

    delivery: Delivery | None
    """None if nothing could be delivered."""

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
        A folder, created if missing; with `as_zip`, a file that ends in `.zip` or `.age`, or the folder for it.
    extras
        Writes report and tables of the delivered indices into a folder.
    user
        Requesting user; the operating system's user by default.
    to
        Destination as recorded; `target` by default.

    Raises
    ------
    SettingsWrong
        `target` is inside the collection or not free, or a requested set was never published.
    OSError
        Temporary; nothing exists under the final name.
    """
    export.refuse_inside(collection, target)
    chosen, held = _choose(collection, wanted)
    run = _Run(collection, key, wanted, extras, user or audit.system_user(), to)
    if wanted.as_zip or wanted.recipients:
        return run.packed(_file_of(target, run.id, encrypted=bool(wanted.recipients)), chosen, held)
    return run.new_folder(target, chosen, held) if _is_free(target) else run.into(target, chosen, held)


def _is_free(target: Path) -> bool:
    """Return whether a path does not exist or is an empty folder that can be replaced."""
    if not os.path.lexists(target):
        return True
    if not target.is_dir() or target.is_symlink() or target.is_mount() or any(target.iterdir()):
        return False
    return os.access(target.parent, os.W_OK)


def all_of(collection: Collection) -> list[Delivery]:
    """Return all recorded deliveries, oldest first."""
    names = durable_files.names(collection.deliveries) if collection.deliveries.is_dir() else []
    stored = [
        durable_files.read(collection.deliveries / name)
        for name in names
        if name.endswith(".json") and not durable_files.is_left_over(name)
    ]
    return sorted(
        (_decoded(one) for one in stored if one and "id" in one), key=lambda one: (one.number, one.at, one.id)
    )


def holding(collection: Collection, index: int) -> list[Delivery]:
    """Return the deliveries that contain a set."""
    return [one for one in all_of(collection) if folder_name(index) in one.sets]


def _choose(collection: Collection, wanted: Wanted) -> tuple[set[int], list[Exported]]:
    """Return the indices that may be delivered, and the sets held back."""
    there = records.indices(collection)
    for index in sorted(wanted.indices or ()):
        found = records.read(collection, index)
        if found is None:
            raise SettingsWrong(gettext("{name} was never published here.", name=folder_name(index)))
        if found.withdrawn:
            raise SettingsWrong(
                gettext(
                    "{name} was withdrawn. A delivery of all sets reports this to its recipients.",
                    name=folder_name(index),
                )
            )
    chosen, held = set(), []
    if unknown := wanted.hospitals - {hospital_of(collection, index) for index in there}:
        all_records = (records.read(collection, index) for index in there)
        if not any(one is not None and one.withdrawn for one in all_records):  # their hospitals are no longer known
            raise SettingsWrong(gettext("No published set is of hospital {name}.", name=min(unknown)))
    for index in there:
        if wanted.indices is not None and index not in wanted.indices:
            continue
        if wanted.hospitals and hospital_of(collection, index) not in wanted.hospitals:
            continue
        found = records.read(collection, index)
        is_published = found is not None and not found.withdrawn
        if is_published and not wanted.unread_words and export_checkpoint.count_unread(collection, index):
            held.append(Exported(folder_name(index), "unread words"))
        elif is_published and (why := export_checkpoint.not_released(collection, index)):
            held.append(Exported(folder_name(index), why))
        else:
            chosen.add(index)
    return chosen, held


def hospital_of(collection: Collection, index: int) -> str:
    """Return the hospital of a set: the fourth column of its tracking line."""
    columns = tracking_lines.columns(collection, index)
    return columns[3] if len(columns) > 3 else ""


class _Run:
    """One delivery being made."""

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
        """Make the delivery in a new folder next to its destination and rename it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as new:
            sets, delivery = self._fill(new, chosen, target)
            if delivery is None:
                target.mkdir(exist_ok=True)
            else:
                _sync(new)
                with suppress(FileNotFoundError):
                    target.rmdir()  # an empty folder, which a rename may not replace on every system
                durable_files.rename_new(new, target)
                delivery = self._note(delivery, done=True)
        return Made(sorted([*sets, *held]), delivery, target)

    def into(self, target: Path, chosen: set[int], held: list[Exported]) -> Made:
        """Add the delivery to an existing folder, replacing an earlier delivery there."""
        if not target.is_dir():
            raise SettingsWrong(gettext("DEST is a file: name a folder, or use --zip with a name that ends in .zip."))
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
        """Make the delivery as one file; unencrypted data stays in the collection's own folder."""
        if os.path.lexists(target):
            raise SettingsWrong(gettext("{file} already exists: name another file.", file=target.name))
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
        """Write all contents into a folder; the delivery is recorded before the signature is written."""
        found = (records.read(self._collection, index) for index in chosen)
        at_start = {one.index: one.hashes for one in found if one is not None and not one.withdrawn}
        try:
            return self._written(place, chosen, target, at_start)
        except FileNotFoundError:
            self._refuse_changed(at_start)
            raise

    def _written(
        self, place: Path, chosen: set[int], target: Path, at_start: Mapping[int, Mapping[str, str]]
    ) -> tuple[list[Exported], Delivery | None]:
        collection = self._collection
        sets = list(export.copy_sets(collection, place, chosen))
        indices = [records.index_of(one.folder) for one in sets if one.state in TRAVELS]
        withdrawn = self._withdrawn()
        if not indices and not withdrawn:
            return sets, None
        (place / SHEETS_NAME).mkdir(exist_ok=True)
        self._extras(place, indices)
        delivered = {index: at_start[index] for index in indices}
        self._refuse_changed(delivered)
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
            number=1 + max((one.number for one in self._before), default=0),
        )
        self._note(delivery, done=False)
        self._refuse_changed(delivered)  # whoever forgets a set from now on is told of this delivery
        durable_files.write_atomically(place / manifest.NAME, written)
        durable_files.write_atomically(place / manifest.SIGNATURE, self._key.sign(written))
        return sets, delivery

    def _refuse_changed(self, at_start: Mapping[int, Mapping[str, str]]) -> None:
        """Raise if a set was withdrawn, forgotten or processed again while the delivery was made."""
        for index, hashes in at_start.items():
            now = records.read(self._collection, index)
            if now is None or now.withdrawn or now.hashes != hashes:
                raise SettingsWrong(
                    gettext(
                        "{name} was withdrawn, forgotten or processed again meanwhile: make the delivery again.",
                        name=folder_name(index),
                    )
                )

    def _entry(self, index: int) -> dict[str, Any]:
        published = records.read(self._collection, index)
        assert published is not None
        last = [one.sets[folder_name(index)] for one in self._before if one.done and folder_name(index) in one.sets]
        now = records.digest_over(published.hashes)
        state = "new" if not last else "unchanged" if last[-1] == now else "revised"
        hospital = hospital_of(self._collection, index) if self._wanted.hospital_name else ""
        unread = export_checkpoint.count_unread(self._collection, index)
        return manifest.set_entry(self._collection, published, state, unread, hospital=hospital)

    def _withdrawn(self) -> list[dict[str, Any]]:
        """Return sets delivered earlier and withdrawn since, as a recall to whoever may have them."""
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
        number=int(stored.get("number", 0)),
    )


def _file_of(target: Path, delivery_id: str, *, encrypted: bool) -> Path:
    if target.suffix in {".zip", ".age"} and not target.is_dir():
        return target
    return target / (_FILE.format(delivery_id[:8]) + (".age" if encrypted else ""))


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Create a temporary folder next to the destination; remains of earlier attempts are deleted."""
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
            gettext(
                "Another delivery is being made there, or an interrupted one is in its place: wait, or remove {name}.",
                name=path.name,
            )
        ) from None
    with _held(path):
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Lock the folder of a delivery in progress for the life of this process; False if another process holds it."""
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
        except OSError:  # a share without lock support
            yield True
        else:
            yield True
    finally:
        os.close(descriptor)


def _clear(path: Path) -> None:
    """Delete the remains of an attempt unless its process is alive."""
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
    """Yield the files of a delivery outside the sets: sheets, report, tables."""
    ours = [f"{SHEETS_NAME}/{export.REPORT}"]
    ours += [f"{SHEETS_NAME}/{folder_name(index)}{ending}" for index in indices for ending in export.SHEET_ENDINGS]
    tables = place / manifest.TABLES
    if tables.is_dir():
        ours += [path.relative_to(place).as_posix() for path in tables.rglob("*") if path.is_file()]
    for name in sorted(ours):
        if (place / name).is_file():
            yield name, manifest.file_entry(place / name)


def _delivered_in(target: Path, key: DeliveryKey) -> dict[str, dict[str, str]]:
    """Return the sets of one of our deliveries in a folder, each with the hashes of its files."""
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
    """Remove a set delivered earlier and its sheet from a folder, if still as delivered."""
    if (target / folder).is_dir() and export.is_as_published(target / folder, files):
        shutil.rmtree(target / folder)
        for ending in export.SHEET_ENDINGS:
            (target / SHEETS_NAME / f"{folder}{ending}").unlink(missing_ok=True)
