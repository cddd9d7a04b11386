"""Position of the whole dose grid: away from everything, extending beyond the CT, or at an angle to it.

The centre of a grid may be in the patient although most of the grid is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.language import gettext
from services.rtset import geometry, references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.rtset.geometry import Point, Volume
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_REACHES_MM: Final = 5.0
"""A grid extending less than this beyond the outermost voxels of the CT is not reported."""

RELINKED_REACHES_MM: Final = 10.0
"""Maximum extension of a grid beyond the CT to be linked to: three or four of its voxels."""


def elsewhere(objects: Objects) -> Iterator[Fault]:
    """Yield a fault for a dose grid that touches neither the CT nor a contoured target: another dose."""
    _, volume, structure_set, _, dose = objects
    if volume is None or dose is None:
        return
    corners = geometry.dose_corners(dose.view)
    if (
        corners
        and volume.is_apart_from(corners)
        and not (structure_set and _holds_target(dose, corners, structure_set))
    ):
        yield Fault(
            "dose-elsewhere",
            gettext("The grid of {dose} touches neither the CT nor a contoured target.", dose=dose.called),
            gettext("Export the dose of this plan, as it was calculated on this CT."),
        )


def _holds_target(dose: SetFile, corners: list[Point], structure_set: SetFile) -> bool:
    """Return whether a point of a target's contour is in the dose grid."""
    targets = references.targets(structure_set)
    plane = geometry.plane(dose.view)
    if plane is None:
        return False
    data = structure_set.file.data
    box = [
        (axis, min(corner.along(axis) for corner in corners), max(corner.along(axis) for corner in corners))
        for axis in (plane.along_row, plane.along_column, plane.normal)
    ]
    return any(
        all(low <= point.along(axis) <= high for axis, low, high in box)
        for contour in references.contours(structure_set)
        if contour.roi_number in targets
        for point in geometry.contour_points(data, contour.start, contour.end)
    )


def beyond(objects: Objects) -> Iterator[str]:
    """Yield how far the dose grid extends beyond the CT, and its angle to the slices."""
    volume, grid = objects.volume, geometry.plane(objects.dose.view) if objects.dose else None
    if not volume or not objects.dose or not grid:
        return
    corners = geometry.dose_corners(objects.dose.view, grid)
    reach_mm = volume.overhang_mm(corners)
    if reach_mm > _REACHES_MM and not volume.is_apart_from(corners):
        yield gettext("The dose grid reaches {reach_mm:.0f} mm beyond the CT.", reach_mm=reach_mm)
    if degrees := grid.turned_degrees(volume.first):
        yield gettext(
            "The dose grid is turned by {degrees:.1f}° against the CT slices; few planning systems take that.",
            degrees=degrees,
        )


def grid_disagrees(dose: SetFile, volume: Volume | None) -> list[Fault]:
    """Return reasons against the whole dose grid being in the CT."""
    reach_mm = volume.overhang_mm(geometry.dose_corners(dose.view)) if volume else 0.0
    if reach_mm <= RELINKED_REACHES_MM:
        return []
    return [
        Fault(
            "dose-beyond-ct",
            gettext(
                "The grid of {dose} reaches {reach_mm:.0f} mm beyond the CT, so it is unclear whether they "
                "belong together.",
                dose=dose.called,
                reach_mm=reach_mm,
            ),
            gettext("Export CT, structure set, plan and dose of one plan together, with the whole CT series."),
        )
    ]
