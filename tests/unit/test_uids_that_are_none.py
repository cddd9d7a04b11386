"""UIDs with invalid bytes are mapped byte for byte in file names, file meta information and references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from tests.anonymized import anonymize_folder
from tests.sets import encoded, make_set

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("way", ["explicit", "implicit"])
@pytest.mark.parametrize(
    ("at", "odd"), [(0, b" "), (4, b"\xff"), (-2, b"\xfc"), (3, b"\0"), (-1, b" "), (5, b"X"), (2, b"/")]
)
@pytest.mark.parametrize("kind", ["CT", "RS", "RP", "RD"])
def test_a_uid_with_an_odd_byte_is_one_uid_everywhere(tmp_path: Path, kind: str, at: int, odd: bytes, way: str) -> None:
    """If all objects of the set write it alike, the set is connected before and afterwards."""
    made = make_set(tmp_path / "source", encoded(way), ct=2, size=16)
    uid = dcmread(min(made.folder.glob(f"{kind}*"))).SOPInstanceUID.encode()
    at %= len(uid)
    for path in made.folder.iterdir():
        path.write_bytes(path.read_bytes().replace(uid, uid[:at] + odd + uid[at + 1 :]))

    anonymize_folder(made.folder, tmp_path / "ANON_006")
    assert len(list((tmp_path / "ANON_006").iterdir())) == len(list(made.folder.iterdir()))
