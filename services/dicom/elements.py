"""The element stream of a DICOM data set: parsed without decoding values, rewritten without copying unchanged parts.

Radiotherapy objects are large because of pixels, and millions of contour coordinates written as text. Neither is needed
to anonymize a set, so neither becomes a Python value here. `Parser` records where each element begins and ends;
`rewrite` copies the runs between changes as slices of the input, and encodes only changed elements and the lengths
around them. The encoding is preserved: VRs, undefined lengths, delimiters, even odd padding.

This module knows the encoding (PS3.5 §7, little endian, implicit and explicit VR) and nothing of radiotherapy. Big
endian and deflated data sets, elements out of order or duplicated, and standard elements needlessly coded as UN are
first normalized by `services.dicom.transcode` and `services.dicom.part10`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from struct import Struct
from typing import Final, TypeAlias

from services.dicom import dictionary

Element: TypeAlias = "tuple[int, bytes, int, int, int, list[Item] | None]"
"""(tag, vr, start, value, end, items): `data[start:end]` is the element, `data[value:end]` its value field; that of a
sequence contains its items and, if its length is undefined, the delimiter. `items` is None unless the VR is SQ.
"""

Item: TypeAlias = "tuple[int, int, int, list[Element]]"
"""(start, value, end, elements): `data[start:end]` is the item with its header and, if its length is undefined, its
delimiter.
"""

UNDEFINED: Final = 0xFFFFFFFF
_UNDEFINED_LENGTH: Final = b"\xff\xff\xff\xff"
ITEM: Final = b"\xfe\xff\x00\xe0"
ITEM_END: Final = b"\xfe\xff\x0d\xe0"
PIXEL_DATA: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, Double Float and plain Pixel Data: at the top level their values are never read into Python. PS3.3 C.7.6.3."""

MAX_DEPTH: Final = 32
"""Deeper nesting than in any IOD; a guard against hostile files."""
MAX_ELEMENTS: Final = 1_500_000
"""Several times the elements of the largest structure sets; a guard against hostile files."""

PADDING: Final = b"\0\r\n"
"""Some systems pad the last block of a file with zeros, or end it like a text; readers ignore that."""
_BLOCK: Final = 4096
_LITTLE_PADDING: Final = 64
"""Zeros starting at a block boundary are a hole that a copy has yet to fill, unless there are only this few."""

_NO_GROUP: Final = 0xFFFF
"""Group that no element may have. PS3.5 §7.8."""

_TEXT: Final = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_LONGEST: Final = 1 << 29
"""Bytes of a value; an incomplete file whose last element states more does not end in an element."""

_EXPLICIT = Struct("<HH2sH").unpack
_IMPLICIT = Struct("<HHL").unpack
_ITEM = Struct("<HHL").unpack_from
_LONG = Struct("<L").unpack_from
_PACK_LONG = Struct("<L").pack
_PACK_TAG = Struct("<HH").pack
_PACK_SHORT = Struct("<H").pack

# PS3.5 §7.1.2: VRs whose length field has 16 bits, and those with two reserved bytes and 32 bits.
SHORT_VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
MAX_SHORT: Final = 0xFFFE
"""Maximum length of a value of a VR with a 16-bit length field; a longer one is coded as UN. PS3.5 §6.2.2."""


class Malformed(Exception):
    """The bytes are not a valid data set. The text gives the problem and the offset, and quotes no value."""


TWICE: Final = "occurs twice"
"""Text used in `Malformed` for a duplicate element."""


class Truncated(Malformed):
    """The data set ends before its last element does: a copy in progress, or interrupted."""


class OtherEncoding(Exception):
    """A valid encoding handled by `services.dicom.transcode` instead."""


class PixelsFollow(Exception):
    """Top-level pixel data begin here; everything before has been parsed."""

    def __init__(self, elements: list[Element], tag: int, start: int, vr: bytes, value: int, length: int) -> None:
        super().__init__()
        self.elements = elements
        self.tag = tag
        self.start = start
        self.vr = vr
        self.value = value
        self.length = length


