"""Checks of the whole set: new UIDs, dates, names and texts have the promised properties.

No key, map or shift is known here. That UIDs are mapped one to one is checked on the pairs collected by
`services.proof.compare_elements`, as is that all dates moved alike; that nothing of the patient remains, by searching
for the source's own values.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import character_sets
from services.dicom.dictionary import keyword, tag
from services.policy import table
from services.policy.table import EDITION
from services.proof.evidence import METHOD, PATIENT, Place, unpadded
from services.proof.search import spellings
from services.proof.stand_ins import is_left_of, is_stand_in
from services.vocabulary.defined_terms import is_term

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from services.policy.table import Options
    from services.proof.compare_elements import Naming, Promised
    from services.proof.evidence import Change, Found, Locator, Reasons
    from services.proof.search import Hit, Search
    from services.proof.traces import Traces

_ONE_VALUE_VRS: Final = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""VRs in which the backslash is an ordinary character. PS3.5 6.2."""

# UIDs -----------------------------------------------------------------------------------------------------------------

NEW_UID: Final = re.compile(r"2\.25\.[1-9][0-9]{0,38}")
_WELL_KNOWN: Final = re.compile(r"1\.2\.840\.10008(\.(0|[1-9][0-9]*))*")
_LONGEST_UID: Final = 64


def judge_uids(found: Found, locator: Locator, reasons: Reasons, new_uid: Callable[[str], str] | None = None) -> int:
    """Check that UIDs were mapped one to one, and no original one is left; return the number of UIDs.

    Parameters
    ----------
    new_uid
        Maps an original UID by the key, if available.
    """
    pairs = [
        (one, other, found.uid_places[old])
        for old, new in found.uids.items()
        for one, other in _side_by_side(old, new, found.uid_places[old], reasons)
    ]
    originals = {old for old, _, _ in pairs} | source_uids(found)
    new_of: dict[str, str] = {}
    old_of: dict[str, str] = {}
    for old, new, place in pairs:
        if not old or _is_well_known(old):
            if new != old:
                reasons.add("uids", "a value that is not an instance UID was changed", place)
        elif new in originals:
            reasons.add("uids", "an original UID is left", place)
        elif not NEW_UID.fullmatch(new):
            reasons.add("uids", "is not a UID of the form 2.25.…", place)
        elif new_of.setdefault(old, new) != new:
            reasons.add("uids", "one UID became two", place)
        elif old_of.setdefault(new, old) != old:
            reasons.add("uids", "two UIDs became one", place)
        elif new_uid is not None and new != new_uid(old):
            reasons.add("uids", "does not follow from the collection's key", place)
    _judge_rebuilt(found, originals, locator, reasons, new_uid)
    return len(new_of)


def _judge_rebuilt(
    found: Found,
    originals: Collection[str],
    locator: Locator,
    reasons: Reasons,
    new_uid: Callable[[str], str] | None,
) -> None:
    """Check that rebuilt references contain only new UIDs."""
    made = {new_uid(uid) for uid in originals} if new_uid else None
    for value in found.relinked_uids:
        uids = {uid for uid in _uids([value]) if not _is_well_known(uid)}
        if not uids.isdisjoint(originals):
            reasons.add("uids", "an original UID is left in a rebuilt reference", locator.find(value))
        elif made is not None and not uids <= made:
            reasons.add("uids", "does not follow from the collection's key for any UID", locator.find(value))


def source_uids(found: Found) -> set[str]:
    """Return every UID of the source that is not one of the standard's."""
    values = (*found.uids, *found.source_uids)
    return {uid for uid in _uids(values) if not _is_well_known(uid)}


def _side_by_side(old: bytes, new: bytes, place: Place, reasons: Reasons) -> Iterator[tuple[str, str]]:
    before, after = _parts(old), _parts(new)
    if len(before) != len(after):
        reasons.add("uids", "has more or fewer values than before", place)
        return
    yield from zip(before, after, strict=True)


def _uids(values: Iterable[bytes]) -> set[str]:
    return {uid for value in values for uid in _parts(value) if uid}


def _parts(value: bytes) -> list[str]:
    return [part.strip("\0 ") for part in value.decode("latin-1").split("\\")]


def _is_well_known(uid: str) -> bool:
    return len(uid) <= _LONGEST_UID and _WELL_KNOWN.fullmatch(uid) is not None


# Dates ----------------------------------------------------------------------------------------------------------------

