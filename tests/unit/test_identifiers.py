"""A set's identifiers are found in every customary spelling, and nothing else is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deidentify.identifiers import KINDS, Identifiers, read_dates
from services.proof.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

SET = Identifiers(
    [
        ("person", "Müller-Lüdenscheidt^Anna Maria^^Dr."),
        ("person", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("person", "Иванов^Пётр"),
        ("person", "Li^Na"),
        ("person", "chl"),
        ("person", "jschneider01"),
        ("patient-id", "000123456"),
        ("patient-id", "AB-00077123/4"),
        ("other-id", "1"),
        ("accession", "10"),
        ("place", "Universitätsklinikum Freiburg, Klinik für Strahlenheilkunde"),
        ("device", "HE109702"),
        ("device", "TrueBeam"),
        ("device", "ALX"),
        ("contact", "+49 (761) 270-94610"),
        ("date", "19501103"),
        ("date", "20181105143000.000000+0100"),
    ]
)


@pytest.mark.parametrize(
    "value",
    [
        "MUELLERANNA",
        "AnnaMueller",
        "Mueller_A",
        "PTV muller",
        "Lüdenscheidt, Anna",
        "LUDENSCHEIDT",
        "mueller-luedenscheidt",
        "PTVMueller",
        "PTVmueller",
        "Yamada",
        "PTV山田",
        "山田太郎腫瘍",
        "ИВАНОВ",
        "план Петр",
        "Li^Na",
        "PTV_Li_Na",
        "NALI",
        "chl",
        "plan jschneider",
        "123456",
        "00000123456",
        "123-456",
        "CT_000123456_1",
        "ab77123/4",
        "77123",
        "Freiburg CT",
        "he-109702",
        "SN 109702",
        "alx",
        "Tel 0761 27094610",
        "0049-761-270 94610",
        "3.11.50",
        "born 03/11/1950",
        "11/03/1950",
        "1950-11-03",
        "CT19501103",
        "19501103120000",
        "031150",
        "501103",
        "3. November 1950",
        "Nov 3rd, 1950",
        "03NOV1950",
        "CT vom 5.11.18",
        "5 novembre 2018",
    ],
)
def test_an_identifier_is_found_in_its_spellings(value):
    """Whatever its spelling elsewhere."""
    assert SET.matches(value)


@pytest.mark.parametrize(
    ("value", "left"), [("PTV chl", "PTV "), ("PTV alx 2", "PTV  2"), ("10", ""), ("gtvludenscheidt", "gtv")]
)
def test_a_short_name_or_one_inside_a_word_goes(value, left):
    """In typed texts they are names; elsewhere they may occur by chance."""
    [(start, end)] = SET.matches(value)
    assert value[:start] + value[end:] == left


@pytest.mark.parametrize("name", ["Brain", "Heart", "Lens", "Hals", "Ring", "Colon", "Herz", "Hand"])
@pytest.mark.parametrize("form", ["{}", "{}_L", "PTV {}", "{}_PRV05", "{} 2018"])
def test_anatomical_names_stay_where_a_patient_is_called_so(name, form):
    """RapidPlan matches them, and they reveal no more than other structures."""
    identifiers = Identifiers([("person", f"{name}^Rosa")])
    assert identifiers.matches(form.format(name)) == []


@pytest.mark.parametrize("value", ["Long", "Colon Long", "Rosa", "Brain Rosa", "Brain xyz", "rosabrain"])
def test_a_name_with_a_word_that_is_no_term_is_removed(value):
    """Only names consisting of anatomical terms are certain."""
    identifiers = Identifiers([("person", "Brain^Rosa"), ("person", "Long^Mary")])
    assert identifiers.matches(value)


def test_a_four_digit_id_is_removed_as_a_token():
    """A four-digit ID is removed wherever it is a token; a dose level of other digits stays."""
    identifiers = Identifiers([("patient-id", "2018")])
    assert identifiers.matches("PTV_2018")
    assert [identifiers.matches(value) for value in ("PTV_7000", "PTV_12018", "PTV_20 18", "20180")] == [[]] * 4


def test_separators_of_a_short_id_are_its_own():
    """Four digits joined from two numbers would match by chance."""
    identifiers = Identifiers([("patient-id", "12-50")])
    assert identifiers.matches("1250")
    assert identifiers.matches("12/50")
    assert identifiers.matches("1 250") == []


@pytest.mark.parametrize("value", ["47-118", "471 18", "PTV 4_71_18", "4 7 1 1 8"])
def test_an_id_of_five_digits_is_found_in_groups(value):
    """However many zeros it begins with; a year or a version of so many digits is no ID."""
    assert Identifiers([("patient-id", "0047118")]).matches(value)
    assert Search([("patient-id", "0047118")]).in_typed(value)
    assert Identifiers([("device", "47118")]).matches("Item 47-118") == []


def test_a_hospital_named_for_an_organ_costs_no_structure_its_name():
    """Anatomical words identify no place; the words beside them do."""
    identifiers = Identifiers([("place", "Brustzentrum Heart and Lung Center Musterstadt")])
    assert identifiers.matches("Heart xyz") == []
    assert identifiers.matches("Musterstadt")


def test_words_of_maker_and_model_identify_no_device():
    """They stay in every object, and stations are often named after them."""
    assert Identifiers([("device", "Zephyr CT")]).matches("Zephyr 500")
    assert Identifiers([("device", "Zephyr CT")], technical=["Zephyr 500"]).matches("Zephyr 500") == []


@pytest.mark.parametrize("name", ["Philips^Anna", "House^Anna", "Street", "Santa^Anna"])
def test_a_word_too_general_for_a_place_may_be_a_surname(name):
    """A word too general to identify a hospital can still be a surname."""
    family = name.split("^")[0]
    assert Identifiers([("person", name)]).matches(f"xyz {family}")


def test_junk_in_a_date_is_searched_as_a_text():
    """DA fields hold names and UUIDs in real files."""
    assert Identifiers([("date", "Mustermann")]).matches("PTV mustermann")
    assert Identifiers([("date", "UNKNOWN")]).matches("unknown") == []


def test_the_kinds_are_those_of_the_policy_table():
    """An unknown kind is a mistake in the table."""
    assert all(Identifiers([(kind, "Xanthippe")]).matches("xanthippe") for kind in KINDS)
    with pytest.raises(ValueError, match="unknown kind"):
        Identifiers([("colour", "blue")])


WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüßéçñłøждюя", min_size=4, max_size=12).map("q".__add__)
"""Names that are not the beginning of other words."""
SEPARATORS = st.sampled_from([" ", "_", "-", ".", "/", " - ", "(", "^", "1", "07_"])


@given(
    WORDS,
    st.sampled_from(["qq", "Xy 12", "PTV_60", "foo"]),
    SEPARATORS,
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_a_family_name_is_found_beside_anything(name, other, separator, case):
    """In any case, with any separator, before or after."""
    identifiers = Identifiers([("person", f"{name}^Xaver")])
    for value in (case(name) + separator + other, other + separator + case(name)):
        assert identifiers.matches(value)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(1, 10))
def test_a_date_is_found_in_every_form_and_its_shifted_twin_is_not(day, years):
    """The dates of the output are original dates moved by whole weeks."""
    moved = day - timedelta(weeks=52 * years)
    forms = ("%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%y", "%d%m%Y", "%d%m%y", "%d %b %Y", "%B %d, %Y")
    identifiers = Identifiers([("date", f"{day:%Y%m%d}")])
    for form in forms:
        assert identifiers.matches(f"CT {day:{form}}")
    assert identifiers.matches(f"CT {moved:%Y-%m-%d}") == []


@given(st.text(max_size=30), st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.text(max_size=12)), max_size=6))
def test_spans_lie_inside_the_text_in_order(text, found):
    """For any identifiers and any text."""
    identifiers = Identifiers(found)
    spans = identifiers.matches(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(text) for edge in edges)


def test_a_date_that_can_be_read_in_two_ways_is_read_in_both():
    """3/11/18 is March in one country and November in the next, and perhaps of 1918."""
    [(span, days)] = read_dates("x 3/11/18")
    assert (span, days) == (
        (2, 9),
        {date(1918, 3, 11), date(1918, 11, 3), date(2018, 3, 11), date(2018, 11, 3)},
    )


@pytest.mark.parametrize("family", ["Lund", "Sand", "Smit", "Bos", "Ali", "Marc", "Max", "Nair", "Ball", "Alt"])
def test_a_name_glued_to_a_target_is_not_excused_by_terms_inside_it(family: str) -> None:
    """`Lund` is `l` and `und` piece by piece, and still a patient."""
    text = f"PTV{family}"

    assert Identifiers([("person", f"{family}^Maria")]).matches(text) == [(3, len(text))]


@pytest.mark.parametrize("family", ["Lund", "Sand", "Smit", "Nair", "Ball", "Müller"])
@pytest.mark.parametrize("label", ["ptv{}", "CTV{}", "IGTV{}", "lunge{}", "{}PTV", "{}itv 60Gy"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_name_glued_to_a_term_in_one_case_is_cut_off(family: str, label: str, case: Callable[[str], str]) -> None:
    """Only the name is removed: models need the term."""
    text = label.format(case(family))
    start = text.index(case(family))

    assert Identifiers([("person", f"{family}^Maria")]).matches(text) == [(start, start + len(family))]


@pytest.mark.parametrize("family", ["Herz", "Hals", "Kopf"])
def test_a_name_that_is_itself_a_term_stays(family: str) -> None:
    """An organ that is also the patient's name is kept."""
    assert Identifiers([("person", f"{family}^Maria")]).matches(f"PTV{family}") == []
