"""What references state after they were rebuilt: one rule, for the code that rebuilds them and for its proof.

A rebuilt reference to an object of the set states that object's SOP class. (3006,0012) *RT Referenced Study Sequence*
refers to a study, which has none: systems write Detached Study Management or Detached Visit Management (both retired),
the class of the structure set or of the CT, or nothing. What the source states is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.dicom.dictionary import tag

if TYPE_CHECKING:
    from collections.abc import Iterable

DETACHED_STUDY: Final = b"1.2.840.10008.3.1.2.3.1"
"""Detached Study Management (retired)."""

REBUILT_WHOLE: Final = frozenset(
    map(tag, ("ReferencedFrameOfReferenceSequence", "ContourImageSequence", "ReferencedStructureSetSequence"))
)
"""Sequences made anew: what their items held beside references is not carried over. PS3.3 C.8.8.5, C.8.8.6."""

PLANAR: Final = frozenset((b"CLOSED_PLANAR", b"OPEN_PLANAR", b"CLOSEDPLANAR_XOR", b""))
"""(3006,0042) *Contour Geometric Type* of what is drawn on a slice: points and curves in space are not."""


def study_class(stated: Iterable[bytes]) -> bytes:
    """Return the class of the study in a rebuilt list of images.

    Parameters
    ----------
    stated
        Each (0008,1150) *Referenced SOP Class UID* below (3006,0012) *RT Referenced Study Sequence* of the source, as
        it stands; the first that is not empty counts.
    """
    return next((value for value in stated if value.strip(b" \0")), DETACHED_STUDY)
