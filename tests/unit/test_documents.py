"""The pages under `docs/` that show the program's actions are up to date.

`python -m tests.unit.test_documents` writes them.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest

from services.maintenance.attribute_diff import ADDED, KEPT, as_markdown, compare
from services.policy.markdown import as_markdown as policy_as_markdown
from services.policy.table import Choice, policy_for
from services.rtset.reader import NAMES
from sheets.tables import columns
from tests import names_and_labels
from tests.anonymized import anonymized

HERE = Path(__file__).parents[2]
DOCS = HERE / "docs"

NEW = Choice(patient_characteristics="dose_model")
"""The options of a new collection."""

INTRODUCTION = """\
# A set before and after

A synthetic set with identifiers in every place where clinics put them, anonymized with the default options: one slice
of the CT, and each other object. An attribute below a sequence is shown once, with the value of the first item. Why
each action is taken is told in [policy.md](policy.md), row by row. Written by `python -m tests.unit.test_documents`.
"""


def before_after() -> str:
    """Anonymize a set with a fixed key and compare it with its source."""
    with tempfile.TemporaryDirectory() as folder:
        make: dict[str, object] = {"rois": 12, "ct": 3, "size": 32}
        done = anonymized(Path(folder), make=make, patient_characteristics="dose_model")
        lines = compare(done.source, done.anon, policy_for(NEW))
    return "\n".join([INTRODUCTION, *(f"## {NAMES[kind]}\n\n{as_markdown(lines[kind])}\n" for kind in lines)])


PAGES = {
    "schema/tables-1.json": lambda: json.dumps(columns.schema(), indent=1, ensure_ascii=False) + "\n",
    "policy.md": lambda: policy_as_markdown(policy_for(NEW)),
    "names.md": names_and_labels.page,
    "before-after.md": before_after,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_what_the_program_does(page: str) -> None:
    """A changed table or synthetic set requires a new page."""
    assert (DOCS / page).read_text("utf-8") == PAGES[page]()


def test_the_architecture_tells_of_every_module() -> None:
    """In its table, each once."""
    _, _, table = (HERE / "ARCHITECTURE.md").read_text("utf-8").partition("## The rooms of services")
    rows = [line for line in table.partition("## Why")[0].splitlines() if line.startswith("| ")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row.rpartition("|")[0].rpartition("|")[2])]
    assert sorted(told) == sorted(path.stem for path in (HERE / "services").rglob("[!_]*.py"))


def test_a_comparison_shows_what_became_of_each_attribute(tmp_path: Path) -> None:
    """Equal ones are kept, new ones added, and others named by the policy's action."""
    done = anonymized(tmp_path)
    lines = {line.path: line for line in compare(done.source, done.anon, policy_for(Choice()))["RTPLAN"]}
    name = str(done.old["RTPLAN"].PatientName)
    assert lines["PatientName"] == ("PatientName", "identity", name, "AnusGE006^First", 1)
    assert lines["RTPlanGeometry"].action == KEPT
    assert lines["PatientIdentityRemoved"][1:4] == (ADDED, "", "YES")
    assert lines["BeamSequence > TreatmentMachineName"].after == "VicRapidPlan"
    assert lines["BeamSequence > InstitutionName"].action == "drop"
    assert lines["BeamSequence > ControlPointSequence > GantryAngle"].times == 8 + 1


if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make(), "utf-8")
