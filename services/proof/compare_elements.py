"""Source and output side by side, element by element: what is equal, what differs, and by which decision it may.

The walk judges on the spot what one pair of elements shows (a kept element is equal, an emptied one empty, a dropped
one gone). What only the whole set shows (one UID, one new UID; one shift for all dates; one name, one cleaned name) it
collects (`services.proof.evidence`) for `services.proof.values`.

Nothing here makes a value. It reads both sides with the engine's parser and asks the policy what should have been done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from operator import lt
from typing import TYPE_CHECKING, Final, Protocol

from services.dicom import character_sets
from services.dicom.dictionary import tag
from services.policy.attribute_types import TABLE, demanded
from services.policy.rebuilt_references import REBUILT_WHOLE
from services.policy.table import ADDITIONS, PUBLIC_SCHEMES, Action
from services.policy.text_roles import TECHNICAL_ROLES
from services.proof.evidence import METHOD, PATIENT, Change, Found, Path, Place, Reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.elements import Element, Item
    from services.dicom.part10 import DicomFile
    from services.policy.table import Decision, Policy


class MachineIdentity(Protocol):
    """What the beams of a set are moved to; a `services.machines.descriptor.Machine` is one."""

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
    """What a person decided of the names of structures."""

    def target(self, name: str, /) -> str | None:
        """Return the name that was confirmed for a name."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that was confirmed for one."""


