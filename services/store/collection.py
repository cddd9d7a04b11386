"""A collection: one root folder with its form, its secret key, and its state in `.anonymizer/`.

The form belongs to a person; it is read once per attempt, and an invalid one stops the collection with a message. The
state belongs to this program; it is created in one step, and each file in it is written once or replaced whole.
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
from services.errors import FormatTooNew, SettingsWrong
from services.forms import identity_list, settings_seen, structure_list, word_list
from services.forms.collection_form import line_of, read_settings, settings_text
from services.forms.identity import Identity, check_identity
from services.forms.identity_list import IdentityList
from services.forms.structure_list import Naming
from services.forms.word_list import Decisions
from services.language import gettext, gettext_noop, speaking
from services.layout import ANON_NAME, SETTINGS_NAME, STATE_NAME, is_there
from services.runtime import durable_files, modes
from services.store import given_identities, records, tracking_lines
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Collection as Container
    from contextlib import AbstractContextManager

    from services.forms.collection_form import Options

FORMAT: Final = 2
"""Format of the state. A process that finds a newer format returns its work; the arbiter migrates older ones."""

MOST_ADOPTED: Final = 100_000
"""Most numbers that may be counted as given at once; more suggests a mistyped digit."""

_CLAIM_FILE: Final = re.compile(r"\d{6,}\.json")
_INCOMPLETE: Final = gettext_noop("{state} is incomplete: restore all of it from a backup.")
_FILLED: Final = frozenset(("folders", "outcomes", "claims", "sets", "records", "tracking"))
"""Folders whose content decides which numbers are given; without one of them, nothing may be decided."""
_OFTEN_EMPTY: Final = frozenset(("staging", "attempts"))
"""Folders that may be missing, since some backup programs leave out empty ones."""
_PERSONS: Final = "persons"
"""Is not made again: without it, persons are recognized from the tracking entries."""


class ShareAway(OSError):
    """The collection is unavailable: not mounted, moved, or not readable. It waits and resumes by itself."""

    def __init__(self) -> None:
        super().__init__(ESTALE, "the share is unavailable")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as of the start of an attempt."""

    root: Path

    id: str
    """32 hex digits; identifies the collection in messages and in Redis."""

    key: bytes = field(repr=False)
    """32 random bytes that never leave the share. Whoever has them can link new UIDs to old ones."""

    identity: Identity
    options: Options

    naming: Naming = field(default=Naming(), repr=False, compare=False)
    """Confirmed names of structures."""

    identities: IdentityList = field(default=IdentityList(), repr=False, compare=False)
    """New identities of listed patients, from `identities.csv`; its `faults` are the errors in it."""

    decisions: Decisions = field(default=Decisions(), repr=False, compare=False)
    """Decisions on words that are not in the vocabulary."""

    settings: str = field(default="", repr=False, compare=False)
    """Digest of the form and the list of identities, from just before they were read."""

    @classmethod
    def open(cls, root: Path) -> Collection:
        """Open a collection, creating its state if there is none.

        Raises
        ------
        SettingsWrong
            The form or the list of identities is invalid, or numbers were given here but there is no state.
        FormatTooNew
            The state was written by a newer version.
        OSError
            Temporary, for example if the share is unavailable.
        """
        settings = settings_seen.digest_of(root)
        identity, options = read_settings(root)
        modes.follow(root)
        if not has_state(root):
            check_new(root, identity, options)
            _lay_out(root, identity.initial_index)
        collection = replace(_load(root, identity, options), settings=settings)
        for name in _missing(root, _OFTEN_EMPTY):
            (collection.state / name).mkdir(exist_ok=True)
        _refuse_bad_list(collection.identities, options)
        _lower_first_index(collection)
        return collection

    @classmethod
    def look(cls, root: Path, identity: Identity | None = None, options: Options | None = None) -> Collection:
        """Open a collection read-only, for `check`.

        The arguments replace a missing form; without state, a temporary key is used. Faults of the list of identities
        are in `identities.faults`.
        """
        if identity is None or options is None or is_there(root / SETTINGS_NAME):
            identity, options = read_settings(root)
        check_identity(identity)
        if has_state(root):
            return _load(root, identity, options)
        its_id, key = secrets.token_hex(16), secrets.token_bytes(32)
        naming, identities, decisions = _lists(root, identity, options)
        return cls(root, its_id, key, identity, options, naming, identities, decisions)

    @classmethod
    def create(cls, root: Path, identity: Identity, options: Options) -> Collection:
        """Turn a folder into a collection: create form and state.

        Raises
        ------
        SettingsWrong
            There is a form already, numbers were given here before, or an argument is invalid.
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
        """Continue the numbering of the older program, or of a lost state: numbers given stay given.

        Which sets they belong to is unknown and not guessed: an old set dropped again gets a new number.

        Parameters
        ----------
        identity, options
            For the form, if there is none yet; its initial index is raised above existing numbers.
        above
            The highest number given, if a person knows of more than folders and tracking files show.

        Raises
        ------
        SettingsWrong
            There is state already, or the existing form would begin below numbers already given.
        """
        if has_state(root):
            raise SettingsWrong(gettext("This root already has state: there is nothing to continue."))
        has_form = is_there(root / SETTINGS_NAME)
        if has_form:
            identity, options = read_settings(root)
        if identity is None or options is None:
            raise SettingsWrong(gettext("The new identity is missing: specify it, or write collection.toml."))
        check_identity(identity)
        numbers = numbers_given(root, identity.patient_id) | ({above} if above else set())
        first_free = max(numbers, default=0) + 1
        if has_form and identity.initial_index < first_free:
            raise SettingsWrong(
                gettext(
                    "Numbers up to {last} were given here before: set initial_index = {first} in {place}.",
                    last=first_free - 1,
                    first=first_free,
                    place=SETTINGS_NAME + line_of(root, "identity", "initial_index"),
                )
            )
        identity = replace(identity, initial_index=max(identity.initial_index, first_free))
        _lay_out(root, identity.initial_index, adopted=numbers)
        return _load(root, identity, options) if has_form else cls._begin(root, identity, options)

    @classmethod
    def go_on_above(cls, root: Path, above: int) -> Collection:
        """Count every number up to `above` as given, since a person knows of more than a restored share shows.

        Raises
        ------
        SettingsWrong
            That many numbers cannot have been given.
        """
        collection = cls.open(root)
        known = set(records.indices(collection))
        held = {int(name[:-5]) for name in durable_files.names(collection.claims) if _CLAIM_FILE.fullmatch(name)}
        if collection.numbers.is_dir():
            held |= {int(name[:-5]) for name in durable_files.names(collection.numbers) if _CLAIM_FILE.fullmatch(name)}
        if above > max(known | held, default=0) + MOST_ADOPTED:
            raise SettingsWrong(
                gettext(
                    "More than {count} numbers would be counted as given: is {above} right?",
                    count=MOST_ADOPTED,
                    above=above,
                )
            )
        for index in sorted(set(range(_first_index(collection), above + 1)) - known - held):
            record = durable_files.encode(_adopted(index))
            durable_files.write_exclusively(records.path_of(collection, index), record, staging=collection.staging)
        return collection

    @classmethod
    def _begin(cls, root: Path, identity: Identity, options: Options) -> Collection:
        form = settings_text(identity, options).encode()
        if not durable_files.write_exclusively(root / SETTINGS_NAME, form, staging=root / STATE_NAME / "staging"):
            _refuse_second_form(root)
        return cls.open(root)

    @property
    def state(self) -> Path:
        """The folder that contains everything below."""
        return self.root / STATE_NAME

    @property
    def folders(self) -> Path:
        """`<locator>.json`: path of a folder."""
        return self.state / "folders"

    @property
    def outcomes(self) -> Path:
        """`<locator>.json`: outcome of the sets in a folder."""
        return self.state / "outcomes"

    @property
    def claims(self) -> Path:
        """`000006.json`: the set that claims an index."""
        return self.state / "claims"

    @property
    def sets(self) -> Path:
        """`<set id>.json`: the index of a set."""
        return self.state / "sets"

    @property
    def staging(self) -> Path:
        """Unfinished work: attempts, and files being written."""
        return self.state / "staging"

    @property
    def records(self) -> Path:
        """`ANON_006.json`: the proof that a set was published."""
        return self.state / "records"

    @property
    def tracking(self) -> Path:
        """`000006.json`: tracking line of a published set."""
        return self.state / "tracking"

    @property
    def attempts(self) -> Path:
        """`<locator>.json`: failures of a set."""
        return self.state / "attempts"

    @property
    def withdrawn(self) -> Path:
        """`ANON_006/`: withdrawn sets; created when first needed."""
        return self.state / "withdrawn"

    @property
    def namings(self) -> Path:
        """`<digest>.csv`: confirmed names applied to sets; created when first needed."""
        return self.state / "namings"

    @property
    def accounts(self) -> Path:
        """`000006.json`: content of a published set, by its proof; created when first needed."""
        return self.state / "accounts"

    @property
    def words(self) -> Path:
        """`000006.json`: words of a set for a person to review; created when first needed."""
        return self.state / "words"

    @property
    def plans(self) -> Path:
        """`<mark of a plan>.json`: the set it was published with; created when first needed."""
        return self.state / "plans"

    @property
    def persons(self) -> Path:
        """`<hash>.json`: published persons, with the number of their first set; created by the first publication."""
        return self.state / "persons"

    @property
    def numbers(self) -> Path:
        """`000006.json`: the person whose identity has a number, where a person's sets are linked.

        Created when first needed.
        """
        return self.state / "numbers"

    @property
    def visits(self) -> Path:
        """`<hash of a person>/000001.json`: a person's linked sets, in order; created when first needed."""
        return self.state / "visits"

    @property
    def redo(self) -> Path:
        """`000006.json`: request to republish a set; created when first needed."""
        return self.state / "redo"

    @property
    def replaced(self) -> Path:
        """`ANON_006.<digest>/`: previous files of a republished set; created when first needed."""
        return self.state / "replaced"

    @property
    def deliveries(self) -> Path:
        """`<id>.json`: what was delivered, when, to whom and by whom; created when first needed."""
        return self.state / "deliveries"

    @property
    def arbiter(self) -> Path:
        """The file of the service that holds this collection."""
        return self.state / "arbiter.json"

    def speaking(self) -> AbstractContextManager[None]:
        """Return a context in which sentences are in the collection's language."""
        return speaking(self.options.language)

    def locator(self, folder: PurePath | str) -> str:
        """Return an opaque identifier of a folder, given by its path inside the collection: 32 hex digits."""
        return self._digest(b"folder", os.fsencode(PurePath(folder).as_posix())).hex()[:32]

    def set_id(self, sop_instance_uids: Iterable[str]) -> str:
        """Return the identifier of a set, which depends on its objects but not on its folder: 32 hex digits."""
        return self._digest(b"set", "\0".join(sorted(sop_instance_uids)).encode("utf-8", "surrogatepass")).hex()[:32]

    def set_key(self, set_id: str) -> bytes:
        """Return the key of a set's new UIDs and dates: 32 bytes, the same on every attempt."""
        return self._digest(b"key", set_id.encode())

    def mark(self, text: bytes) -> str:
        """Return a keyed digest of a text, meaningless without the key."""
        return self._digest(b"mark", text).hex()

    def person(self, patient_id: str, hospital: str = "") -> str:
        """Return a keyed identifier of a person from hospital and patient ID: 32 hex digits.

        Parameters
        ----------
        hospital
            As returned by `hospital_of`; otherwise the hospitals of a collection are not distinguished.
        """
        stated = "\0".join((hospital, patient_id.strip(" \0")))
        return self._digest(b"person", stated.encode("utf-8", "surrogatepass")).hex()[:32]

    def hospital_of(self, folder: PurePath) -> str:
        """Return the hospital whose folder holds a set; empty if it is the form's or hospitals have no folders."""
        inside = PurePath(folder).relative_to(self.root).parts
        if not self.options.by_hospital or len(inside) < 2 or inside[0] == self.identity.hospital:
            return ""
        return inside[0]

    def hospital_named(self, folder: PurePath) -> str:
        """Return the name of a set's hospital: of its folder, or else the form's."""
        return self.hospital_of(folder) or self.identity.hospital

    def name_of(self, folder: PurePath) -> str:
        """Return the name of a set: its folder, relative to its hospital's if it has one."""
        return PurePath(folder).relative_to(self.root).as_posix()

    def shown(self, path: PurePath) -> str:
        """Return a path as shown to people: relative to the root, or its last component if it is elsewhere."""
        return self.name_of(path) if path.is_relative_to(self.root) else path.name

    def mark_of_word(self, word: str) -> str:
        """Return a keyed digest of a word, the same for all its spellings."""
        return self._digest(b"word", fold(word).encode("utf-8", "surrogatepass")).hex()[:32]

    def recognizer(self, marks: Container[str]) -> Callable[[str], bool] | None:
        """Return a predicate that recognizes words by these marks; None if there are no marks."""
        return (lambda word: self.mark_of_word(word) in marks) if marks else None

    def check_there(self) -> None:
        """Check that the share is available: an empty mount point must not be taken for a collection without sets.

        Raises
        ------
        ShareAway
            The form or the state is missing or unreadable.
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
    """Return the id of a collection without reading its form; None if it has no state yet.

    A folder copied with its state has the id of its original; then neither is processed.
    """
    stored = durable_files.read(root / STATE_NAME / "collection.json") or {}
    found = stored.get("id")
    return found if isinstance(found, str) else None


def numbers_given(root: Path, patient_id: str) -> set[int]:
    """Return the numbers given according to the folders and tracking files of a root, whichever program wrote them."""
    folders = {int(found[1]) for name in durable_files.names(root) if (found := ANON_NAME.fullmatch(name))}
    return folders | tracking_lines.numbers_in_files(root, patient_id)


def _refuse_second_form(root: Path) -> None:
    if is_there(root / SETTINGS_NAME):
        raise SettingsWrong(gettext("There is a {file} already: change it there.", file=SETTINGS_NAME))


def check_new(root: Path, identity: Identity, options: Options) -> None:
    """Raise SettingsWrong if the state of a root without any cannot be created; changes nothing."""
    with speaking(options.language):
        _refuse_unknown_numbers(root, identity)
    _refuse_bad_list(_lists(root, identity, options)[1], options)


def _refuse_unknown_numbers(root: Path, identity: Identity) -> None:
    numbers = numbers_given(root, identity.patient_id)
    if numbers:
        raise SettingsWrong(
            gettext(
                "Numbers up to {last} were given here, by the older program or before {state} was lost; to which sets "
                "is not known. `anonymizer new ROOT --continue` keeps them and continues after them.",
                last=max(numbers),
                state=STATE_NAME,
            )
        )


def has_state(root: Path) -> bool:
    """Return whether a root has state."""
    try:
        (root / STATE_NAME).lstat()
    except FileNotFoundError:
        return False
    return True


def _lay_out(root: Path, initial_index: int, adopted: Iterable[int] = ()) -> None:
    """Create the state elsewhere and rename it into place; of several processes the first wins."""
    new = root / f"{STATE_NAME}.new-{secrets.token_hex(8)}"
    try:
        new.mkdir()
        for name in (*_FILLED, *_OFTEN_EMPTY, _PERSONS):
            (new / name).mkdir()
        stored = {"id": secrets.token_hex(16), "initial_index": initial_index}
        _write(new / "key", secrets.token_hex(32).encode() + b"\n")
        _write(new / "collection.json", durable_files.encode(stored))
        _write(new / "format", b"%d\n" % FORMAT)
        for index in adopted:
            _write(new / "records" / f"{records.folder_name(index)}.json", durable_files.encode(_adopted(index)))
        durable_files.fsync_folder(new / "records")
        durable_files.fsync_folder(new)
        with suppress(FileExistsError):
            durable_files.rename_new(new, root / STATE_NAME)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _adopted(index: int) -> dict[str, Any]:
    return {"schema": 1, "index": index, "adopted": True}


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: its contents must stay here."""
    path.touch(mode=0o600)
    with path.open("wb") as file:
        file.write(data)
    durable_files.fsync_file(path)