_DA: Final = re.compile(r"(?P<year>\d{4})(?P<dot>\.?)(?P<month>\d\d)(?P=dot)(?P<day>\d\d)(?P<rest>)", re.ASCII)
_DT: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?P<day>\d\d)?)?(?P<rest>"
    r"(?:(?<=\d{8})(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?"  # the time
    r"(?:[+-](?:0\d|1[0-4])[0-5]\d)?)",  # the time zone
    re.ASCII,
)
"""PS3.5 6.2. A year alone is a DT but not a DA; older objects separate the parts of a DA by dots."""
_WEEK: Final = 7
_WEEKS: Final = range(52, 521)


class _Moment(NamedTuple):
    """A date: its day (the first of a year or month), precision, time and zone."""

    day: date
    digits: int
    rest: str


def judge_dates(found: Found, reasons: Reasons) -> timedelta | None:
    """Check that all dates moved back by the same whole weeks; return the shift, None if no date moved."""
    pairs = [
        (one, other, place)
        for change, place in found.dates.items()
        for one, other in _dates_side_by_side(change, place, reasons)
    ]
    shifts = {one.day - other.day for one, other, _ in pairs if one.digits == 8}
    if not pairs:
        return None
    if not shifts:  # years and months alone do not determine the number of days
        for one, other, place in pairs:
            if (other.digits, other.rest) != (one.digits, one.rest) or other.day >= one.day:
                reasons.add("dates", "was not moved back, or changed its precision", place)
        return None
    if len(shifts) != 1:
        for place in _moved_otherwise(pairs):
            reasons.add("dates", f"the dates of the set moved by {len(shifts)} different numbers of days", place)
        return None
    (shift,) = shifts
    if shift.days % _WEEK or shift.days // _WEEK not in _WEEKS:
        reasons.add("dates", "the dates did not move back by 52 to 520 whole weeks", pairs[0][2])
    originals = {one.day for one, _, _ in pairs if one.digits == 8} | set(_birth_dates(found))
    for one, other, place in pairs:
        if (other.digits, other.rest) != (one.digits, one.rest):
            reasons.add("dates", "changed its precision or its time", place)
        elif _moved(one, shift) != _stated(other.day, other.digits):
            reasons.add("dates", "moved by another number of days", place)
        elif one.digits == 8 and other.day in originals:
            reasons.add("dates", "is another original date of the set", place)
    return shift


def _moved_otherwise(pairs: Iterable[tuple[_Moment, _Moment, Place]]) -> Iterator[Place]:
    """Yield the locations of dates that moved by a different number of days than most."""
    moved = [(one.day - other.day, place) for one, other, place in pairs if one.digits == 8]
    ((most, _),) = Counter(shift for shift, _ in moved).most_common(1)
    yield from (place for shift, place in moved if shift != most)


