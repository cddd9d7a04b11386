"""Mapping of structure names to a nomenclature, as far as a program can tell.

RapidPlan matches structures by name, and every hospital has its own habits: `Parotis li`, `PAROTID_LT`, `parotide sx`.
Results are proposals for a person to confirm (`services.forms.structure_list`). If two readings are possible nothing is
proposed, and the reason is given.

The names are in `structure_names.csv`. They follow AAPM TG-263 (2018); the file describes its scope.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

EDITION: Final = "AAPM TG-263, 2018"
LONGEST_NAME: Final = 16
"""Maximum name length kept by planning systems, and observed by TG-263."""

How = Literal["exact", "spelling", "alias", "language", "planning help", "side unclear", "unknown"]
"""Reason for a proposal or its absence; a `planning help` is drawn for the optimizer and is not an organ."""


class Proposal(NamedTuple):
    """Possible meaning of a name."""

    target: str
    """A name of the nomenclature; empty if a person must decide."""

    how: How


@dataclass(frozen=True, slots=True)
class _Structure:
    name: str
    has_sides: bool
    both: str


class _Known(NamedTuple):
    structure: _Structure
    how: How


def propose(name: str) -> Proposal:
    """Return the name of the nomenclature that another name stands for."""
    name = " ".join(name.split())
    if is_name(name):
        return Proposal(name, "exact")
    if _MARKED_AS_HELP.match(name):
        return Proposal("", "planning help")
    if volume := _target_volume(name):
        return Proposal(volume, "spelling")
    words = _words(name)
    found = _read(words)
    if found.how == "unknown" and (_is_combination(name) or not _HELP.isdisjoint(words)):
        return Proposal("", "planning help")
    return found


def is_name(name: str) -> bool:
    """Return whether this is exactly a name of the nomenclature."""
    return name in _names() or (
        len(name) <= LONGEST_NAME and (_VOLUME_NAME.fullmatch(name) is not None or _is_margin_name(name))
    )


def means_another(meaning: str, name: str) -> bool:
    """Return whether a code's words denote a different structure than a name does; False if either is unknown."""
    by_meaning, called = propose(meaning), propose(name)
    volumes = [found[1] for one in (by_meaning, called) if (found := _VOLUME_NAME.fullmatch(one.target))]
    if len(volumes) == 2:
        return volumes[0] != volumes[1]
    if by_meaning.how == "side unclear":
        return _without_side(called.target) != _without_side(_read(_words(f"{meaning} left")).target)
    return bool(by_meaning.target and called.target) and by_meaning.target != called.target


# Organs ---------------------------------------------------------------------------------------------------------------

_LEFT: Final = """
l left lt li links linke linker linkes lks sx sin sinistra sinistro sn g gauche gche gch izquierda
izquierdo izq izda izdo
"""
_RIGHT: Final = """
r right rt re rechts rechte rechter rechtes dx dex destra destro d dt droit droite drt dte derecha derecho dcha dcho
"""
_BOTH: Final = """
both bds beide beidseits beidseitig bil bilat bilateral bilaterale bilaterali bilateraal bilateraux ambas ambos
"""
_SIDES: Final = {fold(word): side for side, words in (("L", _LEFT), ("R", _RIGHT)) for word in words.split()}
_BOTH_WORDS: Final = frozenset(map(fold, _BOTH.split()))
_GLUED: Final = tuple(sorted((word for word in _SIDES if len(word) > 1), key=len, reverse=True))
"""Sides that may directly follow or precede the name in capitals: PAROTISLI."""

_LARGEST_MARGIN_MM: Final = 20


