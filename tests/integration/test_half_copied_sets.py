"""Sets with a file that has its final size but not all its bytes, through the real programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.store import records
from services.store.collection import Collection
from tests import sets
from tests.in_process import anonymizer
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet


def run(root: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run a root folder; return exit code and sets by folder."""
    done = anonymizer("run", root, "--json")
    assert done.stdout, done.stderr
    return done.returncode, {row["folder"]: row for row in json.loads(done.stdout)["sets"]}


def zero_from(path: Path, begin: int) -> bytes:
    """Zero a file after its first bytes; return its final contents."""
    whole = path.read_bytes()
    path.write_bytes(whole[:begin] + bytes(len(whole) - begin))
    return whole


def half_slice(made: MadeSet) -> Path:
    """Zero the last 40 % of a slice in the middle of the series."""
    path = made.path(made.ct[len(made.ct) // 2])
    zero_from(path, int(path.stat().st_size * 0.6) // 4096 * 4096 + 4096)
    return path


def test_a_set_with_a_half_copied_slice_is_refused_and_taken_when_it_is_whole(tmp_path: Path) -> None:
    """`run` does not wait: it names the file, and uses no number."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, name="half", ct=5, size=256)
    whole = made.path(made.ct[2]).read_bytes()
    path = half_slice(made)

    code, rows = run(root)
    told = (root / "half_REFUSED.txt").read_text("utf-8-sig")

    assert (code, rows["half"]["state"], path.name in told, "(unfinished-pixels)" in told) == (1, "refused", True, True)
    assert not list(root.glob("ANON_*"))

    path.write_bytes(whole)
    code, rows = run(root)

    assert (code, rows["half"]["anon"], (root / "half_REFUSED.txt").exists()) == (0, "ANON_006", False)


def test_a_person_takes_one_such_set_and_no_other(tmp_path: Path) -> None:
    """For its folder's current contents; the form has no such option."""
    root = make_collection(tmp_path / "BATCH")
    for name in ("one", "other"):
        half_slice(make_set(root, name=name, seed=name, ct=5, size=256))
    run(root)

    wrong = anonymizer("retry", root, "one", "--accept", "relative-dose")
    accepted = anonymizer("retry", root, "one", "--accept", "unfinished-pixels")
    code, rows = run(root)

    assert (wrong.returncode, accepted.returncode, code) == (2, 0, 1)
    assert {name: row["state"] for name, row in rows.items()} == {"one": "published", "other": "refused"}


def test_the_form_cannot_accept_half_copied_files(tmp_path: Path) -> None:
    """Incompleteness is accepted for one set at a time."""
    root = make_collection(tmp_path / "BATCH", more='[check]\naccept = ["unfinished-pixels"]\n')
    make_set(root)

    refused = anonymizer("run", root)

    assert (refused.returncode, "accept" in refused.stderr) == (2, True)


def test_weak_evidence_is_a_note_that_stays(tmp_path: Path) -> None:
    """It is checked twice, published, and noted beside the folder and in the record, there without file names."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, sets.setting("RTDOSE", DVHSequence=None), name="dose", ct=9, size=256)
    path = made.path(made.dose)
    frames = len(made.dose.pixel_array)
    zero_from(path, path.stat().st_size - (frames - frames // 2) * len(made.dose.PixelData) // frames)

    code, rows = run(root)
    note = root / "dose_NOTE.txt"

    assert (code, rows["dose"]["state"]) == (0, "published")
    assert path.name in note.read_text("utf-8-sig")
    record = records.read(Collection.look(root), 6)
    assert record is not None
    assert record.content["doubts"] == ["the dose, which ends in frames of zeros"]

    (made.folder / "more.txt").write_text("a look at it again")
    run(root)

    assert path.name in note.read_text("utf-8-sig")