class Promised(Protocol):
    """What the walk has to know of the promise that was made for a set."""

    @property
    def policy(self) -> Policy:
        """What was to become of each attribute."""

    @property
    def patient_id(self) -> str:
        """The new Patient ID."""

    @property
    def patient_name(self) -> str:
        """The new name."""

    @property
    def machine(self) -> MachineIdentity | None:
        """None where each plan keeps its own."""

    @property
    def scanner(self) -> str:
        """Empty where none takes its place."""

    @property
    def relinked(self) -> bool:
        """Return whether references were rebuilt."""

    @property
    def birth_date(self) -> str | None:
        """The made up one of a linked set's person; None where the set has one of its own."""

    @property
    def study_ids(self) -> Mapping[str, str]:
        """Study ID by new Study Instance UID, where sets of a person are linked; else nothing."""


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
"""Attributes whose values were written by makers and by authors of code tables, who know no patient.

A person may be called like a word of them: Siemens, Aria, Standard.
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
"""Those, and attributes whose values a clinic has configured: a short number in them is a version, not an ID."""

_LONGEST_NUMBER: Final = 18
"""So many characters of a number are looked at: IDs of patients are shorter."""

_ALSO_NUMBERS: Final = frozenset((b"DS", b"IS", b"TM", b"DA", b"DT", b"UI"))
_NOT_TEXT: Final = frozenset(
    b"AT FD FL OD OF OL OV OW SL SQ SS SV UL US UV".split(),
)
_NUMBER_BYTES: Final = b"0123456789+-.eE:\\ \0"
"""What numbers, times and UIDs are written with. Anything else in their VRs is text."""

_PRIVATE: Final = 0x00010000
"""Set in tags of odd groups."""
_TELLING: Final = frozenset((b"PN", b"UI"))
"""VRs whose values identify wherever they stand."""
_DECIMAL: Final = frozenset((b"DS", b"IS"))

_CHARSET: Final = tag("SpecificCharacterSet")
_SCHEME: Final = tag("CodingSchemeDesignator")
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
"""What rebuilding the links of a set may change or put in."""


class Rules:
    """The decisions that hold below some sequences, laid out for one look-up a tag."""

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
        #: dropped, and nothing else is to be said of them
        self.unnoticed: Final = (
            frozenset(each for each, found in decisions.items() if found.action is Action.DROP)
            - self.identifying.keys()
            - policy.contested
            - {attribute for _, _, attribute in TABLE}
        )

    def decision(self, tag: int) -> Decision:
        """Return what becomes of an attribute."""
        return self._policy.decision(tag, self._below)

    def below(self, sequence: int) -> Path:
        """Name the sequences with decisions of their own, this one included; the innermost counts."""
        if sequence not in self._policy.within:
            return self._below
        return (*(each for each in self._below if each != sequence), sequence)


@cache
def rules_of(policy: Policy, below: Path = ()) -> Rules:
    """Return the rules that hold below some sequences: worked out once for each policy."""
    return Rules(policy, below)


class Level:
    """One place in one kind of object: which decisions hold there, and what was seen of its elements."""

    def __init__(self, policy: Policy, kind: str, path: Path, rules: Rules) -> None:
        self._policy = policy
        self.kind: Final = kind
        self.path: Final = path
        self.rules: Final = rules
        self.dropped: Final[list[int]] = []
        self.renamed: Final[list[int]] = []
        self.changed: Final[list[tuple[int, str]]] = []
        """Tag and action."""
        self.gone: Final[set[tuple[int, bytes, bytes, tuple[str, ...], tuple[str, ...]]]] = set()
        """What may go and went: tag, VR, value, character sets. Most stands in every slice, and is noted once."""
        self.stayed: Final[set[tuple[int, bytes, tuple[str, ...], tuple[str, ...]]]] = set()
        """Texts that stay and were noted: tag, value, character sets."""
        self.settled: Final[dict[tuple[int, bytes, Change], str]] = {}
        """Pairs that were judged and found right, with tag and VR: the action that they count for, empty if equal."""
        self.inner: Final[dict[int, Level]] = {}

    def inside(self, sequence: int) -> Level:
        """Return the level of the items of a sequence."""
        found = self.inner.get(sequence)
        if found is None:
            rules = rules_of(self._policy, self.rules.below(sequence))
            found = self.inner[sequence] = Level(self._policy, self.kind, (*self.path, sequence), rules)
        return found

    @property
    def sequence(self) -> int:
        """Tag of the innermost sequence around it; 0 at the root."""
        return self.path[-1] if self.path else 0

    def changes(self) -> Iterator[tuple[Place, str, int]]:
        """Yield what was changed here and further inside, by place and action, with counts."""
        counts = Counter(self.changed)
        for action, attributes in (("drop", self.dropped), ("uid", self.renamed)):
            counts.update({(attribute, action): count for attribute, count in Counter(attributes).items()})
        for (attribute, action), count in sorted(counts.items()):
            yield Place(self.kind, self.path, attribute), action, count
        for level in self.inner.values():
            yield from level.changes()


class Walk:
    """Compares the objects of a set, one pair after the other."""

    def __init__(self, policy: Policy, promised: Promised, reasons: Reasons) -> None:
        self.found: Final = Found()
        self._policy = policy
        self._levels: dict[str, Level] = {}
        self._promised = promised
        self._reasons = reasons
        self._contested = policy.contested
        self._items: list[int] = []
        """Which item of each sequence around it the walk is in."""
        self._old = self._new = b""
        self._old_charsets: tuple[str, ...] = ()
        self._new_charsets: tuple[str, ...] = ()
        self._texts: set[bytes] = set()
        self._recoded = False

    def compare(self, kind: str, old: DicomFile, new: DicomFile) -> None:
        """Walk through an object of the source and the output made of it; pixels are not looked at here."""
        self._old, self._new = old.data, new.data
        self._recoded = old.implicit != new.implicit or old.recoded or old.memory is not None
        self._old_charsets = self._new_charsets = ()
        self._texts = self.found.texts[()]
        root = self._levels.get(kind) or Level(self._policy, kind, (), rules_of(self._policy))
        self._levels[kind] = root
        self._data_set(old.elements, new.elements, root)
        self._statement({element[0]: element for element in new.elements}, root)

    def changes(self) -> list[tuple[Place, str, int]]:
        """Return what was changed, by place and action, with counts."""
        return [change for root in self._levels.values() for change in root.changes()]

    def _statement(self, root: Mapping[int, Element], here: Level) -> None:
        """Note what an output says of the patient and of our work."""
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
        """Hold the Study ID of an object of a linked set against its study: two studies of a set may have two."""
        if promised := self._promised.study_ids:
            study = root.get(_STUDY)
            uid = self._new[study[3] : study[4]].strip(b" \0").decode("latin-1") if study else ""
            if values.pop(_STUDY_ID, b"") != promised.get(uid, "1").encode():
                self._fail("identity", "is not the number of the study", here, _STUDY_ID)

    # Walking ------------------------------------------------------------------------------------------------------

    def _data_set(self, old: Sequence[Element], new: Sequence[Element], here: Level) -> None:
        """Compare two data sets; both have their elements in the order of tags, some gone, some put in."""
        tags = [element[0] for element in new]
        if not all(map(lt, tags, tags[1:])):  # PS3.5 7.1; the reader should have told, and is not relied on
            self._fail("elements", "stands twice or out of order", here, next(_disordered(tags)))
        around = self._old_charsets, self._new_charsets, self._texts
        if (old and old[0][0] <= _CHARSET) or (new and new[0][0] <= _CHARSET):
            self._enter_charsets(old, new)
        self._elements(old, new, here)
        self._old_charsets, self._new_charsets, self._texts = around

    def _elements(self, old: Sequence[Element], new: Sequence[Element], here: Level) -> None:
        """Pair the elements of two data sets, and judge at once those that need no look at their decision.

        This is the inner loop of the proof: an element that stays the same costs look-ups and no call.
        """
        olds, news, rules = self._old, self._new, here.rules
        kept, mapped, unnoticed, stayed = rules.kept, rules.mapped, rules.unnoticed, here.stayed
        old_charsets, new_charsets, numbers = self._old_charsets, self._new_charsets, self.found.numbers
        equal, at, count = 0, 0, len(new)
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
                        here.dropped.append(tag)
                    else:
                        self._missing(element, here)
                    continue
                self._all_added(new[at:after], old, here)
                other = new[after]
                at = after + 1
            if tag in kept:
                if items is None:
                    found = olds[value:end]
                    if found == news[other[3] : other[4]] and vr == other[1]:
                        equal += 1
                        if vr in _DECIMAL and not found.translate(None, _NUMBER_BYTES):
                            numbers.add(found[:_LONGEST_NUMBER])
                        elif vr not in _NOT_TEXT and (tag, found, old_charsets, new_charsets) not in stayed:
                            stayed.add((tag, found, old_charsets, new_charsets))
                            self._look(element, here)
                        continue
                elif other[5] is not None and other[1] == vr:
                    self._sequence(tag, items, other[5], here)
                    continue
                self._kept(element, other, here)
            elif tag in mapped and items is None and other[5] is None and not self._promised.relinked:
                self._renamed(tag, olds[value:end], news[other[3] : other[4]], here)
            else:
                self._changed(element, other, old, here)
        self._all_added(new[at:], old, here)
        self.found.equal += equal

    def _all_added(self, new: Sequence[Element], siblings: Sequence[Element], here: Level) -> None:
        for element in new:
            self._added(element, siblings, here)

    def _renamed(self, tag: int, old: bytes, new: bytes, here: Level) -> None:
        """Note a UID and what became of it."""
        known = self.found.uids.get(old)
        if known is None:
            self.found.uids[old] = new
            self.found.uid_places[old] = self._place(here, tag)
        elif known != new:
            self._fail("uids", "one UID became two", here, tag)
        here.renamed.append(tag)

    def _sequence(self, tag: int, old: Sequence[Item], new: Sequence[Item], here: Level) -> None:
        if len(old) != len(new) and self._promised.relinked and tag in _LINK_SEQUENCES:
            self._relinked(tag, old, new, here)
            return
        if len(old) != len(new):
            self._fail("elements", "items are lost or were put in", here, tag)
            return
        inside = here.inside(tag)
        self._items.append(0)
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            self._items[-1] = number
            self._data_set(one[3], other[3], inside)
        self._items.pop()

    def _relinked(self, tag: int, old: Sequence[Item], new: Sequence[Item], here: Level) -> None:
        """Take rebuilt references as they are: their UIDs alone, which `services.proof.references` follows."""
        self._gather(old, here.inside(tag))
        self._references(new, here.inside(tag))
        here.renamed.append(tag)

    def _references(self, items: Sequence[Item], here: Level) -> None:
        self._items.append(0)
        for number, item in enumerate(items):
            self._items[-1] = number
            for attribute, vr, _, value, end, below in item[3]:
                if below is not None:
                    self._references(below, here.inside(attribute))
                elif attribute == _REFERENCED_CLASS:
                    continue  # `services.proof.references` judges it
                elif vr == b"UI":
                    self.found.relinked_uids.add(self._new[value:end])
                else:
                    self._fail("elements", "a rebuilt reference holds more than references", here, attribute)
        self._items.pop()

    # One pair -----------------------------------------------------------------------------------------------------

    def _kept(self, old: Element, new: Element, here: Level) -> None:
        """Judge an element that stays and is not the same bytes: a text may be, in another character set."""
        tag, vr, items = old[0], old[1], old[5]
        if tag == _CHARSET:
            self._charset(self._new[new[3] : new[4]], here)
            return
        if (tag == _REFERENCED_CLASS and self._is_rebuilt(here)) or tag in _OFFSET_TABLES:
            return  # `services.proof.references` judges it, and `services.proof.pixels`
        change = self._change(old, new)
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
        if items is None and new[5] is None and new[1] == vr:  # `services.proof.kept_values` judges it
            self.found.mended.setdefault(change._replace(vr=vr), self._place(here, tag))
            if not change.new:
                self._demand(here, tag, 1)
            here.changed.append((tag, "mended"))
            return
        self._fail("elements", "differs, and should be kept", here, tag)

    def _changed(self, old: Element, new: Element, siblings: Sequence[Element], here: Level) -> None:
        """Judge a pair by the policy's decision."""
        tag, vr = old[0], old[1]
        change = self._change(old, new)
        plain = old[5] is None and new[5] is None
        settled = here.settled.get((tag, vr, change)) if plain else None
        if settled is not None:
            self._tally(tag, settled, here)
            return
        decision = here.rules.decision(tag)
        action, before = decision.action, self._reasons.count
        self._leave(old, here)
        is_meaning = decision.argument == "code_meaning"
        if is_meaning and self._is_public(siblings):
            decision = decision._replace(argument="product")
        if action is Action.UID:
            self._linked(old, new, here)
        elif not (action is Action.EMPTY and new[5] == []):  # an emptied sequence may keep its delimiter
            self._put_in(new, change, decision, here)
        if old[4] > old[3] and new[4] == new[3] and action is not Action.DATE:  # junk in a date has to go
            self._demand(here, tag, 1)
        counts_for = "" if change.old == change.new else action.value
        self._tally(tag, counts_for, here)
        if plain and not is_meaning and self._reasons.count == before:
            here.settled[tag, vr, change] = counts_for

    def _tally(self, tag: int, counts_for: str, here: Level) -> None:
        if counts_for:
            here.changed.append((tag, counts_for))
        else:
            self.found.equal += 1

    def _put_in(self, new: Element, change: Change, decision: Decision, here: Level) -> None:
        """Judge a value that the decision names, whatever the source held; note what only the whole set shows."""
        tag, action = new[0], decision.action
        if action is Action.DATE:
            self.found.dates.setdefault(change, self._place(here, tag))
        elif action is Action.CLEAN:
            self.found.cleaned[decision.argument].setdefault(change, self._place(here, tag))
            if decision.argument in TECHNICAL_ROLES:
                self._technical(tag, change.new)
            else:
                self.found.typed[self._new_charsets].add(change.new)
        elif action is Action.IDENTITY:
            self.found.identity[decision.argument].setdefault(change, self._place(here, tag))
        elif wrong := self._contradiction(tag, change, decision, here):
            self._fail(*wrong, here, tag)

    def _contradiction(self, tag: int, change: Change, decision: Decision, here: Level) -> tuple[str, str] | None:
        """Return which check a value fails, and why: its decision says what it is, or that it is gone."""
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
        elif action is not Action.METHOD or here.path:  # methods were read at the root, where they belong
            check, what, right = "private elements" if tag & _PRIVATE else "elements", "should have gone", False
        return None if right else (check, what)

    def _is_study_id(self, tag: int, value: bytes, here: Level) -> bool:
        """Return whether a value is a Study ID that a linked set may have; which object has which is seen elsewhere."""
        return tag == _STUDY_ID and not here.path and value.decode("latin-1") in self._promised.study_ids.values()

    def _linked(self, old: Element, new: Element, here: Level) -> None:
        """Judge a mapped UID of a set whose references were rebuilt."""
        before, after = self._old[old[3] : old[4]], self._new[new[3] : new[4]]
        if old[5] is not None or new[5] is not None:
            self._fail("uids", "is no UID", here, old[0])
        elif old[0] in _LINK_UIDS or not _LINK_SEQUENCES.isdisjoint(here.path):
            self.found.source_uids.add(before)
            self.found.relinked_uids.add(after)
        elif self.found.uids.setdefault(before, after) != after:
            self._fail("uids", "one UID became two", here, old[0])
        else:
            self.found.uid_places.setdefault(before, self._place(here, old[0]))

    def _missing(self, old: Element, here: Level) -> None:
        """Judge an element that the output lacks."""
        tag, vr, _, value, end, items = old
        found = (tag, vr, self._old[value:end] if items is None else b"", self._old_charsets, self._new_charsets)
        if items is None and found in here.gone:
            here.dropped.append(tag)
            return
        self._leave(old, here)
        may_go = self._may_go(tag, here)
        if not may_go:
            self._fail("elements", "is lost", here, tag)
        if self._demand(here, tag, 2) and may_go:
            here.gone.add(found)
        here.dropped.append(tag)

    def _is_rebuilt(self, here: Level) -> bool:
        """Return whether a data set is a reference that may have been rebuilt."""
        return self._promised.relinked and not _LINK_SEQUENCES.isdisjoint(here.path)

    def _may_go(self, tag: int, here: Level) -> bool:
        """Return whether an attribute that is not dropped by its row may be absent all the same."""
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
        """Judge an element that the source lacks: there is a short list of those."""
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
            pass  # `services.proof.references` judges it
        elif self._promised.relinked and (tag in _LINK_SEQUENCES or tag in _LINK_UIDS):
            if items is None:
                self.found.relinked_uids.add(self._new[value:end])
            self._references(items or [], here.inside(tag))
        elif expected:
            change = Change(None, self._new[value:end], vr, self._old_charsets, self._new_charsets)
            self._put_in(new, change, decision, here)
        else:
            self._fail("private elements" if tag >> 16 & 1 else "elements", "appeared from nowhere", here, tag)
        here.changed.append((tag, "added"))

    def _fluence(self, items: Sequence[Item], siblings: Sequence[Element], here: Level) -> None:
        """Judge a fluence mode put in: it says what the private one of the same beam says. PS3.3 C.8.8.14."""
        private = b"".join(
            self._old[each[3] : each[4]] for each in siblings if each[0] >> 16 == _VARIAN_FLUENCE and each[0] & 0xFF00
        )
        said = {each[0]: self._new[each[3] : each[4]].strip(b" \0") for item in items for each in item[3]}
        mode, mode_id = said.pop(_FLUENCE_MODE, b""), said.pop(_FLUENCE_MODE_ID, b"")
        unread = mode == b"NON_STANDARD" and not mode_id  # a private one that is there and does not read
        if (
            len(items) != 1
            or said
            or not private
            or mode not in (b"STANDARD", b"NON_STANDARD")
            or (mode not in private and not unread)
            or mode_id not in private
        ):
            self._fail("elements", "is not what the private fluence mode says", here, _FLUENCE)

    # Noting -------------------------------------------------------------------------------------------------------

    def _leave(self, old: Element, here: Level) -> None:
        """Note what a changed or dropped element of the source gives away."""
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
        """Note a value that identifies and was to go."""
        tag, vr, _, value, end, items = old
        kind = here.rules.identifying.get(tag) or ("person" if vr == b"PN" and tag not in here.rules.kept else "")
        if kind and items is None and value < end:
            self.found.identifying.add((kind, self._old[value:end], vr, self._old_charsets))

    def _look(self, old: Element, here: Level, new: bytes | None = None) -> None:
        """Note a text that stays, in the class that it is searched in; `new` where other bytes say the same."""
        tag, vr, _, start, end, _ = old
        value = self._old[start:end]
        shown = (vr, value if new is None else new)
        if shown not in self.found.kept:
            self.found.kept[shown] = self._place(here, tag)
        if tag in here.rules.retained:
            self.found.retained.add((here.rules.decision(tag).row.identifies, value, vr, self._old_charsets))
        elif vr in _ALSO_NUMBERS:
            if value.translate(None, _NUMBER_BYTES):
                self._texts.add(value)
        elif tag in TECHNICAL:
            self._technical(tag, value)
        elif vr == b"CS":
            self.found.terms.add(value)
        elif vr not in _NOT_TEXT:
            self._texts.add(value if new is None else new)

    def _technical(self, tag: int, value: bytes) -> None:
        (self.found.product if tag in PRODUCT else self.found.technical).add(value)
        if tag in MAKERS:
            self.found.makers.add(value)

    def _charset(self, value: bytes, here: Level) -> None:
        """Judge a character set that the source does not declare so: UTF-8 or Latin-1, which carry what they must."""
        if value.strip(b" \0") not in _OUTPUT_CHARSETS:
            self._fail("elements", "is not what an output declares", here, _CHARSET)

    def _enter_charsets(self, old: Iterable[Element], new: Iterable[Element]) -> None:
        for elements, data, name in ((old, self._old, "_old_charsets"), (new, self._new, "_new_charsets")):
            for attribute, _, _, value, end, _ in elements:
                if attribute >= _CHARSET:
                    if attribute == _CHARSET:
                        terms = data[value:end].decode("ascii", "replace").strip("\0 ")
                        setattr(self, name, tuple(terms.split("\\")) if terms else ())
                    break
        self._texts = self.found.texts[self._new_charsets]

    def _change(self, old: Element, new: Element) -> Change:
        return Change(
            self._old[old[3] : old[4]], self._new[new[3] : new[4]], new[1], self._old_charsets, self._new_charsets
        )

    def _is_public(self, code: Iterable[Element]) -> bool:
        """Whether a code is of a scheme whose meanings a public body has written: no private 99…, no clinic's own."""
        scheme = next((self._old[each[3] : each[4]].strip(b" \0") for each in code if each[0] == _SCHEME), b"")
        return scheme.decode("ascii", "replace") in PUBLIC_SCHEMES

    def _codes(self, items: Iterable[Item]) -> Iterable[tuple[tuple[int, bytes], ...]]:
        for item in items:
            yield tuple((each[0], self._new[each[3] : each[4]].strip(b" \0")) for each in item[3])

    def _names_scanner(self, here: Level) -> bool:
        return here.kind == "CT" and not here.path and bool(self._promised.scanner)

    def _demand(self, here: Level, tag: int, least: int) -> bool:
        """Hold that what went is not demanded: emptied, it must not be Type 1; gone, not Type 1 or 2 either."""
        type_ = demanded(here.kind, here.sequence, tag)
        if 0 < type_ <= least:
            self._fail("types", f"Type {type_} and {'empty' if least == 1 else 'gone'}", here, tag)
            return False
        return True

    def _fail(self, check: str, what: str, here: Level, tag: int) -> None:
        self._reasons.add(check, what, self._place(here, tag))

    def _place(self, here: Level, tag: int) -> Place:
        return Place(here.kind, here.path, tag, tuple(self._items))


def _disordered(tags: Sequence[int]) -> Iterator[int]:
    """Return the tags that are not higher than the one before."""
    return (after for before, after in pairwise(tags) if after <= before)


def by_attribute(changes: Iterable[tuple[Place, str, int]]) -> dict[str, dict[str, int]]:
    """Lay changes out for a record: attribute path, action, count."""
    laid: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for place, action, count in changes:
        laid[str(place)][action] = count
    return dict(sorted(laid.items()))
