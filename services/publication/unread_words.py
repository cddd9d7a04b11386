"""Words of each set for a person to review, `.anonymizer/words/<index>.json`, and the list compiled from them.

The holder of the collection renders `words.csv` from these files, as it does the tracking file: it updates its own
columns and keeps what a person wrote into the others. A set that waits for a person has no index yet: its file is named
by its locator, and deleted once the set has an index.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from services.forms import word_list
from services.forms.word_list import Row
from services.language import gettext, gettext_noop
from services.runtime import durable_files
from services.store import records, registry
from services.store.records import folder_name
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.forms.word_list import State
    from services.store.collection import Collection

SCHEMA: Final = 1
_MOST_TEXTS: Final = 3
_LONGEST_CELL: Final = 300

KINDS: Final[Mapping[str, str]] = {
    "roi_name": gettext_noop("ROI name"),
    "roi_label": gettext_noop("ROI label"),
    "structure_set_label": gettext_noop("structure set label"),
    "plan_label": gettext_noop("plan label"),
    "beam_name": gettext_noop("beam name"),
    "tolerance_label": gettext_noop("tolerance table label"),
    "dose_reference": gettext_noop("dose reference"),
    "code_meaning": gettext_noop("code meaning"),
    "text": gettext_noop("text"),
    "technical": gettext_noop("technical text"),
    "product": gettext_noop("product text"),
    "coded": gettext_noop("coded value"),
    "coded_fixed": gettext_noop("coded value that cannot be removed"),
}
"""Names of the kinds of text in the list."""

_REASONS: Final = frozenset(
    (
        gettext_noop("the folder's name"),
        gettext_noop("the hospital's name"),
        gettext_noop("a comment on the person"),
        gettext_noop("a description that was removed"),
        gettext_noop("a name or comment that was removed"),
        gettext_noop("a file's name"),
        gettext_noop("an object that was left out"),
        gettext_noop("initials of a name"),
        gettext_noop("one letter off a name"),
        gettext_noop("the end of an ID"),
        gettext_noop("the beginning of an ID"),
    )
)
"""Why a word may identify, as stored; `deidentify.unread_words` gives these reasons."""


@dataclass(frozen=True, slots=True)
class SetWords:
    """Words of one set for a person to review."""

    index: int | None
    """None while it waits and has no number."""

    locator: str
    patient: str
    """Mark that identifies sets of the same person."""

    plan: str
    """Mark of its plan, if its folder holds several."""

    words: tuple[Mapping[str, Any], ...]
    """`word`, `texts` by kind, `why`."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, aggregated over the sets of a collection."""

    word: str
    texts: Mapping[str, tuple[str, ...]]
    indices: tuple[int, ...]
    """Published sets that contain it."""
    waiting: tuple[str, ...]
    """Locators of the sets that wait for a person because of it."""
    why: str
    state: State
    note: str = ""

    @property
    def sets(self) -> int:
        """Number of sets that contain it."""
        return len(self.indices) + len(self.waiting)

    @property
    def anon(self) -> list[str]:
        """The published sets that contain it: `ANON_006`."""
        return [folder_name(index) for index in self.indices]

    @property
    def where(self) -> str:
        """Locations by kind, with examples of the texts; kinds with the same texts are named together."""
        kinds: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for kind, some in self.texts.items():
            kinds[some].append(gettext(KINDS.get(kind, kind)))
        listed = "; ".join(f"{', '.join(names)}: {', '.join(some)}" for some, names in kinds.items())
        return listed if len(listed) <= _LONGEST_CELL else f"{listed[: _LONGEST_CELL - 1]}…"

    @property
    def reasons(self) -> str:
        """Why it may identify, in the current language."""
        return ", ".join(map(_reason, self.why.split(", ")))


def _reason(why: str) -> str:
    return gettext(why) if why in _REASONS else why


def write(
    collection: Collection,
    index: int | None,
    locator: str,
    patient: str,
    words: Sequence[Mapping[str, Any]],
    plan: str = "",
) -> None:
    """Store the words of a set for review, replacing earlier ones; stores nothing if there are none."""
    path = collection.words / (f"{index:06d}.json" if index is not None else _waiting_name(locator, plan))
    if not words:
        path.unlink(missing_ok=True)
        return
    collection.words.mkdir(exist_ok=True)
    stored = {"schema": SCHEMA, "index": index, "locator": locator, "plan": plan, "patient": patient}
    data = durable_files.encode({**stored, "words": list(words)})
    durable_files.write_atomically(path, data, staging=collection.staging)


def forget(collection: Collection, locator: str, plan: str = "") -> None:
    """Delete the words of a set that waited; `plan` is the mark of its plan, if its folder holds several."""
    (collection.words / _waiting_name(locator, plan)).unlink(missing_ok=True)


def _waiting_name(locator: str, plan: str) -> str:
    return f"{locator}.{plan}.json" if plan else f"{locator}.json"


def read(collection: Collection, index: int) -> SetWords | None:
    """Return the words of a published set; None if none were stored."""
    return _read(collection, f"{index:06d}.json")


def every(collection: Collection) -> Iterator[SetWords]:
    """Yield the words of each published or waiting set, published ones first."""
    names = sorted(durable_files.names(collection.words)) if collection.words.is_dir() else []
    for name in sorted((name for name in names if name.endswith(".json")), key=lambda name: (len(name), name)):
        found = _read(collection, name)
        if found is not None and _is_there(collection, found):
            yield found


