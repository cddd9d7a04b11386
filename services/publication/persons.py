"""Published persons, each with the number of their first set: `.anonymizer/persons/<hash>.json`.

A person is identified by a keyed hash of hospital (if hospitals have folders) and patient ID. Hashes of birth date and
sex, if stated, are stored too, since two people may share an ID. An entry written at publication tells that the person
was published before, and reserves nothing.

If sets of a person are linked, the entry is written before their first set takes a number, and the number in the new
identity is theirs forever, whatever becomes of that set. Two exclusively created files ensure this:
`numbers/000006.json` assigns a number to one person, `persons/<hash>.json` one number to a person. A number taken but
unused (after a crash, or because another copy of the task was first) is released by whoever notices.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from services.publication import claims
from services.runtime import durable_files
from services.store import given_identities, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record

SCHEMA: Final = 1
OF_SET: Final = "set"
"""Key of a person whose new values were made with the key of the set under their number."""

KEY: Final = "key"
"""Field of a record that names the key of its new values; `set` if absent."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person, as first published."""

    hash: str
    index: int
    """Index of the first set: the number in the person's new identity."""
    key: str = OF_SET
    """Key of new UIDs and dates: `set`, or `person:<hash>`, which may refer to another person's entry."""
    birth: str = ""
    """Mark of the birth date; empty if not stated or unknown."""
    sex: str = ""

    weeks: int = 0
    """Weeks by which dates are moved back; 0 if not noted."""
    birth_date: str = ""
    """The made-up birth date of a linked person; empty if there is none."""
    capped: bool = False
    """Whether the age is given as 90 years because it is above 89."""
    patient_id: str = ""
    """The new patient ID of a linked person."""
    patient_name: str = ""
    dates: str = ""
    """The form's `dates` option at the time: sets that keep dates cannot be linked to shifted ones."""
    first: str = ""
    """The id of the set for which a linked person was noted."""

    @property
    def is_linked(self) -> bool:
        """Return whether the entry links sets, with its own key and number."""
        return self.key != OF_SET

    @property
    def is_complete(self) -> bool:
        """Return whether the entry holds all that a later set of the person needs."""
        return bool(self.weeks and self.patient_id)

    def differs(self, other: Person) -> bool:
        """Return whether both state a birth date or a sex, and these differ."""
        pairs = ((self.birth, other.birth), (self.sex, other.sex))
        return any(one and another and one != another for one, another in pairs)

    def is_surely(self, other: Person) -> bool:
        """Return whether both state the same birth date and no different sex.

        Enough for sets with the same patient ID.
        """
        return bool(self.birth) and self.birth == other.birth and not self.differs(other)


def key_of(name: str) -> str:
    """Return the key name of a person."""
    return f"person:{name}"


def read(collection: Collection, name: str) -> Person | None:
    """Return the entry of a person; None if they were not published."""
    return _decoded(durable_files.read(_path(collection, name)) or {})


def note(collection: Collection, person: Person) -> Person:
    """Note a published person unless noted before; return the existing or new entry.

    Sets published before persons were noted are added from their tracking entries.
    """
    prepare(collection, person.index)
    _write(collection, person)
    return read(collection, person.hash) or person


def known(collection: Collection, name: str) -> Person | None:
    """Return the entry of a person, including from sets published before persons were noted."""
    if collection.persons.is_dir():
        return read(collection, name)
    return next((_first(one) for one in given_identities.given(collection) if one.person == name), None)


def stated(collection: Collection, name: str, index: int, birth_date: str, sex: str) -> Person:
    """Return a person as stated by a set.

    Parameters
    ----------
    birth_date, sex
        Empty if the set states none, or conflicting ones.
    """
    birth = collection.mark(b"birth date " + birth_date.encode("utf-8", "surrogatepass"))[:32] if birth_date else ""
    return Person(name, index, OF_SET, birth, collection.mark(b"sex " + sex.encode())[:32] if sex else "")


def reserve(collection: Collection, person: Person, *, listed: bool = False) -> Person | None:
    """Reserve a number for a linked person, permanently.

    Parameters
    ----------
    listed
        Whether the list of identities reserves the number for this person's patient.

    Returns
    -------
    Person | None
        The person with their number: this one, or the one that another copy of the task took. None if the number is
        unavailable.
    """
    if claims.is_given(collection, person.index, listed=listed):
        return read(collection, person.hash)
    collection.numbers.mkdir(exist_ok=True)
    durable_files.fsync_folder(collection.state)  # or the person could outlive the file that reserves their number
    taken = durable_files.encode({"schema": SCHEMA, "person": person.hash})
    durable_files.write_exclusively(_number_file(collection, person.index), taken, staging=collection.staging)
    if claims.person_at(collection, person.index) != person.hash:
        return None
    if claims.at(collection, person.index) is not None and read(collection, person.hash) is None:
        return None  # a set took the number at the same moment and checks its owner afterwards; now nobody has it
    _write(collection, person)
    found = read(collection, person.hash)
    if found is not None and found.index != person.index:
        _let_go(collection, person.index, person.hash)
    return found


def let_go(collection: Collection) -> int:
    """Release unused numbers of persons who have another one, and return their count; to be called occasionally."""
    count = 0
    for index in claims.of_persons(collection):
        name = claims.person_at(collection, index) or ""
        found = read(collection, name) if name else None
        if found is not None and found.index != index:
            _let_go(collection, index, name)
            count += 1
    return count


