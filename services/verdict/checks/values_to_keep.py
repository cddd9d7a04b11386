"""Values that are to be kept although they are not what the standard allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import Fault
from services.language import gettext
from services.policy.object_kinds import NAMES
from services.rtset import kept_values

if TYPE_CHECKING:
    from services.rtset.reader import RtSet
    from services.verdict.findings import Findings


def judge(found: Findings, rtset: RtSet) -> None:
    """Report kept values that cannot stay; refuse the set if something depends on them."""
    remedies = {
        kept_values.NUMBER: gettext("Correct it in the system that wrote it, and export the object once more."),
        kept_values.TERM: gettext("Take it out in the system that wrote it, and export the object once more."),
        kept_values.VALUE: gettext("Correct it in the system that wrote it, and export the object once more."),
    }
    for place in kept_values.places(rtset.set_files, rtset.mends):
        why = place.mend.in_words
        if place.times > 1:
            why = gettext("{why}, {count} times", why=why, count=place.times)
        if place.mend.code:
            text = gettext("{place} of {file} {why}.", place=place.path, file=place.file.called, why=why)
            found.faults.append(Fault(place.mend.code, text, remedies[place.mend.code]))
        else:
            found.record_notes.append(
                gettext(
                    "Not kept as it is: {place} of {kind} {why}.",
                    place=place.path,
                    kind=NAMES[place.file.kind],
                    why=why,
                )
            )
    if keywords := sorted({one.keyword for one in rtset.unusual if not one.is_typed}):
        found.notes.append(
            gettext("Coded values that are not DICOM terms are kept: {names}.", names=", ".join(keywords))
        )
