"""Conversion of data sets that the parser does not accept into ones that it does.

Big endian (retired, PS3.5 A.3), elements out of order or duplicated, standard elements coded as UN (PS3.5 §6.2.2) or
with a wrong VR, and non-zero reserved bytes are rare. They are read here element by element and rewritten: little
endian, each element once and in tag order, with the VR of the dictionary, and zero reserved bytes. Implicit VR stays
implicit. Values are unchanged except for their byte order and for surplus numbers, and so are the pixels, which are not
rewritten if they can stay in their file.

The result is compared with the file's headers by `services.dicom.tiling`, which shares no code with this module.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import dictionary, fragments
from services.dicom.elements import (
    ITEM,
    LONG_VRS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    PADDING,
    PIXEL_DATA,
    SHORT_VRS,
    TWICE,
    UNDEFINED,
    Malformed,
    Truncated,
    encode,
    is_explicit_inside,
    is_junk,
    no_sequence,
    not_dicom,
    require_arrived,
    require_element,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORD_SIZE: Final = (
    dict.fromkeys((b"AT", b"OW", b"SS", b"US"), 2)
    | dict.fromkeys((b"FL", b"OF", b"OL", b"SL", b"UL"), 4)
    | dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8)
)
"""Word size in bytes of VRs with a byte order. PS3.5 §7.3."""

_PIXEL_REPRESENTATION: Final = 0x00280103
_BITS_ALLOCATED: Final = 0x00280100


RESERVED: Final = "non-zero reserved bytes or delimiter length, which were cleared"
OTHER_VR: Final = "a VR other than the dictionary's, which was replaced by it"
SURPLUS: Final = "more numbers than an attribute has, of which the surplus was dropped"


class Encoding(NamedTuple):
    """Encoding of a data set. PS3.5 §10, A."""

    implicit: bool
    big_endian: bool


class _Found(NamedTuple):
    """One element."""

    tag: int
    vr: bytes
    value: bytes
    """In little endian; empty if there are items."""
    items: list[list[_Found]] | None
    settled: bool = True
    """Whether the VR is certain; the dictionary allows several for some attributes."""
    encapsulated: bool = False
    """Whether the value is encapsulated pixel data, for example of an icon."""


class Pixels(NamedTuple):
    """The top-level pixel data."""

    tag: int
    head: bytes
    """Tag, VR and length as written."""
    offset: int
    """Offset of the value in the input."""
    length: int
    value: bytes | None
    """The value, if it differs from the input: byte-swapped, or with a delimiter added."""


class Straightened(NamedTuple):
    """A data set in plain little endian, without its pixels."""

    before: bytes
    behind: bytes
    pixels: Pixels | None
    oddities: tuple[str, ...]
    """Errors corrected, described without quoting any value."""


def straighten(
    data: bytes, pos: int, encoding: Encoding, *, implicit: bool, may_have_holes: bool = False
) -> Straightened:
    """Rewrite the data set that begins at `pos` as implicit or explicit VR little endian.

    Parameters
    ----------
    may_have_holes
        Whether trailing zeros may be data not yet copied, as in files on the share.

    Raises
    ------
    Truncated
        The data end before an element does.
    Malformed
        They are invalid, or an element occurs twice with different values.
    """
    reading = _Reading(data, encoding, may_have_holes=may_have_holes)
    found = reading.data_set(pos)
    oddities = reading.oddities
    elements = _ordered(found, oddities)
    pixels = reading.pixels
    at = pixels.tag if pixels else UNDEFINED
    before = _encoded([one for one in elements if one.tag < at], implicit=implicit)
    behind = _encoded([one for one in elements if one.tag > at], implicit=implicit)
    if pixels:
        pixels = pixels._replace(head=_pixel_head(pixels, implicit=implicit))
        if encoding.big_endian:
            pixels = pixels._replace(value=_swapped_pixels(data, pixels, elements))
    return Straightened(before, behind, pixels, tuple(sorted(oddities)))


class _Reading:
    """One pass over a data set in memory."""

    def __init__(self, data: bytes, encoding: Encoding, *, may_have_holes: bool) -> None:
        self.data = data
        self._may_have_holes = may_have_holes
        self.pixels: Pixels | None = None
        self.oddities: set[str] = set()
        """Errors corrected while reading, described without quoting any value."""
        self._encoding = encoding
        self._left = MAX_ELEMENTS

    def data_set(self, pos: int) -> list[_Found]:
        """Read the elements from `pos` to the end of the data."""
        return self._elements(pos, len(self.data), self._encoding, 0, closed=False, delimited=False)[0]

    def _elements(
        self, pos: int, end: int, encoding: Encoding, depth: int, *, closed: bool, delimited: bool
    ) -> tuple[list[_Found], int]:
        """Read elements up to `end`, or to the item's delimiter.

        `closed` means that something around them states its length, so that they cannot be truncated.
        """
        if depth > MAX_DEPTH:
            raise Malformed(f"sequences nested more than {MAX_DEPTH} deep at byte {pos}")
        found: list[_Found] = []
        while pos + 8 <= end:
            if not depth and self._is_padding(pos):
                if self._may_have_holes and not self.pixels:
                    require_arrived(self.data, pos)
                return found, end
            tag, vr, length, value = self._header(pos, end, encoding)
            if delimited and tag == 0xFFFEE00D:
                self._note_if(length, RESERVED)
                return found, value
            if value > end:
                break
            self._count()
            if not depth and tag in PIXEL_DATA:
                pos = self._pixels(tag, vr, length, value, encoding)
                continue
            if not closed and end < value + length and length != UNDEFINED:
                require_element(self.data, pos, tag, implicit=encoding.implicit)
            one, pos = self._element(tag, vr, length, value, end, encoding, depth, closed=closed)
            found.append(one)
        if delimited or (pos != end and (depth or not self._is_padding(pos))):
            raise self._short(end, closed=closed)
        return found, end

    def _header(self, pos: int, end: int, encoding: Encoding) -> tuple[int, bytes, int, int]:
        """Return tag, VR as stated in the file, length, and the position of the value."""
        order, long, short = _ORDERS[encoding.big_endian]
        group, number = order(self.data, pos)
        tag = group << 16 | number
        if encoding.implicit or group == 0xFFFE:
            return tag, b"", long(self.data, pos + 4)[0], pos + 8
        vr = self.data[pos + 4 : pos + 6]
        if vr in LONG_VRS:
            self._note_if(short(self.data, pos + 6)[0] and not group & 1, RESERVED)
            return tag, vr, long(self.data, pos + 8)[0] if pos + 12 <= end else 0, pos + 12
        if vr not in SHORT_VRS and not group & 1:
            if is_junk(self.data[pos : pos + 8]):
                raise not_dicom(pos)
            raise Malformed(f"an unknown VR in element ({group:04X},{number:04X}) at byte {pos}")
        return tag, vr if vr in SHORT_VRS else b"UN", short(self.data, pos + 6)[0], pos + 8

    def _element(
        self, tag: int, stated: bytes, length: int, pos: int, end: int, encoding: Encoding, depth: int, *, closed: bool
    ) -> tuple[_Found, int]:
        """Read the value of an element; return it with its end."""
        if tag >> 16 == 0xFFFE:
            raise Malformed(f"a delimiter without its item at byte {pos - 8}")
        private = bool(tag & 0x00010000)
        if stated != b"UN" and stated and not dictionary.allows(tag, stated):
            self.oddities.add(OTHER_VR)
            stated = b""
        settled = stated not in (b"", b"UN") or private
        vr = stated if settled and stated else (b"UN" if private else dictionary.vr(tag))
        if length == UNDEFINED and tag in PIXEL_DATA:
            stop = pos + fragments.measure(self.data, pos, end, nested=True).length
            content = self.data[pos : stop - len(fragments.END)] + fragments.END
            return _Found(tag, b"OB", content, None, encapsulated=True), stop
        if length == UNDEFINED:
            if not private and not dictionary.allows(tag, b"SQ"):
                raise no_sequence(tag, pos)
            inside = self._inside(pos, end, encoding) if stated == b"UN" else encoding
            items, pos = self._items(pos, end, inside, depth, closed=closed, delimited=True)
            return _Found(tag, b"SQ", b"", items), pos
        stop = pos + length
        if stop > end:
            raise self._short(end, closed=closed)
        if vr == b"SQ":
            inside = self._inside(pos, stop, encoding) if stated == b"UN" else encoding
            try:
                items, _ = self._items(pos, stop, inside, depth, closed=True, delimited=False)
            except Malformed:
                if not private:
                    raise
                return _Found(tag, b"UN", self.data[pos:stop], None), stop
            return _Found(tag, vr, b"", items), stop
        value = self._value(vr, pos, stop, encoding)
        most = dictionary.MOST_BYTES.get((tag, vr), len(value))
        if most < len(value):
            self.oddities.add(SURPLUS)
            value = value[:most]
        return _Found(tag, vr, value, None, settled), stop

    def _value(self, vr: bytes, pos: int, end: int, encoding: Encoding) -> bytes:
        value = self.data[pos:end]
        size = _WORD_SIZE.get(vr) if encoding.big_endian else None
        if not size:
            return value
        if len(value) % size:
            raise Malformed(f"a value of {vr.decode()} with a part of a number, at byte {pos}")
        return _swapped(value, size)

    def _inside(self, pos: int, end: int, encoding: Encoding) -> Encoding:
        """Return the encoding of the items of an element coded as UN. PS3.5 §6.2.2, and as in some systems."""
        if encoding.big_endian and self.data[pos : pos + 4] != ITEM:
            return encoding
        return Encoding(not is_explicit_inside(self.data, pos, end), big_endian=False)

    def _items(
        self, pos: int, end: int, encoding: Encoding, depth: int, *, closed: bool, delimited: bool
    ) -> tuple[list[list[_Found]], int]:
        """Read the items of a sequence."""
        items: list[list[_Found]] = []
        order, long, _ = _ORDERS[encoding.big_endian]
        while pos + 8 <= end:
            head, length = order(self.data, pos), long(self.data, pos + 4)[0]
            pos += 8
            self._count()
            if head == (0xFFFE, 0xE0DD) and delimited:
                self._note_if(length, RESERVED)
                return items, pos
            if head != (0xFFFE, 0xE000):
                if not closed and self._is_padding(pos - 8):
                    break
                raise Malformed(f"no item where a sequence should have one, at byte {pos - 8}")
            stop = end if length == UNDEFINED else pos + length
            if stop > end:
                raise self._short(end, closed=closed)
            open_ended = length == UNDEFINED
            item, pos = self._elements(
                pos, stop, encoding, depth + 1, closed=closed or not open_ended, delimited=open_ended
            )
            items.append(item)
        if delimited or pos != end:
            raise self._short(end, closed=closed)
        return items, end

    def _pixels(self, tag: int, vr: bytes, length: int, pos: int, encoding: Encoding) -> int:
        """Record the position of the pixel data, and return their end."""
        if self.pixels:
            raise Malformed("a second pixel data element")
        if vr in (b"", b"UN"):
            vr = b"OB" if length == UNDEFINED else dictionary.vr(tag)
        head = Struct("<HH").pack(tag >> 16, tag & 0xFFFF) + vr
        if length == UNDEFINED:
            if encoding.big_endian:
                raise Malformed("encapsulated pixel data in big endian")
            extent = fragments.measure(self.data, pos, len(self.data))
            stop = pos + extent.length
            value = None if extent.whole else self.data[pos:stop] + fragments.END
            self.pixels = Pixels(tag, head + b"\xff" * 4, pos, len(value or b"") or extent.length, value)
            return stop
        if pos + length > len(self.data):
            raise Truncated(f"the file ends at byte {len(self.data)}, inside the pixel data")
        self.pixels = Pixels(tag, head + _PACK_LONG(length), pos, length, None)
        return pos + length

    def _is_padding(self, pos: int) -> bool:
        return not self.data[pos : pos + 8].strip(PADDING) and not self.data[pos:].strip(PADDING)

    def _short(self, end: int, *, closed: bool) -> Malformed:
        if closed:
            return Malformed(f"an element reaches beyond the end of its item or sequence at byte {end}")
        return Truncated(f"the file ends at byte {end}, in the middle of an element")

    def _note_if(self, odd: int, oddity: str) -> None:
        if odd:
            self.oddities.add(oddity)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Malformed(f"more than {MAX_ELEMENTS} elements")


_PACK_LONG: Final = Struct("<L").pack
_ORDERS: Final = {
    big: (Struct(order + "HH").unpack_from, Struct(order + "L").unpack_from, Struct(order + "H").unpack_from)
    for big, order in ((False, "<"), (True, ">"))
}


def _ordered(found: Sequence[_Found], oddities: set[str]) -> list[_Found]:
    """Sort elements by tag, without duplicates and group lengths, which would be wrong (PS3.5 §7.2)."""
    by_tag: dict[int, _Found] = {}
    last = -1
    for one in found:
        if not one.tag & 0xFFFF:
            continue
        if one.items is not None:
            one = one._replace(items=[_ordered(item, oddities) for item in one.items])  # noqa: PLW2901
        if one.tag < last:
            oddities.add("elements out of order, which were sorted")
        last = one.tag
        if one.tag not in by_tag:
            by_tag[one.tag] = one
        elif by_tag[one.tag] == one:
            oddities.add("identical duplicate elements, of which one was kept")
        else:
            raise Malformed(f"{_called(one.tag)} {TWICE}, with different values")
    return [by_tag[tag] for tag in sorted(by_tag)]


def _called(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {dictionary.keyword(tag)}".rstrip()


def _encoded(elements: Sequence[_Found], *, implicit: bool) -> bytes:
    return b"".join(_each_encoded(elements, implicit=implicit, signed=False))


def _each_encoded(elements: Sequence[_Found], *, implicit: bool, signed: bool) -> Iterator[bytes]:
    """Encode elements; `signed` is whether the surrounding pixels are signed."""
    for tag, vr, value, items, settled, encapsulated in elements:
        if tag == _PIXEL_REPRESENTATION:
            signed = value[:1] == b"\1"
        if items is not None:
            each = (b"".join(_each_encoded(item, implicit=implicit, signed=signed)) for item in items)
            content = b"".join(ITEM + _PACK_LONG(len(item)) + item for item in each)
            yield encode(tag, b"SQ", content, implicit=implicit)
        elif encapsulated:
            yield encode(tag, vr, b"", implicit=implicit)[:-4] + b"\xff" * 4 + value
        else:
            true_vr = b"SS" if signed and not settled and dictionary.may_be_signed(tag) else vr
            yield encode(tag, true_vr, value, implicit=implicit)


def _pixel_head(pixels: Pixels, *, implicit: bool) -> bytes:
    head = pixels.head
    return head[:4] + head[6:] if implicit else head[:6] + b"\0\0" + head[6:]


def _swapped_pixels(data: bytes, pixels: Pixels, elements: Sequence[_Found]) -> bytes:
    """Swap the bytes of pixels that are not encapsulated."""
    value = data[pixels.offset : pixels.offset + pixels.length]
    size = _WORD_SIZE.get(pixels.head[4:6])
    if not size:
        return value
    if len(value) % size:
        raise Malformed("pixel data with a part of a number")
    bits = next((one.value for one in elements if one.tag == _BITS_ALLOCATED), b"")
    if size == 2 and bits == b"\x20\0" and not len(value) % 4:
        return _swapped_pairs(value)
    return _swapped(value, size)


def _swapped_pairs(value: bytes) -> bytes:
    """Swap 32-bit pixels in big endian, of which there are two forms, distinguishable only by the image.

    By the standard they are pairs of 16-bit words, the less significant first (PS3.5 §8.1.1); many systems write each
    as a single four-byte number. Neighbouring dose values are similar, except in the wrong reading.
    """
    import numpy as np  # noqa: PLC0415 - see `_swapped`

    readings = (np.frombuffer(value, "u2").byteswap().view("<u4"), np.frombuffer(value, ">u4").astype("<u4"))
    return min(readings, key=lambda pixels: np.abs(np.diff(pixels.astype(float))).sum()).tobytes()


def _swapped(value: bytes, size: int) -> bytes:
    """Swap the bytes of each word."""
    import numpy as np  # noqa: PLC0415 - scanning folders imports this module, and never needs numpy

    return np.frombuffer(value, f"u{size}").byteswap().tobytes()
