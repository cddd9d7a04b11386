"""Names garbled by a wrong code page, or with letters lost in a conversion.

`Wiśniewska` of a Polish computer is `Wiœniewska` on an English one, Müller in UTF-8 `MÃ¼ller`, Иванов `Èâàíîâ`; where a
program could not represent a letter, `M?ller` remains. All garbled forms of a name are computed once, and searched for
literally.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Final

from services.vocabulary import anatomy
from services.vocabulary.text_dates import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WRITTEN: Final = (
    *("utf-8", "cp1250", "iso8859-2", "cp1251", "iso8859-5", "koi8-r", "cp1253", "iso8859-7", "cp1254", "iso8859-9"),
    *("cp1255", "cp1256", "iso8859-6", "cp1257", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
    *("cp850", "mac_roman"),
)
_READ: Final = ("cp1252", "latin-1", "cp850", "cp437", "mac_roman")
_UNKNOWN: Final = "?¿\N{REPLACEMENT CHARACTER}"
"""Characters that programs write for a letter they cannot represent."""

_LOST: Final = f"[{_UNKNOWN}]{{1,2}}"
_FEWEST: Final = 2
"""Minimum ASCII letters by which a name is recognized if the others are lost."""

_ALONE: Final = 5
"""Minimum characters of such a name that is also found inside a longer word."""


class MisreadNames:
    """The names of a set as garbled by wrong code pages."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = [name for name in names if not name.isascii()]

    def spans(self, text: str) -> Iterator[Span]:
        """Yield their positions in a text."""
        if not self._names:
            return
        if not text.isascii() and (pattern := self._misread) is not None:
            yield from _found(pattern, text)
        if any(char in text for char in _UNKNOWN) and (pattern := self._lost) is not None:
            yield from _found(pattern, text)

    @cached_property
    def _misread(self) -> re.Pattern[str] | None:
        return _any_of(re.escape(form) for name in self._names for form in _misread(name))

    @cached_property
    def _lost(self) -> re.Pattern[str] | None:
        return _any_of(
            re.sub(r"[^\x00-\x7f]", lambda _: _LOST, name)
            for name in self._names
            if sum(map(str.isascii, name)) >= _FEWEST
        )


def _misread(name: str) -> Iterator[str]:
    """Yield the forms of a name that wrong code pages produce."""
    forms = {name, name.lower(), name.upper(), name.title()}
    for form, written, read, unknown in product(forms, _WRITTEN, _READ, ("ignore", "replace")):
        try:
            other = form.encode(written).decode(read, unknown)
        except UnicodeError:
            continue
        if other != form and not other.isascii():
            yield other


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches any of several; short ones match whole words only."""
    every = sorted(
        {one if len(one) >= _ALONE else rf"(?<![^\W\d_]){one}(?![^\W\d_])" for one in patterns}, key=len, reverse=True
    )
    return re.compile("|".join(every), re.IGNORECASE) if every else None


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    for found in pattern.finditer(text):
        if not anatomy.is_listed(found[0]):
            yield Span(*found.span())
