"""A collection: one root folder with its form, its secret key, and its state in `.anonymizer/`.

The form is a person's; it is read once per attempt, and a wrong one stops the collection with a sentence. The state is
ours; it is laid out once, whole, and everything in it is written once or replaced whole.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import ESTALE
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.errors import SettingsWrong
from services.forms import identity_list, structure_list, word_list
from services.forms.collection_form import line_of, read_settings, settings_text
from services.forms.identity import Identity, check_identity
from services.forms.identity_list import IdentityList
from services.forms.structure_list import Naming
from services.forms.word_list import Decisions
from services.language import speaking
from services.layout import ANON_NAME, SETTINGS_NAME, STATE_NAME, is_there
from services.runtime import durable_files, modes
from services.store import given_identities, tracking_lines
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Collection as Container

    from services.forms.collection_form import Options

FORMAT: Final = 2
"""Of the state. A process that knows less than it finds hands its work back; the arbiter brings older ones up to it."""

MOST_ADOPTED: Final = 100_000
"""Numbers that may be counted as given at once: one digit too many is a slip of the pen."""

_ANON_FILE: Final = re.compile(ANON_NAME.pattern + r"\.json")
_CLAIM_FILE: Final = re.compile(r"\d{6,}\.json")
_INCOMPLETE: Final = f"{STATE_NAME} is incomplete: bring it back from a backup, whole."
_FOLDERS: Final = ("folders", "outcomes", "claims", "sets", "staging", "records", "tracking", "attempts", "persons")


class FormatTooNew(Exception):
    """A newer version of this program has written here. Update this one; until then it hands the sets back."""


class ShareAway(OSError):
    """The collection is not where it was: not mounted, moved, or not ours to read. It waits and goes on by itself."""

    def __init__(self) -> None:
        super().__init__(ESTALE, "the share is away")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it is at the beginning of an attempt."""

    root: Path

    id: str
    """32 hex digits; names the collection in messages and in Redis."""

    key: bytes = field(repr=False)
    """32 bytes, made by chance, never leaving the share. Whoever has it can link new UIDs to old ones."""

    identity: Identity
    options: Options

    naming: Naming = field(default=Naming(), repr=False, compare=False)
    """What structures are to be called, as far as a person confirmed it."""

    identities: IdentityList = field(default=IdentityList(), repr=False, compare=False)
    """Who listed patients become: `identities.csv`. Where anything is wrong in it, its faults say so."""

    decisions: Decisions = field(default=Decisions(), repr=False, compare=False)
    """What a person decided about words that nobody knows."""

    @classmethod
    def open(cls, root: Path) -> Collection:
        """Open a collection; its state is laid out when there is none yet.

        Raises
        ------
        SettingsWrong
            The form or the list of identities cannot be used, or numbers were given here of which there is no state.
        FormatTooNew
            The state is of a newer version.
        OSError
            A circumstance: the share is away, say.
        """
        identity, options = read_settings(root)
        modes.follow(root)
        if not has_state(root):
            _refuse_unknown_numbers(root, identity)
            _refuse_bad_list(_listed(root, identity, options))
            _lay_out(root, identity.initial_index)
        collection = _load(root, identity, options)
        _refuse_bad_list(collection.identities)
        _lower_first_index(collection)
        return collection

    @classmethod
    def look(cls, root: Path, identity: Identity | None = None, options: Options | None = None) -> Collection:
        """Open a collection for `check`, which changes nothing on disk.

        What is given takes the place of a form that is not there; without a state the key is thrown away afterwards.
        What is wrong in the list of identities is in `identities.faults`.
        """
        if identity is None or options is None or is_there(root / SETTINGS_NAME):
            identity, options = read_settings(root)
        check_identity(identity)
        if has_state(root):
            return _load(root, identity, options)
        naming, identities = structure_list.read(root).naming, _listed(root, identity, options)
        its_id, key, decisions = secrets.token_hex(16), secrets.token_bytes(32), word_list.read(root).decisions
        return cls(root, its_id, key, identity, options, naming, identities, decisions)

    @classmethod
    def create(cls, root: Path, identity: Identity, options: Options) -> Collection:
        """Make a collection of a folder: the form and the state.

        Raises
        ------
        SettingsWrong
            There is a form already, numbers were given here before, or what was given cannot be used.
        """
        _refuse_second_form(root)
        check_identity(identity)
        modes.follow(root)
        if not has_state(root):
            _refuse_unknown_numbers(root, identity)
            _lay_out(root, identity.initial_index)
        return cls._begin(root, identity, options)

    @classmethod
    def adopt(
        cls, root: Path, identity: Identity | None = None, options: Options | None = None, above: int = 0
    ) -> Collection:
        """Go on where the older program, or a lost state, left off: the numbers that were given stay given.

        Which set a number belongs to is not known and not guessed: an old set dropped again gets a new number.

        Parameters
        ----------
        identity, options
            For the form, when there is none yet; its initial index is raised above the numbers that are there.
        above
            The highest number that was given, where a person knows more than the folders and lists that are there.

        Raises
        ------
        SettingsWrong
            There is a state already, or the form that is there would begin below the numbers that were given.
        """
        if has_state(root):
            raise SettingsWrong("This root has its state; there is nothing to continue that is not known.")
        has_form = is_there(root / SETTINGS_NAME)
        if has_form:
            identity, options = read_settings(root)
        if identity is None or options is None:
            raise SettingsWrong("The new identity is needed: give it, or write collection.toml.")
        check_identity(identity)
        numbers = numbers_given(root, identity.patient_id) | ({above} if above else set())
        first_free = max(numbers, default=0) + 1
        if has_form and identity.initial_index < first_free:
            raise SettingsWrong(
                f"Numbers up to {first_free - 1} were given here before: set initial_index = {first_free} in "
                f"{SETTINGS_NAME}{line_of(root, 'identity', 'initial_index')} and try again."
            )
        identity = replace(identity, initial_index=max(identity.initial_index, first_free))
        _lay_out(root, identity.initial_index, adopted=numbers)
        return _load(root, identity, options) if has_form else cls._begin(root, identity, options)

    @classmethod
    def go_on_above(cls, root: Path, above: int) -> Collection:
        """Count every number up to `above` as given: a person knows of more than a restored share does.

        Raises
        ------
        SettingsWrong
            So many numbers cannot have been given.
        """
        collection = cls.open(root)
        known = {int(found[1]) for name in durable_files.names(collection.records) if (found := _ANON_FILE.match(name))}
        held = {int(name[:-5]) for name in durable_files.names(collection.claims) if _CLAIM_FILE.fullmatch(name)}
        if collection.numbers.is_dir():
            held |= {int(name[:-5]) for name in durable_files.names(collection.numbers) if _CLAIM_FILE.fullmatch(name)}
        if above > max(known | held, default=0) + MOST_ADOPTED:
            raise SettingsWrong(f"More than {MOST_ADOPTED} numbers would be counted as given: is {above} right?")
        for index in sorted(set(range(_first_index(collection), above + 1)) - known - held):
            record = durable_files.encode(_adopted(index))
            place = collection.records / f"ANON_{index:03d}.json"
            durable_files.write_exclusively(place, record, staging=collection.staging)
        return collection

    @classmethod
    def _begin(cls, root: Path, identity: Identity, options: Options) -> Collection:
        form = settings_text(identity, options).encode()
        if not durable_files.write_exclusively(root / SETTINGS_NAME, form, staging=root / STATE_NAME / "staging"):
            _refuse_second_form(root)
        return cls.open(root)

    @property
    def state(self) -> Path:
        """The folder of everything below."""
        return self.root / STATE_NAME

    @property
    def folders(self) -> Path:
        """`<locator>.json`: where a set lies."""
        return self.state / "folders"

    @property
    def outcomes(self) -> Path:
        """`<locator>.json`: what became of a set."""
        return self.state / "outcomes"

    @property
    def claims(self) -> Path:
        """`000006.json`: whose an index is."""
        return self.state / "claims"

    @property
    def sets(self) -> Path:
        """`<set id>.json`: which index a set has."""
        return self.state / "sets"

    @property
    def staging(self) -> Path:
        """Whatever is not finished: attempts, and files that are being written."""
        return self.state / "staging"

    @property
    def records(self) -> Path:
        """`ANON_006.json`: the proof that a set is published."""
        return self.state / "records"

    @property
    def tracking(self) -> Path:
        """`000006.json`: the line of a published set."""
        return self.state / "tracking"

    @property
    def attempts(self) -> Path:
        """`<locator>.json`: how often we failed on a set."""
        return self.state / "attempts"

    @property
    def withdrawn(self) -> Path:
        """`ANON_006/`: what a person took back; the first one makes the folder."""
        return self.state / "withdrawn"

    @property
    def namings(self) -> Path:
        """`<digest>.csv`: confirmed names by which sets were named; the first of them makes the folder."""
        return self.state / "namings"

    @property
    def accounts(self) -> Path:
        """`000006.json`: what a published set holds, by its proof; the first of them makes the folder."""
        return self.state / "accounts"

    @property
    def words(self) -> Path:
        """`000006.json`: words of a set for a person to read; the first of them makes the folder."""
        return self.state / "words"

    @property
    def plans(self) -> Path:
        """`<mark of a plan>.json`: which set it was published with; the first of them makes the folder."""
        return self.state / "plans"

    @property
    def persons(self) -> Path:
        """`<hash>.json`: who was published, under the number of their first set; the first publication makes it."""
        return self.state / "persons"

    @property
    def numbers(self) -> Path:
        """`000006.json`: whose identity a number is, where a person's sets are linked; the first of them makes it."""
        return self.state / "numbers"

    @property
    def visits(self) -> Path:
        """`<hash of a person>/000001.json`: their linked sets, in order; the first of them makes the folder."""
        return self.state / "visits"

    @property
    def redo(self) -> Path:
        """`000006.json`: that a person wants a published set done again; the first of them makes the folder."""
        return self.state / "redo"

    @property
    def replaced(self) -> Path:
        """`ANON_006.<digest>/`: what was published before a set was done again; the first of them makes the folder."""
        return self.state / "replaced"

    @property
    def deliveries(self) -> Path:
        """`<id>.json`: what was delivered, when, where to, by whom; the first of them makes the folder."""
        return self.state / "deliveries"

    @property
    def arbiter(self) -> Path:
        """The file of the service that this collection goes through."""
        return self.state / "arbiter.json"

    def locator(self, folder: PurePath | str) -> str:
        """Name a folder, given by its path inside the collection, without giving its name away: 32 hex digits."""
        return self._digest(b"folder", os.fsencode(PurePath(folder).as_posix())).hex()[:32]

    def set_id(self, sop_instance_uids: Iterable[str]) -> str:
        """Name a set by what it consists of, whatever its folder is called: 32 hex digits."""
        return self._digest(b"set", "\0".join(sorted(sop_instance_uids)).encode("utf-8", "surrogatepass")).hex()[:32]

    def set_key(self, set_id: str) -> bytes:
        """Return the key of a set's new UIDs and dates: the same on every attempt, 32 bytes."""
        return self._digest(b"key", set_id.encode())

    def mark(self, text: bytes) -> str:
        """Make a mark by which a text is known again, and which tells nothing to whoever has not the key."""
        return self._digest(b"mark", text).hex()

    def person(self, patient_id: str, hospital: str = "") -> str:
        """Name a person by hospital and patient ID without giving either away: 32 hex digits.

        Parameters
        ----------
        hospital
            As `hospital_of` says; elsewhere the hospitals of a collection are not told apart.
        """
        stated = "\0".join((hospital, patient_id.strip(" \0")))
        return self._digest(b"person", stated.encode("utf-8", "surrogatepass")).hex()[:32]

    def hospital_of(self, folder: PurePath) -> str:
        """Return the hospital whose folder holds a set; empty where it is the form's, or hospitals have no folders."""
        inside = PurePath(folder).relative_to(self.root).parts
        if not self.options.by_hospital or len(inside) < 2 or inside[0] == self.identity.hospital:
            return ""
        return inside[0]

    def name_of(self, folder: PurePath) -> str:
        """Return how a set is called: its folder, below its hospital's where it has one."""
        return PurePath(folder).relative_to(self.root).as_posix()

    def shown(self, path: PurePath) -> str:
        """Return how a path is told to a person: as seen from the root, or its last part where it lies elsewhere."""
        return self.name_of(path) if path.is_relative_to(self.root) else path.name

    def mark_of_word(self, word: str) -> str:
        """Make a mark by which a word is known again in any spelling, and which tells nothing without the key."""
        return self._digest(b"word", fold(word).encode("utf-8", "surrogatepass")).hex()[:32]

    def knows_again(self, marks: Container[str]) -> Callable[[str], bool] | None:
        """Return what tells whether a word is one of those marked; None where there is none."""
        return (lambda word: self.mark_of_word(word) in marks) if marks else None

    def check_there(self) -> None:
        """Make sure that the share is there: an empty mount point must not be taken for a collection without sets.

        Raises
        ------
        ShareAway
            The form or the state is not where it was, or may not be read.
        """
        try:
            there = stat.S_ISREG((self.root / SETTINGS_NAME).stat().st_mode) and collection_id(self.root) == self.id
        except OSError:
            there = False
        if not there:
            raise ShareAway

    def _digest(self, purpose: bytes, message: bytes) -> bytes:
        return hmac.digest(self.key, purpose + b"\0" + message, "sha256")


