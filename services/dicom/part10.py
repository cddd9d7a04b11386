"""DICOM files (PS3.10 §7): read except for the pixels; written with a new preamble and file meta information.

Pixel data never become Python values. `read` records their position; `write` copies them through a buffer.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import zlib
from bisect import bisect_left
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from services.dicom import dictionary, fragments, tiling, transcode
from services.dicom.elements import (
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    Beyond,
    Element,
    Malformed,
    OtherEncoding,
    Parser,
    PixelsFollow,
    Recurring,
    Truncated,
    encode,
)
from services.dicom.transcode import Encoding
from services.errors import SetChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from services.dicom.stored_bits import Cells

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"

IMPLEMENTATION_CLASS_UID: Final = b"2.25.216107405393862513498371219817303124871"
IMPLEMENTATION_VERSION: Final = b"RTSETANON_1"

HEAD_SIZES: Final = (32 * 1024, 1024 * 1024)
"""Read sizes: the first covers nearly all image headers, the second those of doses with histograms; otherwise the file
is read whole.
"""
COPIED_AT_ONCE: Final = 512 * 1024
"""Bytes of pixels copied at a time: few system calls, yet they stay in the processor's cache between reading and
writing.
"""
MAX_DATA: Final = 1 << 30
"""Maximum bytes of a data set without its pixels. No plan comes close; a guard against hostile files."""

_LONG = Struct("<L")
_HEADER = Struct("<HHL").unpack_from
_META_HEADER = Struct("<H2sH").unpack_from
_TAG = Struct("<HH").unpack_from

_MOST_GROUPS: Final = 0x0100
"""Data sets begin with a group below this."""
OTHER_SYNTAX: Final = "another transfer syntax than the file states"


class NotDicom(Exception):
    """The file is not a DICOM object: it has neither prefix nor data set. DICOMDIR is not one, either."""


Piece: TypeAlias = bytes | tuple[int, int]
"""Part of a value to write: bytes, or offset and length in the source."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Position of the top-level pixel data."""

    at: int
    """Offset in `DicomFile.data` at which the pixel data element belongs, equal to that of the first element after it.
    """
    head: bytes
    """Tag, VR and length as in the file."""
    offset: int
    """Offset of the value in the file (or in `DicomFile.memory`)."""
    length: int
    """Bytes of the value; for encapsulated pixels including all fragments and the delimiter (PS3.5 A.4)."""
    padding: bytes = b""
    """Written after the value, to make its length even."""
    pieces: tuple[Piece, ...] = ()
    """Parts written as the value, if not all of it."""
    cells: Cells | None = None
    """Layout of the pixels in their cells, if these are wider than the pixels."""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """One parsed file, without its pixels."""

    path: Path
    size: int
    transfer_syntax: str
    implicit: bool
    meta: Mapping[int, bytes]
    data: bytes
    """The data set without the pixel data element."""
    elements: Sequence[Element]
    pixels: Pixels | None
    count: int
    """Number of elements and items, at every depth."""
    memory: bytes | None = None
    """The contents, if inflated or transcoded in memory; the pixels are then here, not in the file."""
    recoded: bool = False
    """Whether `data` had to be rewritten to be parsed."""
    oddities: tuple[str, ...] = ()
    """Errors corrected in `data`, described without quoting any value."""

    def before_pixels(self) -> tuple[Sequence[Element], int]:
        """Return the elements before the pixels, and where their bytes end."""
        if self.pixels is None:
            return self.elements, len(self.data)
        return self.elements[: self._behind], self.pixels.at

    def behind_pixels(self) -> Sequence[Element]:
        """Return the elements after the pixels: trailing padding, digital signatures."""
        return self.elements[self._behind :] if self.pixels else ()

    @property
    def _behind(self) -> int:
        """Index of the first element after the pixels."""
        assert self.pixels is not None  # checked by the caller
        return bisect_left(self.elements, self.pixels.at, key=itemgetter(2))


class Series:
    """What files of the same series have in common, so that it is read once."""

    def __init__(self) -> None:
        self._recurring: Final[defaultdict[tuple[str, str], Recurring]] = defaultdict(Recurring)

    def common(self, sop_class_uid: str, transfer_syntax: str) -> Recurring:
        """Return what files of this kind and encoding have in common."""
        return self._recurring[sop_class_uid, transfer_syntax]


