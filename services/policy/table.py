"""The policy for each attribute: PS3.15 Table E.1-1 and our own decisions, as one table.

The table is `table.csv` next to this module. It has all rows of the standard, with the standard's codes and in its
order, so that a reviewer can compare the two; our columns follow the codes: how choices left by the standard were made,
where and why we deviate from it, and how attributes are treated on which it is silent. Rows that apply only inside a
sequence name it in `within`; the last rows are rules for attributes not listed.

`effective` is the only place that turns a row and a collection's options into an action. `Policy` expands the actions
to every attribute of the dictionary, so that a writer of element streams needs one lookup per tag, and a verifier that
shares nothing else with it can ask what should have been done.

PS3.15 Annex E, edition 2026d.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache, cached_property
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from services.dicom import dictionary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EDITION: Final = "PS3.15-2026d"
"""Edition of the standard from which the rows of Table E.1-1 are taken."""

POLICY_EDITION: Final = "2026-11-30"
"""Date of our last decision in the table; written to records and (0012,0063) *De-identification Method*."""


class Action(Enum):
    """All possible actions on an element, implemented exactly by a writer and a verifier."""

    KEEP = "keep"
    """Kept unchanged; the items of a sequence are processed element by element."""

    DROP = "drop"
    """Removed; a sequence with all its contents."""

    EMPTY = "empty"
    """Kept with zero length; a sequence without items."""

    DUMMY = "dummy"
    """Replaced by the constant in the argument."""

    UID = "uid"
    """Each value is replaced by the set's UID map, which does not change UIDs of the standard."""

    DATE = "date"
    """A DA or DT, shifted by the set's date shift."""

    CLEAN = "clean"
    """Free text, cleaned; the argument gives the kind of text.

    `code_meaning` is a `product` if (0008,0102) *Coding Scheme Designator* beside it is one of `PUBLIC_SCHEMES`.
    """

    IDENTITY = "identity"
    """Part of the set's new identity, given by the argument: `patient_id`, `birth_date` …"""

    MACHINE = "machine"
    """Replaced by the descriptor's value given by the argument: `name`, `manufacturer`, `model`."""

    SCANNER = "scanner"
    """At the root of a CT replaced by the collection's scanner name, if any; otherwise removed."""

    APPROVAL = "approval"
    """Set to UNAPPROVED."""

    METHOD = "method"
    """Description of the de-identification: rewritten at the root, removed below it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    #: As printed in the standard: `(0008,0050)`, `(50xx,xxxx)`; rules say `any, silent` or `any, unknown`.
    tag: str

    keyword: str

    #: From the dictionary; for a rule all those it applies to, separated by spaces.
    vr: str

    #: Keyword of the sequence below which, at any depth, the row overrides the one without; otherwise empty.
    within: str

    #: Code of the Basic Profile, followed by those of the ten options; empty if the standard has no row.
    basic: str
    retain_safe_private: str
    retain_uids: str
    retain_device_identity: str
    retain_institution_identity: str
    retain_patient_characteristics: str
    retain_long_full_dates: str
    retain_long_modified_dates: str
    clean_descriptors: str
    clean_structured_content: str
    clean_graphics: str

    #: The strictest Type in CT Image, RT Structure Set, RT Plan, RT Ion Plan and RT Dose (PS3.3); empty if
    #: the attribute is in none of them.
    type: str

    #: Action for Basic if the code leaves a choice or a Type forbids it; an action's value or empty.
    resolved: str

    #: Action regardless of codes and options; an action's value or empty.
    action: str

    #: Constant, part or kind of text required by the action.
    argument: str

    #: Kind of identifier of its values, for which the cleaner and the proof search if they were removed. One of
    #: person, patient-id, other-id, place, device, accession, date, contact, or empty.
    identifies: str

    #: Reason; in every row that deviates from the standard or on which it is silent.
    reason: str


class Decision(NamedTuple):
    """Action on one attribute under the options of a collection."""

    action: Action

    argument: str
    """Constant, part or kind of text that the action needs; otherwise empty."""

    row: Row
    """The row on which it is based."""


class Options(Protocol):
    """Options of a collection that affect the policy."""

    @property
    def dates(self) -> str:
        """`shift`, `remove` or `keep`."""

    @property
    def patient_characteristics(self) -> str:
        """`dose_model`, `retain` or `age_sex`."""

    @property
    def keep_machine(self) -> bool:
        """Return whether treatment machine and scanner keep their identity."""

    @property
    def birth_date(self) -> str:
        """`fake` or `empty`."""

    @property
    def times(self) -> str:
        """`keep` or `remove`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Options by themselves, without a collection."""

    dates: str = "shift"
    patient_characteristics: str = "retain"
    keep_machine: bool = False
    birth_date: str = "fake"
    times: str = "keep"

    @classmethod
    def recorded(cls, options: Mapping[str, Any]) -> Choice:
        """Return the options stated in a set's record; options missing from an older record had their defaults."""
        recorded = {name: str(options.get(name, default)) for name, default in _UNSTATED.items()}
        return cls(keep_machine=options.get("machine") == "keep", **recorded)


