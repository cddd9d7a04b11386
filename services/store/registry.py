"""Which folder a locator stands for, and what became of the set in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.language import gettext
from services.layout import NotTaken
from services.runtime import durable_files
from services.store.set_state import FROM_LEAST_FINISHED, SetState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.store.collection import Collection

SCHEMA: Final = 1
"""Of what is noted of a folder."""

OUTCOME_SCHEMA: Final = 2
"""Of an outcome: 2 has an entry for each set of the folder. Both are read."""

SECOND_LOOK: Final = "second-look"
"""The code of a set that may be half copied, by weak evidence: it is published if it still looks so next time."""

CHOOSE_PLANS: Final = "choose-plans"
"""The code of a folder that waits until a person chooses among its plans."""

OF_THE_LIST: Final = frozenset({"unlisted", "zeros-lost"})
"""Codes of sets that wait until their patient stands in `identities.csv`."""

WHICH_PERSON: Final = "which-person"
DATES_COLLIDE: Final = "dates-collide"
DATES_OPTION: Final = "dates-option-changed"
SHARED_DIFFERS: Final = "shared-object-differs"
AGE_OVER_89: Final = "age-over-89"
AGES_DIFFER: Final = "ages-differ"
FIRST_SET_GONE: Final = "first-set-gone"

OF_A_PERSON: Final = frozenset(
    {WHICH_PERSON, DATES_COLLIDE, DATES_OPTION, SHARED_DIFFERS, AGE_OVER_89, AGES_DIFFER, FIRST_SET_GONE}
)
"""Codes of sets that may be of a person who was published, and cannot be linked to them by themselves."""

DECISIONS: Final = OF_THE_LIST | OF_A_PERSON | {CHOOSE_PLANS}
"""Codes of sets that wait until a person decides: nothing is gained by looking at them again before."""


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What became of one set of a folder."""

    state: SetState
    codes: tuple[str, ...] = ()
    set_id: str | None = None
    index: int | None = None
    text: str = ""

    plan: str = ""
    """The mark of its plan (`plans.mark_of`), by which it is told from its neighbours; empty where there is no plan."""

    ordinal: int = 0
    """As `check` prints it; 0 where the folder holds one set."""

    proof: tuple[str, ...] = ()
    """Of a parked set, what a failed proof says: objects and attribute paths, never a value."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the sets in a folder, as the folder was then; as a rule it holds one."""

    state: SetState
    """Of several sets, that of the least finished."""

    fingerprint: str
    """The listing's. An outcome says nothing about a folder that looks different."""

    at: str
    """When: ISO 8601 with its zone."""

    codes: tuple[str, ...] = ()
    """Of the faults that stand against the set, or the reason for which it waits or is parked. Safe in logs."""

    set_id: str | None = None

    index: int | None = None
    """Under which it is published; of a refused or waiting one, under which something was made of the folder before."""

    folders: Mapping[str, int] = field(default_factory=dict)
    """Each folder of the set (relative path; `.` is its own) with its time in ns: these tell of a later change."""

    text: str = ""
    """In plain words, for the share's users. May name files."""

    not_taken: tuple[NotTaken, ...] = ()
    """What lies in the folder, may hold DICOM, and is no part of the set. For the share's users."""

    sets: tuple[SetOutcome, ...] = ()
    """Of a folder with several sets, or with one that was chosen out of it, each set's own."""

    proof: tuple[str, ...] = ()
    """Of a parked set, what a failed proof says: objects and attribute paths, never a value."""

    @property
    def entries(self) -> tuple[SetOutcome, ...]:
        """What became of each set, also where there is one."""
        own = SetOutcome(self.state, self.codes, self.set_id, self.index, self.text, proof=self.proof)
        return self.sets or (own,)

    @property
    def set_ids(self) -> frozenset[str]:
        """The ids of its sets, as far as they were found out."""
        return frozenset(one.set_id for one in self.entries if one.set_id is not None)

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of its sets, in their order."""
        return tuple(one.index for one in self.entries if one.index is not None)

    @property
    def published(self) -> tuple[SetOutcome, ...]:
        """Those of its sets that an ANON folder holds."""
        return tuple(one for one in self.entries if one.state.is_published)

    @property
    def asks_second_look(self) -> bool:
        """Return whether the set waits for nothing but another look, a quiet time after this one."""
        return self.state is SetState.WAITING and SECOND_LOOK in self.codes

    def age_s(self, now: datetime) -> float:
        """Return how many seconds ago it was noted; without end where that cannot be told."""
        try:
            return (now - datetime.fromisoformat(self.at)).total_seconds()
        except (TypeError, ValueError):
            return float("inf")

    @property
    def waits_for_person(self) -> bool:
        """Return whether it waits until a person decides, and for nothing else: time alone changes nothing."""
        waiting = [one for one in self.entries if one.state is SetState.WAITING]
        return bool(waiting) and not any(DECISIONS.isdisjoint(one.codes) for one in waiting)

    @property
    def waits_for_list(self) -> bool:
        """Return whether a set waits for a row of the list of identities."""
        return self.state is SetState.WAITING and not OF_THE_LIST.isdisjoint(self.codes)

    @property
    def is_concluded(self) -> bool:
        """Whether nothing is to be done until somebody changes the folder, form or list, or asks for another look."""
        return self.state.is_concluded or self.waits_for_person

    @property
    def is_reopened_by_form(self) -> bool:
        """Return whether a changed form or list may lead to another verdict on one of its sets."""
        return self.waits_for_person or any(one.state.is_reopened_by_form for one in self.entries)

    def with_state(self, index: int, state: SetState, text: str) -> Outcome:
        """Return the outcome with another state and text of the set that is published under an index."""
        entries = tuple(
            replace(one, state=state, text=text) if one.index == index and one.state.is_published else one
            for one in self.entries
        )
        if not self.sets:
            return replace(self, state=state, text=text)
        return replace(self, state=least_finished(entries), sets=entries, text=told(entries))


def least_finished(entries: Sequence[SetOutcome]) -> SetState:
    """Return the state of a folder: that of its set with which most is still to be done."""
    return min((one.state for one in entries), key=FROM_LEAST_FINISHED.index)


def told(entries: Sequence[SetOutcome]) -> str:
    """Join what is told of several sets."""
    return "\n".join(f"{called(one)}: {one.text or one.state.in_words}" for one in entries)


def called(one: SetOutcome) -> str:
    """Name a set of a folder by its ANON folder, or else by its ordinal: never by its label."""
    if one.index is not None and one.state.is_published:
        return f"ANON_{one.index:03d}"
    return gettext("set {ordinal}", ordinal=one.ordinal) if one.ordinal else gettext("the folder")


def register(collection: Collection, folder: PurePath | str) -> str:
    """Note where a set lies, path relative to the root, and return its locator."""
    relative = PurePath(folder).as_posix()
    locator = collection.locator(relative)
    path = _folder_file(collection, locator)
    known = durable_files.read(path)
    if known is None or known.get("folder") != relative:  # a power cut may have left half of it
        stored = durable_files.encode({"schema": SCHEMA, "folder": relative})
        durable_files.write_atomically(path, stored, staging=collection.staging, lasting=False)
    return locator


def folder_of(collection: Collection, locator: str) -> Path | None:
    """Find the folder that a locator stands for, whether it still exists or not; None when it was never registered."""
    relative = _relative(collection, locator)
    return collection.root / relative if relative is not None else None


def registered(collection: Collection) -> Iterator[tuple[str, PurePosixPath]]:
    """Return every locator with its folder, relative to the root."""
    for path in durable_files.records_in(collection.folders):
        relative = _relative(collection, path.stem)
        if relative is not None:
            yield path.stem, relative


def count_as_new(collection: Collection, locator: str, fingerprint: str, plans: Sequence[str] = ()) -> None:
    """Note that what a folder holds, as it looks now, is a set of its own, though its UIDs are those of another.

    Parameters
    ----------
    plans
        Of a folder with several sets, the marks of the plans that are meant; all where none is given.
    """
    path = _folder_file(collection, locator)
    stored = {**(durable_files.read(path) or {}), "as_new": fingerprint, "as_new_plans": list(plans)}
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def counts_as_new(collection: Collection, locator: str, fingerprint: str, plan: str = "") -> bool:
    """Return whether a person said so of this folder as it looks now, or of its set with this plan."""
    stored = durable_files.read(_folder_file(collection, locator)) or {}
    plans = stored.get("as_new_plans")
    return stored.get("as_new") == fingerprint and (not plan or not plans or plan in plans)


class Choice(NamedTuple):
    """Which plans of a folder a person chose."""

    taken: frozenset[str]
    """Marks of plans."""
    left: frozenset[str]
    """Those that were there and were not chosen. A plan that is in neither is asked about."""


def choose(collection: Collection, locator: str, choice: Choice) -> None:
    """Note which plans of a folder a person chose; whatever was chosen before of plans that are here is replaced."""
    path = _folder_file(collection, locator)
    before = chosen(collection, locator)
    marks = choice.taken | choice.left
    stored = {
        **(durable_files.read(path) or {}),
        "plans": {
            "taken": sorted(choice.taken | (before.taken - marks)),
            "left": sorted(choice.left | (before.left - marks)),
        },
    }
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def chosen(collection: Collection, locator: str) -> Choice:
    """Return which plans of a folder a person chose."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("plans")
    taken, left = (noted.get(key, []) if isinstance(noted, dict) else [] for key in ("taken", "left"))
    return Choice(frozenset(map(str, taken)), frozenset(map(str, left)))


