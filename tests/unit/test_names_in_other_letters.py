"""Names in every script, with right, wrong or no declaration, are found if echoed; other texts stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import judge, sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet


class Script(NamedTuple):
    """A patient's name, its encoding, its echoes in labels, and a word that is nobody's name."""

    name: str
    charset: str | Sequence[str]
    echo: str
    word: str = "SpinalCord"


SCRIPTS = {
    "Latin-1": Script("Größe^Jürgen", "ISO_IR 100", "Größe", "Öffnung"),
    "Latin-1, echoed in ASCII": Script("Größe^Jürgen", "ISO_IR 100", "GROESSE"),
    "Latin-2": Script("Dvořák^Šárka", "ISO_IR 101", "Dvořák", "Žíla"),
    "Cyrillic": Script("Иванов^Пётр", "ISO_IR 144", "Иванов", "Лёгкое"),
    "Cyrillic in UTF-8": Script("Иванов^Пётр", "ISO_IR 192", "ИВАНОВ", "Лёгкое"),
    "Greek": Script("Διονυσιος^Νίκος", "ISO_IR 126", "Διονυσιος"),
    "Japanese": Script("Yamada^Tarou=山田^太郎=やまだ^たろう", ["", "ISO 2022 IR 87"], "山田", "左肺"),
    "Japanese, half width": Script("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", ["ISO 2022 IR 13", "ISO 2022 IR 87"], "山田", "左肺"),
    "Korean": Script("Hong^Gildong=洪^吉洞=홍^길동", ["", "ISO 2022 IR 149"], "길동", "방광"),
    "Chinese in GB18030": Script("Wang^XiaoDong=王^小东", "GB18030", "小东", "肿瘤"),
    "Chinese in UTF-8": Script("Wang^XiaoDong=王^小东", "ISO_IR 192", "小东", "肿瘤"),
}


def _named(script: Script) -> Edit:
    """Give the patient this name, echo it as planning systems do, and name the other structure by the word."""

    def edit(made: MadeSet) -> None:
        names = f"PTV {script.echo}", script.word
        structures = made.structure_set.StructureSetROISequence
        observations = made.structure_set.RTROIObservationsSequence
        for roi, observation, name in zip(structures, observations, names, strict=True):
            roi.ROIName, observation.ROIObservationLabel = name, name[:16]
        made.plan.BeamSequence[0].BeamName = f"{script.echo} 1"

    def whole(made: MadeSet) -> None:
        sets.patient(script.name, "4711", charset=script.charset)(made)  # type: ignore[arg-type]
        edit(made)

    return whole


def _holds(done: Anonymized, word: str) -> bool:
    """Return whether any text of the output contains a word."""
    values = (
        str(element.value)
        for data in done.new.values()
        for _, element in judge.elements(data)
        if element.VR in judge.TEXT_VRS
    )
    return any(word.casefold() in value.casefold() for value in values)


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_echoed_name_is_found_and_other_words_stay(tmp_path: Path, script: str) -> None:
    """In names of structures and beams, and in labels of plan and structure set."""
    done = anonymized(tmp_path, _named(SCRIPTS[script]))
    _, _, echo, word = SCRIPTS[script]
    assert done.roi_names == ["PTV", word]
    assert [one.ROIObservationLabel for one in done.structure_set.RTROIObservationsSequence] == ["PTV", word]
    assert not _holds(done, echo)


def test_latin_1_that_nobody_declared(tmp_path: Path) -> None:
    """It is read correctly, its echo found, and the output's character set declared."""
    done = anonymized(tmp_path, _named(SCRIPTS["Latin-1"]), sets.latin_1_undeclared)
    assert done.roi_names == ["PTV", "Öffnung"]
    assert done.structure_set.SpecificCharacterSet == "ISO_IR 100"
    assert not _holds(done, "Größe")
    assert "Größe".encode("latin-1") not in done.written


def test_utf_8_that_is_declared_as_latin_1(tmp_path: Path) -> None:
    """A common mistake: both readings of the name are removed, and the kept word is declared correctly."""

    def mistake(made: MadeSet) -> None:
        made.rewrites.append(("", lambda written: written.replace(b"ISO_IR 192", b"ISO_IR 100", 1)))

    script = SCRIPTS["Latin-1"]._replace(charset="ISO_IR 192")
    done = anonymized(tmp_path, _named(script), mistake)
    assert done.roi_names == ["PTV", "Öffnung"]
    assert done.structure_set.SpecificCharacterSet == "ISO_IR 192"
    assert "Größe".encode() not in done.written


@pytest.mark.parametrize("way", ["explicit", "implicit", "deflated"])
def test_an_item_with_a_character_set_of_its_own(tmp_path: Path, way: str) -> None:
    """PS3.3 C.12.1.1.2 allows it; the output uses one, with the same texts."""

    def own(made: MadeSet) -> None:
        sets.encoded(way)(made)
        made.structure_set.SpecificCharacterSet = "ISO_IR 144"
        first, second = made.structure_set.StructureSetROISequence
        first.SpecificCharacterSet = "ISO_IR 192"
        second.SpecificCharacterSet, second.ROIName = "ISO_IR 100", "Öffnung"

    done = anonymized(tmp_path, _named(SCRIPTS["Cyrillic in UTF-8"]), own)
    assert done.roi_names == ["PTV", "Öffnung"]
    assert done.structure_set.RTROIObservationsSequence[1].ROIObservationLabel == "Лёгкое"
    assert done.structure_set.SpecificCharacterSet == "ISO_IR 192"
    assert all("SpecificCharacterSet" not in roi for roi in done.structure_set.StructureSetROISequence)
    assert not _holds(done, "Иванов")


def test_an_item_alone_declares_a_character_set(tmp_path: Path) -> None:
    """The object itself is plain ASCII without a declaration."""

    def alone(made: MadeSet) -> None:
        del made.structure_set.SpecificCharacterSet
        second = made.structure_set.StructureSetROISequence[1]
        second.SpecificCharacterSet, second.ROIName = "ISO_IR 144", "Лёгкое"

    done = anonymized(tmp_path, alone)
    assert done.roi_names == ["PTV", "Лёгкое"]
    assert done.structure_set.SpecificCharacterSet == "ISO_IR 192"
