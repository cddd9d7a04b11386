"""Consistency checks of claims, records, ANON folders, lines, published files and originals.

They report but never repair, because what looks like rubbish may be the only trace of a set. Each finding says what a
person should do.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from services import plain_files
from services.layout import ANON_NAME, published_in
from services.maintenance.originals import same_source, set_ids, taken_sets
from services.publication import attempts, claims, persons
from services.runtime import durable_files
from services.store import given_identities, notes, records, registry, tracking_lines
from services.store.records import folder_name
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.publication.claims import Claim
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.store.records import Record
    from services.store.registry import Outcome

TELLS: Final = frozenset({"taken-away", "in-work", "staging", "not-rendered", "adopted", "original-gone", "formula"})
"""Codes of information that requires no action."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An inconsistency, or something that changed unexpectedly."""

    code: str
    where: str
    """`ANON_006`, or a set's folder: for the share's users only."""

    found: str
    remedy: str = ""

    @property
    def is_wrong(self) -> bool:
        """Return whether action is required."""
        return self.code not in TELLS


def examine(collection: Collection) -> Iterator[Finding]:
    """Yield findings on everything that a collection's state says of its sets, including files and originals.

    Raises
    ------
    OSError
        The share is unavailable, or something on it cannot be read.
    """
    collection.check_there()
    seen = _Seen(collection)
    yield from _listed(collection)
    yield from seen.claims()
    yield from seen.published()
    yield from seen.folders()
    yield from seen.lines()
    yield from seen.staging()
    yield from seen.originals()
    yield from _not_clean(collection)


def _listed(collection: Collection) -> Iterator[Finding]:
    """Yield errors in the list of identities, and its differences from what was published."""
    for fault in collection.identities.faults:
        yield Finding(
            "identity-list-wrong",
            "",
            str(fault),
            "Correct the row. No set is processed until the whole list is valid.",
        )
    for one in given_identities.changed(collection):
        yield Finding(
            "identity-row-changed",
            folder_name(one.index),
            one.says,
            f"Restore the row; or withdraw the set with `anonymizer withdraw ROOT {folder_name(one.index)}` and "
            "process the set again with `anonymizer retry ROOT SET --as-new`.",
        )


def not_readable(folder: str, text: str) -> Finding:
    """Return the finding of an unreadable set."""
    return Finding("not-readable", folder, text, "Change its owner, group or permissions (ACL).")


def _not_clean(collection: Collection) -> Iterator[Finding]:
    """Yield the sets whose proof failed, with the attributes concerned."""
    for locator, outcome in registry.outcomes(collection):
        folder = registry.folder_of(collection, locator)
        for one in outcome.entries:
            if one.state is SetState.PARKED and one.proof and folder is not None and folder.is_dir():
                yield Finding(
                    "proof-failed",
                    collection.name_of(folder),
                    "\n".join(one.proof),
                    "Nothing of it was published. Report this text, which holds no value of the set, to the people who "
                    "made this program; then `anonymizer retry ROOT SET`.",
                )


def _changed(folder: str, says: str, name: str) -> Finding:
    return Finding(
        "original-changed",
        folder,
        says.format(name),
        f"Find out who changed it. If it was published too early, or wrongly, withdraw it first: `anonymizer withdraw "
        f"ROOT {name}`; only then `anonymizer retry ROOT SET --as-new`, or the bad set stays beside the good one.",
    )


def _gone(folder: str, name: str, other: str | None) -> Finding:
    """Report that an original is gone; `other` is a folder that holds the same set."""
    found = f"The folder that {name} was made from is gone or emptied."
    if other is not None:
        return Finding("original-gone", folder, found, f"Nothing: {other} holds the same set.")
    remedy = f"Nothing, if that was intended. Until it is back, {name} can be neither verified nor processed again."
    return Finding("original-gone", folder, found, remedy)


def _formulas(name: str, line: str) -> Iterator[Finding]:
    for column in tracking_lines.formulas(line):
        yield Finding(
            "formula",
            name,
            f"A spreadsheet would interpret the {column} of its tracking line as a formula.",
            "Import the tracking file into the spreadsheet with its columns as text.",
        )


