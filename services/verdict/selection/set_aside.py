"""Objects of a set's own kinds that belong to no set: localizers, and any dose other than the plan's.

Planning systems export them along with a set; they are excluded and reported, like other objects that are not part of a
set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from services.language import gettext, printable
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.rtset import planned_dose, references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.forms.collection_form import Options
    from services.rtset.reader import SetFile


class SetAside(NamedTuple):
    """Remaining objects by kind, and excluded ones."""

    objects: Mapping[str, tuple[SetFile, ...]]
    localizers: tuple[SetFile, ...]
    doses: tuple[SetFile, ...]

    @property
    def left_out(self) -> tuple[SetFile, ...]:
        """All excluded objects."""
        return (*self.localizers, *self.doses)

    def notes(self) -> list[str]:
        """Return a note on each excluded object, with its file and type."""
        named = [
            *(gettext("{file} (localizer)", file=one.called) for one in self.localizers),
            *(f"{one.called} ({printable(describe_dose(one))})" for one in self.doses),
        ]
        return [gettext("Left out, because it belongs to no set: {file}.", file=one) for one in named]


def leave_out(objects: Mapping[str, tuple[SetFile, ...]], options: Options) -> SetAside:
    """Set aside objects that belong to no set, if the collection excludes these."""
    return set_aside(objects) if options.extra_objects == "leave out" else SetAside(objects, (), ())


def set_aside(objects: Mapping[str, tuple[SetFile, ...]]) -> SetAside:
    """Find the objects that belong to no set, among all of its kinds."""
    localizers = _localizers(objects)
    doses = _other_doses(objects[DOSE], objects[PLAN])
    out = {id(one) for one in (*localizers, *doses)}
    remaining = {kind: tuple(one for one in files if id(one) not in out) for kind, files in objects.items()}
    return SetAside(remaining, localizers, doses)


def _localizers(objects: Mapping[str, tuple[SetFile, ...]]) -> tuple[SetFile, ...]:
    """Find topograms and scouts that no contour, plan or dose references. PS3.3 C.7.6.1.1.2, (0008,0008) value 3."""
    found = [one for one in objects[CT] if [*one.view.texts("ImageType"), "", "", ""][2].upper() == "LOCALIZER"]
    if not found:
        return ()
    drawn_on = {uid for one in objects[STRUCTURE_SET] for contour in references.contours(one) for uid in contour.images}
    heads = [one.file.data for kind in (PLAN, DOSE) for one in objects[kind]]
    return tuple(
        one for one in found if one.sop_instance_uid not in drawn_on and not any(_names(data, one) for data in heads)
    )


def _names(data: bytes, one: SetFile) -> bool:
    """Return whether a data set contains an object's UID, and not only one that begins or ends with it."""
    uid = re.escape(one.sop_instance_uid.encode("latin-1"))
    return bool(uid) and re.search(rb"(?<![\d.])" + uid + rb"(?![\d.])", data) is not None


def _other_doses(doses: Sequence[SetFile], plans: Sequence[SetFile]) -> tuple[SetFile, ...]:
    """Return all doses but the plan's; none if it is ambiguous."""
    if len(doses) < 2 or len(plans) != 1:
        return ()
    of_the_plan = [one for one in doses if planned_dose.is_plan_dose(one, plans[0])]
    return tuple(one for one in doses if one is not of_the_plan[0]) if len(of_the_plan) == 1 else ()


def describe_dose(dose: SetFile) -> str:
    """Return a short description of a dose: `BEAM`, `PLAN, EFFECTIVE`, `PLAN in RELATIVE`."""
    kind, units = dose.view.text("DoseSummationType").upper(), dose.view.text("DoseUnits").upper()
    words = [kind or gettext("without a summation type")]
    if (of := dose.view.text("DoseType").upper()) != "PHYSICAL":
        words.append(of or gettext("without a dose type"))
    return ", ".join(words) + (gettext(" in {units}", units=units) if units not in ("GY", "") else "")
