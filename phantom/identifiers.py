"""The identifiers of a synthetic patient, and a list of all places in which they were planted.

Each value depends only on the seed and its kind, is long and in no dictionary, so that a search in an anonymized set
cannot find it by chance.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydicom.dataelem import DataElement, RawDataElement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydicom import Dataset

_ONSETS = ("B", "D", "F", "G", "K", "L", "M", "N", "P", "R", "S", "T", "V", "W", "Z", "J")
_VOWELS = ("a", "e", "i", "o", "u", "ua", "io", "ei")
_CODAS = ("n", "r", "l", "k", "t", "m", "x", "v")

#: Days from the planning CT to other events.
_DAYS = {
    "admission": -9,
    "calibration": -23,
    "machine calibration": -4,
    "previous plan": -2,
    "study": 0,
    "contours": 1,
    "structure approval": 2,
    "plan": 5,
    "plan approval": 6,
}


class Planted(NamedTuple):
    """One identifier in one place."""

    kind: str
    value: str
    where: str
    """The object and the attribute path in it, or `folder`, or `file meta` of an object."""

    @property
    def spelt(self) -> tuple[bytes, ...]:
        """Return the byte strings to search for in the output, in all encodings possible for the value."""
        return _spellings(self.kind, self.value)


@lru_cache(maxsize=1 << 12)
def _spellings(kind: str, value: str) -> tuple[bytes, ...]:
    if kind.endswith("in seconds"):  # vendors store dates as Unix time in numbers
        return struct.pack("<d", float(value)), struct.pack("<i", int(value))
    codecs = ("utf-8", "latin-1", "utf-16-le")
    return tuple(dict.fromkeys(value.encode(codec) for codec in codecs if _fits(value, codec)))


def _fits(value: str, codec: str) -> bool:
    try:
        value.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Manifest:
    """Everything in a synthetic set that must not remain in the anonymized one."""

    planted: tuple[Planted, ...]
    uids: frozenset[str]
    """Every UID of the set, including dangling ones and those in private elements."""
    dates: frozenset[str]
    """Every date of the set, as `YYYYMMDD`."""

    @property
    def values(self) -> frozenset[str]:
        """Return the distinct planted texts."""
        return frozenset(planted.value for planted in self.planted)


class Identifiers:
    """Generates and records the identifiers of one patient."""

    def __init__(self, seed: int | str, family_name: str = "") -> None:
        self._seed = seed
        self._kinds: dict[str, str] = {}  # value -> kind
        self.uids: set[str] = set()
        self.dates: set[str] = set()
        self.family_name = (
            self._plant("patient's family name", family_name) if family_name else self.word("patient's family name")
        )
        self.given_name = self.word("patient's given name")
        self.folder = f"{self.family_name} {self.given_name} {self.number('folder', 4)}"

    def number(self, kind: str, digits: int) -> int:
        """Return a number with this many digits, without recording it as planted."""
        lowest: int = 10 ** (digits - 1)
        return lowest + int.from_bytes(self._digest(kind)[8:16]) % (9 * lowest)

    def word(self, kind: str) -> str:
        """Plant a made-up, capitalized word of 9 to 13 letters, which fits every attribute."""
        digest = self._digest(kind)
        syllables = [_ONSETS[digest[n] % 16] + _VOWELS[digest[n + 4] % 8] for n in range(4)]
        return self._plant(kind, "".join(syllables).capitalize() + _CODAS[digest[7] % 8])

    def title(self, kind: str) -> str:
        """Plant a made-up word in capitals, like a computer name."""
        digest = self._digest(kind)
        return self._plant(kind, "".join(_ONSETS[byte % 16] + _VOWELS[byte % 5] for byte in digest[:5]).upper())

    def person(self, kind: str) -> str:
        """Plant a person: two made-up words and a title."""
        return f"{self.word(kind)}^{self.word(f'{kind} (given name)')}^^Dr."

    def code(self, kind: str, prefix: str, digits: int = 8) -> str:
        """Plant a prefix and a number: an ID, a serial or telephone number."""
        return self._plant(kind, f"{prefix}{self.number(kind, digits)}")

    def uid(self, root: str, kind: str, *numbers: int) -> str:
        """Return a UID like those of real machines, with a serial number and the date."""
        return self._uid(root, self.day("study"), self.number(kind, 9), *numbers)

    def device_uid(self, root: str) -> str:
        """Return the UID of a machine, which is older than any study."""
        return self._uid(root, self.number("device", 9))

    def _uid(self, root: str, *parts: object) -> str:
        made = ".".join(map(str, (root, self.number(f"serial of {root}", 6), *parts)))
        self.uids.add(made)
        return made

    def when(self, kind: str) -> date:
        """Return the day of an event, as a date."""
        scan = date(2016, 3, 7) + timedelta(days=self.number("study day", 4) % 2800)
        if kind == "birth":
            return scan - timedelta(days=365 * self.age_years + 40 + self.number("birth", 3) % 250)
        return scan + timedelta(days=_DAYS[kind])

    @property
    def age_years(self) -> int:
        """Return the age at the planning CT."""
        return 38 + self.number("age", 3) % 45

    def day(self, kind: str) -> str:
        """Plant the day of an event, as a DA."""
        self.dates.add(f"{self.when(kind):%Y%m%d}")
        return f"{self.when(kind):%Y%m%d}"

    def spelt_day(self, kind: str, style: str) -> str:
        """Plant the day of an event in a handwritten style."""
        return self._plant(f"{kind} date in words", self.when(kind).strftime(style))

    def seconds(self, kind: str) -> int:
        """Plant the day of an event as Unix time."""
        day = self.when(kind)
        seconds = int(datetime(day.year, day.month, day.day, 10, 12, 33, tzinfo=UTC).timestamp())
        self._plant(f"{kind} date in seconds", str(seconds))
        return seconds

    def manifest(self, objects: Mapping[str, Dataset]) -> Manifest:
        """Return the locations of all identifiers. `objects`: one object of each kind, by name."""
        found = [Planted(self._kinds[part], part, "folder") for part in (self.family_name, self.given_name)]
        for name, data in objects.items():
            for where, value in _values(f"{name} file meta ", data.file_meta):
                found += self._planted_in(where, value)
            for where, value in _values(f"{name} ", data):
                found += self._planted_in(where, value)
        lost = self._kinds.keys() - {planted.value for planted in found}
        assert not lost, f"planted and not found: {sorted(self._kinds[value] for value in lost)}"
        return Manifest(tuple(found), frozenset(self.uids), frozenset(self.dates))

    def _planted_in(self, where: str, value: str | bytes) -> list[Planted]:
        if len(value) < 6:  # every identifier is longer
            return []
        if isinstance(value, str):
            return [Planted(kind, text, where) for text, kind in self._kinds.items() if text in value]
        return [
            Planted(kind, text, where)
            for text, kind in self._kinds.items()
            if any(spelt in value for spelt in _spellings(kind, text))
        ]

    def _plant(self, kind: str, value: str) -> str:
        assert self._kinds.setdefault(value, kind) == kind, f"{kind} and {self._kinds[value]} came out the same"
        return value

    def _digest(self, kind: str) -> bytes:
        return hashlib.sha256(f"{self._seed}/{kind}".encode()).digest()


def _values(path: str, data: Dataset) -> Iterator[tuple[str, str | bytes]]:
    """Yield every value at every depth with its path; undecoded values hold coordinates."""
    for tag in data.keys():  # noqa: SIM118 - a Dataset iterates over its elements, and would decode them
        element = data.get_item(tag)
        if isinstance(element, RawDataElement) or element is None or element.keyword == "PixelData":
            continue
        name = element.keyword or f"({element.tag.group:04x},{element.tag.element:04x})"
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                yield from _values(f"{path}{name}[{index}].", item)
        elif element.value is not None:
            yield path + name, _written(element)


def _written(element: DataElement) -> str | bytes:
    value = element.value
    if isinstance(value, bytes):
        return value
    values = value if element.VM > 1 else [value]
    return "\\".join(f"{one:.0f}" if element.VR in {"FD", "SL"} else str(one) for one in values)