# How an element continues after the first eight bytes of its header.
_PLAIN: Final = 0
"""With its value, of known length."""
_SPECIAL: Final = 1
"""With its value, which may be a sequence, pixels, or padding."""
_LONG_HEADER: Final = 2
"""With four more header bytes: the length. PS3.5 Table 7.1-1."""
_STRANGE: Final = 3
"""Not an element: a delimiter, zeros, or another encoding."""
_UNUSUAL: Final = 4
"""It has a VR that the dictionary does not allow, non-zero reserved bytes, or too many numbers.

Bytes ignored by readers may hold anything, such as a name; so may a number that nobody reads as text.
"""

_Head: TypeAlias = tuple[int, bytes, int, int]
"""(tag, vr, length, continuation)."""

_WITH_ITEMS: Final = frozenset((b"SQ", b"UN"))


def no_sequence(tag: int, start: int) -> Malformed:
    """Return the error for an element of undefined length that can have no items. PS3.5 §7.1.1."""
    return Malformed(f"an undefined length in {dictionary.name(tag)}, which is not a sequence, at byte {start}")


class _Heads:
    """Cache of decoded element heads (first eight bytes), for one encoding.

    The same few hundred heads (tag, VR and length) begin nearly all elements of a set; each is decoded once.
    """

    MOST: Final = 1 << 14
    """Maximum number cached: more than sets need, and little memory."""

    def __init__(self, decode: Callable[[bytes], _Head]) -> None:
        self.known: Final[dict[bytes, _Head]] = {}
        self._decode = decode

    def learnt(self, head: bytes) -> _Head:
        """Decode a head, and cache it."""
        decoded = self._decode(head)
        if len(self.known) < self.MOST:
            self.known[head] = decoded
        return decoded


def _explicit_head(head: bytes) -> _Head:
    """Decode a head of explicit VR. PS3.5 §7.1.2."""
    group, number, vr, length = _EXPLICIT(head)
    tag = group << 16 | number
    allowed = dictionary.VRS.get(tag)
    in_order = not allowed or vr in allowed
    if vr in SHORT_VRS:
        in_order = in_order and length <= dictionary.MOST_BYTES.get((tag, vr), length)
        return tag, vr, length, _PLAIN if in_order else _UNUSUAL
    if vr in LONG_VRS:
        in_order = (in_order or vr == b"UN") and not (length and not group & 1)  # the reserved bytes
        return tag, vr, length, _LONG_HEADER if in_order or tag in PIXEL_DATA else _UNUSUAL
    if group & 1 and group != _NO_GROUP:
        return tag, b"UN", length, _PLAIN  # a vendor-specific VR, with the short header of most
    return tag, vr, length, _STRANGE


def _implicit_head(head: bytes) -> _Head:
    """Decode a head of implicit VR. PS3.5 §7.1.3."""
    group, number, length = _IMPLICIT(head)
    tag = group << 16 | number
    if group in (0xFFFE, _NO_GROUP):
        return tag, b"", length, _STRANGE
    vr = (dictionary.vr(tag) or b"UN") if not group & 1 else b"UN"
    if length == UNDEFINED and vr == b"UN":
        vr = b"SQ"
    if dictionary.MOST_BYTES.get((tag, vr), UNDEFINED) < length:
        return tag, vr, length, _UNUSUAL
    special = vr == b"SQ" or length == UNDEFINED or tag in PIXEL_DATA or not tag
    return tag, vr, length, _SPECIAL if special else _PLAIN


_EXPLICIT_HEADS: Final = _Heads(_explicit_head)
_IMPLICIT_HEADS: Final = _Heads(_implicit_head)


class _Run:
    """Consecutive elements, and their bytes."""

    MOST: Final = 64
    """Maximum number of places for which the elements are kept; in the slices of a series there are a few."""

    def __init__(self, data: bytes, elements: list[Element]) -> None:
        self._start = elements[0][2]
        self._at: Final = {self._start: elements}
        self.first: Final = elements[0][0]
        self.count: Final = _count(elements)
        """Elements and items, at every depth."""
        self.raw: Final = data[self._start : elements[-1][4]]

    def at(self, pos: int) -> list[Element]:
        """Return the elements whose bytes begin at `pos`."""
        moved = self._at.get(pos)
        if moved is None:
            moved = _moved(self._at[self._start], pos - self._start)
            if len(self._at) < self.MOST:
                self._at[pos] = moved
        return moved