class WhoItIs(NamedTuple):
    """Of whom a person said that a folder's sets are."""

    number: int | None = None
    """Of a published set of the same person."""
    new: str = ""
    """Where nobody of them was published: what tells this person from another of the same ID."""


def decide_person(collection: Collection, locator: str, fingerprint: str, decision: WhoItIs) -> None:
    """Note of whom the sets in a registered folder are, as it looks now."""
    path = _folder_file(collection, locator)
    noted = {"fingerprint": fingerprint, **decision._asdict()}
    stored = {**(durable_files.read(path) or {}), "person": noted}
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def person_decided(collection: Collection, locator: str, fingerprint: str) -> WhoItIs | None:
    """Return of whom the sets of a folder are, as it looks now; None where nobody has said."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("person")
    if not isinstance(noted, dict) or noted.get("fingerprint") != fingerprint:
        return None
    number = noted.get("number")
    return WhoItIs(number if isinstance(number, int) else None, str(noted.get("new", "")))


def accept(collection: Collection, locator: str, fingerprint: str, code: str) -> None:
    """Note that a person takes what stands against the set in a registered folder, as it looks now, knowingly."""
    path = _folder_file(collection, locator)
    codes = accepted(collection, locator, fingerprint) | {code}
    stored = {**(durable_files.read(path) or {}), "accepted": {"fingerprint": fingerprint, "codes": sorted(codes)}}
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def accepted(collection: Collection, locator: str, fingerprint: str) -> frozenset[str]:
    """Return the codes that a person took knowingly for this folder as it looks now."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("accepted")
    if not isinstance(noted, dict) or noted.get("fingerprint") != fingerprint:
        return frozenset()
    codes = noted.get("codes")
    return frozenset(map(str, codes)) if isinstance(codes, list) else frozenset()


