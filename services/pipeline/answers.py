"""Result for a set: its state, its codes, and the text for the person who dropped it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.errors import Fault, SetChanged, SetRefused
from services.language import gettext, gettext_noop
from services.maintenance import linking
from services.maintenance.originals import same_source
from services.publication import persons, same_person, unread_words
from services.rtset import damage, unfinished_pixels
from services.store import notes, records, registry
from services.store.records import folder_name
from services.store.registry import SetOutcome
from services.store.set_state import SetState
from services.verdict import failed_proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from services.dicom.elements import Malformed
    from services.errors import SetIncomplete, SetWaits
    from services.pipeline.one_set import OneSet
    from services.publication.persons import Person
    from services.rtset.reader import RtSet
    from services.rtset.unfinished_pixels import Doubt
    from services.store.records import Record

PARKED: Final = gettext_noop(
    "This set could not be anonymized, which is not the fault of the person who exported it. It was not "
    "published. An operator of this program must investigate: its log has details. `anonymizer "
    "retry` tries again."
)
NOT_CLEAN: Final = gettext_noop(
    "The anonymized set did not pass its proof and was not published. This is not the fault of the person who "
    "exported it, and another attempt would fail, too: an operator of this program must "
    "investigate or report it. The proof found:"
)
_MOST_TOLD: Final = 6
"""Maximum number of reasons of a failed proof shown to a person; the log has all."""

UNREAD: Final = "unread-words"
"""Code of a set that waits for a person to review words in its texts."""

SAME: Final = gettext_noop("This is the set that was published as {name}. It was not published again.")


class Answer(NamedTuple):
    """Result for one set, and the text beside its folder."""

    entry: SetOutcome

    note: str = ""
    """Text of the NOTE; empty if there is none."""

    faults: tuple[Fault, ...] = ()
    """Content of the REFUSED file."""


def parked_text(proof: Sequence[str] = ()) -> str:
    """Return the text for a parked set, with the findings of a failed proof.

    Parameters
    ----------
    proof
        Findings of a failed proof; empty if something else failed.
    """
    more = len(proof) - _MOST_TOLD
    lines = [
        *map(failed_proof.in_words, proof[:_MOST_TOLD]),
        *([gettext("and {count} more, which are in the log", count=more)] if more > 0 else []),
    ]
    return "\n".join([gettext(NOT_CLEAN), *lines]) if proof else gettext(PARKED)


class Answers:
    """The possible results for one set."""

    def __init__(self, one: OneSet) -> None:
        self._one = one

    def published(
        self,
        set_id: str,
        index: int,
        content: str,
        doubts: Sequence[Doubt],
        person: Person | None,
        elsewhere: Callable[[int], str],
    ) -> Answer:
        """Return the result for a set just published, by this worker or concurrently by another."""
        found = records.read(self._one.collection, index)
        if found and found.content.get("source") != content:
            raise SetChanged  # another set of the same UIDs was first: restart to determine the result for this one
        if self._one.other_folder(set_id) is None:
            on_person = self._person_sentences(set_id, index, person, elsewhere)
            note = self._beside(doubts, on_person, index)
            return self._answer(SetState.PUBLISHED, note, set_id=set_id, index=index, text=on_person)
        text = gettext(SAME, name=folder_name(index))
        return self._answer(SetState.SAME_SET, text, set_id=set_id, index=index, text=text)

    def _person_sentences(self, set_id: str, index: int, person: Person | None, elsewhere: Callable[[int], str]) -> str:
        """Note the person of a published set; return sentences on their other sets, here and in other collections."""
        return " ".join(filter(None, (self._person_here(set_id, index, person), elsewhere(index))))

    def _person_here(self, set_id: str, index: int, person: Person | None) -> str:
        collection = self._one.collection
        record = records.read(collection, index)
        name = str(record.content.get(persons.KEY, persons.OF_SET)) if record is not None else persons.OF_SET
        if name == persons.OF_SET:
            return same_person.note_and_report(collection, person)
        return linking.report(collection, name.partition(":")[2], set_id, index)

    def already_published(
        self,
        set_id: str,
        rtset: RtSet,
        content: str,
        published: Record,
        elsewhere: Callable[[int], str],
        doubts: Sequence[Doubt] = (),
    ) -> Answer:
        """Return the result for a set already published: nothing is made of it; a person decides on a changed one."""
        collection, name = self._one.collection, folder_name(published.index)
        state, text = self._one.published_here(set_id), ""
        as_new = gettext(
            "If it is to be collected as a set of its own: anonymizer retry ROOT {called} --as-new",
            called=self._one.called,
        )
        if not published.withdrawn:
            bad = gettext("If {name} is wrong, withdraw it first: anonymizer withdraw ROOT {name}", name=name)
            as_new = f"{as_new}. {bad}"
        if published.withdrawn:
            state = SetState.WITHDRAWN
            text = gettext(
                "This is the set that was published as {name} and then withdrawn. It was not published again. {as_new}",
                name=name,
                as_new=as_new,
            )
        elif published.set_id != set_id:
            state = SetState.CHANGED
            text = gettext(
                "Its plan was published as {name}, with other objects: some have been added, removed or "
                "exported again since. It was not published again. {as_new}",
                name=name,
                as_new=as_new,
            )
        elif not same_source.is_the_same(
            rtset, content, persons.secret_of(collection, published), published, collection.root / name
        ):
            state = SetState.CHANGED
            text = gettext(
                "Its objects have the UIDs of the set that was published as {name}, but they have changed. It "
                "was not published again. {as_new}",
                name=name,
                as_new=as_new,
            )
        elif state is SetState.SAME_SET:
            text = gettext(SAME, name=name)
        if text:
            return self._answer(state, text, set_id=set_id, index=published.index, text=text)
        person = same_person.described(collection, rtset, published.index, self._one.hospital)
        on_person = self._person_sentences(set_id, published.index, person, elsewhere)
        note = self._beside(doubts, on_person, published.index)
        return self._answer(state, note, set_id=set_id, index=published.index, text=on_person)

    def forgotten(self, set_id: str) -> Answer:
        """Return the result for a set erased on request, which a person may decide to publish again."""
        text = gettext(
            "This set was published here and then forgotten: all its data were erased on request. It was not "
            "published again. If it may be collected again: anonymizer retry ROOT {called} --as-new",
            called=self._one.called,
        )
        return self._answer(SetState.CHANGED, text, codes=("forgotten",), set_id=set_id, text=text)

    def refused(self, refused: SetRefused) -> Answer:
        """Return the result for a refused set."""
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in refused.faults)
        codes = tuple(fault.code for fault in refused.faults)
        entry = self._answer(SetState.REFUSED, codes=codes, index=self._one.made_before(), text=text).entry
        return Answer(entry, faults=refused.faults)

    def unreadable(self, malformed: Malformed) -> Answer:
        """Return the result for a set in which writing found invalid DICOM."""
        reason = damage.in_words(str(malformed))
        found = gettext("An object of the set cannot be read as DICOM: {reason}.", reason=reason)
        return self.refused(SetRefused(Fault("file-unreadable", found, gettext("Export the set once more."))))

    def waiting(self, incomplete: SetIncomplete) -> Answer:
        """Return the result for a set with missing objects that may still arrive."""
        text = "\n".join(fault.found for fault in incomplete.faults)
        codes = tuple(fault.code for fault in incomplete.faults)
        note = gettext("It is not complete yet, and waits:") + "\n" + text
        return self._answer(SetState.WAITING, note, codes=codes, index=self._one.made_before(), text=text)

    def waits_for_person(self, waits: SetWaits) -> Answer:
        """Return the result for a set that waits for a person's decision."""
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in waits.faults)
        codes = tuple(fault.code for fault in waits.faults)
        note = gettext("It waits for a person:") + "\n" + text
        return self._answer(SetState.WAITING, note, codes=codes, index=self._one.made_before(), text=text)

    def not_readable(self, file: str) -> Answer:
        """Return the result for a folder with something unreadable."""
        text = notes.may_not_be_read(file)
        return self._answer(SetState.NOT_READABLE, text, index=self._one.made_before(), text=text)

    def doubted(self, doubts: Sequence[Doubt]) -> Answer:
        """Return the result for a set that may be half copied, which waits once."""
        text = "\n".join(doubt.text for doubt in doubts)
        note = gettext("It may be incompletely copied, and is checked once more:") + "\n" + text
        codes = (unfinished_pixels.CODE, registry.SECOND_LOOK)
        return self._answer(SetState.WAITING, note, codes=codes, index=self._one.made_before(), text=text)

    def _beside(self, doubts: Sequence[Doubt], person: str, index: int) -> str:
        """Return the note for a published set: half-copied files, its person, and unreviewed words.

        Omitted for the person if someone declared it a set of its own.
        """
        is_known = registry.counts_as_new(self._one.collection, self._one.locator, self._one.seen.fingerprint)
        lines = [gettext("It was published.") + " " + person] if person and not is_known else []
        found = unread_words.read(self._one.collection, index)
        unread = unread_words.unread(self._one.collection, found) if found else []
        words = gettext("It was published.") + " " + unread_words.note(unread) if unread else ""
        return "\n".join(filter(None, (*lines, _of_doubts(doubts), words)))

    def _answer(self, state: SetState, note: str = "", **more: Any) -> Answer:
        return Answer(SetOutcome(state, plan=self._one.plan, ordinal=self._one.ordinal, **more), note)

    def unread_words(self, words: Iterable[str]) -> Answer:
        """Return the result for a set held back, without a number, until a person decides on its unknown words."""
        text = unread_words.note(words)
        note = gettext("It waits until a person has reviewed words in its texts.") + "\n" + text
        return self._answer(SetState.UNREAD_WORDS, note, codes=(UNREAD,), text=text)


def _of_doubts(doubts: Sequence[Doubt]) -> str:
    """Return the note on a published set that may be half copied; empty otherwise."""
    text = "\n".join(doubt.text for doubt in doubts)
    return gettext("It was published. Check whether it was copied completely:") + "\n" + text if text else ""
