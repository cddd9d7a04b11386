"""A name beside a title is removed, whoever's it is; organs and apparent titles stay."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof.search import Search
from services.proof.traces import Traces

NOBODY = [("person", "ANON^ANON")]


def left_of(label: str) -> str:
    """Return a cleaned label in a set of somebody else."""
    return Cleaner(Identifiers(NOBODY), [Text("roi_name", 7, label)]).clean(label, "roi_name")


@pytest.mark.parametrize(
    ("label", "left"),
    [
        ("Lunge_re Frau Katzenbeißer", "Lunge_re"),
        ("Frau Katzenbeißer", "ROI_07"),
        ("FRAU KATZENBEISSER", "ROI_07"),
        ("PTV FrauKatzenbeißer", "PTV"),
        ("PTV Hr. Wojcik", "PTV"),
        ("PTV_Herr_Wojcik", "PTV"),
        ("HN Dr. Sauerbruch", "HN"),
        ("HN Dr Sauerbruch", "HN"),
        ("HN dr. sauerbruch", "HN"),
        ("HN Prof. Dr. med. Sauerbruch", "HN"),
        ("HN Dr. F. Sauerbruch", "HN"),
        ("HN Sauerbruch, Dr.", "HN"),
        ("Katzenbeißer (Frau)", "ROI_07"),
        ("PTV geb. Trollmann", "PTV"),
        ("PTV née Chauvel", "PTV"),
        ("Mme Dupuiseau PTV", "PTV"),
        ("PTV Sig.ra Bianchetti", "PTV"),
        ("PTV Sra. Quevedo", "PTV"),
        ("PTV Sr. Quevedo", "PTV"),
        ("PTV Mevr. van Kuipersma", "PTV"),
        ("PTV Fru Lindeqvist", "PTV"),
        ("PTV Mrs Smitherson", "PTV"),
        ("PTV Mr. Smitherson-Fogg", "PTV"),
        ("PTV Mevr. Maes", "PTV"),
        ("HN Dr. Aerts", "HN"),
        ("HN Frau Loes", "HN"),
        ("HN Frau Mag", "HN"),
    ],
)
def test_the_name_goes_with_its_title(label: str, left: str) -> None:
    """Known words stay."""
    assert left_of(label) == left
    assert Traces(NOBODY).are_in(label)


@pytest.mark.parametrize(
    "label",
    [
        "MR Brain",
        "MR_Hohenlohe",
        "SR left",
        "HR CTV",
        "HR_Xyz",
        "DR Xyz",
        "MS Xyz",
        "Sig Xyz",
        "Dr_Boost",
        "Dr. Lunge",
        "Frau Lunge",
        "Prof",
        "Mr 2",
        "geb. 61 Gy",
        "Miss L",
        "Drain",
        "Frontal Xyz",
    ],
)
def test_a_code_or_an_organ_beside_a_title_names_nobody(label: str) -> None:
    """Two capitals are imaging or planning terms; a lexicon word is no name."""
    assert left_of(label) == label
    assert not Search(NOBODY).in_typed(label)


@pytest.mark.parametrize("title", ["Frau", "Herr", "Mrs", "Mrs.", "Mr", "Dr.", "Mme", "Prof.", "geb.", "Sra.", "Fru"])
@pytest.mark.parametrize("name", ["Katzenbeißer", "Quevedo", "Trollmann", "Øvergaard"])
def test_the_proof_sees_a_name_behind_a_title(title: str, name: str) -> None:
    """With its own pattern."""
    assert Search(NOBODY).in_typed(f"PTV {title} {name}") == {"person"}


@pytest.mark.parametrize(
    "label",
    [
        "PTV 2021년 3월 22일",
        "PTV 2021年3月22日",
        "PTV 22 березня 2021",
        "PTV 22 ožujka 2021",
        "PTV 22 مارس 2021",
        "PTV 22 במרץ 2021",
    ],
)
def test_dates_in_more_languages_are_removed(label: str) -> None:
    """Months by name, and Korean suffixes of numbers."""
    values = [("date", "20210322")]
    assert Cleaner(Identifiers(values), [Text("roi_name", 7, label)]).clean(label, "roi_name") == "PTV"
    assert Traces(values).are_in(label)


@pytest.mark.parametrize("family", ["Herr", "Frau", "Das", "Du", "Zur", "Prof"])
@pytest.mark.parametrize("form", ["PTV {}", "{}_PTV", "Herr {} PTV", "PTV_{}"])
def test_a_family_name_that_is_also_a_form_of_address_is_removed(family: str, form: str) -> None:
    """In writer and proof; for all others the word stays, and does not identify."""
    text, name = form.format(family), ("person", f"{family}^Rahul")

    assert Cleaner(Identifiers([name]), [Text("roi_name", 7, text)]).clean(text, "roi_name") == "PTV"
    assert Search([name]).in_typed(text) == {"person"}
    assert Search([("person", "Müller^Anna")]).in_typed(text) == frozenset()


def test_a_title_behind_a_title_is_no_name() -> None:
    """Professor is not removed, nor is a set parked for it."""
    text = "Herr Prof Boost"

    assert (
        Cleaner(Identifiers([("person", "Müller^Anna")]), [Text("roi_name", 7, text)]).clean(text, "roi_name") == text
    )
    assert Search([("person", "Müller^Anna")]).in_typed(text) == frozenset()
