"""Independent check of kept values: each is valid for its VR, and changed ones had to be changed.

A value that was emptied or truncated was invalid for its VR (PS3.5 6.2), had data after its first NUL, or identified
the patient. Every other one equals the source's.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from services.dicom import binary_values, character_sets, dictionary
from services.proof.search import letters_of, spellings, stated_days, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from services.proof.evidence import Change, Found, Locator, Reasons
    from services.proof.search import Search

_TEXTS: Final = frozenset((b"ST", b"LT", b"UT"))
_NAMES: Final = frozenset((b"SH", b"LO", b"PN", b"UC"))
_NUMBERED: Final = frozenset(("patient-id", "other-id", "accession"))
_NAMING: Final = _NUMBERED | {"person"}
_NOT_ALLOWED: Final = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_ALLOWED_IN_NAMES: Final = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f]+")
_NOT_ALLOWED_IN_TEXTS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]+")
_LONG_NUMBER: Final = re.compile(r"\d{6}")
_DIGITS: Final = re.compile(r"(?<![0-9])[0-9]{6,64}(?![0-9])")
"""Number as long as an ID may be. PS3.5 6.2, LO."""
_SHORTEST: Final = 3
"""Minimum letters of a word of an identifier that may be the reason for removing a longer one."""
_LONGEST_SHORT: Final = 256
_LARGEST_SHORT: Final = 99_999
"""Largest number that a UID may contain by chance."""
_FORMS: Final = {
    b"DS": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE](?:-\d+|\+?0*\d{1,2}))?"),
    b"IS": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE](?:-\d+|\+?0*\d{1,2}))?"),
    b"TM": re.compile(r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"),
    b"DA": re.compile(r"\d{4}\.?(?:0[1-9]|1[0-2])\.?(?:0[1-9]|[12]\d|3[01])"),
    b"DT": re.compile(r"\d{4}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})?"),
    b"AS": re.compile(r"\d{1,3}[DWMY]"),
}
_EDITIONS: Final = frozenset(map(dictionary.tag, ("ContextGroupVersion", "ContextGroupLocalVersion")))
_WHOLE: Final = re.compile(rb" *[+-]?\d{6,}(?:\.0*)? *\0*")
_CODED: Final = frozenset((b"CS", b"AE", b"UI"))
_WRITTEN: Final = frozenset((b"SH", b"LO", b"ST", b"LT", b"UC", b"UT", b"UR"))
_UID: Final = re.compile(r"[\d.\\ ]*")


def judge(
    found: Found, search: Search, identifying: Iterable[tuple[str, str]], locator: Locator, reasons: Reasons
) -> int:
    """Check that kept values are valid, and that changed ones had to be changed; return the number checked."""
    values = [(kind, value) for kind, value in identifying if kind in _NAMING]
    joined = ("".join(words_of(value)) for kind, value in values if kind in _NUMBERED)
    ids = {int(run) for one in joined for run in _DIGITS.findall(one)}
    days = [day for kind, value in identifying if kind == "date" for day in stated_days(value)]
    dates = {f"{year:04d}{month:02d}{day:02d}" for year, month, day in days}
    in_uids = dates | {str(number) for number in ids if number > _LARGEST_SHORT}
    numbers = ids | set(map(int, dates)) | {int(f"{day:02d}{month:02d}{year:04d}") for year, month, day in days}
    words: set[str] = set()
    if found.mended:
        words = words_of_identifiers(identifying)
    for (vr, value), place in found.kept.items():
        text = value.decode("latin-1").rstrip("\0 ")
        if vr == b"UI" and _is_any_in(in_uids, text):
            reasons.add("kept values", "a kept UID contains an ID or a date", place)
        if place.tag in _EDITIONS and text[:8] in dates:
            reasons.add("kept values", "a kept date is one of the set", place)
        if not _NOT_ALLOWED.search(text) and (vr not in _FORMS or not text or _FORMS[vr].fullmatch(text)):
            continue
        if _without_controls(text, vr) != text or (vr in _FORMS and not _is_of(vr, text)):
            reasons.add("kept values", "is not a value of its VR", place)
    for value in filter(_WHOLE.fullmatch, found.numbers):
        if _number(value.decode("latin-1")) in numbers:
            found_at = locator.find(value, begins=True)
            reasons.add("kept values", "a kept number is an ID or a date of the patient", found_at)
    binary_ids = {code for one in ids for code in binary_values.codes_of(one)}
    for value in binary_ids & found.binary:
        reasons.add("kept values", "a kept number is an ID or a date of the patient", locator.find(value))
    for change, place in found.mended.items():
        had_to = _had_to_be_emptied(change, in_uids) or _had_to(change, search, words, numbers)
        if not had_to and not _may_hint_at_person(change, values):
            reasons.add("elements", "differs, and should be kept", place)
    return len(found.kept) + len(found.mended)


def _is_any_in(numbers: Iterable[str], text: str) -> bool:
    """Return whether a component of a UID that the standard does not define contains a number. PS3.6 Annex A."""
    own = [uid for uid in text.split("\\") if not uid.startswith("1.2.840.10008.")]
    return any(number in component for uid in own for component in uid.split(".") for number in numbers)


def _had_to_be_emptied(change: Change, in_uids: Iterable[str]) -> bool:
    """Return whether a kept value was a UID with an ID or a date, and is empty."""
    return change.vr == b"UI" and not change.new and _is_any_in(in_uids, (change.old or b"").decode("latin-1"))


def _had_to(change: Change, search: Search, words: Collection[str], numbers: Collection[int]) -> bool:
    """Return whether a kept value is the required replacement of the source's."""
    if change.vr in binary_values.VRS:
        spelled = binary_values.words_in(change.old or b"")
        is_id = change.old in {code for one in numbers for code in binary_values.codes_of(one)}
        named = is_id or any(holds_identifier(one, search, words) for one in spelled)
        return named and not change.new
    is_ascii = change.vr in _CODED or change.vr in _FORMS  # whatever character set is declared. PS3.5 6.2
    old, new = (
        (value.decode("latin-1") if is_ascii else character_sets.decode(value, change.vr, charsets)).rstrip("\0 ")
        for value, charsets in ((change.old or b"", change.old_charsets), (change.new, change.new_charsets))
    )
    clean = _without_controls(old, change.vr)
    if new == clean:
        return True
    if change.vr in {b"DS", b"IS"}:
        return not new and (not _is_of(change.vr, old) or _number(old) in numbers)
    before, after = clean.split("\\"), new.split("\\")
    if change.vr in _FORMS:
        pairs = list(zip(before, after, strict=False)) if new else [(one, "") for one in before]
        return len(before) >= len(after) and all(
            other.strip() == one.strip()
            or (not other and not _is_of(change.vr, one))
            or (bool(other) and one.startswith(other) and "." in other)
            or (change.vr == b"DT" and other == one[:4] and _number(one[:8]) in numbers)  # of a code table
            for one, other in pairs
        )
    if change.vr in _WRITTEN:
        return not new and holds_identifier(clean, search, words)
    if change.vr not in _CODED or (change.vr == b"UI" and _UID.fullmatch(clean)):
        return False
    if len(after) > len(before):
        return False
    pairs = list(zip_longest((one.strip() for one in before), after, fillvalue=""))
    gone = [one for one, other in pairs if other != one]
    return all(other in {"", one} for one, other in pairs) and any(_identifies(one, search, words) for one in gone)