def read(path: Path, series: Series | None = None) -> DicomFile:
    """Read one file, except for its pixels.

    Parameters
    ----------
    series
        What the files read before have in common; this one is added.

    Raises
    ------
    NotDicom
        The file is not a DICOM object.
    Truncated, Malformed
        It is DICOM, but ends too early or is invalid.
    OSError
        It cannot be read, or is not a regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotDicom
        for length in HEAD_SIZES:
            with suppress(Beyond):
                return _read(path, fd, os.pread(fd, length, 0), status.st_size, series)
        if status.st_size > MAX_DATA:
            raise Malformed(f"more than {MAX_DATA} bytes beside the pixels")
        return _read(path, fd, _pread(fd, status.st_size, 0), status.st_size, series)
    finally:
        os.close(fd)


def _read(path: Path, fd: int, head: bytes, size: int, series: Series | None) -> DicomFile:
    """Parse a file from its first bytes; raise `Beyond` if they are not enough."""
    meta, pos = _read_meta(head, size)
    sop_class_uid = _uid(meta, 0x00020002)
    if sop_class_uid == MEDIA_DIRECTORY:
        raise NotDicom
    syntax = _uid(meta, 0x00020010)
    if syntax == DEFLATED:
        if len(head) < size:
            raise Beyond
        data = _inflate(head[pos:])
        encoding, syntax, oddities = _encoding(data, 0, len(data), EXPLICIT, certain=True)
        if encoding == Encoding(implicit=False, big_endian=False):
            with suppress(OtherEncoding):
                return replace(from_memory(path, size, meta, data), oddities=oddities)
        read = _straightened(path, size, meta, data, 0, syntax, encoding, oddities)
        return read if read.memory is not None else replace(read, memory=data)
    encoding, syntax, oddities = _encoding(head, pos, size, syntax, certain=head[128:132] == b"DICM")
    if not encoding.big_endian and not (encoding.implicit and syntax != IMPLICIT):
        with suppress(OtherEncoding):
            recurring = series.common(sop_class_uid, syntax) if series else None
            read = _parse(path, fd, head, size, meta, syntax, pos, recurring)
            return replace(read, oddities=oddities) if oddities else read
    if size > MAX_DATA:
        raise Malformed(f"more than {MAX_DATA} bytes in an encoding of another kind")
    return _straightened(path, size, meta, _pread(fd, size, 0), pos, syntax, encoding, oddities)


def _straightened(
    path: Path,
    size: int,
    meta: Mapping[int, bytes],
    data: bytes,
    pos: int,
    syntax: str,
    encoding: Encoding,
    oddities: tuple[str, ...],
) -> DicomFile:
    """Read what the parser does not accept directly, and check that nothing of the data set is lost."""
    implicit = syntax == IMPLICIT
    made = transcode.straighten(data, pos, encoding, implicit=implicit, may_have_holes=pos > 0)
    body = made.before + made.behind
    parser = Parser(body, implicit=implicit)
    parser.may_have_holes = False
    try:
        elements = parser.top_level(0)
    except OtherEncoding as other:
        raise Malformed(str(other)) from None
    tiling.require_all_read(data, pos, elements, encoding)
    pixels = made.pixels
    memory = pixels.value if pixels else None
    offset = 0 if memory is not None or pixels is None else pixels.offset
    place = Pixels(len(made.before), pixels.head, offset, pixels.length) if pixels else None
    _require_syntax(syntax, place)
    all_oddities = (*oddities, *made.oddities)
    return DicomFile(
        path, size, syntax, implicit, meta, body, elements, place, parser.count, memory, True, all_oddities
    )


def _uid(meta: Mapping[int, bytes], tag: int) -> str:
    return meta.get(tag, b"").rstrip(b"\0 ").decode("ascii", "replace")


def from_memory(path: Path, size: int, meta: Mapping[int, bytes], data: bytes) -> DicomFile:
    """Parse a complete explicit little endian data set in memory, which is also how it will be written."""
    parser = Parser(data, implicit=False)
    parser.may_have_holes = False
    try:
        elements = parser.top_level(0)
        rest = data[: _end(elements, 0)]
        return DicomFile(path, size, EXPLICIT, False, meta, rest, elements, None, parser.count, data)
    except PixelsFollow as pixels:
        length = _pixel_length(data, pixels.value, pixels.length, len(data))
        place = Pixels(pixels.start, data[pixels.start : pixels.value], pixels.value, length)
        rest = data[: pixels.start] + data[pixels.value + length :]
        elements = [*pixels.elements, *_behind(parser, rest, pixels)]
        rest = rest[: _end(elements, pixels.start)]
        return DicomFile(path, size, EXPLICIT, False, meta, rest, elements, place, parser.count, data)


def _behind(parser: Parser, data: bytes, pixels: PixelsFollow) -> list[Element]:
    """Parse what follows the pixels, with the same parser, which continues counting."""
    parser.data, parser.size, parser.may_have_holes = data, len(data), False
    try:
        return parser.top_level(pixels.start, pixels.tag)
    except PixelsFollow:
        raise Malformed("a second pixel data element") from None


def with_elements(file: DicomFile, before: bytes, behind: bytes) -> DicomFile:
    """Return the file with other elements before and after its pixels, which are unchanged."""
    data = before + behind
    parser = Parser(data, implicit=file.implicit)
    elements = parser.top_level(0)
    pixels = file.pixels and replace(file.pixels, at=len(before))
    return replace(file, data=data, elements=elements, pixels=pixels, count=parser.count)


def _parse(
    path: Path,
    fd: int,
    head: bytes,
    size: int,
    meta: Mapping[int, bytes],
    syntax: str,
    pos: int,
    recurring: Recurring | None,
) -> DicomFile:
    implicit = syntax == IMPLICIT
    parser = Parser(head, implicit=implicit, size=size, recurring=recurring)
    try:
        found = parser.top_level(pos)
    except PixelsFollow as pixels:
        length = _pixel_length(fd, pixels.value, pixels.length, size)
        behind = pixels.value + length
        if size - behind > MAX_DATA:
            raise Malformed(f"more than {MAX_DATA} bytes after the pixels") from None
        data = head[: pixels.start] + _pread(fd, size - behind, behind)
        elements = pixels.elements
        if recurring and not parser.found_all_recurring:
            recurring.learn(head, elements)
        if behind < size:
            elements = [*elements, *_behind(parser, data, pixels)]
        place = Pixels(pixels.start, head[pixels.start : pixels.value], pixels.value, length)
        _require_syntax(syntax, place)
        data = data[: _end(elements, pixels.start)]
        return DicomFile(path, size, syntax, implicit, meta, data, elements, place, parser.count)
    return DicomFile(path, size, syntax, implicit, meta, head[: _end(found, pos)], found, None, parser.count)


def _require_syntax(syntax: str, pixels: Pixels | None) -> None:
    """Raise if pixels are encapsulated but the transfer syntax does not give the compression. PS3.5 A.4."""
    if pixels and syntax in (IMPLICIT, EXPLICIT) and pixels.head.endswith(b"\xff" * 4):
        raise Malformed("encapsulated pixel data, but the transfer syntax does not define their compression")


def _end(elements: Sequence[Element], least: int) -> int:
    """Return the end of the last element; what follows is padding."""
    return max(elements[-1][4], least) if elements else least


def _read_meta(head: bytes, size: int) -> tuple[dict[int, bytes], int]:
    """Read the file meta information; return it with the start of the data set.

    It is explicit little endian (PS3.10 §7.1); some systems nevertheless write it in implicit VR.
    """
    if head[128:132] == b"DICM":
        pos = 132
    elif head[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08") and size >= 16:
        pos = 0  # written without preamble, as by some systems, or without any file meta information
    else:
        raise NotDicom
    meta: dict[int, bytes] = {}
    while pos + 12 <= len(head) and head[pos : pos + 2] == b"\x02\x00":
        number, vr, length = _META_HEADER(head, pos + 2)
        value = pos + 8
        if vr in LONG_VRS:
            (length,) = _LONG.unpack_from(head, value)
            value += 4
        elif vr not in SHORT_VRS:
            (length,) = _LONG.unpack_from(head, pos + 4)
        pos = value + length
        if pos > len(head):
            if len(head) < size >= pos:
                raise Beyond
            raise Truncated(f"the file ends at byte {size}, inside its meta information")
        meta[2 << 16 | number] = head[value:pos]
    if pos + 8 > len(head) or head[pos : pos + 2] == b"\x02\x00":
        if len(head) < size:
            raise Beyond
        raise Truncated(f"the file ends at byte {size}, before its data set")
    return meta, pos


def _encoding(head: bytes, pos: int, size: int, stated: str, *, certain: bool) -> tuple[Encoding, str, tuple[str, ...]]:
    """Return the encoding of a data set, the transfer syntax for rewriting it, and its oddities.

    The first element decides: of 156 public RT files 20 state no transfer syntax, and some systems state a wrong one.

    Raises
    ------
    NotDicom
        There is no sign of a data set.
    """
    known = stated if dictionary.uid_type(stated) == "Transfer Syntax" else ""
    first = head[pos : pos + 8]
    if len(first) < 8:
        raise Malformed("no data set")
    group, vr = first[:2], first[4:6]
    shown = vr in SHORT_VRS or vr in LONG_VRS
    little, big = (_is_known(first[:4], order) for order in ("little", "big"))
    big_endian = shown and (big if little != big else known == BIG_ENDIAN)
    if not certain and not stated and group not in (b"\x08\x00", b"\x00\x08"):
        raise NotDicom
    states_vr = known not in (IMPLICIT, "") or (not known and vr.isalpha() and vr.isupper())
    explicit = shown or (states_vr and not _is_implicit(head, pos, size))
    encoding = Encoding(not explicit, big_endian or (known == BIG_ENDIAN and not shown and explicit))
    plain = encoding.big_endian or known in ("", IMPLICIT, EXPLICIT, BIG_ENDIAN)
    syntax = known if not plain else EXPLICIT if explicit else IMPLICIT
    as_stated = known == stated and encoding == Encoding(known == IMPLICIT, known == BIG_ENDIAN)
    return encoding, syntax, () if not stated or as_stated else (OTHER_SYNTAX,)


def _is_known(tag: bytes, order: Literal["little", "big"]) -> bool:
    """Return whether four bytes, in this byte order, are a tag with which a data set may begin."""
    group, number = int.from_bytes(tag[:2], order), int.from_bytes(tag[2:], order)
    return bool(dictionary.entry(group << 16 | number)) or (not number and 0 < group < _MOST_GROUPS)


def _is_implicit(head: bytes, pos: int, size: int) -> bool:
    """Return whether the first element is valid in implicit VR: another one, of a higher tag, follows it."""
    group, number, length = _HEADER(head, pos)
    behind = pos + 8 + length
    if not dictionary.entry(group << 16 | number) or behind > size:
        return False
    if behind + 4 > len(head):
        return behind == size or len(head) < size
    next_group, next_number = _TAG(head, behind)
    return bool((next_group, next_number) > (group, number))


def _inflate(data: bytes) -> bytes:
    """Inflate a deflated data set (PS3.5 A.5), within bounds."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, MAX_DATA // 4)
    except zlib.error as error:
        raise Malformed("the deflated data set cannot be inflated") from error
    if inflater.unconsumed_tail:
        raise Malformed(f"the deflated data set holds more than {MAX_DATA // 4} bytes")
    if not inflater.eof:
        raise Truncated("the deflated data set ends too early")
    return inflated


