"""Account of a proven set: counts of the output's contents, taken while it is read, for later reports.

A completed proof has found every kept number equal to the source's, and explained every element. The counts are
therefore a statement of equality; they apply only to files with these hashes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from services.dicom import dictionary
from services.proof.compare_elements import rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile
    from services.policy.table import Policy
    from services.proof.compare_elements import Rules

_SIZES: Final = {
    **dict.fromkeys((b"DS", b"IS"), 0),
    **dict.fromkeys((b"SS", b"US"), 2),
    **dict.fromkeys((b"FL", b"SL", b"UL"), 4),
    **dict.fromkeys((b"FD", b"SV", b"UV"), 8),
}
"""Bytes per number, by VR; 0 for numbers written as text. PS3.5 6.2."""

_PRIVATE: Final = 0x00010000
_PIXELS: Final = 0x7FE00010
_NOTHING: Final[frozenset[int]] = frozenset()
_METHOD_CODES: Final = dictionary.tag("DeidentificationMethodCodeSequence")
"""Counts as one element, since it was added as one."""


class Account:
    """Counts elements by group, and numbers equal to the source's by kind of object, except voxels."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tags: list[int] = []
        self._numbers: Counter[str] = Counter()
        self._inner: dict[tuple[Rules, int], Rules] = {}

    def add(self, kind: str, file: DicomFile) -> None:
        """Count the contents of an output file, including items of sequences."""
        data, tags, known, count = file.data, self._tags, self._inner, 0
        if file.pixels is not None:
            tags.append(_PIXELS)
        waiting: list[tuple[Sequence[Element], Rules, bool]] = [(file.elements, rules_of(self._policy), True)]
        while waiting:  # no call per item: a structure set has thousands
            elements, rules, kept = waiting.pop()
            keeps = rules.kept if kept else _NOTHING
            for tag, vr, _, value, end, items in elements:
                if items is not None and tag != _METHOD_CODES:
                    inner, stays = known.get((rules, tag)) or self._below(rules, tag), tag in keeps
                    for item in items:
                        waiting.append((item[3], inner, stays))  # noqa: PERF401 - a comprehension is a call
                    continue
                tags.append(tag)
                size = _SIZES.get(vr if vr != b"UN" else dictionary.vr(tag))
                if size is not None and value < end and tag in keeps and not tag & _PRIVATE:
                    count += (end - value) // size if size else data.count(b"\\", value, end) + 1
        self._numbers[kind] += count

    def _below(self, rules: Rules, sequence: int) -> Rules:
        found = self._inner[rules, sequence] = rules_of(self._policy, rules.below(sequence))
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the account as stored at publication: elements by group in hexadecimal, numbers by kind of object."""
        groups: Counter[int] = Counter()
        for tag, count in Counter(self._tags).items():
            groups[tag >> 16] += count
        return {
            "elements": {f"{group:04x}": count for group, count in sorted(groups.items())},
            "numbers": {kind: {"equal": count, "different": 0} for kind, count in sorted(self._numbers.items())},
        }