def _dates_side_by_side(change: Change, place: Place, reasons: Reasons) -> Iterator[tuple[_Moment, _Moment]]:
    old, new = change.read()
    before, after = old.split("\\"), new.split("\\")
    if len(before) != len(after):
        reasons.add("dates", "has more or fewer values than before", place)
        return
    for one, other in zip(before, after, strict=True):
        was, became = (_moments(text.strip(" \0"), change.vr) for text in (one, other))
        if not other.strip(" \0"):
            if any(moment.day.year > _WEEKS[-1] // 52 + 1 for moment in was):
                reasons.add("dates", "a date was removed", place)
        elif len(was) != len(became) or not was:
            reasons.add("dates", "is not a date, or was not one", place)
        else:
            yield from zip(was, became, strict=True)


def _moments(value: str, vr: bytes = b"DA") -> list[_Moment]:
    """Parse one value: a moment, or the ends of a range, one of which may be open; [] if it is not a date."""
    pattern = _DT if vr == b"DT" else _DA
    if moment := _moment(value, pattern):
        return [moment]
    for dash in re.finditer("-", value):
        sides = [side for side in (value[: dash.start()], value[dash.end() :]) if side]
        ends = [moment for side in sides if (moment := _moment(side, pattern))]
        if ends and len(ends) == len(sides):
            return ends
    return []


def _moment(value: str, pattern: re.Pattern[str]) -> _Moment | None:
    match = pattern.fullmatch(value)
    if not match:
        return None
    year, month, day = match["year"], match["month"], match["day"]
    try:
        stated = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return _Moment(stated, 4 + 2 * bool(month) + 2 * bool(day), match["rest"])


def _moved(moment: _Moment, shift: timedelta) -> str:
    try:
        return _stated(moment.day - shift, moment.digits)
    except OverflowError:  # before the year 1
        return ""


def _stated(day: date, digits: int) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"[:digits]


# Identity -------------------------------------------------------------------------------------------------------------

_AGE: Final = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
"""PS3.5 6.2 requires three digits, but some systems write fewer."""
_SEXES: Final = frozenset("FMO")
_OLDEST: Final = 90
_LONGEST_LIFE: Final = 120
_STATEMENT_FIELDS: Final = {"birth_date": 2, "sex": 3, "age": 4}
"""Position of each statement in `PATIENT`."""


def judge_identity(
    found: Found, promised: Promised, studied: StudyDates, shift: timedelta | None, reasons: Reasons
) -> int:
    """Check that every object makes the promised statement about the person, and that age, sex, birth date agree."""
    for argument, expected in (("patient_id", promised.patient_id), ("patient_name", promised.patient_name)):
        for change, place in found.identity[argument].items():
            if change.read()[1] != expected:
                reasons.add("identity", "is not the new identity", place)
    if len(found.statements) != 1:
        for attribute in _differing(PATIENT, found.statements):
            place = Place("", (), attribute)
            reasons.add("identity", "the objects disagree on the patient or the study", place)
        return 0
    (statement,) = found.statements
    birth, sex, age = ((statement[index] or b"").decode("latin-1") for index in (2, 3, 4))
    for argument, index in _STATEMENT_FIELDS.items():
        for change, place in found.identity[argument].items():
            if change.read()[1] != (statement[index] or b"").decode("latin-1"):
                reasons.add("identity", f"differs from the set's {keyword(PATIENT[index])}", place)
    sexes = {old.upper() for change in found.identity["sex"] if (old := change.read()[0]).upper() in _SEXES}
    if sex != (sexes.pop() if len(sexes) == 1 else ""):
        reasons.add("identity", "is not the sex that the source states", Place("", (), PATIENT[3]))
    _judge_age(found, age, studied.old, reasons)
    empty = promised.policy.options.birth_date == "empty"
    if birth and empty:
        reasons.add("identity", "a birth date is stated that was to be empty", Place("", (), PATIENT[2]))
    if promised.birth_date is not None and not empty and birth != promised.birth_date:
        reasons.add("identity", "is not the birth date of the person's other sets", Place("", (), PATIENT[2]))
    _judge_birth_date(found, age, birth, studied, shift, reasons, linked=promised.birth_date is not None)
    return sum(map(len, found.identity.values()))


def _differing(attributes: Iterable[int], statements: Iterable[Sequence[bytes | None]]) -> Iterator[int]:
    """Yield the attributes that differ between the objects of a set."""
    for attribute, stated in zip(attributes, zip(*statements, strict=True), strict=True):
        if len(set(stated)) > 1:
            yield attribute


class StudyDates(NamedTuple):
    """(0008,0020) *Study Date* of the CT before and after; None if it has none."""

    old: date | None
    new: date | None


def study_date(value: bytes) -> date | None:
    """Return the first date of a DA value."""
    return next(iter(_days(value)), None)


def _days(value: bytes) -> list[date]:
    """Return the dates of a DA value."""
    return [moment.day for part in value.decode("latin-1").split("\\") for moment in _moments(part.strip(" \0"))]


def _judge_age(found: Found, age: str, studied: date | None, reasons: Reasons) -> None:
    """Check the age against the source: a stated one, or that derived from the birth date."""
    place = Place("", (), PATIENT[4])
    stated = {old.upper() for change in found.identity["age"] if _is_age(old := change.read()[0].upper())}
    births = [birth for birth in _birth_dates(found) if studied and birth < studied]
    if stated:
        possible = age in {_capped(one) for one in stated}
    else:
        possible = not age or (len(age) == 4 and any(_is_of_age(age, birth, studied) for birth in births if studied))
    if not possible:
        reasons.add("identity", "is not the age that the source states", place)


def _judge_birth_date(
    found: Found,
    age: str,
    birth: str,
    studied: StudyDates,
    shift: timedelta | None,
    reasons: Reasons,
    *,
    linked: bool,
) -> None:
    """Check that the birth date gives only the age; for a linked set, approximately the age.

    It was made up for the age in the person's first set, and may differ by a year in another one.
    """
    place = Place("", (), PATIENT[2])
    if not birth:
        return
    made = study_date(birth.encode())
    if linked:
        says_age = made is not None
    else:
        says_age = made is not None and studied.new is not None and _is_of_age(age, made, studied.new)
    if made is None or not says_age:
        reasons.add("identity", "the birth date does not match the age", place)
    elif age[-1:] != "D" and made + (shift or timedelta()) in _birth_dates(found):
        reasons.add("identity", "the birth date is the real one, moved", place)
    elif age[-1:] != "D" and made in _birth_dates(found):
        reasons.add("identity", "the birth date is the real one", place)


def _birth_dates(found: Found) -> list[date]:
    return [day for change in found.identity["birth_date"] for day in _days(change.old or b"")]


def _is_age(value: str) -> bool:
    match = _AGE.fullmatch(value)
    return match is not None and int(match[1]) > 0 and (match[2] != "Y" or int(match[1]) <= _LONGEST_LIFE)


def _capped(age: str) -> str:
    number, unit = int(age[:-1]), age[-1]
    return f"{min(number, _OLDEST) if unit == 'Y' else number:03d}{unit}"


def _is_of_age(age: str, birth: date, day: date | None) -> bool:
    """Return whether a person born on `birth` is of this age on `day`; 090Y means 90 or more."""
    match = _AGE.fullmatch(age)
    if match is None or day is None or birth >= day:
        return False
    number, unit = int(match[1]), match[2]
    months = (day.year - birth.year) * 12 + day.month - birth.month - (day.day < birth.day)
    completed = {"Y": months // 12, "M": months, "W": (day - birth).days // 7, "D": (day - birth).days}[unit]
    return completed == number or (unit == "Y" and number == _OLDEST <= completed)


# Cleaned texts --------------------------------------------------------------------------------------------------------

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]+")
"""Not allowed in any text; multi-line texts may hold tabs, line feeds and form feeds. PS3.5 6.1.3."""
_ALL_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST: Final = {"plan_label": 13, "text": 64, "code_meaning": 64}
_LONGEST_ELSEWHERE: Final = 16
_NAMED_ROLES: Final = frozenset(("roi_name", "roi_label"))


def judge_cleaned(found: Found, search: Search, traces: Traces, reasons: Reasons, naming: Naming | None = None) -> int:
    """Check that free texts were changed where necessary, equal ones equally, different ones differently.

    No letter of a name remains as a side, and no digit of a date as a number: what is left of `Parotid_L Richter`
    is not `Parotid_R`.

    Parameters
    ----------
    naming
        Confirmed structure names; a change to any other name is not justified.
    """
    changed_names = {old: new for _, old, new in _cleaned(found, "roi_name") if old != new}
    for role in found.cleaned:
        _judge_one_to_one(found, role, reasons)
        for place, old, new in _cleaned(found, role):
            if new in {old, _CONTROLS.sub(" ", old.partition("\0")[0]).strip(), _as_read(old)}:
                continue
            is_named = naming is not None and role in _NAMED_ROLES and naming.target(old) == new
            cut = [became for name, became in changed_names.items() if role == "roi_label" and name.startswith(old)]
            if _CONTROLS.search(new):
                reasons.add("free text", "holds control characters", place)
            elif not new or not old:
                reasons.add("free text", "was emptied, or filled", place)
            elif len(new) > _LONGEST.get(role, _LONGEST_ELSEWHERE) and not is_left_of(old, new):
                reasons.add("free text", "the replacement is too long for a planning system", place)
            elif not (is_named or cut or traces.are_in(old)):
                reasons.add("free text", "was changed unnecessarily", place)
            elif not (is_named or new in cut or _may_replace(search.without_identifiers(old), new, role, naming)):
                reasons.add("free text", "the replacement is neither a stand-in nor a remainder of known words", place)
    return sum(map(len, found.cleaned.values()))


def _may_replace(old: str, new: str, role: str, naming: Naming | None) -> bool:
    """Return whether a text may replace another one: by itself, or as the confirmed name of its remainder."""
    is_confirmed = naming is not None and role in _NAMED_ROLES and new in naming.names
    return is_confirmed or is_stand_in(new) or is_left_of(old, new)


def _judge_one_to_one(found: Found, role: str, reasons: Reasons) -> None:
    """Check that equal texts of a role remain equal, and different ones different; labels are truncated names."""
    new_of: dict[str, str] = {}
    old_of: dict[str, str] = {}
    for place, old, new in _cleaned(found, role):
        if new_of.setdefault(old, new) != new:
            reasons.add("free text", "one text became two", place)
        elif old_of.setdefault(new, read := _as_read(old)) != read and role != "roi_label":
            reasons.add("free text", "two texts became one", place)


def _as_read(text: str) -> str:
    """Return a text up to its first NUL, without control characters. PS3.5 6.1.3."""
    return _ALL_CONTROLS.sub(" ", text.partition("\0")[0]).strip()


def _cleaned(found: Found, role: str) -> Iterator[tuple[Place, str, str]]:
    """Yield the texts of a role: location, old and new text."""
    for change, place in found.cleaned[role].items():
        for old, new in _texts_side_by_side(change):
            yield place, old, new


def _texts_side_by_side(change: Change) -> Iterator[tuple[str, str]]:
    """Yield the values of both sides in pairs; if their numbers differ, as a single pair, so that they are unequal."""
    old, new = change.read()
    before, after = old.split("\\"), new.split("\\")
    if change.vr in _ONE_VALUE_VRS or len(before) != len(after):
        yield old, new
        return
    for one, other in zip(before, after, strict=True):
        yield unpadded(one), unpadded(other)


# Remaining identifiers ------------------------------------------------------------------------------------------------

_UID_IN_TEXT: Final = re.compile(r"\d+(?:\.\d+){3,}")
_LONGEST_VERSION: Final = 5
"""Maximum digits of a version or year in a technical value that may equal an ID by chance."""


_OF_THE_PATIENT: Final = frozenset(("person", "patient-id"))
_OF_DEVICES: Final = frozenset(("place", "device", "contact"))
"""Kinds not significant in the name of a manufacturer or model: stations are named after their model, and streets after
manufacturers.
"""
_SERIAL: Final = re.compile(r"\d{5}")
"""Minimum digits of a serial number; names of models have fewer."""
_MARKS_OF_SERIALS: Final = r"(?:[sS]/?[nN]|(?<![^\W\d_])[sS]er(?:ial)?\.?)\W{0,3}(?:[nN](?:o|r|umber)\W{0,3})?"
"""What a serial number of any length is called: SN4123, S/N 4123."""


def makers(found: Found) -> list[str]:
    """Return the output's manufacturers and models."""
    return [character_sets.decode(value, b"LO", charsets) for value, charsets in found.makers.items()]


def identifying_values(found: Found) -> list[tuple[str, str]]:
    """Return identifiers of the set, kind and value, as in the source, except those kept by an option.

    A kept serial number is not searched for as a removed one; names of the patient always are.
    """
    kept = {spelling for _, value in _values(found.retained) for spelling in spellings(value)}
    births = [("date", f"{day:%Y%m%d}") for day in _birth_dates(found)]
    return [
        (kind, value)
        for kind, value in (*_values(found.identifying), *births)
        if kind in _OF_THE_PATIENT or kept.isdisjoint(spellings(value))
    ]


def _values(raw: Iterable[tuple[str, bytes, bytes, tuple[str, ...]]]) -> Iterator[tuple[str, str]]:
    for kind, value, vr, charsets in raw:
        decoded = character_sets.decode(value, vr, charsets)
        for part in [decoded] if vr in _ONE_VALUE_VRS else decoded.split("\\"):
            if stripped := part.strip(" \0"):
                yield kind, stripped


def judge_texts(found: Found, search: Search, locator: Locator, reasons: Reasons) -> int:
    """Search every distinct output text for identifiers of the set; return the number of texts."""
    originals = source_uids(found)
    searched = 0
    for value, text, kinds in _searched(found, search):
        searched += 1
        if kinds:
            reasons.add("identifiers", f"left in a text: {', '.join(sorted(kinds))}", locator.find(value))
        if not originals.isdisjoint(_UID_IN_TEXT.findall(text)):
            reasons.add("identifiers", "an original UID is left in a text", locator.find(value))
    return searched


def _searched(found: Found, search: Search) -> Iterator[tuple[bytes, str, frozenset[str]]]:
    """Yield every distinct output text, raw and decoded, with the kinds of identifiers found, and binary values."""
    for charsets, typed in found.typed.items():
        yield from ((value, text, search.in_typed(text)) for value, text in _readings(typed, charsets))
    for charsets, texts in found.texts.items():
        yield from ((value, text, _kinds(search.hits(text))) for value, text in _readings(texts, charsets))
    for value, text in _readings(found.terms):
        parts = [part for part in text.split("\\") if not is_term(part.upper())]
        yield value, text, frozenset(kind for part in parts for kind in _kinds(search.hits(part)))
    for value in found.binary:
        yield value, "", search.in_binary(value)
    for value, text in _readings(found.technical):
        yield value, text, _kinds_but_versions(search.hits(text), text)
    for value, text in _readings(found.product):
        spared = _OF_DEVICES if value in found.makers and not search.names_a_house(text) else frozenset()
        hits = (hit for hit in search.hits(text) if not search.is_of_makers(hit.text))
        named = (
            hit
            for hit in hits
            if _SERIAL.search(hit.text) or not hit.kinds <= spared or _is_called_serial(hit.text, text)
        )
        yield value, text, _kinds_but_versions(named, text)


def _readings(values: Iterable[bytes], charsets: tuple[str, ...] = ()) -> Iterator[tuple[bytes, str]]:
    """Decode texts by their character set, and as UTF-8 or Latin-1 in case it is declared wrongly."""
    for value in values:
        as_declared = character_sets.decode(value, b"PN", charsets)
        yield value, as_declared
        if character_sets.is_foreign(value) and (undeclared := character_sets.decode(value, b"PN", ())) != as_declared:
            yield value, undeclared


def _kinds(hits: Iterable[Hit]) -> frozenset[str]:
    return frozenset(kind for hit in hits for kind in hit.kinds)


def _kinds_but_versions(hits: Iterable[Hit], text: str) -> frozenset[str]:
    return _kinds(hit for hit in hits if not _is_version(hit, text))


def _is_version(hit: Hit, text: str) -> bool:
    """Return whether a match is a short number and not evidently the serial number of a device."""
    if not hit.text.isdecimal() or len(hit.text) > _LONGEST_VERSION:
        return False
    is_serial = len(hit.text) == _LONGEST_VERSION or _is_called_serial(hit.text, text)
    return not ("device" in hit.kinds and is_serial)


def _is_called_serial(found: str, text: str) -> bool:
    return re.search(rf"{_MARKS_OF_SERIALS}0*{re.escape(found)}(?!\d)", text) is not None


# Statements about the de-identification -----------------------------------------------------------------------------


_METHOD_CODES: Final = tag("DeidentificationMethodCodeSequence")

REBUILT: Final = "rebuilt"
"""The word that marks a set with rebuilt references."""

_WORDS: Final = re.compile(
    r"rt-set-anonymizer \d[\w.+-]*\\policy [\d-]+ of PS3\.15-\d{4}[a-z]"
    r"(\\of the patient's characteristics age and sex only)?"
    r"(?P<less>(?:\\113108 without [A-Za-z ]+)*)"
    r"(\\age over 89 given as 090Y)?"
    r"(\\references between the objects rebuilt)?",
    re.ASCII,
)
"""All possible descriptions of the de-identification in an object."""


def judge_method(
    found: Found, options: Options, *, relinked: bool, reasons: Reasons, unread_words: bool | None = None
) -> int:
    """Check that every object states exactly what was done to it."""
    possible = [
        {tuple(map(_item, table.method_codes(options, device_dates_touched=found.contested, unread_words=unread)))}
        for unread in ((False, True) if unread_words is None else (unread_words,))
    ]
    if found.method_codes not in possible:
        reasons.add("method", "the codes do not state what was done", Place("", (), _METHOD_CODES))
    if len(found.methods) != 1:
        for attribute in _differing(METHOD, ([value for _, value in each] for each in found.methods)):
            reasons.add("method", "the objects disagree on what was done", Place("", (), attribute))
        return 0
    ((_, removed), (_, method), (_, temporal)) = next(iter(found.methods))
    if removed != b"YES":
        reasons.add("method", "does not state that the identity was removed", Place("", (), METHOD[0]))
    if temporal.decode("latin-1") != table.temporal_information(options):
        reasons.add("method", "does not state what became of the dates", Place("", (), METHOD[2]))
    words = method.decode("latin-1")
    match = _WORDS.fullmatch(words)
    less = tuple(match["less"].split("\\")[1:]) if match else ()
    if not match or less != table.less_retained(options) or EDITION not in words or (REBUILT in words) != relinked:
        reasons.add("method", "does not state what was done", Place("", (), METHOD[1]))
    return len(next(iter(found.method_codes), ())) + len(METHOD)


def _item(code: table.Code) -> tuple[tuple[int, bytes], ...]:
    """Return the elements of a code. PS3.3 8.8."""
    values = {"CodeValue": code.value, "CodingSchemeDesignator": "DCM", "CodeMeaning": code.meaning}
    return tuple((tag(keyword), value.encode()) for keyword, value in values.items())
