"""Linking of sets of one person: a later set gets the person's identity, date shift, UID map and birth date.

A set is linked automatically only if its patient ID and its birth date match a known person and its sex does not
differ. Anything else waits for a person's decision: `anonymizer person ROOT SET ANON_007 | --new`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from services.deidentify import replacements
from services.deidentify.uid_map import UidMap
from services.dicom import dates
from services.dicom.dataset import read_view
from services.errors import Fault, SetWaits
from services.forms.identity import NewIdentity, is_near_age
from services.language import gettext, gettext_noop, joined
from services.layout import STATE_NAME
from services.maintenance.originals import set_ids, taken_sets
from services.publication import claims, persons, visits
from services.publication.persons import Person
from services.store import records, registry
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.dicom.dataset import View
    from services.forms.collection_form import Options
    from services.publication.index_ledger import Ledger
    from services.publication.new_identity import Becomes
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.store.records import Record
    from services.store.registry import WhoItIs

LINKED: Final = "linked"
"""Field of a record: what the set shares with its person's other sets."""

_HOW: Final = gettext_noop(
    "State who it is: `anonymizer person ROOT {set} ANON_007` with the number of a set of the same "
    "person, or `anonymizer person ROOT {set} --new` for somebody new."
)
_APART: Final = gettext_noop("It can only be published as somebody else: `anonymizer person ROOT {set} --new`.")


@dataclass(frozen=True, slots=True)
class Link:
    """A set and the person to whom it is linked."""

    person: Person
    """The entry that holds identity and key."""
    key: bytes
    shift: timedelta
    study_ids: Mapping[str, str]

    @property
    def key_name(self) -> str:
        """Key name as in the record."""
        return persons.key_of(self.person.hash)

    @property
    def identity(self) -> NewIdentity:
        """The person's identity."""
        return NewIdentity(self.person.patient_id, self.person.patient_name, self.person.index)

    @property
    def linked(self) -> replacements.Linked:
        """Values needed by the writer."""
        born = self.person.birth_date
        return replacements.Linked(date.fromisoformat(born) if born else None, self.study_ids)

    @property
    def birth_date(self) -> str:
        """The birth date in DICOM form."""
        return self.person.birth_date.replace("-", "")

    def as_json(self) -> dict[str, Any]:
        """Return the link as stored in the record; it contains no original values."""
        stored_values = {"birth_date": self.birth_date, "study_ids": dict(self.study_ids)}
        return {persons.KEY: self.key_name, LINKED: stored_values}


