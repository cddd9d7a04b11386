"""Names, IDs and dates joined to a label without a separator, in typed texts and codes."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Role, Text

OWN = Identifiers(
    [("person", "Weißgerber^Zdeňka"), ("patient-id", "DE.0045.9912"), ("other-id", "AB12CD34"), ("date", "20180211")],
    births=["19540312"],
)
SHORT = Identifiers([("person", "Łoś^Yi"), ("patient-id", "77")])


def left_of(text: str, role: Role = "roi_name", own: Identifiers = OWN) -> str:
    """Return the cleaned text."""
    return Cleaner(own, [Text(role, 7, text)]).clean(text, role)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PTVWeissgerber70", "PTV70"),
        ("Weißgerber_Z_boost", "boost"),
        ("WEISSGERBERZDENKA", "ROI_07"),
        ("pat weissgerber 1954", "ROI_07"),
        ("HN-Weißgerber-1954", "HN"),
        ("HN/1954", "HN"),
        ("PTVDE00459912PTV", "PTVPTV"),
        ("PTVDE.0045.9912", "PTV"),
        ("CTVab12cd34", "CTV"),
        ("AB12CD34HN", "HN"),
        ("PTV_66.11.2.2018", "PTV_66"),
        ("opt_66.02.11.2018", "opt_66"),
    ],
)
def test_identifiers_joined_to_labels_are_removed(text: str, left: str) -> None:
    """The target, the side and the dose are left."""
    assert left_of(text) == left


@pytest.mark.parametrize("text", ["PTVDE00459912", "HNab12cd34", "AB12CD34HN", "tray *1954", "T 66.11.2.2018"])
def test_identifiers_joined_to_codes_and_trays_are_removed(text: str) -> None:
    """A code of letters and digits contains the patient's ID only on purpose."""
    assert left_of(text, "technical") != text


@pytest.mark.parametrize(("text", "role"), [("B54f", "product"), ("tray B1954", "technical"), ("10*54", "technical")])
def test_a_kernel_or_a_tray_is_no_year_of_birth(text: str, role: Role) -> None:
    """However old the patient is."""
    assert left_of(text, role) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Ring 5.10.20",
            "PTV_66.5",
            "PTV_1954",
            "v1.2.3.2019.4",
            "CTV 60.2.2",
            "H0045 V9912",
            "PTV 12 34",
            "1-1954.5",
        ),
        *("Level_IV", "12/1954/3"),
    ],
)
def test_texts_that_only_resemble_joined_identifiers_are_kept(text: str) -> None:
    """Doses, margins, versions, and numbers equal to a part of an ID."""
    assert left_of(text) == text


@pytest.mark.parametrize(("text", "left"), [("PTVŁOŚ70", "PTV70"), ("CTVYI", "CTV"), ("PTVopt", "PTVopt")])
def test_a_short_name_behind_a_target_goes(text: str, left: str) -> None:
    """Even without a capital to show its beginning."""
    assert left_of(text, own=SHORT) == left
