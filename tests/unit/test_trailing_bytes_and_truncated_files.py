"""Complete files are read, whatever follows them and however they begin; only truncated ones wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from services.dicom.elements import Malformed, Truncated
from services.dicom.part10 import read
from tests import sets
from tests.anonymized import anonymize_folder, anonymized
from tests.encoded import (
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    RLE,
    UNDEFINED,
    element,
    head,
    item,
    sequence,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.dicom.elements import Element
    from tests.sets import MadeSet

ENCODINGS = {"explicit": (EXPLICIT, False), "implicit": (IMPLICIT, True)}
BEAMS, BEAM_NAME = 0x300A00B0, 0x300A00C2


def plan(*, implicit: bool, undefined: bool = False) -> bytes:
    """Write a small data set that ends with a sequence."""
    name = element(BEAM_NAME, b"LO", b"Beam", implicit=implicit)
    beams = sequence(BEAMS, item(name, undefined=undefined), undefined=undefined, implicit=implicit)
    return element(0x00080060, b"CS", b"RTPLAN", implicit=implicit) + beams


def tags(elements: list[Element]) -> list:
    """Return all tags, including those in items."""
    return [(one[0], [tags(item[3]) for item in one[5] or []]) for one in elements]


PLAN = [(0x00080060, []), (BEAMS, [[(BEAM_NAME, [])]])]


def found(path: Path, data: bytes) -> list:
    """Read a file, and return its tags."""
    path.write_bytes(data)
    return tags(list(read(path).elements))


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize(
    "behind",
    [
        b"\n",
        b"\r\n",
        bytes(1),
        bytes(7),
        bytes(8),
        bytes(63),
        bytes(512),
        bytes(100_000),
        b"\n" * 16,
        b"\r\n" + bytes(700),
    ],
)
def test_padding_behind_a_whole_data_set_is_passed_over(
    tmp_path: Path, behind: bytes, way: str, undefined: bool
) -> None:
    """Like pydicom, GDCM and DCMTK do."""
    syntax, implicit = ENCODINGS[way]
    assert found(tmp_path / "x.dcm", head(syntax) + plan(implicit=implicit, undefined=undefined) + behind) == PLAN


JUNK = {
    "FF": b"\xff" * 64,
    "FF, longer than an element": b"\xff" * 70_001,
    "CD": b"\xcd" * 64,
    "01": b"\1" * 64,
    "blanks": b" " * 64,
    "letters": b"A" * 64,
    "a page": b"<html><body>Session expired</body></html>",
    "a message": b"Session expired\r\n",
    "a message of odd letters": b"\r\nSQ error 17: connection reset by peer\n",
    "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(range(48)),
    "a PDF": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    "noise": bytes.fromhex("a15f9be03c7781c402d8f6e91b5ec3a9774d20bb") * 3,
    "noise of an odd group": bytes.fromhex("b15f9be01c9781c402d8f6e91b5ec3a9774d20bb") * 3,
}


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("behind", JUNK)
def test_junk_behind_a_whole_data_set_is_refused_at_once(
    tmp_path: Path, behind: str, way: str, undefined: bool, pixels: bool
) -> None:
    """Waiting for a copy would not help."""
    syntax, implicit = ENCODINGS[way]
    image = element(0x7FE00010, b"OW", b"\1\2", implicit=implicit) if pixels else b""
    (tmp_path / "x.dcm").write_bytes(head(syntax) + plan(implicit=implicit, undefined=undefined) + image + JUNK[behind])
    with pytest.raises(Malformed) as told:
        read(tmp_path / "x.dcm")
    assert type(told.value) is Malformed


@pytest.mark.parametrize("way", ENCODINGS)
def test_text_behind_a_data_set_is_called_no_dicom(tmp_path: Path, way: str) -> None:
    """With its position, without quoting it."""
    syntax, implicit = ENCODINGS[way]
    whole = head(syntax) + plan(implicit=implicit)
    for behind in ("FF", "blanks", "a page", "a message", "a PDF"):
        (tmp_path / "x.dcm").write_bytes(whole + JUNK[behind])
        with pytest.raises(Malformed) as told:
            read(tmp_path / "x.dcm")
        assert str(told.value) == f"what follows the last element, at byte {len(whole)}, is not DICOM", behind


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("way", ENCODINGS)
def test_trailing_padding_as_an_element_is_read(tmp_path: Path, way: str, undefined: bool) -> None:
    """Data Set Trailing Padding may hold anything. PS3.10 Section 7.2."""
    syntax, implicit = ENCODINGS[way]
    padding = element(0xFFFCFFFC, b"OB", b"\xff" * 64, implicit=implicit)
    data = head(syntax) + plan(implicit=implicit, undefined=undefined) + padding
    assert found(tmp_path / "x.dcm", data) == [*PLAN, (0xFFFCFFFC, [])]


@pytest.mark.parametrize("vr", [b"\0\0", b"??", b"  ", b"ox"])
def test_a_vendors_vr_is_read_before_other_elements(tmp_path: Path, vr: bytes) -> None:
    """What would be junk at a file's end is an element if complete."""
    private = b"\x0b\x30\1\x10" + vr + b"\4\0abcd"
    data = head(EXPLICIT) + plan(implicit=False) + private + element(0x300E0002, b"CS", b"APPROVED")
    assert found(tmp_path / "x.dcm", data) == [*PLAN, (0x300B1001, []), (0x300E0002, [])]


