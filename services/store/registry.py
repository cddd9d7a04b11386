"""Registered folders by locator, and the outcomes of the sets in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.language import gettext
from services.layout import NotTaken
from services.runtime import durable_files
from services.store.records import folder_name
from services.store.set_state import FROM_LEAST_FINISHED, SetState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.forms.settings_seen import SettingsSeen
    from services.store.collection import Collection

SCHEMA: Final = 1
"""Schema of a folder's entry."""

OUTCOME_SCHEMA: Final = 2
"""Schema of an outcome: 2 has an entry for each set of the folder. Both can be read."""

SECOND_LOOK: Final = "second-look"
"""Code of a set that weak evidence suggests is half copied; published if unchanged at the next check."""

CHOOSE_PLANS: Final = "choose-plans"
"""Code of a folder that waits for a person to choose among its plans."""

OF_THE_LIST: Final = frozenset({"unlisted", "zeros-lost"})
"""Codes of sets that wait for a row in `identities.csv`."""

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
"""Codes of sets that may belong to a published person but cannot be linked automatically."""

DECISIONS: Final = OF_THE_LIST | OF_A_PERSON | {CHOOSE_PLANS}
"""Codes of sets that wait for a person's decision; checking them again earlier is pointless."""


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """Outcome of one set of a folder."""

    state: SetState
    codes: tuple[str, ...] = ()
    set_id: str | None = None
    index: int | None = None
    text: str = ""

    plan: str = ""
    """Mark of its plan (`plans.mark_of`), which distinguishes it within the folder; empty if there is no plan."""

    ordinal: int = 0
    """As printed by `check`; 0 if the folder holds one set."""

    proof: tuple[str, ...] = ()
    """Findings of the failed proof of a parked set: objects and attribute paths, never a value."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of the sets in a folder, usually one, for the folder's contents at the time."""

    state: SetState
    """For several sets, the state of the least finished one."""

    fingerprint: str
    """Fingerprint of the listing; the outcome does not apply to a folder with another fingerprint."""

    at: str
    """Time of the outcome: ISO 8601 with time zone."""

    codes: tuple[str, ...] = ()
    """Codes of the set's faults, or of the reason for which it waits or is parked. Safe to log."""

    set_id: str | None = None

    index: int | None = None
    """Index of the published set; for a refused or waiting one, the index published from the folder before."""

    folders: Mapping[str, int] = field(default_factory=dict)
    """Modification time in ns of each folder of the set (relative path; `.` is itself), to detect changes."""

    text: str = ""
    """Explanation for the share's users. May name files."""

    not_taken: tuple[NotTaken, ...] = ()
    """Entries of the folder that may hold DICOM but are not part of the set. For the share's users."""

    sets: tuple[SetOutcome, ...] = ()
    """Outcome of each set, if there are several or one was chosen among several."""

    proof: tuple[str, ...] = ()
    """Findings of the failed proof of a parked set: objects and attribute paths, never a value."""

    settings: str = ""
    """Digest of the form and the list of identities that led to it; empty if written by an earlier version."""

    @property
    def entries(self) -> tuple[SetOutcome, ...]:
        """Outcome of each set, also if there is just one."""
        own = SetOutcome(self.state, self.codes, self.set_id, self.index, self.text, proof=self.proof)
        return self.sets or (own,)

    @property
    def set_ids(self) -> frozenset[str]:
        """Identifiers of its sets, as far as known."""
        return frozenset(one.set_id for one in self.entries if one.set_id is not None)

    @property
    def indices(self) -> tuple[int, ...]:
        """Indices of its sets, in order."""
        return tuple(one.index for one in self.entries if one.index is not None)

    @property
    def published(self) -> tuple[SetOutcome, ...]:
        """Its published sets."""
        return tuple(one for one in self.entries if one.state.is_published)

    @property
    def needs_second_check(self) -> bool:
        """Return whether the set waits only for a second check, one quiet period after this one."""
        return self.state is SetState.WAITING and SECOND_LOOK in self.codes

    def age_s(self, now: datetime) -> float:
        """Return the age of the outcome in seconds; infinity if unknown."""
        try:
            return (now - datetime.fromisoformat(self.at)).total_seconds()
        except (TypeError, ValueError):
            return float("inf")

    @property
    def waits_for_person(self) -> bool:
        """Return whether it waits only for a person's decision, so that time alone changes nothing."""
        waiting = [one for one in self.entries if one.state is SetState.WAITING]
        return bool(waiting) and not any(DECISIONS.isdisjoint(one.codes) for one in waiting)

    @property
    def waits_for_list(self) -> bool:
        """Return whether a set waits for a row in the list of identities."""
        return self.state is SetState.WAITING and not OF_THE_LIST.isdisjoint(self.codes)

    @property
    def is_concluded(self) -> bool:
        """Whether nothing remains to be done until folder, form or list change or someone requests another check."""
        return self.state.is_concluded or self.waits_for_person

    @property
    def is_reopened_by_form(self) -> bool:
        """Return whether a changed form or list may change the verdict on one of its sets."""
        return self.waits_for_person or any(one.state.is_reopened_by_form for one in self.entries)

    def is_of_other_settings(self, now: SettingsSeen, written_ns: int) -> bool:
        """Return whether the form or the list of identities is another one since, and may lead to another outcome.

        Times decide only where an earlier version left no digest: a clock may be set back.
        """
        if self.settings:
            return self.settings != now.digest and (self.is_reopened_by_form or self.waits_for_list)
        by_list = self.waits_for_list and (now.list_changed_ns is None or written_ns <= now.list_changed_ns)
        return by_list or (self.is_reopened_by_form and written_ns <= now.form_changed_ns)

    def with_state(self, index: int, state: SetState, text: str) -> Outcome:
        """Return the outcome with a new state and text for the set published under an index."""
        entries = tuple(
            replace(one, state=state, text=text) if one.index == index and one.state.is_published else one
            for one in self.entries
        )
        if not self.sets:
            return replace(self, state=state, text=text)
        return replace(self, state=least_finished(entries), sets=entries, text=join_texts(entries))


