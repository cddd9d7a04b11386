"""The pixel data element as required by the object's own image description (PS3.5 §8).

Bytes after the last voxel are not part of the image. Nobody sees them, and they may be anything: the rest of an export
buffer, or a name.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import encapsulated, stored_bits

if TYPE_CHECKING:
    from services.dicom.dataset import View
    from services.dicom.part10 import DicomFile

ENCAPSULATED: Final = b"\xff\xff\xff\xff"
"""Length of encapsulated pixel data. PS3.5 A.4."""

_LONGEST_COUNT: Final = 12
"""Maximum characters of an IS value. PS3.5 §6.2."""

_DESCRIPTION: Final = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames")
_VRS: Final = {b"\xe0\x7f\x08\x00": (b"OF",), b"\xe0\x7f\x09\x00": (b"OD",)}
_PIXEL_DATA: Final = b"\xe0\x7f\x10\x00"
_PLAIN_VRS: Final = (b"OW", b"OB")
"""VRs of (7FE0,0010); those of (7FE0,0008) and (7FE0,0009) are above. PS3.6."""


def described_length(view: View) -> int:
    """Return the size of an image's uncompressed pixels in bytes; 0 if the header does not determine it.

    PS3.3 C.7.6.3; without Number of Frames there is one frame.
    """
    return _length(*map(view.raw, _DESCRIPTION))


@lru_cache(maxsize=16)
def _length(*stated: bytes | None) -> int:
    rows, columns, allocated, samples, frames = stated
    bits = int.from_bytes(allocated or b"", "little")
    if bits % 8 and bits != 1:  # PS3.5 §8.1.1
        return 0
    per_frame = prod(int.from_bytes(value or b"", "little") for value in (rows, columns, samples or b"\1"))
    return (per_frame * bits * frame_count(frames) + 7) // 8


def frame_count(stated: bytes | None) -> int:
    """Return the number of frames from (0028,0008) *Number of Frames*: 1 if absent, 0 if it is not a number."""
    digits = (stated or b"").strip(b" \0+") or b"1"
    return int(digits) if digits.isdigit() and len(digits) <= _LONGEST_COUNT else 0


class Measured(NamedTuple):
    """A file whose pixel data end with its image."""

    file: DicomFile

    described: int = 0
    """Bytes of its image; 0 if undetermined by the header, or if it has no pixels or compressed ones."""

    surplus: int = 0
    """Bytes after the image, or in comments of compressed pixels."""

    refused: str = ""
    """Why the contents of compressed pixels besides the image are unknown; empty if known."""


def without_surplus(file: DicomFile, view: View) -> Measured:
    """Return a file whose pixel data end with its image.

    The header of the element is normalized: a valid VR for pixel data, zero reserved bytes, an even length. Pixel data
    that are too short are left so.
    """
    pixels = file.pixels
    if pixels is None:
        return Measured(file)
    if pixels.head.endswith(ENCAPSULATED):
        headed = replace(file, pixels=replace(pixels, head=_head(file, ENCAPSULATED)))
        cleaned = encapsulated.without_comments(headed, int(view.number("NumberOfFrames") or 1))
        return Measured(cleaned.file, surplus=cleaned.removed, refused=cleaned.refused)
    described = described_length(view)
    length = min(described, pixels.length) or pixels.length
    padding = b"\0" * (length & 1)  # PS3.5 §8.1.1
    even = length + len(padding)
    head = _head(file, even.to_bytes(4, "little"))
    cells = stored_bits.cells_of(view) if head.startswith(_PIXEL_DATA) else None
    whole = replace(file, pixels=replace(pixels, head=head, length=length, padding=padding, cells=cells))
    return Measured(whole, described, max(0, pixels.length - even))


def _head(file: DicomFile, length: bytes) -> bytes:
    """Encode the header of the pixel data element. PS3.5 §7.1."""
    assert file.pixels is not None  # checked by the caller
    tag, vr = file.pixels.head[:4], file.pixels.head[4:6]
    if file.implicit:
        return tag + length
    allowed = _VRS.get(tag, _PLAIN_VRS)
    if vr not in allowed:
        vr = b"OB" if length == ENCAPSULATED else allowed[0]
    return tag + vr + b"\0\0" + length