def complete(
    collection: Collection,
    person: Person,
    *,
    weeks: int,
    birth_date: str,
    capped: bool,
    patient_id: str,
    patient_name: str,
    dates: str,
) -> Person:
    """Complete the entry of a person published before sets were linked; the result is always the same."""
    done = replace(
        person,
        weeks=weeks,
        birth_date=birth_date,
        capped=capped,
        patient_id=patient_id,
        patient_name=patient_name,
        dates=dates,
    )
    durable_files.write_atomically(_path(collection, done.hash), _encoded(done), staging=collection.staging)
    return done


def alias(collection: Collection, person: Person, of: Person) -> None:
    """Note a person's decision that somebody with another ID, or without a birth date, is a known person."""
    _write(collection, replace(of, hash=person.hash, key=key_of(of.hash), birth=person.birth, sex=person.sex, first=""))


def root_of(collection: Collection, person: Person) -> Person | None:
    """Return the entry that holds a person's key: their own, or that of the known person they were declared to be."""
    if person.key in {OF_SET, key_of(person.hash)}:
        return person
    return read(collection, person.key.partition(":")[2])


def of_published(collection: Collection, record: Record) -> Person | None:
    """Return the person of a published set, under whatever identity; None if their key is unknown."""
    if record.set_id is None or record.content.get("received"):
        return None
    name = str(record.content.get(KEY, OF_SET))
    if name != OF_SET:
        return read(collection, name.partition(":")[2])
    prepare(collection)
    found = read(collection, str(record.content.get("person", "")) or _of_line(collection, record.index))
    if found is not None and found.index == record.index and found.key == OF_SET:
        return found
    own = Person(collection.mark(b"person of set " + record.set_id.encode())[:32], record.index)
    _write(collection, own)
    return read(collection, own.hash)


def secret(collection: Collection, person: Person) -> bytes | None:
    """Return the key of a person's new values; None if it was erased with a forgotten set or its entry."""
    root = root_of(collection, person)
    if root is None:
        return None
    if root.is_linked:
        return collection.set_key(root.key)
    record = records.read(collection, root.index)
    return collection.set_key(record.set_id) if record is not None and record.set_id is not None else None


def secret_of(collection: Collection, record: Record) -> bytes:
    """Return the key with which a published set was made, as named by its record."""
    name = str(record.content.get(KEY, OF_SET))
    if name == OF_SET:
        return collection.set_key(record.set_id or "")
    found = read(collection, name.partition(":")[2])
    return (secret(collection, found) if found is not None else None) or collection.set_key(name)


def names_in(record: Record) -> set[str]:
    """Return the marks of a published set's person: as stated, and as linked."""
    return {str(record.content.get("person", "")), str(record.content.get(KEY, OF_SET)).partition(":")[2]}


def forget(collection: Collection, names: Iterable[str]) -> None:
    """Erase persons without remaining sets; their numbers stay taken."""
    for name in names:
        for index in claims.of_persons(collection):
            if claims.person_at(collection, index) == name:
                nobody = durable_files.encode({"schema": SCHEMA, "person": "", "forgotten": True})
                path = _number_file(collection, index)
                durable_files.write_atomically(path, nobody, staging=collection.staging)
        _path(collection, name).unlink(missing_ok=True)
        shutil.rmtree(collection.visits / name, ignore_errors=True)


def all_of(collection: Collection) -> Iterator[Person]:
    """Return all persons."""
    for name in sorted(durable_files.names(collection.persons)) if collection.persons.is_dir() else ():
        if (found := read(collection, name.removesuffix(".json"))) is not None:
            yield found


def _of_line(collection: Collection, index: int) -> str:
    return next((one.person for one in given_identities.given(collection) if one.index == index), "")


def _first(one: given_identities.Given) -> Person:
    return Person(one.person, one.index)


def prepare(collection: Collection, but: int = 0) -> None:
    """Create the folder of persons from what was published before it existed, except for one number."""
    if collection.persons.is_dir():
        return
    new = durable_files.aside(collection.staging)
    new.mkdir()
    try:
        known_names: set[str] = set()
        for one in given_identities.given(collection):
            if one.person and one.person not in known_names and one.index != but:
                known_names.add(one.person)
                stored = _encoded(_first(one))
                (new / f"{one.person}.json").write_bytes(stored)
                durable_files.fsync_file(new / f"{one.person}.json")
        durable_files.fsync_folder(new)
        with suppress(FileExistsError):
            durable_files.rename_new(new, collection.persons)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _let_go(collection: Collection, index: int, name: str) -> None:
    taken = durable_files.encode({"schema": SCHEMA, "person": name})
    durable_files.remove_exactly(_number_file(collection, index), taken, staging=collection.staging)


def _write(collection: Collection, person: Person) -> None:
    durable_files.write_exclusively(_path(collection, person.hash), _encoded(person), staging=collection.staging)


def _encoded(person: Person) -> bytes:
    stored = {field: value for field, value in asdict(person).items() if value or field in _ALWAYS}
    return durable_files.encode({"schema": SCHEMA, **stored})


_ALWAYS: Final = frozenset(("hash", "index", "key", "birth", "sex"))


def _decoded(stored: dict[str, Any]) -> Person | None:
    try:
        return Person(**{field.name: stored[field.name] for field in fields(Person) if field.name in stored})
    except TypeError:
        return None


def _path(collection: Collection, name: str) -> Path:
    return collection.persons / f"{name}.json"


def _number_file(collection: Collection, index: int) -> Path:
    return collection.numbers / f"{index:06d}.json"
