"""Roles of users: look, start and release, read the tracking file."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException

from services.errors import SettingsWrong
from services.language import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOK: Final = "look"
"""See collections, sets, sheets and deliveries; granted to every user."""

START: Final = "start"
"""Start, release and all other changes: forms, words, names, plans, deliveries, withdrawals."""

TRACKING: Final = "tracking"
"""Read and download the tracking file."""

EVERY: Final = (LOOK, START, TRACKING)
ALL: Final = frozenset(EVERY)


class NotAllowed(HTTPException):
    """The role of the user does not permit the request."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.FORBIDDEN)


def of_words(words: Iterable[str]) -> frozenset[str]:
    """Return the named roles, separate or comma-separated; `look` is always included.

    Raises
    ------
    SettingsWrong
        A role is unknown.
    """
    named = {one.strip() for word in words for one in word.split(",") if one.strip()}
    if unknown := sorted(named - ALL):
        raise SettingsWrong(
            gettext("There is no role {names}. There are: {roles}.", names=", ".join(unknown), roles=", ".join(EVERY))
        )
    return frozenset(named | {LOOK})


def as_words(roles: Iterable[str]) -> str:
    """Return roles in the notation of `of_words`."""
    return ",".join(role for role in EVERY if role in set(roles))
