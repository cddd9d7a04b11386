"""Comments and application segments of compressed pixels are removed; the coded image is unchanged."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from services.dicom.codestreams import Unwalkable, image
from services.errors import NotClean, SetRefused
from services.maintenance.originals import same_source
from services.proof import prove
from services.proof.codestreams import differences
from services.proof.prove import Expected
from tests import sets
from tests.anonymized import IDENTITY, KEY, Anonymized, anonymize_folder
from tests.encoded import END_OF_SEQUENCE, ITEM
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sets import Edit, MadeSet

NAME = b"Winterbottom-Haverford 4711"
JPEG, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
HTJ2K, MPEG4 = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.102"
RLE = "1.2.840.10008.1.2.5"


def segment(marker: int, content: bytes) -> bytes:
    """Write a marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(*more: bytes, scans: int = 1, behind: bytes = b"") -> bytes:
    """Write a lossless JPEG with valid markers, and segments after the first; its samples are not decoded."""
    table, frame = segment(0xC4, b"\0" * 20), segment(0xC3, b"\x10\0\x10\0\x10\1\1\x11\0")
    scan = segment(0xDA, b"\1\1\0\1\0\0") + b"\x12\xff\0\x34\xff\xd0\x56\xff\0"
    return b"\xff\xd8" + b"".join(more) + table + frame + scan * scans + b"\xff\xd9" + behind


def jpeg_ls(*more: bytes, behind: bytes = b"") -> bytes:
    """Write a JPEG-LS; in its scan a byte of ones is followed by one below 0x80."""
    frame, scan = segment(0xF7, b"\x10\0\x10\0\x10\1\1\x11\0"), segment(0xDA, b"\1\1\0\0\0\0")
    return (
        b"\xff\xd8" + b"".join(more) + frame + segment(0xF8, b"\1" * 11) + scan + b"\x12\xff\x7f\x34\xff\xd9" + behind
    )


def jpeg_2000(*more: bytes, in_tile: bytes = b"", length: int | None = None, behind: bytes = b"") -> bytes:
    """Write a JPEG 2000 of two tile-parts, the last possibly without a stated length."""
    header = segment(0x51, b"\0" * 38) + b"".join(more) + segment(0x52, b"\0" * 10) + segment(0x5C, b"\0" * 4)
    body = in_tile + b"\xff\x93" + b"\x12\xff\x64\0\4ab\x34"
    first = segment(0x90, struct.pack(">HLBB", 0, 12 + len(body), 0, 2)) + body
    last = segment(0x90, struct.pack(">HLBB", 0, 12 + len(body) if length is None else length, 1, 2)) + body
    return b"\xff\x4f" + header + first + last + b"\xff\xd9" + behind


STREAMS = {JPEG: jpeg, JPEG_LS: jpeg_ls, JPEG_2000: jpeg_2000, HTJ2K: jpeg_2000}
COMMENTS = {
    JPEG: [
        segment(0xFE, NAME),
        segment(0xE0, b"JFIF\0" + NAME),
        segment(0xEF, NAME),
        b"\xff\xff" + segment(0xE1, NAME),
    ],
    JPEG_LS: [segment(0xFE, NAME), segment(0xE8, b"SPIFF\0" + NAME)],
    JPEG_2000: [segment(0x64, b"\0\1" + NAME), segment(0x64, b"\0\0" + NAME) * 2],
    HTJ2K: [segment(0x64, b"\0\1" + NAME)],
}


def holding(stream: bytes, syntax: str = JPEG, split: int = 1, *, table: bool = True, junk: bytes = b"") -> Edit:
    """Give the CT this codestream in some fragments; `junk` is written as the last delimiter's length."""

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            data.file_meta.TransferSyntaxUID = syntax
            data.PixelData = encapsulate([stream], fragments_per_frame=split, has_bot=table)
            data["PixelData"].VR = "OB"
        if junk:
            made.rewrites.append(("CT", lambda written: written.replace(END_OF_SEQUENCE, END_OF_SEQUENCE[:4] + junk)))

    return edit


def published(folder: Path, *edits: Edit) -> Anonymized:
    """Make a set and anonymize it."""
    made = make_set(folder / "source", *edits, ct=2, size=16)
    return anonymize_folder(made.folder, folder / "ANON_006")


def frames(found: Anonymized) -> list[bytes]:
    """Return the codestreams of the new slices."""
    return [next(generate_frames(dcmread(path).PixelData, number_of_frames=1)) for path in found.anon.glob("CT*")]


