"""Making of deliveries for download: one file, one delivery of a collection at a time."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import structlog

from services.errors import SettingsWrong
from services.exchange import deliveries, delivery_key
from services.language import gettext, speaking
from services.runtime import audit
from services.store.collection import Collection
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from services.exchange.deliveries import Made, Wanted
    from services.runtime.settings import Settings

TO: Final = "downloaded from the console"
"""Recorded as the recipient of a delivery; the further use of the file is unknown."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Making:
    """The delivery being made, or the last one."""

    user: str
    state: Literal["making", "made", "nothing", "failed"] = "making"
    made: Made | None = None
    wrong: str = ""
    """Why it failed, for logged-in users."""

    @property
    def held_back(self) -> list[tuple[str, str]]:
        """Return the sets held back, with reasons."""
        every = self.made.sets if self.made else []
        return [(one.folder, one.state) for one in every if one.state not in deliveries.TRAVELS]


class Packer:
    """Makes deliveries of one collection. A file is kept until the next delivery or the end of the console."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root = root
        self._settings = settings
        self._lock = threading.Lock()
        self._now: Making | None = None
        self._place: Path | None = None

    @property
    def now(self) -> Making | None:
        """Return the delivery being made, or the last one."""
        return self._now

    def begin(self, wanted: Wanted, user: str) -> None:
        """Start making a delivery.

        Raises
        ------
        SettingsWrong
            Another one is being made, or the collection or the key cannot be used.
        OSError
            It cannot be written, for example because the disk is full.
        """
        with self._lock:
            if self._now and self._now.state == "making":
                raise SettingsWrong(
                    gettext("A delivery of this collection is already being made: wait until it is finished.")
                )
            collection = Collection.look(self._root)
            key = delivery_key.of_user(collection, self._settings)
            kind = f"anonymizer-delivery-{collection.id}-"
            for old in Path(tempfile.gettempdir()).glob(f"{kind}*"):
                shutil.rmtree(old, ignore_errors=True)
            self._place = place = Path(tempfile.mkdtemp(prefix=kind))
            self._now = Making(user)
        in_their_language = copy_context().run
        args = (self._make, collection, place, key, wanted)
        threading.Thread(target=in_their_language, args=args, daemon=True).start()

    def file(self, delivery: str) -> Path | None:
        """Return the file of a delivery; None if it no longer exists."""
        now = self._now
        if now is None or now.made is None or now.made.delivery is None or now.made.delivery.id != delivery:
            return None
        return now.made.place if now.made.place.is_file() else None

    def clear(self) -> None:
        """Delete what was made, at the end of the console."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)

    def _make(self, collection: Collection, place: Path, key: delivery_key.DeliveryKey, wanted: Wanted) -> None:
        assert self._now
        begun = self._now
        try:
            from sheets import travelling  # noqa: PLC0415 - it draws pictures, and takes a second to import

            def extras(target: Path, indices: list[int]) -> None:
                with speaking("en"):
                    travelling.write(collection, indices, target)

            made = deliveries.make(collection, place, key, wanted, extras, user=begun.user, to=TO)
            self._now = replace(begun, state="made" if made.delivery else "nothing", made=made)
            if made.delivery:
                log.info("console.delivered", user=begun.user, collection=collection.id, count=len(made.delivery.sets))
                with suppress(OSError):
                    sets = sorted(made.delivery.sets)
                    audit.note(
                        collection.state, "delivered", user=begun.user, by="page", delivery=made.delivery.id, sets=sets
                    )
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says that it is over
            known = isinstance(error, CIRCUMSTANCES)
            self._now = replace(begun, state="failed", wrong=words_of(error) if known else type(error).__name__)
            log.error("console.delivery_failed", user=begun.user, error=type(error).__name__)  # noqa: TRY400 - names files
