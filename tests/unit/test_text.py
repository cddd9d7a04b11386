"""Character sets: decoding, the output's declaration, and equality of spellings."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

from services.dicom import character_sets
from services.dicom.character_sets import decode, effective_charset, encode, name_components, recode
from services.vocabulary.spelling import fold, pieces

TERMS = st.lists(st.sampled_from([*python_encoding, "UTF-8", "NOBODY KNOWS", " "]), max_size=4)
TEXT_VRS = st.sampled_from([b"PN", b"LO", b"LT", b"CS", b"UN"])


@pytest.mark.parametrize(
    ("value", "vr", "charsets", "text"),
    [
        (b"Mueller^Anna", b"PN", [], "Mueller^Anna"),
        (b"M\xfcller", b"LO", ["ISO_IR 100"], "Müller"),
        (b"M\xfcller", b"LO", [], "Müller"),
        (b"M\xfcller", b"LO", ["ISO_IR 192"], "Müller"),
        (b"M\xc3\xbcller", b"LO", ["ISO_IR 192"], "Müller"),
        (b"M\xc3\xbcller", b"LO", [], "Müller"),
        (b"M\xc3\xbcller", b"LO", ["ISO_IR 100"], "Müller"),
        (b"M\xfcller", b"LO", ["iso-ir 100"], "Müller"),
        (b"M\xfcller", b"LO", ["NOBODY KNOWS"], "Müller"),
        (b"M\xfcller", b"CS", ["ISO_IR 144"], "Müller"),
        ("Łódź".encode("iso8859_2"), b"LO", ["ISO_IR 101"], "Łódź"),
        ("Иванов".encode("iso8859_5"), b"PN", ["ISO_IR 144"], "Иванов"),
        ("Διονυσιος".encode("iso8859_7"), b"PN", ["ISO_IR 126"], "Διονυσιος"),
        ("王^小东".encode("gb18030"), b"PN", ["GB18030"], "王^小东"),
        ("王^小东".encode("gbk"), b"PN", ["GBK"], "王^小东"),
        (b"\xd4\xcf\xc0\xde", b"PN", ["ISO_IR 13"], "ﾔﾏﾀﾞ"),
    ],
)
def test_a_text_is_read_as_its_bytes_show(value, vr, charsets, text):
    """The declaration applies if it fits; otherwise UTF-8 and Latin-1, as in real files."""
    assert decode(value, vr, charsets) == text


@pytest.mark.parametrize(
    ("name", "codec", "declared", "begin"),
    [
        ("王小明", "gb18030", ["GB18030"], ""),
        ("王小明", "gb18030", ["GBK"], ""),
        ("王小明", "utf-8", ["ISO_IR 192"], ""),
        ("홍길동", "euc_kr", ["", "ISO 2022 IR 149"], "\x1b$)C"),
    ],
)
def test_a_value_may_be_cut_off_within_a_character_of_its_set(name, codec, declared, begin):
    """Programs count bytes; what is left of the name is read."""
    written = f"PTV {begin}{name}".encode(codec)
    assert decode(written, b"LO", declared) == f"PTV {name}"
    assert decode(written[:-1], b"LO", declared) == f"PTV {name[:-1]}\N{REPLACEMENT CHARACTER}"
    assert decode("Café".encode("latin-1"), b"LO", declared) == "Café"


@pytest.mark.parametrize("padding", ["", " ", "  ", "\0"])
@pytest.mark.parametrize("charsets", [["", "ISO 2022 IR 87"], ["ISO_IR 192"], []])
def test_kanji_may_reach_to_the_padding(charsets, padding):
    """Many programs, pydicom among them, do not switch back to ASCII at the end of a value."""
    assert decode(b"PTV \x1b$B;3ED" + padding.encode(), b"LO", charsets) == f"PTV 山田{padding}"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"HN M\xc3\xbc\xc3", "HN Mü\N{REPLACEMENT CHARACTER}"),
        (b"\xe5\xb1\xb1\xe7\x94", "山\N{REPLACEMENT CHARACTER}"),
        (b"caf\xc3", "cafÃ"),
        (b"M\xfcller \xc3", "Müller Ã"),
    ],
)
def test_utf_8_may_be_cut_off_within_a_character(written, read):
    """If it has others: a single byte may as well be Latin-1."""
    assert [decode(written, b"LO", declared) for declared in ([], ["ISO_IR 100"], ["ISO_IR 192"])] == [read] * 3


@pytest.mark.parametrize("charsets", [["", "ISO 2022 IR 87"], ["", " ISO 2022 IR 87 "], []])
def test_japanese_names_switch_character_sets_in_mid_value(charsets):
    """PS3.5 Annex H.3.1, example 1; escape sequences are followed even if undeclared."""
    value = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    assert decode(value, b"PN", charsets) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_korean_names_fall_back_to_the_first_set_at_each_delimiter():
    """PS3.5 Annex I.2, example."""
    value = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
    assert decode(value, b"PN", ["", "ISO 2022 IR 149"]) == "Hong^Gildong=洪^吉洞=홍^길동"


def test_simplified_chinese_is_read_without_its_escape_sequence():
    """PS3.5 Annex K.2: remains of an escape sequence would split a name."""
    value = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="
    assert decode(value, b"PN", ["", "ISO 2022 IR 58"]) == "Zhang^XiaoDong=张^小东="


@given(st.binary(max_size=40), TEXT_VRS, TERMS)
def test_decoding_never_fails(value, vr, charsets):
    """For any bytes and declaration."""
    assert isinstance(decode(value, vr, charsets), str)


@given(st.text(max_size=20))
def test_what_is_written_in_utf8_is_read_again(text):
    """Every text of a set can be encoded in ISO_IR 192; ESC is not allowed in text VRs."""
    text = text.replace("\x1b", "")
    assert decode(encode(text, ["ISO_IR 192"]), b"LT", ["ISO_IR 192"]) == text


def test_a_text_that_its_character_set_cannot_write_is_an_error():
    """It must not silently become question marks."""
    with pytest.raises(UnicodeEncodeError):
        encode("Müller", [])


@pytest.mark.parametrize(
    ("declared", "samples", "written", "output"),
    [
        (None, [b"Mueller"], [], None),
        (b"ISO_IR 100", [b"M\xfcller"], [], None),
        (b"ISO_IR 192 ", ["Müller 王".encode()], ["Tübingen"], None),
        (b"\\ISO 2022 IR 87", [b"\x1b$B;3ED\x1b(B"], [], None),
        (b"ISO_IR 144", ["Иванов".encode("iso8859_5")], ["Plan01"], None),
        (None, [b"M\xfcller"], [], b"ISO_IR 100"),
        (None, [], ["Tübingen"], b"ISO_IR 100"),
        (b"ISO_IR 192", [b"M\xfcller"], [], b"ISO_IR 100"),
        (b"NOBODY KNOWS", [b"Mueller"], [], b"ISO_IR 100"),
        (None, ["Müller".encode()], [], b"ISO_IR 192"),
        (b"ISO_IR 100", ["Müller".encode()], [], b"ISO_IR 192"),
        (b"ISO_IR 100", [b"M\xfcller", "Müller".encode()], [], b"ISO_IR 192"),
        (None, [b"\x1b$B;3ED\x1b(B"], [], b"ISO_IR 192"),
        (b"ISO_IR 100", [b"M\xfcller"], ["Łódź"], b"ISO_IR 192"),
        (b"ISO_IR 144", ["Иванов".encode("iso8859_5")], ["Müller"], b"ISO_IR 192"),
    ],
)
def test_the_output_declares_what_its_bytes_are(declared, samples, written, output):
    """A correct declaration stays; a missing, wrong or insufficient one is replaced."""
    assert effective_charset(declared, samples, written) == output


@pytest.mark.parametrize(
    "declared", [b"ISO_IR\n100", b"iso_ir_100", b"ISO-IR 100", b"ISO_IR\t144", b"UTF-8", b"latin1"]
)
def test_no_declaration_stays_misspelled(declared: bytes) -> None:
    """Readers that know only the defined terms, and the proof, would reject it."""
    assert effective_charset(declared, []) == b"ISO_IR 100"
    assert effective_charset(declared, [b"M\xc3\xbcller"]) == b"ISO_IR 192"


@given(
    st.sampled_from([None, b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 144", b"\\ISO 2022 IR 87"]),
    st.lists(st.binary(max_size=8)),
)
def test_after_recoding_every_text_reads_as_before(declared, samples):
    """The output's declaration applies to every recoded value."""
    source = (declared or b"").decode().split("\\")
    output = effective_charset(declared, samples)
    for sample in samples:
        before = decode(sample, b"LO", source)
        if output is not None and "\x1b" not in before:
            target = [output.decode()]
            assert decode(recode(sample, b"LO", source, target), b"LO", target) == before


