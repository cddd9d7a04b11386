"""Social security and tax numbers identify somebody although the set does not state them."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof.search import Search
from services.proof.traces import Traces

#: By country; made up.
NUMBERS = {
    "Austria": "1237 010180",
    "Belgium": "85.07.30-033.28",
    "Brazil": "111.444.777-35",
    "Chile": "12.345.678-5",
    "Czechia": "840501/1234",
    "Denmark": "010180-1234",
    "Finland": "131052-308T",
    "France": "2 85 05 78 006 084 36",
    "Corsica": "1 85 05 2A 006 084",
    "Germany": "15070649C103",
    "Germany, health": "A123456780",
    "India": "2345 6789 0123",
    "Italy": "RSSMRA85T10A562S",
    "Mexico": "GARC800101MDFRRN09",
    "Netherlands": "123456782",
    "Spain": "X1234567L",
    "Sweden": "811228-9874",
    "Switzerland": "756.1234.5678.97",
    "United Kingdom, health": "943 476 5919",
    "United Kingdom": "AB 12 34 56 C",
    "United States": "123-45-6789",
}


def left_of(label: str) -> str:
    """Return a cleaned label."""
    return Cleaner(Identifiers([]), [Text("roi_name", 7, label)]).clean(label, "roi_name")


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("label", ["PTV {}", "PTV_{}", "{} PTV"])
def test_numbers_that_a_country_gives_go(number: str, label: str) -> None:
    """Wherever they stand; that the text was changed has a reason."""
    text = label.format(number)
    assert left_of(text) == "PTV"
    assert Traces([]).are_in(text)


@pytest.mark.parametrize("country", ["Brazil", "Italy", "Switzerland", "United States", "Denmark"])
def test_the_proof_finds_them(country: str) -> None:
    """If its form has no other meaning."""
    assert "number or address" in Search([]).in_typed(f"PTV {NUMBERS[country]}")


@pytest.mark.parametrize(
    "label",
    [
        "PTV 7000-6300-5600",
        "PTV 7000 6300 5600",
        "PTV_70.00_63.00_56.00",
        "PTV 66.5-63.0-56.1",
        "PTV70 63 56",
        "HU 100-200",
        "Ring 3-10-20",
        "PTV 2.25.120",
        "GTV 1 2 3 4 5",
        "CTV 12.5-20.25",
        "Lung_V20-V30-V40",
    ],
)
def test_doses_margins_and_versions_stay(label: str) -> None:
    """However many numbers there are."""
    assert left_of(label) == label
    assert not Search([]).in_typed(label)
