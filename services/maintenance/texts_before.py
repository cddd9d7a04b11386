"""Preview of what a set would publish: its texts, unknown words, and statements about the person."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from services.deidentify.coded_words import CODED
from services.deidentify.replacements import NOTHING_DECIDED, UNNAMED, person_of, rename
from services.dicom import dictionary
from services.policy.table import Action, policy_for
from services.policy.text_roles import OF_PERSON
from services.verdict.summary import Travelling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.dicom.dataset import View
    from services.forms.collection_form import Options
    from services.forms.structure_list import Naming
    from services.forms.word_list import Decisions
    from services.rtset.reader import RtSet
    from services.store.collection import Collection

_NO_KEY: Final = bytes(32)
"""Age and sex do not depend on the key; the birth date does, and is not shown."""
_BIRTH: Final = "PatientBirthDate"


def of_set(
    rtset: RtSet,
    options: Options,
    naming: Naming = UNNAMED,
    decisions: Decisions = NOTHING_DECIDED,
    hospital_of: Callable[[Path], str] = lambda _: "",
) -> Travelling:
    """Return the cleaned texts that would be published, by role, and the statements about the person.

    Parameters
    ----------
    hospital_of
        Name of the hospital of a set's folder.
    """
    hospital = hospital_of(rtset.folder)
    renaming = rename(rtset, naming, decisions, replace=options.unread_words == "replace", hospital=hospital)
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for text in renaming.kept_texts:
        texts[text.role] |= {text.value} - {""}
    texts[CODED] |= set(renaming.coded.staying)
    return Travelling(
        {role: sorted(some) for role, some in texts.items() if some},
        _person(rtset, options),
        sorted(word.word for word in renaming.undecided),
    )


def _person(rtset: RtSet, options: Options) -> Mapping[str, str]:
    """Return the statements about the person by keyword; of a made-up birth date, only its presence."""
    person = person_of(rtset, options, _NO_KEY, timedelta())
    made = {
        "PatientAge": person.age.statement if person.age else "",
        "PatientSex": person.sex,
        _BIRTH: "made up" if person.birth_date else "",
    }
    policy = policy_for(options)
    for keyword in OF_PERSON:
        if policy.decision(dictionary.tag(keyword)).action is Action.KEEP:
            made[keyword] = ", ".join(sorted({_kept(rtset, file.view, keyword) for file in rtset.set_files} - {""}))
    return {keyword: made[keyword] for keyword in OF_PERSON if made.get(keyword)}


def _kept(rtset: RtSet, view: View, keyword: str) -> str:
    """Return a kept value as it would be written; an invalid one is emptied."""
    tag = dictionary.tag(keyword)
    if (raw := view.raw(keyword)) and raw in rtset.mends.get(tag, {}):
        return ""
    if dictionary.vr(tag) == b"US":
        return ", ".join(f"{number:g}" for number in view.numbers(keyword))
    return view.text(keyword)


def asked_by(collection: Collection | None, options: Options) -> Callable[[RtSet], Travelling]:
    """Return the preview function for sets of a collection, with its decisions; it can be sent to another process."""
    if collection is None:
        return partial(of_set, options=options)
    return partial(
        of_set,
        options=options,
        naming=collection.naming,
        decisions=collection.decisions,
        hospital_of=collection.hospital_named,
    )
