"""Faults and remarks on a delivered set are in the language of the receiving collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.exchange.incoming import delivered_set
from services.forms.collection_form import Options
from services.language import english, speaking
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path


def test_each_finding_is_german_and_knows_its_english(tmp_path: Path) -> None:
    """For a set that was not de-identified, and claims another patient."""
    made = make_set(tmp_path, rois=["PTV", "Quellenbrink 20260101"])
    options = Options(machine=("keep",), language="de")
    said = {"patient_id": "zzz_AnusGE006"}
    plain = delivered_set.judge(made.folder, said, options, ())
    with speaking("de"):
        german = delivered_set.judge(made.folder, said, options, ())
    assert tuple(map(english, german.wrong)) == plain.wrong
    assert all(" its " not in says and " policy " not in says for says in (*german.wrong, *german.remarks))
    assert {
        "6 seiner Objekte: gibt nicht an, dass die Identität entfernt wurde.",
        "6 seiner Objekte: enthält einen Wert in AccessionNumber, das nach den angegebenen Regeln geleert wird.",
        "6 seiner Objekte: enthält PatientAddress, das nach den angegebenen Regeln entfernt wird.",
        "Sein Patient ist nicht der im Manifest.",
    } <= set(german.wrong)
    assert any(says.startswith("Texte, die ein Datum oder eine ID enthalten könnten: ") for says in german.remarks)
