"""An object before and after anonymization, attribute by attribute, for inspection by a person.

It shows original values, so it is for people who may see the originals, and is never stored. It makes no judgement;
that is what `services.proof.prove` does.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest
from struct import calcsize, iter_unpack
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import character_sets, dictionary
from services.dicom.dataset import View, root_view
from services.language import counted
from services.rtset import folder_listing, reader
from services.verdict.selection.set_aside import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from services.policy.table import Action, Policy
    from services.rtset.reader import SetFile
    from services.verdict.selection.complete_sets import Choose

KEPT: Final = "kept"
ADDED: Final = "added"

_NUMBERS: Final = {b"US": "<H", b"SS": "<h", b"UL": "<L", b"SL": "<l", b"FL": "<f", b"FD": "<d", b"AT": "<HH"}
_OPAQUE: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SV", b"UN", b"UV"))
_LONGEST: Final = 44
"""Characters shown of a value."""


class Line(NamedTuple):
    """Change of one attribute, over all its occurrences below the same sequences."""

    path: str
    """`BeamSequence > BeamName`."""

    action: str
    """`kept`, `added`, or the value of the policy's `Action`."""

    before: str
    after: str
    """New value of the first occurrence."""

    times: int
    """Number of occurrences."""


def compare(
    source: Path, anon: Path, policy: Policy, choose: Choose = lambda found: set_aside(found).objects
) -> Mapping[str, Sequence[Line]]:
    """Compare the objects of a set, and one slice of its CT, with their anonymized versions.

    Parameters
    ----------
    source, anon
        The dropped and the published folder.
    policy
        The collection's policy.
    choose
        Selects the set's objects from those in the source folder.

    Raises
    ------
    SetRefused, SetChanged, OSError
        As `rtset.read`.
    """
    before = choose(reader.read(source, folder_listing.take(source)).objects)
    after = set_aside(reader.read(anon, folder_listing.take(anon)).objects).objects
    return {
        kind: _lines(old, new, policy)
        for kind in before
        for old, new in [_pair(before[kind], after[kind])]
        if old and new
    }


def as_markdown(lines: Sequence[Line]) -> str:
    """Return the changes as a Markdown table, followed by what was kept."""
    changed = [line for line in lines if line.action != KEPT]
    kept = ", ".join(line.path for line in lines if line.action == KEPT)
    rows = [("Attribute", "What became of it", "Before", "After"), ("---",) * 4]
    rows += [(_times(line), line.action, _cell(line.before), _cell(line.after)) for line in changed]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", f"Kept as it was: {kept}."])


def _times(line: Line) -> str:
    return f"{line.path} ({line.times} times)" if line.times > 1 else line.path


def _cell(value: str) -> str:
    return f"`{value.replace('|', '¦')}`" if value else ""


def _pair(before: Sequence[SetFile], after: Sequence[SetFile]) -> tuple[SetFile | None, SetFile | None]:
    """Return an object and its anonymized version: those at the same position in the patient."""
    made = {_place(file): file for file in after}
    return next(((file, made[_place(file)]) for file in before if _place(file) in made), (None, None))


def _place(file: SetFile) -> tuple[bytes | None, ...]:
    return tuple(file.view.raw(keyword) for keyword in ("ImagePositionPatient", "InstanceNumber"))


def _lines(old: SetFile, new: SetFile, policy: Policy) -> Sequence[Line]:
    found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    _Comparison(policy, found).walk(root_view(old.file), root_view(new.file), (), None)
    if old.file.pixels and new.file.pixels:
        found["PixelData", KEPT].append(("", ""))
    return [Line(path, action, *shown[0], len(shown)) for (path, action), shown in found.items()]


class _Comparison:
    """Walks through two data sets in parallel."""

    def __init__(self, policy: Policy, found: defaultdict[tuple[str, str], list[tuple[str, str]]]) -> None:
        self._policy = policy
        self._found = found

    def walk(self, old: View, new: View, path: tuple[int, ...], outer: Action | None) -> None:
        """Add every attribute of two data sets.

        `outer` is the action on the surrounding sequence, if it was removed.
        """
        olds, news = ({element[0]: element for element in view.elements} for view in (old, new))
        for tag in sorted(olds.keys() | news.keys()):
            action = outer or self._policy.decision(tag, path).action
            before, after = olds.get(tag), news.get(tag)
            items = [each[5] for each in (before, after) if each and each[5]]
            if items:
                gone = action if not (after and after[5]) else None
                for one, other in zip_longest(old.items_at(tag), new.items_at(tag), fillvalue=_NOTHING):
                    self.walk(one, other, (*path, tag), gone)
            else:
                self._note((*path, tag), action, _shown(old, tag), _shown(new, tag))

    def _note(self, path: tuple[int, ...], action: Action, before: str | None, after: str | None) -> None:
        became = KEPT if before == after else ADDED if before is None else action.value
        named = " > ".join(map(dictionary.name, path))
        self._found[named, became].append((before or "", after or ""))


_NOTHING: Final = View(b"", (), ())


def _shown(view: View, tag: int) -> str | None:
    """Return a value in readable form; None if it has no value or does not exist."""
    element = next((element for element in view.elements if element[0] == tag), None)
    if element is None:
        return None
    value, vr = view.data[element[3] : element[4]], element[1]
    if vr == b"SQ":
        return "no item"
    if vr in _OPAQUE:
        return counted(len(value), "byte")
    if vr in _NUMBERS:
        return _cut("\\".join(_numbers(value, _NUMBERS[vr])))
    return _cut(character_sets.decode(value, vr, view.charsets).strip(" \0"))


def _numbers(value: bytes, layout: str) -> Iterable[str]:
    whole = len(value) - len(value) % calcsize(layout)
    for numbers in iter_unpack(layout, value[:whole]):
        yield f"{numbers[0]:g}" if len(numbers) == 1 else "({:04X},{:04X})".format(*numbers)


def _cut(value: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in value)
    return printable if len(printable) <= _LONGEST else f"{printable[:_LONGEST]}…"
