"""What was promised for a published set: by its record, or, without one, by the form."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from services.deidentify.uid_map import UidMap
from services.dicom import dates
from services.dicom.dataset import read_view
from services.errors import SetRefused
from services.forms import structure_list
from services.forms.identity import NewIdentity
from services.machines import descriptor
from services.policy import table
from services.policy.table import Choice
from services.proof.prove import Expected
from services.proof.values import REBUILT
from services.publication import new_identity, persons
from services.rtset import reader
from services.store import records, structure_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from services.policy.table import Policy
    from services.proof.compare_elements import MachineIdentity
    from services.rtset.reader import SetFile
    from services.store.collection import Collection
    from services.store.records import Record

_BEAMS = ("BeamSequence", "IonBeamSequence")


class _Moved(NamedTuple):
    """The target machine of a plan, from the record of its set."""

    name: str
    manufacturer: str
    model: str


def of_set(
    anon: Path, collection: Collection, published: Record | None, objects: Iterable[SetFile], machines: Iterable[Path]
) -> Expected:
    """Return what a published set must hold.

    Parameters
    ----------
    anon
        The published folder.
    published
        Its record; None if it has none.
    objects
        The objects of its source.
    machines
        Folders with machine descriptors.
    """
    index = records.index_of(anon.name)
    if published is None:
        return _formed(anon, collection, index, machines)
    content = published.content
    recorded = "options" in content
    expected = (
        _recorded(content, collection, index, machines) if recorded else _formed(anon, collection, index, machines)
    )
    return replace(
        expected,
        unread_words=None if content.get("linked") else published.unread_words,  # linked sets do not claim 113105
        taken=collection.recognizer(published.taken_words),
        new_uid=_uids_by_key(collection, published) if recorded else None,
        shift=_shift_by_key(collection, published, objects, expected.policy) if recorded else None,
    )


def _uids_by_key(collection: Collection, published: Record) -> Callable[[str], str] | None:
    """Return the function that makes the new UIDs of a published set; None if the record names no set."""
    return UidMap(persons.secret_of(collection, published)) if published.set_id else None


def _shift_by_key(
    collection: Collection, published: Record, objects: Iterable[SetFile], policy: Policy
) -> timedelta | None:
    """Return by how much the dates of a published set were moved back, from its key or its person's entry.

    None if the record names no set of this collection, dates do not move, or the shift is unknown.
    """
    if not published.set_id or published.content.get("received") or policy.options.dates != "shift":
        return None
    key = str(published.content.get(persons.KEY, persons.OF_SET))
    if key != persons.OF_SET:
        person = persons.read(collection, key.partition(":")[2])
        return timedelta(weeks=person.weeks) if person is not None and person.weeks else None
    try:
        return dates.choose_shift(collection.set_key(published.set_id), reader.days_of(objects, policy))
    except SetRefused:  # it now contains more dates than any shift keeps apart, so is not what was published
        return None


def _recorded(content: Mapping[str, Any], collection: Collection, index: int, machines: Iterable[Path]) -> Expected:
    """Return what was promised for a published set, from its record."""
    options, now = content["options"], new_identity.of_published(collection, index)
    identity, moved, linked = content.get("identity", {}), content.get("machine"), content.get("linked", {})
    target: MachineIdentity | None = _Moved(**moved) if moved else None
    if (
        "machine" not in content and options["machine"] != descriptor.KEEP
    ):  # written before records held more than its name
        target = descriptor.find(options["machine"], tuple(machines))
    return Expected(
        NewIdentity(identity.get("patient_id", now.patient_id), identity.get("patient_name", now.patient_name), index),
        table.policy_for(Choice.recorded(options)),
        target,
        options["scanner"],
        relinked=any(REBUILT in text for text in content["method"]["text"]),
        naming=structure_lists.kept(collection, str(content.get("structures", {}).get("list", ""))),
        birth_date=linked.get("birth_date"),
        study_ids=linked.get("study_ids", {}),
    )


def _formed(anon: Path, collection: Collection, index: int, machines: Iterable[Path]) -> Expected:
    """Return what the form promises; machine and rebuilt references are read from statements in the output."""
    options = collection.options
    plan = next((view for view in map(read_view, sorted(anon.glob("RP.*.dcm"))) if view is not None), None)
    named = {beam.text("TreatmentMachineName") for keyword in _BEAMS for beam in plan.items(keyword)} if plan else set()
    fitting = descriptor.named(options.machine, tuple(machines))
    return Expected(
        new_identity.of_published(collection, index),
        table.policy_for(options),
        next((one for one in fitting if one.name in named), fitting[0]) if fitting else None,
        options.scanner if options.machine else "",
        relinked=plan is not None and REBUILT in plan.text("DeidentificationMethod"),
        naming=structure_list.Naming(),
    )
