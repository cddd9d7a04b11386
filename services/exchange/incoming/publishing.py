"""Publication of a delivered set, like any other: claim, attempt, rename, record, line."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.exchange import received
from services.exchange.incoming import renumber
from services.forms.identity import NewIdentity
from services.publication import claims, publish
from services.publication.attempts import Attempt
from services.publication.index_ledger import LedgerUnsettled
from services.store import records
from services.store.tracking_lines import TrackingLine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.exchange.incoming.delivered_set import Judged
    from services.exchange.incoming.numbers import Numbers
    from services.exchange.incoming.opening import Delivered
    from services.exchange.received import Known, Origin
    from services.rtset.reader import RtSet
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.records import Record

_BEGINNINGS: Final = 5
"""Restarts of a set whose number was released during publication."""


class Coming(NamedTuple):
    """A valid set of a delivery."""

    entry: Mapping[str, Any]
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
        return str(self.entry["folder"])


class Publisher:
    """Publishes the sets of one delivery."""

    def __init__(
        self,
        collection: Collection,
        delivered: Delivered,
        settings: Settings,
        known: Known,
        numbers: Numbers,
        hospital: str,
        at: str,
    ) -> None:
        self._collection, self._delivered, self._settings = collection, delivered, settings
        self._known, self._numbers = known, numbers
        self._hospital, self._at = hospital, at

    def publish_new(self, one: Coming) -> int:
        """Publish a set; restart if a service, which sees no folder of it, released its number meanwhile."""
        for _ in range(_BEGINNINGS):
            with suppress(claims.ClaimLost):
                return self.publish(one)
        raise LedgerUnsettled

    def publish(self, one: Coming, *, earlier: Record | None = None) -> int:
        """Publish a set, in place of its earlier revision if there is one, and return its number."""
        collection, judged = self._collection, one.judged
        person = received.person(collection, self._delivered, judged.patient_id)
        index = self._numbers.claim(one.set_id)
        attempt = Attempt.begin(collection, one.set_id, index)
        try:
            new = self._identity(index, person) if collection.options.receive_identity == "renumber" else None
            hashes = self._write(one.rtset, new, person, one.entry, attempt.folder)
            sizes = {name: (attempt.folder / name).stat().st_size for name in hashes}
            content = self._content(one, new, person, hashes, sizes)
            hospital = self._hospital or str(one.entry.get("hospital", "")) or "unknown"
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

    def _content(
        self, one: Coming, new: NewIdentity | None, person: str, hashes: Mapping[str, str], sizes: Mapping[str, int]
    ) -> dict[str, Any]:
        """Return the record's content: what the sender's record says of the set, and where it came from."""
        entry, judged = one.entry, one.judged
        return {
            "identity": {
                "patient_id": new.patient_id if new else judged.patient_id,
                "patient_name": new.patient_name if new else judged.patient_name,
            },
            "proof": {
                "checks": dict(entry.get("verdicts", {})),
                "files": {name: {"sha256": hashes[name], "size_bytes": sizes[name]} for name in sorted(hashes)},
            },
            **{key: entry[key] for key in ("policy", "method", "options", "machine", "links") if key in entry},
            "accepted": dict.fromkeys(entry.get("accepted", ()), 1),
            "told": list(entry.get("told", ())),
            "words": {"unread": entry.get("unread_words", 0)},
            received.KEY: {
                "key": one.origin.key,
                "collection": one.origin.collection,
                "folder": one.origin.folder,
                "delivery": self._delivered.id,
                "revision": entry["revision"],
                "fingerprint": entry["fingerprint"],
                "patient_id": judged.patient_id,
                "person": person,
                "identity": self._collection.options.receive_identity,
                "marks": dict(one.marks),
                "at": self._at,
            },
        }

    def _identity(self, index: int, person: str) -> NewIdentity:
        """Return the new identity of a delivered person: the existing one, or that of this number."""
        first = self._known.first_of(person)
        if first is None:
            return self._collection.identity.numbered(index)
        became = first.content["identity"]
        return NewIdentity(became["patient_id"], became["patient_name"], first.index)

    def _write(
        self, rtset: RtSet, new: NewIdentity | None, person: str, entry: Mapping[str, Any], folder: Path
    ) -> dict[str, str]:
        """Write a set into the folder of an attempt, unchanged or renumbered; return the hashes of its files."""
        if new is not None:
            return renumber.write(rtset, new, self._collection.set_key(person), folder)
        for name in entry["files"]:
            (rtset.folder / name).rename(folder / name)
        return {name: str(file["sha256"]) for name, file in entry["files"].items()}
