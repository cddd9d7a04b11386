"""Refusal of a folder with several doses, unless exactly one is the plan's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.language import below, gettext, gettext_noop, named, printable
from services.rtset import planned_dose
from services.verdict.selection.set_aside import describe_dose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.rtset.reader import SetFile

PLAN_DOSE_ONLY: Final = gettext_noop("Export the plan dose only, not field doses.")


def refusal(doses: Sequence[SetFile], plans: Sequence[SetFile]) -> Fault:
    """Return a fault that lists the doses, so that a person can choose.

    If two may be the plan's, grid, date and maximum distinguish them.
    """
    alike = [one for one in doses if len(plans) == 1 and planned_dose.is_plan_dose(one, plans[0])]
    count = len(doses)
    if all(_planes(one) == 1 for one in doses) and len({describe_dose(one) for one in doses}) == 1:
        return Fault(
            "second-dose",
            gettext(
                "There are {count} RT Doses, each of one plane ({names}).",
                count=count,
                names=named(one.path for one in doses),
            ),
            gettext("Export the dose as one three-dimensional grid in one file, not as single planes."),
        )
    if len(alike) > 1:
        return Fault(
            "second-dose",
            gettext(
                "There are {count} RT Doses, and {alike} of them are the dose of the whole plan:",
                count=count,
                alike=len(alike),
            )
            + below(f"{one.path} ({_describe(one)})" for one in alike),
            gettext("Keep only the dose of the plan as it was approved."),
        )
    listed = below(f"{one.path} ({describe_dose(one)})" for one in doses)
    if alike:
        found = gettext(
            "There are {count} RT Doses, of which one is the dose of the plan ({file}):",
            count=count,
            file=printable(alike[0].path),
        )
    elif len(plans) == 1:
        found = gettext(
            "There are {count} RT Doses. None of them is the physical dose, in Gy and of type PLAN, of {plan}:",
            count=count,
            plan=plans[0].called,
        )
    else:
        found = gettext("There are {count} RT Doses:", count=count)
    return Fault("second-dose", found + listed, gettext(PLAN_DOSE_ONLY))


def _describe(dose: SetFile) -> str:
    """Return grid, date and maximum of a dose in words."""
    view = dose.view
    size = " x ".join(
        f"{number:g}" for number in (view.number("Columns"), view.number("Rows"), _planes(dose)) if number
    )
    spacing = " x ".join(f"{number:g}" for number in view.numbers("PixelSpacing"))
    parts = [gettext("{size} voxels of {spacing} mm", size=size, spacing=spacing or gettext("unknown"))]
    if day := view.text("InstanceCreationDate") or view.text("ContentDate") or view.text("SeriesDate"):
        parts.append(gettext("of {day}", day=printable(day)))
    if (most := planned_dose.maximum_gy(dose)) is not None:
        parts.append(gettext("at most {dose_gy:.2f} Gy", dose_gy=most))
    return ", ".join(parts)


def _planes(dose: SetFile) -> float:
    return dose.view.number("NumberOfFrames") or 1
