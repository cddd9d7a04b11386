"""Numbers of a data set as they stand in its file.

A structure set holds a million and a half of them. pydicom makes an object of each; here they become one array.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

    from sheets.read.ct_volume import Floats

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


def vr(data: Dataset, tag: BaseTag) -> str:
    """Give the VR of an element; '' where nobody knows it."""
    element = data.get_item(tag)
    if element is not None and element.VR and element.VR != "UN":
        return str(element.VR)
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def stored(data: Dataset, tag: BaseTag) -> bytes | None:
    """Give the value field of an element as it stands; None where it was decoded already."""
    element = data.get_item(tag)
    return bytes(element.value or b"") if isinstance(element, RawDataElement) else None


def numbers(data: Dataset, attribute: str | BaseTag) -> Floats:
    """Give the numbers of an attribute; none where it is absent, empty, or holds what is no number."""
    tag = Tag(tag_for_keyword(attribute) or 0) if isinstance(attribute, str) else attribute
    element, kind = data.get_item(tag) if tag in data else None, vr(data, tag)
    try:
        if isinstance(element, RawDataElement):
            raw = bytes(element.value or b"")
            if kind in TEXT and (text := raw.strip(b" \0")):
                return np.array(text.split(b"\\"), dtype=float)
            if kind in BINARY:
                return np.frombuffer(raw, ("<" if element.is_little_endian else ">") + BINARY[kind]).astype(float)
        elif element is not None and element.value is not None:
            return np.atleast_1d(np.asarray(element.value, dtype=float))
    except (TypeError, ValueError):
        pass
    return np.empty(0)


def number(data: Dataset, attribute: str | BaseTag) -> float | None:
    """Give the first number of an attribute; None where it is absent, empty, or no number that there is."""
    found = numbers(data, attribute)
    return float(found[0]) if len(found) and isfinite(found[0]) else None


def whole(data: Dataset, attribute: str | BaseTag) -> int | None:
    """Give the first number of an attribute that counts or numbers something."""
    found = number(data, attribute)
    return None if found is None else round(found)


def stated(data: Dataset, attribute: str) -> bool:
    """Whether an attribute has a value, readable or not."""
    element = data.get_item(Tag(tag_for_keyword(attribute) or 0)) if attribute in data else None
    return element is not None and element.value not in (None, b"", "")
