"""Names, types and units of the tables' columns, as published in `docs/schema/`, in the order of the CSV files."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

VERSION: Final = 1
"""Raised when a column is removed or changes its meaning, not when one is added."""

STEP_GY: Final = 5
LAST_STEP_GY: Final = 200
"""Beside sources, and where a dose is scaled wrongly, it may be thousands of Gy."""

V_PATTERN: Final = "^v[0-9]+gy_percent$"
"""Columns V5Gy, V10Gy …: the part of a structure receiving at least this dose, at most to 200 Gy."""


class Column(NamedTuple):
    """One column."""

    name: str
    """Ends with the unit, if any."""

    type: str
    """JSON Schema type: `string`, `number`, `integer`, `boolean`. Unknown values are null (an empty cell)."""

    meaning: str

    house: bool = False
    """Whether it is for internal use only and never in a delivery."""


SETS: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("patient_id", "string", "The new patient ID."),
    Column("published", "string", "Time of publication: ISO 8601, UTC."),
    Column("plan_label", "string", "(300A,0002) RT Plan Label, as published."),
    Column("prescription_gy", "number", "Reference dose of percentages in Gy; null if no single dose is stated."),
    Column("prescription", "string", "The prescription in words, as on the sheet."),
    Column(
        "prescription_source", "string", "Source of the prescription: dose reference, fraction group, or not stated."
    ),
    Column("fractions", "integer", "Number of fractions planned, for a plan with one fraction group."),
    Column("fraction_groups", "integer", "Number of fraction groups."),
    Column(
        "technique",
        "string",
        "Techniques of the treatment beams: static, IMRT, conformal arc, VMAT, electrons, ions, brachytherapy.",
    ),
    Column("energies", "string", "Energies of the treatment beams, as on the sheet; separated by semicolons."),
    Column("machine", "string", "(300A,00B2) Treatment Machine Name; separated by semicolons."),
    Column("beams", "integer", "Number of treatment beams: those with a meterset."),
    Column("arcs", "integer", "Number of treatment beams with gantry rotation."),
    Column("control_points", "integer", "Total of all treatment beams."),
    Column("meterset_mu", "number", "Sum over treatment beams and fraction groups, in MU; null if one is not in MU."),
    Column("ct_slices", "integer", "Number of CT slices."),
    Column("ct_rows", "integer", "Of the first slice."),
    Column("ct_columns", "integer", "Of the first slice."),
    Column("ct_row_spacing_mm", "number", "Row spacing of the first slice."),
    Column("ct_column_spacing_mm", "number", "Column spacing of the first slice."),
    Column("ct_slice_spacing_min_mm", "number", "Smallest distance between adjacent slices."),
    Column("ct_slice_spacing_max_mm", "number", "Largest distance between adjacent slices."),
    Column("ct_length_mm", "number", "Distance from the first slice to the last."),
    Column("dose_frames", "integer", "Number of planes of the dose grid."),
    Column("dose_rows", "integer", "Rows of the dose grid."),
    Column("dose_columns", "integer", "Columns of the dose grid."),
    Column("dose_row_spacing_mm", "number", "Row spacing of the dose grid."),
    Column("dose_column_spacing_mm", "number", "Column spacing of the dose grid."),
    Column("dose_frame_spacing_mm", "number", "Largest distance between adjacent planes of the dose grid."),
    Column("dose_units", "string", "(3004,0002) Dose Units; doses are given in Gy only if it is GY."),
    Column("dose_type", "string", "(3004,0004) Dose Type."),
    Column("dose_summation", "string", "(3004,000A) Dose Summation Type."),
    Column("dose_max_gy", "number", "Maximum voxel dose."),
    Column("target", "string", "The target shown on the sheet."),
    Column("target_d95_gy", "number", "Minimum dose received by 95 % of the volume."),
    Column("target_v95_percent", "number", "Part of the target receiving at least 95 % of the prescribed dose."),
    Column("structures", "integer", "Number of structures in the structure set."),
    Column("structures_drawn", "integer", "Number of structures with contours."),
    Column("as_proven", "boolean", "Whether the files are unchanged since the proof."),
    Column("accepted", "string", "Codes that the sender accepted; separated by semicolons."),
    Column("notes", "string", "Notes of the check without identifying data; separated by semicolons."),
    Column("hospital", "string", "Hospital, from the tracking line.", house=True),
    Column("same_person_as", "string", "Other sets of the same person; separated by semicolons.", house=True),
)

STRUCTURES: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("number", "integer", "(3006,0022) ROI Number."),
    Column("name", "string", "(3006,0026) ROI Name, as published."),
    Column("name_confirmed", "string", "Name confirmed in structures.csv; null if none was."),
    Column("type", "string", "(3006,00A4) RT ROI Interpreted Type."),
    Column(
        "code", "string", "Scheme, value and meaning of its code, from (3006,0086) RT ROI Identification Code Sequence."
    ),
    Column("drawn", "boolean", "Whether it has contours enclosing a volume."),
    Column("volume_cm3", "number", "Its volume."),
    Column("dmin_gy", "number", "Minimum dose; null if a part of the volume is outside the dose grid."),
    Column("dmean_gy", "number", "Mean dose."),
    Column("dmax_gy", "number", "Maximum dose, including the surface."),
    Column("d98_gy", "number", "Minimum dose received by 98 % of the volume; null if less of it is in the dose grid."),
    Column("d95_gy", "number", "Minimum dose received by 95 % of the volume; null if less of it is in the dose grid."),
    Column("d50_gy", "number", "Minimum dose received by 50 % of the volume."),
    Column("d2_gy", "number", "Minimum dose received by 2 % of the volume."),
    Column(
        "d0_03cc_gy",
        "number",
        "Minimum dose received by the hottest 0.03 cm3; the maximum dose of a smaller structure.",
    ),
    Column("extent_left_mm", "number", "Extent from right to left."),
    Column("extent_back_mm", "number", "Extent from anterior to posterior."),
    Column("extent_head_mm", "number", "Extent from inferior to superior."),
    Column("centre_left_mm", "number", "Centroid in patient coordinates, x (left)."),
    Column("centre_back_mm", "number", "Centroid in patient coordinates, y (posterior)."),
    Column("centre_head_mm", "number", "Centroid in patient coordinates, z (superior)."),
    Column("outside_grid_percent", "number", "Part of the volume outside the dose grid, where the dose is unknown."),
)

BEAMS: Final = (
    Column("set", "string", "The published folder: ANON_006."),
    Column("number", "string", "(300A,00C0) Beam Number."),
    Column("name", "string", "(300A,00C2) Beam Name, as published."),
    Column("type", "string", "(300A,00C4) Beam Type, and its delivery type if not treatment."),
    Column("treats", "boolean", "Whether it has a meterset."),
    Column("technique", "string", "static, IMRT, conformal arc, VMAT, electrons or ions."),
    Column("energy", "string", "As on the sheet."),
    Column("machine", "string", "(300A,00B2) Treatment Machine Name."),
    Column("meterset", "string", "Meterset in each fraction group, with its unit if not MU; as on the sheet."),
    Column("meterset_mu", "number", "Sum over the fraction groups, in MU."),
    Column("control_points", "integer", "Number of control points."),
    Column("gantry", "string", "As on the sheet."),
    Column("gantry_turned_deg", "number", "Gantry rotation, in degrees."),
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
        "Kind of finding: sides-exchanged, half-a-structure, target-dose, organ-missing, one-person-twice.",
    ),
    Column("set", "string", "The published folder to review."),
    Column("structure", "string", "The structure concerned."),
    Column("value", "number", "The outlying figure, explained in the sentence."),
    Column("sentence", "string", "The finding as a sentence."),
)

TABLES: Final = {"sets": SETS, "structures": STRUCTURES, "beams": BEAMS, "findings": FINDINGS}
"""Findings are for internal use only, never in a delivery."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the tables, as `docs/schema/` publishes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tables of RT Set Anonymizer",
        "description": "What `anonymizer report --json` writes, and what a delivery holds. The CSV files have the same "
        "columns. A unit ends a name: _gy, _mm, _cm3, _mu, _deg, _percent. Unknown values are null, and in CSV an "
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
                "description": "The findings for which there were too few sets.",
            },
            **{name: {"type": "array", "items": _row(name, columns)} for name, columns in TABLES.items()},
        },
    }


def _row(table: str, columns: tuple[Column, ...]) -> dict[str, Any]:
    house = "For internal use only. "
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
                "description": "Part of the structure receiving at least this dose in Gy, in per cent.",
            }
        }
    return row
