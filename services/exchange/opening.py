"""A delivery is opened: a folder, a ZIP, or a ZIP encrypted with `age`. Nothing in it is believed.

Names are those that a delivery has, and no others; links are not followed; a ZIP is unpacked by the sizes that the
signed manifest states, not by those it claims itself.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from threading import local
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from uuid import uuid4

from services import plain_files
from services.dicom import part10
from services.errors import SettingsWrong
from services.exchange import delivery_key, manifest, packing
from services.layout import is_litter
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import FileIO
    from pathlib import Path

LARGEST_MANIFEST: Final = 64 << 20
MOST_FILES: Final = 1_000_000
_AT_ONCE: Final = 256 * 1024
"""Bytes that are read, hashed and written: they stay in the processor's cache meanwhile."""
_OF_THREAD: Final = local()
_READERS: Final = 2
"""Files of a set that are fetched at once: more would only wait for the disk."""
_SET: Final = re.compile(r"ANON_[0-9]{3,9}")
_SET_FILE: Final = re.compile(r"(CT|RS|RP|RD)\.[0-9.]{1,64}\.dcm")
_BESIDE: Final = re.compile(r"(sheets|tables)(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}){1,2}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_ANOTHER: Final = "is not what was delivered: its size or SHA-256 is another"


class Tampered(Exception):
    """The delivery is not what its sender signed, or no delivery at all. Nothing of it is taken."""


@dataclass(frozen=True)
class Delivered:
    """A delivery whose manifest is what its key signed."""

    said: Mapping[str, Any]
    """The manifest."""

    digest: str
    """SHA-256 of the manifest's bytes."""

    fingerprint: str
    """Of the key it is signed with."""

    source: Source
    """Where its files come from."""

    workplace: Path
    """A folder of its own, on the disk of the collection that receives it."""

    wrong: Mapping[str, list[str]] = field(default_factory=dict)
    """What is wrong with each set as far as names tell; under '' with the files that are no set's."""

    @contextmanager
    def fetched(self, said: Mapping[str, Any], *, lasting: bool) -> Iterator[tuple[Path, list[str]]]:
        """Bring the files of a set into a folder, each hashed as it is written, and tell what is wrong with them.

        Parameters
        ----------
        lasting
            Whether these files are to be published: the kernel then begins at once to write them to the disk.
        """
        place = self.workplace / f"{said['folder']}"
        place.mkdir()
        wrong = _Wrong()
        names, files = [f"{said['folder']}/{name}" for name in said["files"]], list(said["files"].values())
        try:
            with ThreadPoolExecutor(_READERS) as pool:  # reading, hashing and writing let go of the interpreter
                fetched = pool.map(
                    lambda name, file: self.source.fetch(
                        name, self.workplace / name, file["size"], file["sha256"], lasting=lasting
                    ),
                    names,
                    files,
                )
                for name, is_good in zip(names, fetched, strict=True):
                    if not is_good:
                        wrong.add(name, _ANOTHER)
            yield place, [what for each in wrong.values() for what in each]
        finally:
            shutil.rmtree(place, ignore_errors=True)

    @property
    def id(self) -> str:
        """The delivery's id."""
        return str(self.said["id"])

    @property
    def sets(self) -> list[Mapping[str, Any]]:
        """What the manifest says of each set."""
        return list(self.said["sets"])


@contextmanager
def opened(
    path: Path, workplace: Path, *, identity: Path | None, is_trusted: Callable[[str, Mapping[str, Any]], None]
) -> Iterator[Delivered]:
    """Open a delivery and hold against the manifest what names and sizes tell, and every file that is no set's.

    Parameters
    ----------
    workplace
        A folder in which its sets may lie for as long.
    is_trusted
        Raises unless the key of this fingerprint is believed; asked before anything else is looked at.

    Raises
    ------
    Tampered
        Says what is wrong with it as a whole.
    SettingsWrong
        There is nothing, or the identity is missing.
    """
    with _source(path, workplace, identity) as source:
        data, signature = source.read(manifest.NAME, LARGEST_MANIFEST), source.read(manifest.SIGNATURE, 64)
        said, fingerprint = _signed(data, signature)
        is_trusted(fingerprint, said)
        _check_shape(said)
        wrong = source.missed(_stated(said))
        for name, file in said["files"].items():
            if not any(each.startswith(f"{name} ") for each in wrong.get("", ())) and not source.fetch(
                name, None, file["size"], file["sha256"]
            ):
                wrong.add(name, _ANOTHER)
        place = workplace / f"unpacked-{uuid4().hex}"
        place.mkdir()
        try:
            yield Delivered(said, sha256(data).hexdigest(), fingerprint, source, place, wrong)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _signed(data: bytes, signature: bytes) -> tuple[dict[str, Any], str]:
    """Return the manifest and the fingerprint of the key that it names, if its signature is that key's."""
    said = durable_files.decode(data)
    if said is None:
        raise Tampered("delivery.json is no manifest of a delivery.")
    try:
        public = b64decode(said["sender"]["key"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Tampered("delivery.json names no key of its sender.") from None
    if len(signature) != 64 or not delivery_key.is_signed(data, signature, public):
        raise Tampered("The signature is not that of delivery.json: it was changed, or signed with another key.")
    return said, delivery_key.fingerprint(public)


def _check_shape(said: Mapping[str, Any]) -> None:
    """Refuse a manifest that this version does not understand, or that says one thing twice."""
    schema = said.get("schema")
    if schema != manifest.SCHEMA:
        newer = isinstance(schema, int) and schema > manifest.SCHEMA
        raise Tampered("It was made by a newer version: update this one." if newer else "Its schema is not known.")
    sets, withdrawn, files = said.get("sets"), said.get("withdrawn"), said.get("files")
    if not (
        _ID.fullmatch(str(said.get("id")))
        and isinstance(sets, list)
        and isinstance(withdrawn, list)
        and isinstance(files, dict)
        and all(map(_is_set, sets))
        and all(isinstance(one, dict) and _SET.fullmatch(str(one.get("folder"))) for one in withdrawn)
        and all(_BESIDE.fullmatch(name) and ".." not in name and _is_file(file) for name, file in files.items())
    ):
        raise Tampered("delivery.json does not say what a delivery says.")
    folders = [one["folder"] for one in sets]
    names = [name for one in sets for name in one["files"]]
    if len(set(folders)) < len(folders) or len(set(names)) < len(names):
        raise Tampered("delivery.json names a set, or a file, twice.")
    if set(folders) & {one["folder"] for one in withdrawn}:
        raise Tampered("delivery.json delivers and withdraws one set.")


def _is_set(one: object) -> bool:
    return (
        isinstance(one, dict)
        and _SET.fullmatch(str(one.get("folder"))) is not None
        and isinstance(one.get("patient_id"), str)
        and isinstance(one.get("revision"), int)
        and isinstance(one.get("files"), dict)
        and bool(one["files"])
        and all(_SET_FILE.fullmatch(name) and _is_file(file) for name, file in one["files"].items())
        and one.get("fingerprint")
        == manifest.fingerprint_of({name: file["sha256"] for name, file in one["files"].items()})
    )


def _is_file(file: object) -> bool:
    return (
        isinstance(file, dict)
        and isinstance(file.get("size"), int)
        and file["size"] >= 0
        and _DIGEST.fullmatch(str(file.get("sha256"))) is not None
    )


def _stated(said: Mapping[str, Any]) -> dict[str, int]:
    """Return the size of every file by its name in the delivery."""
    stated = {f"{one['folder']}/{name}": file["size"] for one in said["sets"] for name, file in one["files"].items()}
    return stated | {name: file["size"] for name, file in said["files"].items()}


class _Wrong(dict[str, list[str]]):
    """What is wrong, by set."""

    def add(self, name: str, what: str) -> None:
        """Note that something is wrong with a file."""
        folder = name.partition("/")[0]
        self.setdefault(folder if _SET.fullmatch(folder) else "", []).append(f"{name} {what}.")


class Source(ABC):
    """Where the files of a delivery come from."""

    @abstractmethod
    def read(self, name: str, most: int) -> bytes:
        """Read a small file whole."""

    @abstractmethod
    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        """Return what is missing, was added, is a link, or has another size than is stated."""

    @abstractmethod
    def stream(self, name: str) -> BinaryIO:
        """Open a file that is there."""

    def fetch(self, name: str, target: Path | None, size: int, digest: str, *, lasting: bool = False) -> bool:
        """Write a file anew, or only read it where there is no target; false unless it is what was delivered."""
        found, left = sha256(), size
        buffer = _buffer()
        try:
            with self.stream(name) as source, target.open("xb", buffering=0) if target else nullcontext() as file:
                while count := source.readinto(buffer):  # type: ignore[attr-defined]  # of every raw file and entry
                    left -= count
                    if left < 0:
                        return False
                    found.update(buffer[:count])
                    if file is not None:
                        _write_all(file, buffer[:count])
                if file is not None and lasting:
                    part10.begin_writeback(file.fileno())
        except _DAMAGED:
            return False
        return left == 0 and found.hexdigest() == digest


def _buffer() -> memoryview:
    """Return this thread's buffer: new memory for each file would have to be got from the kernel, page by page."""
    buffer: memoryview | None = getattr(_OF_THREAD, "buffer", None)
    if buffer is None:
        buffer = _OF_THREAD.buffer = memoryview(bytearray(_AT_ONCE))
    return buffer


def _write_all(file: FileIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


class _Folder(Source):
    """A delivery that is a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, most: int) -> bytes:
        path = self._root / name
        if path.is_symlink() or not path.is_file():
            raise Tampered(f"There is no {name}: it is no delivery, or not a whole one.")
        if path.stat().st_size > most:
            raise Tampered(f"{name} is too large.")
        return plain_files.read(path, most)

    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        wrong = _Wrong()
        there: dict[str, int] = {}
        folders = {PurePosixPath(each).parent.as_posix() for each in stated}
        for count, path in enumerate(self._root.rglob("*")):
            if count > MOST_FILES:
                raise Tampered("It holds too many files.")
            name, status = path.relative_to(self._root).as_posix(), path.lstat()
            if stat.S_ISLNK(status.st_mode):
                wrong.add(name, "is a link")
            elif stat.S_ISDIR(status.st_mode):
                if name not in folders and _SET.fullmatch(name):
                    wrong.add(f"{name}/", "is in no manifest")
            elif name not in {manifest.NAME, manifest.SIGNATURE}:
                there[name] = status.st_size
        for name in sorted(stated.keys() | there):
            if name not in stated:
                if not is_litter(PurePosixPath(name).name):
                    wrong.add(name, "was added: it is not in the manifest")
            elif name not in there:
                wrong.add(name, "is missing")
            elif there[name] != stated[name]:
                wrong.add(name, _ANOTHER)
        return wrong

    def stream(self, name: str) -> BinaryIO:
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb", buffering=0)


class _Zip(Source):
    """A delivery that is a ZIP, unpacked as far as its manifest goes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries: dict[str, zipfile.ZipInfo] = {}
        seen: set[str] = set()
        for entry in archive.infolist():
            if entry.is_dir() and _is_plain(entry.filename.rstrip("/")):
                continue
            if not _is_plain(entry.filename) or "\0" in entry.orig_filename:
                raise Tampered("A name in the ZIP leads out of it, or is none that a delivery has.")
            if entry.filename.casefold() in seen:
                raise Tampered("A name stands in the ZIP twice.")
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise Tampered("There is a link in the ZIP.")
            if entry.flag_bits & 1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise Tampered("The ZIP is encrypted, or packed in a way that a delivery is not.")
            seen.add(entry.filename.casefold())
            self._entries[entry.filename] = entry

    def read(self, name: str, most: int) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise Tampered(f"There is no {name}: it is no delivery, or not a whole one.")
        try:
            with self._archive.open(entry) as file:
                data = file.read(most + 1)
        except _DAMAGED:
            raise Tampered(f"{name} cannot be unpacked.") from None
        if len(data) > most:
            raise Tampered(f"{name} is too large.")
        return data

    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        wrong = _Wrong()
        for name in sorted(self._entries.keys() - stated.keys() - {manifest.NAME, manifest.SIGNATURE}):
            wrong.add(name, "was added: it is not in the manifest")
        for name in sorted(stated.keys() - self._entries.keys()):
            wrong.add(name, "is missing")
        return wrong

    def stream(self, name: str) -> BinaryIO:
        return self._archive.open(self._entries[name])  # type: ignore[return-value]  # as good as one


@contextmanager
def _source(path: Path, workplace: Path, identity: Path | None) -> Iterator[Source]:
    """Find out what a delivery is, and open it."""
    path = _the_one_in(path)
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file():
        raise SettingsWrong("There is no delivery of that name.")
    place = workplace / f"unpacked-{uuid4().hex}"
    place.mkdir(parents=True)
    try:
        if _is_age(path):
            if identity is None:
                raise SettingsWrong("The delivery is encrypted: --identity FILE names the key that opens it.")
            if not packing.decrypt(path, place / "delivery.zip", packing.identities(identity)):
                raise Tampered("It cannot be decrypted: it is for somebody else, damaged, or cut off.")
            path = place / "delivery.zip"
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise Tampered("It is no folder and no ZIP, or a damaged one.") from None
        with archive:
            yield _Zip(archive)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _the_one_in(path: Path) -> Path:
    """Return the one ZIP in a folder that is none itself: `--zip` writes into a folder."""
    if path.is_dir() and not (path / manifest.NAME).exists():
        packed = [one for one in path.iterdir() if one.name.endswith((".zip", ".zip.age")) and one.is_file()]
        if len(packed) == 1:
            return packed[0]
    return path


def _is_age(path: Path) -> bool:
    with plain_files.opened(path) as file:
        return file.read(19) == b"age-encryption.org/"


def _is_plain(name: str) -> bool:
    """Return whether a name stays where it is put, on any system."""
    parts = name.split("/")
    return (
        bool(name)
        and "\\" not in name
        and ":" not in name
        and not name.startswith("/")
        and all(part not in {"", ".", ".."} and part.isprintable() for part in parts)
        and len(parts) <= 4
    )