def start(collection: Collection, locator: str, fingerprint: str) -> None:
    """Note that a person wants what a registered folder holds, as it looks now, to be anonymized."""
    path = _folder_file(collection, locator)
    stored = {**(durable_files.read(path) or {}), "started": fingerprint}
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def is_started(collection: Collection, locator: str, fingerprint: str) -> bool:
    """Return whether a person said so of this folder as it looks now."""
    return (durable_files.read(_folder_file(collection, locator)) or {}).get("started") == fingerprint


def outcomes(collection: Collection) -> Iterator[tuple[str, Outcome]]:
    """Return every locator of which it is known what became of its set."""
    for path in durable_files.records_in(collection.outcomes):
        outcome = read_outcome(collection, path.stem)
        if outcome is not None:
            yield path.stem, outcome


def write_outcome(collection: Collection, locator: str, outcome: Outcome) -> None:
    """Note what became of a set, in the place of what was noted before; lost, it is found out again."""
    stored = {name.name: getattr(outcome, name.name) for name in fields(outcome)}
    stored |= {"schema": OUTCOME_SCHEMA, "codes": list(outcome.codes), "folders": dict(outcome.folders)}
    stored["sets"] = [_stored(one) for one in outcome.entries]
    path = _outcome_file(collection, locator)
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging, lasting=False)


