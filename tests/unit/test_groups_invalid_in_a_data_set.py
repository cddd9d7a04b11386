"""Elements of the groups 0000, 0002 and 0004 inside a data set, where they are invalid (PS3.5 7.1)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread, dcmwrite

from services.dicom.part10 import read
from services.errors import SetRefused
from tests.anonymized import anonymize_folder
from tests.sets import encoded, make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UID = b"1.2.246.352.71.4711"
META_BEGINS = 132
META_LENGTH = struct.Struct("<L")


def element(group: int, number: int) -> bytes:
    """Encode a UID in explicit VR."""
    value = UID + b"\0" * (len(UID) & 1)
    return struct.pack("<HH2sH", group, number, b"UI", len(value)) + value


def in_front(element: bytes) -> Callable[[bytes], bytes]:
    """Insert an element at the beginning of the data set."""

    def edit(data: bytes) -> bytes:
        at = META_BEGINS + 12 + META_LENGTH.unpack_from(data, META_BEGINS + 8)[0]
        return data[:at] + element + data[at:]

    return edit


def without_meta(data: bytes) -> bytes:
    """Overwrite the group of the first element, so that all of the file meta information is part of the data set."""
    return data[:META_BEGINS] + b"\x4a\0" + data[META_BEGINS + 2 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a command's UID": in_front(element(0x0000, 0x1001)),
    "another command's UID": in_front(element(0x0000, 0x1000)),
    "a directory's UID": in_front(element(0x0004, 0x1511)),
    "file meta information that is not told as such": without_meta,
}


@pytest.mark.parametrize("kind", ["CT", "RS", "RP", "RD"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_class_that_only_the_file_meta_information_states_is_refused(
    tmp_path: Path, kind: str, *, is_empty: bool
) -> None:
    """It is lost when the object is sent; the published object would have no class."""
    made = make_set(tmp_path / "source", ct=2, size=16)
    path = min(made.folder.glob(f"{kind}*"))
    data = dcmread(path)
    data.SOPClassUID = None
    if not is_empty:
        del data.SOPClassUID
    dcmwrite(path, data, enforce_file_format=False)

    with pytest.raises(SetRefused, match="no-class-uid"):
        anonymize_folder(made.folder, tmp_path / "ANON_006")


@pytest.mark.parametrize("kind", ["CT", "RS", "RP", "RD"])
@pytest.mark.parametrize("what", DAMAGES)
def test_they_are_left_out_and_the_set_is_published(tmp_path: Path, what: str, kind: str) -> None:
    """The proof agrees: keeping them with mapped UIDs would create second file meta information."""
    made = make_set(tmp_path / "source", encoded("explicit"), ct=2, size=16)
    path = min(made.folder.glob(f"{kind}*"))
    path.write_bytes(DAMAGES[what](path.read_bytes()))

    anonymize_folder(made.folder, tmp_path / "ANON_006")
    for new in (tmp_path / "ANON_006").iterdir():
        assert min(tag for tag, *_ in read(new).elements) >= 0x00080000
        assert UID not in new.read_bytes()