@dataclass(frozen=True, slots=True)
class Linking:
    """Linking of one set."""

    collection: Collection
    rtset: RtSet
    set_id: str
    called: str
    """The set's folder as named in commands."""
    stated: Person | None
    """The person as stated by the set; None if it has no patient ID."""
    decision: WhoItIs | None
    """A person's decision, if any."""

    def settle(self, ledger: Ledger, becomes: Becomes) -> Link:
        """Determine the person of an unpublished set, or add a new one, whose number is then reserved.

        Raises
        ------
        SetWaits
            The set may belong to a known person, or does but cannot be linked.
        redis.RedisError, OSError
            Temporary.
        """
        persons.prepare(self.collection)
        person = self._known()
        if person is None:
            person = self._reserve(ledger, becomes)
        if not person.is_complete:
            person = self._completed(person)
        key = persons.secret(self.collection, person)
        if key is None:
            raise self._waits(
                registry.FIRST_SET_GONE, gettext("The key of its person's first set was forgotten."), _APART
            )
        shift = timedelta(weeks=person.weeks)
        self._fit(person, key, shift)
        self._note_alias(person)
        return Link(person, key, shift, self._enter(person, key))

    def _known(self) -> Person | None:
        """Return the set's person, if known."""
        collection, decision = self.collection, self.decision
        if decision is not None and decision.number is not None:
            record = records.read(collection, decision.number)
            found = persons.of_published(collection, record) if record is not None else None
            if found is None:
                name = folder_name(decision.number)
                raise self._waits(
                    registry.FIRST_SET_GONE,
                    gettext("The person of {name} is not known here any more.", name=name),
                    _HOW,
                )
            return persons.root_of(collection, found)
        name = self._name()
        known = persons.read(collection, name)
        if known is None:
            return None
        self._require_certainty(known)
        return persons.root_of(collection, known)

    def _name(self) -> str:
        """Return the person's identifier, as stated by the set or decided by a person."""
        if self.decision is not None and self.decision.new:
            return self.collection.mark(b"new person " + self.decision.new.encode())[:32]
        if self.stated is None:
            found = gettext("It states no patient ID, so nobody can tell whether its patient was published before.")
            raise self._waits(registry.WHICH_PERSON, found, _HOW)
        return self.stated.hash

    def _require_certainty(self, known: Person) -> None:
        """Raise `SetWaits` unless the set's person is certainly the known one with the same patient ID."""
        if known.first == self.set_id or self.decision is not None:
            return
        if self.stated is not None and self.stated.is_surely(known):
            return
        name = folder_name(known.index)
        if self.stated is not None and self.stated.differs(known):
            found = gettext("Its patient ID is that of the person of {name}, but birth date or sex differ.", name=name)
        else:
            found = gettext(
                "Its patient ID is that of the person of {name}, but not both state a birth date.", name=name
            )
        raise self._waits(registry.WHICH_PERSON, found, _HOW)

    def _reserve(self, ledger: Ledger, becomes: Becomes) -> Person:
        """Add the set's person, unknown until now."""
        collection, name = self.collection, self._name()
        key = collection.set_key(persons.key_of(name))
        shift = dates.choose_shift(key, self.rtset.dates)
        new = replace(self.stated or Person(name, 0), hash=name, key=persons.key_of(name), first=self.set_id)
        new = _with_made_up(new, self.rtset, collection.options, key, shift)

        def named(index: int) -> Person:
            identity = becomes.numbered(collection.identity, index)
            return replace(new, index=index, patient_id=identity.patient_id, patient_name=identity.patient_name)

        known = ledger.reserve(named, becomes.index)
        self._require_certainty(known)
        return persons.root_of(collection, known) or known

    def _completed(self, person: Person) -> Person:
        """Add what was not recorded when the person's first set was published, before sets were linked.

        Raises
        ------
        SetWaits
            It can no longer be determined.
        """
        collection = self.collection
        record = records.read(collection, person.index)
        key = persons.secret(collection, person)
        plan = _published_plan(collection, record) if record is not None else None
        weeks = person.weeks or (_weeks_of_original(collection, record, key) if record and key else 0)
        if record is None or record.set_id is None or plan is None or not weeks:
            name = folder_name(person.index)
            found = gettext(
                "It is the same person as {name}, but only its original, which is no longer here, shows how its "
                "dates were moved.",
                name=name,
            )
            remedy = gettext_noop("Bring the original of {name} back; or: `anonymizer person ROOT {set} --new`.")
            raise self._waits(registry.FIRST_SET_GONE, found, remedy, name=name)
        born = dates.read_da(plan.raw("PatientBirthDate") or b"")
        visits.enter(collection, person.hash, record.set_id, _studies_of(collection, record))
        return persons.complete(
            collection,
            person,
            weeks=weeks,
            birth_date=born[0].isoformat() if born else "",
            capped=plan.text("PatientAge") == "090Y",
            patient_id=plan.text("PatientID"),
            patient_name=plan.text("PatientName"),
            dates=str(record.content.get("options", {}).get("dates", "")),
        )

    def _fit(self, person: Person, key: bytes, shift: timedelta) -> None:
        """Raise `SetWaits` unless a later set can share its person's values."""
        options, name = self.collection.options, folder_name(person.index)
        if person.dates and person.dates != options.dates:
            found = gettext(
                'It is of the person of {name}, published under dates = "{dates}": intervals would be wrong.',
                name=name,
                dates=person.dates,
            )
            raise self._waits(registry.DATES_OPTION, found, _APART)
        if options.dates == "shift" and dates.collides(self.rtset.dates, shift):
            found = gettext(
                "It is of the person of {name}, whose shift would move a date of this set onto another one of it.",
                name=name,
            )
            raise self._waits(registry.DATES_COLLIDE, found, _APART)
        own = replacements.person_of(self.rtset, options, key, shift)
        if (registry.AGE_OVER_89 in own.notes) != person.capped:
            found = gettext(
                "It is of the person of {name}, who has passed the age of 89 between the two sets: by the "
                "interval the one age would tell the other.",
                name=name,
            )
            raise self._waits(registry.AGE_OVER_89, found, _APART)
        studied = replacements.studied_on(self.rtset)
        day = dates.moved(studied, shift if options.dates == "shift" else timedelta()) if studied else None
        born = date.fromisoformat(person.birth_date) if person.birth_date else None
        if born and day and own.age and not person.capped and not is_near_age(own.age, born, day):
            found = gettext(
                "It is of the person of {name}, and states an age that is years away from theirs.", name=name
            )
            raise self._waits(registry.AGES_DIFFER, found, _APART)

    def _note_alias(self, person: Person) -> None:
        """Record a person's decision on another patient ID of a person, so that later sets are linked automatically."""
        if self.stated is not None and self.decision is not None:
            persons.alias(self.collection, self.stated, person)

    def _enter(self, person: Person, key: bytes) -> Mapping[str, str]:
        new_uid = UidMap(key)
        studies = {new_uid(uid) for file in self.rtset.set_files if (uid := file.uid("StudyInstanceUID"))}
        return visits.enter(self.collection, person.hash, self.set_id, studies)

    def _waits(self, code: str, found: str, remedy: str, **values: str) -> SetWaits:
        return SetWaits(Fault(code, found, gettext(remedy, set=self.called, **values)))


