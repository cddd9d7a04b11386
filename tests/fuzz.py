"""Damage files, and compare our reading with pydicom's: `make fuzz SEED=7 COUNT=10000`.

Objects of all kinds and encodings are changed at random: bytes, lengths, headers, whole elements. Each is read by us
and by pydicom. Refusing is always allowed, with one of the reader's own errors; what is read must hold every element
that pydicom sees, value included, and must tile the data, and a file is read alike alone and in a series. Every so many
times GDCM and DCMTK read it too, where their `gdcmdump` and `dcmdump` are installed, and the damaged file goes its
whole way in its set, through check, writing and proof, which must agree. The same seed and count do the same.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement

from services.dicom.elements import PADDING, Malformed, Truncated
from services.dicom.part10 import DicomFile, NotDicom, Series, read
from services.dicom.transcode import SURPLUS
from services.errors import SetIncomplete, SetRefused
from tests import sets
from tests.anonymized import anonymize_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydicom import Dataset

    from services.dicom.elements import Element

WAYS: Final[dict[str, tuple[sets.Edit, ...]]] = {
    "implicit": (sets.encoded("implicit"),),
    "explicit": (sets.encoded("explicit"),),
    "undefined lengths": (sets.encoded("explicit"), sets.undefined_lengths),
    "undefined lengths, implicit": (sets.encoded("implicit"), sets.undefined_lengths),
    "sequences as UN": (sets.encoded("explicit"), sets.un_sequences),
    "compressed": (sets.rle,),
    "big endian": (sets.encoded("big endian"),),
    "deflated": (sets.encoded("deflated"),),
    "no preamble": (sets.without_preamble,),
}

WHOLE_WAY_EVERY: Final = 40
"""Damaged files only read per published one, which takes as long."""

DUMPED_EVERY: Final = 10
"""Damaged files read per start of other readers."""

DUMPERS: Final = ("gdcmdump", "dcmdump")
"""Programs of GDCM and DCMTK that write an object as text, one element a line."""

HANGS_S: Final = 300
"""Time limit of a case; exceeding it prints the stack and ends the run."""

_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_INTERESTING: Final = (
    *(struct.pack("<L", value) for value in (0, 1, 2, 7, 8, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)),
    *(struct.pack("<H", value) for value in (0, 1, 8, 0xFFFF)),
    *(b"UN", b"SQ", b"OB", b"LO", b"??", b"\0\0", b"\n", b"ox"),
    *(b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0", b"\x10\x00\x10\x00"),
)

_UNDEFINED: Final = 0xFFFFFFFF
"""Length of a sequence or fragments up to a delimiter. PS3.5 7.1.1."""


class Finding(Exception):
    """A violation."""


class Lost(Exception):
    """pydicom mistook other bytes for a VR or a length, and (some) later elements for a value."""


class Row(NamedTuple):
    """An element as a reader sees it."""

    path: tuple[int, ...]
    """Tags, alternating with item numbers."""
    value: bytes | None
    """None for a sequence, or if a reader changed it."""


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one to three places, mostly near headers, which are far from pixels."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) or 1) if chance.random() < 0.3 else _header(data, chance)
        data = chance.choice(_DAMAGES)(data, at, chance)
    return data


def _header(data: bytes, chance: random.Random) -> int:
    """Return a place in or near the header of an element: two even bytes that look like a tag's group."""
    for _ in range(20):
        at = chance.randrange(132 if len(data) > 140 else 0, max(len(data) - 8, 1) + 132) % max(len(data), 1)
        if data[at + 1 : at + 2] in (b"\0", b"\x30", b"\xff"):
            return at + chance.choice((0, 0, 2, 4, 6, 8, 12))
    return at


def _flip(data: bytes, at: int, chance: random.Random) -> bytes:
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _overwrite(data: bytes, at: int, chance: random.Random) -> bytes:
    new = chance.choice(_INTERESTING)
    return data[:at] + new + data[at + len(new) :]


def _insert(data: bytes, at: int, chance: random.Random) -> bytes:
    return data[:at] + chance.choice(_INTERESTING) + data[at:]


def _cut_out(data: bytes, at: int, chance: random.Random) -> bytes:
    return data[:at] + data[at + chance.randint(1, 40) :]


def _cut_off(data: bytes, at: int, _chance: random.Random) -> bytes:
    return data[:at]


def _repeat(data: bytes, at: int, chance: random.Random) -> bytes:
    return data[: at + (length := chance.randint(1, 60))] + data[at : at + length] + data[at + length :]


def _exchange(data: bytes, at: int, chance: random.Random) -> bytes:
    first, second = chance.randint(8, 30), chance.randint(8, 30)
    middle = at + first
    return data[:at] + data[middle : middle + second] + data[at:middle] + data[middle + second :]


def _pad(data: bytes, _at: int, chance: random.Random) -> bytes:
    return data + chance.choice((b"\n", b"\r\n", bytes(8), bytes(300), b"\1"))


_DAMAGES: Final[Sequence[Callable[[bytes, int, random.Random], bytes]]] = (
    *(_flip, _flip, _overwrite, _overwrite, _insert, _cut_out, _cut_off, _repeat, _exchange, _pad),
)


