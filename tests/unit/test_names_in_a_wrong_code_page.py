"""Names garbled by a wrong code page, or of one character, are removed, and the proof sees them."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.dicom.character_sets import decode
from services.policy.text_roles import Text
from services.proof.search import Search
from services.proof.traces import Traces


def left_of(label: str, name: str) -> str:
    """Return a cleaned label in a set of this patient."""
    return Cleaner(Identifiers([("person", name)]), [Text("roi_name", 7, label)]).clean(label, "roi_name")


NAMES = (
    "Wiśniewska Łukasik Müller Şahin Çelik Dvořák Kovács Bērziņš Žukauskas Иванов Παππάς כהן Lý Bæk Țepeș Ødegård Ćosić"
)
PAGES = ("utf-8", "cp1250", "iso8859-2", "cp1251", "koi8-r", "cp1253", "cp1254", "cp1255", "cp1257")


def misread(name: str, page: str, read: str = "cp1252") -> str:
    """Return a name in one code page as read in another; unchanged if impossible."""
    try:
        return name.encode(page).decode(read)
    except UnicodeError:
        return name


ASIAN = [("王小明", "gb18030"), ("陳大文", "big5"), ("山田", "shift_jis"), ("山田", "euc_jp"), ("홍길동", "euc_kr")]
OF_ISO = [("Папандопуло", "iso8859-5"), ("Παπάς", "iso8859-7"), ("Gülşen", "iso8859-9"), ("سلمان", "iso8859-6")]


@pytest.mark.parametrize(("name", "page"), [*ASIAN, *OF_ISO])
def test_a_name_in_a_page_that_is_none_of_utf_8_goes(name: str, page: str) -> None:
    """Declared as UTF-8, it is read as Latin-1, with control characters in it."""
    written = f"PTV {name}".encode(page)
    label, values = decode(written, b"LO", ["ISO_IR 192"]), [("person", f"{name}^X")]
    assert label != f"PTV {name}"

    assert left_of(label, f"{name}^X") == "PTV"
    assert Search(values).in_typed(label) == {"person"}
    assert Traces(values).are_in(label)


@pytest.mark.parametrize("cut", range(1, 9))
@pytest.mark.parametrize("name", ["Папандопуло", "Παπαδόπουλος", "Müllerßheimer"])
def test_a_name_that_was_cut_off_within_a_character_goes(name: str, cut: int) -> None:
    """Programs count 16 bytes; the rest of a character is no letter of Latin-1."""
    written = f"PTV {name}".encode()[:-cut]
    for declared in (["ISO_IR 192"], [], ["ISO_IR 100"]):
        assert left_of(decode(written, b"SH", declared), f"{name}^X") == "PTV"


@pytest.mark.parametrize("name", ["王小明", "王^小明", "Грюн^Фёдор", "홍^길동", "Kühn^Eva"])
def test_the_beginning_of_a_short_name_goes_where_a_character_is_cut_off(name: str) -> None:
    """Otherwise a word is taken for a truncated name only from five letters on."""
    short = name.replace("^", "")[:2]
    label = f"PTV {short}\N{REPLACEMENT CHARACTER}"
    assert left_of(label, name) == "PTV"
    assert Traces([("person", name)]).are_in(label)
    assert left_of("PTV Xq\N{REPLACEMENT CHARACTER}", name) == "PTV Xq\N{REPLACEMENT CHARACTER}"


OF_DOS_AND_MACINTOSH = [
    *(("mac_roman", "latin-1"), ("mac_roman", "cp1252"), ("latin-1", "mac_roman"), ("utf-8", "mac_roman")),
    *(("cp850", "latin-1"), ("cp850", "cp1252"), ("latin-1", "cp437"), ("utf-8", "cp437")),
]
EXCHANGED = sorted(
    {
        (name, echo)
        for name in ("Großmann", "Müller", "Jäger", "Núñez", "Lefèvre")
        for page, read in OF_DOS_AND_MACINTOSH
        if (echo := misread(name, page, read)) != name
    }
)


@pytest.mark.parametrize(("name", "echo"), EXCHANGED)
def test_names_exchanged_with_dos_or_a_macintosh_are_removed(name: str, echo: str) -> None:
    """Großmann has a ligature of f and l then."""
    label, values = f"PTV {echo}", [("person", f"{name}^X")]
    assert left_of(label, f"{name}^X") == "PTV"
    assert Search(values).in_typed(label) == {"person"}
    assert Traces(values).are_in(label)


@pytest.mark.parametrize("page", ["mac_roman", "cp1252", "cp437"])
@pytest.mark.parametrize("name", ["Strauße", "Wiśniewska", "Dvořáková"])
def test_the_proof_takes_the_removal_of_a_garbled_name_that_is_cut_off(name: str, page: str) -> None:
    """Labels end after 13 or 16 characters."""
    label = f"PTV {misread(name[:-1], 'utf-8', page)}"
    assert Traces([("person", f"{name}^X")]).are_in(label)


MISREAD = sorted({(name, echo) for name in NAMES.split() for page in PAGES if (echo := misread(name, page)) != name})


@pytest.mark.parametrize("form", ["Lung_L {}", "{}_Lung_L", "Lung_L ({})"])
@pytest.mark.parametrize(("name", "echo"), MISREAD)
def test_names_garbled_by_a_wrong_code_page_are_removed(name: str, echo: str, form: str) -> None:
    """The organ is kept."""
    label, values = form.format(echo), [("person", f"{name}^Eva")]

    assert left_of(label, f"{name}^Eva") == "Lung_L"
    assert Search(values).in_typed(label) == {"person"}
    assert Traces(values).are_in(label)


@pytest.mark.parametrize(
    ("name", "echo"), [("BÆK", "BÃ¦k"), ("müller", "MÃœLLER"), ("Dvořák", "Dvoøák"), ("Lý", "LÃ½")]
)
def test_garbled_names_are_removed_in_any_case(name: str, echo: str) -> None:
    """People's capitalization varies, and with it the letters' bytes."""
    assert left_of(f"PTV {echo}", f"{name}^Eva") == "PTV"


@pytest.mark.parametrize(
    ("name", "echo"),
    [("Țepeș", "?epe?"), ("Kość", "Ko??"), ("Müller", "M\N{REPLACEMENT CHARACTER}ller"), ("Bæk", "B?k")],
)
def test_marks_in_the_place_of_lost_letters_go_with_the_others(name: str, echo: str) -> None:
    """Nothing remains of them."""
    label, values = f"Vejiga.{echo}", [("person", f"{name}^Eva")]

    assert left_of(label, f"{name}^Eva") == "Vejiga"
    assert Search(values).in_typed(label) == {"person"}
    assert Traces(values).are_in(label)


@pytest.mark.parametrize("label", ["GTV?", "Rückenmark", "Hüftkopf_li", "Côlon", "Moelle épinière", "Lunge?", "Ø 5mm"])
@pytest.mark.parametrize("name", ["Wiśniewska^Ewa", "Иванов^Пётр", "Lý^Minh", "Øst^Åse"])
def test_organs_with_letters_of_their_own_stay(label: str, name: str) -> None:
    """Whatever they are in another code page."""
    assert left_of(label, name) == label
    assert not Search([("person", name)]).in_typed(label)


@pytest.mark.parametrize(("name", "label", "left"), [
    ("王^伟", "PTV 王", "PTV"), ("王^伟", "PTV王", "PTV"), ("王^伟", "伟 PTV", "PTV"), ("이^민준", "이 PTV", "PTV"),
    ("王^伟", "王子", "王子"), ("左^伟", "左 肺", "左 肺"),
])  # fmt: skip
def test_a_name_of_one_character_goes_where_it_is_alone(name: str, label: str, left: str) -> None:
    """Beside another character it is part of a word; sides are nobody's names."""
    values = [("person", name)]

    assert left_of(label, name) == left
    assert (Search(values).in_typed(label) == {"person"}) is (left != label)
    assert left == label or Traces(values).are_in(label)


@pytest.mark.parametrize(("name", "label", "left"), [
    ("Bæk^Mette", "CBCT Bæk", "CBCT"), ("Ko^Na", "PTV Ko", "PTV"), ("Os^Ra", "Os ilium", "Os ilium"),
    ("Li^Na", "Lunge li", "Lunge li"),
    ("RA", "RA_H&N_70Gy", "RA_H&N_70Gy"), ("RA", "RA", "RA"), ("QX", "QX_Lunge", "Lunge"),
])  # fmt: skip
def test_a_short_name_is_excused_only_as_it_is_spelled(name: str, label: str, left: str) -> None:
    """`Bæk` is not `bak`; an operator's code may equal any word of the lexicon."""
    assert left_of(label, name) == left
    assert not Search([("person", name)]).in_typed(left)
