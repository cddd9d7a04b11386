"""Encapsulated pixel data: how far their fragments reach. PS3.5 A.4."""

from __future__ import annotations

import os
from struct import Struct
from typing import Final, NamedTuple

from services.dicom.elements import UNDEFINED, Malformed, Truncated

MOST: Final = 100_000
"""Fragments; an image has one or a few. A guard against hostile files."""

END: Final = b"\xfe\xff\xdd\xe0" + bytes(4)
"""The delimiter behind the last one."""

_HEADER: Final = Struct("<HHL").unpack_from
_LEAST: Final = 2
"""An offset table, which may be empty, and one fragment."""


class Extent(NamedTuple):
    """What was measured."""

    length: int
    """Bytes of all fragments, and of the delimiter where there is one."""
    whole: bool
    """Whether the delimiter is there."""


def measure(source: int | bytes, offset: int, end: int, *, nested: bool = False) -> Extent:
    """Measure the fragments that begin at `offset` of a file, or of bytes.

    A file may end behind a whole fragment: some systems leave the delimiter out, and readers do without it.

    Raises
    ------
    Truncated
        The file ends in the middle of a fragment, or before the first one.
    Malformed
        Something else stands where a fragment should.
    """
    pos = offset
    for count in range(MOST):
        if pos == end and count >= _LEAST and not nested:
            return Extent(pos - offset, whole=False)
        if pos + 8 > end:
            raise Truncated(f"the file ends at byte {end}, inside the encapsulated pixel data")
        header = source[pos : pos + 8] if isinstance(source, bytes) else os.pread(source, 8, pos)
        if len(header) < 8:
            raise Truncated(f"the file ends before byte {end}, inside the encapsulated pixel data")
        group, number, fragment = _HEADER(header, 0)
        pos += 8
        if (group, number) == (0xFFFE, 0xE0DD):
            return Extent(pos - offset, whole=True)
        if (group, number) != (0xFFFE, 0xE000) or fragment == UNDEFINED:
            raise Malformed(f"no fragment where encapsulated pixel data should have one, at byte {pos - 8}")
        pos += fragment
    raise Malformed(f"more than {MOST} fragments of pixel data")
