"""Elements and files written byte by byte, correctly or not: `head(EXPLICIT) + element(0x00100020, b"LO", b"1")`."""

from __future__ import annotations

import struct

EXPLICIT, IMPLICIT = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0"
DEFLATED, BIG_ENDIAN = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2\0"
JPEG, RLE = b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.5\0"
UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"
END_OF_ITEM, END_OF_SEQUENCE = b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}


def element(tag: int, vr: bytes, value: bytes, length: int | None = None, *, implicit: bool = False) -> bytes:
    """Write an element in little endian, possibly with a wrong length."""
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<L", length) + value
    return head + vr + (bytes(2) + struct.pack("<L", length) if vr in _LONG else struct.pack("<H", length)) + value


def item(*elements: bytes, undefined: bool = False) -> bytes:
    """Write an item of a sequence."""
    content = b"".join(elements)
    if undefined:
        return ITEM + b"\xff" * 4 + content + END_OF_ITEM
    return ITEM + struct.pack("<L", len(content)) + content


def sequence(tag: int, *items: bytes, undefined: bool = False, vr: bytes = b"SQ", implicit: bool = False) -> bytes:
    """Write a sequence."""
    content = b"".join(items)
    if undefined:
        return element(tag, vr, content + END_OF_SEQUENCE, UNDEFINED, implicit=implicit)
    return element(tag, vr, content, implicit=implicit)


def head(syntax: bytes, sop_class: bytes = b"1.2.840.10008.5.1.4.1.1.481.5\0", *, implicit: bool = False) -> bytes:
    """Write preamble and file meta information, in implicit VR, as some systems do, if requested."""
    body = element(0x00020002, b"UI", sop_class, implicit=implicit) + element(
        0x00020010, b"UI", syntax, implicit=implicit
    )
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<L", len(body)), implicit=implicit) + body
