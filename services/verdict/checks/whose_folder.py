"""Whose objects a folder holds: those of one patient, as exported, and not a published set of this program."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.forms.identity import stated_day
from services.language import and_more, gettext, gettext_noop, named, ngettext, printable
from services.policy.object_kinds import NAMES, PLAN
from services.rtset import not_taken
from services.verdict.checks import already_removed
from services.verdict.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.rtset.reader import Contents, SetFile

TWO_PATIENTS: Final = "two-patients"

_DIFFERENT: Final = {
    "PatientName": gettext_noop("The objects state {count} different names of the patient."),
    "PatientSex": gettext_noop("The objects state {count} different sexes."),
    "PatientBirthDate": gettext_noop("The objects state {count} different birth dates."),
}


def faults(folder: Path, contents: Contents) -> list[Fault]:
    """Return faults of the folder as a whole, whatever its sets: two patients, sets made by this program."""
    found = Findings()
    judge(found, contents, folder.name, delivered=False)
    return found.faults


def judge(found: Findings, contents: Contents, folder: str, *, delivered: bool) -> None:
    """Refuse objects of several patients, as far as they state a patient."""
    files = [file for kind in NAMES for file in contents.objects[kind]]
    ours = [] if delivered else list(already_removed.by_us(files))
    found.faults += ours
    found.record_notes += [] if ours or delivered else already_removed.by_others(files)
    by_id: defaultdict[str, list[SetFile]] = defaultdict(list)
    for file in files:
        by_id[file.view.text("PatientID").casefold()].append(file)
    silent = by_id.pop("", [])
    if len(by_id) > 1:
        patients = sorted(by_id.values(), key=len, reverse=True)
        found.faults.append(_two_patients(patients))
        found.not_taken = not_taken.nested(folder, patients)
    if silent:
        found.notes.append(gettext("No patient ID in {names}.", names=named(one.called for one in silent)))
    for keyword, says in _DIFFERENT.items():
        values = [file.view.text(keyword) for file in files]
        different: set[object] = {value.casefold().rstrip("^ ") for value in values}
        if keyword == "PatientBirthDate":
            different = set(map(stated_day, values))
        different -= {"", None}
        if len(different) > 1:
            found.add_file_notes([gettext(says, count=len(different))])
    studies = {file.uid("StudyInstanceUID") for file in files} - {""}
    if len(studies) > 1:
        found.add_file_notes([gettext("The objects belong to {count} studies.", count=len(studies))])


def _two_patients(patients: Sequence[Sequence[SetFile]]) -> Fault:
    """Return the fault of a folder with several patients: each one's counts, plan, and files."""
    ids = [files[0].view.text("PatientID") for files in patients]
    counted = []
    for patient_id, files in zip(ids, patients, strict=True):
        labels = [one.view.text("RTPlanLabel") or gettext("without a label") for one in files if one.kind == PLAN]
        plans = gettext(", plan {names}", names=named(labels)) if labels else ""
        counted.append(
            ngettext(
                "{count} object of patient {patient}{plans}",
                "{count} objects of patient {patient}{plans}",
                len(files),
                patient=printable(patient_id),
                plans=plans,
            )
        )
    zeros = ""
    if len({patient_id.lstrip("0").casefold() for patient_id in ids}) < len(ids):
        zeros = " " + gettext("Some of the IDs differ by leading zeros only.")
    below = "".join(f"\n{printable(one)}: {_by_kind(files)}." for one, files in zip(ids, patients, strict=True))
    return Fault(
        TWO_PATIENTS,
        gettext(
            "There are two or more patient IDs here: {patients}.{zeros}",
            patients="; ".join(counted),
            zeros=zeros,
        )
        + below,
        f"{gettext(not_taken.MOVE_UP)}."
        if not_taken.each_has_a_folder(patients)
        else gettext(
            "Put each patient's objects in a folder of their own, or export the plan with its own CT once more."
        ),
    )


def _by_kind(files: Sequence[SetFile]) -> str:
    """List objects by file, and of many of a kind only the first, since file names often are UIDs."""
    kinds = {kind: [one.path for one in files if one.kind == kind] for kind in NAMES}
    return ", ".join(
        f"{NAMES[kind]} {and_more(printable(paths[0]), len(paths) - 1)}" for kind, paths in kinds.items() if paths
    )
