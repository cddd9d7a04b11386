"""Date shifting: all dates of a set move back by the same number of whole weeks; times are kept.

Whole weeks preserve weekdays and intervals, the purpose of PS3.15 E.3.6, option 113107. A set is shifted by 52 to 520
weeks, excluding shifts that map one date of the set onto another, which would be an original date again.

Value formats (PS3.5 6.2): DA `20110506`, in old objects `2011.05.06`; DT from `2011` to `20110506143231.123456+0200`;
ranges `a-b`, `a-`, `-b`; multiple values separated by backslashes.

A DT with only a year or month moves like its first day and keeps its precision. A time zone offset in a DT is kept:
local times keep their hour, and the interval between two instants is preserved, whatever their offsets and (0008,0201)
*Timezone Offset From UTC*. TM contains no date and is not changed.

Anything else (a UUID, a name, 30 February) cannot be moved and must not stay: it becomes empty.
"""

from __future__ import annotations

import hmac
import re
from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from services.errors import Fault, SetRefused
from services.language import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHIFT_WEEKS: Final = range(52, 521)
"""Weeks to move back: one to ten years."""

_DA = re.compile(r"(?P<year>\d{4})(?P<dot>\.?)(?P<month>\d\d)(?P=dot)(?P<day>\d\d)(?P<rest>)", re.ASCII)
_DT = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?P<day>\d\d)?)?"
    r"(?P<rest>"
    r"(?:(?<=\d{8})(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?"  # HHMMSS.FFFFFF after a whole date
    r"(?:[+-](?:0\d|1[0-4])[0-5]\d)?"  # &ZZXX
    r")",
    re.ASCII,
)


class _Moment(NamedTuple):
    """One date within a value."""

    day: date
    """The date; for a year or a month, its first day."""

    digits: int
    """Number of digits of yyyymmdd stated: 4, 6 or 8."""

    rest: str
    """Time and zone."""

    def written(self, day: date) -> str:
        return f"{day.year:04d}{day.month:02d}{day.day:02d}"[: self.digits] + self.rest


def read_da(value: str | bytes) -> list[date]:
    """Return the dates in a DA value, ignoring invalid ones."""
    return _days(value, _DA)


def read_dt(value: str | bytes) -> list[date]:
    """Return the days in a DT value (the first of a year or month), ignoring invalid ones."""
    return _days(value, _DT)


def shift_da(value: str | bytes, shift: timedelta) -> str:
    """Return a DA value, without padding, with every date moved back by `shift`."""
    return _shifted(value, _DA, shift)


def shift_dt(value: str | bytes, shift: timedelta) -> str:
    """Return a DT value, without padding, with the date part of every DT moved back by `shift`."""
    return _shifted(value, _DT, shift)


def moved(day: date, shift: timedelta) -> date | None:
    """Return the day moved back by `shift`; None before the year 1, as for a placeholder such as 00010101."""
    return day - shift if day - date.min >= shift else None


def choose_shift(key: bytes, dates: Iterable[date]) -> timedelta:
    """Choose the shift of a set's dates: the same on every attempt, and unknown without the set's key.

    Parameters
    ----------
    key
        The key of the set.
    dates
        Every date of the set, including birth dates.

    Raises
    ------
    SetRefused
        There are so many dates that every shift maps one onto another.
    """
    days = set(dates)

    def is_allowed(weeks: int) -> bool:
        return days.isdisjoint(_moved(days, timedelta(weeks=weeks)))

    if not any(map(is_allowed, SHIFT_WEEKS)):
        raise SetRefused(
            Fault(
                "dates-too-dense",
                gettext(
                    "The set names {count} different dates: however they are moved, one falls onto another.",
                    count=len(days),
                ),
                gettext(
                    'Set dates = "remove" under [privacy] in collection.toml, or export the set without its history.'
                ),
            )
        )
    return next(timedelta(weeks=weeks) for weeks in _stream(key) if is_allowed(weeks))


def collides(dates: Iterable[date], shift: timedelta) -> bool:
    """Return whether a shift maps one date onto another, which would be an original date again."""
    days = set(dates)
    return not days.isdisjoint(_moved(days, shift))


def _moved(days: Iterable[date], shift: timedelta) -> Iterator[date]:
    return (earlier for day in days if (earlier := moved(day, shift)))


def _stream(key: bytes) -> Iterator[int]:
    """Yield the sequence of week numbers derived from the key."""
    for step in count():
        digest = hmac.digest(key, b"date shift %d" % step, "sha256")
        yield SHIFT_WEEKS[int.from_bytes(digest[:8]) % len(SHIFT_WEEKS)]


def _days(value: str | bytes, pattern: re.Pattern[str]) -> list[date]:
    return [end.day for text in _values(value) for end in _ends(text, pattern) if end]


def _shifted(value: str | bytes, pattern: re.Pattern[str], shift: timedelta) -> str:
    return "\\".join(_shifted_one(text, pattern, shift) for text in _values(value))


def _shifted_one(text: str, pattern: re.Pattern[str], shift: timedelta) -> str:
    written = []
    for end in _ends(text, pattern):
        earlier = moved(end.day, shift) if end else None
        if end and not earlier:
            return ""
        written.append(end.written(earlier) if end and earlier else "")
    return "-".join(written)


def _values(value: str | bytes) -> list[str]:
    text = value if isinstance(value, str) else value.decode("latin-1")
    return [part.strip(" \0") for part in text.split("\\")]


def _ends(text: str, pattern: re.Pattern[str]) -> list[_Moment | None]:
    """Parse one value: a moment, or the two ends of a range, one of which may be open; empty if it is not a date.

    A dash may introduce a zone or separate a range. What can be a single moment is one (`2011-0500` is a year in a
    zone), since PS3.5 6.2 distinguishes the two by the zones that exist.
    """
    if moment := _moment(text, pattern):
        return [moment]
    for dash in re.finditer("-", text):
        sides = (text[: dash.start()], text[dash.end() :])
        ends = [_moment(side, pattern) for side in sides]
        if any(ends) and all(end or not side for end, side in zip(ends, sides, strict=True)):
            return ends
    return []


def _moment(text: str, pattern: re.Pattern[str]) -> _Moment | None:
    found = pattern.fullmatch(text)
    if not found:
        return None
    year, month, day = found["year"], found["month"], found["day"]
    try:
        return _Moment(
            date(int(year), int(month or 1), int(day or 1)), 4 + 2 * bool(month) + 2 * bool(day), found["rest"]
        )
    except ValueError:  # 30 February
        return None