def _count(elements: Sequence[Element]) -> int:
    inside = [item[3] for element in elements for item in element[5] or ()]
    return len(elements) + len(inside) + sum(map(_count, inside))


def _moved(elements: Sequence[Element], by: int) -> list[Element]:
    return [
        (
            tag,
            vr,
            start + by,
            value + by,
            end + by,
            items and [(begin + by, at + by, stop + by, _moved(inside, by)) for begin, at, stop, inside in items],
        )
        for tag, vr, start, value, end, items in elements
    ]


class Recurring:
    """Runs of elements that stand byte for byte in one data set after another, as in the slices of a series.

    Nine tenths of a slice are in the slice before it, too. The same bytes are the same elements, so they are not read
    again; only zeros at the beginning may be an element or padding, depending on what follows.
    """

    def __init__(self) -> None:
        self.runs: dict[bytes, _Run] = {}
        """By their first eight bytes."""
        self.last = -1
        """Tag of the last element in a run."""
        self._varying: set[int] = set()
        self._before: dict[int, bytes] | None = None

    def learn(self, data: bytes, elements: Sequence[Element]) -> None:
        """Find the runs again, now that a data set differs from that in which they were found."""
        here = {tag: data[start:end] for tag, _, start, _, end, _ in elements}
        if self._before is not None:
            self._varying.update(tag for tag, _ in self._before.items() ^ here.items())
            found = [
                list(run) for recurs, run in groupby(elements, lambda each: 0 < each[0] not in self._varying) if recurs
            ]
            self.runs = {run.raw[:8]: run for run in (_Run(data, elements) for elements in found)}
            self.last = found[-1][-1][0] if found else -1
        self._before = here