CASES = [(syntax, comment) for syntax, comments in COMMENTS.items() for comment in comments]


@pytest.mark.parametrize(("syntax", "comment"), CASES)
@pytest.mark.parametrize("split", [1, 3])
def test_a_comment_does_not_travel(tmp_path: Path, syntax: str, comment: bytes, split: int) -> None:
    """However it is fragmented; the offset table is adapted, and the removal reported."""
    write = STREAMS[syntax]
    found = published(tmp_path, holding(write(comment), syntax, split))
    assert {frame.rstrip(b"\0") for frame in frames(found)} == {write()}
    assert NAME not in found.written
    told = f"up to {len(comment)} bytes in the pixel data"
    assert any(told in note for note in found.verdict.notes)
    assert same_source.same_pixels(found.verdict.good_set(), KEY, found.anon)  # it is known again


@pytest.mark.parametrize("syntax", STREAMS)
def test_what_follows_the_last_marker_does_not_travel(tmp_path: Path, syntax: str) -> None:
    """Like data after the last voxel of uncompressed pixels."""
    found = published(tmp_path, holding(STREAMS[syntax](behind=NAME), syntax))
    assert NAME not in found.written
    assert {frame.rstrip(b"\0") for frame in frames(found)} == {STREAMS[syntax]()}


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("split", [1, 3])
def test_a_codestream_without_comments_is_unchanged(tmp_path: Path, syntax: str, split: int, table: bool) -> None:
    """Fragments, padding and offset table included."""
    found = published(tmp_path, holding(STREAMS[syntax](), syntax, split, table=table))
    (before,) = {dcmread(path).PixelData for path in found.source.glob("CT*")}
    assert {dcmread(path).PixelData for path in found.anon.glob("CT*")} == {before}
    assert not any("in the pixel data" in note for note in found.verdict.notes)


@pytest.mark.parametrize("edit", [sets.rle, holding(jpeg())])
def test_the_length_of_the_last_delimiter_is_zero(tmp_path: Path, edit: Edit) -> None:
    """Whatever is in it."""
    made_of = [edit, holding(jpeg(), junk=b"Wbtm")] if edit is not sets.rle else [edit, _junk_behind]
    found = published(tmp_path, *made_of)
    assert b"Wbtm" in next(found.source.glob("CT*")).read_bytes()
    assert b"Wbtm" not in found.written


def _junk_behind(made: MadeSet) -> None:
    made.rewrites.append(("CT", lambda written: written.replace(END_OF_SEQUENCE, END_OF_SEQUENCE[:4] + b"Wbtm")))


REFUSED: dict[str, tuple[bytes, str]] = {
    "a comment in a tile-part": (jpeg_2000(in_tile=segment(0x64, b"\0\1" + NAME)), JPEG_2000),
    "no end": (jpeg()[:-2], JPEG),
    "no codestream": (NAME * 2, JPEG),
    "a segment that is not known": (jpeg(segment(0xF0, NAME)), JPEG),
    "a segment beyond the end": (b"\xff\xd8" + segment(0xFE, NAME)[:8], JPEG),
    "a marker of JPEG 2000 that is not known": (jpeg_2000(segment(0x30, NAME)), JPEG_2000),
    "a box around the codestream": (b"\0\0\0\x0cjP  \r\n\x87\n" + jpeg_2000(), JPEG_2000),
    "a tile-part that is shorter than its header": (jpeg_2000(length=3), JPEG_2000),
    "a film": (b"\0\0\1\xb3" + NAME, MPEG4),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_walked_is_refused(tmp_path: Path, what: str) -> None:
    """With its code; no value is quoted."""
    stream, syntax = REFUSED[what]
    with pytest.raises(SetRefused, match="comments-in-pixels") as refused:
        published(tmp_path, holding(stream, syntax))
    (fault,) = refused.value.faults
    assert "Winterbottom" not in fault.found


def test_the_last_tile_part_may_leave_its_length_open() -> None:
    """It then extends to the end."""
    stream = jpeg_2000(segment(0x64, NAME), length=0)
    assert b"".join(stream[begin:end] for begin, end in image(stream, JPEG_2000)) == jpeg_2000(length=0)


def several(*streams: bytes, table: bool = True) -> bytes:
    """Encapsulate frames."""
    return encapsulate(list(streams), has_bot=table) + END_OF_SEQUENCE


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), min_size=1, max_size=4), st.booleans())
def test_the_two_opinions_agree(drawn: list[tuple[bool, int]], table: bool) -> None:
    """The proof accepts the writer's frames, and nothing with a comment."""
    old = [jpeg(*([segment(0xFE, NAME)] * commented), scans=scans) for commented, scans in drawn]
    new = [b"".join(stream[begin:end] for begin, end in image(stream, JPEG)) for stream in old]
    whole, clean = several(*old, table=table), several(*new, table=table)
    assert list(differences(whole, clean, len(old), JPEG)) == []
    if any(commented for commented, _ in drawn):
        assert "contain a comment" in list(differences(whole, whole, len(old), JPEG))


