"""The rows of one set: the figures of its sheet, by the same functions and with the same rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from services.store.records import folder_name
from sheets.read.beams import machines
from sheets.read.numbers import number, numbers, whole
from sheets.tables.columns import LAST_STEP_GY, STEP_GY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.forms.structure_list import Naming
    from sheets.examination.dvh import Dvh
    from sheets.examination.findings import Findings
    from sheets.read.beams import Beam
    from sheets.read.contours import Structure
    from sheets.read.numbers import Data

_HOT_CM3: Final = 0.03
_TURNS_DEG: Final = 1.0
_MOVES_MM: Final = 0.5
BETWEEN: Final = "; "


def rows(findings: Findings) -> dict[str, Any]:
    """Return the row of a set, and those of its structures and beams."""
    data = _beam_data(findings.after.objects.plan)
    of_beams = [_beam(one, raw) for one, raw in zip(findings.after.objects.beams, data, strict=True)]
    return {
        "set": _set(findings, of_beams),
        "structures": [_structure(findings, one) for one in findings.after.structures],
        "beams": of_beams,
    }


def confirmed(name: str, naming: Naming) -> str | None:
    """Return the confirmed name of a structure: another one, or its own if it already has that."""
    if (target := naming.target(name)) is not None:
        return target
    return name if any(row.target == name and row.state == "confirmed" for row in naming.rows) else None


def _set(findings: Findings, of_beams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    after, content = findings.after, findings.published.content
    plan, prescribed = after.objects.plan, findings.prescription
    treating = [one for one in of_beams if one["treats"]]
    metersets = [one["meterset_mu"] for one in treating]
    groups = prescribed.groups
    return {
        "set": folder_name(findings.published.index),
        "patient_id": str(plan.get("PatientID", "")),
        "published": findings.published.at,
        "plan_label": str(plan.get("RTPlanLabel", "")),
        "prescription_gy": rounded(findings.full_gy),
        "prescription": str(prescribed),
        "prescription_source": prescribed.stated_in,
        "fractions": groups[0].fractions if len(groups) == 1 else None,
        "fraction_groups": len(groups),
        "technique": BETWEEN.join(dict.fromkeys(one["technique"] for one in treating)) or _without_beams(plan),
        "energies": BETWEEN.join(sorted({one["energy"] for one in treating})),
        "machine": BETWEEN.join(machines(plan, after.objects.beams)),
        "beams": len(treating),
        "arcs": sum((one["gantry_turned_deg"] or 0) >= _TURNS_DEG for one in treating),
        "control_points": sum(one["control_points"] for one in treating),
        "meterset_mu": rounded(sum(metersets), 1) if treating and None not in metersets else None,
        **_ct(findings),
        **_dose(findings),
        **_target(findings),
        "structures": len(after.structures),
        "structures_drawn": sum(one.drawn for one in after.structures),
        "as_proven": not findings.changed_files,
        "accepted": BETWEEN.join(sorted(content.get("accepted", {}))),
        "notes": BETWEEN.join(map(str, content.get("told", ()))),
    }


def _without_beams(plan: Data) -> str:
    return "brachytherapy" if plan.get("ApplicationSetupSequence") else ""


def _ct(findings: Findings) -> dict[str, Any]:
    objects = findings.after.objects
    gaps = np.diff(objects.slices_mm)
    first = objects.slices[0].place
    across = list(objects.frame.along).index(objects.frame.across)
    return {
        "ct_slices": len(objects.slices),
        "ct_rows": first.size[1 - across],
        "ct_columns": first.size[across],
        "ct_row_spacing_mm": rounded(first.step[1 - across], 3),
        "ct_column_spacing_mm": rounded(first.step[across], 3),
        "ct_slice_spacing_min_mm": rounded(float(gaps.min()), 2) if len(gaps) else None,
        "ct_slice_spacing_max_mm": rounded(float(gaps.max()), 2) if len(gaps) else None,
        "ct_length_mm": rounded(float(gaps.sum()), 1) if len(gaps) else None,
    }


def _dose(findings: Findings) -> dict[str, Any]:
    data, dose = findings.after.objects.dose, findings.after.dose
    spacing: list[float | None] = [float(each) for each in numbers(data, "PixelSpacing")]
    spacing = spacing or [None]
    offsets = np.sort(numbers(data, "GridFrameOffsetVector"))
    return {
        "dose_frames": whole(data, "NumberOfFrames") or 1,
        "dose_rows": whole(data, "Rows"),
        "dose_columns": whole(data, "Columns"),
        "dose_row_spacing_mm": rounded(spacing[0], 3),
        "dose_column_spacing_mm": rounded(spacing[-1], 3),
        "dose_frame_spacing_mm": rounded(float(np.diff(offsets).max()), 3) if len(offsets) > 1 else None,
        "dose_units": str(data.get("DoseUnits") or ""),
        "dose_type": str(data.get("DoseType") or ""),
        "dose_summation": str(data.get("DoseSummationType") or ""),
        "dose_max_gy": rounded(dose.highest_gy) if dose and dose.unit else None,
    }


def _target(findings: Findings) -> dict[str, Any]:
    target, full_gy = findings.target, findings.full_gy
    found = _figures(findings, target) if target else None
    return {
        "target": target.name if target else "",
        "target_d95_gy": rounded(found.dose_gy(95)) if found else None,
        "target_v95_percent": rounded(found.covered_percent(0.95 * full_gy), 1) if found and full_gy else None,
    }


def _figures(findings: Findings, of: Structure) -> Dvh | None:
    """Return the histogram of a structure if its doses are known and in Gy."""
    found, dose = findings.after.histograms.get(of.number), findings.after.dose
    return found if found and found.known and dose and dose.unit and not dose.flat else None


def _structure(findings: Findings, one: Structure) -> dict[str, Any]:
    whole_dvh, known = findings.after.histograms.get(one.number), _figures(findings, one)
    return {
        "set": folder_name(findings.published.index),
        "number": one.number,
        "name": one.name,
        "name_confirmed": None,
        "type": one.kind,
        "code": _code(findings.after.objects.structure_set, one.number),
        "drawn": one.drawn,
        "volume_cm3": rounded(whole_dvh.volume_cm3) if whole_dvh else None,
        **_doses(known),
        **_extent(findings, one, whole_dvh),
        "outside_grid_percent": rounded(100 * whole_dvh.outside, 1) if whole_dvh else None,
        **_covered(findings, known),
    }


def _doses(found: Dvh | None) -> dict[str, Any]:
    names = ("dmin_gy", "dmean_gy", "dmax_gy", "d98_gy", "d95_gy", "d50_gy", "d2_gy", "d0_03cc_gy")
    if found is None:
        return dict.fromkeys(names)
    hottest = found.dose_gy(100 * _HOT_CM3 / found.volume_cm3) if found.volume_cm3 > _HOT_CM3 else found.max_gy
    percents = [found.dose_gy(percent) for percent in (98, 95, 50, 2)]
    figures = [found.min_gy, found.mean_gy, found.max_gy, *percents, hottest]
    return dict(zip(names, map(rounded, figures), strict=True))


def _covered(findings: Findings, found: Dvh | None) -> dict[str, Any]:
    """Return V5, V10 … up to the highest dose of the set, or 200 Gy."""
    dose = findings.after.dose
    if found is None or dose is None:
        return {}
    steps = range(STEP_GY, min(int(dose.highest_gy), LAST_STEP_GY) + STEP_GY, STEP_GY)
    covered = found.curve(np.array(steps, dtype=float)).tolist()
    return {f"v{gy}gy_percent": rounded(percent, 1) for gy, percent in zip(steps, covered, strict=True)}


def _extent(findings: Findings, one: Structure, found: Dvh | None) -> dict[str, Any]:
    names = [f"{what}_{way}_mm" for what in ("extent", "centre") for way in ("left", "back", "head")]
    if not one.drawn or found is None:
        return dict.fromkeys(names)
    frame = findings.after.objects.frame
    points = frame.patient(np.concatenate(one.contours))
    extent = [float(np.ptp(axis)) for axis in points.T]
    centre = frame.patient(found.centre[np.newaxis])[0]
    return dict(zip(names, [rounded(each, 1) for each in (*extent, *centre)], strict=True))


def _code(structure_set: Data, roi: int) -> str:
    for observation in structure_set.get("RTROIObservationsSequence") or ():
        if whole(observation, "ReferencedROINumber") == roi:
            for item in observation.get("RTROIIdentificationCodeSequence") or ():
                parts = (item.get(key) for key in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning"))
                return " ".join(str(part) for part in parts if part)
    return ""


def _beam_data(plan: Data) -> list[tuple[Data, list[Data], Data]]:
    """Return each beam with its control points and the plan, in the order of `beams`."""
    return [
        (beam, list(beam.get(points) or []), plan)
        for sequence, points in (
            ("BeamSequence", "ControlPointSequence"),
            ("IonBeamSequence", "IonControlPointSequence"),
        )
        for beam in plan.get(sequence) or ()
    ]


def _beam(one: Beam, raw: tuple[Data, list[Data], Data]) -> dict[str, Any]:
    data, points, plan = raw
    turned = _rotation_deg(points)
    positions = _positions(points)
    jaws = {
        axis: [each for kind, found in positions for each in found if kind in {axis, f"ASYM{axis}"}] for axis in "XY"
    }
    leaves = [found for kind, found in positions if kind.startswith("MLC")]
    flat = [each for found in leaves for each in found]
    isocentre = [float(each) for each in numbers(points[0], "IsocenterPosition")] if points else []
    left, back, head = isocentre if len(isocentre) == 3 else (None, None, None)
    return {
        "set": "",
        "number": one.number,
        "name": one.name,
        "type": one.kind,
        "treats": one.treats,
        "technique": _technique(data, turned, leaves),
        "energy": one.energy,
        "machine": one.machine,
        "meterset": one.meterset,
        "meterset_mu": _meterset(data, plan),
        "control_points": one.control_points,
        "gantry": one.gantry,
        "gantry_turned_deg": rounded(turned, 1),
        "collimator": one.collimator,
        "couch": one.couch,
        "devices": one.devices,
        "jaw_x_min_mm": rounded(min(jaws["X"], default=None)),
        "jaw_x_max_mm": rounded(max(jaws["X"], default=None)),
        "jaw_y_min_mm": rounded(min(jaws["Y"], default=None)),
        "jaw_y_max_mm": rounded(max(jaws["Y"], default=None)),
        "leaf_min_mm": rounded(min(flat, default=None)),
        "leaf_max_mm": rounded(max(flat, default=None)),
        "isocentre_left_mm": rounded(left),
        "isocentre_back_mm": rounded(back),
        "isocentre_head_mm": rounded(head),
    }


def _positions(points: Iterable[Data]) -> list[tuple[str, list[float]]]:
    """Return jaw and leaf positions of all control points. (300A,011A), PS3.3 C.8.8.14."""
    return [
        (
            str(device.get("RTBeamLimitingDeviceType") or ""),
            numbers(device, "LeafJawPositions").tolist(),
        )
        for point in points
        for device in point.get("BeamLimitingDevicePositionSequence") or ()
    ]


def _rotation_deg(points: Iterable[Data]) -> float:
    """Return the gantry rotation in degrees; a step without a direction counts as none."""
    total, begin, way = 0.0, None, "NONE"
    for point in points:
        end = number(point, "GantryAngle")
        if end is not None:
            if begin is not None and way in {"CW", "CC"}:
                total += (end - begin) % 360 if way == "CW" else (begin - end) % 360
            begin = end
        way = str(point.get("GantryRotationDirection") or way)
    return total


def _technique(beam: Data, turned: float, leaves: Sequence[Sequence[float]]) -> str:
    radiation = str(beam.get("RadiationType") or "")
    if "IonControlPointSequence" in beam or radiation in {"PROTON", "ION"}:
        return "ions"
    if radiation == "ELECTRON":
        return "electrons"
    moves = any(
        len(one) == len(leaves[0]) and any(abs(a - b) > _MOVES_MM for a, b in zip(one, leaves[0], strict=True))
        for one in leaves[1:]
    )
    if turned >= _TURNS_DEG:
        return "VMAT" if moves else "conformal arc"
    return "IMRT" if moves else "static"


def _meterset(beam: Data, plan: Data) -> float | None:
    if str(beam.get("PrimaryDosimeterUnit") or "MU") != "MU":
        return None
    found = [
        number(reference, "BeamMeterset")
        for group in plan.get("FractionGroupSequence") or ()
        for reference in group.get("ReferencedBeamSequence") or ()
        if whole(reference, "ReferencedBeamNumber") == whole(beam, "BeamNumber")
    ]
    known = [each for each in found if each is not None]
    return rounded(sum(known), 1) if known else None


def rounded(figure: float | None, places: int = 2) -> float | None:
    """Round a figure, if known."""
    return None if figure is None else round(float(figure), places) + 0.0  # no negative zero
