"""Which sets of a collection are queued or being processed, according to Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.publication import high_water
from services.publication.high_water import NumbersLost
from services.runtime.progress import read_all
from worker.app import app
from worker.connection import check_writable, connect
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

    from services.runtime.progress import InWork
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.set_state import SetState
    from watcher.set_states import SetStatus


@dataclass(frozen=True, slots=True)
class Queued:
    """The sets that Redis holds, by locator; none without the service's Redis."""

    states: Mapping[str, SetState] = field(default_factory=dict)
    in_work: Mapping[str, InWork] = field(default_factory=dict)

    obstacle: str = ""
    """Why Redis cannot be asked, written to, or used; empty otherwise."""

    @classmethod
    def ask(cls, collection: Collection, statuses: Iterable[SetStatus], settings: Settings) -> Queued:
        """Ask Redis for the sets that are not concluded; an unreachable Redis is part of the result."""
        if settings.redis_url is None:
            return cls()
        try:
            with connect(settings) as client:
                asked = [SetKey(collection.id, status.locator) for status in statuses if not status.concluded]
                held = Queue(client, app).holding(asked)
                lost = high_water.missing(client, collection, settings.health)
                states = {key.locator: state for key, state in held.items()}
                obstacle = str(NumbersLost(max(lost))) if lost else _unwritable(client)
                return cls(states, read_all(client, collection.id), obstacle)
        except CIRCUMSTANCES as circumstance:
            return cls(obstacle=describe(circumstance))


def _unwritable(client: redis.Redis) -> str:
    """Return why nothing can be queued or finished, although Redis answers."""
    try:
        check_writable(client)
    except CIRCUMSTANCES as circumstance:
        return describe(circumstance)
    return ""
