"""Dates in texts, in the forms in which people write them.

A complete date identifies in any form. Partial ones (a month, a week, a day without its year, a year of birth) are
parsed here, too; whether they match the set is checked in `services.deidentify.identifiers`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from services.vocabulary import word_lists
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterator


class Span(NamedTuple):
    """Position of an identifier in a text."""

    start: int
    end: int


_MONTHS: Final = {fold(name): number for number, names in enumerate(word_lists.MONTHS, 1) for name in names.split()}

_YEAR_FIRST = re.compile(r"(?<!\d)(?=(\d{4}) ?([-./_ ]) ?(\d{1,2}) ?\2 ?(\d{1,2})(?!\d))")
_YEAR_LAST = re.compile(r"(?<!\d)(?<!\d\.)(?=(\d{1,2}) ?([-./_ ]) ?(\d{1,2}) ?\2 ?(\d{4}|\d\d)(?!\d|\.\d))")
_IN_DOTS = re.compile(r"(?<=\d\.)(?=(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)(?![\d.]))")
_RUN = re.compile(r"(?<!\d)(?=(\d{14}|\d{12}|\d{10}|\d{8}|\d{6})(?!\d))")
_DAY = r"(\d{1,2})(?:(?i:st|nd|rd|th|er|re)|º|ª)?"
_MONTH = r"([^\W\d_]{3,12})"
_OF = r"(?:(?i:de|del|of|di)[ _])?"
_DAY_MONTH_YEAR = re.compile(rf"(?<!\d)(?={_DAY}[-./_ ]{{0,2}}{_OF}{_MONTH}[-./_, ]{{0,2}}{_OF}(\d{{4}}|\d\d)(?!\d))")
_YEAR_MONTH_DAY = re.compile(rf"(?<!\d)(?=(\d{{4}})[-./_, ]{{0,2}}{_MONTH}[-./_ ]{{0,2}}{_DAY}(?!\d))")
_ROMAN_MONTH = re.compile(
    r"(?<!\d)(?=(\d{1,2})([-./_ ]?)(I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})(?:\2(\d{4})|(?<=[-./_ IVX])\2(\d\d))(?!\d))"
)
_MONTH_DAY_YEAR = re.compile(rf"(?<![^\W\d_])(?={_MONTH}[-./_ ]{{0,2}}{_DAY}[-./_, ]{{1,2}}(\d{{4}}|\d\d)(?!\d))")
_JAPANESE = re.compile(
    r"(?=(令和|平成|昭和|民國|民国|(?<!\d)\d{2})(元|\d{1,3})[年년] ?(\d{1,2})[月월] ?(\d{1,2})[日일])"
)
_ERA_LETTER = re.compile(r"(?<![^\W_])(?=([RHS])(\d{1,2})([./])(\d{1,2})\3(\d{1,2})(?!\d|[./]\d))")
_YEARS_BEFORE: Final = {
    "令和": 2018,
    "平成": 1988,
    "昭和": 1925,
    "R": 2018,
    "H": 1988,
    "S": 1925,
    "民國": 1911,
    "民国": 1911,
}
"""Offset of an era's years in Japan or Taiwan."""

_SIGNS: Final = str.maketrans(
    {
        "|": "-",
        "~": "-",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{FIGURE DASH}": "-",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{FULLWIDTH HYPHEN-MINUS}": "-",
        "\N{MIDDLE DOT}": ".",
        "\N{ONE DOT LEADER}": ".",
        "\N{FULLWIDTH FULL STOP}": ".",
        "\N{FULLWIDTH SOLIDUS}": "/",
        "\N{FRACTION SLASH}": "/",
        "\N{DIVISION SLASH}": "/",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{THIN SPACE}": " ",
        "\N{IDEOGRAPHIC SPACE}": " ",
    }
)
"""Characters that separate the numbers of dates like usual ones."""

_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")

_BUDDHIST: Final = 543
"""Offset of the Buddhist calendar of Thailand, in years."""


def read_dates(text: str) -> list[tuple[Span, set[date]]]:
    """Return the dates in a text: position, and the possible days (3/11/18 is ambiguous).

    Forms: yyyymmdd with or without a time, yyyy-mm-dd, dd.mm.yyyy, d.m.yy, mm/dd/yyyy, ddmmyyyy, ddmmyy, yymmdd, months
    by name (`word_lists.MONTHS`), years, months and days as written in Japanese and Korean, Japanese eras and Buddhist
    years. Three numbers within a longer dotted sequence (a version 3.11.18.2) are not a date, unless they end it with a
    four-digit year, like a date after a dose: PTV_66.11.2.2018.
    """
    if sum(map(str.isdecimal, text)) < 3:  # 3 Nov 50 has the fewest digits
        return []
    text = text.translate(_SIGNS)
    found: list[tuple[Span, set[date]]] = []
    for match, meanings in (*_in_numbers(text), *_with_months_by_name(text), *_in_years_of_an_era(text)):
        days = {day for year, month, number in meanings for day in _days(year, int(month), int(number))}
        if days:
            end = max(match.end(group) for group in range(len(match.regs)))
            found.append((Span(match.start(), end + text.startswith(("日", "일"), end)), days))
    return found