def _read(words: Sequence[str]) -> Proposal:
    """Parse words as organ, side and planning margin, in any order."""
    words, margin = _margin(words)
    known = _known().get("".join(words))
    if known:
        return _name(known, "", margin)
    sides = {_SIDES[word] for word in words if word in _SIDES}
    both = not _BOTH_WORDS.isdisjoint(words)
    rest = [word for word in words if word not in _SIDES and word not in _BOTH_WORDS]
    known = _known().get("".join(rest)) or _known().get("".join(reversed(rest)))
    if known and (sides or both or len(rest) > 1):
        return _name(known, "B" if both or len(sides) > 1 else "".join(sides), margin)
    for side in _GLUED:
        for glued in words if len(words) == 1 else ():
            for cut in (glued.removesuffix(side), glued.removeprefix(side)):
                known = _known().get(cut)
                if cut != glued and known and known.structure.has_sides:
                    return _name(known, _SIDES[side], margin)
    return Proposal("", "unknown")


def _name(known: _Known, side: str, margin: str) -> Proposal:
    structure, how = known
    if structure.has_sides != (side in {"L", "R"}):
        if side == "B" and structure.both and margin == "":
            return Proposal(structure.both, how)
        return Proposal("", "side unclear")
    ending = f"_{side}" if side else ""
    forms = [f"_PRV{margin}", f"_PRV{margin.lstrip('0')}"] if margin != "" else [""]
    names = (f"{structure.name}{form.rstrip('?')}{ending}" for form in forms)
    fitting = next((name for name in names if len(name) <= LONGEST_NAME), "")
    return Proposal(fitting, how if fitting else "unknown")


def _margin(words: Sequence[str]) -> tuple[list[str], str]:
    """Split off a planning organ at risk volume's mark and margin in mm; `?` if the margin is not stated."""
    if "prv" not in words:
        return list(words), ""
    at = words.index("prv")
    rest = [word for word in (*words[:at], *words[at + 1 :]) if word.strip("0") and word != "mm"]
    numbers = [word for word in rest if word.isdecimal() and 0 < int(word) <= _LARGEST_MARGIN_MM]
    if len(numbers) != 1:
        return rest, "?"
    rest.remove(numbers[0])
    return rest, f"{int(numbers[0]):02d}"


def _is_margin_name(name: str) -> bool:
    found = re.fullmatch(r"(.+?)_PRV\d{0,2}(_[LR])?", name)
    return found is not None and f"{found[1]}{found[2] or ''}" in _names()


def _without_side(name: str) -> str:
    return re.sub(r"_[LR]$", "", name)


_CAPITAL: Final = re.compile(
    r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])|(?<=TV)(?=[a-z])"
)
"""Positions where a capital begins a word, or PTV ends: SpinalCord, RLung, PTVopt."""
_WORD: Final = re.compile(r"\d+|[^\W\d_]+")


def _words(name: str) -> list[str]:
    return [fold(word) for word in _WORD.findall(_CAPITAL.sub(" ", name))]


# Target volumes -------------------------------------------------------------------------------------------------------

_VOLUME_NAME: Final = re.compile(
    r"(IGTV|GTV|ICTV|CTV|ITV|PTV)(p|n|sb|par|v|vas)?([1-9]|1\d)?(_(High|Mid|Low)(\d\d)?|_\d{4})?"
)
_VOLUME: Final = re.compile(
    r"(?P<kind>igtv|gtv|ictv|ctv|itv|ptv)[\s_.:-]*(?P<word>[^\W\d_]+)?[\s_.:-]*"
    r"(?P<number>\d{1,4}(?:[.,]\d{1,2})?)?[\s_]*(?P<unit>c?gy)?",
    re.IGNORECASE,
)
_PARTS: Final = {
    fold(word): part
    for part, words in (
        ("p", "p prim primary primarius primaertumor tumor tumour t tumore primario tumeur"),
        ("n", "n node nodes nodal lk lks lymphknoten ln linfonodi linfonodale ganglions ganglios klieren"),
        ("_High", "high hoch hr hd alto haut hoog"),
        ("_Mid", "mid middle mittel medio int intermediate ir moyen midden"),
        ("_Low", "low niedrig lr ld basso bas bajo laag"),
    )
    for word in words.split()
}
_MOST_VOLUMES: Final = 19
"""A larger number after PTV is a dose in Gy."""


