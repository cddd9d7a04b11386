"""Numbers of a data set as they stand in its file.

A structure set holds a million and a half. pydicom makes an object of each; here they become one array. The data
set may be one of pydicom or one of the engine.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from services.dicom import dictionary
from sheets.read.engine_data import EngineData

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

    from sheets.read.ct_volume import Floats

    Data = Dataset | EngineData

TEXT: Final = frozenset({"DS", "IS"})
BINARY: Final = {
    "FD": "f8",
    "FL": "f4",
    "SL": "i4",
    "SS": "i2",
    "SV": "i8",
    "UL": "u4",
    "US": "u2",
    "UV": "u8",
}
"""The VRs of numbers. PS3.5 6.2."""


def vr(data: Data, tag: BaseTag) -> str:
    """Return the VR of an element; '' or UN where nobody knows it."""
    if isinstance(data, EngineData):
        return data.vr(tag)
    element = data.get_item(tag)
    if element is not None and element.VR and element.VR != "UN":
        return str(element.VR)
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def stored(data: Dataset, tag: BaseTag) -> bytes | None:
    """Return the value field of an element as it stands; None where it was decoded already."""
    element = data.get_item(tag)
    return bytes(element.value or b"") if isinstance(element, RawDataElement) else None


def numbers(data: Data, attribute: str | BaseTag) -> Floats:
    """Return the numbers of an attribute; none where it is absent, empty, or holds what is no number."""
    try:
        if isinstance(data, EngineData):
            place = dictionary.tag(attribute) if isinstance(attribute, str) else int(attribute)
            raw = data.stored(place)
            return _read(raw, data.vr(place), "<") if raw else np.empty(0)
        tag = Tag(tag_for_keyword(attribute) or 0) if isinstance(attribute, str) else attribute
        element = data.get_item(tag) if tag in data else None
        if isinstance(element, RawDataElement):
            return _read(bytes(element.value or b""), vr(data, tag), "<" if element.is_little_endian else ">")
        if element is not None and element.value is not None:
            return np.atleast_1d(np.asarray(element.value, dtype=float))
    except (TypeError, ValueError):
        pass
    return np.empty(0)


def points(data: Data, attribute: str) -> Floats:
    """Return the numbers of an attribute that holds points (3 n); none where one is no number.

    Most contours lie in one plane, so that one of three coordinates is the same in all points: it is read once.
    """
    if not isinstance(data, EngineData):
        return numbers(data, attribute)
    parts = data.stored(dictionary.tag(attribute)).strip(b" \0").split(b"\\")
    found = np.empty(len(parts))
    try:
        for axis in range(3):
            of_axis = parts[axis::3]
            alike = of_axis.count(of_axis[0]) == len(of_axis)
            found[axis::3] = float(of_axis[0]) if alike else np.array(of_axis, dtype=float)
    except (IndexError, ValueError):
        return np.empty(0)
    return found


def _read(raw: bytes, kind: str, order: str) -> Floats:
    """Read a value field; `order` is that of its bytes, as numpy writes it.

    Raises
    ------
    ValueError
        It holds what is no number.
    """
    if kind in TEXT and (text := raw.strip(b" \0")):
        return np.array(text.split(b"\\"), dtype=float)
    if kind in BINARY:
        return np.frombuffer(raw, order + BINARY[kind]).astype(float)
    return np.empty(0)


def term(data: Data, attribute: str) -> str:
    """Return a defined term of the standard, which is written in ASCII; '' where there is none."""
    if isinstance(data, EngineData):
        return data.stored(dictionary.tag(attribute)).strip(b" \0").decode("ascii", "replace")
    return str(data.get(attribute) or "")


def exactly(data: Data, attribute: str, count: int) -> Floats:
    """Return the numbers of an attribute that has to have so many.

    Raises
    ------
    ValueError
        It has not, or one is none.
    """
    found = numbers(data, attribute)
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(attribute)
    return found


def number(data: Data, attribute: str | BaseTag) -> float | None:
    """Return the first number of an attribute; None where it is absent, empty, or no number that there is."""
    found = numbers(data, attribute)
    return float(found[0]) if len(found) and isfinite(found[0]) else None


def whole(data: Data, attribute: str | BaseTag) -> int | None:
    """Return the first number of an attribute that counts or numbers something."""
    found = number(data, attribute)
    return None if found is None else round(found)


def stated(data: Data, attribute: str) -> bool:
    """Return whether an attribute has a value, readable or not."""
    if isinstance(data, EngineData):
        return data.view.has(attribute)
    element = data.get_item(Tag(tag_for_keyword(attribute) or 0)) if attribute in data else None
    return element is not None and element.value not in (None, b"", "")
