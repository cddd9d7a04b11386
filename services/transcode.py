"""Brings a data set that the engine does not take itself into one that it does, which then goes the same way as all.

Big endian (retired, PS3.5 A.3), standard elements coded as UN (PS3.5 §6.2.2) and unknown VRs are rare: pydicom reads
them, and they are worked on as explicit little endian. Items with character sets of their own are rare, too.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from services import part10, text
from services.elements import ITEM, Malformed, encode
from services.view import View, root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom.dataelem import DataElement

    from services.elements import Element
    from services.part10 import DicomFile

_WORD_SIZE: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes of a word of the VRs whose values pydicom hands on as they stand, byte order and all. PS3.5 §6.2."""

_CHARSET: Final = 0x00080005
_UTF8: Final = ("ISO_IR 192",)


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


def in_utf8(file: DicomFile) -> DicomFile:
    """Give the same object with every text in UTF-8, for one whose items declare character sets of their own."""
    before, _ = file.before_pixels()
    charsets = root(file).charsets
    declared = encode(_CHARSET, b"CS", _UTF8[0].encode(), implicit=file.implicit)
    earlier = [element for element in before if element[0] < _CHARSET]
    later = before[len(earlier) :]
    first, rest, behind = (
        _in_utf8(file.data, part, charsets, implicit=file.implicit) for part in (earlier, later, file.behind_pixels())
    )
    return part10.with_elements(file, first + declared + rest, behind)


def _in_utf8(data: bytes, elements: Sequence[Element], charsets: Sequence[str], *, implicit: bool) -> bytes:
    """Encode elements anew, without their declaration of a character set; private ones pass, whatever they hold."""
    out = []
    for tag, vr, start, value, end, items in elements:
        if tag == _CHARSET:
            continue
        if tag >> 16 & 1:
            out.append(data[start:end])
        elif items:
            encoded = (
                _in_utf8(data, item[3], View(data, item[3], charsets).charsets, implicit=implicit) for item in items
            )
            content = b"".join(ITEM + len(item).to_bytes(4, "little") + item for item in encoded)
            out.append(encode(tag, vr, content, implicit=implicit))
        elif vr in text.CHARSET_VRS:
            out.append(encode(tag, vr, text.recode(data[value:end], vr, charsets, _UTF8), implicit=implicit))
        else:
            out.append(data[start:end])
    return b"".join(out)
