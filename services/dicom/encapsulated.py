"""Compressed pixel data (PS3.5 A.4) reduced to the image: no comments, trailing bytes or wrong offsets.

The coded image stays byte for byte. If there is nothing else, the pixel data element is unchanged; otherwise each frame
becomes one fragment, and the offset tables are adapted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import codestreams, fragments, part10
from services.dicom.codestreams import Unwalkable
from services.dicom.elements import ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.dicom.part10 import DicomFile, Piece

_HEADER: Final = Struct("<HHL")
_OFFSETS: Final = 0x7FE00001
_LENGTHS: Final = 0x7FE00002
"""(7FE0,0001) *Extended Offset Table* and (7FE0,0002) *Extended Offset Table Lengths*. PS3.3 C.7.6.3.1.8."""


class Cleaned(NamedTuple):
    """A file whose compressed pixel data contain only the image."""

    file: DicomFile
    removed: int = 0
    """Bytes removed from comments and after the codestream."""
    refused: str = ""
    """Why their other contents are unknown; empty if known."""


class _Fragment(NamedTuple):
    begin: int
    """Offset of the content in the value."""
    end: int


def without_comments(file: DicomFile, frames: int) -> Cleaned:
    """Return a file whose compressed pixel data contain only the image.

    Parameters
    ----------
    frames
        Number of frames stated in the object; 1 if not stated.
    """
    assert file.pixels is not None  # checked by the caller
    offset = file.pixels.offset
    value = part10.pixel_bytes(file, 0, file.pixels.length)
    table, *parts = _fragments(value)
    extended = _extended(file)
    try:
        grouped = _by_frame(parts, frames, _starts(value, table, extended))
        kept = [_image(value, frame, file.transfer_syntax) for frame in grouped]
        lengths = [sum(end - begin for begin, end in spans) for spans in kept]
    except Unwalkable as reason:
        return Cleaned(file, refused=str(reason))
    removed = sum(frame[-1].end - frame[0].begin - 8 * (len(frame) - 1) for frame in grouped) - sum(lengths)
    padding = sum(map(_is_padded, [value] * len(kept), grouped, kept))
    stated = _table(value, table, extended)
    wanted = _offsets([length + (length & 1) for length in lengths])
    begins = [frame[0].begin - 8 - table.end for frame in grouped]
    is_sound = stated in ([], begins) and (not extended or _is_right(file.data, extended, grouped, begins))
    if removed == padding and is_sound and value.endswith(fragments.END):
        return Cleaned(file)
    basic = b"" if table.begin == table.end or extended else b"".join(at.to_bytes(4, "little") for at in wanted)
    pieces: list[Piece] = [ITEM + len(basic).to_bytes(4, "little") + basic]
    for spans, length in zip(kept, lengths, strict=True):
        pieces.append(ITEM + (length + (length & 1)).to_bytes(4, "little"))
        pieces += [(offset + begin, end - begin) for begin, end in spans]
        pieces.append(b"\0" * (length & 1))
    pieces.append(fragments.END)
    whole = replace(file.pixels, pieces=tuple(piece for piece in pieces if piece))
    data = file.data
    if extended:
        data = _patched(data, extended[_OFFSETS], wanted)
        data = _patched(data, extended[_LENGTHS], lengths)
    return Cleaned(replace(file, data=data, pixels=whole), removed - padding)


def _fragments(value: bytes) -> list[_Fragment]:
    """Return the items, the offset table first; the value was already parsed as a sequence of items."""
    found, pos = [], 0
    while pos + 8 <= len(value) and value[pos : pos + 4] == ITEM:
        end = pos + 8 + _HEADER.unpack_from(value, pos)[2]
        found.append(_Fragment(pos + 8, end))
        pos = end
    return found or [_Fragment(0, 0)]


def _extended(file: DicomFile) -> dict[int, tuple[int, int]]:
    """Return the positions of the extended offset tables' values; empty unless both exist."""
    found = {each[0]: (each[3], each[4]) for each in file.elements if each[0] in (_OFFSETS, _LENGTHS)}
    return found if len(found) == 2 and found[_OFFSETS][1] > found[_OFFSETS][0] else {}


def _is_right(
    data: bytes, extended: Mapping[int, tuple[int, int]], frames: Sequence[Sequence[_Fragment]], begins: Sequence[int]
) -> bool:
    """Return whether extended offset tables state the frames as they are; a length may include the padding."""
    offsets, lengths = (_numbers(data[slice(*extended[tag])], 8) for tag in (_OFFSETS, _LENGTHS))
    sizes = [sum(part.end - part.begin for part in frame) for frame in frames]
    return offsets == begins and [length + (length & 1) for length in lengths] == sizes


def _table(value: bytes, table: _Fragment, extended: object) -> list[int]:
    """Read the offsets of the frames, relative to the first fragment; none if there are extended ones."""
    return [] if extended else _numbers(value[table.begin : table.end], 4)


def _numbers(value: bytes, size: int) -> list[int]:
    return [int.from_bytes(value[at : at + size], "little") for at in range(0, len(value), size)]


def _starts(value: bytes, table: _Fragment, extended: object) -> list[int]:
    """Return the positions of the items to which the offset table points."""
    return [table.end + at for at in _table(value, table, extended)]


def _by_frame(parts: Sequence[_Fragment], frames: int, starts: Sequence[int]) -> list[list[_Fragment]]:
    """Group the fragments by frame."""
    if not parts:
        raise Unwalkable("it has no fragment")
    if frames == 1:
        return [list(parts)]
    if len(parts) == frames:
        return [[part] for part in parts]
    begins = {part.begin - 8: index for index, part in enumerate(parts)}
    if len(starts) != frames or starts[0] != parts[0].begin - 8 or not all(start in begins for start in starts):
        raise Unwalkable("its frames cannot be told apart")
    bounds = [*(begins[start] for start in starts), len(parts)]
    if bounds != sorted(set(bounds)):
        raise Unwalkable("its frames cannot be told apart")
    return [list(parts[begin:end]) for begin, end in pairwise(bounds)]


def _image(value: bytes, frame: Sequence[_Fragment], syntax: str) -> list[tuple[int, int]]:
    """Return the parts of the value that make up the image of a frame."""
    stream = b"".join(value[part.begin : part.end] for part in frame)
    return [piece for span in codestreams.image(stream, syntax) for piece in _in_value(span, frame)]


def _in_value(span: tuple[int, int], frame: Sequence[_Fragment]) -> Iterator[tuple[int, int]]:
    """Map a part of a codestream to the fragments that contain it."""
    at = 0
    for part in frame:
        length = part.end - part.begin
        begin, end = max(span[0], at), min(span[1], at + length)
        if begin < end:
            yield part.begin + begin - at, part.begin + end - at
        at += length


def _is_padded(value: bytes, frame: Sequence[_Fragment], kept: Sequence[tuple[int, int]]) -> int:
    """Return 1 if a frame's last fragment was padded by a single zero after the codestream, which is harmless."""
    end = frame[-1].end
    return int(kept[-1][1] == end - 1 and value[end - 1] == 0)


def _offsets(lengths: Sequence[int]) -> list[int]:
    """Return the offsets of frames of one fragment each, relative to the first."""
    return [0, *accumulate(8 + length for length in lengths[:-1])]


def _patched(data: bytes, place: tuple[int, int], numbers: Sequence[int]) -> bytes:
    begin, end = place
    value = b"".join(number.to_bytes(8, "little") for number in numbers)
    return data[:begin] + value.ljust(end - begin, b"\0")[: end - begin] + data[end:]
