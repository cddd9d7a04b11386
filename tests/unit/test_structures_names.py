"""Recognition of structure names, and what is left to a person."""

import pytest

from services.vocabulary import structure_names
from services.vocabulary.structure_names import Proposal, is_name, means_another, propose


@pytest.mark.parametrize(
    ("name", "target", "how"),
    [
        ("Parotid_L", "Parotid_L", "exact"),
        ("PTV_7000", "PTV_7000", "exact"),
        ("SpinalCord_PRV05", "SpinalCord_PRV05", "exact"),
        ("OpticNrv_PRV03_L", "OpticNrv_PRV03_L", "exact"),
        ("Lungs-GTV", "Lungs-GTV", "exact"),
        ("PAROTID_LT", "Parotid_L", "spelling"),
        ("left parotid", "Parotid_L", "spelling"),
        ("LParotid", "Parotid_L", "spelling"),
        ("spinal  cord", "SpinalCord", "spelling"),
        ("Kidney both", "Kidneys", "spelling"),
        ("Femoral Head Lt", "Femur_Head_L", "alias"),
        ("BS", "Brainstem", "alias"),
        ("N. opticus links PRV 3 mm", "OpticNrv_PRV03_L", "alias"),
        ("Chiasma PRV03", "OpticChiasm_PRV3", "alias"),
        ("PAROTISLI", "Parotid_L", "alias"),
        ("Rueckenmark", "SpinalCord", "language"),
        ("Rückenmark", "SpinalCord", "language"),
        ("Lunge re+li", "Lungs", "language"),
        ("Hüftkopf re", "Femur_Head_R", "language"),
        ("testa femorale sx", "Femur_Head_L", "language"),
        ("ZUNGE", "Tongue", "language"),
        ("Rein G", "Kidney_L", "language"),
        ("parotide droite", "Parotid_R", "language"),
        ("Moelle épinière PRV 5", "SpinalCord_PRV05", "language"),
        ("Tête fémorale gche", "Femur_Head_L", "language"),
        ("Pulmón izq", "Lung_L", "language"),
        ("Riñón dcho", "Kidney_R", "language"),
        ("vejiga", "Bladder", "language"),
        ("Ruggenmerg", "SpinalCord", "language"),
        ("Nier links", "Kidney_L", "language"),
        ("PTV ganglions", "PTVn", "spelling"),
        ("ptv 50,4", "PTV_5040", "spelling"),
        ("PTV_60Gy", "PTV_6000", "spelling"),
        ("CTV 2", "CTV2", "spelling"),
        ("PTV70", "PTV_7000", "spelling"),
        ("PTV LK", "PTVn", "spelling"),
        ("PTV high", "PTV_High", "spelling"),
    ],
)
def test_a_name_is_recognized(name, target, how):
    """In other spellings, words and languages, with sides before or after, with margins and doses."""
    assert propose(name) == Proposal(target, how)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("Ring 5mm", "planning help"),
        ("zPTV", "planning help"),
        ("_Bladder", "planning help"),
        ("PTVopt", "planning help"),
        ("Hilf 1", "planning help"),
        ("Anneau 1cm", "planning help"),
        ("Anillo", "planning help"),
        ("PTV-Rectum", "planning help"),
        ("95%", "planning help"),
        ("Parotis", "side unclear"),
        ("Heart left", "side unclear"),
        ("Herz Quellenbrink", "unknown"),
        ("A17", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_left_open(name, how):
    """The reason is given, and no name is proposed."""
    assert propose(name) == Proposal("", how)


def test_every_name_of_the_list_is_one_of_sixteen_characters():
    """And the list has the names of both sides together."""
    names = structure_names._names()
    assert len(names) > 100
    assert [name for name in names if len(name) > 16 or not is_name(name)] == []
    assert {row["both"] for row in structure_names._structures()} - {""} <= names


def test_no_word_of_the_list_means_two_structures():
    """The proposal would otherwise depend on the list's order."""
    meant: dict[str, set[str]] = {}
    for row in structure_names._structures():
        for column in ("name", *(column for column, _ in structure_names._COLUMNS)):
            for words in filter(None, row[column].split("|")):
                meant.setdefault("".join(structure_names._words(words)), set()).add(row["name"])
    assert {words: names for words, names in meant.items() if len(names) > 1} == {}


@pytest.mark.parametrize(
    ("meaning", "name", "other"),
    [
        ("Right lung", "Lung_L", True),
        ("Left lung", "Lung_L", False),
        ("Lung", "Lung_L", False),
        ("Heart", "Lung_L", True),
        ("Lung", "Heart", True),
        ("PTV High", "PTV_7000", False),
        ("CTV", "PTV_7000", True),
        ("Undefined Normal Tissue", "Heart", False),
    ],
)
def test_a_code_that_says_another_structure_is_noticed(meaning, name, other):
    """If either is unknown, nothing is reported."""
    assert means_another(meaning, name) is other
