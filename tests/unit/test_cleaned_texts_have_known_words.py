"""Cleaned texts are as the proof requires: a remainder of known words, or a stand-in."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, get_args

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.unread_words import Rule
from services.policy.text_roles import Role, Text
from services.proof.search import Search
from services.proof.stand_ins import is_left_of, is_stand_in
from tests.anonymized import anonymized
from tests.sets import patient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet

ROLES: list[Role] = [role for role in get_args(Role) if role != "product"]  # whose names are their makers'
KINDS: dict[Role, str] = {
    "roi_name": "ROI",
    "roi_label": "ROI",
    "structure_set_label": "SS",
    "plan_label": "Plan",
    "beam_name": "Beam",
    "tolerance_label": "Tol",
    "dose_reference": "DoseRef",
    "code_meaning": "Meaning",
    "text": "Text",
    "technical": "Item",
    "product": "Product",
}
LETTERS = [*string.ascii_letters, *"äöüßéñçøåžαβγБЖ"]
FORMS = (
    "Lung {} Holz",
    "Holz_{}_PTV",
    "Lung {}. Holz",
    "Lung {}12 Holz",
    "Lung-{}-L Holz",
    "PTV{} Holz",
    "{} GTV Holz",
)


def cleaned(name: str, role: Role, text: str) -> str:
    """Return a cleaned text in a set of this patient."""
    return Cleaner(Identifiers([("person", name)]), [Text(role, 7, text)]).clean(text, role)


@pytest.mark.parametrize("form", FORMS)
def test_no_unknown_single_letter_is_kept(form: str) -> None:
    """An initial beside a name is removed with it: `Lung K Holz`; a lexicon side or number stays."""
    texts = [form.format(letter) for letter in LETTERS]
    left = {text: cleaned("Holz^Bo", "roi_name", text) for text in texts}

    assert {text: new for text, new in left.items() if not (is_left_of(text, new) or is_stand_in(new))} == {}
    assert cleaned("Holz^Bo", "roi_name", "Lung L Holz") == "Lung L"


@pytest.mark.parametrize("role", get_args(Role))
def test_a_replacement_is_named_after_its_kind(role: Role) -> None:
    """Even if unknown words are removed, since its own words are known: no scanner becomes ROI_15."""
    cleaner = Cleaner(Identifiers(()), [Text(role, 7, "Xyqq")], Rule(replace=True))

    prefix = cleaner.clean("Xyqq", role).rstrip("0123456789_")
    assert prefix == KINDS[role]


@pytest.mark.parametrize("role", ROLES)
def test_a_replacement_does_not_contain_the_patients_name(role: Role) -> None:
    """If the patient has a stand-in's prefix as name, another is used: Ms Beam's beam is no Beam07."""
    for name in ("Beam", "Plan", "Text", "Item", "Product", "Meaning", "Tol^Beam", "Item^Beam^Plan"):
        new = cleaned(name, role, f"Xyqq {name.partition('^')[0]}")

        assert is_stand_in(new)
        assert Search([("person", name)]).in_typed(new) == frozenset()


def called_so(made: MadeSet) -> None:
    """Write the patient's name into beam names and plan label."""
    for beam in made.plan.BeamSequence:
        beam.BeamName = f"Xyqq Beam {beam.BeamNumber}"
    made.plan.RTPlanLabel = "Xyqq Plan"


def test_a_patient_named_like_a_replacement_prefix_is_published(tmp_path: Path) -> None:
    """The proof finds nothing of Ms Beam, and accepts her stand-ins."""
    plan = anonymized(tmp_path, patient("Beam^Plan"), called_so).plan

    names = [str(plan.RTPlanLabel), *(str(beam.BeamName) for beam in plan.BeamSequence)]
    assert [name for name in names if not is_stand_in(name) or "Beam" in name or "Plan" in name] == []
