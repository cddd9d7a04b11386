"""Names, types and units of the tables: what `docs/schema/` publishes, and in which order CSV files have them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

VERSION: Final = 1
"""Rises when a column changes its meaning or goes; a new column leaves it as it is."""

STEP_GY: Final = 5

V_PATTERN: Final = "^v[0-9]+gy_percent$"
"""Columns of how much of a structure gets at least so many Gy, in steps of 5 up to the highest dose of the tables."""


class Column(NamedTuple):
    """One column."""

    name: str
    """Ends with its unit, where it has one."""

    type: str
    """As JSON Schema calls it: `string`, `number`, `integer`, `boolean`. Any may be null (an empty cell): not known."""

    meaning: str

    house: bool = False
    """Whether it stands only in the form for the house, and never travels."""


SETS: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("patient_id", "string", "The new patient ID."),
    Column("published", "string", "When it was published: ISO 8601, UTC."),
    Column("plan_label", "string", "(300A,0002) RT Plan Label, as published."),
    Column(
        "prescription_gy", "number", "The one dose in Gy that percentages refer to; null where no single one is stated."
    ),
    Column("prescription", "string", "The prescription in words, as on the sheet."),
    Column("prescription_source", "string", "Where it is stated: dose reference, fraction group, or not stated."),
    Column("fractions", "integer", "Fractions planned, of a plan with one fraction group."),
    Column("fraction_groups", "integer", "How many fraction groups the plan has."),
    Column(
        "technique",
        "string",
        "Of the treatment beams: static, IMRT, conformal arc, VMAT, electrons, ions, brachytherapy.",
    ),
    Column("energies", "string", "Of the treatment beams, as on the sheet; several are parted by semicolons."),
    Column("machine", "string", "(300A,00B2) Treatment Machine Name; several are parted by semicolons."),
    Column("beams", "integer", "Treatment beams: those with a meterset."),
    Column("arcs", "integer", "Treatment beams of which the gantry turns."),
    Column("control_points", "integer", "Of all treatment beams."),
    Column(
        "meterset_mu", "number", "Sum over treatment beams and fraction groups, in MU; null where one is not in MU."
    ),
    Column("ct_slices", "integer", "Slices of the CT."),
    Column("ct_rows", "integer", "Of the first slice."),
    Column("ct_columns", "integer", "Of the first slice."),
    Column("ct_row_spacing_mm", "number", "Between rows of the first slice."),
    Column("ct_column_spacing_mm", "number", "Between columns of the first slice."),
    Column("ct_slice_spacing_min_mm", "number", "Smallest distance of two slices."),
    Column("ct_slice_spacing_max_mm", "number", "Largest distance of two slices."),
    Column("ct_length_mm", "number", "From the first slice to the last."),
    Column("dose_frames", "integer", "Planes of the dose grid."),
    Column("dose_rows", "integer", "Rows of the dose grid."),
    Column("dose_columns", "integer", "Columns of the dose grid."),
    Column("dose_row_spacing_mm", "number", "Between rows of the dose grid."),
    Column("dose_column_spacing_mm", "number", "Between columns of the dose grid."),
    Column("dose_frame_spacing_mm", "number", "Largest distance of two planes of the dose grid."),
    Column("dose_units", "string", "(3004,0002) Dose Units; doses are given in Gy only where it is GY."),
    Column("dose_type", "string", "(3004,0004) Dose Type."),
    Column("dose_summation", "string", "(3004,000A) Dose Summation Type."),
    Column("dose_max_gy", "number", "Dose of the hottest voxel."),
    Column("target", "string", "The target that the sheet shows."),
    Column("target_d95_gy", "number", "Dose that 95 % of it get at least."),
    Column("target_v95_percent", "number", "Part of it that gets 95 % of the prescribed dose."),
    Column("structures", "integer", "Structures of the structure set."),
    Column("structures_drawn", "integer", "Of them, those with contours."),
    Column("as_proven", "boolean", "Whether the files are those that were proven."),
    Column("accepted", "string", "Codes that the sender accepted; several are parted by semicolons."),
    Column("notes", "string", "What the check told, in words that may travel; several are parted by semicolons."),
    Column("hospital", "string", "Of the tracking line.", house=True),
    Column("same_person_as", "string", "Other sets of the same person; several are parted by semicolons.", house=True),
)

STRUCTURES: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("number", "integer", "(3006,0022) ROI Number."),
    Column("name", "string", "(3006,0026) ROI Name, as published."),
    Column("name_confirmed", "string", "The name that was confirmed for it in structures.csv; null where none was."),
    Column("type", "string", "(3006,00A4) RT ROI Interpreted Type."),
    Column(
        "code", "string", "Its code: scheme, value and meaning, of (3006,0086) RT ROI Identification Code Sequence."
    ),
    Column("drawn", "boolean", "Whether it has contours that enclose something."),
    Column("volume_cm3", "number", "Its volume."),
    Column("dmin_gy", "number", "Lowest dose in it."),
    Column("dmean_gy", "number", "Mean dose."),
    Column("dmax_gy", "number", "Highest dose in it, its surface included."),
    Column("d98_gy", "number", "Dose that 98 % of it get at least."),
    Column("d95_gy", "number", "Dose that 95 % of it get at least."),
    Column("d50_gy", "number", "Dose that 50 % of it get at least."),
    Column("d2_gy", "number", "Dose that 2 % of it get at least."),
    Column("d0_03cc_gy", "number", "Dose that the hottest 0.03 cm3 of it get at least; of a smaller one the highest."),
    Column("extent_left_mm", "number", "How far it reaches from right to left."),
    Column("extent_back_mm", "number", "How far it reaches from front to back."),
    Column("extent_head_mm", "number", "How far it reaches from feet to head."),
    Column(
        "centre_left_mm", "number", "Where the centre of its volume lies, in the patient's coordinates, to the left."
    ),
    Column("centre_back_mm", "number", "The same, to the back."),
    Column("centre_head_mm", "number", "The same, to the head."),
    Column("outside_grid_percent", "number", "Part of it that lies outside the dose grid, where nothing is known."),
)

BEAMS: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("number", "string", "(300A,00C0) Beam Number."),
    Column("name", "string", "(300A,00C2) Beam Name, as published."),
    Column("type", "string", "(300A,00C4) Beam Type, and what it is for where that is not treatment."),
    Column("treats", "boolean", "Whether it has a meterset."),
    Column("technique", "string", "static, IMRT, conformal arc, VMAT, electrons or ions."),
    Column("energy", "string", "As on the sheet."),
    Column("machine", "string", "(300A,00B2) Treatment Machine Name."),
    Column("meterset", "string", "In each fraction group, with its unit where that is not MU; as on the sheet."),
    Column("meterset_mu", "number", "Sum over the fraction groups, in MU."),
    Column("control_points", "integer", "How many it has."),
    Column("gantry", "string", "As on the sheet."),
    Column("gantry_turned_deg", "number", "How far the gantry turns, in degrees."),
    Column("collimator", "string", "As on the sheet."),
    Column("couch", "string", "As on the sheet."),
    Column("devices", "string", "Leaves and accessories, as on the sheet."),
    Column("jaw_x_min_mm", "number", "Outermost position of the X jaws over all control points."),
    Column("jaw_x_max_mm", "number", "The same, on the other side."),
    Column("jaw_y_min_mm", "number", "Outermost position of the Y jaws over all control points."),
    Column("jaw_y_max_mm", "number", "The same, on the other side."),
    Column("leaf_min_mm", "number", "Smallest leaf position over all control points."),
    Column("leaf_max_mm", "number", "Largest leaf position over all control points."),
    Column("isocentre_left_mm", "number", "(300A,012C) Isocenter Position, in the patient's coordinates."),
    Column("isocentre_back_mm", "number", "The same."),
    Column("isocentre_head_mm", "number", "The same."),
)

FINDINGS: Final = (
    Column(
        "code",
        "string",
        "Which of the findings: sides-exchanged, half-a-structure, target-dose, organ-missing, one-person-twice.",
    ),
    Column("set", "string", "The published folder to look at."),
    Column("structure", "string", "The structure that it is about."),
    Column("value", "number", "The figure that stands out; its meaning is in the sentence."),
    Column("sentence", "string", "What stands out, in words."),
)

TABLES: Final = {"sets": SETS, "structures": STRUCTURES, "beams": BEAMS, "findings": FINDINGS}
"""Findings are the house's own, and never travel."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the tables, as `docs/schema/` publishes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tables of RT Set Anonymizer",
        "description": "What `anonymizer report --json` writes, and what a delivery holds. The CSV files have the same "
        "columns. A unit ends a name: _gy, _mm, _cm3, _mu, _deg, _percent. What is not known is null, and in CSV an "
        "empty cell.",
        "type": "object",
        "required": ["schema", "form", "sets", "structures", "beams"],
        "additionalProperties": False,
        "properties": {
            "schema": {"const": VERSION},
            "form": {"enum": ["house", "travelling"]},
            "program": {"type": "string"},
            "judged": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What there were too few sets to judge.",
            },
            **{name: {"type": "array", "items": _row(name, columns)} for name, columns in TABLES.items()},
        },
    }


def _row(table: str, columns: tuple[Column, ...]) -> dict[str, Any]:
    house = "For the house only. "
    row: dict[str, Any] = {
        "type": "object",
        "required": [column.name for column in columns if not column.house],
        "additionalProperties": False,
        "properties": {
            column.name: {
                "type": [column.type, "null"],
                "description": (house if column.house else "") + column.meaning,
            }
            for column in columns
        },
    }
    if table == "structures":
        row["patternProperties"] = {
            V_PATTERN: {
                "type": ["number", "null"],
                "description": "Part of the structure that gets at least so many Gy, in per cent.",
            }
        }
    return row
