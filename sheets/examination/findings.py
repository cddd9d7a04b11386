"""The contents of a sheet: what the examination of a published set found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.store.records import Record
    from sheets.examination.one_side import Side
    from sheets.examination.source_diff import Comparison
    from sheets.kept_texts import Travelling
    from sheets.read.beams import Prescription
    from sheets.read.contours import Structure
    from sheets.render.draw import Level


@dataclass
class Findings:
    """The contents of a sheet."""

    published: Record
    after: Side

    before: Side | None
    """None if the source is no longer available or need not be examined again."""

    comparison: Comparison
    prescription: Prescription

    full_gy: float | None
    """The dose of 100 % in Gy; None if the plan states no single dose, or the dose does not belong to the plan."""

    levels: Sequence[Level]
    """The isodoses drawn."""

    target: Structure | None

    changed_files: int
    """Number of files that differ from the record."""

    as_proven: bool
    """Whether the files are those that were proven against the source, according to the record."""

    account: Mapping[str, Any] | None
    """The proof's counts for these files; None if unknown, or if they are to be compared again."""

    fingerprint: str

    travelling: Travelling
    """The texts of the published set, and the patient characteristics it states."""

    written: Counter[str] = field(default_factory=Counter)
    """Elements of the published set, by group of attributes."""

    picture: bytes | None = None
    """Three views; None if the CT cannot be decoded."""

    seen: Sequence[Structure] = ()
    """The structures in these views."""

    hottest: bytes | None = None
    """Three views through the maximum dose; None if the others show it."""

    picture_before: bytes | None = None

    thumbnail: str = ""
    """An axial view, a PNG in Base64."""

    close: list[tuple[str, bytes]] = field(default_factory=list)
    """Images of differences, with captions."""

    @property
    def proven(self) -> bool:
        """Return whether the proof's results are reported instead of a new comparison."""
        return self.account is not None
