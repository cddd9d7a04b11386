"""Forms: parsed with a size limit and CSRF token, and validated field by field."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field, fields, replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from services.errors import SettingsWrong
from services.forms import collection_form
from services.forms.collection_form import BY_HAND, Acceptable, Options, options_of_new_collection
from services.forms.identity import Identity, check_identity
from services.machines.descriptor import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from console.share_view import Desk

LARGEST_BYTES: Final = 1 << 20
MOST_FIELDS: Final = 10_100
"""Enough for ten thousand selected sets."""

NEW_FOLDER: Final = "+"
"""Selected if the folder of a new collection does not exist yet."""

USUAL: Final = "VicRapidPlan"
"""The preselected machine."""

ACCEPT: Final = "accept"
FLAGS: Final = ("yes", "no")

_SOUND: Final = Identity("x", "x", "x", "x", 1)
_IDENTITY: Final = ("patient_id", "family_name", "first_name", "hospital", "initial_index")


@cache
def more() -> dict[str, tuple[str, ...]]:
    """Return the options under *More* in order, with their values; empty for text options."""
    hints = get_type_hints(Options)
    names = [each.name for each in fields(Options) if each.name not in {"machine", ACCEPT}]
    return {name: FLAGS if hints[name] is bool else get_args(hints[name]) for name in names} | {
        ACCEPT: get_args(Acceptable)
    }


def _usual() -> dict[str, str]:
    """Return the initial values of the options under *More*."""
    usual = replace(options_of_new_collection(()), start=BY_HAND)
    return {name: _as_text(getattr(usual, name)) for name in more() if name != ACCEPT}


def _as_text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


class Form:
    """The fields of a form, which may be repeated."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        return self._values.get(name, [])


async def read(request: Request, token: str) -> Form:
    """Read a form with this token.

    Raises
    ------
    HTTPException
        The token is missing or wrong, or the form is too large.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        form = Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from None
    if not token or not hmac.compare_digest(form["csrf"].encode(), token.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN)
    return form


@dataclass(slots=True)
class NewCollection:
    """The form of a new collection as filled in, and its validity."""

    given: Mapping[str, str]
    folder: str = ""
    identity: Identity | None = None
    options: Options | None = None
    wrong: set[str] = field(default_factory=set)
    """The invalid fields."""
    accept: frozenset[str] = frozenset()
    """Codes of accepted faults."""

    @property
    def wrong_behind_more(self) -> bool:
        """Return whether a field under *More* is invalid."""
        return bool(self.wrong & more().keys())

    @classmethod
    def empty(cls, desk: Desk) -> NewCollection:
        """Return the initial form."""
        machines, folders = desk.machine_names(), desk.folders_offered()
        return cls(
            {
                **dict.fromkeys(_IDENTITY, ""),
                "folder": folders[0] if len(folders) == 1 else "" if folders else NEW_FOLDER,
                "new_folder": "",
                "initial_index": "1",
                "machine": USUAL if USUAL in machines else machines[0] if machines else KEEP,
                **_usual(),
            }
        )

    @classmethod
    def of(cls, form: Form, desk: Desk) -> NewCollection:
        """Validate a submitted form."""
        names = (*_IDENTITY, "folder", "new_folder")
        given = {name: form[name].strip() for name in names} | {"machine": form["machine"]}
        given |= {name: form[name].strip() if name in form else usual for name, usual in _usual().items()}
        filled = cls(given, accept=frozenset(form.all(ACCEPT)))
        filled._check_folder(desk)
        filled._check_identity()
        filled._check_options(desk)
        return filled

    def _check_folder(self, desk: Desk) -> None:
        chosen = self.given["folder"]
        self.folder = self.given["new_folder"] if chosen == NEW_FOLDER else chosen
        try:
            desk.check_folder(self.folder)
        except SettingsWrong:
            self.wrong.add("folder")

    def _check_identity(self) -> None:
        """Find the invalid fields: each is checked with valid values for the others, then all together."""
        index = self.given["initial_index"]
        values = {name: self.given[name] for name in _IDENTITY[:-1]}
        identity = Identity(**values, initial_index=whole_number(index) or 0)
        for name in _IDENTITY:
            if not _can_be(replace(_SOUND, **{name: getattr(identity, name)})):
                self.wrong.add(name)
        if not self.wrong & {*_IDENTITY}:
            if _can_be(identity):
                self.identity = identity
            else:
                self.wrong.add("family_name")  # too long together with the first name

    def _check_options(self, desk: Desk) -> None:
        machine = self.given["machine"]
        if machine not in (KEEP, *desk.machine_names()):
            self.wrong.add("machine")
            return
        values = {name: self.given[name] == "yes" if may == FLAGS else self.given[name] for name, may in _chosen()}
        self.wrong |= {name for name, value in values.items() if not collection_form.may_be(name, value)}
        if not collection_form.may_be(ACCEPT, sorted(self.accept)):
            self.wrong.add(ACCEPT)
        if not self.wrong & more().keys():
            named: dict[str, Any] = values
            self.options = Options(machine=() if machine == KEEP else (machine,), accept=self.accept, **named)


def whole_number(text: str) -> int | None:
    """Return the number in a field; None if it is none, or has more than nine digits."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _chosen() -> list[tuple[str, tuple[str, ...]]]:
    return [(name, may) for name, may in more().items() if name != ACCEPT]


def _can_be(identity: Identity) -> bool:
    try:
        check_identity(identity)
    except SettingsWrong:
        return False
    return True
