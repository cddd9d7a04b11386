"""Brings a data set that the engine does not take itself into explicit little endian, through pydicom.

Big endian (retired, PS3.5 A.3), standard elements coded as UN (PS3.5 §6.2.2), unknown VRs and items with character sets
of their own are rare. They get one slow and well-kept reader and writer here, and then the same engine and the same
policy as everything else.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from services import part10
from services.elements import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataelem import DataElement

    from services.part10 import DicomFile

_WORD_SIZE: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes of a word of the VRs whose values pydicom hands on as they stand, byte order and all. PS3.5 §6.2."""


def to_explicit_little_endian(path: Path) -> bytes:
    """Give the data set of a file, without preamble and meta information, in explicit VR little endian.

    Raises
    ------
    Malformed
        pydicom cannot make sense of it either.
    """

    def read() -> Dataset:
        source = dcmread(path, force=True)
        if source.original_encoding[1] is False:
            source.walk(_swap_words)
        return source

    return _encoded(read)


def in_utf8(file: DicomFile) -> DicomFile:
    """Give the same object with every text in UTF-8, for one whose items declare character sets of their own.

    Raises
    ------
    Malformed
        pydicom cannot make sense of it.
    """

    def read() -> Dataset:
        source = read_dataset(BytesIO(whole), is_implicit_VR=file.implicit, is_little_endian=True)
        source.decode()
        source.walk(_without_character_set)
        source.SpecificCharacterSet = "ISO_IR 192"
        return source

    whole = part10.whole_data_set(file)
    return part10.from_memory(file.path, file.size, file.meta, _encoded(read))


def _encoded(read: Callable[[], Dataset]) -> bytes:
    with config.disable_value_validation():
        try:
            buffer = BytesIO()
            Dataset(read()).save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
            return buffer.getvalue()
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - pydicom raises nearly anything on input that makes no sense
            raise Malformed(f"not readable as DICOM ({type(error).__name__})") from None


def _without_character_set(data_set: Dataset, element: DataElement) -> None:
    if element.keyword == "SpecificCharacterSet":
        del data_set[element.tag]


def _swap_words(_: Dataset, element: DataElement) -> None:
    """Turn the words of a binary value, which pydicom keeps in the file's byte order."""
    size = _WORD_SIZE.get(element.VR)
    if size and isinstance(element.value, bytes):
        value = bytearray(len(element.value))
        for offset in range(size):
            value[offset::size] = element.value[size - 1 - offset :: size]
        element.value = bytes(value)
