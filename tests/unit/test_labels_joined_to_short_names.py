"""Labels joined to short names: what the cleaner leaves of them, the proof accepts; otherwise the set is parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import sets
from tests.anonymized import anonymized
from tests.unit.test_short_and_common_identifiers import rois

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Müller^R", ("PTV", "Lung RMüller"), ("PTV", "Lung R")),
        ("Wu^Re", ("PTV", "HN ReWu_60"), ("PTV", "HN Re_60")),
        ("Müller^Eva", ("PTV (2)", "PTV Müller (2)"), ("PTV (2)", "PTV (2)_2")),
        ("Das^Anita", ("PTV", "CTV DasAnita"), ("PTV", "CTV")),
        ("Le^Minh", ("PTV", "CTV LEMINH"), ("PTV", "CTV")),
        ("Du^Re", ("PTV", "CTV Dure neu"), ("PTV", "CTV neu")),
        ("Großmann^Eva", ("PTV", "zGromannCTV"), ("PTV", "CTV")),
    ],
)
def test_a_label_joined_to_a_name_is_cleaned_and_published(
    tmp_path: Path, name: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """A side that is the given name or its initial may stay; a family name that is a particle does not."""
    done = anonymized(tmp_path, sets.patient(name, "88123456", charset="ISO_IR 192"), rois(*before))
    assert tuple(done.roi_names) == after


@pytest.mark.parametrize(
    ("patient_id", "before", "after"),
    [
        ("HN77", ("HN77 L", "PTV HN77 re"), ("HN L", "PTV HN re")),
        ("Pet8", ("GTV-Pet8 L", "PTV Pet8"), ("GTV-Pet L", "PTV Pet")),
        ("CT1234", ("CT1234 L", "CTV CT1234 re"), ("ROI_01", "CTV re")),
    ],
)
def test_a_label_with_an_id_that_begins_with_a_site_is_published(
    tmp_path: Path, patient_id: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """As those of trials do; a short site may stay without the number."""
    done = anonymized(tmp_path, sets.patient("Hohenlohe^Eva", patient_id), rois(*before))
    assert tuple(done.roi_names) == after