_UNSTATED: Final = {"dates": "shift", "patient_characteristics": "retain", "birth_date": "fake", "times": "keep"}


# fmt: off
PUBLIC_SCHEMES: Final = frozenset({
    "BI", "C4", "C5", "DCM", "DCMUID", "FMA", "I9C", "I10", "I10C", "I10P", "ICDO3", "ISO3166_1", "LN", "MDC", "NCIt",
    "NDC", "RADLEX", "RFC5646", "RXNORM", "SCT", "SNM3", "SRT", "UBERON", "UCUM", "UMLS",
})
# fmt: on
"""Coding schemes whose meanings are defined by a public body (PS3.16 Table 8-1).

Meanings of all others, private ones with the prefix `99` and a clinic's own, are free text. The public ones are
searched, too, since a meaning can be overwritten.
"""

ADDITIONS: Final = tuple(
    map(
        dictionary.tag,
        (
            "AccessionNumber",
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "PatientAge",
            "PatientIdentityRemoved",
            "DeidentificationMethod",
            "DeidentificationMethodCodeSequence",
            "StudyID",
            "LongitudinalTemporalInformationModified",
        ),
    )
)
"""Elements added to the root of every output object, in tag order, whether or not its input had them.

All objects of a set thus state the same patient and study. The value is that of the attribute's decision. (0010,1010)
*Patient's Age* is Type 3 and added only if the age is known; the others are Type 2 or stricter, or our own.
"""

_OF_DOSE_MODEL: Final = frozenset(("PatientSize", "PatientWeight"))
_OF_MAKERS: Final = frozenset(("Manufacturer", "ManufacturerModelName", "ManufacturerModelVersion"))

# The value for D is in each row; single codes are mapped here. PS3.15 E.3 and Table E.1-1a.
_BASIC: Final = {"X": Action.DROP, "Z": Action.EMPTY, "D": Action.DUMMY, "U": Action.UID}

_ODD: Final = "(gggg,eeee) where gggg is odd"
_GROUP_LENGTH: Final = "(gggg,0000)"
_UNKNOWN: Final = "any, unknown"
_SILENT: Final = "any, silent"


@cache
def read_table() -> tuple[Row, ...]:
    """Return the table in order: by tag, rules last."""
    text = files("services.policy").joinpath("table.csv").read_text("ascii")
    header, *rows = csv.reader(text.splitlines())
    assert header == [field.name for field in fields(Row)]
    assert not (odd := [row for row in rows if len(row) != len(header)]), odd
    return tuple(Row(*row) for row in rows)


def effective(row: Row, options: Options) -> tuple[Action, str]:
    """Return the action on the attribute of `row`, with its argument.

    Our own decisions come first, then what an option keeps, then the Basic Profile. Of the standard's options these
    apply: Clean Descriptors always; Retain Patient Characteristics by default; Retain Longitudinal Temporal Information
    in one of its two forms, or not at all; Retain Device Identity if the machine is kept. Attributes that they *clean*
    (C) and no row of ours sends to the cleaner are removed as in Basic: more is lost than by cleaning, but nothing is
    less clean.
    """
    action = Action(row.action) if row.action else None
    if action in (Action.MACHINE, Action.SCANNER):
        if options.keep_machine:
            return (Action.CLEAN, "product") if row.keyword in _OF_MAKERS else (Action.KEEP, "")
        if row.argument == "part":  # nothing is known of the parts of the replacing machine
            return Action.EMPTY, ""
    if action is Action.DATE or (action is None and row.retain_long_modified_dates):
        return _dated(row, options)
    if action:
        return action, row.argument
    if row.retain_patient_characteristics == "K" and _is_of_use(row, options):
        return Action.KEEP, ""
    if options.keep_machine and row.retain_device_identity == "K":
        return Action.KEEP, ""
    return _basic(row)