def _load(root: Path, identity: Identity, options: Options) -> Collection:
    with speaking(options.language):
        found, key = _read_state(root)
        naming, identities, decisions = _lists(root, identity, options)
        collection = Collection(root, found, key, identity, options, naming, identities, decisions)
        if collection.identities.is_there:
            faults = sorted((*collection.identities.faults, *given_identities.collisions(collection)))
            collection = replace(collection, identities=replace(collection.identities, faults=tuple(faults)))
        _check_first_index(collection)
    return collection


def _read_state(root: Path) -> tuple[str, bytes]:
    """Return a collection's id and its key."""
    state = root / STATE_NAME
    try:
        version = int(plain_files.read(state / "format"))
        if version > FORMAT:
            raise FormatTooNew
        key = bytes.fromhex(plain_files.read(state / "key").decode("ascii"))
    except (FileNotFoundError, ValueError):
        if not has_state(root):
            raise ShareAway from None
        raise SettingsWrong(gettext(_INCOMPLETE, state=STATE_NAME)) from None
    found = collection_id(root)
    if len(key) != 32 or found is None or _missing(root, _FILLED):
        raise SettingsWrong(gettext(_INCOMPLETE, state=STATE_NAME))
    return found, key


def _missing(root: Path, folders: frozenset[str]) -> frozenset[str]:
    """Return those of these folders that the state of a collection lacks."""
    return folders - set(durable_files.names(root / STATE_NAME))