def collection_id(root: Path) -> str | None:
    """Return the id of a collection without reading its form; None when it has no state yet.

    A folder that was copied with its state has the id of its original, and then neither is to be worked on.
    """
    stored = durable_files.read(root / STATE_NAME / "collection.json") or {}
    found = stored.get("id")
    return found if isinstance(found, str) else None


def numbers_given(root: Path, patient_id: str) -> set[int]:
    """Return the numbers that folders and tracking files of a root show as given, by whatever program."""
    folders = {int(found[1]) for name in durable_files.names(root) if (found := ANON_NAME.fullmatch(name))}
    return folders | tracking_lines.numbers_in_files(root, patient_id)


def _refuse_second_form(root: Path) -> None:
    if is_there(root / SETTINGS_NAME):
        raise SettingsWrong(f"There is a {SETTINGS_NAME} already: change it there.")


def _refuse_unknown_numbers(root: Path, identity: Identity) -> None:
    numbers = numbers_given(root, identity.patient_id)
    if numbers:
        raise SettingsWrong(
            f"Numbers up to {max(numbers)} were given here, by the older program or before {STATE_NAME} was lost, and "
            f"nothing tells to which sets. `anonymizer new ROOT --continue` keeps them and goes on behind them."
        )


def has_state(root: Path) -> bool:
    """Return whether a root has its state."""
    try:
        (root / STATE_NAME).lstat()
    except FileNotFoundError:
        return False
    return True


