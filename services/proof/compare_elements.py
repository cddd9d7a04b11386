"""Comparison of source and output, element by element: what is equal, what differs, and which decision allows it.

Properties of a single pair of elements are checked at once (a kept element is equal, an emptied one empty, a dropped
one gone). Data for properties of the whole set (a one-to-one UID mapping; one shift for all dates; consistently cleaned
names) is collected (`services.proof.evidence`) for `services.proof.values`.

Nothing here computes new values. Both sides are read with the common parser, and the policy is asked what should have
been done.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from services.dicom import character_sets
from services.dicom.dictionary import tag
from services.policy.attribute_types import TABLE, demanded
from services.policy.rebuilt_references import REBUILT_WHOLE
from services.policy.table import ADDITIONS, PUBLIC_SCHEMES, Action
from services.policy.text_roles import TECHNICAL_ROLES
from services.proof.account import SIZES, Account, numbers_in
from services.proof.evidence import METHOD, PATIENT, Change, Found, Path, Place, Reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.elements import Element, Item
    from services.dicom.part10 import DicomFile
    from services.policy.table import Decision, Policy


class MachineIdentity(Protocol):
    """Machine to which a set's beams were moved, such as a `services.machines.descriptor.Machine`."""

    @property
    def name(self) -> str:
        """(300A,00B2) *Treatment Machine Name*."""

    @property
    def manufacturer(self) -> str:
        """(0008,0070) *Manufacturer* of the beam."""

    @property
    def model(self) -> str:
        """(0008,1090) *Manufacturer's Model Name* of the beam."""


class Naming(Protocol):
    """Decisions of a person on structure names."""

    def target(self, name: str, /) -> str | None:
        """Return the confirmed target of a name."""

    @property
    def names(self) -> frozenset[str]:
        """All confirmed targets."""


class Promised(Protocol):
    """The promises about a set that the comparison needs."""

    @property
    def policy(self) -> Policy:
        """Prescribed action on each attribute."""

    @property
    def patient_id(self) -> str:
        """The new Patient ID."""

    @property
    def patient_name(self) -> str:
        """The new name."""

    @property
    def machine(self) -> MachineIdentity | None:
        """None if each plan keeps its own."""

    @property
    def scanner(self) -> str:
        """Empty if it is not replaced."""

    @property
    def relinked(self) -> bool:
        """Return whether references were rebuilt."""

    @property
    def birth_date(self) -> str | None:
        """Made-up birth date of a linked set's person; None if the set has its own."""

    @property
    def study_ids(self) -> Mapping[str, str]:
        """Study ID by new Study Instance UID, if sets of a person are linked; otherwise empty."""


_STUDY: Final = tag("StudyInstanceUID")
_STUDY_ID: Final = tag("StudyID")
_STATED: Final = (*PATIENT, *METHOD)

MAKERS: Final = frozenset(map(tag, ("Manufacturer", "ManufacturerModelName")))
PRODUCT: Final = MAKERS | frozenset(
    map(
        tag,
        (
            *("SoftwareVersions", "ManufacturerModelVersion", "ConvolutionKernel", "FilterType", "RescaleType"),
            *("AlgorithmName", "AlgorithmVersion", "AlgorithmSource", "TimezoneOffsetFromUTC"),
            *("SourceIsotopeName", "SourceModelID", "ApplicationSetupManufacturer", "SourceApplicatorManufacturer"),
            *("CodeMeaning", "CodingSchemeDesignator", "CodingSchemeVersion", "CodingSchemeRegistry"),
            *("MappingResourceName", "CodingSchemeURL"),
        ),
    )
)
"""Attributes written by manufacturers and authors of code tables, who do not know the patient.

A patient may share a name with one of their words: Siemens, Aria, Standard.
"""
TECHNICAL: Final = PRODUCT | frozenset(
    map(
        tag,
        (
            "CodeValue",
            "LongCodeValue",
            "URNCodeValue",
            "ApplicatorID",
            "WedgeID",
            "MaterialID",
            "AccessoryCode",
            "FluenceModeID",
        ),
    )
)
"""Those, and attributes configured by a clinic: short numbers in them are versions, not IDs."""

_LONGEST_NUMBER: Final = 18
"""Maximum characters of a number to be examined; patient IDs are shorter."""

_ALSO_NUMBERS: Final = frozenset((b"DS", b"IS", b"TM", b"DA", b"DT", b"UI"))
_NOT_TEXT: Final = frozenset(
    b"AT FD FL OD OF OL OV OW SL SQ SS SV UL US UV".split(),
)
_NUMBER_BYTES: Final = b"0123456789+-.eE: \0"
"""Characters of numbers, times and UIDs, except the backslash between values. A value with any other is text."""

