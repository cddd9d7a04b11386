"""Reasons of a failed proof are reported in the collection's language; log and record keep the proof's English."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from services.dicom.dictionary import tag
from services.language import speaking
from services.pipeline.answers import parked_text
from services.proof.evidence import Place, Reasons
from services.verdict import failed_proof

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[2]
NAME = Place("RTPLAN", (tag("BeamSequence"),), tag("BeamName"), (2,))


def test_check_and_finding_are_translated_and_the_place_stays() -> None:
    """An attribute's name is the same in any language."""
    reasons = Reasons()
    for _ in range(3):
        reasons.add("free text", "was changed unnecessarily", NAME)
    reasons.add("identifiers", "left in a text: patient-id, person", Place("", (), tag("RTPlanLabel")))
    reasons.add("links", "dose → plan differs from the source", Place("RTDOSE", (), 0x00091001))
    reasons.add("files", "there is no output of a CT")
    told = reasons.sentences()
    with speaking("de"):
        german = parked_text(told).splitlines()[1:]
    assert german == [
        "Freitext: wurde ohne Not geändert, in RTPLAN BeamSequence[2].BeamName (3-mal)",
        "Identifizierendes: in einem Text stehen geblieben: patient-id, person, in RTPlanLabel",
        "Verweise: Dosis → Plan weicht vom Original ab, in RTDOSE (0009,1001)",
        "Dateien: zu einem Objekt (CT) fehlt die Ausgabe",
    ]
    assert parked_text(told).splitlines()[1:] == told


def test_what_nobody_has_translated_is_reported_unchanged() -> None:
    """A reason of an older version, for instance; the number of further ones is still given."""
    with speaking("de"):
        assert [failed_proof.in_words(says) for says in ("of old", "and 7 more")] == ["of old", "und 7 weitere"]


def _findings() -> Iterator[tuple[str, str]]:
    """Yield the checks and findings that are in the code of the proof, with a number for what differs."""
    for path in (HERE / "services" / "proof").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) >= 2:
                of_reasons = node.func.attr == "_fail" or "reasons" in ast.unparse(node.func.value)
                if of_reasons and node.func.attr in {"_fail", "add"} and not isinstance(node.args[0], ast.Starred):
                    yield from ((check, says) for check in _texts(node.args[0]) for says in _texts(node.args[1]))
            elif isinstance(node, ast.Assign) and "what" in ast.unparse(node.targets[0]):
                yield from (
                    ("elements", says) for says in _texts(node.value) if " " in says and says != "private elements"
                )
            elif path.stem in {"pixels", "codestreams"} and isinstance(node, ast.Yield | ast.List):
                of = node.elts if isinstance(node, ast.List) else [node.value] if node.value else []
                yield from (("pixels", one.value) for one in of if isinstance(one, ast.Constant) and one.value)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple):
        for one in node.elts:
            yield from _texts(one)
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(one.value if isinstance(one, ast.Constant) else "7" for one in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_whatever_the_proof_finds_is_reported_in_german() -> None:
    """Untranslated sentences would stay English."""
    every = set(_findings())
    assert len(every) > 80
    with speaking("de"):
        german = {one: failed_proof.in_words(": ".join(one)).split(": ", 1) for one in every}
    assert [one for one, (check, says) in german.items() if check == one[0] or says == one[1]] == []