def _target_volume(name: str) -> str:
    """Parse a target volume with its part, number or dose (in cGy as in TG-263); empty if it is not one."""
    found = _VOLUME.fullmatch(name)
    if not found:
        return ""
    word, number, unit = fold(found["word"] or ""), found["number"] or "", (found["unit"] or "").lower()
    if word in {"gy", "cgy"} or (word and word not in _PARTS) or (unit and not number):
        return ""
    part = _PARTS.get(word, "")
    value = float(number.replace(",", ".") or 0)
    ending = ""
    if number and not unit and value <= _MOST_VOLUMES and value.is_integer() and not part.startswith("_"):
        ending = f"{int(value)}"
    elif number:
        dose_cgy = round(value if unit == "cgy" or value >= 1000 else value * 100)
        ending = f"_{dose_cgy:04d}"
    made = f"{found['kind'].upper()}{part}{ending}"
    return made if is_name(made) else ""


# What is drawn for the optimizer --------------------------------------------------------------------------------------

_MARKED_AS_HELP: Final = re.compile(r"_|z(?=[A-Z])|[zZ](?=[_\W]|[pcgPCG][tT][vV])")
"""TG-263: a leading z or underscore marks structures that are not used for dose evaluation."""

_HELP_WORDS: Final = """
ring ringe anello halo shell donut rind help hilf hilfe hilfs hilfsstruktur hilfskontur aiuto dummy opt optim
optimierung optimization ottimizzazione tuning tune avoid avoidance hot cold hotspot coldspot norm normierung
dose dosis dosi isodose isodosi iso minus ohne without senza crop cropped cut sub subtract margin rand saum
exp test temp tmp tisch couch lettino table block marker clips clip seed seeds bolus air luft aria artifact
artefakt artefatto nt ntd nto eval stuetze auflage support schiene maske anneau couronne aide moins sans artefact
anillo ayuda menos mesa aire artefacto hulp hulpstructuur tafel lucht zonder masker
"""
_HELP: Final = frozenset(map(fold, _HELP_WORDS.split()))
_JOINED: Final = re.compile(r"\s*(?:[-+&/\\]|\b(?:and|und|or|oder|minus|not)\b)\s*", re.IGNORECASE)
_VOLUMES: Final = re.compile(r"i?gtv|i?ctv|itv|ptv", re.IGNORECASE)


def _is_combination(name: str) -> bool:
    """Return whether a name combines several, like `PTV-Rectum` and `Lung_L+R-PTV`, or is a dose, like `95%`."""
    return "%" in name or (len(_JOINED.split(name)) > 1 and _VOLUMES.search(name) is not None)


# The list -------------------------------------------------------------------------------------------------------------

_COLUMNS: Final[tuple[tuple[str, How], ...]] = (
    ("english", "alias"),
    ("short", "alias"),
    ("german", "language"),
    ("italian", "language"),
    ("french", "language"),
    ("spanish", "language"),
    ("dutch", "language"),
)


@lru_cache(maxsize=1)
def _structures() -> tuple[dict[str, str], ...]:
    text = Path(__file__).with_suffix(".csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Return every name of the list, with its sides."""
    return frozenset(
        f"{row['name']}{side}" for row in _structures() for side in (("_L", "_R") if row["sides"] else ("",))
    )


@lru_cache(maxsize=1)
def _known() -> dict[str, _Known]:
    """Return the meaning of each way of writing, by its joined folded words; the names themselves take precedence."""
    known: dict[str, _Known] = {}
    structures = [(row, _Structure(row["name"], bool(row["sides"]), row["both"])) for row in _structures()]
    for _, structure in structures:
        known["".join(_words(structure.name))] = _Known(structure, "spelling")
    for column, how in _COLUMNS:
        for row, structure in structures:
            for words in filter(None, row[column].split("|")):
                known.setdefault("".join(_words(words)), _Known(structure, how))
    return known
