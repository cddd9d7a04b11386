"""The check of a folder in a form that can be displayed and passed between processes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from services.errors import SetChanged, SetRefused
from services.language import gettext, printable, speaking
from services.layout import quoted
from services.policy.object_kinds import NAMES
from services.policy.table import policy_for
from services.policy.text_roles import CALLED, OF_PERSON
from services.rtset import folder_listing
from services.store import tracking_lines
from services.store.registry import CHOOSE_PLANS
from services.verdict import folder_sets
from services.verdict.selection import complete_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from services.errors import Fault
    from services.forms.collection_form import Options
    from services.layout import NotTaken
    from services.machines.descriptor import Machine
    from services.machines.fit import Fit
    from services.rtset.reader import RtSet, SetFile
    from services.verdict.folder_sets import FolderVerdict
    from services.verdict.selection.complete_sets import Candidate
    from services.verdict.verdict import Verdict

    Chosen: TypeAlias = Callable[[Path, SetFile], bool | None]
    Asked: TypeAlias = "Callable[[RtSet], Travelling]"


@dataclass(frozen=True, slots=True)
class Beam:
    """How a treatment beam of a plan fits the machine."""

    number: int | None
    """None if it concerns the plan as a whole."""
    state: Literal["fits", "differs", "blocks"]
    says: Sequence[str]


@dataclass(frozen=True, slots=True)
class PlanOfFolder:
    """One plan of a multi-set folder."""

    ordinal: int
    """Number by which a person chooses it."""
    plan: str
    """Its label."""
    date: str
    """ISO 8601; empty if not stated."""
    approval: str
    prescription: str
    beams: int
    verdict: Literal["good", "incomplete", "refused", "not taken", "to be chosen"]
    faults: Sequence[Mapping[str, str]] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Travelling:
    """Texts and statements about the person that a set would publish."""

    texts: Mapping[str, Sequence[str]]
    """Distinct cleaned texts, by role."""

    person: Mapping[str, str]
    """Statements about the person, by keyword."""

    unread: Sequence[str]
    """Unknown words of the texts that no person has reviewed."""


@dataclass(frozen=True, slots=True)
class FolderSummary:
    """Result of checking one folder."""

    folder: str
    verdict: Literal["good", "incomplete", "refused", "no set", "cannot be read"]
    counts: Mapping[str, int]
    links: Mapping[str, str]
    machine: str
    """The machine that the plan fits, or `does not fit`; empty if not checked."""
    faults: Sequence[Mapping[str, str]]
    notes: Sequence[str]
    beams: Sequence[Beam] = ()

    fingerprint: str = ""
    """Fingerprint of the folder as checked."""

    not_taken: Sequence[NotTaken] = ()
    """Entries of the folder that may hold DICOM but are not part of the set."""

    sets: Sequence[PlanOfFolder] = ()
    """Plans of a multi-set folder, in order of their ordinals; all other fields then combine its sets."""

    unread_words: Sequence[str] = ()
    """Unknown words that would be published and that no person has reviewed, if requested."""

    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Cleaned texts that would be published, by role, if requested."""

    person: Mapping[str, str] = field(default_factory=dict)
    """Statements about the person, by keyword, if requested."""


def summarize(
    folder: Path,
    options: Options,
    machines: Sequence[Machine],
    chosen: Chosen | None = None,
    travelling: Asked | None = None,
) -> FolderSummary:
    """Check one folder; if called in a process of its own, the memory for reading it stays there.

    Parameters
    ----------
    chosen
        Returns whether a person chose a plan or left it out; None if not asked yet.
    travelling
        Returns the texts that a valid set would publish.
    """
    with speaking(options.language):
        return _summarize(folder, options, machines, chosen, travelling)


def _summarize(
    folder: Path,
    options: Options,
    machines: Sequence[Machine],
    chosen: Chosen | None,
    travelling: Asked | None,
) -> FolderSummary:
    try:
        listing = folder_listing.take(folder)
        decision = partial(chosen, folder) if chosen else _nobody
        judged = folder_sets.judge(folder, options, machines, policy_for(options), listing, decision)
        good = [one.verdict for one in judged.sets if one.verdict.good and not one.verdict.empty]
        published = [travelling(verdict.good_set()) for verdict in good] if travelling else []
        if len(judged.sets) == 1 and not judged.candidates:
            return _with_texts(_of_one(folder, judged.sets[0].verdict), published)
        return _with_texts(_of_several(folder, judged, listing.fingerprint), published)
    except SetRefused as refused:
        return FolderSummary(folder.name, "refused", {}, {}, "", list(map(_fault, refused.faults)), ())
    except SetChanged:
        return FolderSummary(folder.name, "cannot be read", {}, {}, "", (), (gettext("It is changing."),))
    except OSError as error:
        return FolderSummary(folder.name, "cannot be read", {}, {}, "", (), (error.strerror or type(error).__name__,))


