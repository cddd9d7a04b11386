"""The check of one folder, in words and numbers that can be shown, and handed from one process to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.errors import SetChanged, SetRefused
from services.policy.table import policy_for
from services.verdict import check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from services.errors import Fault
    from services.forms.collection_form import Options
    from services.layout import NotTaken
    from services.machines.descriptor import Machine
    from services.machines.fit import Fit
    from services.verdict.check import Verdict


@dataclass(frozen=True, slots=True)
class Beam:
    """How one treatment beam of a plan stands to the machine."""

    number: int | None
    """None where the plan as a whole is meant."""
    state: Literal["fits", "differs", "blocks"]
    says: Sequence[str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the check found in one folder."""

    folder: str
    verdict: Literal["good", "incomplete", "refused", "no set", "cannot be read"]
    counts: Mapping[str, int]
    links: Mapping[str, str]
    machine: str
    """Which one the plan fits, or `does not fit`; empty where nothing was asked."""
    faults: Sequence[Mapping[str, str]]
    notes: Sequence[str]
    beams: Sequence[Beam] = ()

    fingerprint: str = ""
    """Of the folder as it was judged."""

    not_taken: Sequence[NotTaken] = ()
    """What lies in the folder, may hold DICOM, and is no part of the set."""


def judge_folder(folder: Path, options: Options, machines: Sequence[Machine]) -> Judgement:
    """Judge one folder; called in a process of its own, what it read stays there."""
    try:
        return _judgement(folder, check.judge(folder, options, machines, policy_for(options)))
    except SetRefused as refused:
        return Judgement(folder.name, "refused", {}, {}, "", list(map(_fault, refused.faults)), ())
    except SetChanged:
        return Judgement(folder.name, "cannot be read", {}, {}, "", (), ("It changes just now.",))
    except OSError as error:
        return Judgement(folder.name, "cannot be read", {}, {}, "", (), (error.strerror or type(error).__name__,))


def _judgement(folder: Path, verdict: Verdict) -> Judgement:
    fit = verdict.machine
    return Judgement(
        folder.name,
        "no set" if verdict.empty else "good" if verdict.good else "refused" if verdict.faults else "incomplete",
        verdict.counts,
        verdict.links,
        "" if fit is None else fit.machine.name if fit.fits else "does not fit",
        [_fault(fault) for fault in (*verdict.faults, *verdict.missing)],
        verdict.notes,
        list(_beams(fit)) if fit else (),
        verdict.listing.fingerprint,
        verdict.not_taken,
    )


def _beams(fit: Fit) -> Iterator[Beam]:
    for number in dict.fromkeys((*fit.beams, *(finding.beam_number for finding in fit.blocks))):
        blocks = [finding.sentence for finding in fit.blocks if finding.beam_number == number]
        differs = [finding.sentence for finding in fit.differs if finding.beam_number == number]
        yield Beam(number, "blocks" if blocks else "differs" if differs else "fits", (*blocks, *differs))


def _fault(fault: Fault) -> Mapping[str, str]:
    return {"code": fault.code, "found": fault.found, "remedy": fault.remedy}
