"""Receiving of deliveries: each valid set is published here exactly once, like any other.

The receiver never sees an original, so a set is accepted for what it proves to be: signed with a trusted key, complete,
and consistent with its claims. Deviations are reported; sets with violations are refused individually.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from services.errors import NotClean, SetChanged, SettingsWrong, TargetTaken
from services.exchange import delivered_set, interrupted, opening, received, renumber
from services.exchange.received import Known, Origin
from services.forms.identity import NewIdentity
from services.language import gettext, gettext_noop, joined
from services.layout import published_in
from services.machines import descriptor
from services.maintenance import withdraw
from services.publication import claims, forgotten, high_water, index_ledger, publish
from services.publication.attempts import Attempt
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import Ledger, LedgerUnsettled
from services.runtime.garbage import without_garbage_collection
from services.store import records
from services.store.records import folder_name
from services.store.tracking_lines import TrackingFiles, TrackingLine
from services.verdict import failed_proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import redis

    from services.exchange.delivered_set import Judged
    from services.exchange.opening import Delivered
    from services.rtset.reader import RtSet
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.records import Record

State = Literal["taken", "there already", "revised", "waits", "refused", "told", "withdrawn"]
_REVISED: Final = gettext_noop(
    "Its sender has revised it. A person must confirm this: `anonymizer receive` with this delivery."
)
_WITHDRAWN: Final = gettext_noop(
    "Its sender has withdrawn it. A person must confirm this: `anonymizer receive` with this delivery."
)
_PARTS: Final = {"ct": gettext_noop("CT"), "dose": gettext_noop("dose"), "contours": gettext_noop("contours")}
UNFINISHED: Final = frozenset({"waits", "refused"})
_BEGINNINGS: Final = 5
"""Restarts of a set whose number was released during publication."""


class Busy(SettingsWrong):
    """Another process is receiving into this collection; try again when it is done."""

    def __str__(self) -> str:
        return str(self.__doc__)


class Received(NamedTuple):
    """Outcome of one set of a delivery."""

    folder: str
    """Folder name at the sender."""

    state: State
    anon: str = ""
    """Folder name here."""

    says: tuple[str, ...] = ()


def _why_not_taken(error: NotClean | SetChanged | TargetTaken) -> tuple[str, ...]:
    """Return why a checked set was not taken, for the report."""
    if isinstance(error, NotClean):
        return tuple(map(failed_proof.in_words, error.reasons))
    if isinstance(error, SetChanged):
        return (gettext("Its files changed while it was being taken: receive the delivery again."),)
    return (gettext("A folder of other origin has the name that it was to get: find out who made it."),)


def _told(folder: str, anon: str, says: Iterable[str], why: str) -> Received:
    return Received(folder, "told", anon, (*says, why))


class _Coming(NamedTuple):
    """A valid set being taken."""

    said: Mapping[str, Any]
    """Its entry in the manifest."""

    judged: Judged
    rtset: RtSet
    set_id: str
    origin: Origin
    marks: Mapping[str, str]
    """Digests that identify its voxels, dose and contours."""

    @property
    def folder(self) -> str:
        """Return its number at the sender."""
        return str(self.said["folder"])


@dataclass
class Told:
    """Outcome of a delivery."""

    id: str
    fingerprint: str
    hospital: str
    sets: list[Received] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    """Remarks about the delivery as a whole."""

    wrong: list[str] = field(default_factory=list)
    """Deviations from the manifest outside the sets."""

    @property
    def good(self) -> bool:
        """Return whether all of it was taken or was already here."""
        return not self.wrong and all(one.state not in UNFINISHED for one in self.sets)


def receive(
    collection: Collection,
    path: Path,
    settings: Settings,
    *,
    is_trusted: Callable[[str, Mapping[str, Any]], None],
    hospital: str = "",
    identity: Path | None = None,
    by_person: bool = True,
    client: redis.Redis | None = None,
) -> Told:
    """Receive a delivery into a collection.

    Parameters
    ----------
    is_trusted
        Raises unless the key with this fingerprint is trusted.
    hospital
        The sender's hospital, for the tracking file; as stated by the delivery by default.
    identity
        Private key file that decrypts the delivery.
    by_person
        Whether a person asks; otherwise revisions and withdrawals wait for one.
    client
        The service's Redis, if there is one: it allocates numbers, and remembers those lost by the share.

    Raises
    ------
    opening.Tampered
        Nothing is taken; the text says why.
    NumbersLost
        The share lacks published numbers, so none is given.
    Busy
        Another process is receiving into this collection.
    SettingsWrong
        There is no delivery, or it is where it would be taken for a set.
    OSError, redis.RedisError
        Temporary. Sets already taken stay; the next call continues.
    """
    numbers = _Numbers(collection, client, settings.health)
    numbers.check()
    workplace = received.workplace(collection)
    workplace.mkdir(exist_ok=True)
    with (
        _alone(workplace),
        interrupted.cleared(collection, numbers.release, left_overs=by_person),  # a service removes them itself
        opening.opened(path, workplace, identity=identity, is_trusted=is_trusted) as delivered,
    ):
        told = _Taking(collection, delivered, settings, hospital, numbers, by_person=by_person).take()
    numbers.check()
    return told


class _Taking:
    """One delivery being received."""

    def __init__(
        self,
        collection: Collection,
        delivered: Delivered,
        settings: Settings,
        hospital: str,
        numbers: _Numbers,
        *,
        by_person: bool,
    ) -> None:
        self._by_person, self._numbers = by_person, numbers
        self._collection, self._delivered, self._settings = collection, delivered, settings
        self._hospital = hospital
        self._known = Known(collection)
        self._machines = descriptor.named(collection.options.machine, descriptor.folders(settings.machines))
        self._at = datetime.now(UTC).isoformat(timespec="seconds")

    def take(self) -> Told:
        """Take the sets one by one, then apply withdrawals."""
        delivered = self._delivered
        told = Told(delivered.id, delivered.fingerprint, self._hospital, wrong=list(delivered.wrong.get("", ())))
        self._tell_replay(told)
        if delivered.said.get("unread_words"):
            told.says.append(gettext("Some of its texts have words that nobody has reviewed."))
        listed = {one["folder"] for one in delivered.sets}
        for folder in sorted(delivered.wrong.keys() - listed - {""}):
            told.sets.append(Received(folder, "refused", says=tuple(delivered.wrong[folder])))
        for said in delivered.sets:
            told.sets.append(self._one(said))
        told.sets += [self._withdrawn(said) for said in delivered.said["withdrawn"]]
        TrackingFiles(self._collection).render()
        received.note(
            self._collection,
            delivered,
            self._at,
            {"sets": {one.folder: {"state": one.state, "anon": one.anon} for one in told.sets}},
        )
        return told

    def _tell_replay(self, told: Told) -> None:
        before = received.before(self._collection, told.id)
        if before is None:
            return
        if before.get("digest") != self._delivered.digest:
            raise opening.Tampered(
                gettext("Another delivery of this id was received before: one of the two is not genuine.")
            )
        day = str(before.get("first"))[:10]
        told.says.append(gettext("The same delivery was received before, first on {day}.", day=day))

    def _one(self, said: Mapping[str, Any]) -> Received:
        """Check a set and take it."""
        folder = str(said["folder"])
        if wrong := self._delivered.wrong.get(folder):
            return Received(folder, "refused", says=tuple(wrong))
        lasting = self._collection.options.receive_identity == "keep"
        with without_garbage_collection(), self._delivered.fetched(said, lasting=lasting) as (place, wrong):
            return Received(folder, "refused", says=tuple(wrong)) if wrong else self._judged(said, place)

    def _judged(self, said: Mapping[str, Any], place: Path) -> Received:
        """Check a set whose files match the manifest, and take it."""
        folder = str(said["folder"])
        judged = delivered_set.judge(place, said, self._collection.options, self._machines)
        if judged.rtset is None:
            return Received(folder, "refused", says=(*judged.wrong, *judged.told))
        try:
            return self._take(said, judged, judged.rtset)
        except (NotClean, SetChanged, TargetTaken) as error:
            return Received(folder, "refused", says=_why_not_taken(error))

    def _take(self, said: Mapping[str, Any], judged: Judged, rtset: RtSet) -> Received:
        collection, folder = self._collection, str(said["folder"])
        set_id = collection.set_id(rtset.sop_instance_uids)
        origin = Origin.of(self._delivered, folder)
        one = _Coming(said, judged, rtset, set_id, origin, delivered_set.marks(rtset))
        there = publish.find(collection, set_id)
        earlier = self._known.of_origin(origin)
        says = [*judged.told, *self._alike(one.marks, there or earlier)]
        if there is None and forgotten.is_kept(collection, set_id):
            why = gettext("It was forgotten here on request, and is not taken again.")
            return Received(folder, "waits", says=(why,))
        if there is not None:
            return self._again(one, there, says)
        if earlier is not None and not earlier.withdrawn:
            anon = folder_name(earlier.index)
            told = gettext("{anon} came as {folder} of the same sender, with other objects.", anon=anon, folder=folder)
            return Received(folder, "waits", anon, (*says, told))
        person = self._person(judged.patient_id)
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
        index = self._publish_once(one)
        return Received(folder, "taken", folder_name(index), tuple(says))

    def _publish_once(self, one: _Coming) -> int:
        """Publish a set; restart if a service, which sees no folder of it, released its number meanwhile."""
        for _ in range(_BEGINNINGS):
            with suppress(claims.ClaimLost):
                return self._publish(one)
        raise LedgerUnsettled

    def _again(self, one: _Coming, there: Record, says: list[str]) -> Received:
        """Return the outcome of a set already here; a revision by its own sender replaces it."""
        said, folder, anon = one.said, one.folder, folder_name(there.index)
        came = there.content.get(received.KEY, {})
        if there.withdrawn:
            return _told(folder, anon, says, gettext("It was taken as {anon}, and withdrawn since.", anon=anon))
        if came.get("fingerprint") == said["fingerprint"]:
            other = came.get("delivery")
            if other != self._delivered.id:
                says.append(gettext("It came as {anon} with delivery {other} before.", anon=anon, other=other))
            return Received(folder, "there already", anon, tuple(says))
        if not came:
            return _told(folder, anon, says, gettext("It is {anon}, which was published here itself.", anon=anon))
        if Origin(came["key"], came["collection"], came["folder"]) != one.origin:
            other = gettext("It is {anon}, which another sender delivered differently.", anon=anon)
            return _told(folder, anon, says, other)
        if int(said["revision"]) <= int(came.get("revision", 0)):
            later = gettext("{anon} is of a later revision; this one is not taken.", anon=anon)
            return _told(folder, anon, says, later)
        if not self._is_unchanged(there):
            changed = gettext("{anon} was changed here; its revision is not taken.", anon=anon)
            return _told(folder, anon, says, changed)
        if not self._by_person:
            return Received(folder, "waits", anon, (*says, gettext(_REVISED)))
        self._publish(one, earlier=there)
        return Received(folder, "revised", anon, tuple(says))

    def _withdrawn(self, said: Mapping[str, Any]) -> Received:
        """Withdraw a set that its own sender has withdrawn, if it is as received."""
        folder = str(said["folder"])
        there = self._known.of_origin(Origin.of(self._delivered, folder))
        if there is None:
            never = gettext("Its sender has withdrawn it; it was never taken here.")
            return Received(folder, "told", says=(never,))
        anon = folder_name(there.index)
        if there.withdrawn:
            with suppress(FileExistsError):  # another folder has that name: `doctor` reports it
                withdraw.withdraw_set(self._collection, there.index)  # completes an interrupted withdrawal
            return Received(folder, "withdrawn", anon, (gettext("It was withdrawn here before."),))
        if not self._is_unchanged(there):
            changed = gettext("Its sender has withdrawn it; {anon} was changed here and stays.", anon=anon)
            return _told(folder, anon, (), changed)
        if not self._by_person:
            return Received(folder, "waits", anon, (gettext(_WITHDRAWN),))
        withdraw.withdraw_set(self._collection, there.index)
        return Received(folder, "withdrawn", anon)

    def _publish(self, one: _Coming, *, earlier: Record | None = None) -> int:
        """Publish a set like any other: claim, attempt, rename, record, line."""
        collection, said, judged = self._collection, one.said, one.judged
        person = self._person(judged.patient_id)
        index = self._numbers.claim(one.set_id)
        attempt = Attempt.begin(collection, one.set_id, index)
        try:
            new = self._identity(index, person) if collection.options.receive_identity == "renumber" else None
            hashes = self._write(one.rtset, new, person, said, attempt.folder)
            sizes = {name: (attempt.folder / name).stat().st_size for name in hashes}
            hospital = self._hospital or str(said.get("hospital", "")) or "unknown"
            content = {
                "identity": {
                    "patient_id": new.patient_id if new else judged.patient_id,
                    "patient_name": new.patient_name if new else judged.patient_name,
                },
                "proof": {
                    "checks": dict(said.get("verdicts", {})),
                    "files": {name: {"sha256": hashes[name], "size_bytes": sizes[name]} for name in sorted(hashes)},
                },
                **{key: said[key] for key in ("policy", "method", "options", "machine", "links") if key in said},
                "accepted": dict.fromkeys(said.get("accepted", ()), 1),
                "told": list(said.get("told", ())),
                received.KEY: {
                    "key": one.origin.key,
                    "collection": one.origin.collection,
                    "folder": one.origin.folder,
                    "delivery": self._delivered.id,
                    "revision": said["revision"],
                    "fingerprint": said["fingerprint"],
                    "patient_id": judged.patient_id,
                    "person": person,
                    "identity": collection.options.receive_identity,
                    "marks": dict(one.marks),
                    "at": self._at,
                },
            }
            plan = next(name for name in hashes if name.startswith("RP."))
            today = datetime.now(self._settings.timezone).date()
            line = TrackingLine(
                judged.patient_id, content["identity"]["patient_id"], judged.plan_label, hospital, today
            )
            publish.publish(attempt, content, line, plan, instead_of=earlier)
        except BaseException:
            attempt.discard()
            raise
        published = records.read(collection, index)
        assert published is not None
        self._known.add(published)
        self._numbers.remember(index)
        return index

    def _identity(self, index: int, person: str) -> NewIdentity:
        """Return the new identity of a delivered person: the existing one, or that of this number."""
        first = self._known.first_of(person)
        if first is None:
            return self._collection.identity.numbered(index)
        became = first.content["identity"]
        return NewIdentity(became["patient_id"], became["patient_name"], first.index)

    def _write(
        self, rtset: RtSet, new: NewIdentity | None, person: str, said: Mapping[str, Any], folder: Path
    ) -> dict[str, str]:
        """Write a set into the folder of an attempt, unchanged or renumbered; return the hashes of its files."""
        if new is not None:
            return renumber.write(rtset, new, self._collection.set_key(person), folder)
        for name in said["files"]:
            (rtset.folder / name).rename(folder / name)
        return {name: str(file["sha256"]) for name, file in said["files"].items()}

    def _person(self, patient_id: str) -> str:
        """Return the identifier of a delivered person, specific to the sender's collection."""
        delivered = self._delivered
        whose = f"{delivered.fingerprint} {delivered.said['sender'].get('collection', '')} {patient_id}"
        return self._collection.mark(b"delivered person " + whose.encode())[:32]

    def _alike(self, marks: Mapping[str, str], itself: Record | None) -> list[str]:
        found = self._known.like(marks, itself.index if itself else None)
        return [
            gettext(
                "It has the same data as {anon} ({parts}): one patient twice?",
                anon=anon,
                parts=joined(map(gettext, map(_PARTS.__getitem__, same)), ", "),
            )
            for anon, same in found
        ]

    def _is_unchanged(self, there: Record) -> bool:
        """Return whether a received set is unchanged since it was taken."""
        folder, hashes = self._collection.root / folder_name(there.index), there.hashes
        if not folder.is_dir() or set(published_in(folder)) != hashes.keys():
            return False
        return all(records.hash_of(folder / name) == digest for name, digest in hashes.items())


