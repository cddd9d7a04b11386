"""The steps of docs/commissioning.md that need only this computer, as done by a physicist."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pydicom

from tests.in_process import anonymizer
from tests.integration.test_run import running, tracking_lines
from tests.waiting import wait_until

CHECKLIST = Path(__file__).parents[2] / "docs/commissioning.md"
HERE = {1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 14}
ELSEWHERE = {6, 12, 13, 15}
"""Steps that need a viewer, a planning system, the site's own set, or its share."""


def test_the_checklist_comes_out_as_it_says(tmp_path: Path) -> None:
    """Every step that can be done here."""
    steps = {int(number) for number in re.findall(r"^\| (\d+) \|", CHECKLIST.read_text("utf-8"), re.MULTILINE)}
    assert steps == HERE | ELSEWHERE
    root = tmp_path / "BATCH"

    assert anonymizer("demo", root).returncode == 0
    sets = sorted(path for path in root.iterdir() if path.is_dir())
    assert len(sets) == 3

    assert [row["verdict"] for row in checked(root, code=0)] == ["good"] * 3

    dose = next(sets[0].glob("RD*"))
    aside = shutil.move(dose, tmp_path / dose.name)
    assert [row["verdict"] for row in checked(root, code=1)] == ["incomplete", "good", "good"]
    shutil.move(aside, dose)

    assert anonymizer("run", root).returncode == 0
    published = sorted(path.name for path in root.glob("ANON_*"))
    assert published == ["ANON_006", "ANON_007", "ANON_008"]
    assert sorted(path.name for path in (root / "sheets").glob("*.pdf")) == [f"{name}.pdf" for name in published]

    heading, *lines = tracking_lines(root)
    assert (heading, len(lines)) == ("OrigPatientID, NewPatientID, OrigPlanID, Hospital", 3)

    patients = {folder: pydicom.dcmread(next(folder.glob("RP*"))) for folder in sets}
    written = b"".join(path.read_bytes() for path in root.glob("ANON_*/*"))
    for patient in patients.values():
        assert any(line.startswith(f"{patient.PatientID},") for line in lines)
        assert str(patient.PatientID).encode() not in written
        assert str(patient.PatientName.family_name).encode() not in written

    (original_id,) = (line.split(", ")[0] for line in lines if line.split(", ")[1].endswith("007"))
    (source,) = (folder for folder, patient in patients.items() if patient.PatientID == original_id)
    verified = anonymizer("verify", source, root / "ANON_007")
    assert (verified.returncode, "Clean" in verified.stdout) == (0, True)

    plan = next((root / "ANON_007").glob("RP*"))
    aside = shutil.copy2(plan, tmp_path / plan.name)
    data = bytearray(plan.read_bytes())
    data[-1] ^= 1
    plan.write_bytes(data)
    assert anonymizer("verify", source, root / "ANON_007").returncode != 0
    assert anonymizer("doctor", root).returncode != 0
    shutil.copy2(aside, plan)

    assert anonymizer("run", root).returncode == 0
    assert sorted(path.name for path in root.glob("ANON_*")) == published

    assert "Everything is consistent." in anonymizer("doctor", root).stdout

    assert anonymizer("withdraw", root, "ANON_006").returncode == 0
    assert sorted(path.name for path in root.glob("ANON_*")) == published[1:]
    assert len(tracking_lines(root)) == 1 + 2
    wait_until(lambda: not running(root))


def checked(root: Path, *, code: int) -> list[dict]:
    """Check a root folder, and return the result of each set."""
    done = anonymizer("check", root, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)["sets"]