def _pixel_length(source: int | bytes, offset: int, length: int, size: int) -> int:
    """Return the length of a pixel data value: as stated, or by its fragments if encapsulated (PS3.5 A.4)."""
    if length == UNDEFINED:
        extent = fragments.measure(source, offset, size)
        if not extent.whole:
            raise OtherEncoding("encapsulated pixel data without a delimiter")
        return extent.length
    if offset + length > size:
        raise Truncated(f"the file ends at byte {size}, inside the pixel data")
    return length


class Written(NamedTuple):
    """Result of writing a file."""

    size: int
    """In bytes."""
    settled: bool = False
    """Whether unused bits of pixel cells were cleared."""


def write(
    target: Path,
    source: DicomFile,
    before: Iterable[bytes | memoryview],
    behind: Iterable[bytes | memoryview],
    *,
    sop_class_uid: bytes,
    sop_instance_uid: bytes,
    buffer: bytearray,
) -> Written:
    """Write a new file: empty preamble, new meta information, `before`, the pixels of `source`, `behind`.

    The kernel is asked to begin writing the file to disk at once, so that a later fsync finds little to do.

    Parameters
    ----------
    buffer
        Buffer through which pixels are copied; one suffices for a whole set.
    """
    head = b"".join((_meta(sop_class_uid, sop_instance_uid, source.transfer_syntax.encode()), *before))
    pixels = source.pixels
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _write_all(fd, head)
        size, settled = len(head), False
        if pixels is not None:
            _write_all(fd, pixels.head)
            size += len(pixels.head)
            for piece in pixels.pieces or ((pixels.offset, pixels.length),):
                if isinstance(piece, bytes):
                    _write_all(fd, piece)
                    size += len(piece)
                else:
                    settled |= _write_part(fd, source, *piece, memoryview(buffer))
                    size += piece[1]
        tail = b"".join((pixels.padding if pixels else b"", *behind))
        _write_all(fd, tail)
        begin_writeback(fd)
    finally:
        os.close(fd)
    return Written(size + len(tail), settled)


