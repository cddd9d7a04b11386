"""The DICOM data dictionary (PS3.6) as simple lookups of VR, keyword and tag.

The data comes from pydicom, arranged for a reader of element streams, which looks up the VR of each element of an
implicit file, and the keyword of each reported location. No public function of pydicom returns whole tables; their
location is known only here.
"""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple


def _tables(file: str) -> Any:
    """Load a pydicom module that contains only tables, without the rest of pydicom.

    pydicom imports numpy, and both take as long to import as everything else; scanning folders needs neither.
    """
    package = find_spec("pydicom")
    assert package is not None
    assert package.submodule_search_locations is not None
    spec = spec_from_file_location(f"{__name__}.{file}", Path(package.submodule_search_locations[0]) / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_LOADED = _tables("_dicom_dict")
_ATTRIBUTES: dict[int, tuple[str, str, str, str, str]] = _LOADED.DicomDictionary
"""VR, multiplicity, name, retired flag, keyword. PS3.6."""
_REPEATERS: dict[str, tuple[str, str, str, str, str]] = _LOADED.RepeatersDictionary
_UIDS: dict[str, tuple[str, str, str, str, str]] = _tables("_uid_dict").UID_dictionary
"""Name, type, additional information, retired flag, keyword. PS3.6 A."""


class Entry(NamedTuple):
    """Dictionary entry of an attribute."""

    vr: bytes
    """The VR used to read implicit files."""

    keyword: str
    """Empty if the standard has withdrawn the name."""

    name: str


# PS3.6 gives some attributes two VRs, to be distinguished by other attributes of the object. In implicit files the
# words have 16 bits either way, so the wider reading loses nothing.
_SETTLED = {
    "US or SS": b"US",
    "OB or OW": b"OW",
    "US or OW": b"OW",  # LUT Data may be longer than a US value allows
    "US or SS or OW": b"OW",
}

# Attributes in PS3.15 Table E.1-1, edition 2026d, that pydicom 3.0.2's dictionary lacks.
_YOUNGER = (
    (0x00081301, "SQ", "Principal Diagnosis Code Sequence"),
    (0x00081302, "SQ", "Primary Diagnosis Code Sequence"),
    (0x00081303, "SQ", "Secondary Diagnoses Code Sequence"),
    (0x00081304, "SQ", "Histological Diagnoses Code Sequence"),
    (0x00100011, "SQ", "Person Names to Use Sequence"),
    (0x00100012, "LT", "Name to Use"),
    (0x00100013, "UT", "Name to Use Comment"),
    (0x00100014, "SQ", "Third Person Pronouns Sequence"),
    (0x00100015, "SQ", "Pronoun Code Sequence"),
    (0x00100016, "UT", "Pronoun Comment"),
    (0x00100041, "SQ", "Gender Identity Sequence"),
    (0x00100042, "UT", "Sex Parameters for Clinical Use Category Comment"),
    (0x00100043, "SQ", "Sex Parameters for Clinical Use Category Sequence"),
    (0x00100044, "SQ", "Gender Identity Code Sequence"),
    (0x00100045, "UT", "Gender Identity Comment"),
    (0x00100046, "SQ", "Sex Parameters for Clinical Use Category Code Sequence"),
    (0x00100047, "UR", "Sex Parameters for Clinical Use Category Reference"),
    (0x00102162, "UC", "Ethnic Groups"),
    (0x0040A034, "DT", "Effective Start DateTime"),
    (0x0040A035, "DT", "Effective Stop DateTime"),
    (0x0040B034, "DT", "Annotation DateTime"),
    (0x0040B036, "DT", "Segment Definition DateTime"),
    (0x0040B03B, "LT", "Montage Name"),
    (0x0040B03F, "LO", "Montage Channel Label"),
    (0x0040E012, "UR", "Display URI"),
    (0x3004007F, "LO", "Dose Calculation Model Name"),
)


def _keyword(name: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in name.split())


def _entry(vr: str, name: str, keyword: str) -> Entry:
    return Entry(_SETTLED.get(vr) or vr.encode(), keyword, name)


DICTIONARY: dict[int, Entry] = {tag: Entry(vr.encode(), _keyword(name), name) for tag, vr, name in _YOUNGER} | {
    tag: _entry(vr, name, keyword)
    for tag, (vr, _, name, _, keyword) in _ATTRIBUTES.items()
    if vr != "NONE"  # item and delimitation tags have no VR: they belong to the encoding, not the data
}
"""All attributes with a single tag, by tag."""

# Curves (50xx), overlays (60xx) and variable pixel data (7Fxx) repeat in the even groups. PS3.5 7.6.
_REPEATING: dict[int, Entry] = {
    int(mask.replace("x", "0"), 16): _entry(vr, name, keyword)
    for mask, (vr, _, name, _, keyword) in _REPEATERS.items()
    if mask[:4] in ("50xx", "60xx", "7Fxx")
}

_VR: dict[int, bytes] = {tag: entry.vr for tag, entry in DICTIONARY.items()}
_TAG: dict[str, int] = {entry.keyword: tag for tag, entry in DICTIONARY.items() if entry.keyword}
_ANY_GROUP = 0xFF00FFFF

VRS: dict[int, frozenset[bytes]] = {tag: frozenset((vr,)) for tag, vr in _VR.items()} | {
    tag: frozenset(vr.encode().split(b" or ")) for tag, (vr, *_) in _ATTRIBUTES.items() if " or " in vr
}
"""The VRs allowed for each attribute."""

_WORDS = {b"AT": 4, b"FD": 8, b"FL": 4, b"SL": 4, b"SS": 2, b"SV": 8, b"UL": 4, b"US": 2, b"UV": 8}
"""Bytes per value of binary VRs with counted values. PS3.5 6.2."""

MOST_BYTES: dict[tuple[int, bytes], int] = {
    (tag, vr): _WORDS[vr] * int(most)
    for tag, (_, vm, *_) in _ATTRIBUTES.items()
    if (most := vm.rpartition("-")[2]).isdigit()
    for vr in VRS.get(tag, ())
    if vr in _WORDS
}
"""Maximum length in bytes of binary attributes with bounded multiplicity. PS3.6."""

_MAY_BE_SIGNED = frozenset(tag for tag, (vr, *_) in _ATTRIBUTES.items() if vr.startswith("US or SS"))


def entry(tag: int) -> Entry | None:
    """Return the dictionary entry of `tag`, repeating groups included; None if unknown."""
    found = DICTIONARY.get(tag)
    return found if found or tag & 0x00010000 else _REPEATING.get(tag & _ANY_GROUP)


def vr(tag: int) -> bytes:
    """Return the VR used to read implicit files; ``b"UN"`` for private and unknown tags.

    Group lengths are UL and private creators LO. PS3.5 7.2 and 7.8.1.
    """
    known = _VR.get(tag)
    if known:
        return known
    if not tag & 0xFFFF:
        return b"UL"
    if tag & 0x00010000:
        return b"LO" if 0x0010 <= tag & 0xFFFF <= 0x00FF else b"UN"
    repeating = _REPEATING.get(tag & _ANY_GROUP)
    return repeating.vr if repeating else b"UN"


def allows(tag: int, vr: bytes) -> bool:
    """Return whether an attribute may have this VR; private and unknown tags may have any."""
    return tag not in VRS or vr in VRS[tag]


def may_be_signed(tag: int) -> bool:
    """Return whether an attribute read as US is SS if pixels are signed. PS3.6, (0028,0103)."""
    return tag in _MAY_BE_SIGNED


def tag(keyword: str) -> int:
    """Return the tag of `keyword`; raises KeyError if it is unknown."""
    return _TAG[keyword]


def keyword(tag: int) -> str:
    """Return the keyword of `tag`; empty for private and unknown tags."""
    found = entry(tag)
    return found.keyword if found else ""


def name(tag: int) -> str:
    """Return the keyword of `tag`; for private and unknown tags `(GGGG,EEEE)`."""
    return keyword(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def uid_type(uid: str) -> str:
    """Return the type of a standard UID, such as `Transfer Syntax`; empty for any other text. PS3.6 A."""
    return _UIDS[uid][1] if uid in _UIDS else ""


def uid_name(uid: str) -> str:
    """Return the name of a standard UID, such as `CT Image Storage`; empty for any other text. PS3.6 A."""
    return _UIDS[uid][0] if uid in _UIDS else ""
