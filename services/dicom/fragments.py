"""Extent of the fragments of encapsulated pixel data. PS3.5 A.4."""

from __future__ import annotations

import os
from struct import Struct
from typing import Final, NamedTuple

from services.dicom.elements import UNDEFINED, Malformed, Truncated

MOST: Final = 100_000
"""Maximum number of fragments; an image has one or a few. A guard against hostile files."""

END: Final = b"\xfe\xff\xdd\xe0" + bytes(4)
"""Sequence delimiter after the last fragment."""

_HEADER: Final = Struct("<HHL").unpack_from
_LEAST: Final = 2
"""An offset table, possibly empty, and one fragment."""


class Extent(NamedTuple):
    """Result of measuring."""

    length: int
    """Bytes of all fragments, including the delimiter if present."""
    whole: bool
    """Whether the delimiter is present."""


def measure(source: int | bytes, offset: int, end: int, *, nested: bool = False) -> Extent:
    """Measure the fragments that begin at `offset` in a file or in bytes.

    A file may end after a complete fragment: some systems omit the delimiter, and readers cope without it.

    Raises
    ------
    Truncated
        The file ends within a fragment, or before the first one.
    Malformed
        There is something other than a fragment.
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