def least_finished(entries: Sequence[SetOutcome]) -> SetState:
    """Return the state of a folder: that of its least finished set."""
    return min((one.state for one in entries), key=FROM_LEAST_FINISHED.index)


def join_texts(entries: Sequence[SetOutcome]) -> str:
    """Join the explanations of several sets."""
    return "\n".join(f"{called(one)}: {one.text or one.state.in_words}" for one in entries)


def called(one: SetOutcome) -> str:
    """Return the name of a set in a folder: its ANON folder or its ordinal, never its label."""
    if one.index is not None and one.state.is_published:
        return folder_name(one.index)
    return gettext("set {ordinal}", ordinal=one.ordinal) if one.ordinal else gettext("the folder")


def register(collection: Collection, folder: PurePath | str) -> str:
    """Register a folder, given relative to the root, and return its locator."""
    relative = PurePath(folder).as_posix()
    locator = collection.locator(relative)
    path = _folder_file(collection, locator)
    known = durable_files.read(path)
    if known is None or known.get("folder") != relative:  # a power cut may have left a truncated entry
        stored = durable_files.encode({"schema": SCHEMA, "folder": relative})
        durable_files.write_atomically(path, stored, staging=collection.staging, lasting=False)
    return locator


def folder_of(collection: Collection, locator: str) -> Path | None:
    """Return the folder of a locator, whether or not it still exists; None if it was never registered."""
    relative = _relative(collection, locator)
    return collection.root / relative if relative is not None else None


def registered(collection: Collection) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield every locator with its folder, relative to the root."""
    for path in durable_files.records_in(collection.folders):
        relative = _relative(collection, path.stem)
        if relative is not None:
            yield path.stem, relative


def count_as_new(collection: Collection, locator: str, fingerprint: str, plans: Sequence[str] = ()) -> None:
    """Note that a folder's current contents are to be a new set, although another set has the same UIDs.

    Parameters
    ----------
    plans
        In a folder with several sets, the marks of the plans meant; all by default.
    """
    _note(collection, locator, as_new=fingerprint, as_new_plans=list(plans))


def counts_as_new(collection: Collection, locator: str, fingerprint: str, plan: str = "") -> bool:
    """Return whether a person decided so for this folder's current contents, or for its set with this plan."""
    stored = durable_files.read(_folder_file(collection, locator)) or {}
    plans = stored.get("as_new_plans")
    return stored.get("as_new") == fingerprint and (not plan or not plans or plan in plans)


class Choice(NamedTuple):
    """A person's choice among the plans of a folder."""

    taken: frozenset[str]
    """Marks of the chosen plans."""
    left: frozenset[str]
    """Marks of the plans that were present but not chosen. A plan in neither set is asked about."""


def choose(collection: Collection, locator: str, choice: Choice) -> None:
    """Store the choice among the plans of a folder, replacing earlier choices about present plans."""
    before = chosen(collection, locator)
    marks = choice.taken | choice.left
    taken, left = choice.taken | (before.taken - marks), choice.left | (before.left - marks)
    _note(collection, locator, plans={"taken": sorted(taken), "left": sorted(left)})


def chosen(collection: Collection, locator: str) -> Choice:
    """Return the choice among the plans of a folder."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("plans")
    taken, left = (noted.get(key, []) if isinstance(noted, dict) else [] for key in ("taken", "left"))
    return Choice(frozenset(map(str, taken)), frozenset(map(str, left)))


class WhoItIs(NamedTuple):
    """A person's decision on whose sets a folder holds."""

    number: int | None = None
    """Number of a published set of the same person."""
    new: str = ""
    """If the person was never published, a value that distinguishes them from another with the same ID."""


