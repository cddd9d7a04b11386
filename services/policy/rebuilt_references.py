"""Contents of rebuilt references: a single rule for the code that rebuilds them and for its proof.

A rebuilt reference to an object of the set states that object's SOP class. (3006,0012) *RT Referenced Study Sequence*
refers to a study, which has no class: systems write Detached Study Management or Detached Visit Management (both
retired), the class of the structure set or of the CT, or nothing. The source's value is kept.
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
"""Sequences created anew, without other contents of their source items. PS3.3 C.8.8.5, C.8.8.6."""

PLANAR: Final = frozenset((b"CLOSED_PLANAR", b"OPEN_PLANAR", b"CLOSEDPLANAR_XOR", b""))
"""(3006,0042) *Contour Geometric Type* of contours on a slice; points and space curves are excluded."""


def study_class(stated: Iterable[bytes]) -> bytes:
    """Return the class of the study in a rebuilt list of images.

    Parameters
    ----------
    stated
        Each (0008,1150) *Referenced SOP Class UID* below (3006,0012) *RT Referenced Study Sequence* of the source,
        unmodified; the first non-empty one is used.
    """
    return next((value for value in stated if value.strip(b" \0")), DETACHED_STUDY)
