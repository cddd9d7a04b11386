"""Sets that are unique by age, sex and site, and CTs that show a face: a part of the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sheets import recognition
from sheets.render.page import Table, Text


def told(*drawn: str, up_to_mm: float = 0, **plan: str) -> dict[str, Any]:
    """Return the quasi-identifiers of a set with these structures, whose organs end at 0 mm like the CT."""
    ends = np.array([[-50.0, -50.0, -50.0], [50.0, 50.0, 0.0]])
    structures = [SimpleNamespace(name=name, drawn=True, ends=ends) for name in drawn]
    ct = {"frame": SimpleNamespace(stacked=2), "slices_mm": np.array([-60.0, up_to_mm])}
    side = SimpleNamespace(objects=SimpleNamespace(plan=plan, **ct), structures=structures)
    return recognition.of_set(SimpleNamespace(after=side))  # type: ignore[arg-type]  # what it looks at


@pytest.mark.parametrize(
    ("drawn", "up_to_mm", "may"),
    [
        ("Lung_L", 150, True),
        ("Lungs", 60, False),
        ("Larynx", 45, True),
        ("Schilddrüse", 80, True),
        ("Larynx", 0, False),
        ("Bladder", 900, False),
        ("PTV_60", 900, False),
    ],
)
def test_a_ct_that_extends_above_the_neck_may_show_a_face(drawn: str, up_to_mm: float, may: bool) -> None:
    """Reported as possible if no organ of the head is drawn."""
    one = told(drawn, up_to_mm=up_to_mm)
    said = [block.text for block in recognition.blocks([(6, one)]) if isinstance(block, Text)]

    assert (one["may_show_face"], one["face"]) == (may, False)
    assert ("The CT extends far above the lungs or larynx and may show a face: ANON_006." in said) is may


@pytest.mark.parametrize(
    ("drawn", "site", "face"),
    [
        (["Parotis li", "Mandibula", "SpinalCord"], "head and neck", True),
        (["Brainstem", "Eye_L", "Brain"], "brain", True),
        (["Lung_L", "Lung_R", "Heart"], "thorax", False),
        (["Liver", "Kidney_L", "Duodenum"], "abdomen", False),
        (["Bladder", "Rectum", "Femur_Head_L"], "pelvis", False),
        (["PTV_60", "Ring"], "not known", False),
    ],
)
def test_site_and_face_are_read_from_what_is_drawn(drawn: list[str], site: str, face: bool) -> None:
    """From structure names in any language."""
    found = told(*drawn)
    assert (found["site"], found["face"]) == (site, face)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("064Y", "60 to 69"),
        ("060Y", "60 to 69"),
        ("009Y", "0 to 9"),
        ("011M", "0 to 9"),
        ("090Y", "90 and more"),
        ("", "not stated"),
    ],
)
def test_ages_are_reported_in_bands_of_ten_years(age: str, band: str) -> None:
    """As people would know them."""
    assert told(PatientAge=age)["age_band"] == band


def test_sets_that_are_alone_are_named_and_counted() -> None:
    """Others are only counted; the section is marked as internal."""
    old, young = told("Rectum", PatientAge="064Y", PatientSex="M"), told("Eye_L", PatientAge="031Y", PatientSex="F")
    found = list(recognition.blocks([(8, young), (6, old), (7, old)]))
    table = next(block for block in found if isinstance(block, Table))
    texts = [block.text for block in found if isinstance(block, Text)]

    assert [[cell.text for cell in row] for row in table.rows] == [
        ["30 to 39", "F", "not known", "1", "ANON_008"],
        ["60 to 69", "M", "pelvis", "2", ""],
    ]
    assert texts == [
        "ANON_008 is unique in age, sex and site: whoever knows these of a person can find the set.",
        "A face can be reconstructed from the CT, which reaches above the chin: ANON_008.",
        "This section is for internal use: it is in no delivery.",
    ]


def test_a_collection_without_sets_has_no_such_part() -> None:
    """Nobody can be recognized."""
    assert list(recognition.blocks([])) == []
