"""Numerical comparison of source and published set, by a reader that neither wrote nor proved them.

Images and doses are defined by numbers: coordinates, leaf positions, monitor units, voxels. Each number that the policy
keeps must be unchanged, at every depth. Differences are counted, measured, and reported with their location.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_description, keyword_for_tag, tag_for_keyword

from services.language import counted
from services.policy.table import Action
from sheets.read.engine_data import EngineData, count_numbers
from sheets.read.numbers import BINARY, TEXT, numbers, stored, vr, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from pydicom.tag import BaseTag

    from services.policy.table import Policy
    from sheets.read.numbers import Data, Floats

CT: Final = "CT"
CONTOURS: Final = "contours"
DOSE: Final = "dose"
BEAMS: Final = "plan"
PARTS: Final = {CT: "HU", CONTOURS: "mm", DOSE: "Gy", BEAMS: ""}
"""The parts compared, and the unit in which their differences are reported."""

MOST_TOLD: Final = 12
"""Maximum number of differences reported individually."""

_SIZES: Final = {kind.encode(): 0 for kind in TEXT} | {kind.encode(): int(size[1]) for kind, size in BINARY.items()}
"""Bytes per number by VR; 0 for numbers stored as text."""

_FLUENCE: Final = "PrimaryFluenceModeSequence"
_PRIVATE: Final = 0x00010000
_CODES: Final = "CS"
_CHARACTER_SET: Final = "SpecificCharacterSet"
"""The character set, which is added where it was missing; texts are checked by the proof."""


class Difference(NamedTuple):
    """One place in which the published set differs from its source."""

    part: str

    says: str
    """Location and size; names are those of the published set."""

    size: float

    at: Floats | None = None
    """Position in patient coordinates in mm, for drawing it."""


@dataclass(slots=True)
class Compared:
    """Result for one part."""

    numbers: int = 0
    differing: int = 0
    largest: float = 0.0
    """Largest difference of the numbers in the unit of their part: voxels, coordinates."""
    places: list[Difference] = field(default_factory=list)

    def add(self, differing: int, difference: Difference) -> None:
        """Record that this many numbers differ at one place."""
        self.differing += differing
        self.places.append(difference)
        if difference.at is not None:
            self.largest = max(self.largest, difference.size)


class Comparison:
    """Comparison of two sets.

    Parameters
    ----------
    policy
        Determines which numbers must be equal.
    """

    def __init__(self, policy: Policy) -> None:
        self.parts: dict[str, Compared] = {part: Compared() for part in PARTS}
        self._policy = policy
        self._kept: dict[tuple[int, tuple[int, ...]], bool] = {}

    @property
    def equal(self) -> bool:
        """Return whether there is no difference."""
        return not any(found.differing for found in self.parts.values())

    @property
    def differences(self) -> list[Difference]:
        """Return all differences, the largest of each part first."""
        return [
            one
            for found in self.parts.values()
            for one in sorted(found.places, key=lambda place: place.size, reverse=True)
        ]

    def count(self, part: str, after: Data, voxels: int = 0) -> None:
        """Count the voxels of a data set and its numbers that must equal those of the source."""
        if isinstance(after, EngineData):
            view = after.view
            counted = count_numbers(view.data, view.elements, _SIZES, self._keeps)
        else:
            counted = self._counted(after, ())
        self.parts[part].numbers += counted + voxels

    def headers(self, part: str, before: Data, after: Data, called: str = "") -> None:
        """Compare every number of two pydicom data sets except their pixels.

        Parameters
        ----------
        called
            Prefix of the reported locations: `slice 7`.
        """
        assert isinstance(before, Dataset)
        assert isinstance(after, Dataset)
        self.count(part, after)
        found = self.parts[part]
        for path, tag, old, new in self._pairs(before, after, ()):
            here, there = numbers(old, tag), numbers(new, tag)
            where = _words(after, path, tag, called)
            if len(here) == 0 and len(there) == 0:
                found.add(1, Difference(part, f"{where} differs", 0.0))
            elif len(here) != len(there):
                says = f"{where}: {counted(len(there), 'number')} instead of {len(here)}"
                found.add(abs(len(here) - len(there)), Difference(part, says, 0.0))
            elif not np.array_equal(here, there):  # otherwise only the notation differs
                found.add(int((here != there).sum()), _difference(part, where, keyword_for_tag(tag), here, there))

    def voxels(
        self,
        part: str,
        old: NDArray[np.generic],
        new: NDArray[np.generic],
        called: str,
        position: Callable[[tuple[int, ...]], Floats],
        scale: float = 1.0,
    ) -> None:
        """Compare voxels.

        Parameters
        ----------
        scale
            Factor from stored values to the unit of their part.
        called
            Name of the image: `slice 7`.
        position
            Returns the position of a voxel in patient coordinates, in mm.
        """
        found = self.parts[part]
        found.numbers += new.size
        if old.shape != new.shape:
            found.add(new.size, Difference(part, f"{called} has a different size", 0.0))
        elif not np.array_equal(old, new):
            off = np.abs(old.astype(float) - new.astype(float)) * scale
            place = np.unravel_index(int(off.argmax()), off.shape)
            count, size = int((off > 0).sum()), float(off.max())
            says = "voxel differs" if count == 1 else "voxels differ"
            at = position(tuple(int(index) for index in place))
            found.add(
                count, Difference(part, f"{called}: {count:,} {says}, by up to {size:.4g} {PARTS[part]}", size, at)
            )

    def _pairs(
        self, before: Dataset, after: Dataset, path: tuple[tuple[BaseTag, int], ...]
    ) -> Iterator[tuple[tuple[tuple[BaseTag, int], ...], BaseTag, Dataset, Dataset]]:
        """Yield each number or code whose bytes differ, with its location."""
        sequences = tuple(tag for tag, _ in path)
        for tag in sorted(before.keys() | after.keys()):
            if not self._keeps(tag, sequences):
                continue
            kind = vr(after if tag in after else before, tag)
            if kind == "SQ":
                if keyword_for_tag(tag) == _FLUENCE and tag not in before:
                    continue  # moved here from an equivalent private element
                items = [(one[tag].value or []) if tag in one else [] for one in (before, after)]
                for number, (old, new) in enumerate(zip_longest(*items, fillvalue=Dataset())):
                    yield from self._pairs(old, new, (*path, (tag, number)))
            elif keyword_for_tag(tag) != _CHARACTER_SET and _is_compared(kind) and not _same(before, after, tag):
                yield path, tag, before, after

    def _counted(self, data: Dataset, sequences: tuple[BaseTag, ...]) -> int:
        """Return the number of numbers compared."""
        count = 0
        for tag in data.keys():  # noqa: SIM118 - a data set iterates over elements that it decodes first
            if not self._keeps(tag, sequences):
                continue
            kind = vr(data, tag)
            if kind == "SQ":
                count += sum(self._counted(item, (*sequences, tag)) for item in data[tag].value or ())
            elif kind in TEXT:
                raw = stored(data, tag)
                count += (raw.count(b"\\") + 1 if raw else 0) if raw is not None else len(numbers(data, tag))
            elif kind in BINARY:
                count += len(numbers(data, tag))
        return count

    def _keeps(self, tag: int, sequences: tuple[int, ...]) -> bool:
        key = (tag, sequences)
        if key not in self._kept:
            self._kept[key] = not tag & _PRIVATE and self._policy.decision(tag, sequences).action is Action.KEEP
        return self._kept[key]


def _is_compared(kind: str) -> bool:
    return kind in TEXT or kind in BINARY or kind == _CODES


def _same(before: Dataset, after: Dataset, tag: BaseTag) -> bool:
    """Return whether an element is byte-identical on both sides; an empty one equals an absent one."""
    old, new = (stored(one, tag) if tag in one else b"" for one in (before, after))
    if old is None or new is None:
        here, there = (one[tag].value if tag in one else None for one in (before, after))
        return bool(here == there)
    return old.strip(b" \0") == new.strip(b" \0") if vr(after, tag) not in BINARY else old == new


def _difference(part: str, where: str, keyword: str, here: Floats, there: Floats) -> Difference:
    """Return the difference between two sequences of numbers."""
    different = np.flatnonzero(here != there)
    first = int(different[0])
    if keyword == "ContourData" and len(here) % 3 == 0:
        shift = np.linalg.norm((there - here).reshape(-1, 3), axis=1)
        moved, point = int((shift > 0).sum()), int(shift.argmax())
        says = f"{where}: {moved} of {len(shift)} points differ, by up to "
        return Difference(part, f"{says}{shift[point]:.3g} mm", float(shift[point]), there[3 * point : 3 * point + 3])
    size = float(np.abs(there - here).max())
    if keyword == "LeafJawPositions" and len(here) > 2:
        pairs = len(here) // 2
        where = f"{where}, leaf {first % pairs + 1} of bank {'AB'[first // pairs]}"
    elif len(here) > 1:
        where = f"{where}, value {first + 1} of {len(here)}"
    more = f", and {len(different) - 1} more" if len(different) > 1 else ""
    return Difference(part, f"{where}: {there[first]:g} instead of {here[first]:g}{more}", size)


def _words(data: Dataset, path: tuple[tuple[BaseTag, int], ...], tag: BaseTag, called: str) -> str:
    """Return a readable location: `PTV, contour 12`; items are numbered from 1."""
    words = [called] if called else []
    here: Dataset | None = data
    for sequence, number in path:
        items = here[sequence].value if here is not None and sequence in here else []
        here = items[number] if number < len(items) else None
        words.append(_word(data, sequence, number, here))
    if keyword_for_tag(tag) not in {"ContourData", "LeafJawPositions"}:
        words.append(dictionary_description(tag))
    return ", ".join(words)


def _word(data: Dataset, sequence: BaseTag, number: int, item: Dataset | None) -> str:
    keyword = keyword_for_tag(sequence)
    if item is not None:
        if keyword == "ROIContourSequence":
            return roi_name(data, whole(item, "ReferencedROINumber"))
        if keyword in {"BeamSequence", "IonBeamSequence"}:
            return f"beam {item.get('BeamNumber', number + 1)}"
        if kind := str(item.get("RTBeamLimitingDeviceType", "")):
            return kind
    called = {"ContourSequence": "contour", "ControlPointSequence": "control point"}.get(keyword)
    return f"{called or dictionary_description(tag_for_keyword(keyword) or 0).removesuffix(' Sequence')} {number + 1}"


def roi_name(structure_set: Dataset, number: int | None) -> str:
    """Return the name of a structure by its ROI number."""
    names = (
        str(roi.get("ROIName", ""))
        for roi in structure_set.get("StructureSetROISequence") or ()
        if number is not None and whole(roi, "ROINumber") == number
    )
    return next(names, "an unnumbered structure" if number is None else f"structure {number}")
