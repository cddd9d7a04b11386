"""The proof's own search: strong evidence in every spelling, and nothing that a valid set may contain."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.deidentify.identifiers import KINDS, Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof import kept_values
from services.proof.search import Search
from services.proof.traces import Traces
from services.rtset.echoes import Echoes
from services.vocabulary.spelling import fold

VALUES = [
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
SEARCH = Search(VALUES)


def kinds(search: Search, text: str) -> set[str]:
    """Return the kinds of identifiers found in an untyped text."""
    return {kind for hit in search.hits(text) for kind in hit.kinds}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("MUELLERANNA", None),
        ("PTV_66.3.11.1950", "date"),
        ("1.66.3.11.1950.2", None),
        ("hnAB000771234x", "patient-id"),
        ("AB0007712345", None),
        ("LuedenscheidtAnna", "person"),
        ("PTV muller", "person"),
        ("Lüdenscheidt, Anna", "person"),
        ("LUDENSCHEIDT", "person"),
        ("mueller-luedenscheidt", "person"),
        ("PTVMueller", "person"),
        ("PTVmueller", "person"),
        ("HN_60GyMueller", "person"),
        ("Yamada", "person"),
        ("YAMADATAROU", "person"),
        ("PTV山田", "person"),
        ("山田太郎腫瘍", "person"),
        ("ИВАНОВ", "person"),
        ("план Пётр", "person"),
        ("chl", "person"),
        ("plan jschneider01", "person"),
        ("123456", "patient-id"),
        ("00000123456", "patient-id"),
        ("123-456", "patient-id"),
        ("CT_000123456_1", "patient-id"),
        ("ab77123/4", "patient-id"),
        ("77123", "patient-id"),
        ("Freiburg CT", "place"),
        ("he-109702", "device"),
        ("SN 109702", "device"),
        ("alx", "device"),
        ("born 03/11/1950", "date"),
        ("3. 11. 1950", "date"),
        ("11/03/1950", "date"),
        ("1950-11-03", "date"),
        ("CT19501103", "date"),
        ("19501103120000", "date"),
        ("3. November 1950", "date"),
        ("03NOV1950", "date"),
        ("5 novembre 2018", "date"),
    ],
)
def test_strong_evidence_is_found_in_any_text(value: str, kind: str | None) -> None:
    """Whole names and IDs, and dates with their whole year."""
    assert (kind in kinds(SEARCH, value)) if kind else not kinds(SEARCH, value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("PTV Li", None),  # left
        ("PTV_Na", "person"),
        ("10", "accession"),
        ("3.11.50", "date"),
        ("031150", "number or address"),
        ("501103", "number or address"),
        ("CT vom 5.11.18", "date"),
        ("Nov 3rd, 50", "date"),
        ("case 7654321", "number or address"),
        ("ask erika@example.org", "number or address"),
    ],
)
def test_where_people_type_short_names_and_dates_count_too(value: str, kind: str | None) -> None:
    """Cleaned texts must not have them; elsewhere they may occur by chance."""
    assert SEARCH.in_typed(value) == ({kind} if kind else set())
    assert not kinds(SEARCH, value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "PTV_10",
        "1.0",
        "PTV 12345 67",
        "Testplan",
        "Anal canal",
        "Annahme",
        "Muellerin",
        "Klinik für Radiologie",
        "TrueBeam",
        "Siemens Healthineers",
        "RapidArc 3.11.50.2",
        "1.3.11.50",
        "4.11.50",
        "1097.025",
        "Li L",
        "Ring 5-5-10",
        "Strahlenheilkunde",
    ],
)
def test_texts_that_only_resemble_identifiers_pass(value: str) -> None:
    """Otherwise clean sets would not be published."""
    assert not SEARCH.in_typed(value)
    assert not kinds(SEARCH, value)


@pytest.mark.parametrize("name", ["Brain", "Heart", "Lens", "Hals", "Ring", "Colon", "Herz", "Hand"])
@pytest.mark.parametrize("form", ["{}", "{}_L", "PTV {}", "{}_PRV05", "{} xyz", "PTV{}"])
def test_a_name_that_is_an_anatomical_term_does_not_identify(name: str, form: str) -> None:
    """Whatever is beside it: Mrs Herz does not cost a set its `Herz`."""
    assert not Search([("person", f"{name}^Rosa")]).in_typed(form.format(name))


@pytest.mark.parametrize("name", ["Lund", "Sand", "Smit", "Bos", "Ali", "Marc", "Max", "Nair", "Ball", "Alt", "Long"])
def test_a_name_that_only_falls_into_terms_is_a_name(name: str) -> None:
    """`L` and `und` do not excuse Mr Lund's name."""
    assert Search([("person", f"{name}^Rosa")]).in_typed(f"PTV{name}") == {"person"}


