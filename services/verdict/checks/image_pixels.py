"""The pixels of a set's images: complete, visible, and entirely copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.rtset import pixel_completeness, unfinished_pixels

if TYPE_CHECKING:
    from services.forms.collection_form import Options
    from services.rtset.references import Objects
    from services.rtset.unfinished_pixels import Doubt
    from services.verdict.findings import Findings


def judge(found: Findings, objects: Objects, folder: str, options: Options) -> tuple[Doubt, ...]:
    """Report incomplete and hidden pixels, and return images that may be half copied.

    The set waits for those that are, unless a person declared it complete.
    """
    found.faults += pixel_completeness.lacking(objects)
    found.faults += pixel_completeness.hidden(objects)
    found.notes += pixel_completeness.surplus(objects)
    found.record_notes += pixel_completeness.overlays(objects)
    unfinished = unfinished_pixels.find(objects, folder)
    if unfinished_pixels.CODE in options.accept:
        found.accept(unfinished.missing)
        return ()
    found.missing += unfinished.missing
    found.notes += [doubt.text for doubt in unfinished.doubts]
    return unfinished.doubts
