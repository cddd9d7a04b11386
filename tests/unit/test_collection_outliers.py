"""Five findings worth reviewing, each in a collection with it and one without."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from sheets.tables.outliers import not_judged, outliers, side_of

ORGANS = {"Parotid_L": 40.0, "Parotid_R": -40.0, "Brain": 0.0, "SpinalCord": 0.0}


def collection(sets: int = 12) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make a collection without outliers."""
    of_sets, structures = [], []
    for number in range(sets):
        name = f"ANON_{number:03d}"
        of_sets.append(
            {
                "set": name,
                "patient_id": f"zzz_AnusGE{number:03d}",
                "target": "PTV",
                "target_v95_percent": 97.0,
                "ct_slices": 100,
                "ct_rows": 512,
                "ct_columns": 512,
                "ct_row_spacing_mm": 1.0,
                "ct_slice_spacing_max_mm": 3.0,
                "same_person_as": "",
            }
        )
        for organ, at in ORGANS.items():
            structures.append(structure(name, organ, "ORGAN", at, volume=30 + number, length=50 + number % 3))
        structures.append(structure(name, "Body", "EXTERNAL", 2.0, volume=9000 + 7 * number, length=300))
        structures.append(structure(name, "PTV", "PTV", 25.0, volume=100 + 30 * number, length=80))
    return of_sets, structures


def structure(of_set: str, name: str, kind: str, at: float, *, volume: float, length: float) -> dict[str, Any]:
    """Make the row of a structure."""
    return {
        "set": of_set,
        "name": name,
        "name_confirmed": None,
        "type": kind,
        "drawn": True,
        "volume_cm3": volume,
        "extent_head_mm": length,
        "centre_left_mm": at,
        "outside_grid_percent": 0.0,
    }


def one(structures: list[dict[str, Any]], of_set: str, name: str) -> dict[str, Any]:
    """Return a structure."""
    return next(each for each in structures if (each["set"], each["name"]) == (of_set, name))


def codes(found: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the outliers."""
    return [(each["code"], each["set"], each["structure"]) for each in found]


def test_in_a_usual_collection_nothing_stands_out() -> None:
    """Targets differ between patients; that is no finding."""
    assert outliers(*collection()) == []
    assert not_judged(collection()[0]) == []


def test_left_and_right_exchanged() -> None:
    """Pairs relative to each other, single ones relative to the midline."""
    sets, structures = collection()
    one(structures, "ANON_003", "Parotid_L")["centre_left_mm"] = -40.0
    one(structures, "ANON_003", "Parotid_R")["centre_left_mm"] = 40.0
    structures.remove(one(structures, "ANON_004", "Parotid_R"))
    one(structures, "ANON_004", "Parotid_L")["centre_left_mm"] = -40.0
    sides = [found for found in codes(outliers(sets, structures)) if found[0] == "sides-exchanged"]
    assert sides == [("sides-exchanged", "ANON_003", "Parotid_L"), ("sides-exchanged", "ANON_004", "Parotid_L")]


def test_half_a_structure() -> None:
    """Half the volume at half the length; a small organ of full length is just small."""
    sets, structures = collection()
    one(structures, "ANON_005", "Brain").update(volume_cm3=14.0, extent_head_mm=24.0)
    one(structures, "ANON_006", "Brain").update(volume_cm3=14.0)
    assert codes(outliers(sets, structures)) == [("half-a-structure", "ANON_005", "Brain")]


def test_a_target_that_is_not_covered_or_lies_outside_the_dose() -> None:
    """Either way."""
    sets, structures = collection()
    sets[1]["target_v95_percent"] = 71.0
    one(structures, "ANON_002", "PTV")["outside_grid_percent"] = 30.0
    assert codes(outliers(sets, structures)) == [("target-dose", "ANON_001", "PTV"), ("target-dose", "ANON_002", "PTV")]


def test_an_organ_that_nearly_all_have() -> None:
    """Only if there are enough sets."""
    sets, structures = collection()
    structures.remove(one(structures, "ANON_007", "SpinalCord"))
    assert codes(outliers(sets, structures)) == [("organ-missing", "ANON_007", "SpinalCord")]
    few, of_few = collection(9)
    of_few.remove(one(of_few, "ANON_007", "SpinalCord"))
    assert outliers(few, of_few) == []
    assert "An organ that is missing" in not_judged(few)[0]


@pytest.mark.parametrize("how", ["same volumes", "same patient ID"])
def test_one_person_twice(how: str) -> None:
    """By the person's mark, or by equal volumes on the same grid; not if both state that they are one person's."""
    sets, structures = collection()
    if how == "same volumes":
        for each in [each for each in structures if each["set"] == "ANON_009"]:
            each["volume_cm3"] = one(structures, "ANON_002", each["name"])["volume_cm3"]
    else:
        sets[2]["same_person_as"] = "ANON_009"
    assert codes(outliers(sets, structures)) == [("one-person-twice", "ANON_009", "")]
    assert "ANON_002" in outliers(sets, structures)[0]["sentence"]
    sets[9]["patient_id"] = sets[2]["patient_id"]
    assert outliers(sets, structures) == []


def test_many_sets_of_one_person_are_named_once_each() -> None:
    """With the first set before them, or the one with the same patient ID, which counts more."""
    sets, structures = collection()
    for each in structures:
        if each["set"] in {"ANON_002", "ANON_004", "ANON_007", "ANON_009"}:
            each["volume_cm3"] = one(structures, "ANON_001", each["name"])["volume_cm3"]
    sets[4]["same_person_as"] = "ANON_009"
    found = outliers(sets, structures)
    assert codes(found) == [("one-person-twice", f"ANON_00{number}", "") for number in (2, 4, 7, 9)]
    assert ["ANON_001" in each["sentence"] for each in found] == [True, True, True, False]
    assert "ANON_004 had the same patient ID" in found[3]["sentence"]


def test_findings_do_not_change_what_they_judge() -> None:
    """Rows are unchanged."""
    sets, structures = collection()
    before = deepcopy((sets, structures))
    outliers(sets, structures)
    assert (sets, structures) == before


def test_a_side_is_read_from_a_name() -> None:
    """In several languages; both or neither give none."""
    said = {
        name: side_of(name) for name in ("Parotid_L", "Lunge re", "Lung_Left", "LR_Ring", "Liver", "L R", "Femur_R_2")
    }
    assert said == {
        "Parotid_L": "L",
        "Lunge re": "R",
        "Lung_Left": "L",
        "LR_Ring": "",
        "Liver": "",
        "L R": "",
        "Femur_R_2": "R",
    }