def test_a_deflated_file_that_is_cut_off_anywhere_is_waited_for(tmp_path: Path) -> None:
    """Both in its meta information, whose end is no deflated data, and after it."""
    made = sets.make_set(tmp_path / "set", sets.encoded("deflated"), ct=1, size=8)
    whole = next(made.folder.glob("RP*")).read_bytes()
    path = tmp_path / "x.dcm"
    for end in range(133, len(whole) - 1):  # to whose end a byte is added, to make its length even
        path.write_bytes(whole[:end])
        with pytest.raises(Truncated):
            read(path)


def test_a_big_endian_file_that_is_cut_off_is_waited_for(tmp_path: Path) -> None:
    """Its tags are byte-swapped; text after it is no DICOM either."""
    big = b"\0\x08\0\0UL\0\4\0\0\0\x10" + b"\0\x08\0\x60CS\0\6RTPLAN" + b"\x30\x0a\0\2SH\0\4Beam"
    path = tmp_path / "x.dcm"
    start = head(b"1.2.840.10008.1.2.2\0")
    for end in set(range(1, len(big))) - {12, 13, 26}:  # behind an element, and a zero
        path.write_bytes(start + big[:end])
        with pytest.raises(Truncated):
            read(path)
    for junk in JUNK.values():
        path.write_bytes(start + big + junk)
        with pytest.raises(Malformed) as told:
            read(path)
        assert type(told.value) is Malformed


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("way", ENCODINGS)
def test_a_file_that_is_cut_off_anywhere_is_waited_for(tmp_path: Path, way: str, undefined: bool) -> None:
    """After a top-level element it looks complete; everywhere else the copy is incomplete."""
    syntax, implicit = ENCODINGS[way]
    whole = head(syntax) + plan(implicit=implicit, undefined=undefined)
    path = tmp_path / "x.dcm"
    begin = len(head(syntax))
    beams = begin + len(element(0x00080060, b"CS", b"RTPLAN", implicit=implicit))
    looks_whole = {beams, beams + 1}  # the first byte of (300A,00B0) is a line end
    for end in set(range(133, len(whole))) - looks_whole:
        path.write_bytes(whole[:end])
        with pytest.raises(Truncated):
            read(path)


@pytest.mark.parametrize("way", ENCODINGS)
def test_a_file_whose_end_is_still_zeros_is_waited_for(tmp_path: Path, way: str) -> None:
    """It has its full size, but only some blocks have arrived."""
    syntax, implicit = ENCODINGS[way]
    start = head(syntax) + element(0x00080060, b"CS", b"RTPLAN", implicit=implicit)
    room = 4096 - len(start) - len(element(0x300A0004, b"LT", b"", implicit=implicit))
    path = tmp_path / "x.dcm"
    for short in (0, 2, 500):
        path.write_bytes(
            start + element(0x300A0004, b"LT", b"a" * (room - short), implicit=implicit)[:4096] + bytes(4096)
        )
        if short:
            read(path)
        else:
            with pytest.raises(Truncated):
                read(path)


MALFORMED = {
    "a value beyond its item": sequence(BEAMS, item(element(BEAM_NAME, b"LO", b"Beam", 400))),
    "a value beyond its item, by more than the file": sequence(BEAMS, item(element(BEAM_NAME, b"LO", b"Beam", 60_000))),
    "an item beyond its sequence": sequence(BEAMS, ITEM + b"\xff\xff\0\0" + element(BEAM_NAME, b"LO", b"Beam")),
    "leftovers in an item": sequence(BEAMS, item(element(BEAM_NAME, b"LO", b"Beam"), b"\1\2\3")),
    "leftovers in a sequence": sequence(BEAMS, item(element(BEAM_NAME, b"LO", b"Beam")), b"\1\2\3"),
    "an undefined item in a sequence that ends": sequence(
        BEAMS, ITEM + b"\xff" * 4 + element(BEAM_NAME, b"LO", b"Beam")
    ),
    "no item": sequence(BEAMS, element(BEAM_NAME, b"LO", b"Beam")),
    "an undefined sequence in an item that ends": sequence(
        BEAMS, item(element(0x300A0111, b"SQ", item(element(BEAM_NAME, b"LO", b"Beam")), UNDEFINED))
    ),
}


@pytest.mark.parametrize("behind", [b"", element(0x300E0002, b"CS", b"APPROVED")], ids=["at the end", "before others"])
@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_wrong_in_itself_is_refused_at_once(tmp_path: Path, fault: str, behind: bytes) -> None:
    """Waiting would not help, since the part that states its length is complete."""
    path = tmp_path / "x.dcm"
    path.write_bytes(head(EXPLICIT) + MALFORMED[fault] + behind)
    with pytest.raises(Malformed) as told:
        read(path)
    assert not isinstance(told.value, Truncated)


