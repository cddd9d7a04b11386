"""Fast reading of the numbers of a data set.

A structure set holds a million and a half numbers. pydicom creates an object for each; here they become one array. The
data set may be pydicom's or the engine's.
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
    """Return the VR of an element; '' or UN if it is unknown."""
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
    """Return the raw value field of an element; None if it was already decoded."""
    element = data.get_item(tag)
    return bytes(element.value or b"") if isinstance(element, RawDataElement) else None


def numbers(data: Data, attribute: str | BaseTag) -> Floats:
    """Return the numbers of an attribute; empty if it is absent, empty, or contains something else."""
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
    """Return the numbers (3 n) of an attribute that holds points; empty if one is not a number.

    Most contours are planar, so that one of three coordinates is the same in all points and is parsed once.
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
    """Return the numbers in a value field; `order` is its byte order in numpy's notation.

    Raises
    ------
    ValueError
        It contains something other than numbers.
    """
    if kind in TEXT and (text := raw.strip(b" \0")):
        return np.array(text.split(b"\\"), dtype=float)
    if kind in BINARY:
        return np.frombuffer(raw, order + BINARY[kind]).astype(float)
    return np.empty(0)


def term(data: Data, attribute: str) -> str:
    """Return a defined term of the standard, in ASCII; '' if there is none."""
    if isinstance(data, EngineData):
        return data.stored(dictionary.tag(attribute)).strip(b" \0").decode("ascii", "replace")
    return str(data.get(attribute) or "")


def exactly(data: Data, attribute: str, count: int) -> Floats:
    """Return the numbers of an attribute that must have `count` of them.

    Raises
    ------
    ValueError
        It has a different number of values, or one is not a number.
    """
    found = numbers(data, attribute)
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(attribute)
    return found


def number(data: Data, attribute: str | BaseTag) -> float | None:
    """Return the first number of an attribute; None if it is absent, empty, or not a finite number."""
    found = numbers(data, attribute)
    return float(found[0]) if len(found) and isfinite(found[0]) else None


def whole(data: Data, attribute: str | BaseTag) -> int | None:
    """Return the first number of an attribute as an integer."""
    found = number(data, attribute)
    return None if found is None else round(found)


def stated(data: Data, attribute: str) -> bool:
    """Return whether an attribute has a value, valid or not."""
    if isinstance(data, EngineData):
        return data.view.has(attribute)
    element = data.get_item(Tag(tag_for_keyword(attribute) or 0)) if attribute in data else None
    return element is not None and element.value not in (None, b"", "")
