"""The new identity of a patient, with its index, the age, and a birth date that gives only the age.

The new identity is the person's choice in `collection.toml` plus the index. Age is the only personal fact of use to a
planning system's model; it is computed once per set, and the birth date is made up to reproduce it.
"""

from __future__ import annotations

import hmac
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom.dates import read_da
from services.errors import SettingsWrong
from services.language import gettext, joined

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

LAST_INDEX: Final = 999_999
"""Largest index of a collection; every identity has room for its six digits."""

LONGEST_VALUE: Final = 64
"""Maximum length of an LO value and of a component group of a PN value. PS3.5 6.2."""


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """New identity of the patient of one set."""

    patient_id: str
    """(0010,0020) *Patient ID*: `zzz_AnusGE006`."""

    patient_name: str
    """(0010,0010) *Patient's Name*: `AnusGE006^First`."""

    index: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity part of the form, filled in once per collection."""

    patient_id: str
    family_name: str
    first_name: str

    hospital: str
    """Written to the tracking file only, never into DICOM or a path."""

    initial_index: int

    def numbered(self, index: int) -> NewIdentity:
        """Return the identity with its index, padded to at least three digits."""
        return NewIdentity(f"{self.patient_id}{index:03d}", f"{self.family_name}{index:03d}^{self.first_name}", index)


def check_identity(identity: Identity) -> None:
    """Check that the form's identities are valid in DICOM under every character set.

    Raises
    ------
    SettingsWrong
        One line per invalid field.
    """
    if wrong := list(wrong_parts(identity)):
        raise SettingsWrong(joined(wrong, "\n"))


def wrong_parts(identity: Identity) -> Iterator[str]:
    """Yield a message for each invalid field of an identity.

    Only the default repertoire (ASCII) is accepted: it reads the same under every (0008,0005) *Specific Character Set*
    that the objects of a set declare. PS3.5 6.1.2, 6.2.
    """
    parts = [
        *_wrong_part("patient_id", identity.patient_id, forbidden="\\"),
        *_wrong_part("family_name", identity.family_name, forbidden="\\^="),
        *_wrong_part("first_name", identity.first_name, forbidden="\\^="),
    ]
    yield from parts
    if not identity.hospital.strip() or not identity.hospital.isprintable():
        yield gettext("hospital must be one line of text: it fills the last column of the tracking file.")
    if not 1 <= identity.initial_index <= LAST_INDEX:
        yield gettext(
            "initial_index is {index}, but numbers run from 1 to {last}: choose one of these.",
            index=identity.initial_index,
            last=LAST_INDEX,
        )
    if not parts:
        yield from _too_long(identity)


def _too_long(identity: Identity) -> Iterator[str]:
    longest = identity.numbered(LAST_INDEX)
    names = gettext("family_name and first_name")
    for fields, value in (("patient_id", longest.patient_id), (names, longest.patient_name)):
        if len(value) > LONGEST_VALUE:
            yield gettext(
                "{fields} leave no room for the number: with it, DICOM takes {most} characters and this would take "
                "{length}. Make it {over} shorter.",
                fields=fields,
                most=LONGEST_VALUE,
                length=len(value),
                over=len(value) - LONGEST_VALUE,
            )


def check_part(field: str, value: str, *, forbidden: str) -> None:
    """Check one part of an identity for content that DICOM or a planning system would change or refuse.

    Raises
    ------
    SettingsWrong
        States what is wrong.
    """
    for wrong in _wrong_part(field, value, forbidden=forbidden):
        raise SettingsWrong(wrong)


def _wrong_part(field: str, value: str, *, forbidden: str) -> Iterator[str]:
    """Yield the first error of one part."""
    if not value:
        yield gettext("{field} is empty: the number of each set is appended to it or stands beside it.", field=field)
        return
    if value != value.strip(" "):
        yield gettext("{field} begins or ends with a space, which DICOM does not keep: take it away.", field=field)
        return
    for character in value:
        if not " " <= character <= "~" or character in forbidden:
            shown = f"'{character}'" if character.isprintable() else repr(character)
            yield gettext(
                "{field} holds {character}: use English letters, digits and signs, without {forbidden}",
                field=field,
                character=shown,
                forbidden=" ".join(forbidden),
            )
            return


OLDEST: Final = 89
"""Years. Older patients are given as 90: so few people are that old that the age alone could identify them."""

LONGEST_LIFE: Final = 120
"""Years. A larger number is not an age."""

PLACEHOLDER_DATE: Final = date(1900, 1, 1)
"""Systems write this date, or an earlier one, for an unknown date."""

_NEVER_REACHED: Final = 2100
"""Birth years from here on are placeholders, such as 29991231 and 99991231."""

AGE_NOTES: Final = {
    "age-unknown": "Neither an age nor a birth date says how old the patient was: age and birth date stay empty.",
    "age-junk": "The patient's age is not in a valid form; it was not used.",
    "age-impossible": "The patient's age is given as zero or as more than 120 years; it was not used.",
    "ages-differ": "The objects of the set give different ages; the first was taken, the CT's before the others'.",
    "age-and-birth-date-differ": "The patient's age and birth date do not agree; the age was taken.",
    "birth-date-junk": "The birth date is not a valid date; it was not used.",
    "birth-date-impossible": (
        "The birth date is not before the study, or is 1 January 1900 or earlier, or more than 120 years before the "
        "study; it was not used."
    ),
    "study-date-unknown": "The CT has no study date, so the age on that day cannot be worked out from the birth date.",
    "age-under-one-year": "The patient would be less than a year old: often a birth date that is not the patient's.",
    "age-over-89": "The patient is older than 89: the age is given as 90 years.",
}
"""Notes on the age for a reader of the set's report, by code."""

