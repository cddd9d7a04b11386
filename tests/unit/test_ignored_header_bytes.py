"""Bytes ignored by readers may hold a name: reserved ones, delimiter lengths, values of another VR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.dicom import transcode
from services.dicom.part10 import read
from services.errors import NotClean
from services.proof import prove
from services.proof.prove import Expected
from tests.anonymized import IDENTITY, anonymize_folder, anonymized
from tests.encoded import (
    BIG_ENDIAN,
    END_OF_ITEM,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    element,
    head,
    item,
    sequence,
)
from tests.sets import encoded, make_set, undefined_lengths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests import sets
    from tests.anonymized import Anonymized
    from tests.sets import Edit

SECRET = b"Wbtm"
BEAMS, BEAM_NAME, ROWS = 0x300A00B0, 0x300A00C2, 0x00280010


def rewriting(old: bytes, new: bytes, modality: str = "") -> Edit:
    """Replace bytes after the file meta information."""

    def edit(made: sets.MadeSet) -> None:
        made.rewrites.append((modality, lambda data: data[:400] + data[400:].replace(old, new)))

    return edit


#: A way in which a set is written, and what is planted in it.
PLANTED: dict[str, tuple[Edit, ...]] = {
    "the reserved bytes of sequences": (encoded("explicit"), rewriting(b"SQ\0\0", b"SQWb")),
    "the length of the delimiters of items": (
        *(encoded("explicit"), undefined_lengths),
        rewriting(END_OF_ITEM, END_OF_ITEM[:4] + SECRET),
    ),
    "the length of the delimiters of items, in implicit VR": (
        *(encoded("implicit"), undefined_lengths),
        rewriting(END_OF_ITEM, END_OF_ITEM[:4] + SECRET),
    ),
    "the length of the delimiters of sequences": (
        *(encoded("explicit"), undefined_lengths),
        rewriting(END_OF_SEQUENCE, END_OF_SEQUENCE[:4] + SECRET),
    ),
    "a number that has more values than it may have": (
        encoded("explicit"),
        rewriting(b"\x28\0\x03\1US\2\0", b"\x28\0\x03\1US\6\0", "CT"),
        rewriting(b"\x28\0\x03\1US\6\0\1\0", b"\x28\0\x03\1US\6\0\1\0" + SECRET, "CT"),
    ),
    "the same, in implicit VR": (
        encoded("implicit"),
        rewriting(b"\x28\0\x03\1\2\0\0\0\1\0", b"\x28\0\x03\1\6\0\0\0\1\0" + SECRET, "CT"),
    ),
}


@pytest.mark.parametrize("where", PLANTED)
def test_a_name_in_ignored_bytes_is_not_published(tmp_path: Path, where: str) -> None:
    """The set is published without it, and otherwise complete."""
    clean = published(tmp_path / "clean", *[edit for edit in PLANTED[where] if not is_rewriting(edit)])
    found = published(tmp_path / "planted", *PLANTED[where])
    short = b"SQWb" if "reserved" in where else SECRET
    assert any(short in path.read_bytes() for path in found.source.iterdir())
    assert short not in found.written
    assert sizes(found) == sizes(clean)


def published(folder: Path, *edits: Edit) -> Anonymized:
    """Make a set and anonymize it; pydicom's reading of its odd elements does not count."""
    return anonymize_folder(make_set(folder / "source", *edits, ct=1, size=16).folder, folder / "ANON_006")


def is_rewriting(edit: Edit) -> bool:
    """Return whether an edit changes bytes."""
    return edit.__qualname__.startswith("rewriting")


def sizes(found: Anonymized) -> dict[str, int]:
    """Count the elements of each object, at every depth."""
    return {place: sum(1 for _ in data.iterall()) for place, data in found.new.items()}


def test_a_value_under_another_vr_is_read_by_the_dictionary(tmp_path: Path) -> None:
    """Numbers written as bytes are numbers, text stays text, and the output has the dictionary's VR."""
    found = published(
        tmp_path,
        encoded("explicit"),
        rewriting(b"\x18\0\x50\0DS\4\0", b"\x18\0\x50\0OW\0\0\4\0\0\0", "CT"),
        rewriting(b"\x18\0\0\x51CS\4\0", b"\x18\0\0\x51UL\4\0", "CT"),
    )
    assert b"\x18\0\x50\0OW" in next(iter(found.source.glob("CT*"))).read_bytes()
    for place, new in found.new.items():
        if place.startswith("CT"):
            assert (new["SliceThickness"].VR, new["PatientPosition"].VR) == ("DS", "CS")
            assert (str(new.SliceThickness), new.PatientPosition) == ("3.0", "HFS")