class Parser:
    """One pass over the bytes of a data set, in one of the two little-endian encodings.

    Parameters
    ----------
    data
        The bytes, possibly the beginning of a longer file.
    implicit
        True for Implicit VR Little Endian; VRs are then those of the data dictionary (PS3.6).
    size
        Total number of bytes, if `data` is only the beginning: an element that extends beyond `data` but not beyond
        `size` raises `Beyond`, not `Truncated`.
    recurring
        What data sets of the same series and encoding have in common.
    """

    def __init__(
        self, data: bytes, *, implicit: bool, size: int | None = None, recurring: Recurring | None = None
    ) -> None:
        self.data = data
        self.size = len(data) if size is None else size
        self.may_have_holes = True
        """Whether zeros may stand for data not yet copied: in files, before their pixels."""
        self._heads = _IMPLICIT_HEADS if implicit else _EXPLICIT_HEADS
        self._recurring = recurring or Recurring()
        self._taken_over = 0
        self._left = MAX_ELEMENTS

    @property
    def found_all_recurring(self) -> bool:
        """Return whether all recurring elements were taken over."""
        return 0 < len(self._recurring.runs) == self._taken_over

    @property
    def count(self) -> int:
        """Number of elements and items read, at every depth."""
        return MAX_ELEMENTS - self._left

    def top_level(self, pos: int, after: int = -1) -> list[Element]:
        """Parse from `pos`, after an element with the tag `after`, to the end; raise `PixelsFollow` at pixel data."""
        elements: list[Element] = []
        try:
            pos, after = self._take_over(elements, pos, after)
            more, _ = self._read(self._heads, pos, len(self.data), 0, False, after)
        except PixelsFollow as pixels:
            pixels.elements[:0] = elements
            raise
        if len(self.data) < self.size:
            raise Beyond  # an element ends exactly at the end of the bytes read so far
        return elements + more

    def _take_over(self, elements: list[Element], pos: int, before: int) -> tuple[int, int]:
        """Read elements from `pos` on up to the last recurring one; return where it ends, and its tag.

        Between recurring runs, elements are read one by one.
        """
        data, recurring = self.data, self._recurring
        while before < recurring.last:
            run = recurring.runs.get(data[pos : pos + 8])
            if run and run.first > before and data.startswith(run.raw, pos):
                more, pos = run.at(pos), pos + len(run.raw)
                self._count(run.count)
                self._taken_over += 1
            else:
                more, pos = self._read(self._heads, pos, len(data), 0, False, before, pos)
                if not more:
                    break
            elements += more
            before = more[-1][0]
        return pos, before

    # The inner loop is kept in one function: an element takes 0.63 µs, and each extra call would take a sixth of that.
    def _read(  # noqa: C901, PLR0912, PLR0915 - see above
        self, heads: _Heads, pos: int, end: int, depth: int, undefined: bool, before: int = -1, only: int = sys.maxsize
    ) -> tuple[list[Element], int]:
        """Read elements up to `end`, or up to an item delimiter if the item's length is undefined.

        Tags must ascend, starting after `before`. PS3.5 §7.1. Of a longer stream only the element at `only` is read.
        """
        data = self.data
        elements: list[Element] = []
        add = elements.append
        known = heads.known
        last = min(end - 8, pos + 8 * self._left, only)  # beyond this there may be more elements than allowed
        while pos <= last:
            start = pos
            try:
                tag, vr, length, how = known[data[start : start + 8]]
            except KeyError:
                tag, vr, length, how = heads.learnt(data[start : start + 8])
            value = start + 8
            if tag <= before:
                self._disordered(start, end, depth)
                break
            before = tag
            if how:
                if how >= _STRANGE:
                    if undefined and tag == 0xFFFEE00D and not length:
                        self._count(len(elements))
                        return elements, value
                    self._strange(start, end, tag, depth, is_delimiter=undefined and tag == 0xFFFEE00D)
                    break
                if how == _LONG_HEADER:
                    if value + 4 > end:
                        break
                    length = _LONG(data, value)[0]
                    value += 4
                if depth == 0 and tag in PIXEL_DATA:
                    self._count(len(elements))
                    if vr == b"UN":
                        raise OtherEncoding("pixel data coded as UN")
                    raise PixelsFollow(elements, tag, start, vr, value, length)
                standard = not tag & 0x00010000
                if vr == b"UN" and standard:
                    vr = self._standard_vr(tag, length)
                if vr == b"SQ" or length == UNDEFINED:
                    if standard and vr not in _WITH_ITEMS and tag not in PIXEL_DATA:
                        raise no_sequence(tag, start)
                    read = self._fragments if tag in PIXEL_DATA else self._items if standard else self._private
                    items, pos = read(heads, vr, value, end, length, depth)
                    add((tag, vr, start, value, pos, items))
                    continue
                if not tag and self._is_rest(start, end, depth):
                    break
            pos = value + length
            if pos > end:
                if self._is_rest(start, end, depth):
                    pos = start
                    break
                if end == self.size:
                    require_element(data, start, tag, implicit=heads is _IMPLICIT_HEADS)
                raise self._short(pos, end)
            add((tag, vr, start, value, pos, None))
        else:
            if pos <= end - 8:
                self._count(len(elements))
                if pos > only:
                    return elements, pos
                try:
                    more, pos = self._read(heads, pos, end, depth, undefined, before)
                except PixelsFollow as pixels:
                    pixels.elements[:0] = elements
                    raise
                return elements + more, pos
        if undefined or pos != end:
            self._ended(pos, end, depth, undefined=undefined)
        self._count(len(elements))
        return elements, end

    def _private(
        self, heads: _Heads, vr: bytes, pos: int, end: int, length: int, depth: int
    ) -> tuple[list[Item] | None, int]:
        """Read a private sequence. One of known length may hold anything; it is never parsed, and never kept."""
        try:
            return self._items(heads, vr, pos, end, length, depth)
        except (Malformed, OtherEncoding):
            stop = pos + length
            if length == UNDEFINED or stop > end or depth >= MAX_DEPTH:
                raise
            return None, stop

    def _fragments(
        self, _heads: _Heads, _vr: bytes, pos: int, end: int, length: int, _depth: int
    ) -> tuple[list[Item] | None, int]:
        """Skip encapsulated pixels inside a sequence, for example those of an icon."""
        if length != UNDEFINED:
            raise Malformed(f"pixel data as a sequence at byte {pos}")
        data = self.data
        while pos + 8 <= end:
            group, number, length = _ITEM(data, pos)
            pos += 8
            self._count(1)
            if (group, number) == (0xFFFE, 0xE0DD):
                self._require_empty(length)
                return None, pos
            if (group, number) != (0xFFFE, 0xE000) or length == UNDEFINED:
                raise Malformed(f"no fragment where encapsulated pixel data should have one, at byte {pos - 8}")
            pos += length
        raise self._short(max(pos, end + 1), end)

    def _items(
        self, heads: _Heads, vr: bytes, pos: int, end: int, length: int, depth: int
    ) -> tuple[list[Item] | None, int]:
        """Read the items of a sequence; an undefined-length UN element is a sequence in implicit VR (PS3.5 §6.2.2)."""
        if depth >= MAX_DEPTH:
            raise Malformed(f"sequences nested more than {MAX_DEPTH} deep at byte {pos}")
        if vr == b"UN":
            heads = self._heads_inside(pos, end)
        undefined = length == UNDEFINED
        stop = end if undefined else pos + length
        if stop > end:
            raise self._short(stop, end)
        data = self.data
        items: list[Item] = []
        last = stop - 8
        whole = False
        try:
            while pos <= last:
                group, number, length = _ITEM(data, pos)
                value = pos + 8
                if group != 0xFFFE:
                    self._is_rest(pos, stop, depth + 1)
                    raise Malformed(f"no item where a sequence should have one, at byte {pos}")
                if number == 0xE000:
                    if length == UNDEFINED:
                        whole = False
                        elements, after = self._read(heads, value, stop, depth + 1, True)
                    else:
                        after = value + length
                        whole = after <= stop
                        if not whole:
                            raise self._short(after, stop)
                        elements, _ = self._read(heads, value, after, depth + 1, False)
                    items.append((pos, value, after, elements))
                    pos = after
                    if len(items) > self._left:
                        break
                elif number == 0xE0DD and undefined:
                    self._require_empty(length)
                    self._count(len(items))
                    return items, value
                else:
                    raise Malformed(f"a delimiter without its item at byte {pos}")
            self._count(len(items))
            if undefined:
                whole = False
                raise self._short(stop + 1, stop)
        except Truncated:
            if undefined and not whole:
                raise
            raise Malformed(f"an element reaches beyond the end of its item or sequence at byte {pos}") from None
        if pos != stop:
            raise Malformed(f"an item is cut off at byte {pos}")
        return items, stop

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            raise Malformed(f"more than {MAX_ELEMENTS} elements")

    def _standard_vr(self, tag: int, length: int) -> bytes:
        """Return the true VR of a standard element coded as UN; only an overlong one stays UN."""
        vr = dictionary.vr(tag)
        if length == UNDEFINED or (vr != b"UN" and (vr not in SHORT_VRS or length <= MAX_SHORT)):
            raise OtherEncoding("standard elements coded as UN")
        return vr

    def _heads_inside(self, pos: int, end: int) -> _Heads:
        """Return the encoding of a UN element's items: implicit VR, or explicit as in some systems. PS3.5 §6.2.2."""
        return _EXPLICIT_HEADS if is_explicit_inside(self.data, pos, end) else _IMPLICIT_HEADS

    def _short(self, after: int, end: int) -> Exception:
        """Return the exception for an element that ends after `end`.

        Callers for which `end` is not the file's say so.
        """
        if end == len(self.data):
            return Beyond() if after <= self.size and end < self.size else self._cut_off()
        return Malformed(f"an element reaches beyond the end of its item at byte {end}")

    def _cut_off(self) -> Truncated:
        return Truncated(f"the file ends at byte {self.size}, in the middle of an element")

    def _is_rest(self, pos: int, end: int, depth: int) -> bool:
        """Return whether only padding follows the last element; raise if it may be data not yet copied."""
        if end < len(self.data) or self.data[pos : pos + 8].strip(PADDING) or self.data[pos:end].strip(PADDING):
            return False
        if end < self.size:
            raise Beyond
        if depth:
            raise self._cut_off()
        if self.may_have_holes:
            require_arrived(self.data, pos)
        return True

    def _disordered(self, pos: int, end: int, depth: int) -> None:
        """Handle an element whose tag is not higher than the previous one."""
        if not self._is_rest(pos, end, depth):
            raise OtherEncoding("elements out of order")

    def _strange(self, pos: int, end: int, tag: int, depth: int, *, is_delimiter: bool) -> None:
        """Handle bytes that do not begin an element: padding, or another encoding."""
        if len(self.data) < self.size and end == len(self.data):
            raise Beyond
        if self._is_rest(pos, end, depth):
            return
        if is_junk(self.data[pos : pos + 8]):
            raise not_dicom(pos)
        if is_delimiter:
            self._require_empty(1)
        if tag >> 16 == 0xFFFE:
            raise Malformed(f"a delimiter without its item at byte {pos}")
        raise OtherEncoding(f"another VR than is known in element ({tag >> 16:04X},{tag & 0xFFFF:04X}) at byte {pos}")

    @staticmethod
    def _require_empty(length: int) -> None:
        """Reject a delimiter with a length, which is meaningless and may hold anything, so that it is rewritten."""
        if length:
            raise OtherEncoding("a delimiter with a length")

    def _ended(self, pos: int, end: int, depth: int, *, undefined: bool) -> None:
        """Check that the data ended at the end of an element."""
        if undefined:
            raise self._short(end + 1, end)
        if pos == end or self._is_rest(pos, end, depth):
            return
        raise self._short(end + 1, end)