def pixel_value(source: DicomFile) -> bytes | None:
    """Return the pixels as `write` writes them, without padding; None if the file has none."""
    pixels = source.pixels
    if pixels is None:
        return None
    pieces = pixels.pieces or ((pixels.offset, pixels.length),)
    return b"".join(piece if isinstance(piece, bytes) else _part(source, *piece) for piece in pieces)


def pixel_bytes(source: DicomFile, at: int, size: int) -> bytes:
    """Read a part of the pixels as they are, from `at` in their value.

    Raises
    ------
    SetChanged
        The file has been removed or truncated since it was parsed.
    OSError
        It cannot be read.
    """
    assert source.pixels is not None  # checked by the caller
    offset = source.pixels.offset + at
    if source.memory is not None:
        return source.memory[offset : offset + size]
    try:
        fd = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise SetChanged from None
    try:
        return _pread(fd, size, offset)
    except Truncated:
        raise SetChanged from None
    finally:
        os.close(fd)


def _part(source: DicomFile, offset: int, length: int) -> bytes | bytearray:
    """Read a part of the source's pixels, with unused bits cleared."""
    assert source.pixels is not None  # checked by the caller
    whole = bytearray(pixel_bytes(source, offset - source.pixels.offset, length))
    if source.pixels.cells:
        source.pixels.cells.settle(memoryview(whole)[: _of_whole_cells(len(whole), source.pixels.cells)])
    return whole


