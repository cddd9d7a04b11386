"""Opening of deliveries: a folder, a ZIP, or a ZIP encrypted with `age`. Their contents are not trusted.

Only names that a delivery can have are accepted; links are not followed; a ZIP is unpacked by the sizes in the signed
manifest, not by its own.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from base64 import b64decode
from collections import defaultdict
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
from services.language import gettext, gettext_noop, printable
from services.layout import is_litter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import FileIO
    from pathlib import Path

LARGEST_MANIFEST: Final = 64 << 20
MOST_FILES: Final = 1_000_000
_AT_ONCE: Final = 1024 * 1024
"""Bytes read, hashed and written at a time: nearly all slices in one piece, because two threads that read in many
pieces hinder each other; they stay in the processor's cache.
"""
_NAMED: Final = 5
"""Files of one kind of error that are named; of a set that is missing as a whole there are hundreds."""
_LONGEST_NAME: Final = 255
"""Bytes of a name that file systems can hold."""
_OF_THREAD: Final = local()
_READERS: Final = 2
"""Files of a set read concurrently; more would only wait for the disk."""
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_ADDED: Final = gettext_noop("was added: it is not in the manifest")
_LINK: Final = gettext_noop("is a link")
_MISSING: Final = gettext_noop("is missing")
_IN_NO_MANIFEST: Final = gettext_noop("is in no manifest")
_ANOTHER: Final = gettext_noop("is not what was delivered: its size or SHA-256 differs")


class Tampered(Exception):
    """The delivery is not what its sender signed, or not a delivery. None of it is taken."""


class Encrypted(SettingsWrong):
    """The delivery is encrypted, and no key was named that opens it."""


@dataclass(frozen=True)
class Delivered:
    """A delivery whose manifest carries a valid signature."""

    manifest: Mapping[str, Any]
    """The manifest."""

    digest: str
    """SHA-256 of the manifest's bytes."""

    fingerprint: str
    """Fingerprint of the signing key."""

    source: Source
    """Source of its files."""

    workplace: Path
    """Its own folder on the receiving collection's disk."""

    wrong: Mapping[str, list[str]] = field(default_factory=dict)
    """Errors of each set that names and sizes show; errors of other files are under ''."""

    @contextmanager
    def fetched(self, entry: Mapping[str, Any], *, lasting: bool) -> Iterator[tuple[Path, list[str]]]:
        """Copy the files of a set into a folder, hashing each while writing, and yield it with the errors found.

        Parameters
        ----------
        lasting
            Whether these files are to be published: the kernel then starts writing them to disk at once.
        """
        place = self.workplace / f"{entry['folder']}"
        place.mkdir()
        wrong = _Wrong()
        names, files = [f"{entry['folder']}/{name}" for name in entry["files"]], list(entry["files"].values())
        try:
            with ThreadPoolExecutor(_READERS) as pool:  # reading, hashing and writing release the GIL
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
            yield place, [what for each in wrong.sentences().values() for what in each]
        finally:
            shutil.rmtree(place, ignore_errors=True)

    @property
    def id(self) -> str:
        """The delivery's id."""
        return str(self.manifest["id"])

    @property
    def sets(self) -> list[Mapping[str, Any]]:
        """The manifest's entries of the sets."""
        return list(self.manifest["sets"])


