"""Fast reading of the numbers of a data set.

A structure set holds a million and a half numbers. pydicom creates an object for each; here they become one array. The
data set may be pydicom's or the engine's.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from services.dicom import dictionary
from sheets.read.engine_data import EngineData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset
    from pydicom.tag import BaseTag

    Floats = NDArray[np.float64]

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

_LONGEST_EXACT: Final = 16
"""Characters of a number, with its point, whose digits are exact as a double; the maximum of DS. PS3.5 6.2."""


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


def contours_of(drawing: Data, kinds: frozenset[str]) -> tuple[list[Floats], Counter[str]]:
    """Return the coordinates (3 n) of a structure's contours of some geometric types, and the number of others by type.

    Coordinates are empty if one is not a number. (3006,0040) *Contour Sequence*. PS3.3 C.8.8.6.
    """
    others = Counter[str]()
    if isinstance(drawing, EngineData):
        texts = []
        for stated, coordinates in drawing.of_items("ContourSequence", "ContourGeometricType", "ContourData"):
            if (kind := _term(stated)) in kinds:
                texts.append(coordinates.strip(b" \0"))
            else:
                others[kind] += 1
        return _coordinates(texts), others
    found = []
    for contour in drawing.get("ContourSequence") or ():
        if (kind := term(contour, "ContourGeometricType")) in kinds:
            found.append(numbers(contour, "ContourData"))
        else:
            others[kind] += 1
    return found, others


def _coordinates(texts: Sequence[bytes]) -> list[Floats]:
    """Return the coordinates in each text, read at once if all are written alike."""
    read = decimals(b"\\".join(texts))
    if read is None:
        return list(map(_points, texts))
    found, ends = read
    lasts = np.searchsorted(ends, list(accumulate((len(text) + 1 for text in texts), initial=-1))[1:]) + 1
    return [found[start:end] for start, end in pairwise([0, *lasts.tolist()])]


def decimals(text: bytes) -> tuple[Floats, NDArray[np.intp]] | None:
    """Return numbers that all have the same number of decimal places, as planning systems write them, and their ends.

    Digits are read as integers, in a third of the time. Integer and power of ten are exact, so that their quotient is
    the nearest double, as it is of the text. None if the numbers are written otherwise.
    """
    if not text or text.translate(None, b"0123456789.-\\"):
        return None
    characters = np.frombuffer(text, np.uint8)
    points, signs, ends = (np.flatnonzero(characters == ord(each)) for each in ".-\\")
    ends = np.append(ends, len(text))
    if len(points) != len(ends) or not (characters[signs[signs > 0] - 1] == ord("\\")).all():
        return None
    places = int(ends[0] - points[0]) - 1
    if places < 1 or not (ends - points == places + 1).all() or not (points[1:] > ends[:-1]).all():
        return None
    if np.diff(ends, prepend=-1).max() > _LONGEST_EXACT + 1:
        return None
    return np.fromstring(text.translate(None, b"."), np.int64, sep="\\") / 10.0**places, ends


def _points(text: bytes) -> Floats:
    """Return coordinates, however written; of most contours one of three is the same in all points, and parsed once."""
    parts = text.split(b"\\")
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
        return _term(data.stored(dictionary.tag(attribute)))
    return str(data.get(attribute) or "")


def _term(raw: bytes) -> str:
    return raw.strip(b" \0").decode("ascii", "replace")


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


def positive(data: Data, attribute: str, count: int) -> Floats:
    """Return the numbers of an attribute that must have `count` of them, all above zero.

    Raises
    ------
    ValueError
        It has a different number of values, or one is not above zero.
    """
    found = exactly(data, attribute, count)
    if (found <= 0).any():
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


def degrees(angle: float) -> str:
    """Return an angle as text, to a tenth of a degree."""
    return f"{round(angle, 1) + 0.0:g}\N{DEGREE SIGN}"


def percent(part: float) -> str:
    """Return a fraction as text in per cent, to a tenth."""
    return "< 0.1 %" if 0 < part < 0.0005 else f"{round(part * 100, 1):g} %"
