"""Account of a proven set: counts of the output's contents, taken while it is compared, for later reports.

A completed proof has found every kept number equal to the source's, and explained every element. The counts are
therefore a statement of equality; they apply only to files with these hashes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from services.dicom import dictionary

if TYPE_CHECKING:
    from services.dicom.part10 import DicomFile

SIZES: Final = {
    **dict.fromkeys((b"SS", b"US"), 2),
    **dict.fromkeys((b"FL", b"SL", b"UL"), 4),
    **dict.fromkeys((b"FD", b"SV", b"UV"), 8),
}
"""Bytes per binary number, by VR. PS3.5 6.2."""

_PIXELS: Final = 0x7FE00010
_METHOD_CODES: Final = dictionary.tag("DeidentificationMethodCodeSequence")
"""Counts as one element, since it was added as one."""


def numbers_in(value: bytes, vr: bytes) -> int:
    """Return how many numbers a value holds."""
    if vr in {b"DS", b"IS"}:
        return value.count(b"\\") + 1 if value else 0
    return len(value) // SIZES[vr] if vr in SIZES else 0


class Account:
    """Counts elements by group, and numbers equal to the source's by kind of object, except voxels."""

    def __init__(self) -> None:
        self.tags: Final[list[int]] = []
        """Tags of all elements, including sequences and the elements in them."""
        self._numbers: Counter[str] = Counter()

    def add(self, kind: str, numbers: int, file: DicomFile) -> None:
        """Add a compared file and the count of numbers found equal in it."""
        self._numbers[kind] += numbers
        if file.pixels is not None:
            self.tags.append(_PIXELS)

    def as_json(self) -> dict[str, Any]:
        """Return the account as stored at publication: elements by group in hexadecimal, numbers by kind of object.

        A sequence counts as the elements in it.
        """
        groups: Counter[int] = Counter()
        for tag, count in Counter(self.tags).items():
            if tag == _METHOD_CODES or dictionary.vr(tag) != b"SQ":
                groups[tag >> 16] += count
        return {
            "elements": {f"{group:04x}": count for group, count in sorted(groups.items())},
            "numbers": {kind: {"equal": count, "different": 0} for kind, count in sorted(self._numbers.items())},
        }
