"""Outline of a data set's elements, by an independent scan of the headers.

A reader must never return less than a file contains. The result of rewriting (`services.dicom.transcode`) is therefore
compared with the headers in the file: each element ends where the next one begins, down to the last byte. PS3.5 §7.1,
§7.5.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, Final

from services.dicom.elements import MAX_DEPTH, MAX_ELEMENTS, Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from services.dicom.elements import Element
    from services.dicom.transcode import Encoding

Outline: TypeAlias = "list[tuple[int, list[Outline] | None]]"
"""The tag of each element, and the outline of each item if it is a parsed sequence."""

_SHORT: Final = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO"}
    | {"LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"}
)
_LONG: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_UNDEFINED: Final = 0xFFFFFFFF
_PIXEL_DATA: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


class _Walk:
    """One pass over a data set in memory."""

    def __init__(self, data: bytes, *, big_endian: bool, explicit: bool) -> None:
        order = ">" if big_endian else "<"
        self.data = data
        self.explicit = explicit
        self._tag = Struct(order + "HH").unpack_from
        self._short = Struct(order + "H").unpack_from
        self._long = Struct(order + "L").unpack_from
        self._left = MAX_ELEMENTS

    def elements(self, pos: int, end: int, depth: int, *, delimited: bool, explicit: bool) -> tuple[Outline, int]:
        """Return the outline from `pos` to `end`, or to the item's delimiter, and the position reached."""
        if depth > MAX_DEPTH:
            raise Malformed(f"sequences nested more than {MAX_DEPTH} deep at byte {pos}")
        found: Outline = []
        while pos + 8 <= end:
            group, number = self._tag(self.data, pos)
            tag = group << 16 | number
            if delimited and tag == 0xFFFEE00D:
                return found, pos + 8
            if not depth and self._is_padding(pos, end):
                break
            vr, length, value = self._header(tag, pos, end, explicit=explicit)
            items, pos = self._value(tag, vr, length, value, end, depth, explicit=explicit)
            self._count()
            if number:  # group lengths are not rewritten
                found.append((tag, items))
        if delimited or (pos != end and (depth or not self._is_padding(pos, end))):
            raise Malformed(f"the data end at byte {end}, in the middle of an element")
        return found, end

    def _header(self, tag: int, pos: int, end: int, *, explicit: bool) -> tuple[str, int, int]:
        """Return VR, length, and the position of the value."""
        if not explicit or tag >> 16 == 0xFFFE:
            return "", self._long(self.data, pos + 4)[0], pos + 8
        vr = self.data[pos + 4 : pos + 6].decode("latin-1")
        if vr in _SHORT:
            return vr, self._short(self.data, pos + 6)[0], pos + 8
        if tag & 0x00010000 and vr not in _LONG:
            return "UN", self._short(self.data, pos + 6)[0], pos + 8  # a vendor-specific VR, with the header of most
        if vr not in _LONG:
            raise Malformed(f"unknown VR in ({tag >> 16:04X},{tag & 0xFFFF:04X}) at byte {pos}")
        if pos + 12 > end:
            raise Malformed(f"the data end at byte {end}, in the middle of an element")
        return vr, self._long(self.data, pos + 8)[0], pos + 12

    def _value(
        self, tag: int, vr: str, length: int, pos: int, end: int, depth: int, *, explicit: bool
    ) -> tuple[list[Outline] | None, int]:
        """Return the outlines of a sequence's items, and the end of the value."""
        if length != _UNDEFINED and pos + length > end:
            raise Malformed(f"the data end at byte {end}, in the middle of an element")
        if length == _UNDEFINED:
            pixels = tag in _PIXEL_DATA
            inside = self._shows_vr(pos, end) if vr == "UN" else explicit
            items, pos = self._items(pos, end, depth, delimited=True, explicit=inside, plain=pixels)
            return (None if pixels else items), pos
        if vr == "SQ":
            try:
                return self._items(pos, pos + length, depth, delimited=False, explicit=explicit, plain=False)
            except Malformed:
                if not tag & 0x00010000:
                    raise  # a private one may hold anything
        return None, pos + length

    def _is_padding(self, pos: int, end: int) -> bool:
        """Return whether only zeros and line ends follow."""
        return not any(self.data[pos : pos + 8].translate(None, b"\r\n")) and not any(
            self.data[pos:end].translate(None, b"\r\n")
        )

    def _shows_vr(self, pos: int, end: int) -> bool:
        """Return whether items of a UN element are in explicit VR, although they should be in implicit.

        PS3.5 §6.2.2.
        """
        while pos + 16 <= end and self._tag(self.data, pos) == (0xFFFE, 0xE000):
            length = self._long(self.data, pos + 4)[0]
            if length and self._tag(self.data, pos + 8) != (0xFFFE, 0xE00D):
                vr = self.data[pos + 12 : pos + 14].decode("latin-1")
                return vr in _SHORT or vr in _LONG
            pos += 16 if length == _UNDEFINED else 8
        return False

    def _items(
        self, pos: int, end: int, depth: int, *, delimited: bool, explicit: bool, plain: bool
    ) -> tuple[list[Outline], int]:
        """Return the outline of each item; `plain` ones are pixel fragments, and skipped."""
        found: list[Outline] = []
        while pos + 8 <= end:
            group, number = self._tag(self.data, pos)
            length = self._long(self.data, pos + 4)[0]
            self._count()
            if (group, number) == (0xFFFE, 0xE0DD) and delimited:
                return found, pos + 8
            if (group, number) != (0xFFFE, 0xE000) or (plain and length == _UNDEFINED):
                raise Malformed(f"no item where a sequence should have one, at byte {pos}")
            pos += 8
            if length == _UNDEFINED:
                outline, pos = self.elements(pos, end, depth + 1, delimited=True, explicit=explicit)
            elif pos + length > end:
                raise Malformed(f"the data end at byte {end}, in the middle of an item")
            else:
                stop = pos + length
                outline = [] if plain else self.elements(pos, stop, depth + 1, delimited=False, explicit=explicit)[0]
                pos = stop
            found.append(outline)
        if (delimited and not (plain and pos == end)) or pos != end:
            raise Malformed(f"the data end at byte {end}, in the middle of a sequence")
        return found, end

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Malformed(f"more than {MAX_ELEMENTS} elements")


