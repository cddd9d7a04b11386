"""Reading of uncompressed pixels. PS3.5 8.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from services.dicom import part10

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.read.engine_data import EngineData

_PIXEL_DATA: Final = b"\xe0\x7f\x10\x00"
_NATIVE: Final = frozenset((part10.IMPLICIT, part10.EXPLICIT))
_SIZES: Final = frozenset((8, 16, 32))


class NotNative(Exception):
    """The pixels are compressed, or of a format left to pydicom."""


def native(image: EngineData) -> NDArray[np.generic]:
    """Return pixels of one sample each: [row, column], or [frame, row, column] for several frames.

    Bits above (0028,0102) *High Bit* are not part of a value: older systems stored overlays there. PS3.5 8.1.1.

    Raises
    ------
    NotNative
        They are not in a native format read here.
    ValueError
        There are fewer pixels than stated.
    """
    assert image.file is not None
    file, view = image.file.file, image.view
    lie = file.pixels
    rows, columns, allocated, stored, high, signed, samples = (
        int(view.number(keyword) or 0)
        for keyword in (
            "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
        )
    )  # fmt: skip
    if lie is None or lie.head[:4] != _PIXEL_DATA or allocated not in _SIZES or samples != 1:
        raise NotNative
    if file.transfer_syntax not in _NATIVE:
        raise NotNative
    frames = int(view.number("NumberOfFrames") or 1)
    kind, count = np.dtype(f"<{'i' if signed else 'u'}{allocated // 8}"), frames * rows * columns
    if lie.length < count * kind.itemsize:
        raise ValueError("fewer pixels than stated")
    if file.memory is not None:
        found = np.frombuffer(file.memory, kind, count, lie.offset)
    else:
        found = np.fromfile(file.path, kind, count, offset=lie.offset)
    if 0 < stored < allocated and stored - 1 <= high < allocated and not _fit(found, stored, high, signed=bool(signed)):
        found = found << (allocated - 1 - high) >> (allocated - stored)
    return found.reshape((frames, rows, columns) if frames > 1 else (rows, columns))


def _fit(values: NDArray[np.generic], stored: int, high: int, *, signed: bool) -> bool:
    """Return whether all cells hold only a value of `stored` bits, as is nearly always the case."""
    least, most = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    return high == stored - 1 and bool(values.size) and bool(values.max() <= most) and bool(values.min() >= least)