_Meanings = tuple[tuple[str, int | str, str], ...]
"""Year, month and day for each interpretation of a date."""


def _in_numbers(text: str) -> Iterator[tuple[re.Match[str], _Meanings]]:
    for match in _YEAR_FIRST.finditer(text):
        yield match, ((match[1], match[3], match[4]),)
    for match in _YEAR_LAST.finditer(text):
        yield match, ((match[4], match[3], match[1]), (match[4], match[1], match[3]))
    for match in _IN_DOTS.finditer(text):
        yield match, ((match[3], match[2], match[1]), (match[3], match[1], match[2]))
    for match in _RUN.finditer(text):
        run = match[1]
        if len(run) == 6:  # the parts of ddmmyy, mmddyy and yymmdd
            a, b, c = run[:2], run[2:4], run[4:]
            yield match, ((c, b, a), (c, a, b), (a, b, c))
        else:
            yield match, ((run[:4], run[4:6], run[6:8]), *_day_first(run))


def _with_months_by_name(text: str) -> Iterator[tuple[re.Match[str], _Meanings]]:
    for pattern, year, month, day in (
        (_DAY_MONTH_YEAR, 3, 2, 1),
        (_MONTH_DAY_YEAR, 3, 1, 2),
        (_YEAR_MONTH_DAY, 1, 2, 3),
    ):
        for match in pattern.finditer(text):
            if number := _MONTHS.get(fold(match[month])):
                yield match, ((match[year], number, match[day]),)
    for match in _ROMAN_MONTH.finditer(text):
        if match[4] or match[2]:
            yield match, ((match[4] or match[5], _ROMAN.index(match[3]) + 1, match[1]),)


def _in_years_of_an_era(text: str) -> Iterator[tuple[re.Match[str], _Meanings]]:
    for match in _JAPANESE.finditer(text):
        first = 1 if match[2] == "元" else int(match[2])
        year = _YEARS_BEFORE[match[1]] + first if match[1] in _YEARS_BEFORE else int(match[1]) * 100 + first
        yield match, ((f"{year:04d}", match[3], match[4]),)
    for match in _ERA_LETTER.finditer(text):
        yield match, ((f"{_YEARS_BEFORE[match[1]] + int(match[2])}", match[4], match[5]),)


_SHORT_YEAR_FIRST = re.compile(r"(?<![\d.])(\d\d)([-./_ ])(\d{1,2})\2(\d{1,2})(?!\d|\.\d)")


def read_short_dates(text: str) -> Iterator[tuple[Span, set[date]]]:
    """Yield the possible days of 50-11-03, with the year first. Most such numbers are doses or margins."""
    for match in _SHORT_YEAR_FIRST.finditer(text.translate(_SIGNS)):
        yield Span(*match.span()), set(_days(match[1], int(match[3]), int(match[4])))


_MONTH_YEAR = re.compile(r"(?<!\d)(?<!\d[-./])(\d{1,2})[-./](\d{4})(?!\d)")
_YEAR_MONTH = re.compile(r"(?<!\d)(\d{4})[-./](\d\d)(?!\d|[-./]\d)")
_NAMED_MONTH_YEAR = re.compile(rf"(?<![^\W\d_]){_MONTH}[-./_ ]{{0,2}}{_OF}(\d{{4}}|\d\d)(?!\d)")


def read_months(text: str) -> Iterator[tuple[Span, set[tuple[int, int]]]]:
    """Yield months with years in a text: 12/2020, 2020-12, Dez 20. 12/20 is a fraction."""
    text = text.translate(_SIGNS)
    for match in _MONTH_YEAR.finditer(text):
        yield Span(*match.span()), {(int(match[2]), int(match[1]))}
    for match in _YEAR_MONTH.finditer(text):
        yield Span(*match.span()), {(int(match[1]), int(match[2]))}
    for match in _NAMED_MONTH_YEAR.finditer(text):
        if month := _MONTHS.get(fold(match[1])):
            year = int(match[2])
            yield Span(*match.span()), {(year, month), (1900 + year, month), (2000 + year, month)}


_WEEK_YEAR = re.compile(
    r"(?<![^\W\d_])(?:(?:kw|cw|wk|w|week|woche|sem|semaine|semana|settimana|uke|uge|vecka)"
    r"[ ._-]{0,2}(\d{1,2})[ ./_-]{1,3}(\d{4}|\d\d)|[vs][ ._-]?(\d{1,2})[ ./_-]{1,3}(\d{4}))(?!\d)",
    re.IGNORECASE,
)
_WEEK_BEFORE = re.compile(
    r"(?<![\d.,])(\d{1,2})\.?[ _-]?(?:kw|cw|wk|week|woche|semaine|semana|settimana|uke|uge|vecka)"
    r"[ ./_-]{0,3}(\d{4}|\d\d)(?!\d)",
    re.IGNORECASE,
)
_YEAR_WEEK = re.compile(r"(?<!\d)(\d{4})[ ._/-]{0,3}(?:kw|cw|w|wk|week)[ ._-]{0,2}(\d{1,2})(?!\d)", re.IGNORECASE)


