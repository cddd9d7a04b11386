"""Move received objects one by one into patients' folders in their sender's collection.

The receiver has confirmed them to the sender, so objects that cannot be placed stay there and are retried.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from receiver import patient_folders
from receiver.mailbox import Gone, ReceiverAway
from services.errors import SettingsWrong
from services.layout import SETTINGS_NAME, is_there
from services.runtime import heartbeat, modes
from services.store.collection import Collection

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from receiver.mailbox import Mailbox
    from services.runtime.settings import Sender

EVERY_S: Final = 1.0

NOT_A_COLLECTION: Final = "the sender's folder is neither a collection nor a hospital's folder in one"
NOT_LISTED: Final = "ANONYMIZER_SENDERS does not list this sender"
CANNOT_WRITE: Final = "the share is unavailable, full or not writable"
FORM_WRONG: Final = "the collection's form is invalid: anonymizer status shows why"

log = structlog.get_logger()


class Sorter:
    """Sorts received objects into patients' folders.

    Parameters
    ----------
    share
        The folder that contains the collections.
    senders
        Accepted senders, with the folders for their objects.
    health
        Folder for its heartbeat; None for no heartbeat.
    """

    def __init__(
        self, mailbox: Mailbox, share: Path, senders: tuple[Sender, ...], *, health: Path | None = None
    ) -> None:
        self._mailbox = mailbox
        self._health = health
        self._places = {sender.title: share / sender.folder for sender in senders}
        self._cleared: set[Path] = set()
        self._logged: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Sort until `stop` is set."""
        log.info("sort.began")
        while True:
            try:
                self.sort()
                if self._logged.pop("", None):
                    log.info("receiver.back")
            except ReceiverAway:
                self._wait("", "the receiver does not answer or rejects the password")
            self._write_heartbeat()
            if stop.wait(EVERY_S):
                break
        log.info("sort.ended")

    def sort(self) -> int:
        """Sort all waiting objects, and return the number moved.

        Raises
        ------
        ReceiverAway
            The receiver does not answer.
        """
        put: Counter[str] = Counter()
        opened: dict[Path, Collection | None] = {}
        for instance in self._mailbox.waiting():
            self._write_heartbeat()
            sender = self._mailbox.sender(instance)
            place = self._places.get(sender)
            if place is None:
                self._wait(sender, NOT_LISTED)
                continue
            if place not in opened:
                opened[place] = self._open(sender, place)
            collection = opened[place]
            if collection is not None and self._put(instance, sender, place, collection):
                put[collection.id] += 1
        for its_id, count in put.items():
            log.info("objects.received", collection=its_id, count=count)
        return put.total()

    def _open(self, sender: str, place: Path) -> Collection | None:
        try:
            root = place if is_there(place / SETTINGS_NAME) else place.parent
            if not is_there(root / SETTINGS_NAME) or not place.is_dir():
                self._wait(sender, NOT_A_COLLECTION)
                return None
            collection = Collection.open(root)
            if place not in self._cleared:
                patient_folders.clear(place)
                self._cleared.add(place)
        except SettingsWrong:
            self._wait(sender, FORM_WRONG)
        except OSError:
            self._wait(sender, CANNOT_WRITE)
        else:
            return collection
        return None

    def _put(self, instance: str, sender: str, place: Path, collection: Collection) -> bool:
        new = place / f"{patient_folders.BEING_WRITTEN}{uuid4().hex}"
        try:
            modes.follow(collection.root)
            fetched = self._mailbox.fetch(instance, new)
            patient_folders.put(collection, place, sender, new)
        except Gone:
            return False
        except OSError:
            self._wait(sender, CANNOT_WRITE)
            return False
        finally:
            _remove(new)
        self._mailbox.remove(instance, fetched)
        self._logged.pop(sender, None)
        return True

    def _write_heartbeat(self) -> None:
        if self._health is not None:
            heartbeat.write(self._health, heartbeat.SORT)

    def _wait(self, sender: str, why: str) -> None:
        """Log once why objects wait; an AE title names a host, not a patient."""
        if self._logged.get(sender) != why:
            self._logged[sender] = why
            log.warning("objects.wait", sender=sender or None, waits=why)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