class _Numbers:
    """Numbers of a collection, allocated as for any set: by Redis if available, confirmed by the share."""

    def __init__(self, collection: Collection, client: redis.Redis | None, own: Path | None) -> None:
        self._collection, self._client, self._own = collection, client, own
        self._ledger = Ledger(collection, client) if client is not None else None

    def check(self) -> None:
        """Compare the share with the remembered numbers, and remember those on the share."""
        if self._client is not None:
            high_water.check(self._client, self._collection, self._own)
        elif lost := high_water.missing(None, self._collection, self._own):
            raise NumbersLost(max(lost))

    def claim(self, set_id: str) -> int:
        """Return the number of a set: the one it holds, or the smallest free one from the initial index on."""
        locator = interrupted.locator(self._collection, set_id)
        return self._ledger.claim(set_id, locator) if self._ledger else self._of_share(set_id, locator)

    def release(self, set_id: str) -> bool:
        """Release the number held by a set; return False if the set turns out to be published."""
        if self._ledger is not None:
            return self._ledger.release(set_id)
        return index_ledger.release(self._collection, set_id, partial(index_ledger.give_back, self._collection))

    def remember(self, index: int) -> None:
        """Note that a number was published."""
        if self._client is not None:
            high_water.remember(self._client, self._collection.id, index)

    def _of_share(self, set_id: str, locator: str) -> int:
        index = self._collection.identity.initial_index
        while True:
            held = claims.held(self._collection, set_id)
            if held is not None:
                return held.index
            taken = claims.taken(self._collection)
            while index in taken:
                index += 1
            found = claims.take(self._collection, index, set_id, locator)
            if found is not None:
                return found.index
            index += 1


@contextmanager
def _alone(workplace: Path) -> Iterator[None]:
    """Lock a collection for receiving by one process, and delete what a killed one left unpacked."""
    descriptor_ = os.open(workplace / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor_, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        except OSError:
            pass  # a share without lock support: claims and renames still protect what matters
        for path in workplace.glob("unpacked-*"):
            shutil.rmtree(path, ignore_errors=True)
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor_)