def _write_part(fd: int, source: DicomFile, offset: int, length: int, buffer: memoryview) -> bool:
    """Write a part of the source's pixels; return whether unused bits were cleared."""
    cells = source.pixels.cells if source.pixels else None
    if source.memory is None:
        return _copy(source.path, fd, offset, length, buffer, cells)
    part = memoryview(source.memory)[offset : offset + length]
    if cells is None:
        _write_all(fd, part)
        return False
    whole = bytearray(part)
    settled = cells.settle(memoryview(whole)[: _of_whole_cells(length, cells)])
    _write_all(fd, memoryview(whole))
    return settled


def _of_whole_cells(length: int, cells: Cells) -> int:
    return length - length % (cells.bits // 8)


def _meta(sop_class_uid: bytes, sop_instance_uid: bytes, transfer_syntax: bytes) -> bytes:
    """Encode preamble and file meta information (PS3.10 §7.1)."""
    values = (
        (0x00020001, b"OB", b"\x00\x01"),
        (0x00020002, b"UI", sop_class_uid),
        (0x00020003, b"UI", sop_instance_uid),
        (0x00020010, b"UI", transfer_syntax),
        (0x00020012, b"UI", IMPLEMENTATION_CLASS_UID),
        (0x00020013, b"SH", IMPLEMENTATION_VERSION),
    )
    body = b"".join(encode(tag, vr, value, implicit=False) for tag, vr, value in values)
    return bytes(128) + b"DICM" + encode(0x00020000, b"UL", _LONG.pack(len(body)), implicit=False) + body


def _pread(fd: int, length: int, offset: int) -> bytes:
    """Read exactly `length` bytes; fewer mean that the file was truncated while being read."""
    pieces: list[bytes] = []
    while length:
        piece = os.pread(fd, length, offset)
        if not piece:
            raise Truncated(f"the file ends at byte {offset}")
        pieces.append(piece)
        length -= len(piece)
        offset += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _copy(
    source: Path, target_fd: int, offset: int, length: int, buffer: memoryview, cells: Cells | None = None
) -> bool:
    """Copy bytes of `source` to the current position of `target_fd`; return whether unused bits were cleared.

    Not done with copy_file_range(2): new headers have another length, so pixels have another offset within their page,
    and the kernel then copies page by page, which takes half as long again. On a share with server-side copy, the proof
    would have to fetch what is otherwise still in the client's memory.
    """
    source_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    settled = False
    try:
        os.lseek(source_fd, offset, os.SEEK_SET)
        while length:
            chunk = buffer[: min(length, len(buffer))]
            got = os.readv(source_fd, [chunk])
            while cells and 0 < got < len(chunk) and (more := os.readv(source_fd, [chunk[got:]])):
                got += more  # cells must not be split
            if not got:
                raise Truncated(f"the file ends {length} bytes too early, inside the pixel data")
            if cells:
                settled |= cells.settle(chunk[: _of_whole_cells(got, cells)])
            _write_all(target_fd, chunk[:got])
            length -= got
    finally:
        os.close(source_fd)
    return settled


def _load_sync_file_range() -> ctypes._NamedFuncPointer | None:
    """Return sync_file_range(2), which Linux has but the standard library does not offer."""
    if not sys.platform.startswith("linux"):
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


_SYNC_FILE_RANGE_WRITE: Final = 2
_sync_file_range = _load_sync_file_range()


def begin_writeback(fd: int) -> None:
    """Ask the kernel to start writing this file to disk, without waiting. A hint; durability is ensured by fsync."""
    if _sync_file_range is not None:
        _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)