def test_an_id_of_four_digits_is_a_token_and_a_shorter_one_a_value() -> None:
    """A dose level of other digits stays."""
    search = Search([("patient-id", "2018"), ("other-id", "0815"), ("accession", "12-50")])
    found = [value for value in ("PTV_2018", "PTV_0815", "1250") if search.in_typed(value)]
    assert found == ["PTV_2018", "PTV_0815", "1250"]
    passed = ("PTV_7000", "PTV_12018", "PTV_20 18", "20180", "PTV 815", "1 250", "PTV_7.7")
    assert not [value for value in passed if search.in_typed(value)]


def test_words_of_places_makers_and_organs_identify_no_place() -> None:
    """Words beside them do."""
    search = Search(
        [("place", "Brustzentrum Heart and Lung Center Musterstadt"), ("device", "Zephyr CT")], ["Zephyr 500"]
    )
    assert not [text for text in ("Heart xyz", "Center", "Zephyr 500") if search.in_typed(text)]
    assert search.in_typed("Musterstadt") == {"place"}


def test_junk_in_a_date_is_searched_as_a_text() -> None:
    """DA fields hold names in real files; a year alone identifies nobody."""
    assert Search([("date", "Mustermann")]).in_typed("PTV mustermann") == {"date"}
    assert not Search([("date", "2018")]).in_typed("PTV 2018")


def test_every_kind_of_the_policys_table_is_searched() -> None:
    """None is omitted."""
    assert Search((kind, "Xanthippe") for kind in KINDS).in_typed("xanthippe") == KINDS


# Beside the writer ----------------------------------------------------------------------------------------------------

LETTERS = "abcdeinorsuyzABELMOSUäöüÄÜßéçñłøåжиИ山田やハ"


def is_spelled(text: str) -> bool:
    """Return whether the cleaner's spelling keeps enough of each word: `Oe` may be one letter, `Læ` a particle."""
    words = re.findall(r"[^\W\d_]+", text)
    return all(len(fold(word)) >= min(len(word), 4) for word in words)


NAMES = st.lists(st.text(LETTERS, max_size=9), min_size=1, max_size=5).map("^".join).filter(is_spelled)
OTHERS = st.text(LETTERS + "0123456789 -/_.,", min_size=1, max_size=16).filter(is_spelled)
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31)).flatmap(
    lambda day: st.sampled_from(["{:%Y%m%d}", "{:%Y%m%d}143000", "{:%Y.%m.%d}"]).map(lambda form: form.format(day))
)
IDENTIFYING = st.lists(
    st.tuples(st.just("person"), NAMES)
    | st.tuples(st.sampled_from(["patient-id", "other-id", "accession", "place", "device", "contact"]), OTHERS)
    | st.tuples(st.just("date"), DAYS),
    min_size=1,
    max_size=5,
)


@st.composite
def echoes(draw: st.DrawFn) -> tuple[list[tuple[str, str]], str]:
    """Draw a set's identifiers, and a text composed of their pieces and others."""
    values = draw(IDENTIFYING)
    pieces = [piece for _, value in values for piece in (value, *value.replace("^", " ").split()) if piece]
    changed = st.sampled_from([*pieces, "PTV", "Lung", "L", "60", "xy"]).flatmap(
        lambda piece: st.sampled_from(
            [piece, piece.upper(), piece.title(), piece.lower(), piece[:5], piece.lstrip("0")]
        )
    )
    separators = st.sampled_from(["", " ", "_", "-", "."])
    return values, draw(separators).join(draw(st.lists(changed, max_size=4))) + draw(st.sampled_from(["", "1", " x"]))


@given(echoes())
@example(([("person", "김^Anna")], "김"))
def test_what_the_proof_finds_in_a_label_the_cleaner_finds(drawn: tuple[list[tuple[str, str]], str]) -> None:
    """Otherwise a cleaned set would fail its proof."""
    values, text = drawn
    if Search(values).in_typed(text):
        assert Cleaner(Identifiers(values), [Text("roi_name", 1, "Brain")]).identifies(text)


