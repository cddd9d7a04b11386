"""Elements and files written byte by byte, correctly or not: `head(EXPLICIT) + element(0x00100020, b"LO", b"1")`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pydicom.charset import convert_encodings, encode_string
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, PersonName

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

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


_WIDTHS = {b"US": 2, b"SS": 2, b"AT": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8}


def rewritten(elements: bytes, *, implicit: bool = False, big_endian: bool = False) -> bytes:
    """Write elements or items in another transfer syntax, from explicit VR little endian with stated lengths."""
    order = ">" if big_endian else "<"
    written, at = [], 0
    while at < len(elements):
        group, number, vr, length = struct.unpack_from("<HH2sH", elements, at)
        is_item = group == 0xFFFE
        start = at + (12 if vr in _LONG and not is_item else 8)
        if start > at + 8 or is_item:
            (length,) = struct.unpack_from("<L", elements, start - 4)
        value = elements[start : start + length]
        at = start + length
        if is_item or vr == b"SQ":
            value = rewritten(value, implicit=implicit, big_endian=big_endian)
        elif big_endian and (width := _WIDTHS.get(vr)):
            value = b"".join(value[one : one + width][::-1] for one in range(0, length, width))
        if implicit or is_item:
            head = struct.pack(f"{order}HHL", group, number, len(value))
        elif vr in _LONG:
            head = struct.pack(f"{order}HH2sxxL", group, number, vr, len(value))
        else:
            head = struct.pack(f"{order}HH2sH", group, number, vr, len(value))
        written += head, value
    return b"".join(written)


_NUMBERS = {"US": "H", "UL": "L", "SS": "h", "SL": "l", "FL": "f", "FD": "d"}


def in_order(data: Dataset) -> list[tuple[BaseTag, DataElement | RawDataElement]]:
    """Return the elements by tag, undecoded ones as they are; tags of pydicom compare slowly."""
    return sorted(data.items(), key=lambda one: int(one[0]))


def data_set(data: Dataset, letters: str | list[str] = "iso8859") -> bytes:
    """Encode a data set of valid values in explicit VR little endian, as pydicom does in three times as long."""
    letters = data.get("SpecificCharacterSet", letters)
    encodings = convert_encodings(letters)
    written = []
    for tag, one in in_order(data):
        if isinstance(one, RawDataElement):
            value = one.value or b""
        elif one.VR == "SQ":
            value = b"".join(item(data_set(each, letters)) for each in one.value)
        else:
            value = _value(one, encodings)
        written.append(element(tag, one.VR.encode(), value))
    return b"".join(written)


def _value(one: DataElement, encodings: list[str]) -> bytes:
    """Encode the value of an element that is no sequence."""
    if one.value is None:
        return b""
    values: list[Any] = [*one.value] if isinstance(one.value, MultiValue | list) else [one.value]
    if one.VR in _NUMBERS:
        return struct.pack(f"<{len(values)}{_NUMBERS[one.VR]}", *values)
    if one.VR == "AT":
        return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in values)
    value = b"\\".join(_bytes_of(each, one.VR, encodings) for each in values)
    return value + (b"\0" if one.VR in {"UI", "OB", "OW"} else b" ") * (len(value) % 2)


def _bytes_of(value: Any, vr: str, encodings: list[str]) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, PersonName):
        return value.encode(encodings)
    if vr in CUSTOMIZABLE_CHARSET_VR:
        return encode_string(value, encodings)
    return str(value).encode()
