"""Assembly and writing of the tables of a collection: as JSON, and as CSV for programs and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from services.forms.spreadsheet import guarded
from services.language import printable
from services.runtime import durable_files
from services.store import records, tracking_lines
from services.store.records import folder_name
from sheets.tables import columns, outliers, rows
from sheets.tables.columns import V_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from services.store.collection import Collection

DECIMAL_COMMA: Final = "decimal-comma"
"""The folder of the tables for spreadsheets that use a decimal comma."""

_FIGURES: Final = frozenset({"meterset"})
"""Text columns that hold figures, possibly with units."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def tables(
    collection: Collection, facts: Iterable[tuple[int, Mapping[str, Any]]], program: str, *, house: bool
) -> dict[str, Any]:
    """Return the tables of several sets.

    Parameters
    ----------
    facts
        The rows of each set by its index, from `rows`.
    house
        Whether to include hospitals, persons and findings; without them the tables may be delivered.
    """
    sets: list[dict[str, Any]] = []
    of_structures: list[dict[str, Any]] = []
    of_beams: list[dict[str, Any]] = []
    for index, fact in facts:
        name = folder_name(index)
        sets.append({**fact["set"], **(_house(collection, index) if house else {})})
        of_structures.extend(
            {**one, "name_confirmed": rows.confirmed(one["name"], collection.naming)} for one in fact["structures"]
        )
        of_beams.extend({**one, "set": name} for one in fact["beams"])
    _even_out(of_structures)
    made: dict[str, Any] = {
        "schema": columns.VERSION,
        "form": "house" if house else "travelling",
        "program": program,
        "sets": sets,
        "structures": of_structures,
        "beams": of_beams,
    }
    if house:
        _name_persons(collection, sets)
        made |= {"findings": outliers.outliers(sets, of_structures), "judged": outliers.not_judged(sets)}
    return made


def write_json(made: Mapping[str, Any], path: Path) -> None:
    """Write the tables as one JSON file."""
    durable_files.write_atomically(path, (json.dumps(made, indent=1, ensure_ascii=False) + "\n").encode())


def write_csv(made: Mapping[str, Any], folder: Path) -> None:
    """Write each table as CSV twice: with commas and decimal points, and with semicolons and decimal commas."""
    for place, separator, comma in ((folder, ",", False), (folder / DECIMAL_COMMA, ";", True)):
        place.mkdir(parents=True, exist_ok=True)
        for name, of_table in columns.TABLES.items():
            if name in made:
                shown = [one.name for one in of_table if made["form"] == "house" or not one.house]
                data = _csv(made[name], _with_steps(shown, made[name]), separator, comma=comma)
                durable_files.write_atomically(place / f"{name}.csv", data)


def _csv(found: Sequence[Mapping[str, Any]], names: Sequence[str], separator: str, *, comma: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(_value(name, one, comma=comma), comma=comma) for name in names] for one in found)
    return text.getvalue().encode("utf-8-sig" if comma else "utf-8")


def _value(name: str, row: Mapping[str, Any], *, comma: bool) -> Any:
    """Return a value; with `comma`, figures in texts get a decimal comma too, or a spreadsheet reads 28.7 as a date."""
    value = row.get(name)
    if comma and name in _FIGURES and isinstance(value, str):
        return re.sub(r"(?<=\d)\.(?=\d)", ",", value)
    return value


def _cell(value: Any, *, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}".replace(".", ",") if comma else f"{value:.10g}"
    if isinstance(value, int):
        return str(value)
    text = printable(" ".join(str(value).split()))
    return guarded(text) if text.startswith(_FORMULA) else text


def _with_steps(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Add the columns V5Gy … that any row has."""
    steps = {key for one in found for key in one if re.match(V_PATTERN, key)}
    return [*names, *sorted(steps, key=lambda key: int(re.sub(r"\D", "", key)))]


def _even_out(of_structures: Sequence[dict[str, Any]]) -> None:
    """Fill missing steps of every structure of known dose with 0 %."""
    steps = {key for one in of_structures for key in one if re.match(V_PATTERN, key)}
    for one in of_structures:
        for key in steps - one.keys():
            one[key] = None if one["dmean_gy"] is None else 0.0


def _house(collection: Collection, index: int) -> dict[str, Any]:
    line = tracking_lines.columns(collection, index)
    return {"hospital": line[3] if len(line) > 3 else "", "same_person_as": ""}


def _name_persons(collection: Collection, sets: Sequence[dict[str, Any]]) -> None:
    """Fill in the other sets of the same patient, by the hash of the patient ID in their records."""
    together: defaultdict[str, list[str]] = defaultdict(list)
    marks: dict[str, str] = {}
    for one in sets:
        published = records.read(collection, records.index_of(one["set"]))
        if published and (mark := str(published.content.get("person", ""))):
            together[mark].append(one["set"])
            marks[one["set"]] = mark
    for one in sets:
        others = [name for name in together.get(marks.get(one["set"], ""), ()) if name != one["set"]]
        one["same_person_as"] = rows.BETWEEN.join(others)
