"""The queue of the sheets: which are asked for, beside the sets and never before one.

A sheet is wanted, not owed: which are missing the share tells, and who asks for one notes it in Redis for a while, so
that it is not asked for again with every look. A message that is lost is asked for anew when the note has lapsed; a
sheet that could not be made rests for a day.

What asks imports this alone: the tasks bring along all that makes sets and sheets (`worker.sheet_tasks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets import paths
from worker.app import QUEUE, key_of

if TYPE_CHECKING:
    import redis
    from celery import Celery

    from services.store.collection import Collection

TASK: Final = "make_sheet"
DELIVERY_TASK: Final = "receive_delivery"
"""Of `worker.delivery_tasks`, in the same queue."""
ENDING: Final = ".sheets"
"""Behind the name of the queue of the sets."""

ASKED_S: Final = 900
FAILED_S: Final = 86_400

NICE: Final = 10
"""Whoever draws beside the sets takes what they leave over."""

MOST_WAITING: Final = 100
"""Messages in the queue: where nobody makes sheets, no more pile up."""


class Sheets:
    """The queue of the sheets, and the notes beside it."""

    def __init__(self, client: redis.Redis, app: Celery, queue: str = QUEUE + ENDING) -> None:
        self.queue = queue
        self._redis = client
        self._app = app

    def ask_for_missing(self, collection: Collection) -> list[int]:
        """Ask for the sheets that a collection lacks, and give those that are still to come.

        Raises
        ------
        OSError, redis.RedisError, kombu.exceptions.OperationalError
            Circumstances.
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
                    states[index] = "failed"
        return [index for index in missing if states.get(index) != "failed"]

    def failures(self, collection: Collection) -> list[int]:
        """Return the sheets that are missing because they could not be made."""
        missing = [index for index in paths.missing(collection) if paths.can_have_one(collection, index)]
        states = self._states(collection.id, missing)
        return [index for index in missing if states.get(index) == "failed"]

    def done(self, collection_id: str, index: int) -> None:
        """Note that a sheet is no longer asked for."""
        self._redis.delete(_note(collection_id, index))

    def failed(self, collection_id: str, index: int) -> None:
        """Note that a sheet could not be made."""
        self._redis.set(_note(collection_id, index), "failed", ex=FAILED_S)

    def ask_to_receive(self, collection_id: str, mark: str) -> None:
        """Queue a delivery of the inbox, unless somebody just asked."""
        if self._redis.set(_delivery(collection_id, mark), "asked", nx=True, ex=ASKED_S):
            self._send(DELIVERY_TASK, collection_id, mark)

    def received(self, collection_id: str, mark: str) -> None:
        """Note that a delivery is no longer asked for."""
        self._redis.delete(_delivery(collection_id, mark))

    def clear(self, collection: Collection) -> None:
        """Take back what was asked for and not begun, and forget what failed."""
        notes = [_note(collection.id, index) for index in paths.missing(collection)]
        self._redis.delete(key_of(self.queue), *notes)

    def _ask(self, collection_id: str, index: int) -> bool:
        """Ask for one, unless another process just did."""
        asked = bool(self._redis.set(_note(collection_id, index), "asked", nx=True, ex=ASKED_S))
        if asked:
            self._send(TASK, collection_id, index)
        return asked

    def _send(self, task: str, *arguments: str | int) -> None:
        self._app.send_task(task, args=list(arguments), queue=self.queue)

    def _states(self, collection_id: str, indices: list[int]) -> dict[int, str]:
        """Return which of these sheets are `asked` for, and which have `failed` lately."""
        with self._redis.pipeline(transaction=False) as step:
            for index in indices:
                step.get(_note(collection_id, index))
            found: list[bytes | None] = step.execute()
        return {index: state.decode() for index, state in zip(indices, found, strict=True) if state}


def _delivery(collection_id: str, mark: str) -> str:
    return f"anonymizer:delivery:{collection_id}:{mark}"


def _note(collection_id: str, index: int) -> str:
    return f"anonymizer:sheet:{collection_id}:{index}"