ODD: dict[str, tuple[bytes, str]] = {
    "reserved bytes": (
        head(EXPLICIT) + element(0x00080060, b"CS", b"RTPLAN") + sequence(BEAMS).replace(b"SQ\0\0", b"SQab"),
        transcode.RESERVED,
    ),
    "a delimiter of an item": (
        head(EXPLICIT)
        + element(0x00080060, b"CS", b"RTPLAN")
        + sequence(BEAMS, item(element(BEAM_NAME, b"LO", b"Beam"), undefined=True).replace(bytes(4), b"abcd")),
        transcode.RESERVED,
    ),
    "a delimiter of a sequence": (
        head(IMPLICIT)
        + element(0x00080060, b"CS", b"RTPLAN", implicit=True)
        + sequence(BEAMS, undefined=True, implicit=True)[:-4]
        + b"abcd",
        transcode.RESERVED,
    ),
    "another VR": (
        head(EXPLICIT) + element(0x00080060, b"CS", b"RTPLAN") + element(0x300E0002, b"UL", b"APPROVED"),
        transcode.OTHER_VR,
    ),
    "another VR of the long form": (
        head(EXPLICIT) + element(0x00080060, b"CS", b"RTPLAN") + element(0x300E0002, b"OB", b"APPROVED"),
        transcode.OTHER_VR,
    ),
    "another VR, big endian": (
        head(BIG_ENDIAN) + b"\0\x08\0\x60CS\0\6RTPLAN" + b"\x30\x0e\0\2UL\0\x08APPROVED",
        transcode.OTHER_VR,
    ),
    "numbers": (
        head(EXPLICIT) + element(0x00080060, b"CS", b"RTPLAN") + element(ROWS, b"US", b"\2\0Name"),
        transcode.SURPLUS,
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_what_is_put_right_is_reported(tmp_path: Path, what: str) -> None:
    """It is an oddity of the file, reported by kind and not by value."""
    data, oddity = ODD[what]
    path = tmp_path / "x.dcm"
    path.write_bytes(data)
    file = read(path)
    assert file.oddities == (oddity,)
    values = [file.data[one[3] : one[4]] for one in file.elements]
    assert values[0] == b"RTPLAN"
    assert values[1] in {b"APPROVED", b"\2\0", b""} or b"Beam" in values[1]
    assert b"abcd" not in file.data
    assert b"Name" not in file.data


def in_reserved_bytes(data: bytes) -> bytes:
    """Write text into the reserved bytes of the beams."""
    return data.replace(b"\x0a\x30\xb0\0SQ\0\0", b"\x0a\x30\xb0\0SQWb")


def as_another_vr(data: bytes) -> bytes:
    """Set the plan's geometry to a number."""
    return data.replace(b"\x0a\x30\x0c\0CS", b"\x0a\x30\x0c\0UL")


@pytest.mark.parametrize("change", [in_reserved_bytes, as_another_vr])
def test_the_proof_finds_a_name_in_ignored_bytes(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """If the writer left it."""
    found = anonymized(tmp_path, encoded("explicit"))
    (plan,) = found.anon.glob("RP*")
    before = plan.read_bytes()
    plan.write_bytes(change(before))
    assert plan.read_bytes() != before
    files = [(one.kind, found.source / one.path) for one in found.verdict.good_set().set_files]
    replacements = found.replacements
    with pytest.raises(NotClean, match="are not encoded as required"):
        prove.prove(files, found.anon, Expected(IDENTITY, replacements.policy, replacements.machine))


def test_what_makers_write_is_kept_unchanged(tmp_path: Path) -> None:
    """No file of an ordinary set is rewritten."""
    made = make_set(tmp_path, encoded("explicit"))
    assert {read(path).recoded for path in made.folder.iterdir()} == {False}