def require_all_read(data: bytes, pos: int, elements: Sequence[Element], encoding: Encoding) -> None:
    """Raise if a reader returned other elements than the file's headers show.

    Parameters
    ----------
    data
        The file.
    pos
        Where its data set begins.
    elements
        The elements read, without pixel data.
    encoding
        Its encoding.

    Raises
    ------
    Malformed
        The headers do not lead to the last byte, or an element was read that they do not show, or the reverse.
    """
    explicit = not encoding.implicit
    walk = _Walk(data, big_endian=encoding.big_endian, explicit=explicit)
    outline, _ = walk.elements(pos, len(data), 0, delimited=False, explicit=explicit)
    shown: Outline = [one for one in outline if one[0] not in _PIXEL_DATA]
    difference = _difference(shown, elements)
    if difference is not None:
        raise Malformed(f"({difference >> 16:04X},{difference & 0xFFFF:04X}) cannot be read reliably")


def _difference(shown: Outline, elements: Sequence[Element]) -> int | None:
    """Return the first tag in which headers and elements differ, at any depth; identical duplicates count once."""
    ours = [(tag, items) for tag, _, _, _, _, items in elements if tag & 0xFFFF]
    ascending = sorted(shown, key=_tag_of)
    shown = ascending[:1] + [one for before, one in pairwise(ascending) if one != before]
    pairs = zip(shown, ours, strict=False)
    for (tag, outlines), (ours_tag, items) in pairs:
        if tag != ours_tag:
            return min(tag, ours_tag)
        if outlines is None or (items is None and tag & 0x00010000):
            continue  # a UN value does not show whether it is a sequence
        if items is None or len(items) != len(outlines):
            return tag
        for outline, item in zip(outlines, items, strict=True):
            inner = _difference(outline, item[3])
            if inner is not None:
                return inner
    if len(shown) != len(ours):
        longer: Sequence[tuple[int, object]] = max(shown, ours, key=len)
        return longer[min(len(shown), len(ours))][0]
    return None


def _tag_of(one: tuple[int, object]) -> int:
    return one[0]
