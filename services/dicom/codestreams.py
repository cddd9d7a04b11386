"""JPEG, JPEG-LS and JPEG 2000 codestreams, parsed by their markers without decoding, to extract the image.

Comments (COM) and application segments (APPn) are not part of the image. Encoders write their names there, viewers and
scanners anything; no DICOM reader shows them.
"""

from __future__ import annotations

import re
from typing import Final

Span = tuple[int, int]
"""Begin and end of a part of a codestream."""

_JPEG: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(50, 71))
_JPEG_LS: Final = frozenset(("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"))
_JPEG_2000: Final = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 92, 93, 201, 202, 203)
)  # the last three are HTJ2K, whose codestream has the same markers (ISO/IEC 15444-15)
_RLE: Final = "1.2.840.10008.1.2.5"

_END: Final = 0xD9
"""End of image in JPEG (EOI), end of codestream in JPEG 2000 (EOC)."""

# ISO/IEC 10918-1 Table B.1, ISO/IEC 14495-1 C.1.1.
_SOI: Final = b"\xff\xd8"
_SOS: Final = 0xDA
_COMMENTS: Final = frozenset((*range(0xE0, 0xF0), 0xFE))
_OF_JPEG: Final = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xE0))) - {0xC8}
_OF_JPEG_LS: Final = _OF_JPEG | {0xF7, 0xF8}
_IN_SCANS_OF_JPEG: Final = re.compile(rb"\xff(?![\x00\xd0-\xd7\xff])")
_IN_SCANS_OF_JPEG_LS: Final = re.compile(rb"\xff(?![\x00-\x7f\xd0-\xd7\xff])")
"""Next marker after coded samples; within them, 0xFF is followed by a byte that does not form a marker."""

# ISO/IEC 15444-1 Table A.2, 15444-15 A.
_SOC: Final = b"\xff\x4f"
_SOT, _SOD, _COM = 0x90, 0x93, 0x64
_OF_MAIN_HEADER: Final = frozenset((0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x63))
_OF_TILE_PARTS: Final = frozenset((0x52, 0x53, 0x58, 0x5C, 0x5D, 0x5E, 0x5F, 0x61))
_SOT_LENGTH: Final = 12


class Unwalkable(Exception):
    """The codestream cannot be parsed, so it is unknown what it carries besides its image."""


def image(stream: bytes, syntax: str) -> list[Span]:
    """Return the parts of a codestream that make up its image, in order, adjacent ones merged.

    Parameters
    ----------
    stream
        All fragments of one frame.
    syntax
        The transfer syntax UID.

    Raises
    ------
    Unwalkable
        It violates its standard, is of an unsupported kind, or has a comment in a tile-part.
    """
    if syntax == _RLE:  # has no comments (PS3.5 G)
        return [(0, len(stream))]
    try:
        if syntax in _JPEG_2000:
            return _joined(_jpeg_2000(stream))
        if syntax in _JPEG_LS:
            return _joined(_jpeg(stream, _OF_JPEG_LS, _IN_SCANS_OF_JPEG_LS))
        if syntax in _JPEG:
            return _joined(_jpeg(stream, _OF_JPEG, _IN_SCANS_OF_JPEG))
    except IndexError:
        raise Unwalkable("it ends too early") from None
    raise Unwalkable("its kind of compression is not known")


def _jpeg(stream: bytes, known: frozenset[int], in_scans: re.Pattern[bytes]) -> list[Span]:
    if not stream.startswith(_SOI):
        raise Unwalkable("it does not begin with its marker")
    found, pos = [(0, 2)], 2
    while True:
        begin = pos
        marker, pos = _marker(stream, pos)
        if marker == _END:
            return [*found, (begin, pos)]
        end = _segment_end(stream, pos)
        if marker == _SOS:
            behind = in_scans.search(stream, end)
            if behind is None:
                raise Unwalkable("it ends too early")
            end = behind.start()
        if marker in known:
            found.append((begin, end))
        elif marker not in _COMMENTS:
            raise Unwalkable("it has an unknown marker")
        pos = end


def _jpeg_2000(stream: bytes) -> list[Span]:
    if not stream.startswith(_SOC):
        raise Unwalkable("it does not begin with its marker")
    found, pos = [(0, 2)], 2
    while True:
        begin = pos
        marker, pos = _marker(stream, pos)
        if marker == _SOT:
            return [*found, *_tile_parts(stream, begin)]
        end = _segment_end(stream, pos)
        if marker in _OF_MAIN_HEADER:
            found.append((begin, end))
        elif marker != _COM:
            raise Unwalkable("it has an unknown marker")
        pos = end


def _tile_parts(stream: bytes, pos: int) -> list[Span]:
    """Scan from the first tile-part to the end, reading only headers."""
    found: list[Span] = []
    while True:
        begin = pos
        marker, pos = _marker(stream, pos)
        if marker == _END:
            return [*found, (begin, pos)]
        if marker != _SOT or _segment_end(stream, pos) != begin + _SOT_LENGTH:
            raise Unwalkable("something other than a tile-part")
        length = int.from_bytes(stream[begin + 6 : begin + 10], "big")
        end = begin + length if length else stream.rfind(b"\xff\xd9")  # 0: the last one, up to the end
        _require_no_comment(stream, begin + _SOT_LENGTH, end)
        found.append((begin, end))
        pos = end


def _require_no_comment(stream: bytes, pos: int, end: int) -> None:
    """Check that the header of a tile-part contains only what its coded samples need."""
    while True:
        marker, pos = _marker(stream, pos)
        if marker == _SOD:
            break
        if marker not in _OF_TILE_PARTS:
            raise Unwalkable("a tile-part carries a comment" if marker == _COM else "it has an unknown marker")
        pos = _segment_end(stream, pos)
    if not pos <= end <= len(stream):
        raise Unwalkable("it ends too early")


def _marker(stream: bytes, pos: int) -> tuple[int, int]:
    """Return the marker at a position, after any fill bytes, and its end."""
    if stream[pos] != 0xFF:
        raise Unwalkable("there is no marker where one should be")
    while stream[pos + 1] == 0xFF:
        pos += 1
    return stream[pos + 1], pos + 2


def _segment_end(stream: bytes, pos: int) -> int:
    length = stream[pos] << 8 | stream[pos + 1]
    end = pos + length
    if length < 2 or end > len(stream):
        raise Unwalkable("a segment reaches beyond its end")
    return end


def _joined(spans: list[Span]) -> list[Span]:
    joined = spans[:1]
    for begin, end in spans[1:]:
        if begin == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined
