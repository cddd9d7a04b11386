"""Comparison of compressed pixels with the source: the same coded image in each frame, and no comments.

Both sides are split at their markers (ISO/IEC 10918-1, 14495-1, 15444-1), and the pieces are compared one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0" + bytes(4)
_RLE: Final = "1.2.840.10008.1.2.5"
_MARKER: Final = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_IN_JPEG: Final = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_IN_JPEG_LS: Final = re.compile(rb"\xff+([\x80-\xcf\xd8-\xfe])")


class Tables(NamedTuple):
    """An object's extended offset tables. PS3.3 C.7.6.3.1.8."""

    offsets: Sequence[int] = ()
    """Position of each frame, relative to the first one; empty if the object has no such table."""
    lengths: Sequence[int] = ()
    """Length of each frame in bytes, the same."""


NO_TABLES: Final = Tables()


def differences(old: bytes, new: bytes, frames: int, syntax: str, tables: Tables = NO_TABLES) -> Iterator[str]:
    """Yield errors in compressed pixels.

    Parameters
    ----------
    old, new
        The values of both sides, with all items and the delimiter.
    frames
        Number of frames stated in the object.
    syntax
        The transfer syntax UID.
    tables
        The new object's extended offset tables.
    """
    _, *before = _items(old)
    table, *after = _items(new)
    if not new.endswith(_END) or sum(map(len, after)) + 8 * (len(after) + 2) + len(table) != len(new):
        yield "contain bytes between or after their fragments"
        return
    one, other = _streams(before, frames, old), _streams(after, frames, new)
    if old != new and len(other) != len(after):
        yield "have frames of more than one fragment"
    if len(one) != len(other) or not one:
        yield "differ"
        return
    for theirs, ours in zip(one, other, strict=True):
        if any(map(_is_comment, _pieces(ours, syntax))):
            yield "contain a comment"
        elif _image(theirs, syntax) != _image(ours, syntax):
            yield "differ"
        elif ours[len(b"".join(_pieces(ours, syntax))) :] not in {b"", b"\0"}:
            yield "contain bytes after their image"
    stated = [int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4)]
    begins = [sum(len(part) + 8 for part in after[:index]) for index in range(len(after))]
    if stated and not (len(stated) == frames and stated[0] == 0 and set(stated) <= set(begins)):
        yield "have a wrong offset table"
    if not _are_right(tables, after, begins):
        yield "have a wrong offset table"


def _are_right(tables: Tables, frames: Sequence[bytes], begins: Sequence[int]) -> bool:
    """Return whether extended offset tables, if any, state the frames as they are; a length may omit the padding."""
    lengths = [length + (length & 1) for length in tables.lengths]
    return not lengths or (lengths == [*map(len, frames)] and [*tables.offsets] in ([], begins))


def _items(value: bytes) -> list[bytes]:
    found, pos = [], 0
    while value[pos : pos + 4] == _ITEM:
        end = pos + 8 + int.from_bytes(value[pos + 4 : pos + 8], "little")
        found.append(value[pos + 8 : end])
        pos = end
    return found or [b""]


def _streams(parts: Sequence[bytes], frames: int, value: bytes) -> list[bytes]:
    """Group the fragments by frame."""
    if frames == 1:
        return [b"".join(parts)]
    if len(parts) == frames:
        return list(parts)
    table = _items(value)[0]
    starts = [int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4)]
    found: dict[int, bytes] = {}
    at = 0
    for part in parts:
        start = max((one for one in starts if one <= at), default=0)
        found[start] = found.get(start, b"") + part
        at += 8 + len(part)
    return list(found.values())


def _image(stream: bytes, syntax: str) -> bytes:
    return b"".join(piece for piece in _pieces(stream, syntax) if not _is_comment(piece))


def _is_comment(piece: bytes) -> bool:
    """Return whether a piece is a comment or an application segment: APPn, COM of JPEG, COM of JPEG 2000."""
    marker = piece.lstrip(b"\xff")[:1]
    return piece.startswith(b"\xff") and (b"\xe0" <= marker <= b"\xef" or marker in {b"\xfe", b"\x64"})


def _pieces(stream: bytes, syntax: str) -> list[bytes]:
    """Split a codestream before each of its markers, up to the final one."""
    if syntax == _RLE:
        return [stream]
    if stream.startswith(b"\xff\x4f"):
        return _of_jpeg_2000(stream)
    in_scans = _IN_JPEG_LS if syntax.endswith((".80", ".81")) else _IN_JPEG
    pieces, at = [stream[:2]], 2
    while at < len(stream):
        found = _MARKER.match(stream, at)
        if found is None or found[1] == b"\xd9":
            pieces.append(found[0] if found else b"")
            break
        head = found.end()
        end = head + int.from_bytes(stream[head : head + 2], "big")
        if found[1] == b"\xda":
            behind = in_scans.search(stream, end)
            end = behind.start() if behind else len(stream)
        pieces.append(stream[at:end])
        at = max(end, head + 2)
    return pieces


def _of_jpeg_2000(stream: bytes) -> list[bytes]:
    """Split the main header; each tile-part is one piece, including its header."""
    pieces, at = [stream[:2]], 2
    while at + 4 <= len(stream):
        marker, length = stream[at : at + 2], int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker == b"\xff\x90":
            size = int.from_bytes(stream[at + 6 : at + 10], "big") or stream.rfind(b"\xff\xd9") - at
            pieces += _of_tile_part(stream[at : at + size])
            at += size
        elif marker == b"\xff\xd9":
            break
        else:
            pieces.append(stream[at : at + 2 + length])
            at += 2 + max(length, 2)
    return [*pieces, stream[at : at + 2]]


def _of_tile_part(part: bytes) -> list[bytes]:
    pieces, at = [part[:12]], 12
    while at + 4 <= len(part) and part[at : at + 2] != b"\xff\x93":
        end = at + 2 + max(int.from_bytes(part[at + 2 : at + 4], "big"), 2)
        pieces.append(part[at:end])
        at = end
    return [*pieces, part[at:]]
