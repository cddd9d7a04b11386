"""Dates move back by whole weeks, the same for every date of a set; times stay.

Whole weeks keep the day of the week and every interval: what PS3.15 E.3.6, option 113107, is for. A
set is shifted by 52 to 520 weeks, and never by a number of weeks that maps one date of the set onto another: that one
would be an original date again.

What a value may look like (PS3.5 6.2): DA `20110506`, in old objects `2011.05.06`; DT from `2011` to
`20110506143231.123456+0200`; ranges `a-b`, `a-`, `-b`; several values parted by a backslash.

A DT that names only a year or a month moves as its first day does and stays as coarse as it was. A time zone offset
inside a DT stays: local times keep their hour, and two instants stay as far apart as they were, whatever their offsets
and whatever (0008,0201) *Timezone Offset From UTC* says. TM holds no date and is not touched.

What is no date (a UUID, a name, 30 February) cannot be moved and must not stay: it becomes empty.
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
"""How far back: one year at least, ten at most."""

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
    """One date as it stands in a value."""

    day: date
    """Of a year or a month the first."""

    digits: int
    """How much of yyyymmdd is stated: 4, 6 or 8."""

    rest: str
    """Time and zone."""

    def written(self, day: date) -> str:
        return f"{day.year:04d}{day.month:02d}{day.day:02d}"[: self.digits] + self.rest


def read_da(value: str | bytes) -> list[date]:
    """Return the dates that a DA value names; what is no date is left out."""
    return _days(value, _DA)


def read_dt(value: str | bytes) -> list[date]:
    """Return the days that a DT value names, of a year or a month the first; what is no date is left out."""
    return _days(value, _DT)


def shift_da(value: str | bytes, shift: timedelta) -> str:
    """Move every date of a DA value back by `shift`; give it without padding."""
    return _shifted(value, _DA, shift)


def shift_dt(value: str | bytes, shift: timedelta) -> str:
    """Move the date part of every DT of a value back by `shift`; give it without padding."""
    return _shifted(value, _DT, shift)


def moved(day: date, shift: timedelta) -> date | None:
    """Return the day so much earlier; None before the year 1, where a placeholder such as 00010101 would lie."""
    return day - shift if day - date.min >= shift else None


def choose_shift(key: bytes, dates: Iterable[date]) -> timedelta:
    """Choose how far back the dates of a set move: the same on every attempt, unknown without the set's key.

    Parameters
    ----------
    key
        The key of the set.
    dates
        Every date of the set, birth dates too.

    Raises
    ------
    SetRefused
        Its dates are so many that every shift maps one onto another.
    """
    days = set(dates)
    allowed = {weeks for weeks in SHIFT_WEEKS if days.isdisjoint(_moved(days, timedelta(weeks=weeks)))}
    if not allowed:
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
    return next(timedelta(weeks=weeks) for weeks in _stream(key) if weeks in allowed)


def collides(dates: Iterable[date], shift: timedelta) -> bool:
    """Return whether a shift maps one of some dates onto another of them, which would be an original date again."""
    days = set(dates)
    return not days.isdisjoint(_moved(days, shift))


def _moved(days: Iterable[date], shift: timedelta) -> Iterator[date]:
    return (earlier for day in days if (earlier := moved(day, shift)))


def _stream(key: bytes) -> Iterator[int]:
    """Yield the key's numbers of weeks, in their order."""
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
    """Read one value: one moment, or the two ends of a range of which one may be open; nothing when it is no date.

    A dash may begin a zone or part a range. What can be one moment is one (`2011-0500` is a year in a zone), for
    PS3.5 6.2 tells the two apart by the zones that exist.
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
