"""Operation counts of a set: system calls per file, bytes per byte, Python calls per element.

Speed is measured in `benchmarks/`, on whatever machine there is; these counts are the same on every one. Whoever makes
one smaller lowers its limit.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from services.deidentify import writer
from services.deidentify.replacements import choose_replacements
from services.dicom import dates, part10
from services.dicom.dataset import View
from services.forms.collection_form import Options
from services.machines import descriptor
from services.policy.table import policy_for
from services.proof import prove
from services.proof.prove import Expected
from services.rtset import folder_listing, unfinished_pixels
from services.verdict import check
from tests.anonymized import IDENTITY, KEY
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGES = 40
OPTIONS = Options(machine=("VicRapidPlan",))


@dataclass
class Counts:
    """Counts of system and Python operations during a step."""

    calls: Counter[str] = field(default_factory=Counter)
    """System calls, by name."""
    bytes: Counter[str] = field(default_factory=Counter)
    """Bytes transferred, by name."""
    decoded: int = 0
    """Values decoded to text or numbers."""
    python: int = 0
    """Calls of Python functions."""
    files: int = 0
    size: int = 0
    elements: int = 0
    size_beside_pixels: int = 0
    pixels: tuple[int, ...] = ()
    """Bytes in each file."""


CARRYING = {"pread": len, "read": len, "write": int, "readv": int}
"""System calls that transfer bytes, and how to count these."""


class Counted:
    """Counts operations inside a `with` block."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Counts:
        patch, counts = self._patch, self.counts
        for name in ("open", "close", "fstat", "lseek", "fsync", *CARRYING):
            patch.setattr(os, name, self._counting(name, getattr(os, name)))
        for name in ("text", "numbers"):
            patch.setattr(View, name, self._decoding(getattr(View, name)))
        sys.setprofile(self._note)
        return counts

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._patch.undo()

    def _note(self, _: object, event: str, __: object) -> None:
        self.counts.python += event == "call"

    def _counting(self, name: str, function: Callable) -> Callable:
        counts, size_of = self.counts, CARRYING.get(name)

        def counted(*arguments: object, **named: object) -> object:
            result = function(*arguments, **named)
            counts.calls[name] += 1
            if size_of:
                counts.bytes[name] += size_of(result)
            counts.python -= 1  # this wrapper itself
            return result

        return counted

    def _decoding(self, method: Callable) -> Callable:
        counts = self.counts

        def counted(view: View, keyword: str) -> object:
            counts.decoded += 1
            counts.python -= 1
            return method(view, keyword)

        return counted


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counts]:
    """Count each step of a set, with caches (policy, dictionary, element heads) filled by another set."""
    place = tmp_path_factory.mktemp("counted")
    source = make_set(place, ct=IMAGES, size=256, rois=20, points_per_contour=64, dense=True).folder
    _count(source, place / "first")
    return _count(source, place / "second")


def _count(source: Path, output: Path) -> dict[str, Counts]:
    output.mkdir()
    machines = descriptor.named(OPTIONS.machine, descriptor.folders())
    counted = {name: Counted() for name in ("check", "anonymize", "prove")}
    with counted["check"]:
        verdict = check.judge(source, OPTIONS, machines, policy_for(OPTIONS), folder_listing.take(source))
    rtset = verdict.good_set()
    assert verdict.machine is not None
    shift = dates.choose_shift(KEY, rtset.dates)
    replacements = choose_replacements(rtset, verdict.machine.machine, OPTIONS, KEY, shift, IDENTITY)
    with counted["anonymize"]:
        written = list(writer.write(rtset, replacements, output))
    expected = Expected(IDENTITY, replacements.policy, verdict.machine.machine)
    with counted["prove"]:
        proof = prove.prove([(file.kind, source / file.path) for file in rtset.set_files], output, expected)
    assert proof.checks["files"] == len(written) == IMAGES + 3
    files = [part10.read(source / file.path) for file in rtset.set_files]
    found = {name: one.counts for name, one in counted.items()}
    for counts in found.values():
        counts.files, counts.size = len(files), sum(file.size for file in files)
        counts.pixels = tuple(file.pixels.length if file.pixels else 0 for file in files)
        counts.size_beside_pixels = sum(len(file.data) for file in files)
        counts.elements = sum(file.count for file in files)
    return found


def test_a_check_reads_each_file_once_and_of_its_pixels_the_end(steps: dict[str, Counts]) -> None:
    """One stat, one read of the beginning, another if larger; of images a page at their end.

    The dose ends in zeros: some of its frames are read, too.
    """
    check_ = steps["check"]
    images = IMAGES + 1
    assert check_.calls["open"] == check_.calls["close"] <= check_.files + images + 10
    assert check_.calls["fstat"] == check_.files
    assert check_.calls["pread"] <= check_.files + images + 15
    page, step = unfinished_pixels.TAIL_BYTES
    assert check_.bytes["pread"] <= _heads(check_) + images * page + 10 * max(step, check_.pixels[-1] // 10)
    assert check_.calls["write"] == 0


def _heads(counts: Counts) -> int:
    """Return the bytes allowed for parsing all files once: everything except pixels, plus read-ahead."""
    small, large = part10.HEAD_SIZES
    return counts.files * small + 3 * large + counts.size_beside_pixels


def test_anonymizing_carries_each_byte_once(steps: dict[str, Counts]) -> None:
    """A file is written as head, pixels in a few large pieces, and the rest; nothing is parsed again."""
    written = steps["anonymize"]
    pieces = sum(1 + size // part10.COPIED_AT_ONCE for size in written.pixels)
    assert written.calls["open"] <= 2 * written.files
    assert written.calls["write"] <= 2 * written.files + pieces
    assert written.calls["readv"] <= pieces
    assert written.calls["pread"] == written.calls["fsync"] == 0
    assert written.bytes["readv"] <= sum(written.pixels)
    assert written.bytes["write"] <= 1.01 * written.size


def test_the_proof_reads_each_side_once(steps: dict[str, Counts]) -> None:
    """Of source and output: headers once, pixels once, and nothing else."""
    proof = steps["prove"]
    assert proof.calls["open"] <= 4 * proof.files
    assert proof.bytes["pread"] <= 2 * _heads(proof)
    assert proof.bytes["readv"] <= 2 * (proof.size - proof.size_beside_pixels)
    assert proof.calls["write"] == 0


def test_values_that_nobody_needs_are_not_decoded(steps: dict[str, Counts]) -> None:
    """Of an image's two hundred elements some twenty are decoded, once; for writing none.

    Half of them say how long the pixel data are, and whether a copy of them has arrived; of the other objects, the
    numbers by which they refer to each other are.
    """
    assert steps["check"].decoded <= 29 * steps["check"].files
    assert steps["anonymize"].decoded == 0
    assert steps["prove"].decoded == 0


@pytest.mark.parametrize(("step", "most"), [("check", 2.6), ("anonymize", 1.1), ("prove", 4.5)])
def test_python_is_not_called_for_each_element_over_and_over(steps: dict[str, Counts], step: str, most: float) -> None:
    """A call is made per sequence, item or change; a kept element costs a lookup."""
    assert steps[step].python / steps[step].elements <= most