def of_published(collection: Collection, record: Record) -> Link | None:
    """Return the link of a published set that is being republished; None if it has its own key."""
    name = str(record.content.get(persons.KEY, persons.OF_SET))
    if name == persons.OF_SET:
        return None
    person = persons.read(collection, name.partition(":")[2])
    if person is None or not person.is_complete:
        lost = Fault(
            registry.FIRST_SET_GONE,
            gettext("Its person's entry is lost."),
            gettext("Restore all of {state} from a backup.", state=STATE_NAME),
        )
        raise SetWaits(lost)
    study_ids = dict((record.content.get(LINKED) or {}).get("study_ids") or {})
    shift = timedelta(weeks=person.weeks)
    return Link(person, persons.secret_of(collection, record), shift, {str(k): str(v) for k, v in study_ids.items()})


_SAME_LABEL: Final = {
    "RP": gettext_noop("It has the same plan label as {names}."),
    "RS": gettext_noop("It has the same structure-set label as {names}."),
}


def report(collection: Collection, person: str, set_id: str, index: int) -> str:
    """Report the linked sets of a published set, and which of their labels it repeats; empty if there are none."""
    others = [one for one in visits.published(collection, person, but=set_id) if one < index]
    found = persons.read(collection, person)
    if not others or found is None:
        return ""
    names = ", ".join(map(folder_name, others))
    text = gettext(
        "It is the same person as {names}, and has that identity: the new patient ID {patient_id} stands "
        "in the tracking file more than once.",
        names=names,
        patient_id=found.patient_id,
    )
    for kind, says in _SAME_LABEL.items():
        label = _label(collection, index, kind)
        same = [folder_name(other) for other in others if label and _label(collection, other, kind) == label]
        if same:
            text = joined((text, gettext(says, names=", ".join(same))))
    return text


def shared_differs(error: visits.SharedObjectDiffers, called: str) -> SetWaits:
    """Return the error for an object that cannot be published a second time identically."""
    name = folder_name(error.index)
    found = gettext(
        "It shares an object with {name}, a set of the same person, and would publish it with other contents, because "
        "the form, cleaned texts or ages differ between the two.",
        name=name,
    )
    remedy = gettext(
        "Process {name} again under today's form: `anonymizer structures ROOT --again {name}`. "
        "Or make it another person: `anonymizer person ROOT {set} --new`.",
        name=name,
        set=called,
    )
    return SetWaits(Fault(registry.SHARED_DIFFERS, found, remedy))


def _with_made_up(person: Person, rtset: RtSet, options: Options, key: bytes, shift: timedelta) -> Person:
    own = replacements.person_of(rtset, options, key, shift)
    born = own.birth_date.isoformat() if own.birth_date else ""
    return replace(
        person,
        weeks=shift // timedelta(weeks=1),
        birth_date=born,
        capped=registry.AGE_OVER_89 in own.notes,
        dates=options.dates,
    )


def _label(collection: Collection, index: int, kind: str) -> str:
    """Return the label of a published plan or structure set; empty if its file does not exist."""
    for path in (collection.root / folder_name(index)).glob(f"{kind}.*.dcm"):
        if (view := _view(path)) is not None:
            return view.text("RTPlanLabel" if kind == "RP" else "StructureSetLabel").strip()
    return ""


def _published_plan(collection: Collection, record: Record) -> View | None:
    """Read the plan of a published or withdrawn set."""
    places = (collection.root, collection.withdrawn)
    found = (_view(place / folder_name(record.index) / record.plan_name) for place in places)
    return next((view for view in found if view is not None), None)


def _studies_of(collection: Collection, record: Record) -> set[str]:
    """Return the new study UIDs of a published set, as far as its files exist."""
    found = set()
    for place in (collection.root, collection.withdrawn):
        for path in (place / folder_name(record.index)).glob("*.dcm"):
            if (view := _view(path)) is not None:
                found.add(view.text("StudyInstanceUID").strip(" \0"))
    return found - {""}


def _view(path: Path) -> View | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        return read_view(path)
    return None


def _weeks_of_original(collection: Collection, record: Record, key: bytes) -> int:
    """Determine from the original by how many weeks a published set's dates were moved; 0 if the original is gone."""
    folder = registry.folder_of(collection, claims.origin(collection, record.set_id or ""))
    if folder is None or not folder.is_dir():
        return 0
    source = (record.set_id, record.content.get("source"))
    for rtset in taken_sets.sets_in(folder, collection):
        if source in set_ids.names(collection, rtset):
            return dates.choose_shift(key, rtset.dates) // timedelta(weeks=1)
    return 0
