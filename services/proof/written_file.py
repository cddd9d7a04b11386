"""Check of a written file apart from its elements: file name, preamble, file meta information, encoding, length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.dicom import part10
from services.dicom.dictionary import tag
from services.proof.references import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.dicom.part10 import DicomFile

PREFIXES: Final[Mapping[str, str]] = {"CT": "CT", "RTSTRUCT": "RS", "RTPLAN": "RP", "RTDOSE": "RD"}
"""File name prefixes by kind of object."""

_PLAIN: Final = frozenset((part10.IMPLICIT, part10.EXPLICIT))
_META: Final = "file meta information"
_GROUP_LENGTH: Final = 0x00020000
_VERSION: Final = 0x00020001
_IMPLEMENTATION_NAME: Final = 0x00020013
_META_VERSION: Final = b"\x00\x01"
_IMPLEMENTATION_VERSION: Final = re.compile(rb"RTSETANON_[0-9]+")
_SOP_CLASS: Final = tag("SOPClassUID")
_SOP_INSTANCE: Final = tag("SOPInstanceUID")


def faults(kind: str, old: DicomFile, new: DicomFile) -> Iterator[tuple[str, str]]:
    """Yield the problems of a written file: the failed check and the reason. PS3.10 7.1."""
    name = f"{PREFIXES[kind]}.{value_of(new, _SOP_INSTANCE).decode('latin-1')}.dcm"
    if new.path.name != name and new.path.name.lower() == name.lower():
        yield (
            "files",
            f"the share changes the case of the letters in the name of a {kind}: mount it so that it keeps them",
        )
    elif new.path.name != name:
        yield "files", f"the name of a {kind} is not derived from its new UID"
    if new.data[:132] != bytes(128) + b"DICM":
        yield _META, f"the preamble of a {kind} is not empty"
    if not _is_meta_as_required(new):
        yield _META, f"of a {kind} does not contain exactly what was to be written"
    syntaxes = _PLAIN if old.transfer_syntax in _PLAIN else {old.transfer_syntax}
    if new.memory is not None or new.transfer_syntax not in syntaxes:
        yield _META, f"the transfer syntax of a {kind} is not one of those allowed"
    pixels = len(new.pixels.head) + new.pixels.length if new.pixels else 0
    if new.size != len(new.data) + pixels:
        yield "elements", f"of a {kind} do not extend to the end of the file"
    if new.recoded or new.oddities:
        yield "elements", f"of a {kind} are not encoded as required: {', '.join(new.oddities)}"


def _is_meta_as_required(new: DicomFile) -> bool:
    """Return whether the file meta information has its required elements and nothing else, not even a spare byte."""
    meta = {attribute: value.strip(b" \0") for attribute, value in new.meta.items()}
    length, version = new.meta.get(_GROUP_LENGTH, b""), new.meta.get(_VERSION, b"")
    begin = new.elements[0][2] if new.elements else len(new.data)
    expected = {
        _GROUP_LENGTH: length.strip(b" \0"),
        _VERSION: _META_VERSION.strip(b" \0"),
        0x00020002: value_of(new, _SOP_CLASS),
        0x00020003: value_of(new, _SOP_INSTANCE),
        0x00020010: new.transfer_syntax.encode(),
        0x00020012: part10.IMPLEMENTATION_CLASS_UID,
        _IMPLEMENTATION_NAME: meta.get(_IMPLEMENTATION_NAME, b""),
    }
    written = b"".join(_meta_element(attribute, value) for attribute, value in new.meta.items())
    return (
        meta == expected
        and version == _META_VERSION
        and _IMPLEMENTATION_VERSION.fullmatch(meta[_IMPLEMENTATION_NAME]) is not None
        and new.data[132:begin] == written
        and int.from_bytes(length, "little") == len(written) - 12
    )


def _meta_element(attribute: int, value: bytes) -> bytes:
    """Encode an element of the file meta information in explicit VR. PS3.10 7.1, PS3.5 7.1.2."""
    head = (attribute >> 16).to_bytes(2, "little") + (attribute & 0xFFFF).to_bytes(2, "little")
    if attribute == _VERSION:
        return head + b"OB\0\0" + len(value).to_bytes(4, "little") + value
    vr = {_GROUP_LENGTH: b"UL", _IMPLEMENTATION_NAME: b"SH"}.get(attribute, b"UI")
    return head + vr + len(value).to_bytes(2, "little") + value
