"""Elements occur once and in tag order (PS3.5 7.1); other orders are sorted, duplicates refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dicom.elements import Malformed
from services.dicom.part10 import read
from services.errors import SetRefused
from tests import sets
from tests.anonymized import anonymized
from tests.encoded import BIG_ENDIAN, EXPLICIT, IMPLICIT, element, head, item, sequence
from tests.many import examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.dicom.elements import Element
    from tests.sets import MadeSet

SYNTAXES = {"explicit": EXPLICIT, "implicit": IMPLICIT}

#: Two levels of elements: each a tag and a value, or a tag and items.
INNER = (
    (0x300A00C0, b"IS", b"1 "),
    (0x300A00C2, b"LO", b"Beam 1"),
    (0x300C006A, b"IS", b"1 "),
    (0x300B1001, b"LO", b""),
)
OUTER = (
    (0x00080060, b"CS", b"RTPLAN"),
    (0x00100010, b"PN", b"Somebody"),
    (0x00100020, b"LO", b"4711"),
    (0x00291010, b"LO", b"private "),
    (0x300A0002, b"SH", b"Plan"),
    (0x300E0002, b"CS", b"APPROVED"),
)
BEAMS = 0x300A00B0


def written(
    outer: Sequence[tuple[int, bytes, bytes]], inner: Sequence[tuple[int, bytes, bytes]], at: int, way: str
) -> bytes:
    """Write a plan of two beams, with the beams behind the `at`th element."""
    implicit = way == "implicit"
    made = [element(*one, implicit=implicit) for one in outer]
    beam = item(*(element(*one, implicit=implicit) for one in inner))
    made.insert(at, sequence(BEAMS, beam, beam, implicit=implicit))
    return head(SYNTAXES[way]) + b"".join(made)


def tree(data: bytes, elements: Sequence[Element]) -> list:
    """Return tag, VR and value of each element, and the items of each sequence."""
    return [
        (tag, vr, data[value:end] if items is None else [tree(data, one[3]) for one in items])
        for tag, vr, _, value, end, items in elements
    ]


def read_tree(path: Path, data: bytes) -> tuple[list, tuple[str, ...]]:
    """Read a file; return its elements and oddities."""
    path.write_bytes(data)
    file = read(path)
    return tree(file.data, file.elements), file.oddities


@pytest.mark.parametrize("way", SYNTAXES)
@given(st.permutations(OUTER), st.permutations(INNER), st.integers(0, len(OUTER)))
@settings(max_examples=examples(20))
def test_any_order_reads_as_the_right_one(
    tmp_path_factory: pytest.TempPathFactory, way: str, outer: list, inner: list, at: int
) -> None:
    """At the root and in items."""
    path = tmp_path_factory.getbasetemp() / "shuffled.dcm"
    right, none = read_tree(path, written(sorted(OUTER), sorted(INNER), 5, way))
    found, oddities = read_tree(path, written(outer, inner, at, way))
    disordered = outer != sorted(OUTER) or inner != sorted(INNER) or at != 5
    assert (found, bool(oddities), none) == (right, disordered, ())


@pytest.mark.parametrize("way", SYNTAXES)
@pytest.mark.parametrize("place", ["at the root", "private", "in an item", "behind all"])
def test_what_occurs_twice_alike_is_taken_once(tmp_path: Path, way: str, place: str) -> None:
    """Nothing is lost, and a note is given."""
    outer, inner = list(OUTER), list(INNER)
    {
        "at the root": lambda: outer.insert(1, OUTER[1]),
        "private": lambda: outer.insert(3, OUTER[3]),
        "in an item": lambda: inner.insert(1, INNER[1]),
        "behind all": lambda: outer.append(OUTER[1]),
    }[place]()
    right, _ = read_tree(tmp_path / "right.dcm", written(sorted(OUTER), sorted(INNER), 5, way))
    found, oddities = read_tree(tmp_path / "twice.dcm", written(outer, sorted(inner), 5, way))
    assert found == right
    assert "identical duplicate elements, of which one was kept" in oddities


@pytest.mark.parametrize("way", SYNTAXES)
@pytest.mark.parametrize(
    ("tag", "outer", "inner"),
    [
        ("(0010,0010) PatientName", [(0x00100010, b"PN", b"Somebody else ")], []),
        ("(300E,0002) ApprovalStatus", [(0x300E0002, b"CS", b"REJECTED")], []),
        ("(300A,00C2) BeamName", [], [(0x300A00C2, b"LO", b"Beam 2")]),
        ("(300A,00B0) BeamSequence", [(BEAMS, b"SQ", item())], []),
    ],
)
def test_what_occurs_twice_and_differs_is_refused_by_its_tag(
    tmp_path: Path, way: str, tag: str, outer: list, inner: list
) -> None:
    """Some readers use the first, some the last: which is meant is unknown."""
    path = tmp_path / "twice.dcm"
    path.write_bytes(written([*OUTER, *outer], [*INNER, *inner], 5, way))
    with pytest.raises(Malformed) as fault:
        read(path)
    assert str(fault.value) == f"{tag} occurs twice, with different values"


def test_big_endian_elements_are_sorted_too(tmp_path: Path) -> None:
    """Whatever the encoding."""
    path = tmp_path / "big.dcm"
    path.write_bytes(head(BIG_ENDIAN) + b"\x00\x10\x00\x20LO\x00\x044711\x00\x08\x00\x60CS\x00\x06RTPLAN")
    found = read(path)
    assert [one[0] for one in found.elements] == [0x00080060, 0x00100020]
    assert found.oddities


def test_elements_behind_the_pixels_that_belong_before_them(tmp_path: Path) -> None:
    """Pixels keep their position in the file."""
    path = tmp_path / "behind.dcm"
    pixels = element(0x7FE00010, b"OW", b"\1\2\3\4")
    path.write_bytes(head(EXPLICIT) + element(0x00080060, b"CS", b"CT") + pixels + element(0x00100020, b"LO", b"4711"))
    found = read(path)
    assert [one[0] for one in found.elements] == [0x00080060, 0x00100020]
    assert found.pixels
    assert path.read_bytes()[found.pixels.offset :][: found.pixels.length] == b"\1\2\3\4"
    assert (found.behind_pixels(), found.before_pixels()[1]) == ([], len(found.data))


def moved(made: MadeSet) -> None:
    """Write the patient's name and ID after everything else, even pixels."""

    def behind(data: bytes) -> bytes:
        for begin in (b"\x10\x00\x10\x00PN", b"\x10\x00\x20\x00LO"):
            at = data.index(begin)
            end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
            data = data[:at] + data[end:] + data[at:end]
        return data

    sets.encoded("explicit")(made)
    made.rewrites.append(("", behind))


def test_a_set_out_of_order_is_published_in_order(tmp_path: Path) -> None:
    """Each element once, with a note in the verdict."""
    done = anonymized(tmp_path, moved)
    for path in done.anon.iterdir():
        tags = [one[0] for one in read(path).elements]
        assert tags == sorted(set(tags))
        assert path.read_bytes().count(b"\x10\x00\x10\x00PN") == 1
    (note,) = [note for note in done.verdict.notes if "out of order" in note]
    assert note.startswith("Written with elements out of order, which were sorted: CT CT.")


def test_a_set_with_two_names_of_the_patient_is_refused(tmp_path: Path) -> None:
    """In words for the exporter."""
    second = element(0x00100010, b"PN", b"Zweitname^A ")

    def doubled(made: MadeSet) -> None:
        sets.encoded("explicit")(made)
        made.rewrites.append(
            ("RTPLAN", lambda data: data.replace(b"\x10\x00\x10\x00PN", second + b"\x10\x00\x10\x00PN"))
        )

    with pytest.raises(SetRefused) as refused:
        anonymized(tmp_path, doubled)
    (fault,) = [fault for fault in refused.value.faults if fault.code == "file-unreadable"]
    assert fault.found.endswith("(0010,0010) PatientName occurs twice, with different values.")
