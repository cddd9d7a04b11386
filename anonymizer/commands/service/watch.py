"""`anonymizer watch`: the service's watcher; one at a time dispatches new sets."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from anonymizer.arguments import ShareArgument
from anonymizer.staying import settings_of_service, share_of, stop_of_signals
from services.errors import SettingsWrong
from services.store.share import Share
from watcher.service import Watch
from worker import redis_server
from worker.app import app
from worker.queues.set_queue import Queue
from worker.queues.sheet_queue import Sheets

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import redis

    from services.runtime.settings import Settings


def watch(share: ShareArgument = None) -> None:
    """Run as a service and dispatch every set dropped into a collection under the share to the workers."""
    settings = settings_of_service()
    here = Share(share_of(share, settings.share, "watch"))
    client = redis_server.connected(settings)
    stop = stop_of_signals()
    watched = Watch(here, Queue(client, app), client, settings, sheets=Sheets(client, app))
    with _answering_prometheus(settings, watched, here, client):
        watched.run(stop)


def _answering_prometheus(
    settings: Settings, watched: Watch, share: Share, client: redis.Redis
) -> AbstractContextManager[None]:
    if settings.metrics is None:
        return nullcontext()
    try:
        from anonymizer.metrics import answering_prometheus  # noqa: PLC0415 - only the service's extra brings its library
    except ModuleNotFoundError:
        raise SettingsWrong("ANONYMIZER_METRICS is set, but the package prometheus-client is not installed.") from None
    return answering_prometheus(settings.metrics, watched, share, client)