def _is_of_use(row: Row, options: Options) -> bool:
    """Return whether a patient characteristic is kept: dose depends on size and weight, besides age and sex."""
    return options.patient_characteristics == "retain" or (
        options.patient_characteristics == "dose_model" and row.keyword in _OF_DOSE_MODEL
    )


def _dated(row: Row, options: Options) -> tuple[Action, str]:
    """Return the action on a date or time. The `dates` option takes precedence over Retain Device Identity.

    Dates and times of a device (manufacture, calibration) are the same for all its patients: shifted with each patient,
    they would align all sets on one true time line. An offset from UTC reveals summer or winter time.
    """
    vrs = set(row.vr.split())
    if options.times == "remove" and vrs & {"TM", "DT"}:
        return _basic(row)
    if options.dates == "keep":
        return Action.KEEP, ""
    of_device = row.retain_device_identity == "K" and not options.keep_machine
    if options.dates == "remove" or of_device or vrs.isdisjoint({"DA", "DT", "TM"}):
        return _basic(row)
    # A time of day without a date is as good as cleaned.
    return (Action.KEEP if vrs.isdisjoint({"DA", "DT"}) else Action.DATE), ""


def _basic(row: Row) -> tuple[Action, str]:
    action = Action(row.resolved) if row.resolved else _BASIC[row.basic]
    return action, row.argument if action is Action.DUMMY else ""


class Policy:
    """The decisions on every attribute under the options of one collection.

    `compiled` has every attribute of the dictionary; anything else is dropped: private elements, group lengths, curves,
    overlays and unknown tags. `within` has, for a few sequences, the decisions that differ anywhere below them; of
    several such sequences around an element the innermost applies.
    """

    def __init__(self, options: Options) -> None:
        self.options: Final = options
        rows = {(row.tag, row.within): row for row in read_table() if row.tag != _SILENT}
        silent = {vr: row for row in read_table() if row.tag == _SILENT for vr in row.vr.split()}
        decide = cache(self._decide)

        self.compiled: Final[Mapping[int, Decision]] = {
            tag: decide(
                rows.get((_printed(tag), "")) or rows.get((f"({tag >> 16:04X},xxxx)", "")) or silent[entry.vr.decode()]
            )
            for tag, entry in dictionary.DICTIONARY.items()
        }
        within: defaultdict[int, dict[int, Decision]] = defaultdict(dict)
        for row in rows.values():
            if row.within:
                within[dictionary.tag(row.within)][dictionary.tag(row.keyword)] = decide(row)
        self.within: Final[Mapping[int, Mapping[int, Decision]]] = dict(within)
        self._printed: Final = {tag: decide(row) for (tag, below), row in rows.items() if not below}

    def _decide(self, row: Row) -> Decision:
        return Decision(*effective(row, self.options), row)

    def decision(self, tag: int, within: Sequence[int] = ()) -> Decision:
        """Return the decision on `tag` below the sequences `within`, outermost first."""
        for sequence in reversed(within):
            below = self.within.get(sequence)
            if below and tag in below:
                return below[tag]
        return self.compiled.get(tag) or self._printed[_pattern(tag)]

    @cached_property
    def contested(self) -> frozenset[int]:
        """Dates governed by both Retain Device Identity and the dates options that are not kept.

        A set with one of them does not keep everything that option 113109 promises.
        """
        return frozenset(
            tag
            for tag, decision in self.compiled.items()
            if decision.row.retain_device_identity == "K"
            and decision.row.retain_long_modified_dates
            and decision.action in (Action.DATE, *_BASIC.values())
        )

    @cached_property
    def identifying(self) -> Mapping[int, str]:
        """Attributes with identifying values that are removed or replaced, and the kind of identifier."""
        return {
            tag: decision.row.identifies
            for tag, decision in self.compiled.items()
            if decision.row.identifies and decision.action is not Action.KEEP
        }


@cache
def _policy(choice: Choice) -> Policy:
    return Policy(choice)


def policy_for(options: Options) -> Policy:
    """Return the policy for a collection's options; cached for equal options."""
    return _policy(
        Choice(options.dates, options.patient_characteristics, options.keep_machine, options.birth_date, options.times)
    )