def require_element(data: bytes, pos: int, tag: int, *, implicit: bool) -> None:
    """Raise if the incomplete element at the end of a file is not an element, so that no copy will complete it.

    Raises
    ------
    Malformed
        There is text, one byte repeated, an unknown tag or VR, or a value longer than any.
    """
    head = data[pos : pos + 8]
    vr = head[4:6]
    strange = _LONG(head, 4)[0] >= _LONGEST if implicit else vr not in SHORT_VRS and vr not in LONG_VRS
    unknown = tag & 0xFFFF and not tag & 0x00010000 and not dictionary.entry(tag)
    if strange or unknown or is_junk(head):
        raise not_dicom(pos)


def is_junk(head: bytes) -> bool:
    """Return whether eight bytes are text, such as an error page, or one repeated byte, and not an element's head."""
    return not head.strip(_TEXT) or not head.strip(head[:1])


def not_dicom(pos: int) -> Malformed:
    """Return the exception for something else after the last element."""
    return Malformed(f"what follows the last element, at byte {pos}, is not DICOM")


def require_arrived(data: bytes, pos: int) -> None:
    """Raise if the padding of a file from `pos` on may be a hole that a copy has yet to fill.

    Raises
    ------
    Truncated
        It begins at a block boundary, and is too long for padding.
    """
    if pos % _BLOCK == 0 and data.count(0, pos) > _LITTLE_PADDING:
        raise Truncated(f"nothing but zeros from byte {pos} on: the copy has not arrived")