def _lay_out(root: Path, initial_index: int, adopted: Iterable[int] = ()) -> None:
    """Make the state elsewhere, whole, and give it its name; of several processes the first has made it."""
    new = root / f"{STATE_NAME}.new-{secrets.token_hex(8)}"
    try:
        new.mkdir()
        for name in _FOLDERS:
            (new / name).mkdir()
        stored = {"id": secrets.token_hex(16), "initial_index": initial_index}
        _write(new / "key", secrets.token_hex(32).encode() + b"\n")
        _write(new / "collection.json", durable_files.encode(stored))
        _write(new / "format", b"%d\n" % FORMAT)
        for index in adopted:
            _write(new / "records" / f"ANON_{index:03d}.json", durable_files.encode(_adopted(index)))
        durable_files.fsync_folder(new / "records")
        durable_files.fsync_folder(new)
        with suppress(FileExistsError):
            durable_files.rename_new(new, root / STATE_NAME)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _adopted(index: int) -> dict[str, Any]:
    return {"schema": 1, "index": index, "adopted": True}


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: what it holds must not travel."""
    path.touch(mode=0o600)
    with path.open("wb") as file:
        file.write(data)
    durable_files.fsync_file(path)


def _load(root: Path, identity: Identity, options: Options) -> Collection:
    state = root / STATE_NAME
    try:
        version = int(plain_files.read(state / "format"))
        if version > FORMAT:
            raise FormatTooNew
        key = bytes.fromhex(plain_files.read(state / "key").decode("ascii"))
    except (FileNotFoundError, ValueError):
        if not has_state(root):
            raise ShareAway from None
        raise SettingsWrong(_INCOMPLETE) from None
    found = collection_id(root)
    if len(key) != 32 or found is None:
        raise SettingsWrong(_INCOMPLETE)
    naming, decisions = structure_list.read(root).naming, word_list.read(root).decisions
    identities = _listed(root, identity, options)
    collection = Collection(root, found, key, identity, options, naming, identities, decisions)
    if identities.is_there:
        with speaking(options.language):
            faults = (*identities.faults, *given_identities.collisions(collection))
        collection = replace(collection, identities=replace(identities, faults=tuple(sorted(faults))))
    first = _first_index(collection)
    if identity.initial_index < first and any(
        any(place.iterdir()) for place in (collection.claims, collection.records)
    ):
        raise SettingsWrong(
            f"initial_index is {identity.initial_index}, but the numbers of this collection begin at {first} and some "
            f"were given: write {first} or more."
        )
    return collection


def _listed(root: Path, identity: Identity, options: Options) -> IdentityList:
    numbers_too = options.unlisted == "next"
    with speaking(options.language):
        return identity_list.read(root, identity, numbers_too=numbers_too, by_hospital=options.by_hospital)


def _refuse_bad_list(identities: IdentityList) -> None:
    if identities.faults:
        raise SettingsWrong(identity_list.as_text(identities.faults))


def _first_index(collection: Collection) -> int:
    """Return the index that the numbers of a collection begin at, as it was when the first was given.

    Above it numbers may become free again and are given next; what stands below is not this collection's.
    """
    stored = (durable_files.read(collection.state / "collection.json") or {}).get("initial_index")
    if not isinstance(stored, int):
        raise SettingsWrong(_INCOMPLETE)
    return stored


def _lower_first_index(collection: Collection) -> None:
    """Lower the first number; `_load` has seen that none was given yet."""
    if collection.identity.initial_index < _first_index(collection):
        stored = {"id": collection.id, "initial_index": collection.identity.initial_index}
        path = collection.state / "collection.json"
        durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)