def _stored(one: SetOutcome) -> dict[str, Any]:
    """Lay out what became of one set; what failed of its proof only where it did."""
    stored = asdict(one) | {"codes": list(one.codes)}
    proof = stored.pop("proof")
    return stored | ({"proof": list(proof)} if proof else {})


def read_outcome(collection: Collection, locator: str) -> Outcome | None:
    """Return what became of a set; None when that is not known: it is then looked at again."""
    return _outcome(durable_files.read(_outcome_file(collection, locator)) or {})


def written_ns(collection: Collection, locator: str) -> int:
    """Return when an outcome was written, on the file server's clock; 0 where there is none."""
    try:
        return _outcome_file(collection, locator).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def reopen(collection: Collection, locator: str) -> None:
    """Look at a set again as if it were new. What was published of its folder stays published, and known."""
    outcome = read_outcome(collection, locator)
    if outcome is None or not outcome.indices:
        _outcome_file(collection, locator).unlink(missing_ok=True)
    else:
        write_outcome(collection, locator, replace(outcome, fingerprint="", folders={".": 0}))


def forget(collection: Collection, locator: str) -> None:
    """Drop a folder that is gone for good."""
    _outcome_file(collection, locator).unlink(missing_ok=True)
    _folder_file(collection, locator).unlink(missing_ok=True)


def _relative(collection: Collection, locator: str) -> PurePosixPath | None:
    """Read a folder's path and make sure that it is the one the locator was made of: no message leads elsewhere."""
    if len(locator) != 32 or not locator.isalnum():
        return None
    folder = (durable_files.read(_folder_file(collection, locator)) or {}).get("folder")
    if not isinstance(folder, str) or collection.locator(folder) != locator:
        return None
    relative = PurePosixPath(folder)
    return None if relative.is_absolute() or ".." in relative.parts else relative


def _outcome(stored: dict[str, Any]) -> Outcome | None:
    values = {name.name: stored[name.name] for name in fields(Outcome) if name.name in stored}
    if not {"state", "fingerprint", "at"} <= values.keys():
        return None
    try:
        sets = tuple(map(_set_outcome, values.pop("sets", ())))
        left_out = tuple(NotTaken(*map(str, one)) for one in values.get("not_taken", ()))
        own = {"state": SetState(values["state"]), "not_taken": left_out}
        own |= {name: tuple(values.get(name, ())) for name in ("codes", "proof")}
        outcome = Outcome(**values | own)
    except (AttributeError, TypeError, ValueError):  # what a later version knows: the set is looked at again
        return None
    return outcome if sets == outcome.entries else replace(outcome, sets=sets)


def _set_outcome(stored: dict[str, Any]) -> SetOutcome:
    values = {name.name: stored[name.name] for name in fields(SetOutcome) if name.name in stored}
    lists = {name: tuple(values.get(name, ())) for name in ("codes", "proof")}
    return SetOutcome(**values | lists | {"state": SetState(values["state"])})


def _folder_file(collection: Collection, locator: str) -> Path:
    return collection.folders / f"{locator}.json"


def _outcome_file(collection: Collection, locator: str) -> Path:
    return collection.outcomes / f"{locator}.json"
