"""What the console says, in every language it speaks: one catalogue, `texts.toml`, and times in words."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final = {"en": "English", "de": "Deutsch"}
"""A further one needs its word here, and a column in the catalogue."""

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_ELSEWHERE: Final = "other"


@cache
def catalogue() -> Mapping[str, Mapping[str, str | list[str]]]:
    """Read every text in every language; a list holds the text for one, and for any other number."""
    return tomllib.loads(files("console").joinpath("texts.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language."""

    language: str

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text in the reader's language.

        Parameters
        ----------
        values
            Filled in for `{name}`; `count` decides between one and many.
        """
        text = catalogue()[key][self.language]
        if isinstance(text, list):
            text = text[0] if values["count"] == 1 else text[1]
        return text.format(**values)

    def choose(self, group: str, word: str, **values: Any) -> str:
        """Return what stands for a word of ours, a state or a code say; in general words where we have none for it."""
        key = f"{group}.{word}"
        return self(key if key in catalogue() else f"{group}.{_ELSEWHERE}", **values)

    def named(self, group: str, word: str) -> str:
        """Return what stands for a word of ours; the word itself where we have none for it."""
        key = f"{group}.{word}"
        return self(key) if key in catalogue() else word

    def lasting(self, seconds: float) -> str:
        """Return a span of time: `about 3 minutes`."""
        for unit, of_seconds in _UNITS:
            if seconds >= of_seconds * 1.5 or (unit != "minute" and seconds >= of_seconds):
                return self(f"time.{unit}s", count=round(seconds / of_seconds))
        if seconds >= _UNITS[-1][1]:
            return self("time.minutes", count=1)
        return self("time.seconds", count=max(1, round(seconds)))

    def ago(self, at: str, now: datetime | None = None) -> str:
        """Return how long ago something was, given in ISO 8601."""
        then = datetime.fromisoformat(at)
        seconds = ((now or datetime.now(UTC)) - then).total_seconds()
        return self("time.now") if seconds < _UNITS[-1][1] else self("time.ago", span=self.lasting(seconds))

    def day(self, day: str) -> str:
        """Return a day, given as `20261122`."""
        date = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        return self("time.day", day=date.day, month=self(f"month.{date.month}"), year=date.year)


def chosen(cookie: str | None, accepted: str) -> str:
    """Choose the language: the visitor's own choice, else what their browser asks for first, else English.

    Parameters
    ----------
    accepted
        The header `Accept-Language`. RFC 9110 12.5.4.
    """
    if cookie in LANGUAGES:
        return cookie
    weighed = []
    for place, part in enumerate(accepted[:1000].split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, name.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((name for *_, name in sorted(weighed) if name in LANGUAGES), "en")