_PRIVATE: Final = 0x00010000
"""Bit set in tags of odd groups."""
_TELLING: Final = frozenset((b"PN", b"UI"))
"""VRs whose values identify in any attribute."""
_DECIMAL: Final = frozenset((b"DS", b"IS"))

_TAG_OF: Final = itemgetter(0)
_SHORT: Final = 512
"""Bytes up to which a sequence is likely to be repeated in an object, such as the image of a contour."""

_CHARSET: Final = tag("SpecificCharacterSet")
_SCHEME: Final = tag("CodingSchemeDesignator")
_MEANING: Final = tag("CodeMeaning")
_FLUENCE: Final = tag("PrimaryFluenceModeSequence")
_FLUENCE_MODE: Final = tag("FluenceMode")
_FLUENCE_MODE_ID: Final = tag("FluenceModeID")
_PATIENT_AGE: Final = tag("PatientAge")
_REFERENCED_CLASS: Final = tag("ReferencedSOPClassUID")
_OFFSET_TABLES: Final = frozenset(map(tag, ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")))
_METHOD_CODES: Final = tag("DeidentificationMethodCodeSequence")
_BEAMS: Final = frozenset(map(tag, ("BeamSequence", "IonBeamSequence")))
_VARIAN_FLUENCE: Final = 0x3285
_OUTPUT_CHARSETS: Final = frozenset((b"ISO_IR 100", b"ISO_IR 192"))

_LINK_UIDS: Final = frozenset(map(tag, ("StudyInstanceUID", "FrameOfReferenceUID", "ReferencedFrameOfReferenceUID")))
_LINK_SEQUENCES: Final = frozenset(
    map(
        tag,
        (
            "ReferencedFrameOfReferenceSequence",
            "RTReferencedStudySequence",
            "RTReferencedSeriesSequence",
            "ReferencedRTPlanSequence",
            "ReferencedStructureSetSequence",
            "ContourImageSequence",
        ),
    )
)
"""Sequences that rebuilding the links of a set may change or insert."""


class Rules:
    """Decisions that apply below some sequences, with one lookup per tag."""

    def __init__(self, policy: Policy, below: Path) -> None:
        self._policy = policy
        self._below = below
        decisions = dict(policy.compiled)
        for sequence in below:
            decisions.update(policy.within[sequence])
        self.kept: Final = frozenset(each for each, found in decisions.items() if found.action is Action.KEEP)
        self.mapped: Final = frozenset(each for each, found in decisions.items() if found.action is Action.UID)
        self.retained: Final = frozenset(each for each in self.kept if decisions[each].row.identifies)
        self.identifying: Final = {
            each: found.row.identifies
            for each, found in decisions.items()
            if found.row.identifies and each not in self.kept
        }
        #: dropped, without anything else to record
        self.unnoticed: Final = (
            frozenset(each for each, found in decisions.items() if found.action is Action.DROP)
            - self.identifying.keys()
            - policy.contested
            - {attribute for _, _, attribute in TABLE}
        )

    def decision(self, tag: int) -> Decision:
        """Return the decision on an attribute."""
        return self._policy.decision(tag, self._below)

    def below(self, sequence: int) -> Path:
        """Return the path of sequences with their own decisions, including this one; the innermost applies."""
        if sequence not in self._policy.within:
            return self._below
        return (*(each for each in self._below if each != sequence), sequence)


@cache
def rules_of(policy: Policy, below: Path = ()) -> Rules:
    """Return the rules below some sequences, cached per policy."""
    return Rules(policy, below)


class Level:
    """A location in one kind of object: its decisions, and what was seen of its elements."""

    def __init__(self, policy: Policy, kind: str, path: Path, rules: Rules) -> None:
        self._policy = policy
        self.kind: Final = kind
        self.path: Final = path
        self.rules: Final = rules
        self.changed: Final[dict[tuple[int, str], int]] = {}
        """Counts by tag and action, available when all objects have been compared."""
        self.stayed: Final[set[tuple[int, bytes, int]]] = set()
        """Kept texts already recorded: tag, value, context."""
        self.judged: Final[dict[tuple[int, bytes, bytes, int], _Judged]] = {}
        """Short sequences found correct: tag, both values, context."""
        self.inner: Final[dict[int, Level]] = {}

    def inside(self, sequence: int) -> Level:
        """Return the level of a sequence's items."""
        found = self.inner.get(sequence)
        if found is None:
            rules = rules_of(self._policy, self.rules.below(sequence))
            found = self.inner[sequence] = Level(self._policy, self.kind, (*self.path, sequence), rules)
        return found

    @property
    def sequence(self) -> int:
        """Tag of the innermost enclosing sequence; 0 at the root."""
        return self.path[-1] if self.path else 0

    def changes(self) -> Iterator[tuple[Place, str, int]]:
        """Yield changes at this and nested levels, by location and action, with counts."""
        for (attribute, action), count in sorted(self.changed.items()):
            yield Place(self.kind, self.path, attribute), action, count
        for level in self.inner.values():
            yield from level.changes()


_Note: TypeAlias = "tuple[Level, int, str]"
"""A changed element: level, tag, action."""
_Pair: TypeAlias = tuple[bytes, bytes, int]
"""Bytes of both sides, and their context."""


class _Judged(NamedTuple):
    """Counts of a pair that was found correct, to be added again when the same bytes recur."""

    equal: int
    """Equal elements."""
    numbers: int
    """Numbers in them."""
    tags: Sequence[int]
    """Tags of the output."""
    notes: Sequence[_Note]


class _Stretches:
    """Divides the elements of slices into those that vary between slices and the stretches between them.

    Stretches that do not vary are checked once, and afterwards recognized by their bytes.
    """

    def __init__(self) -> None:
        self.last: Final[dict[int, tuple[_Pair, _Judged]]] = {}
        """The last correct pair of each stretch, by the index of its first element."""
        self._cuts: list[int] = []
        self._seen: Final[dict[int, bytes]] = {}
        self._known: Final[dict[tuple[tuple[int, ...], ...], list[tuple[slice, slice]]]] = {}

    def of(self, old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[slice, slice]]:
        """Return the stretches of both sides, given their tags."""
        found = self._known.get((old, new))
        if found is None:
            ends = [(bisect_left(old, cut), bisect_left(new, cut)) for cut in self._cuts]
            bounds = pairwise([(0, 0), *ends, (len(old), len(new))])
            found = [(slice(a, b), slice(c, d)) for (a, c), (b, d) in bounds if (a, c) != (b, d)]
            self._known[old, new] = found
        return found

    def learn(self, data: bytes, elements: Sequence[Element]) -> None:
        """Divide a stretch at the elements that differ from those of the first slice."""
        varying = {
            tag
            for tag, _, start, _, end, _ in elements
            if self._seen.setdefault(tag, data[start:end]) != data[start:end]
        }
        cuts = sorted({*self._cuts, *varying, *(tag + 1 for tag in varying)})
        if cuts != self._cuts:
            self._cuts = cuts
            self._known.clear()


class Walk:
    """Compares the objects of a set, one pair at a time."""

    def __init__(self, policy: Policy, promised: Promised, reasons: Reasons) -> None:
        self.found: Final = Found()
        self.account: Final = Account()
        self._policy = policy
        self._levels: dict[str, Level] = {}
        self._promised = promised
        self._reasons = reasons
        self._contested = policy.contested
        self._items: list[int] = []
        """Current item of each enclosing sequence."""
        self._old = self._new = b""
        self._old_charsets: tuple[str, ...] = ()
        self._new_charsets: tuple[str, ...] = ()
        self._texts: set[bytes] = set()
        self._encoding: tuple[bool, ...] = ()
        self._recoded = False
        self._context = 0
        """Identifies encoding and character sets of both sides; in one context equal bytes mean the same."""
        self._contexts: dict[tuple[object, ...], int] = {}
        self._stretches = _Stretches()
        self._ordered: set[tuple[int, ...]] = set()
        """Tags of data sets known to be in ascending order."""
        self._notes: list[_Note] = []
        self._tags = self.account.tags
        self._numbers = 0

    def compare(self, kind: str, old: DicomFile, new: DicomFile) -> None:
        """Compare a source object with its output, except for the pixels."""
        self._old, self._new = old.data, new.data
        self._recoded = old.implicit != new.implicit or old.recoded or old.memory is not None
        self._encoding = old.implicit, new.implicit, self._recoded
        self._enter((), ())
        root = self._levels.get(kind) or Level(self._policy, kind, (), rules_of(self._policy))
        self._levels[kind] = root
        self._numbers = 0
        self._data_set(old.elements, new.elements, root)
        self.account.add(kind, self._numbers, new)
        self._statement({element[0]: element for element in new.elements}, root)

    def changes(self) -> list[tuple[Place, str, int]]:
        """Return changes by location and action, with counts."""
        for (level, attribute, action), count in Counter(self._notes).items():
            level.changed[attribute, action] = count
        return [change for root in self._levels.values() for change in root.changes()]

    def _statement(self, root: Mapping[int, Element], here: Level) -> None:
        """Record the output's statements about the patient and the de-identification."""
        for each in ADDITIONS:
            if each not in root and each != _PATIENT_AGE:
                self._fail("identity", "is not stated", here, each)
        values = {each: self._new[root[each][3] : root[each][4]].strip(b" \0") for each in _STATED if each in root}
        self._study_id(root, values, here)
        self.found.statements.add(tuple(values.get(each) for each in PATIENT))
        self.found.methods.add(tuple((each, values.get(each, b"")) for each in METHOD))
        codes = root.get(_METHOD_CODES)
        self.found.method_codes.add(tuple(self._codes(codes[5] or [])) if codes else ())

    def _study_id(self, root: Mapping[int, Element], values: dict[int, bytes], here: Level) -> None:
        """Check the Study ID of an object of a linked set against its study; two studies of a set may have two."""
        if promised := self._promised.study_ids:
            study = root.get(_STUDY)
            uid = self._new[study[3] : study[4]].strip(b" \0").decode("latin-1") if study else ""
            if values.pop(_STUDY_ID, b"") != promised.get(uid, "1").encode():
                self._fail("identity", "is not the number of the study", here, _STUDY_ID)

    # Walking ----------------------------------------------------------------------------------------------------------

    def _data_set(self, old: Sequence[Element], new: Sequence[Element], here: Level) -> None:
        """Compare two data sets, both with elements in tag order, some removed or inserted."""
        tags = tuple(map(_TAG_OF, new))
        self._tags += tags
        if tags not in self._ordered:
            if all(map(lt, tags, tags[1:])):  # PS3.5 7.1; the reader should have raised, but is not relied on
                self._ordered.add(tags)
            else:
                self._fail("elements", "occurs twice or out of order", here, next(_disordered(tags)))
        if (old and old[0][0] <= _CHARSET) or (new and new[0][0] <= _CHARSET):
            around = self._old_charsets, self._new_charsets
            self._enter(_charsets(old, self._old, self._old_charsets), _charsets(new, self._new, self._new_charsets))
            if here.kind == "CT" and not here.path:
                self._slice(old, new, tags, here)
            else:
                self._elements(old, new, old, here)
            self._enter(*around)
        else:
            self._elements(old, new, old, here)

    def _slice(self, old: Sequence[Element], new: Sequence[Element], tags: tuple[int, ...], here: Level) -> None:
        """Compare two slices by stretches, most of which are the same as in the previous slice."""
        olds, news, stretches = self._old, self._new, self._stretches
        old_tags = tuple(map(_TAG_OF, old))
        if _MEANING in old_tags:  # is checked against its neighbours
            self._elements(old, new, old, here)
            return
        for before, after in stretches.of(old_tags, tags):
            one, other = old[before], new[after]
            pair = (
                olds[one[0][2] : one[-1][4]] if one else b"",
                news[other[0][2] : other[-1][4]] if other else b"",
                self._context,
            )
            last = stretches.last.get(before.start)
            if last is not None and last[0] == pair:
                self._count(last[1])
                continue
            mark = self._mark()
            self._elements(one, other, old, here)
            if judged := self._judged_since(mark):
                stretches.last[before.start] = pair, judged
            if len(one) > 1:
                stretches.learn(olds, one)

    def _mark(self) -> tuple[int, int, int, int, int]:
        return self._reasons.count, self.found.equal, self._numbers, len(self._tags), len(self._notes)

    def _judged_since(self, mark: tuple[int, int, int, int, int]) -> _Judged | None:
        """Return the counts since `mark`, or None if anything was wrong."""
        reasons, equal, numbers, tags, notes = mark
        if self._reasons.count > reasons:
            return None
        return _Judged(self.found.equal - equal, self._numbers - numbers, self._tags[tags:], self._notes[notes:])

    def _count(self, judged: _Judged) -> None:
        """Add the counts of a pair checked earlier."""
        self.found.equal += judged.equal
        self._numbers += judged.numbers
        self._tags += judged.tags
        self._notes += judged.notes

    def _elements(
        self, old: Sequence[Element], new: Sequence[Element], siblings: Sequence[Element], here: Level
    ) -> None:
        """Pair the elements of two data sets, and check those that need no decision.

        This is the inner loop of the proof: an unchanged element costs lookups but no call.
        """
        olds, news, rules = self._old, self._new, here.rules
        kept, mapped, unnoticed, stayed = rules.kept, rules.mapped, rules.unnoticed, here.stayed
        context, numbers, binary, notes = self._context, self.found.numbers, self.found.binary, self._notes
        equal = held = at = 0
        count = len(new)
        for element in old:
            tag, vr, _, value, end, items = element
            if at < count and new[at][0] == tag:
                other = new[at]
                at += 1
            else:
                after = at
                while after < count and new[after][0] < tag:
                    after += 1
                if after == count or new[after][0] != tag:
                    if (tag in unnoticed or tag & _PRIVATE) and items is None and vr not in _TELLING:
                        notes.append((here, tag, "drop"))
                    else:
                        self._missing(element, here)
                    continue
                self._all_added(new[at:after], siblings, here)
                other = new[after]
                at = after + 1
            if tag in kept:
                if items is None:
                    found = olds[value:end]
                    if found == news[other[3] : other[4]] and vr == other[1]:
                        equal += 1
                        if vr in _DECIMAL and not (between := found.translate(None, _NUMBER_BYTES)).strip(b"\\"):
                            numbers.add(found[:_LONGEST_NUMBER])
                            held += len(between) + (value < end)
                        elif vr in _NOT_TEXT:
                            held += (end - value) // SIZES[vr] if vr in SIZES else 0
                            binary.add(found)
                        elif (tag, found, context) not in stayed:
                            stayed.add((tag, found, context))
                            self._look(element, here)
                        continue
                elif other[5] is not None and other[1] == vr:
                    self._sequence(element, other, siblings, here)
                    continue
                self._kept(element, other, here)
            elif tag in mapped and items is None and other[5] is None and not self._promised.relinked:
                self._renamed(tag, olds[value:end], news[other[3] : other[4]], here)
            else:
                self._changed(element, other, siblings, here)
        self._all_added(new[at:], siblings, here)
        self.found.equal += equal
        self._numbers += held

    def _all_added(self, new: Sequence[Element], siblings: Sequence[Element], here: Level) -> None:
        for element in new:
            self._added(element, siblings, here)

    def _renamed(self, tag: int, old: bytes, new: bytes, here: Level) -> None:
        """Record a UID and its replacement."""
        known = self.found.uids.get(old)
        if known is None:
            self.found.uids[old] = new
            self.found.uid_places[old] = self._place(here, tag)
        elif known != new:
            self._fail("uids", "one UID became two", here, tag)
        self._notes.append((here, tag, "uid"))

    def _sequence(self, old: Element, new: Element, siblings: Sequence[Element], here: Level) -> None:
        """Compare two sequences; the same short one is checked once per level."""
        tag, _, _, value, end, items = old
        if tag == _FLUENCE and new[5] and not items:
            self._added(new, siblings, here)
            return
        if end - value > _SHORT:
            self._compare_items(tag, items or (), new[5] or (), here)
            return
        known = here.judged
        pair = (tag, self._old[value:end], self._new[new[3] : new[4]], self._context)
        judged = known.get(pair)
        if judged is not None:
            self._count(judged)
            return
        mark = self._mark()
        self._compare_items(tag, items or (), new[5] or (), here)
        if judged := self._judged_since(mark):
            known[pair] = judged

    def _compare_items(self, tag: int, old: Sequence[Item], new: Sequence[Item], here: Level) -> None:
        if len(old) != len(new) and self._promised.relinked and tag in _LINK_SEQUENCES:
            self._relinked(tag, old, new, here)
            return
        if len(old) != len(new):
            self._fail("elements", "items were lost or inserted", here, tag)
            return
        inside = here.inside(tag)
        self._items.append(0)
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            self._items[-1] = number
            self._data_set(one[3], other[3], inside)
        self._items.pop()

    def _relinked(self, tag: int, old: Sequence[Item], new: Sequence[Item], here: Level) -> None:
        """Accept rebuilt references, recording only their UIDs, which `services.proof.references` checks."""
        self._gather(old, here.inside(tag))
        self._references(new, here.inside(tag))
        self._notes.append((here, tag, "uid"))

    def _references(self, items: Sequence[Item], here: Level) -> None:
        self._items.append(0)
        for number, item in enumerate(items):
            self._items[-1] = number
            self._tags += map(_TAG_OF, item[3])
            for attribute, vr, _, value, end, below in item[3]:
                if below is not None:
                    self._references(below, here.inside(attribute))
                elif attribute == _REFERENCED_CLASS:
                    continue  # checked by `services.proof.references`
                elif vr == b"UI":
                    self.found.relinked_uids.add(self._new[value:end])
                else:
                    self._fail("elements", "a rebuilt reference contains more than references", here, attribute)
        self._items.pop()

    # One pair ---------------------------------------------------------------------------------------------------------

    def _kept(self, old: Element, new: Element, here: Level) -> None:
        """Check a kept element with other bytes: text may be in another character set."""
        tag, vr, items = old[0], old[1], old[5]
        if tag == _CHARSET:
            self._charset(self._new[new[3] : new[4]], here)
            return
        if (tag == _REFERENCED_CLASS and self._is_rebuilt(here)) or tag in _OFFSET_TABLES:
            return  # checked by `services.proof.references` and `services.proof.pixels`
        change = self._change(old, new)
        if items is None and new[5] is None:
            self._numbers += numbers_in(change.new, new[1])
        if items is None and new[5] is None and self._recoded and change.old == change.new:
            self.found.equal += 1
            self._look(old, here)
            return
        if (
            vr in character_sets.CHARSET_VRS
            and new[1] == vr
            and items is None
            and self._old_charsets != self._new_charsets
        ):
            before, after = change.read()
            if before == after:
                self.found.equal += 1
                self._look(old, here, change.new)
                return
        if items is None and new[5] is None and new[1] == vr:  # checked by `services.proof.kept_values`
            self.found.mended.setdefault(change._replace(vr=vr), self._place(here, tag))
            if not change.new:
                self._demand(here, tag, 1)
            self._notes.append((here, tag, "mended"))
            return
        self._fail("elements", "differs, and should be kept", here, tag)

    def _changed(self, old: Element, new: Element, siblings: Sequence[Element], here: Level) -> None:
        """Judge a pair by the policy's decision."""
        tag, change = old[0], self._change(old, new)
        decision = here.rules.decision(tag)
        action = decision.action
        self._leave(old, here)
        if decision.argument == "code_meaning" and self._is_public(siblings):
            decision = decision._replace(argument="product")
        if action is Action.UID:
            self._linked(old, new, here)
        elif not (action is Action.EMPTY and new[5] == []):  # an emptied sequence may keep its delimiter
            self._put_in(new, change, decision, here)
        # an invalid date must be removed, and a text that shows nothing has no value to lose
        is_excused = action is Action.DATE or (action is Action.CLEAN and change.was_blank)
        if old[4] > old[3] and new[4] == new[3] and not is_excused:
            self._demand(here, tag, 1)
        if change.old == change.new:
            self.found.equal += 1
        else:
            self._notes.append((here, tag, action.value))

    def _put_in(self, new: Element, change: Change, decision: Decision, here: Level) -> None:
        """Check a value prescribed by the decision, whatever the source's; record it for checks of the whole set."""
        tag, action = new[0], decision.action
        if action is Action.DATE:
            self.found.dates.setdefault(change, self._place(here, tag))
        elif action is Action.CLEAN:
            self.found.cleaned[decision.argument].setdefault(change, self._place(here, tag))
            if decision.argument in TECHNICAL_ROLES:
                self._technical(tag, change.new, self._new_charsets)
            else:
                self.found.typed[self._new_charsets].add(change.new)
        elif action is Action.IDENTITY:
            self.found.identity[decision.argument].setdefault(change, self._place(here, tag))
        elif wrong := self._contradiction(tag, change, decision, here):
            self._fail(*wrong, here, tag)

    def _contradiction(self, tag: int, change: Change, decision: Decision, here: Level) -> tuple[str, str] | None:
        """Return the failed check and the reason, if the decision prescribes another value, or none."""
        action, promised, value = decision.action, self._promised, change.new.strip(b" \0")
        check, what, right = "elements", "", True
        if action is Action.DUMMY:
            was_empty = change.old is not None and not change.old.strip(b" \0")
            may_be_empty = was_empty and not change.new and bool(here.path)
            what, right = "is not the constant that the policy names", value == decision.argument.encode()
            right = right or may_be_empty or self._is_study_id(tag, value, here)
        elif action is Action.EMPTY:
            what, right = "should be empty", not change.new
        elif action is Action.APPROVAL:
            what, right = "is still approved", value == b"UNAPPROVED"
        elif action is Action.MACHINE and promised.machine is not None:
            check, what = "machine", "is not the machine's"
            right = change.read()[1] == getattr(promised.machine, decision.argument)
        elif action is Action.SCANNER and self._names_scanner(here):
            check, what, right = "machine", "is not the scanner's name", change.read()[1] == promised.scanner
        elif action is not Action.METHOD or here.path:  # methods at the root were read where they belong
            check, what, right = "private elements" if tag & _PRIVATE else "elements", "should have been removed", False
        return None if right else (check, what)

    def _is_study_id(self, tag: int, value: bytes, here: Level) -> bool:
        """Return whether a value is a possible Study ID of a linked set.

        Which object has which is checked elsewhere.
        """
        return tag == _STUDY_ID and not here.path and value.decode("latin-1") in self._promised.study_ids.values()

    def _linked(self, old: Element, new: Element, here: Level) -> None:
        """Check a mapped UID of a set with rebuilt references."""
        before, after = self._old[old[3] : old[4]], self._new[new[3] : new[4]]
        if old[5] is not None or new[5] is not None:
            self._fail("uids", "is not a UID", here, old[0])
        elif old[0] in _LINK_UIDS or not _LINK_SEQUENCES.isdisjoint(here.path):
            self.found.source_uids.add(before)
            self.found.relinked_uids.add(after)
        elif self.found.uids.setdefault(before, after) != after:
            self._fail("uids", "one UID became two", here, old[0])
        else:
            self.found.uid_places.setdefault(before, self._place(here, old[0]))

    def _missing(self, old: Element, here: Level) -> None:
        """Judge an element that the output lacks."""
        tag = old[0]
        self._leave(old, here)
        if not self._may_go(tag, here):
            self._fail("elements", "is lost", here, tag)
        self._demand(here, tag, 2)
        self._notes.append((here, tag, "drop"))

    def _is_rebuilt(self, here: Level) -> bool:
        """Return whether a data set is a reference that may have been rebuilt."""
        return self._promised.relinked and not _LINK_SEQUENCES.isdisjoint(here.path)

    def _may_go(self, tag: int, here: Level) -> bool:
        """Return whether an attribute may be absent although its row does not drop it."""
        decision = here.rules.decision(tag)
        action = decision.action
        return (
            action is Action.DROP
            or (self._promised.relinked and not REBUILT_WHOLE.isdisjoint((*here.path, tag)))
            or (action is Action.SCANNER and not self._names_scanner(here))
            or (action is Action.METHOD and bool(here.path))
            or (action is Action.IDENTITY and decision.argument == "age")
            or (tag == _CHARSET and (bool(here.path) or self._new_charsets == ()))
        )

    def _added(self, new: Element, siblings: Sequence[Element], here: Level) -> None:
        """Check an element missing from the source; only few may be added."""
        tag, vr, _, value, end, items = new
        decision = here.rules.decision(tag)
        action = decision.action
        expected = (
            (not here.path and tag in ADDITIONS)
            or (action is Action.MACHINE and bool(here.path))
            or (action is Action.SCANNER and self._names_scanner(here))
        )
        if tag == _CHARSET:
            self._charset(self._new[value:end], here)
        elif tag == _FLUENCE and here.sequence in _BEAMS:
            self._fluence(items or [], siblings, here)
        elif tag == _REFERENCED_CLASS and self._is_rebuilt(here):
            pass  # checked by `services.proof.references`
        elif self._promised.relinked and (tag in _LINK_SEQUENCES or tag in _LINK_UIDS):
            if items is None:
                self.found.relinked_uids.add(self._new[value:end])
            self._references(items or [], here.inside(tag))
        elif expected:
            change = Change(None, self._new[value:end], vr, self._old_charsets, self._new_charsets)
            self._put_in(new, change, decision, here)
        else:
            self._fail("private elements" if tag >> 16 & 1 else "elements", "has no source", here, tag)
        self._notes.append((here, tag, "added"))

    def _fluence(self, items: Sequence[Item], siblings: Sequence[Element], here: Level) -> None:
        """Check an inserted fluence mode against the private one of the same beam. PS3.3 C.8.8.14."""
        private = b"".join(
            self._old[each[3] : each[4]] for each in siblings if each[0] >> 16 == _VARIAN_FLUENCE and each[0] & 0xFF00
        )
        values = {each[0]: self._new[each[3] : each[4]].strip(b" \0") for item in items for each in item[3]}
        mode, mode_id = values.pop(_FLUENCE_MODE, b""), values.pop(_FLUENCE_MODE_ID, b"")
        self._tags += [each[0] for item in items for each in item[3]]
        unread = mode == b"NON_STANDARD" and not mode_id  # an unreadable private one
        if (
            len(items) != 1
            or values
            or not private
            or mode not in (b"STANDARD", b"NON_STANDARD")
            or (mode not in private and not unread)
            or mode_id not in private
        ):
            self._fail("elements", "does not match the private fluence mode", here, _FLUENCE)

    # Recording --------------------------------------------------------------------------------------------------------

    def _leave(self, old: Element, here: Level) -> None:
        """Record identifiers in a changed or dropped element of the source."""
        tag, vr, _, value, end, items = old
        self._identify(old, here)
        if tag in self._contested:
            self.found.contested = True
        if items is not None:
            self._gather(items, here.inside(tag))
        elif vr == b"UI":
            self.found.source_uids.add(self._old[value:end])

    def _gather(self, items: Sequence[Item], here: Level) -> None:
        for item in items:
            for element in item[3]:
                self._leave(element, here)

    def _identify(self, old: Element, here: Level) -> None:
        """Record an identifying value that had to be removed."""
        tag, vr, _, value, end, items = old
        kind = here.rules.identifying.get(tag) or ("person" if vr == b"PN" and tag not in here.rules.kept else "")
        if kind and items is None and value < end:
            self.found.identifying.add((kind, self._old[value:end], vr, self._old_charsets))

    def _look(self, old: Element, here: Level, new: bytes | None = None) -> None:
        """Record a kept text in the class for its search; `new` if other bytes encode the same text."""
        tag, vr, _, start, end, _ = old
        value = self._old[start:end]
        shown = (vr, value if new is None else new)
        if shown not in self.found.kept:
            self.found.kept[shown] = self._place(here, tag)
        if tag in here.rules.retained:
            self.found.retained.add((here.rules.decision(tag).row.identifies, value, vr, self._old_charsets))
        elif vr in _ALSO_NUMBERS:
            if value.translate(None, _NUMBER_BYTES).strip(b"\\"):
                self._texts.add(value)
        elif tag in TECHNICAL:
            self._technical(tag, value, self._old_charsets)
        elif vr == b"CS":
            self.found.terms.add(value)
        elif vr in _NOT_TEXT:
            self.found.binary.add(value)
        else:
            self._texts.add(value if new is None else new)

    def _technical(self, tag: int, value: bytes, charsets: tuple[str, ...]) -> None:
        (self.found.product if tag in PRODUCT else self.found.technical).add(value)
        if tag in MAKERS:
            self.found.makers[value] = charsets

    def _charset(self, value: bytes, here: Level) -> None:
        """Check a character set that the source does not declare: UTF-8 or Latin-1, able to encode the values."""
        if value.strip(b" \0") not in _OUTPUT_CHARSETS:
            self._fail("elements", "is not what an output declares", here, _CHARSET)

    def _enter(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """Set the character sets of what follows."""
        self._old_charsets, self._new_charsets = old, new
        self._texts = self.found.texts[new]
        self._context = self._contexts.setdefault((old, new, *self._encoding), len(self._contexts))

    def _change(self, old: Element, new: Element) -> Change:
        return Change(
            self._old[old[3] : old[4]], self._new[new[3] : new[4]], new[1], self._old_charsets, self._new_charsets
        )

    def _is_public(self, code: Iterable[Element]) -> bool:
        """Return whether a code is of a public scheme, not a private 99… or a clinic's own."""
        scheme = next((self._old[each[3] : each[4]].strip(b" \0") for each in code if each[0] == _SCHEME), b"")
        return scheme.decode("ascii", "replace") in PUBLIC_SCHEMES

    def _codes(self, items: Iterable[Item]) -> Iterable[tuple[tuple[int, bytes], ...]]:
        for item in items:
            yield tuple((each[0], self._new[each[3] : each[4]].strip(b" \0")) for each in item[3])

    def _names_scanner(self, here: Level) -> bool:
        return here.kind == "CT" and not here.path and bool(self._promised.scanner)

    def _demand(self, here: Level, tag: int, least: int) -> bool:
        """Check that a removed element was not required: not Type 1 if emptied; neither Type 1 nor 2 if absent."""
        type_ = demanded(here.kind, here.sequence, tag)
        if 0 < type_ <= least:
            self._fail("types", f"Type {type_} and {'empty' if least == 1 else 'gone'}", here, tag)
            return False
        return True

    def _fail(self, check: str, what: str, here: Level, tag: int) -> None:
        self._reasons.add(check, what, self._place(here, tag))

    def _place(self, here: Level, tag: int) -> Place:
        return Place(here.kind, here.path, tag, tuple(self._items))


def _charsets(elements: Iterable[Element], data: bytes, around: tuple[str, ...]) -> tuple[str, ...]:
    """Return the character sets that a data set declares, or else those around it."""
    for attribute, _, _, value, end, _ in elements:
        if attribute == _CHARSET:
            terms = data[value:end].decode("ascii", "replace").strip("\0 ")
            return tuple(terms.split("\\")) if terms else ()
        if attribute > _CHARSET:
            break
    return around


def _disordered(tags: Sequence[int]) -> Iterator[int]:
    """Yield the tags that are not higher than the previous one."""
    return (after for before, after in pairwise(tags) if after <= before)


def by_attribute(changes: Iterable[tuple[Place, str, int]]) -> dict[str, dict[str, int]]:
    """Return changes as stored in a record: attribute path, action, count."""
    laid: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for place, action, count in changes:
        laid[str(place)][action] = count
    return dict(sorted(laid.items()))
