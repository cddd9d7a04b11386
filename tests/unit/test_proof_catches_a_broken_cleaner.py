"""Each of the writer's finders is disabled once, and the affected set is not published.

The proof has its own search. Were it the cleaner's, a fault in it would hide itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from services.deidentify import identifiers, replacements, text_cleaner
from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.errors import NotClean
from tests import sets
from tests.anonymized import anonymize_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet


class Fault(NamedTuple):
    """A disabled finder, and a label that is then not cleaned."""

    owner: object
    name: str
    broken: object
    label: str
    kind: str


def _nothing(*_: object, **__: object) -> list[object]:
    return []


FAULTS = {
    "the whole class, a family name": Fault(Identifiers, "matches", _nothing, "PTV Mustermann", "person"),
    "the whole class, a given name": Fault(Identifiers, "matches", _nothing, "PTV_Erika", "person"),
    "the whole class, a middle name": Fault(Identifiers, "matches", _nothing, "PTV_60GyLUISE", "person"),
    "the whole class, another spelling": Fault(Identifiers, "matches", _nothing, "PTV Gossler", "person"),
    "the whole class, another script": Fault(Identifiers, "matches", _nothing, "PTV山田", "person"),
    "the whole class, an ID": Fault(Identifiers, "matches", _nothing, "PTV PAT-4711", "patient-id"),
    "the whole class, an ID between letters": Fault(Identifiers, "matches", _nothing, "hnPAT4711x", "patient-id"),
    "the whole class, a place": Fault(Identifiers, "matches", _nothing, "PTV Quellstadt", "place"),
    "the whole class, a date": Fault(Identifiers, "matches", _nothing, "CT 3.11.50", "date"),
    "the search for keys": Fault(Identifiers, "_hits", _nothing, "PTV Quellstadt", "place"),
    "the search for dates": Fault(Identifiers, "_dates", _nothing, "CT 3.11.50", "date"),
    "the reading of dates": Fault(identifiers, "read_dates", _nothing, "CT 3.11.50", "date"),
    "short names": Fault(Identifiers, "_is_taken", lambda *_: False, "PTV Kim", "person"),
    "separators in an ID": Fault(Identifiers, "_may_part", lambda *_: False, "PTV PAT-47-11", "patient-id"),
    "another script": Fault(Identifiers, "_in_other_letters", _nothing, "PTV Мустерманн", "person"),
    "the form of a man": Fault(Identifiers, "matches", _nothing, "PTV_Kowalski", "person"),
    "a name glued to a target": Fault(Identifiers, "matches", _nothing, "PTVMUSTERMANN", "person"),
    "the taking in of names": Fault(Identifiers, "_take_name", _nothing, "PTV Mustermann", "person"),
    "the parts of a name": Fault(identifiers, "name_components", _nothing, "PTV Mustermann", "person"),
    "the words of a name": Fault(Identifiers, "_add_word_of_name", _nothing, "PTV_Kim_2", "person"),
    "the taking in of IDs": Fault(Identifiers, "_take_phrase", _nothing, "PTV Quellstadt", "place"),
    "the spellings": Fault(identifiers, "fold", lambda text: text, "PTV KIM", "person"),
    "the tokens": Fault(identifiers, "pieces", lambda text: [(0, len(text))], "PTV Quellstadt", "place"),
    "the excuse of anatomy": Fault(identifiers, "_is_anatomy", lambda *_: True, "PTV Quellstadt", "place"),
    "what is anybody's": Fault(text_cleaner, "_general", _nothing, "Eye 7654321", "number or address"),
    "an address": Fault(text_cleaner, "_general", _nothing, "x@example.org", "number or address"),
    "what the set holds": Fault(replacements, "Identifiers", lambda *_: Identifiers([]), "PTV Mustermann", "person"),
    "the cleaner": Fault(Cleaner, "_spans", _nothing, "PTV Mustermann", "person"),
    "the remainder": Fault(Cleaner, "_remainder", lambda _, value: value, "PTV Mustermann", "person"),
    "the stand-in": Fault(Cleaner, "_stand_in", lambda *_: "Mustermann", "qx Mustermann", "person"),
    "the replacing": Fault(Cleaner, "clean", lambda _, value, __: value, "PTV Mustermann", "person"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make one set for each label."""
    folder = tmp_path_factory.mktemp("labelled")
    labels = sorted({fault.label for fault in FAULTS.values()})
    return {label: _made(folder / str(number), label) for number, label in enumerate(labels)}


def _made(folder: Path, label: str) -> Path:
    def called(made: MadeSet) -> None:
        sets.patient("Mustermann-Goßler^Erika Kim^Luise Kowalska=山田^太郎", "PAT4711")(made)
        made.structure_set.StructureSetROISequence[0].ROIName = label
        for data in made.objects:
            data.InstitutionName, data.PatientBirthDate = "Klinikum Quellstadt", "19501103"
            data.PatientAge = None

    return sets.make_set(folder, called, ct=1, size=8).folder


@pytest.mark.parametrize("label", sorted({fault.label for fault in FAULTS.values()}))
def test_a_writer_without_a_fault_cleans_the_label(sources: dict[str, Path], tmp_path: Path, label: str) -> None:
    """So the refusals below are caused by the fault."""
    done = anonymize_folder(sources[label], tmp_path / "ANON_006")
    assert label not in done.roi_names


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_writer_is_seen(
    sources: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whichever finder is disabled."""
    fault = FAULTS[name]
    monkeypatch.setattr(fault.owner, fault.name, fault.broken)
    with pytest.raises(NotClean) as not_clean:
        anonymize_folder(sources[fault.label], tmp_path / "ANON_006")
    told = [reason for reason in not_clean.value.reasons if reason.startswith("identifiers: left in a text: ")]
    assert fault.kind in str(told)
