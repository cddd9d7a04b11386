"""Valid objects stay valid according to dicom3tools: dciodvfy for each object, dcentvfy for the set.

dciodvfy gives up on doses of 32 bits; these sets have doses of 16.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import sets
from tests.anonymized import anonymized
from tests.conformance import told_by

if TYPE_CHECKING:
    from pathlib import Path

SOUND: dict[str, tuple[tuple[sets.Edit, ...], dict[str, object]]] = {
    "as it is": ((), {}),
    "implicit": ((sets.encoded("implicit"),), {}),
    "undefined lengths": ((sets.undefined_lengths,), {}),
    "compressed": ((sets.rle,), {}),
    "kept machine": ((), {"machines": ()}),
    "no dates": ((), {"dates": "remove"}),
    "kept dates": ((), {"dates": "keep"}),
    "age and sex": ((), {"patient_characteristics": "age_sex"}),
    "FFF said privately": ((sets.fluence(private_only=True),), {}),
    "electrons": ((sets.electrons,), {"machines": ()}),
    "Japanese": ((sets.patient("Yamada^Tarou=山田^太郎", "7", charset=["", "ISO 2022 IR 87"]),), {}),  # type: ignore[arg-type]
    "nothing known of the age": ((sets.setting(PatientAge=None, PatientBirthDate=""),), {}),
}


def faults(path: Path) -> set[str]:
    """Return dciodvfy's complaints about a file, without quoted values."""
    told = told_by("dciodvfy", path)
    assert told, "dciodvfy does not know what this is"
    return {re.sub(r"<[^>]*>|= .*|'[^']*'", "", line) for line in told if line.startswith(("Error", "Fatal"))}


@pytest.mark.parametrize("way", SOUND)
def test_no_object_has_a_fault_that_its_source_had_not(tmp_path: Path, way: str) -> None:
    """One slice represents all."""
    edits, options = SOUND[way]
    done = anonymized(tmp_path, *edits, make={"dose_bits": 16, "ct": 2}, **options)  # type: ignore[arg-type]
    for kind in ("CT", "RS", "RP", "RD"):
        source, made = (min(folder.glob(f"{kind}.*")) for folder in (done.source, done.anon))
        assert faults(made) <= faults(source), kind


def test_the_objects_of_a_set_agree(tmp_path: Path) -> None:
    """On patient, study, frame of reference and equipment; more than before, since all get the same age."""
    done = anonymized(tmp_path, make={"dose_bits": 16})
    before, after = (
        {re.sub(r"for file.*|[0-9.]{8,}", "", line) for line in told_by("dcentvfy", *sorted(folder.iterdir()))}
        for folder in (done.source, done.anon)
    )
    assert after < before
    assert any("PatientAge" in line for line in before - after)
