"""Fetch received objects one by one, and put each into its patient's folder in the collection of its sender.

The receiver has acknowledged them to the sender: what cannot be placed stays there, and is tried again.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from receiver import patient_folders
from receiver.mailbox import Gone, ReceiverAway
from services.errors import FormatTooNew, SettingsWrong
from services.layout import SETTINGS_NAME, is_there
from services.runtime import heartbeat, modes
from services.store.collection import Collection, ShareAway

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from receiver.mailbox import Mailbox
    from services.runtime.settings import Sender

EVERY_S: Final = 1.0

NOT_A_COLLECTION: Final = "the folder of this sender is no collection, and no hospital's folder in one"
NOT_LISTED: Final = "nobody has said in ANONYMIZER_SENDERS where this sender's objects go"
CANNOT_WRITE: Final = "the share is away or full, or may not be written on"
FORM_WRONG: Final = "the form of the collection cannot be used: anonymizer status says more"

log = structlog.get_logger()


class Sorter:
    """Puts received objects where they belong.

    Parameters
    ----------
    share
        The folder under which the collections lie.
    senders
        Whose objects go where.
    health
        The folder in which it says that it lives, if there is one.
    """

    def __init__(
        self, mailbox: Mailbox, share: Path, senders: tuple[Sender, ...], *, health: Path | None = None
    ) -> None:
        self._mailbox = mailbox
        self._health = health
        self._places = {sender.title: share / sender.folder for sender in senders}
        self._cleared: set[Path] = set()
        self._told: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Sort until asked to stop."""
        log.info("sort.began")
        while True:
            try:
                self.sort()
                if self._told.pop("", None):
                    log.info("receiver.back")
            except ReceiverAway:
                self._wait("", "the receiver does not answer, or refuses our password")
            self._live()
            if stop.wait(EVERY_S):
                break
        log.info("sort.ended")

    def sort(self) -> int:
        """Put everything that waits where it belongs; return how many objects that were.

        Raises
        ------
        ReceiverAway
        """
        put: Counter[str] = Counter()
        opened: dict[Path, Collection | None] = {}
        for instance in self._mailbox.waiting():
            self._live()
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
        except (SettingsWrong, FormatTooNew):
            self._wait(sender, FORM_WRONG)
        except (OSError, ShareAway):
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
        self._told.pop(sender, None)
        return True

    def _live(self) -> None:
        if self._health is not None:
            heartbeat.write(self._health, heartbeat.SORT)

    def _wait(self, sender: str, why: str) -> None:
        """Log once why something waits; an AE title names a host, not a patient."""
        if self._told.get(sender) != why:
            self._told[sender] = why
            log.warning("objects.wait", sender=sender or None, waits=why)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
