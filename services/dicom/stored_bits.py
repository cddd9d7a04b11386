"""Unused bits of pixel cells (PS3.5 §8.1.1): copies of the sign, zeros, or something else.

Overlays were once stored above the *High Bit* (PS3.5 §8.1.2), and these bits are invisible in the image. Copies of the
sign bit are kept: clearing them would turn -1000 HU into +3096 for a reader of whole words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from services.dicom.dataset import View

_ALLOCATED: Final = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class Cells:
    """Layout of an image's pixels in their cells."""

    bits: int
    """Bits per cell."""
    mask: int
    """Mask of the bits that hold the pixel."""
    sign: int
    """Sign bit of the pixel; 0 if unsigned."""

    def settle(self, cells: memoryview) -> bool:
        """Clear in place every unused bit that is not a copy of the sign; return whether there was one."""
        found = np.frombuffer(cells, f"<u{self.bits // 8}")
        if self._is_settled(found):
            return False
        right = found & self.mask
        if self.sign:
            right[(right & self.sign) != 0] |= (1 << self.bits) - self.sign
        if np.array_equal(found, right):
            return False
        found[:] = right
        return True

    def foreign(self, cells: bytes) -> float:
        """Return the part of the pixels whose unused bits are neither zeros nor copies of the sign."""
        found = np.frombuffer(cells, f"<u{self.bits // 8}")
        unused = found & ~found.dtype.type(self.mask)
        if self.sign:
            copies = found.dtype.type((1 << self.bits) - 2 * self.sign)
            unused[(found & self.sign != 0) & (unused == copies)] = 0
        return float(np.count_nonzero(unused)) / max(1, found.size)

    def _is_settled(self, found: np.ndarray) -> bool:
        """Return whether each pixel, in the lower bits of its cell, equals its whole word."""
        if self.mask & (self.mask + 1):
            return False
        if not self.sign:
            return bool(found.max(initial=0) <= self.mask)
        signed = found.view(f"<i{self.bits // 8}")
        return bool(signed.max(initial=0) < self.sign and signed.min(initial=0) >= -self.sign)


def cells_of(view: View) -> Cells | None:
    """Return the layout of an image's pixels in their cells; None if they fill them, or it is not stated."""
    allocated, stored, high, signed = (
        int.from_bytes(view.raw(keyword) or b"", "little")
        for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
    )
    high = high or stored - 1
    if allocated not in _ALLOCATED or not 0 < stored < allocated or not stored - 1 <= high < allocated:
        return None
    mask = ((1 << stored) - 1) << (high + 1 - stored)
    return Cells(allocated, mask, 1 << high if signed == 1 else 0)


def announced(view: View) -> bool:
    """Return whether an overlay is stated to use bits of the pixel cells. PS3.3 C.9.2, editions before 2004."""
    described = [
        (
            int.from_bytes(view.raw_at(group << 16 | 0x0100) or b"", "little"),
            int.from_bytes(view.raw_at(group << 16 | 0x0102) or b"", "little"),
        )
        for group in range(0x6000, 0x6020, 2)
    ]
    return any(allocated > 1 or position > 0 for allocated, position in described)
