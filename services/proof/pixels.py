"""The pixels of an output beside those of its source: the same image, and nothing beside it.

How long an image is, this module computes for itself from what the source says of it (PS3.3 C.7.6.3, PS3.5 §8).
"""

from __future__ import annotations

import os
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Final

from services.dicom.dictionary import tag
from services.errors import SetChanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dicom.part10 import DicomFile, Pixels

_CHUNK_BYTES: Final = 1 << 18
"""Of pixels compared at a time: two of them stay in a processor's cache."""

_WITH_IMAGE: Final = frozenset(("CT", "RTDOSE"))
_UNDEFINED: Final = b"\xff\xff\xff\xff"
_VRS: Final = {0x7FE00008: (b"OF",), 0x7FE00009: (b"OD",), 0x7FE00010: (b"OB", b"OW")}
"""PS3.6; by tag."""

_SAMPLES: Final = tag("SamplesPerPixel")
_FRAMES: Final = tag("NumberOfFrames")
_DESCRIPTION: Final = frozenset((*map(tag, ("Rows", "Columns", "BitsAllocated")), _SAMPLES, _FRAMES))


class PixelComparison:
    """Compares the pixels of a set's objects, one pair of files after the other, through two buffers."""

    def __init__(self) -> None:
        self._theirs: Final = _Reader()
        self._ours: Final = _Reader()

    def compare(self, kind: str, old: DicomFile, new: DicomFile) -> tuple[str, list[str]]:
        """Return the SHA-256 of the new file, and what is wrong with its pixels; both files are read once."""
        digest = sha256()
        expected = old.pixels if kind in _WITH_IMAGE else None
        if new.pixels is None:
            digest.update(new.data)
            return digest.hexdigest(), ["are lost"] if expected else []
        if expected is None:
            return "", ["were put in"]
        data = memoryview(new.data)
        digest.update(data[: new.pixels.at])
        digest.update(new.pixels.head)
        encapsulated = expected.head.endswith(_UNDEFINED)
        length = expected.length if encapsulated else image_length(old)
        wrong = [] if _is_canonical(new, length, encapsulated=encapsulated) else ["are not as long as their image"]
        equal = expected.head[:4] == new.pixels.head[:4] and 0 < length <= min(expected.length, new.pixels.length)
        source = self._theirs.pieces(old, expected, length)
        rest = length
        for piece in self._ours.pieces(new, new.pixels, new.pixels.length):
            digest.update(piece)
            image = piece if len(piece) <= rest else piece[:rest]
            equal = equal and image == next(source, b"") and not any(piece[len(image) :])
            rest -= len(image)
        digest.update(data[new.pixels.at :])
        return digest.hexdigest(), wrong if equal else [*wrong, "differ"]


def image_length(file: DicomFile) -> int:
    """Compute how many bytes the image of an object takes; 0 where it does not say."""
    stated = {each[0]: file.data[each[3] : each[4]] for each in file.elements if each[0] in _DESCRIPTION}
    frames = stated.pop(_FRAMES, b"").strip(b" \0+") or b"1"
    numbers = {_SAMPLES: 1} | {each: int.from_bytes(value, "little") for each, value in stated.items() if value}
    if len(numbers) < len(_DESCRIPTION) - 1 or not frames.isdigit():
        return 0
    return -(-prod(numbers.values()) * int(frames) // 8)


def _is_canonical(file: DicomFile, length: int, *, encapsulated: bool) -> bool:
    """Whether the header of the pixel data holds nothing but what it has to, and the value ends with its image."""
    assert file.pixels is not None  # whoever asks has looked
    head, even = file.pixels.head, length + (length & 1 if not encapsulated else 0)
    group, number = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    stated = _UNDEFINED if encapsulated else even.to_bytes(4, "little")
    heads = [b""] if file.implicit else [vr + b"\0\0" for vr in _VRS[group << 16 | number]]
    return file.pixels.length == even and head[4:] in [vr + stated for vr in heads]


class _Reader:
    """Reads pixels in pieces of one size, into one buffer for a whole set: it stays in the processor's cache."""

    def __init__(self) -> None:
        self._buffer: Final = bytearray(_CHUNK_BYTES)

    def pieces(self, file: DicomFile, pixels: Pixels, length: int) -> Iterator[bytes | bytearray]:
        """Give the first bytes of the pixels of a file, piece by piece; each is good until the next is asked for."""
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