@contextmanager
def opened(
    path: Path, workplace: Path, *, identity: Path | None, is_trusted: Callable[[str, Mapping[str, Any]], None]
) -> Iterator[Delivered]:
    """Open a delivery; compare names and sizes, and all files outside the sets, with the manifest.

    Parameters
    ----------
    workplace
        Temporary folder for its sets.
    is_trusted
        Raises unless the key with this fingerprint is trusted; called before anything else is read.

    Raises
    ------
    Tampered
        Says what is wrong with the delivery as a whole.
    SettingsWrong
        There is no delivery, or the identity is missing.
    """
    with _source(path, workplace, identity) as source:
        data, signature = source.read(manifest.NAME, LARGEST_MANIFEST), source.read(manifest.SIGNATURE, 64)
        content, fingerprint = _signed(data, signature)
        is_trusted(fingerprint, content)
        if fault := manifest.fault_in(content):
            raise Tampered(fault)
        wrong = source.missed(_stated(content))
        for name, file in content["files"].items():
            if name not in wrong and not source.fetch(name, None, file["size"], file["sha256"]):
                wrong.add(name, _ANOTHER)
        place = workplace / f"unpacked-{uuid4().hex}"
        place.mkdir()
        try:
            yield Delivered(content, sha256(data).hexdigest(), fingerprint, source, place, wrong.sentences())
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _signed(data: bytes, signature: bytes) -> tuple[dict[str, Any], str]:
    """Return the manifest and the fingerprint of its key, if the signature is valid."""
    content = manifest.decode(data)
    if content is None:
        raise Tampered(gettext("delivery.json is not the manifest of a delivery."))
    try:
        public = b64decode(content["sender"]["key"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Tampered(gettext("delivery.json names no key of its sender.")) from None
    if len(signature) != 64 or not delivery_key.is_signed(data, signature, public):
        raise Tampered(
            gettext("The signature is not that of delivery.json: it was changed, or signed with another key.")
        )
    fingerprint = delivery_key.fingerprint(public)
    if content["sender"].get("fingerprint") != fingerprint:
        raise Tampered(gettext("delivery.json states a fingerprint that is not that of its key."))
    return content, fingerprint


def _stated(content: Mapping[str, Any]) -> dict[str, int]:
    """Return the size of every file by its name in the delivery."""
    stated = {f"{one['folder']}/{name}": file["size"] for one in content["sets"] for name, file in one["files"].items()}
    return stated | {name: file["size"] for name, file in content["files"].items()}


class _Wrong:
    """Errors of files."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._files: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.remarks: list[str] = []
        """Errors of the delivery as a whole."""

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str, what: str) -> None:
        """Add an error of a file."""
        folder = name.partition("/")[0]
        self._names.add(name)
        self._files[folder if manifest.SET.fullmatch(folder) else "", what].append(name)

    def sentences(self) -> dict[str, list[str]]:
        """Return the errors of each set, and under '' all others; of many equal ones some are named."""
        said: defaultdict[str, list[str]] = defaultdict(list)
        for (folder, what), names in self._files.items():
            more = len(names) - _NAMED
            named = names[:_NAMED] if more > 1 else names
            said[folder] += [gettext("{file} {what}.", file=printable(name), what=gettext(what)) for name in named]
            if more > 1:
                said[folder].append(gettext("The same is true of {count} more files.", count=more))
        if self.remarks:
            said[""] += self.remarks
        return dict(said)


class Source(ABC):
    """Source of a delivery's files."""

    @abstractmethod
    def read(self, name: str, most: int) -> bytes:
        """Read a small file."""

    @abstractmethod
    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        """Return files that are missing, added, links, or of another size than stated."""

    @abstractmethod
    def stream(self, name: str) -> BinaryIO:
        """Open an existing file."""

    def fetch(self, name: str, target: Path | None, size: int, digest: str, *, lasting: bool = False) -> bool:
        """Copy a file, or only read it if there is no target; return whether it matches size and digest."""
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
    """Return this thread's buffer; a new one per file would have to be obtained from the kernel page by page."""
    buffer: memoryview | None = getattr(_OF_THREAD, "buffer", None)
    if buffer is None:
        buffer = _OF_THREAD.buffer = memoryview(bytearray(_AT_ONCE))
    return buffer


def _write_all(file: FileIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


class _Folder(Source):
    """Delivery in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, most: int) -> bytes:
        path = self._root / name
        if path.is_symlink() or not path.is_file():
            raise Tampered(gettext("There is no {file}: it is not a delivery, or is incomplete.", file=name))
        if path.stat().st_size > most:
            raise Tampered(gettext("{file} is too large.", file=name))
        return plain_files.read(path, most)

    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        wrong = _Wrong()
        there: dict[str, int] = {}
        folders = {PurePosixPath(each).parent.as_posix() for each in stated}
        for count, path in enumerate(self._root.rglob("*")):
            if count > MOST_FILES:
                raise Tampered(gettext("It holds too many files."))
            name, status = path.relative_to(self._root).as_posix(), path.lstat()
            if stat.S_ISLNK(status.st_mode):
                wrong.add(name, _LINK)
            elif stat.S_ISDIR(status.st_mode):
                if name not in folders and manifest.SET.fullmatch(name):
                    wrong.add(f"{name}/", _IN_NO_MANIFEST)
            elif name not in {manifest.NAME, manifest.SIGNATURE}:
                there[name] = status.st_size
        for name in sorted(stated.keys() | there):
            if name not in stated:
                if not is_litter(PurePosixPath(name).name):
                    wrong.add(name, _ADDED)
            elif name not in there:
                wrong.add(name, _MISSING)
            elif there[name] != stated[name]:
                wrong.add(name, _ANOTHER)
        return wrong

    def stream(self, name: str) -> BinaryIO:
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb", buffering=0)


class _Zip(Source):
    """Delivery in a ZIP, unpacked as far as its manifest goes."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._size = size
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._folders: set[str] = set()
        seen: set[str] = set()
        for entry in archive.infolist():
            if not _is_plain(entry.filename.rstrip("/") if entry.is_dir() else entry.filename) or _has_two_names(entry):
                raise Tampered(gettext("A name in the ZIP leads out of it, or cannot be part of a delivery."))
            if entry.is_dir() and not entry.file_size:
                self._folders.add(entry.filename.rstrip("/"))
                continue
            if entry.filename.casefold() in seen:
                raise Tampered(gettext("A name occurs twice in the ZIP."))
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise Tampered(gettext("There is a link in the ZIP."))
            if entry.flag_bits & 1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise Tampered(gettext("The ZIP is encrypted, or compressed in an unsupported way."))
            seen.add(entry.filename.casefold())
            self._entries[entry.filename] = entry
        self._enter()

    def _enter(self) -> None:
        """Descend into the single folder that holds the delivery, as when someone zipped the folder by right-click."""
        tops = {name.partition("/")[0] for name in self._entries if not is_litter(PurePosixPath(name).name)}
        top = f"{tops.pop()}/" if len(tops) == 1 else ""
        if top and f"{top}{manifest.NAME}" in self._entries:
            self._entries = {name.removeprefix(top): entry for name, entry in self._entries.items()}
            self._folders = {name.removeprefix(top) for name in self._folders}

    def read(self, name: str, most: int) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise Tampered(gettext("There is no {file}: it is not a delivery, or is incomplete.", file=name))
        try:
            with self._archive.open(entry) as file:
                data = file.read(most + 1)
        except _DAMAGED:
            raise Tampered(gettext("{file} cannot be unpacked.", file=name)) from None
        if len(data) > most:
            raise Tampered(gettext("{file} is too large.", file=name))
        return data

    def missed(self, stated: Mapping[str, int]) -> _Wrong:
        wrong = _Wrong()
        for name in sorted(self._entries.keys() - stated.keys() - {manifest.NAME, manifest.SIGNATURE}):
            if not is_litter(PurePosixPath(name).name):
                wrong.add(name, _ADDED)
        for name in sorted(self._folders - {PurePosixPath(each).parent.as_posix() for each in stated}):
            if manifest.SET.fullmatch(name):
                wrong.add(f"{name}/", _IN_NO_MANIFEST)
        for name in sorted(stated.keys() - self._entries.keys()):
            wrong.add(name, _MISSING)
        if not _is_all_of_files(self._archive, self._size):
            wrong.remarks.append(gettext("The ZIP holds bytes that belong to none of its files."))
        return wrong

    def stream(self, name: str) -> BinaryIO:
        return self._archive.open(self._entries[name])  # type: ignore[return-value]  # as good as one


@contextmanager
def _source(path: Path, workplace: Path, identity: Path | None) -> Iterator[Source]:
    """Determine the type of a delivery and open it."""
    path = _the_one_in(path)
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file():
        raise SettingsWrong(gettext("There is no delivery of that name."))
    place = workplace / f"unpacked-{uuid4().hex}"
    place.mkdir(parents=True)
    try:
        if _is_age(path):
            if identity is None:
                raise Encrypted(gettext("The delivery is encrypted: --identity FILE names the key that opens it."))
            if not packing.decrypt(path, place / "delivery.zip", packing.identities(identity)):
                raise Tampered(gettext("It cannot be decrypted: it is for another recipient, damaged, or truncated."))
            path = place / "delivery.zip"
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise Tampered(gettext("It is neither a folder nor a ZIP, or it is damaged.")) from None
        with archive:
            yield _Zip(archive, path.stat().st_size)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _the_one_in(path: Path) -> Path:
    """Return the single delivery inside a folder that is not one itself, as written by `--zip` and by unpackers."""
    if path.is_dir() and not (path / manifest.NAME).exists():
        packed = [one for one in path.iterdir() if one.name.lower().endswith((".zip", ".zip.age")) and one.is_file()]
        found = packed or [one for one in path.iterdir() if not one.is_symlink() and (one / manifest.NAME).is_file()]
        if len(found) == 1:
            return found[0]
    return path


def _is_age(path: Path) -> bool:
    with plain_files.opened(path) as file:
        return file.read(19) == b"age-encryption.org/"


_LOCAL: Final = struct.Struct("<26xHH")
"""Lengths of name and extra field in a file's ZIP header. APPNOTE 4.3.7."""
_DIRECTORY_ENTRY: Final = 46
_ENDS: Final = (22, 22 + 20 + 56)
"""Bytes after the central directory, in a ZIP and in a ZIP64. APPNOTE 4.3.14 to 4.3.16."""
_DESCRIPTOR: Final = 24
"""Maximum length of the data descriptor after a file of initially unknown size. APPNOTE 4.3.9."""
_WITH_DESCRIPTOR: Final = 1 << 3
_UNICODE_PATH: Final = b"\x75\x70"
"""Extra field with the file's name, which other programs prefer. APPNOTE 4.6.9."""


def _has_two_names(entry: zipfile.ZipInfo) -> bool:
    """Return whether other programs may read a different name."""
    if "\0" in entry.orig_filename:
        return True
    extra = entry.extra
    while len(extra) >= 4:
        end = 4 + int.from_bytes(extra[2:4], "little")
        if extra[:2] == _UNICODE_PATH and extra[9:end] != entry.filename.encode():
            return True
        extra = extra[end:]
    return False


def _is_all_of_files(archive: zipfile.ZipFile, size: int) -> bool:
    """Return whether files and directory fill a ZIP, with nothing before, between or after them, and no comment."""
    at, slack, directory = 0, 0, 0
    for entry in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if not at <= entry.header_offset <= at + slack or entry.comment:
            return False
        at = entry.header_offset + _local_length(archive, entry) + entry.compress_size
        slack = _DESCRIPTOR if entry.flag_bits & _WITH_DESCRIPTOR else 0
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437", "replace")
        directory += _DIRECTORY_ENTRY + len(name) + len(entry.extra)
    return (
        at <= archive.start_dir <= at + slack and not archive.comment and size - archive.start_dir - directory in _ENDS
    )


def _local_length(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Return the length of a file's local header; its validity is checked when the file is opened."""
    stream = archive.fp
    assert stream is not None  # it is open
    stream.seek(entry.header_offset)
    head = stream.read(_LOCAL.size)
    return _LOCAL.size + sum(_LOCAL.unpack(head)) if len(head) == _LOCAL.size else 0


def _is_plain(name: str) -> bool:
    """Return whether a name is safe on every system: it cannot leave its folder."""
    parts = name.split("/")
    return (
        bool(name)
        and "\\" not in name
        and ":" not in name
        and not name.startswith("/")
        and all(part not in {"", ".", ".."} and part.isprintable() for part in parts)
        and all(len(part.encode()) <= _LONGEST_NAME for part in parts)
        and len(parts) <= 4
    )
