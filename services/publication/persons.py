"""Which persons were published, each under the number of the first set: `.anonymizer/persons/<hash>.json`.

A person is known by a keyed hash of hospital (where hospitals have folders) and patient ID. Hashes of birth date and
sex stand beside it, where the set stated them: two people may have one ID. What is noted at publication says that
somebody was here before, and reserves nothing.

Where the sets of a person are linked, the person is noted before their first set takes a number, and the number in the
new identity is theirs for ever, whatever becomes of that set. Two exclusively created files make that sure:
`numbers/000006.json` gives a number to one person, `persons/<hash>.json` a person one number. A number that a person
took and does not use (a crash, or another copy of the task was first) is let go by whoever sees that.
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
"""The key of a person whose new values were made with the key of the set under their number."""

KEY: Final = "key"
"""In the content of a record: with which key its new values were made; `set` where nothing is said."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person, as published first."""

    hash: str
    index: int
    """Of the first set: the number in the person's new identity."""
    key: str = OF_SET
    """With which key new UIDs and dates are made: `set`, or `person:<hash>`, which may be another person's entry."""
    birth: str = ""
    """Mark of the birth date; empty where none was stated, or nobody knows."""
    sex: str = ""

    weeks: int = 0
    """How far dates move back; 0 where that was not noted."""
    birth_date: str = ""
    """The made up one, of linked persons; empty where none was made up."""
    capped: bool = False
    """Whether the age is given as 90 years because it is above 89."""
    patient_id: str = ""
    """The new one, of linked persons."""
    patient_name: str = ""
    dates: str = ""
    """What the form said of dates then: sets of which one keeps its dates cannot be linked to shifted ones."""
    first: str = ""
    """The id of the set for which a linked person was noted."""

    @property
    def is_linked(self) -> bool:
        """Return whether it was noted to link sets, with a key and a number of its own."""
        return self.key != OF_SET

    @property
    def is_complete(self) -> bool:
        """Return whether it holds all that a later set of the person needs."""
        return bool(self.weeks and self.patient_id)

    def differs(self, other: Person) -> bool:
        """Return whether both state a birth date or a sex, and not the same."""
        pairs = ((self.birth, other.birth), (self.sex, other.sex))
        return any(one and another and one != another for one, another in pairs)

    def is_surely(self, other: Person) -> bool:
        """Return whether both state a birth date, the same one, and no other sex: enough for sets of one patient ID."""
        return bool(self.birth) and self.birth == other.birth and not self.differs(other)


def key_of(name: str) -> str:
    """Name the key of a person."""
    return f"person:{name}"


def read(collection: Collection, name: str) -> Person | None:
    """Return what is known of a person; None where they were not published."""
    return _decoded(durable_files.read(_path(collection, name)) or {})


def note(collection: Collection, person: Person) -> Person:
    """Note a person who was published, unless they were before; return who was first.

    What was published before persons were noted enters by its tracking entries.
    """
    prepare(collection, person.index)
    _write(collection, person)
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


def reserve(collection: Collection, person: Person, *, listed: bool = False) -> Person | None:
    """Take a number for a linked person, for ever.

    Parameters
    ----------
    listed
        Whether the list of identities holds the number for this person's patient.

    Returns
    -------
    Person | None
        The person, under the number that is theirs: this one, or the one that another copy of the task took for them.
        None where the number is not to be had.
    """
    if claims.is_given(collection, person.index, listed=listed):
        return read(collection, person.hash)
    collection.numbers.mkdir(exist_ok=True)
    durable_files.fsync_folder(collection.state)  # or the person could outlive what holds their number
    taken = durable_files.encode({"schema": SCHEMA, "person": person.hash})
    durable_files.write_exclusively(_number_file(collection, person.index), taken, staging=collection.staging)
    if claims.person_at(collection, person.index) != person.hash:
        return None
    if claims.at(collection, person.index) is not None and read(collection, person.hash) is None:
        return None  # a set took the number at the same moment, and looks whose it is after that; nobody has it now
    _write(collection, person)
    found = read(collection, person.hash)
    if found is not None and found.index != person.index:
        _let_go(collection, person.index, person.hash)
    return found


def let_go(collection: Collection) -> int:
    """Let go of numbers that persons took who have another one, and return how many; to be called now and then."""
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
    """Add to a person who was published before sets were linked what was found out of them; it is always the same."""
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
    """Note that somebody with another ID, or without a birth date, is a person who is known: somebody said so."""
    _write(collection, replace(of, hash=person.hash, key=key_of(of.hash), birth=person.birth, sex=person.sex, first=""))


def root_of(collection: Collection, person: Person) -> Person | None:
    """Return the entry that holds a person's key: their own, or that of whom somebody said they are."""
    if person.key in {OF_SET, key_of(person.hash)}:
        return person
    return read(collection, person.key.partition(":")[2])


def of_published(collection: Collection, record: Record) -> Person | None:
    """Return the person of a published set, whoever they were published as; None where their key is not known."""
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
    """Return the key of a person's new values; None where it went with a set that was forgotten, or with its entry."""
    root = root_of(collection, person)
    if root is None:
        return None
    if root.is_linked:
        return collection.set_key(root.key)
    record = records.read(collection, root.index)
    return collection.set_key(record.set_id) if record is not None and record.set_id is not None else None


def secret_of(collection: Collection, record: Record) -> bytes:
    """Return the key with which a published set was made, as its record names it."""
    name = str(record.content.get(KEY, OF_SET))
    if name == OF_SET:
        return collection.set_key(record.set_id or "")
    found = read(collection, name.partition(":")[2])
    return (secret(collection, found) if found is not None else None) or collection.set_key(name)


def names_in(record: Record) -> set[str]:
    """Return by which marks the person of a published set is known: as stated, and as linked."""
    return {str(record.content.get("person", "")), str(record.content.get(KEY, OF_SET)).partition(":")[2]}


def forget(collection: Collection, names: Iterable[str]) -> None:
    """Erase what is known of persons of whom no set is left; their numbers stay taken."""
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