def is_explicit_inside(data: bytes, pos: int, end: int) -> bool:
    """Return whether the first element of the items from `pos` on has an explicit VR."""
    while pos + 16 <= end and data[pos : pos + 4] == ITEM:
        length = _LONG(data, pos + 4)[0]
        if length and data[pos + 8 : pos + 12] != ITEM_END:
            vr = data[pos + 12 : pos + 14]
            return vr in SHORT_VRS or vr in LONG_VRS
        pos += 8 if length != UNDEFINED else 16
    return False


class Beyond(Exception):
    """An element extends beyond the bytes read so far; more of the file must be read."""


Edit: TypeAlias = Callable[[bytes], bytes | None]
"""Maps the value field of an element, including padding, to the new one, which need not be padded; None drops the
element. An edit that returns its argument leaves the element byte for byte.
"""

New: TypeAlias = tuple[bytes, bytes]
"""(vr, value) of an inserted element. The value is padded to even length here (PS3.5 §6.2)."""


def keep(value: bytes) -> bytes:
    """Keep the element unchanged; a sequence is processed item by item."""
    return value


def drop(value: bytes) -> None:
    """Drop the element."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What to do with the elements of a data set and of its items."""

    edits: Mapping[int, Edit]
    """By tag. Tags not listed are dropped."""

    inside: Mapping[int, Rules] = field(default_factory=dict)
    """Sequences whose items follow other rules; items of all others follow these."""

    complete: Callable[[bytes, Sequence[Element]], Mapping[int, New | None]] | None = None
    """Decides on a data set as a whole: elements to insert, replace (by tag) or drop (None)."""

    below: Rules | None = None
    """Rules for nested items, if different."""

    known: dict[bytes, bytes | None] = field(default_factory=dict, compare=False)
    """Short sequences rewritten by these rules, with the result; None if unchanged.

    Equal bytes give equal results anywhere; only `complete` may depend on the location.
    """