@pytest.mark.parametrize("kind", sorted(KINDS - {"date"}))
@pytest.mark.parametrize("value", ["CHUV", "Katzenau", "Rue de Katzenau"])
@pytest.mark.parametrize("target", ["PTV", "GTV", "CTV", "ITV"])
def test_an_identifier_joined_to_a_target_in_letters_of_one_case_is_found(kind: str, value: str, target: str) -> None:
    """By writer and proof, before and after it."""
    cleaner, search = Cleaner(Identifiers([(kind, value)]), [Text("roi_name", 1, "Brain")]), Search([(kind, value)])
    texts = [f"{target}{value}".upper(), f"{value}{target}".upper(), f"{value}{target}".lower()]
    assert [text for text in texts if not cleaner.identifies(text)] == []
    assert [text for text in texts if not search.in_typed(text)] == []


@given(echoes())
@example(([("person", "Lee^Eve")], "PTV_LEE"))
@example(([("person", "O^K")], "OK"))
@example(([("date", "2011")], "Boost 1/2011"))
@example(([("person", "Mustermann^Anna Maria")], "AMMUSTER"))
@example(([("contact", "+49 761 27094610")], "076127094610"))
def test_what_the_cleaner_finds_is_no_change_without_need(drawn: tuple[list[tuple[str, str]], str]) -> None:
    """Otherwise a correctly cleaned set would be refused."""
    values, text = drawn
    if Cleaner(Identifiers(values), [Text("roi_name", 1, "Brain")]).identifies(text):
        assert Traces(values).are_in(text)


@given(echoes())
@example(([("person", "Kowalski^Michał")], "MICHAL"))
@example(([("person", "Berg^Kim")], "Kimberg"))
@example(([("person", "Le Guin^Ursula")], "LE GUINs"))
@example(([("person", "Standard^Eve")], "Standard"))
@example(([("person", "Ng^Eve")], "[ng]"))
@example(([("patient-id", "4711")], "ID4711"))
@example(([("patient-id", "00123456")], "x_123456"))
@example(([("date", "19500101")], "19500101101010"))
@example(([("date", "19611203")], "x 03Dec1961"))
@example(([("date", "20181105143000.000000+0100")], "5.11.2018"))
@example(([("date", "19611203")], "PTV Dec 3rd, 1961"))
def test_what_the_proof_finds_in_a_kept_value_the_check_finds(drawn: tuple[list[tuple[str, str]], str]) -> None:
    """Otherwise a set with a name in a coded string would fail its proof."""
    values, text = drawn
    if any(True for _ in Search(values).hits(text)):
        assert Echoes(values).are_in(text)


@given(echoes())
@example(([("person", "Năstase^Ana")], "2Năstase"))
def test_what_the_check_finds_in_a_kept_value_may_be_removed(drawn: tuple[list[tuple[str, str]], str]) -> None:
    """Otherwise a set whose value was emptied would fail its proof."""
    values, text = drawn
    if Echoes(values).are_in(text):
        assert kept_values.holds_identifier(text, Search(values), kept_values.words_of_identifiers(values))


@pytest.mark.parametrize(
    ("text", "is_left"), [("PTV 1961", True), ("1961_PTV", True), ("PTV 20.1961", False), ("1961,5 cGy", False)]
)
def test_the_digits_of_a_decimal_number_had_not_to_go(text: str, is_left: bool) -> None:
    """The cleaner keeps doses and margins, whatever number is removed elsewhere."""
    search = Search([], taken=lambda word: word == "1961")
    assert (search.in_typed(text) == {"word that was to go"}) == search.was_to_go(text) == is_left


def test_a_text_without_any_trace_was_changed_without_need() -> None:
    """The tolerance is wide but not unlimited."""
    traces = Traces(value for value in VALUES if value != ("person", "Li^Na"))
    texts = ("Brainstem", "SpinalCord", "Parotid_L", "PTV_60", "Rectum", "CTV 2")
    assert [text for text in texts if traces.are_in(text)] == []


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(1, 10))
def test_a_date_is_found_in_every_form_and_its_shifted_twin_is_not(day: date, years: int) -> None:
    """The dates of the output are original dates moved by whole weeks."""
    moved = day - timedelta(weeks=52 * years)
    forms = ("%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%y", "%d%m%Y", "%d%m%y", "%d %b %Y", "%B %d, %Y")
    search = Search([("date", f"{day:%Y%m%d}")])
    for form in forms:
        assert search.in_typed(f"CT {day:{form}}") & {"date", "number or address"}
    assert not search.in_typed(f"CT {moved:%Y-%m-%d}")