_STATEMENT = re.compile(r"(\d{1,3})([YMWD])", re.ASCII)
_ROUNDING = timedelta(days=366)  # some scanners round the age, or use the year of birth only
_ONE_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}


class Age(NamedTuple):
    """Age as stated in (0010,1010) *Patient's Age*. PS3.5 6.2, AS."""

    number: int

    unit: str
    """`Y` years, `M` months, `W` weeks, `D` days; completed units."""

    @property
    def statement(self) -> str:
        """The age in DICOM form: `045Y`."""
        return f"{self.number:03d}{self.unit}"


class AgeReading(NamedTuple):
    """Age of the patient on the day of the study, as far as the set states it."""

    age: Age | None

    notes: tuple[str, ...]
    """Codes from `AGE_NOTES`."""


def read_age(ages: Iterable[str], birth_dates: Iterable[str], study_date: date | None) -> AgeReading:
    """Determine the age of a set: a valid stated one if there is any, otherwise from the birth date.

    Parameters
    ----------
    ages
        The values of (0010,1010) *Patient's Age*, the CT's first. Empty ones are ignored.
    birth_dates
        The values of (0010,0030) *Patient's Birth Date*, likewise.
    study_date
        The CT's, not yet shifted; None if it has none.
    """
    if study_date and study_date <= PLACEHOLDER_DATE:
        study_date = None
    stated, notes = _stated_ages(ages)
    births, birth_notes = _possible_births(birth_dates, study_date)
    notes += birth_notes

    age = stated[0] if stated else None
    if age and births and study_date:
        first, last = _born_between(age, study_date)
        if not first - _ROUNDING <= births[0] <= last + _ROUNDING:
            notes.append("age-and-birth-date-differ")
    elif births and study_date:
        age = _age_on(study_date, births[0])
    elif births and not age:
        notes.append("study-date-unknown")

    if age is None:
        notes.append("age-unknown")
    elif age.unit == "Y" and age.number > OLDEST:
        age = Age(OLDEST + 1, "Y")
        notes.append("age-over-89")
    elif age.number < _ONE_YEAR[age.unit]:
        notes.append("age-under-one-year")
    return AgeReading(age, tuple(dict.fromkeys(notes)))