@pytest.mark.parametrize("way", ENCODINGS)
def test_file_meta_information_in_implicit_vr(tmp_path: Path, way: str) -> None:
    """Some systems write it, including the transfer syntax."""
    syntax, implicit = ENCODINGS[way]
    assert found(tmp_path / "x.dcm", head(syntax, implicit=True) + plan(implicit=implicit)) == PLAN


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("stated", [EXPLICIT, IMPLICIT, b"1.2.840.10008.1.2.2\0"])
def test_the_first_element_decides_how_a_data_set_is_written(
    tmp_path: Path, way: str, stated: bytes, undefined: bool
) -> None:
    """Not the file meta information; a difference is reported."""
    syntax, implicit = ENCODINGS[way]
    path = tmp_path / "x.dcm"
    path.write_bytes(head(stated) + plan(implicit=implicit, undefined=undefined))
    file = read(path)
    assert tags(list(file.elements)) == PLAN
    assert (file.implicit, bool(file.oddities)) == (implicit, stated != syntax)


def fragments(*pieces: bytes) -> bytes:
    """Write encapsulated pixel data up to the delimiter."""
    return element(0x7FE00010, b"OB", b"".join(map(item, (b"", *pieces))), UNDEFINED)


def test_encapsulated_pixels_without_their_last_delimiter(tmp_path: Path) -> None:
    """They are read, and published with a delimiter."""
    path = tmp_path / "x.dcm"
    path.write_bytes(head(RLE) + element(0x00080060, b"CS", b"CT") + fragments(b"\1\2", b"\3\4"))
    file = read(path)
    assert file.pixels
    assert file.memory == item(b"") + item(b"\1\2") + item(b"\3\4") + END_OF_SEQUENCE
    assert (file.pixels.length, file.transfer_syntax) == (len(file.memory), RLE.decode().rstrip("\0"))


def test_encapsulated_pixels_that_are_cut_off(tmp_path: Path) -> None:
    """In a fragment, in its header, and before the first one."""
    whole = head(RLE) + element(0x00080060, b"CS", b"CT") + fragments(b"\1\2\3\4")
    path = tmp_path / "x.dcm"
    for missing in (*range(1, 12), 12, 14, 20):
        path.write_bytes(whole[:-missing])
        with pytest.raises(Truncated):
            read(path)


def test_a_compressed_icon_is_no_sequence(tmp_path: Path) -> None:
    """Its fragments are skipped."""
    icon = sequence(0x00880200, item(fragments(b"\xff\xd8\xff\xe0 no elements"), END_OF_SEQUENCE))
    assert found(tmp_path / "x.dcm", head(EXPLICIT) + icon + element(0x300E0002, b"CS", b"APPROVED")) == [
        (0x00880200, [[(0x7FE00010, [])]]),
        (0x300E0002, []),
    ]


def _other_syntax(made: MadeSet) -> None:
    """Write explicit VR, and state implicit VR."""
    sets.encoded("explicit")(made)
    stated = b"\x02\x00\x10\x00UI\x14\x00" + EXPLICIT
    made.rewrites.append(("", lambda data: data.replace(stated, b"\x02\x00\x10\x00UI\x14\x00" + IMPLICIT + b"\0\0", 1)))


def _without_delimiter(made: MadeSet) -> None:
    sets.rle(made)
    made.rewrites.append(("CT", lambda data: data.removesuffix(END_OF_SEQUENCE)))


def _padded(padding: bytes) -> Callable[[MadeSet], None]:
    return lambda made: made.rewrites.append(("", lambda data: data + padding))


@pytest.mark.parametrize(
    "edit",
    [_other_syntax, _padded(b"\n"), _padded(bytes(2048)), _padded(b"\r\n")],
    ids=["other syntax", "line end", "zeros", "CR LF"],
)
def test_such_sets_are_published_whole(tmp_path: Path, edit: Callable[[MadeSet], None]) -> None:
    """The proof passes, and pydicom reads the output."""
    done = anonymized(tmp_path, edit)
    for path in done.anon.iterdir():
        data = dcmread(path)
        assert "PixelData" not in data or data.PixelData
        assert not path.read_bytes().endswith(b"\n")


def test_a_set_whose_pixels_lack_a_delimiter_is_published_with_it(tmp_path: Path) -> None:
    """The coded image is the same; pydicom does not read the source."""
    sources = sets.make_set(tmp_path / "whole", sets.rle)
    broken = sets.make_set(tmp_path / "broken", _without_delimiter)
    whole, done = (
        anonymize_folder(made.folder, tmp_path / name / "ANON_006")
        for made, name in ((sources, "as it should be"), (broken, "as it came"))
    )
    assert {path.name: path.read_bytes() for path in done.anon.iterdir()} == {
        path.name: path.read_bytes() for path in whole.anon.iterdir()
    }