def _lists(root: Path, identity: Identity, options: Options) -> tuple[Naming, IdentityList, Decisions]:
    """Read the lists of structures, identities and words."""
    numbers_too = options.unlisted == "next"
    with speaking(options.language):
        return (
            structure_list.read(root).naming,
            identity_list.read(root, identity, numbers_too=numbers_too, by_hospital=options.by_hospital),
            word_list.read(root).decisions,
        )


def _check_first_index(collection: Collection) -> None:
    """Raise SettingsWrong if the form's initial index is below the first, and numbers were given already."""
    index, first = collection.identity.initial_index, _first_index(collection)
    if index < first and any(any(place.iterdir()) for place in (collection.claims, collection.records)):
        raise SettingsWrong(
            gettext(
                "initial_index is {index}, but the numbers of this collection begin at {first}, and some were given: "
                "write {first} or more.",
                index=index,
                first=first,
            )
        )


def _refuse_bad_list(identities: IdentityList, options: Options) -> None:
    if identities.faults:
        with speaking(options.language):
            raise SettingsWrong(identity_list.as_text(identities.faults))


def _first_index(collection: Collection) -> int:
    """Return the lowest index of a collection, as of when the first number was given.

    Numbers above it may become free and are then given next; lower ones do not belong to this collection.
    """
    stored = (durable_files.read(collection.state / "collection.json") or {}).get("initial_index")
    if not isinstance(stored, int):
        raise SettingsWrong(gettext(_INCOMPLETE, state=STATE_NAME))
    return stored


def _lower_first_index(collection: Collection) -> None:
    """Lower the first number; `_load` has checked that none was given yet."""
    if collection.identity.initial_index < _first_index(collection):
        stored = {"id": collection.id, "initial_index": collection.identity.initial_index}
        path = collection.state / "collection.json"
        durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)
