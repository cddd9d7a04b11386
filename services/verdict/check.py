"""The check of a set before processing: what exists, how it is linked, and what is wrong.

A set is one patient's planning CT, one RT Structure Set, one RT Plan and one RT Dose. All faults are reported at once,
so that a single new export fixes them; and nothing is refused that a planning system would import as this one plan of
this one patient.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from services.rtset import folder_listing, not_taken, reader
from services.verdict.checks import (
    image_pixels,
    linked_objects,
    machine_fit,
    planning_import,
    readable_files,
    values_to_keep,
    whose_folder,
)
from services.verdict.findings import Findings
from services.verdict.selection import complete_sets, members, set_aside
from services.verdict.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from services.forms.collection_form import Options
    from services.machines.descriptor import Machine
    from services.policy.table import Policy
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import Contents, RtSet, SetFile
    from services.rtset.references import Objects
    from services.verdict.selection.set_aside import SetAside


def judge(
    folder: Path,
    options: Options,
    machines: Sequence[Machine],
    policy: Policy,
    listing: Listing | None = None,
    *,
    delivered: bool = False,
) -> Verdict:
    """Check the contents of a folder.

    Parameters
    ----------
    listing
        Listing of the folder, if it exists already.
    delivered
        Whether it is a set delivered by another collection; otherwise a published set is a copy, and refused.
    machines
        Descriptors named in the options, in order; none if the plan keeps its machine.

    Raises
    ------
    SetRefused
        The folder holds more than a set can have.
    SetChanged
        A file disappeared while being read.
    OSError
        Something cannot be read.
    """
    listing = listing or folder_listing.take(folder)
    contents = reader.read(folder, listing)
    return judge_contents(folder, contents, options, machines, policy, listing, delivered=delivered)


def judge_contents(
    folder: Path,
    contents: Contents,
    options: Options,
    machines: Sequence[Machine],
    policy: Policy,
    listing: Listing,
    aside: SetAside | None = None,
    *,
    delivered: bool = False,
) -> Verdict:
    """Check folder contents as one set.

    Parameters
    ----------
    contents
        Contents of the folder, or those that make up one of its sets.
    aside
        The part that belongs to the set, if already determined.
    delivered
        As for `judge`.
    """
    found = Findings()
    readable_files.judge(found, contents, listing, options)
    whose_folder.judge(found, contents, folder.name, delivered=delivered)
    aside = aside or set_aside.leave_out(contents.objects, options)
    found.notes += aside.notes()
    chosen = _choose(found, contents, aside.objects, options)
    found.missing += readable_files.not_ready(listing, options)
    doubts = image_pixels.judge(found, chosen, folder.name, options)
    linked = linked_objects.judge(found, chosen, aside.left_out, options)
    planning_import.judge(found, linked.objects, options, machine_replaced=bool(machines))
    fit = machine_fit.judge(found, linked.objects.plan, machines, options)
    whole = _assemble(found, folder, contents, listing, policy, linked, aside)
    return Verdict(
        counts={kind: len(files) for kind, files in aside.objects.items()},
        links=linked.states,
        machine=fit,
        faults=tuple(found.faults),
        missing=tuple(found.missing),
        notes=found.for_person(),
        record_notes=found.for_record(linked.objects),
        of_names=found.names_for_record(),
        accepted=Counter(found.accepted),
        listing=listing,
        empty=contents.empty,
        doubts=doubts,
        rtset=whole,
        not_taken=(*found.not_taken, *not_taken.of_set(folder, listing)),
    )


def _choose(
    found: Findings, contents: Contents, objects: Mapping[str, tuple[SetFile, ...]], options: Options
) -> Objects:
    """Choose the objects of the set; an object that cannot be read, or is of a private class, is not missing."""
    chosen = members.choose(objects)
    faults = chosen.faults
    if any(fault.code == whose_folder.TWO_PATIENTS for fault in found.faults):
        one_each = members.one_each(objects)
        faults = [fault for fault in faults if fault.code not in one_each]
    if options.plans == "refuse":
        faults = complete_sets.tell(faults, objects, options.accept)
    found.faults += faults
    reported = {*contents.private, *(one.kind for one in contents.unreadable if one.kind)}
    found.missing += [one for one in chosen.missing if one.code not in map(members.no_object, reported)]
    return chosen.objects


def _assemble(
    found: Findings,
    folder: Path,
    contents: Contents,
    listing: Listing,
    policy: Policy,
    linked: linked_objects.Linked,
    aside: SetAside,
) -> RtSet | None:
    """Return the set to anonymize; None if there are faults, those of its values to keep included."""
    slices, _, structure_set, plan, dose = linked.objects
    if found.faults or found.missing or not (structure_set and plan and dose):
        return None
    whole = reader.assemble(
        folder,
        listing,
        policy,
        slices=slices,
        structure_set=structure_set,
        plan=plan,
        dose=dose,
        relinked=linked.rebuilt,
        left_out=aside.left_out,
        beside=contents.beside,
    )
    values_to_keep.judge(found, whole)
    return None if found.faults else whole