def _may_hint_at_person(change: Change, values: Collection[tuple[str, str]]) -> bool:
    """Return whether a coded string that was removed or truncated had letters of a name and digits of an ID."""
    old = character_sets.decode(change.old or b"", change.vr, change.old_charsets)
    if change.vr != b"CS" or not set(change.new.split(b"\\")) <= {b"", *(change.old or b"").split(b"\\")}:
        return False
    firsts = {word[0].casefold() for kind, value in values if kind == "person" for word in letters_of(value)}
    ends = tuple(_digits(value) for kind, value in values if kind in _NUMBERED)
    has_initials = any(len(word) > 1 and firsts.issuperset(word.casefold()) for word in letters_of(old))
    return has_initials and any(one.endswith(end) for end in re.findall(r"\d{3,}", old) for one in ends)


def _identifies(code: str, search: Search, words: Collection[str]) -> bool:
    """Return whether a value of a coded string identifies: by a name, an ID, or any number as long as one.

    It may be written in UTF-8, although only ASCII is allowed. PS3.5 6.2.
    """
    in_utf8 = code.encode("latin-1", "replace").decode("utf-8", "replace")
    return _LONG_NUMBER.search(code) is not None or any(holds_identifier(one, search, words) for one in (code, in_utf8))


def words_of_identifiers(identifying: Iterable[tuple[str, str]]) -> set[str]:
    """Return the words of all identifiers except dates, in every spelling."""
    named = (value for kind, value in identifying if kind != "date")
    return {spelling for value in named for word in _parts(value) for spelling in spellings(word)}


def holds_identifier(text: str, search: Search, words: Collection[str]) -> bool:
    """Return whether a text contains a word of an identifier, however it is joined to others, or one to be removed."""
    if search.was_to_go(text) or any(True for _ in search.hits(text)):
        return True
    written = spellings("".join(words_of(text)))
    joined = any(word in one for word in words if len(word) >= _SHORTEST for one in written)
    return joined or any(not spellings(word).isdisjoint(words) for word in _parts(text))


def _parts(text: str) -> set[str]:
    return {*words_of(text), *letters_of(text), "".join(words_of(text)).replace("_", "")} - {""}


def _without_controls(text: str, vr: bytes) -> str:
    """Return a text up to its first NUL, with a blank for each run of characters not allowed in its VR."""
    not_allowed = _NOT_ALLOWED_IN_TEXTS if vr in _TEXTS else _NOT_ALLOWED_IN_NAMES if vr in _NAMES else _NOT_ALLOWED
    return not_allowed.sub(" ", text.partition("\0")[0]).strip(" ") if not_allowed.search(text) else text


def _is_of(vr: bytes, text: str) -> bool:
    """Return whether each value is valid for the VR; an overlong list is checked only for its characters."""
    if len(text) > _LONGEST_SHORT and vr in {b"DS", b"IS"}:
        return re.fullmatch(r"[\d+\-.eE\\ \0]*", text) is not None
    return all(not part.strip(" ") or _FORMS[vr].fullmatch(part.strip(" \0")) for part in text.split("\\"))


def _digits(value: str) -> str:
    joined = "".join(char for char in value if char.isalnum())
    return joined if joined.isascii() and joined.isdecimal() and len(joined) >= len("000000") else ""


def _number(text: str) -> int:
    match = re.fullmatch(r"[+-]?0*(\d{1,64})(?:\.0*)?", text.strip(" \0"))
    return number if match and (number := int(match[1])) > _LARGEST_SHORT else -1
