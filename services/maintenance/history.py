"""Folder, state and history of a set given by an opaque id, from the share alone.

Logs, metrics and Flower identify a set by its locator, deliveries and sheets by its ANON number; only the share knows
the folder. The result names patients' folders, so is for people who may see the share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.language import counted
from services.layout import ANON_NAME, is_there
from services.publication import claims
from services.rtset import folder_listing
from services.runtime import audit, durable_files
from services.store import failures, records, registry, releases
from services.store.records import folder_name
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.publication.claims import Claim
    from services.store.collection import Collection
    from services.store.records import Record
    from services.store.registry import Outcome

ID_DIGITS: Final = 32
OPAQUE_ID: Final = re.compile(r"([0-9a-f]{8,32})…?")
"""Complete, or as much of it as Flower shows."""


class Event(NamedTuple):
    """Event in the history of a set."""

    at: str
    """ISO 8601; empty if unknown."""

    what: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A folder matching an id, or a published set whose folder is unknown."""

    state: SetState
    """State according to the share; only Redis knows what is queued or being processed."""
    locator: str
    folder: Path | None
    outcome: Outcome | None
    """Latest outcome; for a folder changed since, that of its earlier contents."""
    set_ids: tuple[str, ...]
    indices: tuple[int, ...]
    history: tuple[Event, ...]

    @property
    def anon(self) -> tuple[str, ...]:
        """The ANON folders that were, or will be, made from it."""
        return tuple(map(folder_name, self.indices))


def is_id(text: str) -> bool:
    """Return whether a text looks like an id."""
    return ANON_NAME.fullmatch(text) is not None or OPAQUE_ID.fullmatch(text) is not None


def follow(collection: Collection, wanted: str) -> list[Followed]:
    """Return what an id stands for in a collection; empty if it is unknown there.

    Parameters
    ----------
    wanted
        A locator, a set id, the first eight or more digits of one, or the name of an ANON folder.

    Raises
    ------
    OSError
        The share is unavailable or unreadable.
    """
    if not is_id(wanted):
        return []
    meant = [wanted] if ANON_NAME.fullmatch(wanted) else _complete_ids(collection, wanted.removesuffix("…"))
    found = {(one.locator, one.indices): one for each in meant for one in _follow(collection, each)}
    return list(found.values())


def _complete_ids(collection: Collection, beginning: str) -> list[str]:
    """Return the ids with this prefix; a complete id is returned even if the share has no file of that name."""
    names = (*durable_files.names(collection.folders), *durable_files.names(collection.sets))
    known = {name.removesuffix(".json") for name in names if name.startswith(beginning)}
    return sorted(known | ({beginning} if len(beginning) == ID_DIGITS else set()))


def _follow(collection: Collection, wanted: str) -> list[Followed]:
    number = ANON_NAME.fullmatch(wanted)
    read = {index: records.read(collection, index) for index in records.indices(collection)}
    published = {index: one for index, one in read.items() if one is not None}
    index = int(number[1]) if number else None
    claim = claims.at(collection, index) if index is not None else claims.of(collection, wanted)
    locators = set(_locators(collection, wanted, index, published)) | ({claim.locator} if claim else set())
    held = [*claims.unpublished(collection), *([claim] if claim else [])]
    found = [_followed(collection, locator, published, held) for locator in sorted(locators)]
    orphans = [one for one in published.values() if index == one.index or wanted == one.set_id]
    known = {each for one in found for each in one.indices}
    return found + [_without_folder(collection, one) for one in orphans if one.index not in known]


def _locators(collection: Collection, wanted: str, index: int | None, published: dict[int, Record]) -> Iterator[str]:
    """Yield the locators of the folders that an id may refer to."""
    if index is None and registry.folder_of(collection, wanted) is not None:
        yield wanted
    set_id = published[index].set_id if index in published else wanted
    for locator, outcome in registry.outcomes(collection):
        if set_id in outcome.set_ids or (index is not None and index in outcome.indices):
            yield locator


def _followed(collection: Collection, locator: str, published: dict[int, Record], claimed: Iterable[Claim]) -> Followed:
    outcome = registry.read_outcome(collection, locator)
    held = [claim for claim in claimed if claim.locator == locator]
    set_ids = {*(outcome.set_ids if outcome else ()), *(claim.set_id for claim in held)}
    of_sets = {index for index, one in published.items() if one.set_id in set_ids}
    indices = sorted({*(outcome.indices if outcome else ()), *(claim.index for claim in held), *of_sets})
    history = _history(collection, locator, outcome, [published[index] for index in indices if index in published])
    folder = registry.folder_of(collection, locator)
    state = _state(folder, outcome)
    return Followed(state, locator, folder, outcome, tuple(sorted(set_ids)), tuple(indices), history)


def _state(folder: Path | None, outcome: Outcome | None) -> SetState:
    try:
        if folder is None or not is_there(folder):
            return SetState.GONE
        is_same = outcome is not None and folder_listing.fingerprint(folder) == outcome.fingerprint
    except OSError:
        return SetState.NOT_READABLE
    return outcome.state if outcome and is_same else SetState.NEW


def _without_folder(collection: Collection, published: Record) -> Followed:
    set_ids = (published.set_id,) if published.set_id else ()
    state = SetState.WITHDRAWN if published.withdrawn else SetState.PUBLISHED
    return Followed(state, "", None, None, set_ids, (published.index,), _history(collection, "", None, [published]))


def _history(
    collection: Collection, locator: str, outcome: Outcome | None, published: Iterable[Record]
) -> tuple[Event, ...]:
    """Collect events in chronological order, those without a time last."""
    published = list(published)
    names = {folder_name(one.index) for one in published}
    events = [*_of_records(collection, published), *_of_audit(collection, locator, names)]
    if outcome is not None:
        reasons = f" ({', '.join(outcome.codes)})" if outcome.codes else ""
        events.append(Event(outcome.at, f"{outcome.state.replace('-', ' ')}{reasons}"))
    if locator and (failed := failures.reasons_of_folder(collection, locator)):
        events.append(Event("", f"failed {counted(len(failed), 'time')}: {', '.join(failed)}"))
    return tuple(sorted(events, key=_when))


def _when(event: Event) -> str:
    """Return the sort key of an event: date-only events come last on their day, events without a time last of all."""
    return event.at if "T" in event.at else f"{event.at or '~'}T~"


def _of_records(collection: Collection, published: Iterable[Record]) -> Iterator[Event]:
    for one in published:
        name = folder_name(one.index)
        yield Event(one.at, f"published as {name}")
        if one.withdrawn:
            yield Event(one.withdrawn, f"{name} {'forgotten' if one.forgotten else 'withdrawn'}")
        for decision in releases.history(collection, one.index):
            yield Event(decision.at, f"{name} {decision.state} by {decision.role}")


def _of_audit(collection: Collection, locator: str, names: set[str]) -> Iterator[Event]:
    for line in audit.read(collection.state):
        if (locator and line.get("set") == locator) or names & _named(line):
            yield Event(
                str(line.get("at", "")), f"{line.get('act', '')} by {line.get('user', '')}, {line.get('by', '')}"
            )


def _named(line: dict[str, Any]) -> set[str]:
    """Return the ANON folders named in a line of the audit."""
    sets = line.get("sets")
    return {str(line.get("anon", "")), *(map(str, sets) if isinstance(sets, list) else ())}
