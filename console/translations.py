"""Texts of the console in all languages, from the catalogue `texts.toml`, and formatting of times."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import HTTPConnection

from services.language import speaking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

LANGUAGES: Final = {"en": "English", "de": "Deutsch"}
"""A new language needs an entry here and a column in the catalogue."""

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_ELSEWHERE: Final = "other"


@cache
def catalogue() -> Mapping[str, Mapping[str, str | list[str]]]:
    """Return every text in every language; a list holds singular and plural."""
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
            Values for placeholders `{name}`; `count` selects singular or plural.
        """
        text = catalogue()[key][self.language]
        if isinstance(text, list):
            text = text[0] if values["count"] == 1 else text[1]
        return text.format(**values)

    def choose(self, group: str, word: str, **values: Any) -> str:
        """Return the text of a state, code or similar word, or the group's general text."""
        key = f"{group}.{word}"
        return self(key if key in catalogue() else f"{group}.{_ELSEWHERE}", **values)

    def named(self, group: str, word: str) -> str:
        """Return the text of a word, or the word itself if there is none."""
        key = f"{group}.{word}"
        return self(key) if key in catalogue() else word

    def lasting(self, seconds: float) -> str:
        """Return a duration: `about 3 minutes`."""
        for unit, of_seconds in _UNITS:
            if seconds >= of_seconds * 1.5 or (unit != "minute" and seconds >= of_seconds):
                return self(f"time.{unit}s", count=round(seconds / of_seconds))
        if seconds >= _UNITS[-1][1]:
            return self("time.minutes", count=1)
        return self("time.seconds", count=max(1, round(seconds)))

    def ago(self, at: str, now: datetime | None = None) -> str:
        """Return the time elapsed since an ISO 8601 time."""
        then = datetime.fromisoformat(at)
        seconds = ((now or datetime.now(UTC)) - then).total_seconds()
        return self("time.now") if seconds < _UNITS[-1][1] else self("time.ago", span=self.lasting(seconds))

    def day(self, day: str) -> str:
        """Return a day, given as `20261122`; digits that are no day, as a person may name a file, stay as they are."""
        try:
            date = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        except ValueError:
            return day
        return self("time.day", day=date.day, month=self(f"month.{date.month}"), year=date.year)


class InTheirLanguage:
    """Middleware that sets the language of the program's sentences to the visitor's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request in the visitor's language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        with speaking(chosen(asked.cookies.get("language"), asked.headers.get("accept-language", ""))):
            await self._app(scope, receive, send)


def chosen(cookie: str | None, accepted: str) -> str:
    """Return the language: the visitor's choice, else the browser's preference, else English.

    Parameters
    ----------
    accepted
        The header `Accept-Language`. RFC 9110 12.5.4.
    """
    if cookie in LANGUAGES:
        return cookie
    weighed = []
    for place, part in enumerate(accepted[:1000].split(",")):
        name, _, weight = part.replace(" ", "").partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, name.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((name for weight, _, name in sorted(weighed) if weight < 0 and name in LANGUAGES), "en")
