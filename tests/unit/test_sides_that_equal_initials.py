"""A side or term that equals the patient's initials is kept: R. Müller's `Parotis_R Müller` keeps `_R`."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof.search import Search
from services.proof.stand_ins import is_left_of, is_stand_in

SIDES = {
    "Parotis": ("R", "L", "re", "li"),
    "Oeil": ("D", "G"),
    "Parotida": ("D", "I", "E"),
    "Rene": ("D", "S", "sx"),
    "Nyre": ("H", "V"),
}
FORMS = ("{organ} {name}", "{organ}_{name}", "{organ} ({name})", "{organ}. {name}")
NAMES = ("Holmgren", "Oh", "Ter-Braak")


def cleaned(name: str, text: str, *others: str) -> str:
    """Return a structure's cleaned name in a set of this patient, beside other structures."""
    texts = [Text("roi_name", number, value) for number, value in enumerate((text, *others), start=7)]
    return Cleaner(Identifiers([("person", name)]), texts).clean(text, "roi_name")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_side_stays_that_is_an_initial(name: str, form: str) -> None:
    """For any letter and any length of family name; also for a word that is a given name."""
    organs = [(f"{organ}{gap}{side}", side) for organ, sides in SIDES.items() for side in sides for gap in "_ "]
    left = {
        (organ, given): cleaned(f"{name}^{given}", form.format(organ=organ, name=name))
        for organ, side in organs
        for given in (side.capitalize(), f"{side[0].upper()}obin")
    }

    assert {key: new for key, new in left.items() if new != key[0]} == {}


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Holm^Rolf", "Holm R Parotis", "R Parotis"),
        ("Holm^Lea", "Lung_LHolm", "Lung_L"),
        ("Holm^Eva", "Nyre_veHolm", "Nyre_ve"),
        ("Çelebi^Eva", "Cabeza_fem_DÇelebi", "Cabeza_fem_D"),
        ("Holm^Karl", "Parotis K. Holm", "Parotis"),
        ("Holm^Zoe", "Holm_Z_boost", "boost"),
        ("Hart^Eva", "Gehirn Hart, E. neu", "Gehirn neu"),
        ("Holm^Rolf", "Holm R. unklar", "ROI_07"),
    ],
)
def test_an_initial_goes_that_is_beside_no_organ(name: str, text: str, left: str) -> None:
    """A side is a word beside an organ, or joined to the name after it; an initial with a period is not."""
    assert cleaned(name, text) == left


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Holm^Hans Nils", "HN Holm", "HN"),
        ("Holm^Hans Nils", "Holm_HN", "HN"),
        ("Holm^Anna Petra", "Feld AP Holm", "Feld AP"),
        ("Holm^Rolf Arne", "RA Holm 70Gy", "RA 70Gy"),
        ("Holm^Anna Petra", "PTV A.P. Holm", "PTV"),
        ("Holm^Karl Otto", "Lung KO Holm", "Lung"),
        ("Holm^Max", "PTV Max Holm", "PTV"),
        ("Sand^Le", "PTV Le Sand", "PTV"),
    ],
)
def test_initials_stay_that_are_a_word_of_the_lexicon(name: str, text: str, left: str) -> None:
    """A site, a technique, a direction; but full given names and initials with periods are removed."""
    assert cleaned(name, text) == left


def test_of_a_joined_name_the_longest_term_stays() -> None:
    """Of M. Goikoetxea's `TarmGoikoetxea` Tarm stays, though Tar is a term, too."""
    assert cleaned("Goikoetxea^Mark", "TarmGoikoetxea") == "Tarm"


@pytest.mark.parametrize("name", ["Wald", "Berg", "Borġ", "St-Onge", "Groß"])
def test_the_genitive_of_a_short_name_goes(name: str) -> None:
    """Four letters are too few for a search inside words, but a genitive is the name."""
    assert cleaned(f"{name}^Eva", f"{name}s Lunge") == "Lunge"


def test_the_plural_of_an_organ_is_no_genitive() -> None:
    """Ms Lung's `Lungs` are an organ."""
    assert cleaned("Lung^Ai", "Lungs Holz") == "Lungs Holz"


def test_equal_remaining_names_are_numbered() -> None:
    """Equal remainders of two names are numbered; the proof accepts that number and no other."""
    others = ("Lung_L", "Lung_L (Holmgren)")

    assert cleaned("Holmgren^Eva", "Lung_L Holmgren", *others) == "Lung_L_2"
    assert cleaned("Holmgren^Eva", "Lung_L (Holmgren)", "Lung_L", "Lung_L Holmgren") == "Lung_L_2"
    assert is_left_of("Lung_L Holmgren", "Lung_L_2")
    assert not is_left_of("Lung_L Holmgren", "Lung_L_12")
    assert not is_stand_in("Lung_L_2")
    assert Search([("person", "Holmgren^Eva")]).in_typed("Lung_L_2") == frozenset()