def rewrite(
    data: bytes,
    elements: Sequence[Element],
    rules: Rules,
    *,
    implicit: bool,
    end: int,
    additions: Mapping[int, New | None] | None = None,
) -> list[bytes | memoryview]:
    """Return the new bytes of a top-level data set, as chunks in order.

    Parameters
    ----------
    data, elements
        Input and output of `Parser`; `elements` are consecutive and end at `end`.
    additions
        Elements to insert, replace or drop at this level, in addition to those of `rules.complete`.
    """
    writer = _Writer(data, implicit=implicit)
    start = elements[0][2] if elements else end
    out: list[bytes | memoryview] = []
    if writer.data_set(elements, start, end, rules, out, additions) is None:
        return [writer.view[start:end]]
    return out


def encode(tag: int, vr: bytes, value: bytes, *, implicit: bool) -> bytes:
    """Encode one element; the value is padded to even length with the pad byte of its VR."""
    if len(value) & 1:
        value += _pad(vr)
    return _head(tag, vr, len(value), implicit=implicit) + value


def _head(tag: int, vr: bytes, length: int, *, implicit: bool) -> bytes:
    """Encode the header of an element; an overlong value is coded as UN. PS3.5 §6.2.2."""
    head = _PACK_TAG(tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + _PACK_LONG(length)
    if vr not in SHORT_VRS:
        return head + vr + b"\0\0" + _PACK_LONG(length)
    if length <= MAX_SHORT:
        return head + vr + _PACK_SHORT(length)
    return head + b"UN\0\0" + _PACK_LONG(length)


_TEXT_VRS: Final = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())
"""Padded with a blank. PS3.5 §6.2."""


def _pad(vr: bytes) -> bytes:
    return b" " if vr in _TEXT_VRS else b"\0"


_SHORT: Final = 512
"""Maximum bytes of a sequence that may recur many times in an object."""

_NEVER: Final = 1 << 32
"""Higher than every tag."""


