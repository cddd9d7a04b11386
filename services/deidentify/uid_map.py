r"""Every UID of a set becomes a new one: one value, one new value, in every object, at every depth, on every attempt.

A new UID is `2.25.` and 128 bits of HMAC-SHA256(key of the set, old UID): PS3.5 B.2 in form, and without the key nobody
can tell which UID it was. References hold together so, and nobody needs to know which attribute refers to which.

What is no valid UID (leading zeros, more than 64 characters, `UNKNOWN`) is mapped the same way, so that two of them are
equal afterwards when they were equal before. Trailing padding does not count: `1.2.3\0` and `1.2.3 ` are one UID.
"""

from __future__ import annotations

import hmac
import re
from typing import Final, overload

_WELL_KNOWN: Final = re.compile(r"1\.2\.840\.10008(\.(0|[1-9][0-9]*))*")
"""The standard's own: SOP classes, transfer syntaxes, coding schemes, well-known frames of reference. PS3.6 Annex A."""


class UidMap:
    """The new UID of every old one of a set.

    It remembers what it answered, so a value seen before costs one look-up. It is never written anywhere and does not
    show its pairs: they are what the key is there to hide.
    """

    __slots__ = ("_key", "_known")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str | bytes, str | bytes] = {}

    @overload
    def __call__(self, old: bytes) -> bytes: ...
    @overload
    def __call__(self, old: str) -> str: ...

    def __call__(self, old: str | bytes) -> str | bytes:
        r"""Return what stands in the place of a UI value.

        Parameters
        ----------
        old
            The value as stored, padding and several values parted by a backslash included; or as text.

        Returns
        -------
        bytes as they are to be stored, of even length, padded by NUL; or text without padding. Empty stays empty.
        """
        new = self._known.get(old)
        if new is None:
            new = self._known[old] = self._stored(old) if isinstance(old, bytes) else self._text(old)
        return new

    def _stored(self, old: bytes) -> bytes:
        # A UI value is ASCII; Latin-1 tells apart what is not.
        new = self._text(old.decode("latin-1")).encode("latin-1")
        return new + b"\0" if len(new) % 2 else new

    def _text(self, old: str) -> str:
        return "\\".join(self._new(uid.rstrip("\0 ")) for uid in old.split("\\"))

    def _new(self, uid: str) -> str:
        if not uid or is_well_known(uid):
            return uid
        digest = hmac.digest(self._key, uid.encode("latin-1", "backslashreplace"), "sha256")
        return f"2.25.{int.from_bytes(digest[:16])}"


def is_well_known(uid: str) -> bool:
    """Return whether the standard itself gave this UID its meaning: such a one names nobody and must stay.

    A value that only begins like one (`1.2.840.10008.SMITH`) is not.
    """
    return len(uid) <= 64 and _WELL_KNOWN.fullmatch(uid) is not None