def ours(file: DicomFile) -> dict[tuple[int, ...], bytes | None]:
    """Return what we read."""
    rows: dict[tuple[int, ...], bytes | None] = {}

    def walk(elements: Sequence[Element], path: tuple[int, ...]) -> None:
        for tag, _, _, value, end, items in elements:
            rows[*path, tag] = file.data[value:end] if items is None else None
            for number, item in enumerate(items or ()):
                walk(item[3], (*path, tag, number))

    walk(file.elements, ())
    return rows


def theirs(data_set: Dataset, path: tuple[int, ...] = (), *, explicit: bool, inside: bool) -> Iterator[Row]:
    """Return what pydicom reads, without what it cannot parse.

    `explicit` and `inside` say whether this data set, and items, were written in explicit VR.
    """
    raws = [data_set.get_item(tag) for tag in data_set.keys()]  # noqa: SIM118 - its items would be decoded
    if len({raw.VR is None for raw in raws if isinstance(raw, RawDataElement)}) > 1:
        raise Lost  # inside a UN too, whose items may be written in either
    for tag in data_set.keys():  # noqa: SIM118
        place = (*path, int(tag))
        if int(tag) in _PIXELS or not int(tag) & 0xFFFF or tag.group == 0xFFFE:
            continue
        raw = data_set.get_item(tag)
        if explicit and raw is not None and raw.VR is None:
            raise Lost
        value = raw.value if isinstance(getattr(raw, "value", None), bytes) else None
        if isinstance(raw, RawDataElement) and value is not None:
            if len(value) < raw.length < _UNDEFINED:
                raise Lost  # a length that goes beyond the end of the file
            if raw.length == _UNDEFINED and raw.VR not in {"SQ", "UN", None}:
                raise Lost  # a sequence with another VR, which pydicom ends at the first delimiter inside
        yield Row(place, value)
        if tag.is_private:
            continue
        try:
            items = data_set[tag].value if data_set[tag].VR == "SQ" else ()
        except Exception:  # noqa: BLE001 - what it cannot decode it does not show
            continue
        for number, item in enumerate(items or ()):
            yield from theirs(item, (*place, number), explicit=explicit and inside, inside=inside)


def compare(path: Path, way: str) -> str:
    """Read a file, written in a `way` of `WAYS`, with both, and say how it went; raise `Finding` where we read less."""
    try:
        file = read(path)
    except Truncated:
        return "truncated"
    except Malformed:
        return "malformed"
    except NotDicom:
        return "not dicom"
    if file.elements and file.elements[-1][4] > len(file.data):
        raise Finding("an element reaches beyond the data")
    tile(file.elements, file.elements[0][2] if file.elements else 0)
    try:
        data_set = dcmread(path, force=True)
        rows = list(theirs(data_set, explicit=not data_set.original_encoding[0], inside="UN" not in way))
    except Lost:
        return "lost by pydicom"
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything
        return "read by us alone"
    implicit, little = data_set.original_encoding
    if (implicit, little) != ("implicit" in way, way != "big endian"):  # it goes by what is stated
        return "read by pydicom in another encoding"
    seen = ours(file)
    for row in rows:
        if row.path not in seen and struct.pack("<L", row.path[-1]).strip(PADDING):
            raise Finding(f"pydicom sees {_named(row.path)}, and we do not")
        mine = seen.get(row.path)
        if mine and row.value and SURPLUS in file.oddities and row.value.startswith(mine):
            continue  # told: the numbers after the last that the attribute has are left out
        if little and row.value is not None and mine is not None and mine.strip(b" \0") != row.value.strip(b" \0"):
            raise Finding(f"pydicom reads {_named(row.path)} otherwise")
    return "read by both"


def compare_in_series(path: Path, before: Iterable[Path]) -> None:
    """Read a file alone, and after others; raise `Finding` if it is read otherwise, or refused in other words."""
    series = Series()
    for other in before:
        outcome(other, series)
    if outcome(path, series) != outcome(path):
        raise Finding("it is read otherwise in its series")


def outcome(path: Path, series: Series | None = None) -> object:
    """Return what was read, or why nothing was."""
    try:
        return read(path, series)
    except (NotDicom, Malformed) as fault:
        return type(fault), str(fault)


_LINE: Final = re.compile(r"( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) ([A-Za-z?]{2}) .*# *(\d+|u/l) *, *[\d?-]")
_ITEM_LINE: Final = re.compile(r"( *)\(fffe,e000\)")


def dumped(text: str) -> Iterator[tuple[tuple[int, ...], int]]:
    """Read what a dumper writes: path and length of each element; items stand two columns further in."""
    above: list[tuple[int, int]] = []
    for line in text.splitlines():
        if item := _ITEM_LINE.match(line):
            level = (len(item[1]) - 2) // 4
            if 0 <= level < len(above):
                above[level:] = [(above[level][0], above[level][1] + 1)]
        elif (found := _LINE.match(line)) and (tag := int(found[2] + found[3], 16)) >> 16 not in {2, 0xFFFE}:
            level = len(found[1]) // 4
            if level > len(above):
                return  # a value of several lines
            above[level:] = [(tag, -1)]
            yield (*(part for each in above[:level] for part in each), tag), int(found[5]) if found[5].isdigit() else 0


