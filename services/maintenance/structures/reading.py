"""Reading of structure names of a collection's sets, as they are without the list.

Sets are read as by the check; refused ones are skipped until repaired. Names are cleaned of patient identifiers and of
words that a person has removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from services.deidentify.replacements import identifiers_of
from services.deidentify.structure_renaming import Renaming, code_meanings, names_of
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.unread_words import Rule, evidence_of
from services.errors import SetChanged, SetRefused
from services.forms.collection_form import ACCEPTABLE
from services.maintenance.plan_choice import is_chosen
from services.maintenance.structures import published
from services.policy.table import policy_for
from services.publication import unread_words
from services.rtset import folder_listing, unfinished_pixels
from services.store import records, registry
from services.verdict import folder_sets
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from services.forms.structure_list import Naming
    from services.policy.text_roles import Text
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.verdict.folder_sets import SetVerdict


@dataclass(frozen=True, slots=True)
class SetNames:
    """Structures of one set, before decisions on their names are applied."""

    folder: str

    ordinal: int = 0
    """Of several sets of a folder, as printed by `check`; 0 for the only one."""

    cleaner: Cleaner | None = None
    """None if the set was refused or is changing."""

    texts: tuple[Text, ...] = ()
    names: Sequence[tuple[int, str]] = ()
    meanings: Mapping[int, str] | None = None

    index: int | None = None
    """Index under which the set is published."""

    published: Mapping[int, str] | None = None
    """Published structure names by ROI Number; None if the folder does not exist."""

    def named_by(self, naming: Naming) -> Renaming | None:
        """Return the structure names that a list gives."""
        return Renaming(self.cleaner, self.texts, naming, self.names, self.meanings) if self.cleaner else None


class Reader:
    """Repeatedly reads the names of a collection's sets, re-reading only changed ones."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, tuple[SetNames, ...]]] = {}

    def read(
        self,
        collection: Collection,
        folders: Sequence[Path],
        many: Callable[..., Iterable[tuple[SetNames, ...]]] = map,
    ) -> list[SetNames]:
        """Return the names of each readable set, skipping folders without DICOM.

        Parameters
        ----------
        many
            Like `map`; for many sets, that of a process pool.
        """
        looks = {folder: look for folder in folders if (look := _version(folder, collection)) is not None}
        fresh = [folder for folder, look in looks.items() if self._known.get(folder, (None,))[0] != look]
        persons = unread_words.persons(collection) if fresh else {}
        reading = partial(read_folder, collection=collection, persons=persons)
        for folder, names in zip(fresh, many(reading, fresh), strict=True):
            self._known[folder] = looks[folder], names
        return [names for folder in looks for names in self._known[folder][1]]


def read_folder(folder: Path, collection: Collection, persons: Mapping[str, frozenset[str]]) -> tuple[SetNames, ...]:
    """Read the names of each set of a folder, regardless of machine fit and accepted codes.

    Empty if the folder has no DICOM, or none of its plans was chosen yet.

    Parameters
    ----------
    persons
        The collection's words for review, with the persons in whose sets they occur.
    """
    options = replace(collection.options, accept=ACCEPTABLE | {unfinished_pixels.CODE})
    name, chosen = collection.name_of(folder), partial(is_chosen, collection, folder)
    try:
        listing = folder_listing.take(folder)
        judged = folder_sets.judge(folder, options, (), policy_for(options), listing, chosen)
    except (SetRefused, SetChanged, OSError):
        return (SetNames(name),)
    return tuple(_read(one, name, collection, persons) for one in judged.sets if not one.verdict.empty)


def _read(one: SetVerdict, folder: str, collection: Collection, persons: Mapping[str, frozenset[str]]) -> SetNames:
    rtset = one.verdict.rtset
    if rtset is None:
        return SetNames(folder, one.ordinal)
    texts = tuple(text for text in rtset.texts if text.role in {"roi_name", "roi_label"})
    index = published.index_of(collection, rtset)
    cleaner = Cleaner(identifiers_of(rtset), rtset.texts, _rule(collection, rtset, index, persons))
    there = published.structure_names(collection, index) if index is not None else None
    view = rtset.structure_set.view
    return SetNames(folder, one.ordinal, cleaner, texts, names_of(view), code_meanings(view), index, there)


def _rule(collection: Collection, rtset: RtSet, index: int | None, persons: Mapping[str, frozenset[str]]) -> Rule:
    """Return which words are removed from the set's names when it is published."""
    stored = unread_words.read(collection, index) if index is not None else None
    own = {stored.patient} if stored else set()
    texts = "\n".join(fold(text.value) for text in rtset.texts)
    elsewhere = frozenset(word for word, of_word in persons.items() if of_word - own and word in texts)
    replaced = collection.options.unread_words == "replace"
    hospital = collection.hospital_named(rtset.folder)
    return Rule(evidence_of(rtset, hospital), collection.decisions, replaced, partial(_is_among, elsewhere))


def _is_among(folded: frozenset[str], word: str) -> bool:
    return fold(word) in folded


def _version(folder: Path, collection: Collection) -> object:
    """Return a value that changes when the names of a set may have changed, or those of its published version."""
    locator = collection.locator(collection.name_of(folder))
    outcome = registry.read_outcome(collection, locator)
    indices = outcome.indices if outcome else ()
    options, choice = collection.options, registry.chosen(collection, locator)
    try:
        files = folder_listing.take(folder).fingerprint
    except (OSError, SetRefused):
        return None
    at = [_changed_at(records.path_of(collection, index)) for index in indices]
    return files, indices, at, choice, options.plans, collection.decisions, options.unread_words


def _changed_at(record: Path) -> int:
    try:
        return record.stat().st_mtime_ns
    except OSError:
        return 0
