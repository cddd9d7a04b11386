"""Sets that were de-identified before, by another program or by this one.

A published folder copied under another name is not a new patient; deliveries from another centre are received
separately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.language import gettext, named, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.rtset.reader import SetFile

_OURS: Final = "rt-set-anonymizer "
"""Prefix of this program's (0012,0063) *De-identification Method*."""


def by_us(files: Sequence[SetFile]) -> Iterator[Fault]:
    """Yield faults of objects written by this program."""
    ours = [one for one in files if any(text.startswith(_OURS) for text in one.view.texts("DeidentificationMethod"))]
    if ours:
        yield Fault(
            "already-ours",
            ngettext(
                "{count} object was anonymized by this program before ({names}).",
                "{count} objects were anonymized by this program before ({names}).",
                len(ours),
                names=named(one.path for one in ours),
            ),
            gettext(
                "Take the folder out of the collection: it is a copy of a published set, not an export of a patient."
            ),
        )


def by_others(files: Sequence[SetFile]) -> Iterator[str]:
    """Yield notes on objects that state de-identification. PS3.3 C.7.1.1, (0012,0062)."""
    stated = sum(one.view.text("PatientIdentityRemoved").upper() == "YES" for one in files)
    if stated:
        yield gettext(
            "{count} of {total} objects state that the patient's identity was removed before.",
            count=stated,
            total=len(files),
        )
