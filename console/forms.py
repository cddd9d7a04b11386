"""What comes in by forms: read with a limit and the token that shows where it is from, and checked field by field."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from services.errors import SettingsWrong
from services.forms.collection_form import BY_HAND, Options
from services.forms.identity import Identity, check_identity
from services.machines.descriptor import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from console.share_view import Desk

LARGEST_BYTES: Final = 1 << 20
MOST_FIELDS: Final = 10_100
"""Ten thousand sets may be chosen."""

NEW_FOLDER: Final = "+"
"""Chosen where the folder of a new collection is not there yet."""

USUAL: Final = "VicRapidPlan"
"""The machine that stands in the form first."""

_SOUND: Final = Identity("x", "x", "x", "x", 1)
_IDENTITY: Final = ("patient_id", "family_name", "first_name", "hospital", "initial_index")


class Form:
    """The fields of a form; of a name that comes several times, all."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return self._values.get(name, [])


async def read(request: Request, token: str) -> Form:
    """Read a form that carries this token.

    Raises
    ------
    HTTPException
        It does not, or it is too large.
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
    """The form of a new collection, as it was filled in, and what of it can be taken."""

    given: Mapping[str, str]
    folder: str = ""
    identity: Identity | None = None
    options: Options | None = None
    wrong: set[str] = field(default_factory=set)
    """The fields that cannot be taken as they are."""

    @classmethod
    def empty(cls, desk: Desk) -> NewCollection:
        """Give the form as it is shown first."""
        machines, folders = desk.machine_names(), desk.folders_offered()
        return cls(
            {
                **dict.fromkeys(_IDENTITY, ""),
                "folder": folders[0] if len(folders) == 1 else "" if folders else NEW_FOLDER,
                "new_folder": "",
                "initial_index": "1",
                "machine": USUAL if USUAL in machines else machines[0] if machines else KEEP,
                "start": BY_HAND,
            }
        )

    @classmethod
    def of(cls, form: Form, desk: Desk) -> NewCollection:
        """Check a form as it was sent."""
        names = (*_IDENTITY, "folder", "new_folder", "machine", "start")
        filled = cls({name: form[name].strip() if name != "machine" else form[name] for name in names})
        filled._check_folder(desk)
        filled._check_identity()
        filled._check_machine(desk)
        return filled

    def _check_folder(self, desk: Desk) -> None:
        chosen = self.given["folder"]
        self.folder = self.given["new_folder"] if chosen == NEW_FOLDER else chosen
        try:
            desk.check_folder(self.folder)
        except SettingsWrong:
            self.wrong.add("folder")

    def _check_identity(self) -> None:
        """Find the fields that cannot be taken: each is checked beside others that can, then all together."""
        index = self.given["initial_index"]
        values = {name: self.given[name] for name in _IDENTITY[:-1]}
        identity = Identity(**values, initial_index=int(index[:9]) if index.isascii() and index.isdigit() else 0)
        for name in _IDENTITY:
            if not _can_be(replace(_SOUND, **{name: getattr(identity, name)})):
                self.wrong.add(name)
        if not self.wrong & {*_IDENTITY}:
            if _can_be(identity):
                self.identity = identity
            else:
                self.wrong.add("family_name")  # together with the first name it is too long

    def _check_machine(self, desk: Desk) -> None:
        machine = self.given["machine"]
        if machine not in (KEEP, *desk.machine_names()):
            self.wrong.add("machine")
            return
        self.options = Options(
            machine=() if machine == KEEP else (machine,),
            start=BY_HAND if self.given["start"] == BY_HAND else "by itself",
        )


def _can_be(identity: Identity) -> bool:
    try:
        check_identity(identity)
    except SettingsWrong:
        return False
    return True
