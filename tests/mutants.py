"""Does a test notice? Each step of the protocol is removed in turn, and the tests concerned are run.

    python -m tests.mutants [--only WORD] [--whole] [--processes N]

`mutants.toml` has the steps. A mutant is seen when a test fails; one that survives the files of its group gets the
whole suite with `--whole`. It takes a copy of the project, works in that, and ends with 1 when more than one in twenty
survives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

PROJECT: Final = Path(__file__).parents[1]
LEFT_OUT: Final = shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__", "demo", ".hypothesis")
BOUND_S: Final = 1800
MOST_SURVIVORS: Final = 0.05
WHOLE: Final = ["tests", "--ignore=tests/deploy", "--ignore=tests/browser"]


@dataclass(frozen=True)
class Mutant:
    """One removed step."""

    name: str
    file: str
    old: str
    new: str
    tests: list[str]


def read() -> list[Mutant]:
    """Return all mutants; each has a text that occurs once in its file.

    Raises
    ------
    SystemExit
        One does not: the code has changed, and the mutant has to follow.
    """
    stored = tomllib.loads((PROJECT / "tests" / "mutants.toml").read_text("utf-8"))
    found = [
        Mutant(one["name"], one["file"], one["old"], one["new"], stored["groups"][one["group"]])
        for one in stored["mutant"]
    ]
    stale = [one.name for one in found if (PROJECT / one.file).read_text("utf-8").count(one.old) != 1]
    if stale:
        sys.exit("These mutants do not fit the code any more: " + "; ".join(stale))
    return found


def is_seen(mutant: Mutant, copy: Path, tests: list[str]) -> bool:
    """Return whether a test fails when the step is removed from a copy of the project."""
    path = copy / mutant.file
    sound = path.read_text("utf-8")
    path.write_text(sound.replace(mutant.old, mutant.new), "utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0", *tests]
    try:
        ran = subprocess.run(
            command,
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            timeout=BOUND_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(sound, "utf-8")
    return ran.returncode != 0


def main() -> int:
    """Try each, and print which survive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="a word of the names of those to try")
    parser.add_argument("--whole", action="store_true", help="survivors get the whole suite")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [mutant for mutant in read() if options.only in f"{mutant.name} {mutant.file}"]

    with tempfile.TemporaryDirectory() as place:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.processes):
            copies.put(Path(shutil.copytree(PROJECT, Path(place) / str(number), ignore=LEFT_OUT)))

        def tried(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                seen = is_seen(mutant, copy, mutant.tests)
                if not seen and options.whole:
                    seen = is_seen(mutant, copy, WHOLE)
            finally:
                copies.put(copy)
            sys.stdout.write(f"{'seen    ' if seen else 'SURVIVES'}  {mutant.file}: {mutant.name}\n")
            sys.stdout.flush()
            return seen

        with ThreadPoolExecutor(options.processes) as pool:
            survivors = len(chosen) - sum(pool.map(tried, chosen))
    sys.stdout.write(f"{len(chosen) - survivors} of {len(chosen)} are seen\n")
    return survivors > MOST_SURVIVORS * len(chosen)


if __name__ == "__main__":
    sys.exit(main())