def read_weeks(text: str) -> Iterator[tuple[Span, set[tuple[int, int]]]]:
    """Yield ISO weeks with years in a text, as year and week: KW12 2021, W12/21, 2021-W12."""
    text = text.translate(_SIGNS)
    for match in _WEEK_YEAR.finditer(text):
        week, year = int(match[1] or match[3]), int(match[2] or match[4])
        yield Span(*match.span()), {(year, week), (1900 + year, week), (2000 + year, week)}
    for match in _WEEK_BEFORE.finditer(text):
        week, year = int(match[1]), int(match[2])
        yield Span(*match.span()), {(year, week), (1900 + year, week), (2000 + year, week)}
    for match in _YEAR_WEEK.finditer(text):
        yield Span(*match.span()), {(int(match[1]), int(match[2]))}


_DAY_DOT_MONTH = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(?![\d.])")
_ZERO_PADDED = re.compile(r"(?<![\d.,/-])(?:(\d\d)([./-])(0[1-9])|(0[1-9])([./-])(\d\d))(?![\d,/-]|\.\d)")
_DAY_NAMED_MONTH = re.compile(rf"(?<![\d.,]){_DAY}[-./_ ]{{0,2}}{_OF}{_MONTH}(?![^\W_])")
_NAMED_MONTH_DAY = re.compile(rf"(?<![^\W\d_]){_MONTH}[-./_ ]{{0,2}}{_DAY}(?![^\W_]|[.,]\d)")


def read_days_of_the_year(text: str) -> Iterator[tuple[Span, set[tuple[int, int]]]]:
    """Yield days without a year, as month and day: 22.3., 22.03, 22 Mar, March 22; but not 5.4 or 30/10."""
    text = text.translate(_SIGNS)
    for match in _DAY_DOT_MONTH.finditer(text):
        yield Span(*match.span()), {(int(match[2]), int(match[1]))}
    for match in _ZERO_PADDED.finditer(text):
        one, other = int(match[1] or match[4]), int(match[3] or match[6])
        yield Span(*match.span()), {(one, other), (other, one)}
    for pattern, day, month in ((_DAY_NAMED_MONTH, 1, 2), (_NAMED_MONTH_DAY, 2, 1)):
        for match in pattern.finditer(text):
            if number := _MONTHS.get(fold(match[month])):
                yield Span(*match.span()), {(number, int(match[day]))}


_BIRTH_YEAR = re.compile(
    r"(?:\*|(?<![^\W\d_])(?:jg|jahrgang|geb|geboren|born|b|dob|née?|nato|nata|nac|nascid[oa]|född|født)(?![^\W\d_]))"
    r"[ .:_']{0,3}(\d{4}|\d\d)(?!\d)",
    re.IGNORECASE,
)
_BARE_YEAR = re.compile(r"(?<![^\W_])(?<!\d[.,/-])((?:18|19|20)\d\d)(?![^\W_]|[.,/-]\d| ?c?gy)", re.IGNORECASE)
_DOSE_BEFORE = re.compile(r"(?:[gci]tv|ptv|boost|sib|dose|dosis)[^\W\d]{0,4}[ ._-]{0,2}$", re.IGNORECASE)


def read_birth_years(text: str) -> Iterator[tuple[Span, set[int]]]:
    """Yield possible years of birth: `*61`, Jg. 1961, 1961. After a target (PTV_1980) it is a dose in cGy."""
    yield from read_marked_birth_years(text)
    for match in _BARE_YEAR.finditer(text):
        if not _DOSE_BEFORE.search(text[: match.start()]):
            yield Span(*match.span()), {int(match[1])}


def read_marked_birth_years(text: str) -> Iterator[tuple[Span, set[int]]]:
    """Yield years stated to be of birth: `*61`, Jg. 1961."""
    for match in _BIRTH_YEAR.finditer(text):
        year = int(match[1])
        yield Span(*match.span()), {year, 1900 + year, 2000 + year}


def _day_first(run: str) -> list[tuple[str, str, str]]:
    """Parse ddmmyyyy and mmddyyyy; a run followed by a time begins with the year."""
    return [(run[4:], run[2:4], run[:2]), (run[4:], run[:2], run[2:4])] if len(run) == 8 else []


def _days(year: str, month: int, day: int) -> list[date]:
    """Return the possible days, a two-digit year in either century; empty if invalid."""
    years = [int(year)] if len(year) == 4 else [1900 + int(year), 2000 + int(year)]
    days = []
    for number in (number - _BUDDHIST if 2400 <= number < 2700 else number for number in years):
        if 1850 <= number < 2100:
            try:
                days.append(date(number, month, day))
            except ValueError:  # 30 February
                continue
    return days