def test_undeclared_latin_1_keeps_its_bytes():
    """So unchanged slices of the input are already correct."""
    assert recode(b"M\xfcller", b"LO", [], ["ISO_IR 100"]) == b"M\xfcller"


@pytest.mark.parametrize(
    "spellings",
    [
        ("Müller", "MUELLER", "Muller", "mu\u0308ller"),
        ("Weiß", "WEISS", "weiss"),
        ("Sørensen", "Soerensen", "sorensen"),
        ("Håkon", "Haakon"),
        ("Gonçalves", "GONCALVES"),
        ("Łukasz", "lukasz"),
        ("Фёдоров", "ФЕДОРОВ"),
        ("ﾔﾏﾀﾞ", "ヤマダ", "ヤマタ"),
        ("홍길동", "\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc"),
    ],
)
def test_spellings_of_one_name_are_alike(spellings):
    """Case, accents and written-out umlauts do not matter."""
    assert len({fold(spelling) for spelling in spellings}) == 1


@given(st.text(max_size=20))
def test_folding_is_idempotent(text):
    """Folding is idempotent."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PTV_60GyMueller", ["PTV", "60", "Gy", "Mueller"]),
        ("PTVmueller", ["PT", "V", "mueller"]),
        ("AMueller", ["A", "M", "ueller"]),
        ("ID000123", ["ID", "000", "123"]),
        ("100 000", ["100", "000"]),
        ("PTV山田", ["PTV", "山", "田"]),
        ("ОпухольИванов", ["Опухоль", "Иванов"]),
        ("~?*", []),
    ],
)
def test_a_text_is_cut_where_a_word_may_begin(text, parts):
    """At separators, digits and capitals, in every script that has them."""
    assert [text[start:end] for start, end in pieces(text)] == parts


def test_a_name_has_groups_and_components():
    """PS3.5 §6.2, value representation PN."""
    assert name_components("Yamada^Tarou =山田^太郎") == [["Yamada", "Tarou"], ["山田", "太郎"]]


def test_character_sets_are_those_of_pydicom_without_importing_it() -> None:
    """Except for ASCII: undeclared means the default repertoire. PS3.5 §6.1.2.1."""
    terms = {character_sets._plain_term(term): codec for term, codec in python_encoding.items()}
    ascii_only = dict.fromkeys(("", "ISO IR 6", "ISO 2022 IR 6"))
    assert terms | ascii_only | {"UTF 8": "UTF8"} == character_sets._TERMS
    assert {code: codec for code, codec in CODES_TO_ENCODINGS.items() if code != b"\x1b(B"} == character_sets._ESCAPES
    code = "import sys; from services.dicom.character_sets import decode; decode(b'M\\xfcller', b'PN', ['ISO_IR 100'])"
    asked = [sys.executable, "-c", f"{code}; print('pydicom' in sys.modules)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "False\n"
