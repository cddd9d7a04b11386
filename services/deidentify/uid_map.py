r"""Mapping of UIDs: each gets one new value in every object, at every depth, on every attempt.

A new UID is `2.25.` and 128 bits of HMAC-SHA256(key of the set, old UID), in the form of PS3.5 B.2; without the key the
old UID cannot be determined. References therefore remain consistent without knowledge of which attribute refers to
which.

Invalid UIDs (leading zeros, more than 64 characters, `UNKNOWN`) are mapped in the same way, so that equal ones remain
equal. Trailing padding is ignored: `1.2.3\0` and `1.2.3 ` are the same UID.
"""

from __future__ import annotations

import hmac
import re
from typing import Final, overload

_WELL_KNOWN: Final = re.compile(r"1\.2\.840\.10008(\.(0|[1-9][0-9]*))*")
"""UIDs of the standard: SOP classes, transfer syntaxes, coding schemes, well-known frames of reference. PS3.6 Annex A.
"""


class UidMap:
    """Maps old UIDs of a set to new ones.

    Results are cached, so that a repeated value costs one lookup. The map is never stored and does not show its pairs,
    which the key protects.
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
        r"""Return the replacement of a UI value.

        Parameters
        ----------
        old
            The stored value, including padding and multiple values separated by backslashes; or text.

        Returns
        -------
        bytes as they are to be stored, of even length, padded by NUL; or text without padding. Empty stays empty.
        """
        new = self._known.get(old)
        if new is None:
            new = self._known[old] = self._stored(old) if isinstance(old, bytes) else self._text(old)
        return new

    def _stored(self, old: bytes) -> bytes:
        # A UI value is ASCII; Latin-1 keeps invalid bytes distinct.
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
    """Return whether a UID is defined by the standard; such UIDs identify nobody and must be kept.

    A value that merely has their prefix (`1.2.840.10008.SMITH`) is not.
    """
    return len(uid) <= 64 and _WELL_KNOWN.fullmatch(uid) is not None
