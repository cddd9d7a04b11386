"""Detection of persons published before, reported because a model could be trained and tested on the same person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.forms.identity import stated_day
from services.language import gettext, gettext_noop, joined
from services.publication import persons
from services.publication.new_identity import patient_id_of
from services.store.records import folder_name

if TYPE_CHECKING:
    from services.dicom.dataset import View
    from services.publication.persons import Person
    from services.rtset.reader import RtSet
    from services.store.collection import Collection

SAME: Final = gettext_noop("It is the same person as {name}.")
EQUAL_PIXELS: Final = gettext_noop("They are kept apart, but equal pixels or contours in both still link them.")
UNSURE: Final = gettext_noop(
    "Its patient ID is that of the person of {name}, but not both state a birth date: a person must decide who it is."
)
OTHER: Final = gettext_noop(
    "Its patient ID is that of the person of {name}, but birth date or sex differ: another person, or an input error."
)


def described(collection: Collection, rtset: RtSet, index: int, hospital: str) -> Person | None:
    """Return the person of a set; None if it states no patient ID."""
    patient_id = patient_id_of(rtset)
    if not patient_id:
        return None
    return persons.stated(collection, collection.person(patient_id, hospital), index, *birth_date_and_sex(rtset))


def birth_date_and_sex(rtset: RtSet) -> tuple[str, str]:
    """Return the birth date (yyyymmdd) and sex on which all objects that state them agree; empty if they disagree."""
    stated = [birth_date_and_sex_of(file.view) for file in rtset.set_files]
    return _only({birth for birth, _ in stated} - {""}), _only({sex for _, sex in stated} - {""})


def birth_date_and_sex_of(view: View) -> tuple[str, str]:
    """Return the birth date (yyyymmdd) and sex stated by an object; empty if it states none."""
    birth, sex = stated_day(view.text("PatientBirthDate")), view.text("PatientSex").upper()
    return f"{birth:%Y%m%d}" if birth else "", sex if sex in {"F", "M", "O"} else ""


def note_and_report(collection: Collection, person: Person | None) -> str:
    """Note the person of a published set, and return a sentence naming the person's earlier set, or an empty string."""
    if person is None:
        return ""
    return report(collection, person, persons.note(collection, person))


def report(collection: Collection, person: Person, first: Person | None) -> str:
    """Return a sentence on the person's earlier set; empty if there is none."""
    if first is None or first.index == person.index:
        return ""
    if person.differs(first):
        return gettext(OTHER, name=folder_name(first.index))
    if collection.options.same_patient == "link" and not person.is_surely(first):
        return gettext(UNSURE, name=folder_name(first.index))
    text = gettext(SAME, name=folder_name(first.index))
    return joined((text, gettext(EQUAL_PIXELS))) if collection.options.same_patient == "separate" else text


def _only(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else ""
