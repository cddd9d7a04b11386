"""Brings a data set that the engine does not take itself into one that it does, which then goes the same way as all.

Big endian (retired, PS3.5 A.3), standard elements coded as UN (PS3.5 §6.2.2) and unknown VRs are rare: pydicom reads
them, and they are worked on as explicit little endian.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from services.dicom.elements import Malformed

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataelem import DataElement

_WORD_SIZE: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes of a word of the VRs whose values pydicom hands on as they stand, byte order and all. PS3.5 §6.2."""


def to_explicit_little_endian(path: Path) -> bytes:
    """Give the data set of a file, without preamble and meta information, in explicit VR little endian.

    Raises
    ------
    Malformed
        pydicom cannot make sense of it either.
    """
    with config.disable_value_validation():
        try:
            source = dcmread(path, force=True)
            if source.original_encoding[1] is False:
                source.walk(_swap_words)
            buffer = BytesIO()
            Dataset(source).save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
            return buffer.getvalue()
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - pydicom raises nearly anything on input that makes no sense
            raise Malformed(f"not readable as DICOM ({type(error).__name__})") from None


def _swap_words(data_set: Dataset, element: DataElement) -> None:
    """Turn the words of a binary value, which pydicom keeps in the file's byte order."""
    size = _WORD_SIZE.get(element.VR)
    if not size or not isinstance(element.value, bytes):
        return
    if element.keyword == "PixelData" and data_set.BitsAllocated == 32:
        element.value = _swapped_pixels(element.value)
    else:
        element.value = np.frombuffer(element.value, f"u{size}").byteswap().tobytes()


def _swapped_pixels(value: bytes) -> bytes:
    """Turn pixels of 32 bits, which were written big endian in two ways; nothing but the image tells which it was.

    By the standard they are pairs of 16-bit words, of which the first is the less significant (PS3.5 §8.1.1); many
    systems write each as one number of four bytes. Neighbours in a dose are alike, except in the wrong reading.
    """
    readings = (np.frombuffer(value, "u2").byteswap().view("<u4"), np.frombuffer(value, ">u4").astype("<u4"))
    return min(readings, key=lambda pixels: np.abs(np.diff(pixels.astype(float))).sum()).tobytes()