def decide_person(collection: Collection, locator: str, fingerprint: str, decision: WhoItIs) -> None:
    """Store whose sets a registered folder holds, for its current contents."""
    _note(collection, locator, person={"fingerprint": fingerprint, **decision._asdict()})


def person_decided(collection: Collection, locator: str, fingerprint: str) -> WhoItIs | None:
    """Return whose sets a folder holds, for its current contents; None if not decided."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("person")
    if not isinstance(noted, dict) or noted.get("fingerprint") != fingerprint:
        return None
    number = noted.get("number")
    return WhoItIs(number if isinstance(number, int) else None, str(noted.get("new", "")))


def accept(collection: Collection, locator: str, fingerprint: str, code: str) -> None:
    """Note that a person knowingly accepts a fault of the set in a registered folder, for its current contents."""
    codes = accepted(collection, locator, fingerprint) | {code}
    _note(collection, locator, accepted={"fingerprint": fingerprint, "codes": sorted(codes)})


def accepted(collection: Collection, locator: str, fingerprint: str) -> frozenset[str]:
    """Return the fault codes that a person accepted for this folder's current contents."""
    noted = (durable_files.read(_folder_file(collection, locator)) or {}).get("accepted")
    if not isinstance(noted, dict) or noted.get("fingerprint") != fingerprint:
        return frozenset()
    codes = noted.get("codes")
    return frozenset(map(str, codes)) if isinstance(codes, list) else frozenset()


def start(collection: Collection, locator: str, fingerprint: str) -> None:
    """Note that a person starts the anonymization of a registered folder's current contents."""
    _note(collection, locator, started=fingerprint)


def is_started(collection: Collection, locator: str, fingerprint: str) -> bool:
    """Return whether a person started this folder's current contents."""
    return (durable_files.read(_folder_file(collection, locator)) or {}).get("started") == fingerprint


def _note(collection: Collection, locator: str, **decided: Any) -> None:
    """Add a person's decision to the entry of a folder, replacing an earlier one of its kind."""
    path = _folder_file(collection, locator)
    stored = durable_files.encode({**(durable_files.read(path) or {}), **decided})
    durable_files.write_atomically(path, stored, staging=collection.staging)


def outcomes(collection: Collection) -> Iterator[tuple[str, Outcome]]:
    """Yield every locator with a known outcome."""
    for path in durable_files.records_in(collection.outcomes):
        outcome = read_outcome(collection, path.stem)
        if outcome is not None:
            yield path.stem, outcome


def write_outcome(collection: Collection, locator: str, outcome: Outcome) -> None:
    """Store an outcome, replacing the previous one; if lost, it is determined again."""
    stored = {name.name: getattr(outcome, name.name) for name in fields(outcome)}
    stored |= {"schema": OUTCOME_SCHEMA, "codes": list(outcome.codes), "folders": dict(outcome.folders)}
    stored["sets"] = [_stored(one) for one in outcome.entries]
    path = _outcome_file(collection, locator)
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging, lasting=False)


def _stored(one: SetOutcome) -> dict[str, Any]:
    """Return the stored form of one set's outcome, with proof findings only if there are any."""
    stored = asdict(one) | {"codes": list(one.codes)}
    proof = stored.pop("proof")
    return stored | ({"proof": list(proof)} if proof else {})


def read_outcome(collection: Collection, locator: str) -> Outcome | None:
    """Return the outcome of a folder; None if unknown, in which case the folder is checked again."""
    return _outcome(durable_files.read(_outcome_file(collection, locator)) or {})


def written_ns(collection: Collection, locator: str) -> int:
    """Return when an outcome was written, by the file server's clock; 0 if there is none."""
    try:
        return _outcome_file(collection, locator).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def reopen(collection: Collection, locator: str) -> None:
    """Reset a set so that it is checked as if new. Sets published from its folder stay published and known."""
    outcome = read_outcome(collection, locator)
    if outcome is None or not outcome.indices:
        _outcome_file(collection, locator).unlink(missing_ok=True)
    else:
        write_outcome(collection, locator, replace(outcome, fingerprint="", folders={".": 0}))


def forget(collection: Collection, locator: str) -> None:
    """Remove the entry of a folder that is gone for good."""
    _outcome_file(collection, locator).unlink(missing_ok=True)
    _folder_file(collection, locator).unlink(missing_ok=True)


def _relative(collection: Collection, locator: str) -> PurePosixPath | None:
    """Return a folder's path, checking that its locator matches, so that no message can point elsewhere."""
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
    except (AttributeError, TypeError, ValueError):  # written by a later version: the set is checked again
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