class _Writer:
    """Appends new bytes to a list of chunks; each method returns the appended length, or None if nothing changed."""

    def __init__(self, data: bytes, *, implicit: bool) -> None:
        self.data = data
        self.view = memoryview(data)
        self.implicit = implicit

    def data_set(
        self,
        elements: Sequence[Element],
        start: int,
        end: int,
        rules: Rules,
        out: list[bytes | memoryview],
        additions: Mapping[int, New | None] | None = None,
    ) -> int | None:
        """Rewrite the elements between `start` and `end`."""
        data, view = self.data, self.view
        edit_of = rules.edits.get
        wanted = additions or {}
        if rules.complete:
            wanted = {**wanted, **rules.complete(data, elements)}
        pending = sorted(wanted, reverse=True) if wanted else []
        due = pending[-1] if pending else _NEVER
        run, total, changed = start, 0, False
        for tag, vr, at, value, stop, items in elements:
            if tag >= due:
                put_in = self._encoded(wanted, pending, tag)
                due = pending[-1] if pending else _NEVER
                replaced = tag in wanted
                if put_in or replaced:
                    out += (view[run:at], put_in)
                    total += at - run + len(put_in)
                    run, changed = (stop if replaced else at), True
                if replaced:
                    continue
            edit = edit_of(tag)
            if edit is keep:
                if not items:
                    continue
                mark = len(out)
                out.append(view[run:at])
                inner = rules.inside.get(tag) or rules.below or rules
                is_known = stop - at <= _SHORT and not inner.complete
                rewritten = self._short_sequence if is_known else self._long_sequence
                length = rewritten(items, at, value, stop, inner, out)
                if length is None:
                    del out[mark:]
                    continue
                total += at - run + length
            else:
                new = None
                if edit is not None:
                    old = data[value:stop]
                    new = edit(old)
                    if new == old:
                        continue
                if at > run:
                    out.append(view[run:at])
                    total += at - run
                if new is not None:
                    if len(new) & 1:
                        new += _pad(vr)
                    head = _head(tag, vr, len(new), implicit=self.implicit)
                    out += (head, new)
                    total += len(head) + len(new)
            run, changed = stop, True
        put_in = self._encoded(wanted, pending, _NEVER) if pending else b""
        if not changed and not put_in:
            return None
        out += (view[run:end], put_in)
        return total + end - run + len(put_in)

    def _short_sequence(
        self, items: Sequence[Item], at: int, value: int, end: int, rules: Rules, out: list[bytes | memoryview]
    ) -> int | None:
        """Rewrite a short sequence, such as a contour's image, or reuse the result of an identical one."""
        old = self.data[at:end]
        if old not in rules.known:
            chunks: list[bytes | memoryview] = []
            length = self._long_sequence(items, at, value, end, rules, chunks)
            rules.known[old] = None if length is None else b"".join(chunks)
        new = rules.known[old]
        if new is None:
            return None
        out.append(new)
        return len(new)

    def _long_sequence(
        self, items: Sequence[Item], at: int, value: int, end: int, rules: Rules, out: list[bytes | memoryview]
    ) -> int | None:
        """Rewrite a sequence with its header, keeping an undefined length (PS3.5 §7.5)."""
        head = self.data[at:value]
        mark = len(out)
        out.append(head)
        length = self._sequence(items, value, end, rules, out)
        if length is None:
            del out[mark:]
            return None
        if not head.endswith(_UNDEFINED_LENGTH):
            out[mark] = head[:-4] + _PACK_LONG(length)
        return len(head) + length

    def _sequence(
        self, items: Sequence[Item], start: int, end: int, rules: Rules, out: list[bytes | memoryview]
    ) -> int | None:
        """Rewrite the items between `start` and `end`, including a final delimiter."""
        data, view = self.data, self.view
        run, total, changed = start, 0, False
        for at, value, stop, elements in items:
            undefined = data[at + 4 : value] == _UNDEFINED_LENGTH
            content_end = stop - 8 if undefined else stop
            mark = len(out)
            out += (view[run:at], b"")
            length = self.data_set(elements, value, content_end, rules, out)
            if length is None:
                del out[mark:]
                continue
            out[mark + 1] = data[at:value] if undefined else ITEM + _PACK_LONG(length)
            total += at - run + 8 + length
            run, changed = content_end, True
        if not changed:
            return None
        out.append(view[run:end])
        return total + end - run

    def _encoded(self, wanted: Mapping[int, New | None], pending: list[int], up_to: int) -> bytes:
        """Encode, in order, the pending additions with tags up to `up_to`."""
        encoded = b""
        while pending and pending[-1] <= up_to:
            tag = pending.pop()
            new = wanted[tag]
            if new is not None:
                encoded += encode(tag, *new, implicit=self.implicit)
        return encoded
