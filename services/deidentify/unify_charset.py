"""Conversion to a single character set of an object whose items declare their own (PS3.5 §6.1.2.3), which is rare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.dicom import character_sets, part10
from services.dicom.dataset import View, root_view
from services.dicom.elements import ITEM, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile

_CHARSET: Final = 0x00080005
_UTF8: Final = ("ISO_IR 192",)


def in_utf8(file: DicomFile) -> DicomFile:
    """Return the object with every text in UTF-8, declared once."""
    before, _ = file.before_pixels()
    charsets = root_view(file).charsets
    declared = encode(_CHARSET, b"CS", _UTF8[0].encode(), implicit=file.implicit)
    earlier = [element for element in before if element[0] < _CHARSET]
    later = before[len(earlier) :]
    first, rest, behind = (
        _in_utf8(file.data, part, charsets, implicit=file.implicit) for part in (earlier, later, file.behind_pixels())
    )
    return part10.with_elements(file, first + declared + rest, behind)


def _in_utf8(data: bytes, elements: Sequence[Element], charsets: Sequence[str], *, implicit: bool) -> bytes:
    """Encode elements without their declaration of a character set; private ones are copied, whatever they hold."""
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
        elif vr in character_sets.CHARSET_VRS:
            out.append(encode(tag, vr, character_sets.recode(data[value:end], vr, charsets, _UTF8), implicit=implicit))
        else:
            out.append(data[start:end])
    return b"".join(out)