def persons(collection: Collection) -> dict[str, frozenset[str]]:
    """Return the words of all sets, folded, each with the marks of the persons in whose sets it occurs."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for one in every(collection):
        for each in one.words:
            found[fold(each["word"])].add(one.patient)
    return {word: frozenset(of_word) for word, of_word in found.items()}


def unread(collection: Collection, found: SetWords) -> list[str]:
    """Return the words of a set not yet approved by a person, which must not leave the hospital."""
    decisions = collection.decisions
    return [each["word"] for each in found.words if not decisions.is_fine(each["word"])]


def count_unread(collection: Collection, index: int) -> int:
    """Count the words of a published set not yet approved; those in its record if none are stored."""
    found = read(collection, index)
    if found is not None:
        return len(unread(collection, found))
    record = records.read(collection, index)
    noted = record.content.get("words") if record else None
    return int(noted.get("unread", 0)) if isinstance(noted, dict) else 0


def gathered(collection: Collection, sheet: word_list.Sheet | None = None) -> list[Word]:
    """Aggregate the words of all sets, most frequent first."""
    sheet = word_list.read(collection.root) if sheet is None else sheet
    rows = {fold(row.word): row for row in sheet.rows}
    spelled: dict[str, str] = {}
    texts: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    sets: defaultdict[str, list[SetWords]] = defaultdict(list)
    for one in every(collection):
        for each in one.words:
            folded = fold(each["word"])
            spelled.setdefault(folded, each["word"])
            sets[folded].append(one)
            reasons[folded] |= {each["why"]} - {""}
            for kind, some in each["texts"].items():
                texts[folded][kind] |= set(some)
    found = []
    for folded in sorted(sets, key=lambda folded: (-len(sets[folded]), folded)):
        row = rows.get(folded)
        found.append(
            Word(
                row.word if row else spelled[folded],
                {kind: tuple(sorted(some)[:_MOST_TEXTS]) for kind, some in sorted(texts[folded].items())},
                tuple(one.index for one in sets[folded] if one.index is not None),
                tuple(one.locator for one in sets[folded] if one.index is None),
                ", ".join(sorted(reasons[folded])),
                row.state if row else "unread",
                row.note if row else "",
            )
        )
    return found


def cannot_go(word: Mapping[str, Any]) -> bool:
    """Return whether a word occurs in a value on which dose or import depend."""
    return "coded_fixed" in word["texts"]


def render(collection: Collection, words: Iterable[str] = (), state: State = "unread") -> None:
    """Update `words.csv`, applying a person's decision on some words if given.

    Raises
    ------
    SettingsWrong
        The list is invalid, or a person just changed it.
    """
    before = word_list.read(collection.root)
    decided = before.decided(words, state)
    with collection.speaking():
        rows = [Row(one.word, one.where, str(one.sets), one.reasons) for one in gathered(collection, decided)]
    if not rows and not decided.rows:
        return
    after = decided.updated(rows)
    if after.encoded() != before.encoded() or not (collection.root / word_list.FILE_NAME).exists():
        word_list.write(collection.root, after, instead_of=before)


def of_others(collection: Collection, patient: str) -> frozenset[str]:
    """Return the words of all sets of other persons, folded."""
    return frozenset(word for word, marks in persons(collection).items() if marks - {patient})


def note(words: Iterable[str]) -> str:
    """Return the lines of a note on unreviewed words."""
    listed = ", ".join(words)
    return gettext(
        "Words that nobody has read: {words}. Decide on them in {file}, or by: anonymizer words ROOT",
        words=listed,
        file=word_list.FILE_NAME,
    )


def to_withdraw(collection: Collection, indices: Iterable[int]) -> list[str]:
    """Return the published sets that cannot be made again because their originals are gone."""
    wanted = list(indices)
    there = set(_with_original(collection, set(wanted))) if wanted else set()
    return [folder_name(index) for index in wanted if index not in there]


def _with_original(collection: Collection, wanted: set[int]) -> Iterator[int]:
    """Yield those of some published sets whose originals are still there."""
    for locator, outcome in registry.outcomes(collection):
        if found := wanted & {one.index for one in outcome.published if one.index is not None}:
            folder = registry.folder_of(collection, locator)
            if folder is not None and folder.is_dir():
                yield from found


def _is_there(collection: Collection, found: SetWords) -> bool:
    if found.index is None:
        folder = registry.folder_of(collection, found.locator)
        return folder is not None and folder.is_dir()
    record = records.read(collection, found.index)
    return record is not None and not record.withdrawn


def _read(collection: Collection, name: str) -> SetWords | None:
    stored = durable_files.read(collection.words / name)
    if not stored or not isinstance(stored.get("words"), list):
        return None
    words = tuple(
        {"word": str(each["word"]), "texts": each.get("texts", {}), "why": str(each.get("why", ""))}
        for each in stored["words"]
        if isinstance(each, dict) and each.get("word")
    )
    return SetWords(
        stored.get("index"),
        str(stored.get("locator", "")),
        str(stored.get("patient", "")),
        str(stored.get("plan", "")),
        words,
    )
