"""`anonymizer report --csv DIR`, `--json FILE`: the sheets' numbers for programs and spreadsheets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from services.store.collection import Collection
from sheets.examination.examine import examine
from sheets.set_page import lay_out
from sheets.tables import columns
from tests.delivered import anonymizer, collected

if TYPE_CHECKING:
    import redis

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "tables-1.json"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Path:
    """Publish two sets."""
    return collected(tmp_path_factory.mktemp("tables") / "BATCH", module_client, "Huber Josef", "Maier Anna")


@pytest.fixture(scope="module")
def written(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tables both ways."""
    place = tmp_path_factory.mktemp("written")
    assert anonymizer("report", root, "--csv", place / "csv", "--json", place / "tables.json").code == 0
    return place


def rows_of(path: Path, separator: str = ",") -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def test_the_json_is_what_the_published_schema_says(written: Path) -> None:
    """And the schema rejects other data."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert schema == columns.schema()
    tables = json.loads((written / "tables.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tables, schema)
    tables["structures"][0]["volume"] = 1.0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tables, schema)


def test_the_numbers_are_those_of_the_sheet(root: Path, written: Path) -> None:
    """Volume and every dose of every structure, character by character."""
    tables = json.loads((written / "tables.json").read_text("utf-8"))
    page = lay_out(examine(Collection.look(root), 6))
    (figures,) = [one for one in page.blocks if getattr(one, "columns", [""])[0] == "Structure"]
    by_name = {row[0].text: [cell.text for cell in row] for row in figures.rows}
    names = ["volume_cm3", "dmean_gy", "dmax_gy", "d0_03cc_gy", "d2_gy", "d50_gy", "d95_gy", "d98_gy"]
    of_set = [one for one in tables["structures"] if one["set"] == "ANON_006"]
    told = {one["name"]: ["unknown" if one[name] is None else f"{one[name]:.2f}" for name in names] for one in of_set}
    assert told == {name: [cells[2].rstrip("*"), *cells[3:10]] for name, cells in by_name.items()}
    assert any("unknown" in cells for cells in told.values())
    (first, _) = tables["sets"]
    assert (first["set"], first["patient_id"], first["hospital"]) == ("ANON_006", "zzz_AnusGE006", "Demo Hospital")
    assert (first["ct_slices"], first["ct_rows"], first["machine"]) == (3, 32, "VicRapidPlan")
    assert first["technique"] == "VMAT"
    assert first["beams"] == len([one for one in tables["beams"] if one["set"] == "ANON_006" and one["treats"]])


@pytest.mark.parametrize("table", ["sets", "structures", "beams", "findings"])
def test_csv_says_the_same_with_points_and_with_decimal_commas(written: Path, table: str) -> None:
    """The first for programs, the second for spreadsheets with a decimal comma."""
    rows: list[dict[str, Any]] = json.loads((written / "tables.json").read_text("utf-8"))[table]
    plain = rows_of(written / "csv" / f"{table}.csv")
    comma = rows_of(written / "csv" / "decimal-comma" / f"{table}.csv", ";")
    assert len(plain) == len(comma) == len(rows)
    for row, one, other in zip(rows, plain, comma, strict=True):
        for name, value in row.items():
            if isinstance(value, float):
                assert float(one[name]) == float(other[name].replace(",", ".")) == value
                assert "." not in other[name]
            elif isinstance(value, str) and value and value[0].isalpha():
                assert one[name] == other[name] == " ".join(value.split())
            elif value is None:
                assert one[name] == other[name] == ""


def test_pandas_reads_both_as_the_same_numbers(written: Path) -> None:
    """As docs/tables.md says, if it is installed."""
    pandas = pytest.importorskip("pandas")
    rows = json.loads((written / "tables.json").read_text("utf-8"))["structures"]
    for table in ("sets", "structures", "beams"):
        plain = pandas.read_csv(written / "csv" / f"{table}.csv")
        comma = pandas.read_csv(written / "csv" / "decimal-comma" / f"{table}.csv", sep=";", decimal=",")
        pandas.testing.assert_frame_equal(plain, comma)
    structures = pandas.read_csv(written / "csv" / "structures.csv")
    assert structures["volume_cm3"].tolist() == [one["volume_cm3"] for one in rows]
    assert structures["dmean_gy"].dtype == float


def test_tables_that_travel_name_no_hospital_and_no_person(root: Path, tmp_path: Path) -> None:
    """The delivery has the same tables without these columns."""
    assert anonymizer("export", root, tmp_path / "out").code == 0
    tables = json.loads((tmp_path / "out" / "tables" / "tables.json").read_text("utf-8"))
    jsonschema.validate(tables, columns.schema())
    assert tables["form"] == "travelling"
    assert not {"hospital", "same_person_as"} & tables["sets"][0].keys()
    assert "findings" not in tables
    assert sorted(path.name for path in (tmp_path / "out" / "tables").glob("*.csv")) == [
        "beams.csv",
        "sets.csv",
        "structures.csv",
    ]
    page = (tmp_path / "out" / "sheets" / "report.html").read_text("utf-8")
    assert "Structures by set" in page
    assert "Outliers" not in page
    assert "Outliers" in Path(anonymizer("report", root).text.strip()).read_text("utf-8")
