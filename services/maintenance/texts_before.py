"""What of a set would travel, before anything is done to it: its texts, words that nobody has read, and the person."""

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

    from services.dicom.dataset import View
    from services.forms.collection_form import Options
    from services.forms.structure_list import Naming
    from services.forms.word_list import Decisions
    from services.rtset.reader import RtSet
    from services.store.collection import Collection

_NO_KEY: Final = bytes(32)
"""Neither age nor sex depends on the key; the birth date does, and is not told."""
_BIRTH: Final = "PatientBirthDate"


def of_set(
    rtset: RtSet, options: Options, naming: Naming = UNNAMED, decisions: Decisions = NOTHING_DECIDED
) -> Travelling:
    """Return the texts that would travel, cleaned, by role, and what they would say of the person."""
    renaming = rename(rtset, naming, decisions, replace=options.unread_words == "replace")
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
    """Return what would be stated of the person, by keyword; of a birth date that is made up only that it would be."""
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
    """Return a value that stays, as it would be written; what is none is emptied."""
    tag = dictionary.tag(keyword)
    if (raw := view.raw(keyword)) and raw in rtset.mends.get(tag, {}):
        return ""
    if dictionary.vr(tag) == b"US":
        return ", ".join(f"{number:g}" for number in view.numbers(keyword))
    return view.text(keyword)


def asked_by(collection: Collection | None, options: Options) -> Callable[[RtSet], Travelling]:
    """Return the question for the sets of a collection, with what was decided there; it can go to another process."""
    if collection is None:
        return partial(of_set, options=options)
    return partial(of_set, options=options, naming=collection.naming, decisions=collection.decisions)
