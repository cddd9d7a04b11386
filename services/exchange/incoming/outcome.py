"""The outcome of receiving a delivery, and of each of its sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

State = Literal["taken", "there already", "revised", "waits", "refused", "told", "withdrawn"]
UNFINISHED: Final = frozenset({"waits", "refused"})


class Received(NamedTuple):
    """Outcome of one set of a delivery."""

    folder: str
    """Folder name at the sender."""

    state: State
    anon: str = ""
    """Folder name here."""

    says: tuple[str, ...] = ()


def reported_only(folder: str, anon: str, says: Iterable[str], why: str) -> Received:
    """Return the outcome of a set that remains unchanged here and is only reported."""
    return Received(folder, "told", anon, (*says, why))


@dataclass
class DeliveryOutcome:
    """Outcome of a delivery."""

    id: str
    fingerprint: str
    hospital: str
    sets: list[Received] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    """Remarks about the delivery as a whole."""

    wrong: list[str] = field(default_factory=list)
    """Deviations from the manifest outside the sets."""

    @property
    def good(self) -> bool:
        """Return whether all of it was taken or was already here."""
        return not self.wrong and all(one.state not in UNFINISHED for one in self.sets)
