"""Receiving of deliveries: each valid set is published here exactly once, like any other.

The receiver never sees an original, so a set is accepted for what it proves to be: signed with a trusted key, complete,
and consistent with its claims. Deviations are reported; sets with violations are refused individually.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.errors import Busy
from services.exchange import received
from services.exchange.incoming import interrupted, opening, withdrawals
from services.exchange.incoming.decision import Decision
from services.exchange.incoming.numbers import Numbers
from services.exchange.incoming.outcome import DeliveryOutcome, Received
from services.exchange.incoming.publishing import Publisher
from services.exchange.received import Known
from services.language import gettext
from services.machines import descriptor
from services.store.tracking_lines import TrackingFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import redis

    from services.exchange.incoming.opening import Delivered
    from services.runtime.settings import Settings
    from services.store.collection import Collection


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
) -> DeliveryOutcome:
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
    numbers = Numbers(collection, client, settings.health)
    numbers.check()
    workplace = received.workplace(collection)
    workplace.mkdir(exist_ok=True)
    with (
        _alone(workplace),
        interrupted.cleared(collection, numbers.release, left_overs=by_person),  # a service removes them itself
        opening.opened(path, workplace, identity=identity, is_trusted=is_trusted) as delivered,
    ):
        outcome = _take(collection, delivered, settings, hospital, numbers, by_person=by_person)
    numbers.check()
    return outcome


def _take(
    collection: Collection,
    delivered: Delivered,
    settings: Settings,
    hospital: str,
    numbers: Numbers,
    *,
    by_person: bool,
) -> DeliveryOutcome:
    """Take the sets one by one, then apply withdrawals."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    known = Known(collection)
    machines = descriptor.named(collection.options.machine, descriptor.folders(settings.machines))
    publisher = Publisher(collection, delivered, settings, known, numbers, hospital, at)
    decision = Decision(collection, delivered, known, machines, publisher, by_person=by_person)
    outcome = DeliveryOutcome(delivered.id, delivered.fingerprint, hospital, wrong=list(delivered.wrong.get("", ())))
    _report_replay(collection, delivered, outcome)
    if delivered.manifest.get("unread_words"):
        outcome.says.append(gettext("Some of its texts have words that nobody has reviewed."))
    listed = {one["folder"] for one in delivered.sets}
    for folder in sorted(delivered.wrong.keys() - listed - {""}):
        outcome.sets.append(Received(folder, "refused", says=tuple(delivered.wrong[folder])))
    outcome.sets += map(decision.on, delivered.sets)
    for entry in delivered.manifest["withdrawn"]:
        outcome.sets.append(withdrawals.apply(collection, delivered, known, entry, by_person=by_person))
    TrackingFiles(collection).render()
    outcomes = {one.folder: {"state": one.state, "anon": one.anon} for one in outcome.sets}
    received.note(collection, delivered, at, {"sets": outcomes})
    return outcome


def _report_replay(collection: Collection, delivered: Delivered, outcome: DeliveryOutcome) -> None:
    before = received.before(collection, outcome.id)
    if before is None:
        return
    if before.get("digest") != delivered.digest:
        raise opening.Tampered(
            gettext("Another delivery of this id was received before: one of the two is not genuine.")
        )
    day = str(before.get("first"))[:10]
    outcome.says.append(gettext("The same delivery was received before, first on {day}.", day=day))


@contextmanager
def _alone(workplace: Path) -> Iterator[None]:
    """Lock a collection for receiving by one process, and delete what a killed one left unpacked."""
    lock = os.open(workplace / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        except OSError:
            pass  # a share without lock support: claims and renames still protect what matters
        for path in workplace.glob("unpacked-*"):
            shutil.rmtree(path, ignore_errors=True)
        yield
    finally:
        with suppress(OSError):
            os.close(lock)