def compare_dumps(path: Path, dumpers: Iterable[str]) -> Iterator[str]:
    """Read a file, on which we and pydicom agree, with other readers; raise `Finding` if they see more."""
    file = read(path)
    seen = ours(file)
    for dumper in dumpers:
        told = subprocess.run([dumper, path], capture_output=True, check=False, timeout=HANGS_S)
        if told.returncode:
            yield f"not read by {Path(dumper).name}"
            continue
        for place, length in dumped(told.stdout.decode("latin-1")):
            is_private = any(part > 0xFFFF and part >> 16 & 1 for part in place)
            is_length = any(not part & 0xFFFF for part in place[::2])  # of a group, whatever it holds
            is_in_value = any(seen.get(place[:end]) for end in range(1, len(place)))  # whose bytes are judged whole
            if is_private or is_in_value or is_length or place[-1] in _PIXELS:
                continue
            if place not in seen and _turned(place) in seen:
                continue  # GDCM reads a big-endian element of unknown VR in the other order
            if place not in seen:
                raise Finding(f"{Path(dumper).name} sees {_named(place)}, and we do not")
            mine = seen[place]
            is_cut = bool(mine) and SURPLUS in file.oddities  # told: see `compare`
            if mine is not None and not is_cut and len(mine) + (len(mine) & 1) < length:
                raise Finding(f"{Path(dumper).name} reads more of {_named(place)}")
        yield f"read by {Path(dumper).name}"


def _turned(place: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place with the bytes of the last tag's two words exchanged."""
    tag = struct.unpack("<HH", struct.pack(">HH", place[-1] >> 16, place[-1] & 0xFFFF))
    return (*place[:-1], tag[0] << 16 | tag[1])


def tile(elements: Sequence[Element], start: int) -> None:
    """Assert that elements are contiguous and tags ascend."""
    last = -1
    for tag, _, begin, value, end, items in elements:
        if begin != start or tag <= last or not begin < value <= end:
            raise Finding(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) does not follow what comes before it")
        start, last = end, tag
        for _, inside, _, inner in items or ():
            tile(inner, inside)


def _named(path: tuple[int, ...]) -> str:
    return " ".join(f"({part >> 16:04X},{part & 0xFFFF:04X})" if part > 0xFFFF else str(part) for part in path)


def publish(folder: Path, target: Path) -> str:
    """Process a set completely. A failed proof is a finding: check and writer should have prevented it."""
    try:
        anonymize_folder(folder, target)
    except (SetRefused, SetIncomplete) as told:
        return type(told).__name__
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return "published"


class Corpus:
    """Small sets of one patient, in every encoding."""

    def __init__(self, folder: Path) -> None:
        self.sets = {name: sets.make_set(folder / name, *edits, ct=1, size=8).folder for name, edits in WAYS.items()}

    def choose(self, chance: random.Random) -> tuple[str, Path]:
        """Choose an encoding and a file."""
        way = chance.choice(list(WAYS))
        return way, chance.choice(sorted(self.sets[way].iterdir()))


def run(seed: int, count: int, folder: Path) -> Counter[str]:
    """Damage `count` files; return how it went, or raise `Finding` with the case's number, and leave the file."""
    folder.mkdir(exist_ok=True)
    corpus, found = Corpus(folder / "corpus"), Counter[str]()
    dumpers = [place for dumper in DUMPERS if (place := shutil.which(dumper))]
    previous = folder / "previous.dcm"
    previous.touch()
    for number in range(count):
        chance = random.Random(f"{seed} {number}")  # the same seed makes the same cases
        way, source = corpus.choose(chance)
        path = folder / "damaged.dcm"
        path.write_bytes(damaged(source.read_bytes(), chance))
        faulthandler.dump_traceback_later(HANGS_S, exit=True)
        try:
            found[told := compare(path, way)] += 1
            compare_in_series(path, (source, previous, source))
            if told == "read by both" and not number % DUMPED_EVERY:
                found.update(compare_dumps(path, dumpers))
            if not number % WHOLE_WAY_EVERY:
                whole = shutil.copytree(source.parent, folder / "set")
                shutil.copy(path, whole / source.name)
                found[publish(whole, folder / "ANON_006")] += 1
                shutil.rmtree(whole)
        except Exception as error:
            raise Finding(f"case {number} of seed {seed}, {way} {source.name[:2]}: {error!r}") from error
        finally:
            faulthandler.cancel_dump_traceback_later()
        path.replace(previous)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="where the file of a finding is left")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    config.settings.reading_validation_mode = config.IGNORE
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = run(chosen.seed, chosen.count, Path(folder))
        except Finding:
            if chosen.keep:
                shutil.copy(Path(folder) / "damaged.dcm", chosen.keep)
            raise
    sys.stdout.write(
        f"seed {chosen.seed}: " + ", ".join(f"{name} {times}" for name, times in found.most_common()) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