def fake_birth_date(
    age: Age | None, study_date: date | None, key: bytes, *, other_than: Collection[date] = ()
) -> date | None:
    """Make up a birth date that gives only the age; the same on every attempt.

    Parameters
    ----------
    age
        From `read_age`; if None, the result is None, an empty birth date.
    study_date
        The CT's as published (shifted), on which the made-up date reproduces the age exactly.
    key
        The key of the set.
    other_than
        The birth dates of the set, shifted like the study date: never chosen. Only an age in days, which leaves a
        single date, has no choice; that date then says no more than the age beside it.
    """
    if age is None or study_date is None or study_date.year <= LONGEST_LIFE + 1:
        return None
    first, last = _born_between(age, study_date)
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    free = [day for day in days if day not in other_than] or days
    return free[int.from_bytes(hmac.digest(key, b"birth date", "sha256")) % len(free)]


def _stated_ages(values: Iterable[str]) -> tuple[list[Age], list[str]]:
    ages, notes = [], []
    for value in filter(None, (value.strip(" \0") for value in values)):
        found = _STATEMENT.fullmatch(value.upper())
        if not found:
            notes.append("age-junk")
            continue
        age = Age(int(found[1]), found[2])
        if age.number == 0 or (age.unit == "Y" and age.number > LONGEST_LIFE):
            notes.append("age-impossible")
        else:
            ages.append(age)
    if len(set(ages)) > 1:
        notes.append("ages-differ")
    return ages, notes


def _possible_births(values: Iterable[str], study_date: date | None) -> tuple[list[date], list[str]]:
    births, notes = [], []
    for value in filter(None, (value.strip(" \0") for value in values)):
        days = read_da(value)
        if len(days) != 1:
            notes.append("birth-date-junk")
        elif days[0] <= PLACEHOLDER_DATE or (study_date and not _lived(days[0], study_date)):
            notes.append("birth-date-impossible")
        else:
            births.append(days[0])
    return births, notes


def stated_day(value: str) -> date | None:
    """Return the day of a DA value, in any of its formats; None if it states none, or only a placeholder.

    Days are compared, not texts: `1950.11.03` (ACR-NEMA) and `19501103` are one birth date.
    """
    days = read_da(value)
    return days[0] if len(days) == 1 and days[0] > PLACEHOLDER_DATE and days[0].year < _NEVER_REACHED else None


def is_near_age(age: Age, birth: date, day: date) -> bool:
    """Return whether a made-up birth date gives an age on `day`, or one at most a year off."""
    first, last = _born_between(age, day)
    return first - _ROUNDING <= birth <= last + _ROUNDING


def _lived(birth: date, day: date) -> bool:
    return birth < day and _age_on(day, birth).number <= LONGEST_LIFE


def _age_on(day: date, birth: date) -> Age:
    """Return the age on `day` in the customary unit: years from two years on, months from two months on, else days."""
    months = (day.year - birth.year) * 12 + day.month - birth.month - (day.day < birth.day)
    if months >= 24:
        return Age(months // 12, "Y")
    return Age(months, "M") if months >= 2 else Age((day - birth).days, "D")


def _born_between(age: Age, day: date) -> tuple[date, date]:
    """Return the first and the last birth date that give this age on `day`."""
    if age.unit in "DW":
        length = timedelta(days=7 if age.unit == "W" else 1)
        last = day - age.number * length
        return last - length + timedelta(days=1), last
    months = 12 if age.unit == "Y" else 1
    return _months_before(day, (age.number + 1) * months) + timedelta(days=1), _months_before(day, age.number * months)


def _months_before(day: date, months: int) -> date:
    """Return the last birth date from which `months` are completed on `day`.

    For a birth on the 31st, or on 29 February, a month without that day is completed on the first of the next.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