def _with_texts(judgement: FolderSummary, published: Sequence[Travelling]) -> FolderSummary:
    """Add the texts that the sets of a folder would publish."""
    if not published:
        return judgement
    texts: defaultdict[str, set[str]] = defaultdict(set)
    person: defaultdict[str, set[str]] = defaultdict(set)
    for one in published:
        for role, some in one.texts.items():
            texts[role].update(some)
        for keyword, says in one.person.items():
            person[keyword].add(says)
    return replace(
        judgement,
        unread_words=sorted({word for one in published for word in one.unread}),
        texts={role: sorted(texts[role]) for role in CALLED if role in texts},
        person={keyword: ", ".join(sorted(person[keyword])) for keyword in OF_PERSON if keyword in person},
    )


def _nobody(_: SetFile) -> None:
    return None


def _of_one(folder: Path, verdict: Verdict) -> FolderSummary:
    fit = verdict.machine
    return FolderSummary(
        folder.name,
        "no set" if verdict.empty else _word(verdict),
        verdict.counts,
        verdict.links,
        "" if fit is None else fit.machine.name if fit.fits else "does not fit",
        [_fault(fault) for fault in (*verdict.faults, *verdict.missing)],
        (*verdict.notes, *_formulas(verdict)),
        list(_beams(fit)) if fit else (),
        verdict.listing.fingerprint,
        verdict.not_taken,
    )


def _formulas(verdict: Verdict) -> Iterator[str]:
    """Yield the parts of the set's tracking line that a spreadsheet would interpret as formulas."""
    if verdict.rtset is None:
        return
    plan = verdict.rtset.plan.view
    for what, value in (
        (gettext("patient ID"), plan.text("PatientID")),
        (gettext("plan label"), plan.text("RTPlanLabel")),
    ):
        if tracking_lines.is_formula(value):
            yield (
                gettext(
                    "A spreadsheet would take the {what} for a formula: import the tracking file into it with its "
                    "columns as text.",
                    what=what,
                )
            )


def _word(verdict: Verdict) -> Literal["good", "refused", "incomplete"]:
    return "good" if verdict.good else "refused" if verdict.faults else "incomplete"


def _of_several(folder: Path, judged: FolderVerdict, fingerprint: str) -> FolderSummary:
    """Combine the verdicts on the sets of a folder; it is good if all sets used are."""
    rows = [_row(one, judged) for one in judged.candidates]
    alone = [one for one in judged.sets if one.plan is None]
    each = [(f"{one.ordinal}. " if one.ordinal else "", _of_one(folder, one.verdict)) for one in judged.sets]
    words = {one.verdict for _, one in each} | ({"incomplete"} if judged.undecided else set())
    faults = [{**fault, "found": f"{number}{fault['found']}"} for number, one in each for fault in one.faults]
    if judged.undecided:
        asked = "; ".join(f"{one.ordinal}. {one.describe_with_dose()}" for one in judged.undecided)
        faults.append(
            {
                "code": CHOOSE_PLANS,
                "found": gettext("Several plans are here, and a person must choose: {plans}.", plans=asked),
                "remedy": f"anonymizer choose ROOT {quoted(folder.name)} NUMBER…",
            }
        )
    by_kind = {
        kind: len({id(one) for candidate in judged.candidates for one in candidate.objects[kind]}) for kind in NAMES
    }
    return FolderSummary(
        folder.name,
        next((word for word in ("refused", "incomplete") if word in words), "good" if each else "no set"),
        alone[0].verdict.counts if alone else by_kind,
        _links([one.links for _, one in each]),
        ", ".join(dict.fromkeys(one.machine for _, one in each if one.machine)),
        faults,
        list(dict.fromkeys(f"{number}{note}" for number, one in each for note in one.notes)),
        fingerprint=fingerprint,
        not_taken=judged.not_taken,
        sets=rows,
    )


def _row(candidate: Candidate, judged: FolderVerdict) -> PlanOfFolder:
    taken = next((one.verdict for one in judged.sets if one.ordinal == candidate.ordinal), None)
    day = complete_sets.plan_date(candidate.plan)
    return PlanOfFolder(
        candidate.ordinal,
        printable(candidate.plan.view.text("RTPlanLabel")),
        day.isoformat() if day else "",
        printable(complete_sets.approval(candidate.plan)),
        candidate.prescription,
        candidate.beams,
        _word(taken) if taken else "to be chosen" if candidate in judged.undecided else "not taken",
        [_fault(fault) for fault in (*taken.faults, *taken.missing)] if taken else (),
        taken.notes if taken else (),
    )


def _links(every: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """Return for each link the first state other than the best."""
    names = dict.fromkeys(name for links in every for name in links)
    return {
        name: next((links[name] for links in every if links.get(name, "shown") != "shown"), "shown") for name in names
    }


def _beams(fit: Fit) -> Iterator[Beam]:
    for number in dict.fromkeys((*fit.beams, *(finding.beam_number for finding in fit.blocks))):
        blocks = [finding.sentence for finding in fit.blocks if finding.beam_number == number]
        differs = [finding.sentence for finding in fit.differs if finding.beam_number == number]
        yield Beam(number, "blocks" if blocks else "differs" if differs else "fits", (*blocks, *differs))


def _fault(fault: Fault) -> Mapping[str, str]:
    return {"code": fault.code, "found": fault.found, "remedy": fault.remedy}
