"""`anonymizer run` and `status` with a folder of several sets: one number per set, one row per folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import in_process
from tests.exports import first
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports import Export


def anonymizer(*arguments: object) -> tuple[int, Any]:
    """Run a command, and return exit code and output."""
    done = in_process.anonymizer(*arguments)
    return done.returncode, json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr


def patient(root: Path) -> Export:
    """Make a patient with at least two plans, each with a complete set."""

    def wanted(export: Export) -> bool:
        return not export.two_patients and len(export.sets) == len(export.plans) == 2

    return first(root, wanted, "Mehrere", since=24)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root folder."""
    return tmp_path / "BATCH"


def form(root: Path, plans: str) -> None:
    """Write the form of a collection."""
    more = f'[check]\nplans = "{plans}"\n[people]\nsame_patient = "tell"\n'
    make_collection(root, machine="keep", more=more)


def test_each_is_published_and_told_in_one_row(root: Path) -> None:
    """The folder's neighbours get their numbers as before."""
    form(root, "each")
    patient(root)
    make_set(root, name="Einfach", seed="another")
    code, said = anonymizer("run", root, "--json", "--workers", 1)
    rows = {row["folder"]: row for row in said["sets"]}
    assert (code, {name: row["state"] for name, row in rows.items()}) == (
        0,
        {"Mehrere": "published", "Einfach": "published"},
    )
    assert [one["set"] for one in rows["Mehrere"]["sets"]] == [1, 2]
    assert rows["Mehrere"]["anon"] == ", ".join(one["anon"] for one in rows["Mehrere"]["sets"])
    assert sorted(path.name for path in root.glob("ANON_*")) == ["ANON_006", "ANON_007", "ANON_008"]
    assert sum(len(path.read_text("utf-8-sig").splitlines()) - 1 for path in root.glob("*_trackingFile_*.txt")) == 3
    code, (told,) = anonymizer("status", root, "--json")
    assert code == 0
    assert {row["folder"]: len(row.get("sets", ())) for row in told["sets"]} == {"Mehrere": 2, "Einfach": 0}


@pytest.mark.parametrize(("plans", "listed"), [("each", [1, 2]), ("ask", []), ("approved", [0]), ("refuse", [0])])
def test_the_structures_of_each_set_that_is_taken_are_listed(root: Path, plans: str, listed: list[int]) -> None:
    """A folder that is refused has no names to decide on, and one that waits for a choice none yet."""
    form(root, plans)
    patient(root)
    code, said = anonymizer("structures", root, "--json")
    assert (code, [(one["folder"], one["ordinal"]) for one in said["sets"]]) == (
        0,
        [("Mehrere", ordinal) for ordinal in listed],
    )
    assert [one["coverage"] is not None for one in said["sets"]] == [plans == "each"] * len(listed)
    assert {tuple(name["folders"]) for name in said["names"]} == ({("Mehrere",)} if plans == "each" else set())


def test_the_structures_of_a_chosen_plan_are_listed_with_its_number(root: Path) -> None:
    """Those of a plan that was left out are of no use to a model."""
    form(root, "ask")
    patient(root)
    assert anonymizer("choose", root, "Mehrere", 2)[0] == 0
    assert anonymizer("run", root, "--json", "--workers", 1)[0] == 0
    code, said = anonymizer("structures", root)
    assert (code, "Mehrere, 2." in said, "Mehrere, 1." in said, "refused" in said) == (0, True, False, False)
    (row,) = anonymizer("structures", root, "--json")[1]["sets"]
    assert (row["anon"], row["ordinal"], row["outdated"]) == ("ANON_006", 2, 0)


def test_a_folder_that_waits_for_a_choice_ends_the_run_and_is_done_after_it(root: Path) -> None:
    """`check` prints the numbers that `choose` takes."""
    form(root, "ask")
    export = patient(root)
    code, said = anonymizer("check", root, "--json")
    (row,) = said["sets"]
    assert (code, row["verdict"], [one["verdict"] for one in row["sets"]]) == (1, "incomplete", ["to be chosen"] * 2)
    assert [one["ordinal"] for one in row["sets"]] == [1, 2]
    code, said = anonymizer("run", root, "--json", "--workers", 1)
    assert (code, [row["state"] for row in said["sets"]]) == (1, ["waiting"])
    code, said = anonymizer("choose", root, "Mehrere", 3)
    assert (code, "1 to 2" in said) == (2, True)
    code, said = anonymizer("choose", root, "Mehrere", 2)
    assert (code, f"RP.{export.plans[1]}.dcm" in said.replace("\n", "")) == (0, True)
    code, said = anonymizer("run", root, "--json", "--workers", 1)
    (row,) = said["sets"]
    assert (code, row["state"], row["anon"]) == (0, "published", "ANON_006")
    assert [path.name.split(".", 1)[0] for path in sorted(root.glob("ANON_006/RP.*"))] == ["RP"]
