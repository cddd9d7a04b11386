"""Hostile files give a reason in bounded time and memory; so does one that was harmful by accident."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.dicom import elements, fragments, part10
from services.dicom.elements import Malformed, Truncated
from services.dicom.part10 import NotDicom
from services.policy.text_roles import Text
from services.proof.search import Search, is_made_of_terms
from tests.encoded import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_ITEM,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    UNDEFINED,
    element,
    head,
)

if TYPE_CHECKING:
    from pathlib import Path


def many(count: int, value: bytes = b"", first: int = 0x00090000) -> bytes:
    """Write private elements with tags that ascend."""
    return b"".join(element(first + number, b"LO", value) for number in range(count))


def nested(levels: int, *, implicit: bool = False) -> bytes:
    """Write sequences in each other."""
    start = element(0x300A00B0, b"SQ", b"", UNDEFINED)
    if implicit:
        start = start[:4] + start[-4:]
    return (start + ITEM + b"\xff" * 4) * levels + (END_OF_ITEM + END_OF_SEQUENCE) * levels


def deflated(data: bytes) -> bytes:
    """Deflate without a header (PS3.5 A.5)."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


HOSTILE = {
    "nested deep": head(EXPLICIT) + nested(100_000),
    "nested deep, implicit": head(IMPLICIT) + nested(100_000, implicit=True),
    "nested deep, deflated": head(DEFLATED) + deflated(nested(100_000)),
    "nested deep, big endian": head(BIG_ENDIAN)
    + b"\x30\x0a\x00\xb0SQ\0\0\xff\xff\xff\xff\xff\xfe\xe0\0\xff\xff\xff\xff" * 9999,
    "nested deep, coded as UN": head(EXPLICIT) + element(0x300A00B0, b"UN", nested(9999, implicit=True)[12:]),
    "a giant text": head(EXPLICIT) + element(0x300A0003, b"UT", b"abc", 0xFFFFFFF0),
    "giant pixels": head(EXPLICIT) + element(0x7FE00010, b"OW", b"abc", 0xFFFFFFF0),
    "a giant sequence": head(EXPLICIT) + element(0x300A00B0, b"SQ", b"abcd", 0x7FFFFFF0),
    "giant meta information": bytes(128) + b"DICM" + element(0x00020102, b"OB", b"x", UNDEFINED),
    "a VR that nobody knows": head(EXPLICIT) + element(0x00080060, b"ZZ", b"RTPLAN"),
    "a VR that nobody knows, big endian": head(BIG_ENDIAN) + b"\x00\x08\x00\x60ZZ\x00\x06RTPLAN",
    "nothing deflated": head(DEFLATED) + deflated(b""),
    "three bytes deflated": head(DEFLATED) + deflated(b"abc"),
    "nothing": b"",
    "a prefix": bytes(128) + b"DICM",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_read_to_a_reason(tmp_path: Path, name: str) -> None:
    """Without other exceptions."""
    path = tmp_path / "x.dcm"
    path.write_bytes(HOSTILE[name])
    with pytest.raises((Malformed, NotDicom)):
        part10.read(path)


def test_endless_deflated_data_are_refused(tmp_path: Path, monkeypatch) -> None:
    """A few kilobytes that would become gigabytes, and a truncated stream."""
    monkeypatch.setattr(part10, "MAX_DATA", 1 << 22)
    path = tmp_path / "x.dcm"
    path.write_bytes(head(DEFLATED) + (stream := deflated(bytes(1 << 22))))
    with pytest.raises(Malformed, match="holds more than 1048576 bytes"):
        part10.read(path)
    path.write_bytes(head(DEFLATED) + stream[:300])
    with pytest.raises(Truncated):
        part10.read(path)


@pytest.mark.parametrize(
    "data",
    [
        element(0x300A00B0, b"SQ", (ITEM + bytes(4)) * 3000),
        element(0x300A00B0, b"SQ", (ITEM + bytes(4)) * 3000 + END_OF_SEQUENCE, UNDEFINED),
        many(3000),
        element(0x300A00B0, b"SQ", ITEM + struct.pack("<L", 24_000) + many(3000)),
    ],
)
def test_too_many_elements_and_items_are_refused(tmp_path: Path, monkeypatch, data: bytes) -> None:
    """Reading stops at the limit: a gigabyte of empty items would exhaust memory before being counted."""
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 1000)
    path = tmp_path / "x.dcm"
    path.write_bytes(head(EXPLICIT) + data)
    with pytest.raises(Malformed, match="more than 1000 elements"):
        part10.read(path)


def test_elements_are_counted_in_short_and_long_files(tmp_path: Path, monkeypatch) -> None:
    """Up to the limit; intermediate counting does not change the result."""
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 1000)
    path = tmp_path / "x.dcm"
    data = many(400, b"ab", 0x00090010) + element(0x000B1000, b"UT", bytes(90_000)) + many(500, b"ab", 0x300B0010)
    path.write_bytes(head(EXPLICIT) + data)
    assert len(part10.read(path).elements) == 901


def test_too_many_fragments_are_refused(tmp_path: Path, monkeypatch) -> None:
    """Of encapsulated pixels."""
    monkeypatch.setattr(fragments, "MOST", 1000)
    path = tmp_path / "x.dcm"
    path.write_bytes(head(EXPLICIT) + element(0x7FE00010, b"OB", (ITEM + bytes(4)) * 3000, UNDEFINED))
    with pytest.raises(Malformed, match="more than 1000 fragments"):
        part10.read(path)


def test_an_element_that_ends_where_the_first_read_does(tmp_path: Path) -> None:
    """What follows belongs to the file, and was once silently omitted."""
    path = tmp_path / "x.dcm"
    start = head(EXPLICIT) + element(0x00080060, b"CS", b"RTPLAN")
    filling = element(0x300A0003, b"UT", bytes(part10.HEAD_SIZES[0] - len(start) - 12))
    assert len(start + filling) == part10.HEAD_SIZES[0]
    path.write_bytes(start + filling + element(0x300A0004, b"ST", b"ab"))

    assert [f"{found[0]:08X}" for found in part10.read(path).elements] == ["00080060", "300A0003", "300A0004"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("letters", ["lung" * 2000, "lungenlappen" * 700, "qwvxzjhklm" * 700, "Ab" * 3000])
def test_a_label_of_thousands_of_letters_is_cleaned(letters: str) -> None:
    """Neither the division into words nor the search for identifiers takes unbounded time or depth."""
    text = Text("roi_name", 1, letters)
    cleaner = Cleaner(Identifiers([("person", "Mueller^Anna"), ("patient-id", "4711")]), [text])
    assert cleaner.clean(letters, "roi_name") == letters
    assert len(cleaner.unread([text], cleaner.clean)) <= 1
    assert not Search([("person", "Mueller^Anna"), ("patient-id", "4711")]).in_typed(letters)
    assert not is_made_of_terms("lung" * 2000)
