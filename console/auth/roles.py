"""What users may do on the pages: look, start and release, see the tracking file."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOK: Final = "look"
"""See collections, sets, sheets and deliveries. Everybody who is logged in may."""

START: Final = "start"
"""Start and release, and whatever else changes something: forms, words, names, plans, deliveries, withdrawals."""

TRACKING: Final = "tracking"
"""See the tracking file, and download it."""

EVERY: Final = (LOOK, START, TRACKING)
ALL: Final = frozenset(EVERY)


class NotAllowed(HTTPException):
    """Whoever asks is known, and their role does not allow it."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.FORBIDDEN)


def of_words(words: Iterable[str]) -> frozenset[str]:
    """Return the roles that are named, each alone or several with commas; looking goes with any.

    Raises
    ------
    SettingsWrong
        One means nothing.
    """
    named = {one.strip() for word in words for one in word.split(",") if one.strip()}
    if unknown := sorted(named - ALL):
        raise SettingsWrong(f"There is no role {', '.join(unknown)}. There are: {', '.join(EVERY)}.")
    return frozenset(named | {LOOK})


def as_words(roles: Iterable[str]) -> str:
    """Write roles as `of_words` reads them."""
    return ",".join(role for role in EVERY if role in set(roles))