@given(st.binary(max_size=60), st.sampled_from(sorted(STREAMS)))
def test_a_walk_ends_whatever_the_bytes_are(data: bytes, syntax: str) -> None:
    """It returns parts in order, or raises."""
    for stream in (data, STREAMS[syntax]()[:20] + data):
        try:
            spans = image(stream, syntax)
        except Unwalkable:
            continue
        assert all(begin < end for begin, end in spans)
        assert all(one[1] < other[0] for one, other in pairwise(spans))
        list(differences(several(stream), several(stream), 1, syntax))


def _comment_again(value: bytes) -> bytes:
    return encapsulate([jpeg(segment(0xFE, NAME))]) + END_OF_SEQUENCE


def _other_samples(value: bytes) -> bytes:
    return value.replace(b"\x12\xff\0\x34", b"\x12\xff\0\x35")


def _behind_the_end(value: bytes) -> bytes:
    return encapsulate([jpeg(behind=NAME)]) + END_OF_SEQUENCE


def _wrong_table(value: bytes) -> bytes:
    return value.replace(ITEM + b"\4\0\0\0\0\0\0\0", ITEM + b"\4\0\0\0Name")


@pytest.mark.parametrize("change", [_comment_again, _other_samples, _behind_the_end, _wrong_table])
def test_the_proof_finds_what_is_changed(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """In one published slice's pixel data."""
    found = published(tmp_path, holding(jpeg(segment(0xFE, NAME))))
    path = next(found.anon.glob("CT*"))
    written = path.read_bytes()
    at = written.index(b"\xe0\x7f\x10\0OB") + 12
    end = written.index(END_OF_SEQUENCE, at) + 8
    path.write_bytes(written[:at] + change(written[at:end]) + written[end:])
    assert path.read_bytes() != written
    files = [(one.kind, found.source / one.path) for one in found.verdict.good_set().set_files]
    with pytest.raises(NotClean, match="pixels: "):
        prove.prove(files, found.anon, Expected(IDENTITY, found.replacements.policy, found.replacements.machine))


def extended(offset: int = 0, *, comment: bytes = b"") -> Edit:
    """Give the CT one frame with extended offset tables. PS3.3 C.7.6.3.1.8."""

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            data.file_meta.TransferSyntaxUID = JPEG
            value, _, lengths = encapsulate_extended([jpeg(comment)])
            data.PixelData = value
            data["PixelData"].VR = "OB"
            data.ExtendedOffsetTable = struct.pack("<Q", offset)
            data.ExtendedOffsetTableLengths = lengths

    return edit


@pytest.mark.parametrize("edit", [extended(), extended(comment=segment(0xFE, NAME)), extended(offset=4711_0815)])
def test_extended_offset_tables_state_the_frames(tmp_path: Path, edit: Edit) -> None:
    """As they are written, whatever the source states."""
    found = published(tmp_path, edit)
    tables = {(one.ExtendedOffsetTable, one.ExtendedOffsetTableLengths) for one in map(dcmread, found.anon.glob("CT*"))}
    length = len(jpeg())
    assert tables in ({(bytes(8), struct.pack("<Q", each))} for each in (length, length + length % 2))


def test_the_proof_finds_a_wrong_extended_offset(tmp_path: Path) -> None:
    """Written into one published slice."""
    found = published(tmp_path, extended())
    path = next(found.anon.glob("CT*"))
    written = path.read_bytes()
    head = b"\xe0\x7f\x01\0OV\0\0\x08\0\0\0"
    assert head in written
    path.write_bytes(written.replace(head + bytes(8), head + b"Wintersb"))
    files = [(one.kind, found.source / one.path) for one in found.verdict.good_set().set_files]
    with pytest.raises(NotClean, match="have a wrong offset table"):
        prove.prove(files, found.anon, Expected(IDENTITY, found.replacements.policy, found.replacements.machine))
