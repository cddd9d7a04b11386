"""What becomes of one set of a delivery: taken, there already, revised, refused, or left to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.errors import NotClean, SetChanged, TargetTaken
from services.exchange import received
from services.exchange.incoming import delivered_set
from services.exchange.incoming.outcome import Received, reported_only
from services.exchange.incoming.publishing import Coming
from services.exchange.received import Origin
from services.language import gettext, gettext_noop, joined, ngettext
from services.publication import forgotten, publish
from services.runtime.garbage import without_garbage_collection
from services.store.records import folder_name
from services.verdict import failed_proof

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from services.exchange.incoming.delivered_set import Judged
    from services.exchange.incoming.opening import Delivered
    from services.exchange.incoming.publishing import Publisher
    from services.exchange.received import Known
    from services.machines.descriptor import Machine
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.store.records import Record

_REVISED: Final = gettext_noop(
    "Its sender has revised it. A person must confirm this: `anonymizer receive` with this delivery."
)
_PARTS: Final = {"ct": gettext_noop("CT"), "dose": gettext_noop("dose"), "contours": gettext_noop("contours")}


MOST_NAMED: Final = 3
"""Sets that a sentence names; of copies of one phantom, hundreds have the same data."""


class Decision:
    """Decides on the sets of one delivery, and publishes those that are taken."""

    def __init__(
        self,
        collection: Collection,
        delivered: Delivered,
        known: Known,
        machines: Sequence[Machine],
        publisher: Publisher,
        *,
        by_person: bool,
    ) -> None:
        self._collection, self._delivered = collection, delivered
        self._known, self._machines = known, machines
        self._publisher, self._by_person = publisher, by_person

    def on(self, entry: Mapping[str, Any]) -> Received:
        """Check a set, and take it unless there is a reason not to.

        Parameters
        ----------
        entry
            Its entry in the manifest.
        """
        folder = str(entry["folder"])
        if wrong := self._delivered.wrong.get(folder):
            return Received(folder, "refused", says=tuple(wrong))
        if self._known.is_withdrawn(Origin.of(self._delivered, folder)):
            return Received(folder, "told", says=(gettext("Its sender has withdrawn it; it is not taken."),))
        lasting = self._collection.options.receive_identity == "keep"
        with without_garbage_collection(), self._delivered.fetched(entry, lasting=lasting) as (place, wrong):
            return Received(folder, "refused", says=tuple(wrong)) if wrong else self._judged(entry, place)

    def _judged(self, entry: Mapping[str, Any], place: Path) -> Received:
        """Check a set whose files match the manifest, and take it."""
        folder = str(entry["folder"])
        judged = delivered_set.judge(place, entry, self._collection.options, self._machines)
        if judged.rtset is None:
            return Received(folder, "refused", says=(*judged.wrong, *judged.remarks))
        try:
            return self._take(entry, judged, judged.rtset)
        except (NotClean, SetChanged, TargetTaken) as error:
            return Received(folder, "refused", says=_why_not_taken(error))

    def _take(self, entry: Mapping[str, Any], judged: Judged, rtset: RtSet) -> Received:
        collection, folder = self._collection, str(entry["folder"])
        set_id = collection.set_id(rtset.sop_instance_uids)
        origin = Origin.of(self._delivered, folder)
        one = Coming(entry, judged, rtset, set_id, origin, delivered_set.marks(rtset))
        there = publish.find(collection, set_id)
        earlier = self._known.of_origin(origin)
        person = received.person(collection, self._delivered, judged.patient_id)
        says = [*judged.remarks, *self._alike(one.marks, there or earlier, person)]
        if there is None and forgotten.is_kept(collection, set_id):
            why = gettext("It was forgotten here on request, and is not taken again.")
            return Received(folder, "waits", says=(why,))
        if there is not None:
            return self._again(one, there, says)
        if earlier is not None and not earlier.withdrawn:
            anon = folder_name(earlier.index)
            why = gettext("{anon} came as {folder} of the same sender, with other objects.", anon=anon, folder=folder)
            return Received(folder, "waits", anon, (*says, why))
        if collection.options.receive_identity == "keep" and any(
            whose != person for whose in self._known.whose(judged.patient_id)
        ):
            says.append(
                gettext(
                    "Its patient ID {patient_id} is another person's here, and a planning system would make one chart "
                    'of both. With [receive] identity = "renumber" it gets a new one.',
                    patient_id=judged.patient_id,
                )
            )
            return Received(folder, "waits", says=tuple(says))
        index = self._publisher.publish_new(one)
        return Received(folder, "taken", folder_name(index), tuple(says))

    def _again(self, one: Coming, there: Record, says: list[str]) -> Received:
        """Return the outcome of a set already here; a revision by its own sender replaces it."""
        entry, folder, anon = one.entry, one.folder, folder_name(there.index)
        came = there.content.get(received.KEY, {})
        if there.withdrawn:
            return reported_only(folder, anon, says, gettext("It was taken as {anon}, and withdrawn since.", anon=anon))
        if came.get("fingerprint") == entry["fingerprint"]:
            other = came.get("delivery")
            if other != self._delivered.id:
                says.append(gettext("It came as {anon} with delivery {other} before.", anon=anon, other=other))
            return Received(folder, "there already", anon, tuple(says))
        if not came:
            return reported_only(
                folder, anon, says, gettext("It is {anon}, which was published here itself.", anon=anon)
            )
        if Origin(came["key"], came["collection"], came["folder"]) != one.origin:
            other = gettext("It is {anon}, which another sender delivered differently.", anon=anon)
            return reported_only(folder, anon, says, other)
        if int(entry["revision"]) <= int(came.get("revision", 0)):
            later = gettext("{anon} is of a later revision; this one is not taken.", anon=anon)
            return reported_only(folder, anon, says, later)
        if not received.is_unchanged(self._collection, there):
            changed = gettext("{anon} was changed here; its revision is not taken.", anon=anon)
            return reported_only(folder, anon, says, changed)
        if not self._by_person:
            return Received(folder, "waits", anon, (*says, gettext(_REVISED)))
        self._publisher.publish(one, earlier=there)
        return Received(folder, "revised", anon, tuple(says))

    def _alike(self, marks: Mapping[str, str], itself: Record | None, person: str) -> list[str]:
        """Return a sentence for each combination of parts that other persons' sets share with it, most parts first."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for anon, same in self._known.like(marks, itself.index if itself else None, person):
            alike.setdefault(tuple(same), []).append(anon)
        return [_same_as(alike[same], same) for same in sorted(alike, key=len, reverse=True)]


def _same_as(anons: Sequence[str], same: Iterable[str]) -> str:
    named, others = joined(anons[:MOST_NAMED], ", "), len(anons[MOST_NAMED:])
    parts = joined(map(gettext, map(_PARTS.__getitem__, same)), ", ")
    if not others:
        return gettext("It has the same data as {anon} ({parts}): one patient twice?", anon=named, parts=parts)
    return ngettext(
        "It has the same data as {anon} and {count} other set ({parts}): one patient in all of them?",
        "It has the same data as {anon} and {count} other sets ({parts}): one patient in all of them?",
        others,
        anon=named,
        parts=parts,
    )


def _why_not_taken(error: NotClean | SetChanged | TargetTaken) -> tuple[str, ...]:
    """Return why a checked set was not taken, for the report."""
    if isinstance(error, NotClean):
        return tuple(map(failed_proof.in_words, error.reasons))
    if isinstance(error, SetChanged):
        return (gettext("Its files changed while it was being taken: receive the delivery again."),)
    return (gettext("A folder of other origin has the name that it was to get: find out who made it."),)
