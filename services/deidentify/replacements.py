"""New values of a set: computed once, before its first file is written, and the same on every attempt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from services.deidentify.coded_words import CodedWords, joined
from services.deidentify.identifiers import Identifiers
from services.deidentify.structure_renaming import Renaming, code_meanings, names_of
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.uid_map import UidMap
from services.deidentify.unread_words import Rule, evidence_of
from services.dicom import dates
from services.forms.identity import PLACEHOLDER_DATE, fake_birth_date, read_age
from services.forms.structure_list import Naming
from services.forms.word_list import Decisions
from services.policy.table import method_codes, method_text, policy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Collection as Container
    from datetime import date, timedelta

    from services.dicom.elements import Element
    from services.forms.collection_form import Options
    from services.forms.identity import Age, NewIdentity
    from services.machines.descriptor import Machine
    from services.policy.table import Code, Policy
    from services.rtset.kept_values import Mend
    from services.rtset.reader import RtSet

UNNAMED: Final = Naming()
"""No confirmed names."""

NOTHING_DECIDED: Final = Decisions()

OUT_OF_THE_ORDINARY: Final = {
    "age-over-89": "age over 89 given as 090Y",
    "relinked": "references between the objects rebuilt",
}
"""Additional statements in (0012,0063) *De-identification Method*, by code."""


@dataclass(frozen=True, slots=True)
class Person:
    """Statements about the patient besides the name, the same in all objects of the published set."""

    age: Age | None

    birth_date: date | None
    """Made up; it gives only the age."""

    sex: str
    """`F`, `M`, `O`, or empty if the set states none, or conflicting ones."""

    notes: tuple[str, ...]
    """Codes of `identity.AGE_NOTES`, and `sexes-differ`."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Values that a set shares with its linked person and that are not derived from the key."""

    birth_date: date | None
    """Made up for the person's first set."""

    study_ids: Mapping[str, str] = field(default_factory=dict)
    """(0020,0010) *Study ID* by new Study Instance UID; 1 by default."""


@dataclass(frozen=True, slots=True)
class Replacements:
    """Everything that determines a set's new values."""

    identity: NewIdentity
    person: Person
    policy: Policy
    uids: UidMap

    shift: timedelta
    """Amount by which dates move back, if the policy moves them."""

    cleaner: Renaming

    machine: Machine | None
    """None if linac and scanner are kept."""

    scanner: str
    """Replaces the CT scanner's *Station Name*; empty: not replaced."""

    method: tuple[str, ...]
    """The values of (0012,0063) *De-identification Method*."""

    codes: tuple[Code, ...]
    """The items of (0012,0064) *De-identification Method Code Sequence*."""

    study_ids: Mapping[str, str] = field(default_factory=dict)
    """(0020,0010) *Study ID* by new Study Instance UID, if sets of a person are linked."""

    mends: Mapping[int, Mapping[bytes, Mend]] = field(default_factory=dict)
    """Replacements of kept values that cannot stay, by tag and value."""


def choose_replacements(
    rtset: RtSet,
    machine: Machine | None,
    options: Options,
    key: bytes,
    shift: timedelta,
    identity: NewIdentity,
    naming: Naming = UNNAMED,
    renaming: Renaming | None = None,
    linked: Linked | None = None,
) -> Replacements:
    """Compute the new values of a set.

    Parameters
    ----------
    key
        The key of the set: 32 bytes.
    shift
        From `dates.choose_shift` for the same key.
    naming
        Confirmed structure names.
    renaming
        Treatment of its texts, if already computed.
    linked
        Values shared with its person, if sets of a person are linked.
    """
    renaming = renaming or rename(rtset, naming, replace=options.unread_words == "replace")
    policy = policy_for(options)
    person = person_of(rtset, options, key, shift)
    if linked is not None and options.birth_date == "fake":
        person = replace(person, birth_date=linked.birth_date)
    marks = (*person.notes, *(["relinked"] if rtset.relinked else []))
    touched = options.keep_machine and any(_holds(file.file.elements, policy.contested) for file in rtset.set_files)
    return Replacements(
        identity,
        person,
        policy,
        UidMap(key),
        shift,
        renaming,
        machine,
        "" if options.keep_machine else options.scanner,
        tuple(method_text(options, (OUT_OF_THE_ORDINARY[mark] for mark in marks if mark in OUT_OF_THE_ORDINARY))),
        tuple(
            # An object that linked sets share must be the same in each, whichever of them has unread words.
            method_codes(
                options, device_dates_touched=touched, unread_words=linked is not None or bool(renaming.undecided)
            )
        ),
        linked.study_ids if linked is not None else {},
        joined(rtset.mends, renaming.coded.mends),
    )


def rename(
    rtset: RtSet,
    naming: Naming,
    decisions: Decisions = NOTHING_DECIDED,
    *,
    replace: bool = False,
    elsewhere: Callable[[str], bool] | None = None,
    hospital: str = "",
) -> Renaming:
    """Compute the treatment of a set's free texts.

    Parameters
    ----------
    decisions
        A person's decisions on unknown words.
    replace
        Whether unknown words are removed by default.
    elsewhere
        Whether a word also occurs in another person's set.
    hospital
        Name by which the collection knows the set's hospital.
    """
    rule = Rule(evidence_of(rtset, hospital), decisions, replace, elsewhere)
    cleaner = Cleaner(identifiers_of(rtset), rtset.texts, rule)
    coded = CodedWords(rtset.unusual, rule)
    structure_set = rtset.structure_set.view
    names, meanings = names_of(structure_set), code_meanings(structure_set)
    return Renaming(cleaner, rtset.texts, naming, names, meanings, travelling=rtset.travelling, coded=coded)


def identifiers_of(rtset: RtSet) -> Identifiers:
    """Collect the identifiers of a set."""
    births = {file.view.text("PatientBirthDate") for file in rtset.set_files}
    return Identifiers(rtset.found, rtset.technical, births)


def person_of(rtset: RtSet, options: Options, key: bytes, shift: timedelta) -> Person:
    """Determine age, birth date and sex. Without dates there is no birth date, and the age is kept."""
    views = [file.view for file in rtset.set_files]
    births = [view.text("PatientBirthDate") for view in views]
    studied = studied_on(rtset)
    reading = read_age((view.text("PatientAge") for view in views), births, studied)
    birth = None
    if studied and studied > PLACEHOLDER_DATE and options.dates != "remove" and options.birth_date == "fake":
        back = shift if options.dates == "shift" else shift * 0
        real = {born for value in births for day in dates.read_da(value) if (born := dates.moved(day, back))}
        birth = fake_birth_date(reading.age, dates.moved(studied, back), key, other_than=real)
    sexes = {sex for view in views if (sex := view.text("PatientSex").upper()) in {"F", "M", "O"}}
    notes = (*reading.notes, *(["sexes-differ"] if len(sexes) > 1 else []))
    return Person(reading.age, birth, sexes.pop() if len(sexes) == 1 else "", notes)


def studied_on(rtset: RtSet) -> date | None:
    """Return the date for the age of a set: the first study date stated, the CT's before the others'."""
    views = [file.view for file in rtset.set_files]
    return next((day for view in views for day in dates.read_da(view.raw("StudyDate") or b"")), None)


def _holds(elements: Sequence[Element], tags: Container[int]) -> bool:
    """Return whether any of these attributes occurs, at any depth."""
    return any(
        element[0] in tags or (element[5] and any(_holds(item[3], tags) for item in element[5])) for element in elements
    )
