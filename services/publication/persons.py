"""Which persons were published, each under the number of the first set: `.anonymizer/persons/<hash>.json`.

A person is known by a keyed hash of hospital (where hospitals have folders) and patient ID. Hashes of birth date and
sex stand beside it, where the set stated them: two people may have one ID. What is noted at publication says that
somebody was here before, and reserves nothing.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from services.runtime import durable_files
from services.store import given_identities

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1
OF_SET: Final = "set"
"""The key of a person whose new values were made with the key of the set under their number."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person, as published first."""

    hash: str
    index: int
    """Of the first set: the number in the person's new identity."""
    key: str = OF_SET
    """With which key new UIDs and dates are made: `set`, or `person:<hash>`."""
    birth: str = ""
    """Mark of the birth date; empty where none was stated, or nobody knows."""
    sex: str = ""

    def differs(self, other: Person) -> bool:
        """Whether both state a birth date or a sex, and not the same."""
        pairs = ((self.birth, other.birth), (self.sex, other.sex))
        return any(one and another and one != another for one, another in pairs)


def read(collection: Collection, name: str) -> Person | None:
    """Return what is known of a person; None where they were not published."""
    return _decoded(durable_files.read(_path(collection, name)) or {})


def note(collection: Collection, person: Person) -> Person:
    """Note a person who was published, unless they were before; return who was first.

    What was published before persons were noted enters by its tracking entries.
    """
    _prepare(collection, person.index)
    stored = durable_files.encode({"schema": SCHEMA, **asdict(person)})
    durable_files.write_exclusively(_path(collection, person.hash), stored, staging=collection.staging)
    return read(collection, person.hash) or person


def known(collection: Collection, name: str) -> Person | None:
    """Return what is known of a person, of sets too that were published before persons were noted."""
    if collection.persons.is_dir():
        return read(collection, name)
    return next((_first(one) for one in given_identities.given(collection) if one.person == name), None)


def stated(collection: Collection, name: str, index: int, birth_date: str, sex: str) -> Person:
    """Describe the person of a set by what it states.

    Parameters
    ----------
    birth_date, sex
        Empty where the set states none, or several.
    """
    birth = collection.mark(b"birth date " + birth_date.encode("utf-8", "surrogatepass"))[:32] if birth_date else ""
    return Person(name, index, OF_SET, birth, collection.mark(b"sex " + sex.encode())[:32] if sex else "")


def _first(one: given_identities.Given) -> Person:
    return Person(one.person, one.index)


def _prepare(collection: Collection, but: int) -> None:
    """Make the folder of persons, whole, of what was published before there was one, but for one number."""
    if collection.persons.is_dir():
        return
    new = durable_files.aside(collection.staging)
    new.mkdir()
    try:
        known_names: set[str] = set()
        for one in given_identities.given(collection):
            if one.person and one.person not in known_names and one.index != but:
                known_names.add(one.person)
                stored = durable_files.encode({"schema": SCHEMA, **asdict(_first(one))})
                (new / f"{one.person}.json").write_bytes(stored)
                durable_files.fsync_file(new / f"{one.person}.json")
        durable_files.fsync_folder(new)
        with suppress(FileExistsError):
            durable_files.rename_new(new, collection.persons)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _decoded(stored: dict[str, Any]) -> Person | None:
    try:
        return Person(**{field.name: stored[field.name] for field in fields(Person) if field.name in stored})
    except TypeError:
        return None


def _path(collection: Collection, name: str) -> Path:
    return collection.persons / f"{name}.json"
