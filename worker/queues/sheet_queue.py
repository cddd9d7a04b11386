"""Queue of the sheets, which are made beside the sets and never before one.

Sheets are optional: which are missing is determined from the share, and requests are noted in Redis for a while so as
not to be repeated at each check. A lost request is repeated when the note has expired, which is soon if its worker was
killed; a sheet that could not be made is retried after a day.

Callers import only this module; the tasks import everything for making sets and sheets (`worker.tasks.sheet_tasks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets import paths
from worker.connection import QUEUE, key_of
from worker.drawing import ENDING
from worker.queues.lease import bound, renewed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import redis
    from celery import Celery

    from services.store.collection import Collection

TASK: Final = "make_sheet"
DELIVERY_TASK: Final = "receive_delivery"
"""Task of `worker.tasks.delivery_tasks`, in the same queue."""

ASKED_S: Final = 900
BEGUN_S: Final = 30
"""Seconds until what a killed worker was making or receiving is requested again."""
FAILED_S: Final = 86_400

_ASKED: Final = "asked"
_FAILED: Final = "failed"

MOST_WAITING: Final = 100
"""Maximum messages in the queue, in case no worker makes sheets."""


class Sheets:
    """The queue of the sheets, and its notes."""

    def __init__(self, client: redis.Redis, app: Celery, queue: str = QUEUE + ENDING) -> None:
        self.queue = queue
        self.waits = ""
        """What the missing sheets waited for at the last request; empty if nothing."""
        self._redis = client
        self._app = app

    @classmethod
    def beside(cls, client: redis.Redis, app: Celery, queue: str) -> Sheets:
        """Return the queue of the sheets of those sets that are in the queue of this name."""
        return cls(client, app, queue + ENDING)

    def ask_for_missing(self, collection: Collection) -> list[int]:
        """Request the sheets that a collection lacks, and return those still to come.

        Raises
        ------
        OSError, redis.RedisError, kombu.exceptions.OperationalError
            Temporary.
        """
        missing = paths.missing(collection)
        states = self._states(collection.id, missing)
        room = MOST_WAITING - int(self._redis.llen(key_of(self.queue)))
        for index in missing:
            if room > 0 and index not in states:
                if paths.can_have_one(collection, index):
                    room -= self._ask(collection.id, index)
                else:
                    self.failed(collection.id, index)
                    states[index] = _FAILED
        self.waits = next((state for state in states.values() if state not in (_ASKED, _FAILED)), "")
        return [index for index in missing if states.get(index) != _FAILED]

    def failures(self, collection: Collection) -> list[int]:
        """Return the missing sheets that could not be made."""
        missing = [index for index in paths.missing(collection) if paths.can_have_one(collection, index)]
        states = self._states(collection.id, missing)
        return [index for index in missing if states.get(index) == _FAILED]

    def making(self, collection_id: str, index: int) -> AbstractContextManager[None]:
        """Keep the request for a sheet only as long as this process makes it."""
        return self._begun(_note(collection_id, index))

    def put_off(self, collection_id: str, index: int, why: str) -> None:
        """Note what a sheet waits for until it is requested again."""
        self._redis.set(_note(collection_id, index), why, ex=BEGUN_S)

    def done(self, collection_id: str, index: int) -> None:
        """Note that a sheet is no longer requested."""
        self._redis.delete(_note(collection_id, index))

    def failed(self, collection_id: str, index: int) -> None:
        """Note that a sheet could not be made."""
        self._redis.set(_note(collection_id, index), _FAILED, ex=FAILED_S)

    def ask_to_receive(self, collection_id: str, mark: str) -> None:
        """Queue a delivery from the inbox, unless just requested."""
        note = _delivery(collection_id, mark)
        if self._redis.set(note, _ASKED, nx=True, ex=ASKED_S):
            self._send(DELIVERY_TASK, collection_id, mark)
        else:
            bound(self._redis, [note], ASKED_S)

    def receiving(self, collection_id: str, mark: str) -> AbstractContextManager[None]:
        """Keep the request for a delivery only as long as this process receives it."""
        return self._begun(_delivery(collection_id, mark))

    def received(self, collection_id: str, mark: str) -> None:
        """Note that a delivery is no longer requested."""
        self._redis.delete(_delivery(collection_id, mark))

    def clear(self, collection: Collection) -> None:
        """Cancel requests not started, and forget failures."""
        notes = [_note(collection.id, index) for index in paths.missing(collection)]
        self._redis.delete(key_of(self.queue), *notes)

    def _ask(self, collection_id: str, index: int) -> bool:
        """Request a sheet, unless another process just did."""
        asked = bool(self._redis.set(_note(collection_id, index), _ASKED, nx=True, ex=ASKED_S))
        if asked:
            self._send(TASK, collection_id, index)
        return asked

    def _begun(self, note: str) -> AbstractContextManager[None]:
        self._redis.set(note, _ASKED, ex=BEGUN_S)
        return renewed(self._redis, note, _ASKED, BEGUN_S)

    def _send(self, task: str, *arguments: str | int) -> None:
        self._app.send_task(task, args=list(arguments), queue=self.queue)

    def _states(self, collection_id: str, indices: list[int]) -> dict[int, str]:
        """Return which of these sheets are `asked` for, have recently `failed`, or what they wait for."""
        with self._redis.pipeline(transaction=False) as step:
            for index in indices:
                step.get(_note(collection_id, index))
            found: list[bytes | None] = step.execute()
        states = {index: state.decode() for index, state in zip(indices, found, strict=True) if state}
        bound(self._redis, (_note(collection_id, index) for index, state in states.items() if state == _ASKED), ASKED_S)
        return states


def _delivery(collection_id: str, mark: str) -> str:
    return f"anonymizer:delivery:{collection_id}:{mark}"


def _note(collection_id: str, index: int) -> str:
    return f"anonymizer:sheet:{collection_id}:{index}"
