"""A file not understood to the last byte is refused; nothing in a file is ever silently lost."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from services.dicom import transcode
from services.dicom.elements import Malformed, Parser
from services.dicom.part10 import DicomFile, read
from services.dicom.transcode import straighten
from tests import sets

if TYPE_CHECKING:
    from pathlib import Path

    from services.dicom.transcode import Encoding, Straightened

STRANGE = [b"\0\0", b"??", b"  ", b"ox", b"ZZ", b"\xff\xfe"]
"""VRs that PS3.5 does not know."""


def plan(folder: Path) -> Path:
    """Write a plan in explicit VR little endian."""
    made = sets.make_set(folder, sets.encoded("explicit"), ct=1)
    (path,) = [path for path in made.folder.iterdir() if path.name.startswith("RP")]
    return path


def put_in(path: Path, tag: tuple[int, int], vr: bytes, value: bytes) -> None:
    """Insert an element with a short header at its place by tag."""
    data = path.read_bytes()
    begin = 144 + struct.unpack_from("<L", data, 140)[0]
    behind = next(at for at in starts(read(path)) if at[0] >= tag)
    assert behind[1] >= begin
    element = struct.pack("<HH2sH", *tag, vr, len(value)) + value
    path.write_bytes(data[: behind[1]] + element + data[behind[1] :])


def starts(file: DicomFile) -> list[tuple[tuple[int, int], int]]:
    """Return tag and offset of each top-level element."""
    return [((tag >> 16, tag & 0xFFFF), start) for tag, _, start, *_ in file.elements]


def tags(file: DicomFile) -> set[int]:
    """Return the tags at the top level."""
    return {element[0] for element in file.elements}


@pytest.mark.parametrize("vr", STRANGE)
def test_what_follows_a_vendors_own_vr_is_read(tmp_path: Path, vr: bytes) -> None:
    """It is read with the short header of most VRs, and everything after it is there."""
    path = plan(tmp_path)
    before = tags(read(path))
    put_in(path, (0x300B, 0x1001), vr, b"abcd")
    assert tags(read(path)) == before | {0x300B1001}


@pytest.mark.parametrize("vr", STRANGE)
def test_a_standard_element_of_unknown_vr_is_refused_by_its_tag(tmp_path: Path, vr: bytes) -> None:
    """Mistaken for implicit VR, everything after it would be read as its value."""
    path = plan(tmp_path)
    put_in(path, (0x300A, 0x000B), vr, b"abcd")
    with pytest.raises(Malformed, match=r"\(300A,000B\)"):
        read(path)


@pytest.mark.parametrize("way", ["big endian", "un"])
def test_an_element_that_is_lost_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Whatever is rewritten before parsing is compared with the file's headers."""
    edit = sets.encoded("big endian") if way == "big endian" else sets.un_sequences
    made = sets.make_set(tmp_path, sets.encoded("explicit"), edit, ct=1)
    (path,) = [path for path in made.folder.iterdir() if path.name.startswith("RP")]
    assert read(path).elements

    def lossy(data: bytes, pos: int, encoding: Encoding, *, implicit: bool, may_have_holes: bool) -> Straightened:
        whole = straighten(data, pos, encoding, implicit=implicit, may_have_holes=may_have_holes)
        (lost,) = [one for one in Parser(whole.before, implicit=implicit).top_level(0) if one[0] == 0x300E0002]
        return whole._replace(before=whole.before[: lost[2]] + whole.before[lost[4] :])

    monkeypatch.setattr(transcode, "straighten", lossy)
    with pytest.raises(Malformed, match=r"\(300E,0002\)"):
        read(path)
