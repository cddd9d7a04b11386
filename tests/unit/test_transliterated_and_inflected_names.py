"""Names are removed in other scripts, in the other gender's form, and damaged by a wrong code page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from tests import sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path


def left_of(label: str, kind: str, value: str) -> str:
    """Return a cleaned label in a set with these identifiers."""
    return Cleaner(Identifiers([(kind, value)]), [Text("roi_name", 7, label)]).clean(label, "roi_name")


ECHOES = [
    ("Иванов^Пётр", "Ivanov"),
    ("Иванов^Пётр", "Ivanova"),
    ("Иванов^Пётр", "ИВАНОВА"),
    ("Ivanov^Petr", "Иванов"),
    ("Tschaikowski^Olga", "Чайковский"),
    ("Чайковская^Ольга", "Tchaikovskaya"),
    ("Чайковская^Ольга", "Čajkovskaja"),
    ("Παπαδόπουλος^Νίκος", "Papadopoulos"),
    ("Papadopoulos^Nikos", "Παπαδόπουλος"),
    ("やまだ^たろう", "ヤマダ"),
    ("Yamada^Tarou=山田^太郎=ヤマダ", "やまだ"),
    ("محمد^علي", "مُحَمَّد"),
    ("محمد^علي", "محـمد"),
    ("محمد^علي", "Mohammed"),
    ("محمد^علي", "Muhammad"),
    ("Mohammed^Ali", "محمد"),
    ("王^小東", "小东"),
    ("Nováková^Jana", "Novák"),
    ("Kowalski^Jan", "Kowalska"),
    ("Szabó^László", "Szabóné"),
    ("Müller^Eva", "M?ller"),
    ("Müller^Eva", "M\N{REPLACEMENT CHARACTER}ller"),
    ("Müller^Eva", "MÃ¼ller"),
]


@pytest.mark.parametrize(("name", "echo"), ECHOES)
def test_a_name_goes_in_whatever_letters_it_is_echoed(name: str, echo: str) -> None:
    """To and from Latin letters, between two scripts, and with a lost letter."""
    assert left_of(f"PTV {echo}", "person", name) == "PTV"


@pytest.mark.parametrize(
    ("kind", "value", "echo"),
    [
        ("device", "CTSIM03", "CTSIM3"),
        ("device", "CTSIM3", "CTSIM03"),
        ("device", "CTSIM03", "CTSIM 3"),
        ("patient-id", "00-4711-88", "471188"),
        ("patient-id", "00-4711-88", "4711/88"),
        ("patient-id", "00471188", "0471188"),
    ],
)
def test_an_id_goes_with_and_without_zeros_and_separators(kind: str, value: str, echo: str) -> None:
    """As omitted or added by people."""
    assert left_of(f"PTV {echo}", kind, value) == "PTV"


@pytest.mark.parametrize(
    "name", ["Иванов^Пётр", "Παπαδόπουλος^Νίκος", "محمد^علي", "Ivanov^Petr", "Martin^Eva", "Kos^Jan"]
)
@pytest.mark.parametrize(
    "label", ["Parotid_L", "Rektum", "Lunge_re", "Mandibula", "Skin", "Retina", "Prostata", "Medulla"]
)
def test_organs_stay_whatever_letters_the_name_has(name: str, label: str) -> None:
    """Lexicon words match nobody's sound."""
    assert left_of(label, "person", name) == label


@pytest.mark.parametrize(("name", "echo"), [ECHOES[0], ECHOES[4], ECHOES[7], ECHOES[13], ECHOES[18], ECHOES[21]])
def test_the_proof_does_not_hold_it_against_the_cleaner(tmp_path: Path, name: str, echo: str) -> None:
    """The set is published without the name."""
    done = anonymized(tmp_path, sets.patient(name, "4711"), make={"rois": [f"PTV {echo}", "SpinalCord"]})
    assert done.roi_names == ["PTV", "SpinalCord"]
