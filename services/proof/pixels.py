"""Comparison of the pixels of output and source: the same image, and nothing else.

The size of the image is computed here independently from the source's header (PS3.3 C.7.6.3, PS3.5 §8).
"""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from services.dicom.dictionary import tag
from services.errors import SetChanged
from services.proof import codestreams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash as Hash

    from services.dicom.part10 import DicomFile, Pixels

_CHUNK_BYTES: Final = 1 << 18
"""Bytes of pixels compared at a time; two such buffers fit into a processor's cache."""

_LONGEST_COUNT: Final = 12
"""Maximum characters of an IS value. PS3.5 6.2."""
_WITH_IMAGE: Final = frozenset(("CT", "RTDOSE"))
_UNDEFINED: Final = b"\xff\xff\xff\xff"
_VRS: Final = {0x7FE00008: (b"OF",), 0x7FE00009: (b"OD",), 0x7FE00010: (b"OB", b"OW")}
"""Allowed VRs by tag. PS3.6."""

_SAMPLES: Final = tag("SamplesPerPixel")
_FRAMES: Final = tag("NumberOfFrames")
_CELLS: Final = tuple(map(tag, ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")))
_OFFSETS: Final = tag("ExtendedOffsetTable")
_LENGTHS: Final = tag("ExtendedOffsetTableLengths")
"""Follow the frames of compressed pixels. PS3.3 C.7.6.3.1.8."""
_SIZES: Final = (*map(tag, ("Rows", "Columns", "BitsAllocated")), _SAMPLES)
_DESCRIPTION: Final = frozenset((*_SIZES, *_CELLS, _FRAMES))


class PixelComparison:
    """Compares the pixels of a set's objects, one pair of files at a time, through two buffers."""

    def __init__(self) -> None:
        self._theirs: Final = _Reader()
        self._ours: Final = _Reader()

    def compare(self, kind: str, old: DicomFile, new: DicomFile) -> tuple[str, list[str]]:
        """Return the SHA-256 of the new file, and errors in its pixels; both files are read once."""
        digest = sha256()
        expected = old.pixels if kind in _WITH_IMAGE else None
        if new.pixels is None:
            digest.update(new.data)
            return digest.hexdigest(), ["were lost"] if expected else []
        if expected is None:
            return "", ["were inserted"]
        data = memoryview(new.data)
        digest.update(data[: new.pixels.at])
        digest.update(new.pixels.head)
        if expected.head.endswith(_UNDEFINED):
            wrong = self._compressed(old, new, digest)
        else:
            wrong = self._uncompressed(old, new, digest)
        digest.update(data[new.pixels.at :])
        return digest.hexdigest(), wrong

    def _uncompressed(self, old: DicomFile, new: DicomFile, digest: Hash) -> list[str]:
        theirs, ours = old.pixels, new.pixels
        assert theirs is not None  # checked by the caller
        assert ours is not None
        length, _, cells = _layout(old)
        rest = length
        wrong = [] if _is_canonical(new, length, encapsulated=False) else ["do not have the length of their image"]
        equal = theirs.head[:4] == ours.head[:4] and 0 < length <= min(theirs.length, ours.length)
        source = self._theirs.pieces(old, theirs, length)
        for piece in self._ours.pieces(new, ours, ours.length):
            digest.update(piece)
            image = piece if len(piece) <= rest else piece[:rest]
            equal = equal and _is_same(next(source, b""), image, cells) and not any(piece[len(image) :])
            rest -= len(image)
        return wrong if equal else [*wrong, "differ"]

    def _compressed(self, old: DicomFile, new: DicomFile, digest: Hash) -> list[str]:
        theirs, ours = old.pixels, new.pixels
        assert theirs is not None  # checked by the caller
        assert ours is not None
        value = b"".join(map(bytes, self._ours.pieces(new, ours, ours.length)))
        digest.update(value)
        if theirs.head[:4] != ours.head[:4] or not _is_canonical(new, ours.length, encapsulated=True):
            return ["are not encoded as required"]
        source = b"".join(map(bytes, self._theirs.pieces(old, theirs, theirs.length)))
        tables = codestreams.Tables(_longs(new, _OFFSETS), _longs(new, _LENGTHS))
        wrong = codestreams.differences(source, value, _layout(old).frames, new.transfer_syntax, tables)
        return list(dict.fromkeys(wrong))


def _longs(file: DicomFile, attribute: int) -> list[int]:
    """Return the numbers of an attribute of VR OV; empty if it is absent."""
    value = next((file.data[each[3] : each[4]] for each in file.elements if each[0] == attribute), b"")
    return [int.from_bytes(value[at : at + 8], "little") for at in range(0, len(value), 8)]


class _Cells(NamedTuple):
    """Bytes per cell, mask of the pixel's bits, and its sign bit."""

    size: int
    mask: int
    sign: int


class _Layout(NamedTuple):
    """An object's image description."""

    length: int
    """Size in bytes; 0 if undetermined."""
    frames: int
    cells: _Cells | None
    """None if pixels fill their cells."""


def _layout(file: DicomFile) -> _Layout:
    return _laid(*[(each[0], file.data[each[3] : each[4]]) for each in file.elements if each[0] in _DESCRIPTION])


@lru_cache(maxsize=16)
def _laid(*stated: tuple[int, bytes]) -> _Layout:
    """Read the layout of an image. PS3.3 C.7.6.3, PS3.5 8.1.1."""
    values = dict(stated)
    frames = values.pop(_FRAMES, b"").strip(b" \0+") or b"1"
    count = int(frames) if frames.isdigit() and len(frames) <= _LONGEST_COUNT else 0
    numbers = {_SAMPLES: 1} | {each: int.from_bytes(value, "little") for each, value in values.items() if value}
    allocated, stored, high, signed = (numbers.get(each, 0) for each in _CELLS)
    length = -(-prod(numbers.get(each, 0) for each in _SIZES) * count // 8)
    high = high or stored - 1
    if allocated not in {8, 16, 32} or not 0 < stored < allocated or not stored <= high + 1 <= allocated:
        return _Layout(length, count or 1, None)
    cells = _Cells(allocated // 8, (2**stored - 1) << (high + 1 - stored), 2**high if signed == 1 else 0)
    return _Layout(length, count or 1, cells)


def _is_same(old: bytes | bytearray, new: bytes | bytearray, cells: _Cells | None) -> bool:
    """Return whether pixels are equal, and unused bits of the cells are copies of the sign."""
    if cells is None:
        return old == new
    size, mask, sign = cells
    before, after = np.frombuffer(old, f"<u{size}"), np.frombuffer(new, f"<u{size}")
    if old == new and not mask & (mask + 1):
        wide = after.view(f"<i{size}") if sign else after
        if wide.max(initial=0) <= mask - sign and wide.min(initial=0) >= -sign:
            return True
    if not np.array_equal(before & mask, after & mask):
        return False
    copies = before.dtype.type(256**size - 2 * sign if sign else 0)
    beside = after & ~before.dtype.type(mask)
    return not np.any(beside != np.where(after & sign, copies, 0))


def _is_canonical(file: DicomFile, length: int, *, encapsulated: bool) -> bool:
    """Return whether the header of the pixel data has only required contents, and the value ends with its image."""
    assert file.pixels is not None  # checked by the caller
    head, even = file.pixels.head, length + (length & 1 if not encapsulated else 0)
    group, number = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    stated = _UNDEFINED if encapsulated else even.to_bytes(4, "little")
    heads = [b""] if file.implicit else [vr + b"\0\0" for vr in _VRS[group << 16 | number]]
    return file.pixels.length == even and head[4:] in [vr + stated for vr in heads]


class _Reader:
    """Reads pixels in pieces of equal size into one buffer, which stays in the processor's cache."""

    def __init__(self) -> None:
        self._buffer: Final = bytearray(_CHUNK_BYTES)

    def pieces(self, file: DicomFile, pixels: Pixels, length: int) -> Iterator[bytes | bytearray]:
        """Yield the first bytes of a file's pixels, piece by piece; each is valid until the next is requested."""
        end = pixels.offset + length
        if file.memory is not None:
            for at in range(pixels.offset, end, _CHUNK_BYTES):
                yield file.memory[at : min(at + _CHUNK_BYTES, end)]
            return
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.lseek(descriptor, pixels.offset, os.SEEK_SET)
            for at in range(pixels.offset, end, _CHUNK_BYTES):
                wanted = min(_CHUNK_BYTES, end - at)
                if os.readv(descriptor, [memoryview(self._buffer)[:wanted]]) != wanted:
                    raise SetChanged
                yield self._buffer if wanted == _CHUNK_BYTES else self._buffer[:wanted]
        finally:
            os.close(descriptor)