def _printed(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _pattern(tag: int) -> str:
    """Return the pattern row for a tag that is not in the dictionary."""
    if tag & 0x00010000:
        return _ODD
    if not tag & 0xFFFF:
        return _GROUP_LENGTH
    repeating = f"({tag >> 24:02X}xx,"
    if repeating == "(50xx,":
        return "(50xx,xxxx)"
    if repeating == "(60xx,":
        return {0x3000: "(60xx,3000)", 0x4000: "(60xx,4000)"}.get(tag & 0xFFFF, "(60xx,xxxx)")
    return _UNKNOWN


class Code(NamedTuple):
    """One item of (0012,0064) *De-identification Method Code Sequence*; the scheme is DCM."""

    value: str
    meaning: str


# PS3.16 CID 7050.
_BASIC_PROFILE: Final = Code("113100", "Basic Application Confidentiality Profile")
_CLEAN_DESCRIPTORS: Final = Code("113105", "Clean Descriptors Option")
_FULL_DATES: Final = Code("113106", "Retain Longitudinal Temporal Information Full Dates Option")
_MODIFIED_DATES: Final = Code("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_PATIENT_CHARACTERISTICS: Final = Code("113108", "Retain Patient Characteristics Option")
_DEVICE_IDENTITY: Final = Code("113109", "Retain Device Identity Option")


def method_codes(options: Options, *, device_dates_touched: bool, unread_words: bool = False) -> list[Code]:
    """Return the codes of the options carried out on an object, and no others.

    With `dose_model` more is removed than Retain Patient Characteristics would keep, which the method says in words.
    With `age_sex` neither the Basic Profile (it removes both) nor Retain Patient Characteristics (it keeps more) was
    carried out; Retain Device Identity is not claimed where dates that belong to it were moved or removed.

    Parameters
    ----------
    options
        Those of the collection.
    device_dates_touched
        Whether an object of the set holds an attribute of `Policy.contested`.
    unread_words
        Whether texts of the set may hold unknown words that nobody has reviewed: then Clean Descriptors is not claimed.
    """
    whole = options.patient_characteristics in {"dose_model", "retain"}
    full_dates = [] if options.times == "remove" else [_FULL_DATES]
    return [
        *([_BASIC_PROFILE] if whole else []),
        *([] if unread_words else [_CLEAN_DESCRIPTORS]),
        *({"shift": [_MODIFIED_DATES], "keep": full_dates}.get(options.dates, [])),
        *([_PATIENT_CHARACTERISTICS] if whole else []),
        *([_DEVICE_IDENTITY] if options.keep_machine and not device_dates_touched else []),
    ]


@cache
def _version() -> str:
    """Return the version of this program, reading its file once."""
    return version("rt-set-anonymizer")


@cache
def _less_retained(patient_characteristics: str) -> tuple[str, ...]:
    if patient_characteristics != "dose_model":
        return ()
    lost = (
        row.keyword
        for row in read_table()
        if row.retain_patient_characteristics == "K" and not row.action and row.keyword not in _OF_DOSE_MODEL
    )
    lines = [_LESS]
    for keyword in dict.fromkeys(lost):
        if len(lines[-1]) + 1 + len(keyword) > _LONGEST_LO:
            lines.append(_LESS)
        lines[-1] += f" {keyword}"
    return tuple(lines)


_LESS: Final = "113108 without"
_LONGEST_LO: Final = 64


def less_retained(options: Options) -> tuple[str, ...]:
    """Return what is removed although Retain Patient Characteristics, which is claimed, would keep it: LO values."""
    return _less_retained(options.patient_characteristics)


def method_text(options: Options, extraordinary: Iterable[str] = ()) -> list[str]:
    """Return the values of (0012,0063) *De-identification Method*, which describe what was done.

    Parameters
    ----------
    options
        Options of the collection.
    extraordinary
        What was done to this set and is not done to every one: `relinked`, `age over 89 given as 090Y`. Each of at
        most 64 characters and without a backslash (PS3.5 6.2, LO).
    """
    return [
        f"rt-set-anonymizer {_version()}",
        f"policy {POLICY_EDITION} of {EDITION}",
        *(
            ["of the patient's characteristics age and sex only"]
            if options.patient_characteristics == "age_sex"
            else []
        ),
        *less_retained(options),
        *extraordinary,
    ]


def temporal_information(options: Options) -> str:
    """Return the value of (0028,0303) *Longitudinal Temporal Information Modified*. PS3.3 C.12.1."""
    kept = "MODIFIED" if options.times == "remove" else "UNMODIFIED"
    return {"shift": "MODIFIED", "keep": kept, "remove": "REMOVED"}[options.dates]