class _Seen:
    """A collection at one moment. Changes made by a running service meanwhile may show once as an inconsistency."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        read = {index: records.read(collection, index) for index in records.indices(collection)}
        self._records: dict[int, Record] = {index: found for index, found in read.items() if found}
        self._claims: dict[int, Claim | None] = {
            int(found[1]): claims.at(collection, int(found[1]))
            for name in durable_files.names(collection.claims)
            if (found := claims.CLAIM_NAME.fullmatch(name))
        }
        self._lines: dict[int, dict[str, object] | None] = {}
        self._withdrawn: set[int] = set()
        for name in durable_files.names(collection.tracking):
            if (found := tracking_lines.ENTRY_NAME.fullmatch(name)) is None:
                continue
            if found[2] == "withdrawn":
                self._withdrawn.add(int(found[1]))
            else:
                self._lines[int(found[1])] = durable_files.read(collection.tracking / name)

    def claims(self) -> Iterator[Finding]:
        """Compare the two files of each claim with each other and with the records."""
        for index, claim in sorted(self._claims.items()):
            name, published = folder_name(index), self._records.get(index)
            if claim is None and published is None:
                yield Finding(
                    "claim-unreadable",
                    name,
                    "Its number is blocked by an unreadable claim, and nothing is published under it.",
                    f"No set gets this number. If no set is in work, delete .anonymizer/claims/{index:06d}.json.",
                )
            elif claim and published and published.set_id not in {claim.set_id, None}:
                yield Finding(
                    "claim-of-another",
                    name,
                    "Its claim and its record name different sets.",
                    "Restore all of .anonymizer from a backup, or ask the people who made this program.",
                )
            elif claim and published is None:
                yield Finding("in-work", name, "Its number is held by a set that is not published yet.")
            elif claim and published and published.set_id and claims.of(self._collection, claim.set_id) is None:
                yield Finding(
                    "set-not-recognized",
                    name,
                    "Its set would not be recognized if dropped again, and be published a second time.",
                    f"Copy .anonymizer/claims/{index:06d}.json to .anonymizer/sets/{claim.set_id}.json.",
                )
        for path in durable_files.records_in(self._collection.sets):
            claim = claims.of(self._collection, path.stem)
            if claim is None or self._claims.get(claim.index) != claim:
                yield Finding(
                    "half-a-claim",
                    folder_name(claim.index) if claim else "",
                    "A set has a number without a claim on it.",
                    "Drop the set again, or check it again with `anonymizer retry ROOT SET`: that repairs it.",
                )

    def published(self) -> Iterator[Finding]:
        """Compare each record with claim, line and folder."""
        for index, published in self._records.items():
            name = folder_name(index)
            if published.content.get("adopted"):
                yield Finding(
                    "adopted",
                    name,
                    "It was given by the older program, or before a backup was restored: to whom is not known.",
                )
                continue
            if published.forgotten:
                continue
            if published.set_id is None:
                yield Finding(
                    "record-unreadable",
                    name,
                    "Its record cannot be read; its number stays taken.",
                    f"Bring .anonymizer/records/{name}.json back from a backup.",
                )
                continue
            if index not in self._claims:
                yield Finding(
                    "no-claim",
                    name,
                    "It is published without a claim on its number. The record keeps the number taken.",
                    "The set would not be recognized if dropped again. Restore all of .anonymizer from a backup.",
                )
            yield from self._line_of(published)
            yield from self._folder_of(published)
            yield from self._person_of(published)

    def _person_of(self, published: Record) -> Iterator[Finding]:
        """Check the entry of the person whose key a linked set was made with."""
        name = str(published.content.get(persons.KEY, persons.OF_SET))
        if name != persons.OF_SET and persons.read(self._collection, name.partition(":")[2]) is None:
            yield Finding(
                "person-lost",
                folder_name(published.index),
                "It is linked to a person who is no longer known here.",
                "Restore all of .anonymizer from a backup, or the next set of this person gets another identity.",
            )

    def _line_of(self, published: Record) -> Iterator[Finding]:
        name = folder_name(published.index)
        if published.withdrawn:
            if published.index in self._lines:
                yield Finding("half-withdrawn", name, "It was withdrawn, but its line was not.", _AGAIN.format(name))
        elif published.index not in self._lines:
            yield Finding(
                "no-line",
                name,
                "It is published, but has no tracking line.",
                f"Bring .anonymizer/tracking/{published.index:06d}.json back from a backup.",
            )
        elif self._lines[published.index] is None:
            yield Finding(
                "line-unreadable",
                name,
                "Its tracking line cannot be read.",
                f"Bring .anonymizer/tracking/{published.index:06d}.json back from a backup.",
            )

    def _folder_of(self, published: Record) -> Iterator[Finding]:
        """Compare a published folder with the hashes in its record."""
        name = folder_name(published.index)
        folder = self._collection.root / name
        if published.withdrawn:
            if (folder / published.plan_name).exists():
                yield Finding("half-withdrawn", name, "It was withdrawn, but its folder was not.", _AGAIN.format(name))
            return
        if not os.path.lexists(folder):
            yield Finding("taken-away", name, "It was published, but is no longer here. It is not made again.")
            return
        expected = published.hashes
        there = set(published_in(folder)) if folder.is_dir() else set()
        missing, more = expected.keys() - there, there - expected.keys()
        changed = [file for file in sorted(expected.keys() & there) if records.hash_of(folder / file) != expected[file]]
        for files, what in ((missing, "are missing"), (more, "were added"), (changed, "are not what was published")):
            if files:
                yield Finding(
                    "files-changed",
                    name,
                    f"{len(files)} of its files {what}.",
                    f"Restore the folder from a copy, or withdraw it: `anonymizer withdraw ROOT {name}`.",
                )

    def folders(self) -> Iterator[Finding]:
        """Yield ANON folders without a record."""
        for name in sorted(durable_files.names(self._collection.root)):
            found = ANON_NAME.fullmatch(name)
            if found and int(found[1]) not in self._records:
                yield Finding(
                    "folder-without-record",
                    name,
                    "There is no record of it. Its number is not given to any set.",
                    "If a worker was killed just now, the service finishes it within a minute. Otherwise it was made "
                    "by hand or by another program: move it away.",
                )

    def lines(self) -> Iterator[Finding]:
        """Compare the tracking lines with the records, and the files with the lines."""
        for index in sorted((self._lines.keys() | self._withdrawn) - self._records.keys()):
            yield Finding(
                "line-without-record",
                folder_name(index),
                "It has a tracking line, but no record of its publication.",
                f"Bring .anonymizer/records/{folder_name(index)}.json back from a backup.",
            )
        in_files: Counter[bytes] = Counter()
        for path in tracking_lines.files_in(self._collection.root):
            try:
                in_files.update(tracking_lines.lines_of(path))
            except plain_files.NotPlain as wrong:
                yield Finding(
                    "tracking-file-unreadable", path.name, str(wrong), "Move it away: it will be written again."
                )
        for index, stored in sorted(self._lines.items()):
            line = str((stored or {}).get("line", ""))
            if index in self._withdrawn or not line:
                continue
            yield from _formulas(folder_name(index), line)
            if in_files[line.encode()] == 0:
                yield Finding(
                    "not-rendered",
                    folder_name(index),
                    "Its line is missing from the tracking file: the service, or the next run, adds it.",
                )

    def staging(self) -> Iterator[Finding]:
        """Yield remains of attempts."""
        if not self._collection.staging.is_dir():
            return  # left out by a backup, and made again when the collection is opened
        for path in attempts.all_of(self._collection):
            try:
                speaks, unfinished = attempts.is_half_published(path), durable_files.read(path / attempts.RECORD)
            except FileNotFoundError:
                continue
            index = (unfinished or {}).get("index")
            name = folder_name(index) if isinstance(index, int) else ""
            if speaks and not (self._collection.root / name).exists():
                yield Finding(
                    "unproven-publication",
                    name,
                    "An attempt was apparently published, but its folder is not where it should be.",
                    f"If {name} was moved away by hand, move it back for a minute. Until then its number stays taken.",
                )
            else:
                yield Finding("staging", name, "An attempt is being worked on, or is cleared within ten minutes.")

    def originals(self) -> Iterator[Finding]:
        """Compare each existing original with what was published of it."""
        for folder, outcome in self._outcomes:
            where = self._collection.name_of(folder) if folder else ""
            for one in outcome.entries:
                before = self._records.get(one.index or -1)
                if one.state is SetState.CHANGED and before is not None and not before.withdrawn:
                    yield _changed(where, "It has changed since it was published as {}.", folder_name(before.index))
            for one in outcome.published:
                published = self._records.get(one.index or -1)
                if published is None or published.set_id != one.set_id:
                    yield Finding(
                        "outcome-without-record",
                        where,
                        "It is noted as published, but has no record.",
                        "Restore all of .anonymizer from a backup.",
                    )
                elif folder is None or not folder.is_dir():
                    yield _gone(where, folder_name(published.index), self._copies.get(published.index))
                elif (found := self._original_if_readable(folder, published)) is not None:
                    yield found

    @cached_property
    def _outcomes(self) -> list[tuple[Path | None, Outcome]]:
        """Outcomes with their folders, whether or not these still exist; None for one that was never registered."""
        return [
            (registry.folder_of(self._collection, locator), outcome)
            for locator, outcome in registry.outcomes(self._collection)
        ]

    @cached_property
    def _copies(self) -> dict[int | None, str]:
        """Folders with a set that was published from another one, by its index; a renamed folder is one."""
        return {
            one.index: self._collection.name_of(folder)
            for folder, outcome in self._outcomes
            for one in outcome.entries
            if one.state is SetState.SAME_SET and folder is not None and folder.is_dir()
        }

    def _original_if_readable(self, folder: Path, published: Record) -> Finding | None:
        try:
            return self._original(folder, published)
        except PermissionError as denied:
            shown = self._collection.shown(PurePath(denied.filename or folder))
            return not_readable(self._collection.name_of(folder), notes.may_not_be_read(shown))

    def _original(self, folder: Path, published: Record) -> Finding | None:
        name = folder_name(published.index)
        sets = taken_sets.sets_in(folder, self._collection)
        if not sets and taken_sets.is_emptied(folder):
            return _gone(self._collection.name_of(folder), name, self._copies.get(published.index))
        if not sets:
            says = "The folder no longer holds the whole set that was published as {}."
            return _changed(self._collection.name_of(folder), says, name)
        if any(self._is_source(rtset, published) for rtset in sets):
            return None
        return _changed(self._collection.name_of(folder), "It is not, byte for byte, what was published as {}.", name)

    def _is_source(self, rtset: RtSet, published: Record) -> bool:
        """Return whether a set is the source of a record."""
        collection = self._collection
        key, folder = persons.secret_of(collection, published), collection.root / folder_name(published.index)
        return any(
            published.set_id == named.set_id and same_source.is_the_same(rtset, named.content, key, published, folder)
            for named in set_ids.names(collection, rtset)
        )


_AGAIN: Final = "A withdrawal was interrupted: run `anonymizer withdraw ROOT {}` again."
