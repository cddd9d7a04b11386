"""Files of a series are read like single ones, although what they have in common is read once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from services.dicom.part10 import Series, read
from tests import sets
from tests.encoded import EXPLICIT, IMPLICIT, element, head, item, sequence
from tests.fuzz import damaged, outcome
from tests.many import examples

if TYPE_CHECKING:
    from pathlib import Path

VALUES: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    0x00080018: ((b"UI", b"1.2.1\0"), (b"UI", b"1.2.2\0"), (b"UI", b"1.2.10")),
    0x00080060: ((b"CS", b"CT"),),
    0x00081030: ((b"LO", b"A title "), (b"LO", b"")),
    0x00180050: ((b"DS", b"3 "),),
    0x00200013: ((b"IS", b"9 "), (b"IS", b"10"), (b"IS", b"100 ")),
    0x00280010: ((b"US", b"\0\2"),),
    0x00290010: ((b"LO", b"VENDOR"),),
    0x00291001: ((b"UN", b"\1\2\3\4"), (b"OB", b"\1\2")),
    0x00291150: ((b"SQ", b"no items"),),
    0x300A0002: ((b"SH", b"x "),),
}
"""VRs and values of an element: a slice has one of them, or none."""
SEQUENCES = (0x00081140, 0x00082112, 0x00291140)


@st.composite
def slices(draw: st.DrawFn, *, implicit: bool) -> bytes:
    """Draw a file of a series."""
    parts = {
        tag: element(tag, *draw(st.sampled_from(values)), implicit=implicit)
        for tag, values in VALUES.items()
        if draw(st.integers(0, 9))
    }
    for tag in SEQUENCES:
        numbers = [element(0x00081155, b"UI", b"1.%d\0" % draw(st.integers(1, 2)), implicit=implicit)]
        icon = element(0x7FE00010, b"OW", b"\1\2", implicit=implicit)
        undefined = draw(st.booleans())
        inside = item(*numbers, *draw(st.sampled_from([(), (icon,)])), undefined=undefined)
        parts[tag] = sequence(tag, inside, undefined=undefined, implicit=implicit)
    parts[0x7FE00010] = element(0x7FE00010, b"OW", b"\1\2", implicit=implicit)
    file = head(IMPLICIT if implicit else EXPLICIT) + b"".join(parts[tag] for tag in sorted(parts))
    return damaged(file, random.Random(draw(st.integers()))) if draw(st.integers(0, 3)) == 0 else file


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.booleans().flatmap(lambda implicit: st.lists(slices(implicit=implicit), min_size=3, max_size=8)))
def test_a_file_is_read_in_its_series_as_alone(tmp_path: Path, files: list[bytes]) -> None:
    """Whatever came before, damaged files included: elements, pixels, counts, and the words of a refusal."""
    path, series = tmp_path / "CT.dcm", Series()
    for file in files:
        path.write_bytes(file)
        assert outcome(path, series) == outcome(path)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_what_recurs_twice_in_a_file_is_told(tmp_path: Path, syntax: bytes) -> None:
    """Elements in common are read in their place only."""
    path, series, implicit = tmp_path / "CT.dcm", Series(), syntax == IMPLICIT
    common = b"".join(element(tag, *VALUES[tag][0], implicit=implicit) for tag in (0x00080060, 0x00180050, 0x300A0002))
    for elements in (common, common, common + common):
        path.write_bytes(head(syntax) + elements + element(0x7FE00010, b"OW", b"\1\2", implicit=implicit))
        told = outcome(path, series)
        assert told == outcome(path)
    assert "twice" in str(told)


def test_what_slices_have_in_common_is_read_once(tmp_path: Path) -> None:
    """From the third slice on, also behind values of other lengths."""
    made = sets.make_set(tmp_path, ct=14)
    paths = [made.path(data) for data in made.ct]
    series = Series()
    read_files = [read(path, series) for path in paths]
    shared = {id(one) for one in read_files[-2].elements} & {id(one) for one in read_files[-1].elements}
    assert len(shared) > 0.7 * len(read_files[-1].elements)
    assert {int(each.tag) for each in dcmread(paths[-1])} - {0x7FE00010} == {one[0] for one in read_files[-1].elements}
