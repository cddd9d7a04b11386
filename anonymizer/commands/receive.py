"""`anonymizer receive`: takes a delivery into a collection."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import redis
import typer
from rich.table import Table

from anonymizer.arguments import AsJson, check_collection
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, console, say_json
from services.errors import SettingsWrong
from services.exchange import delivery_key, receiving
from services.exchange.opening import Tampered
from services.exchange.trust import remember, trusted
from services.runtime.settings import Settings
from services.store.collection import Collection
from worker.app import connect
from worker.transient_errors import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.exchange.receiving import Told

DeliveryArgument = Annotated[
    Path, typer.Argument(metavar="DELIVERY", help="The folder, the .zip or the .zip.age that was received.")
]
CollectionArgument = Annotated[
    Path, typer.Argument(metavar="COLLECTION", help="The collection that takes it: a folder with collection.toml.")
]
Trust = Annotated[
    str | None, typer.Option(metavar="FINGERPRINT", help="The sender's key, as `anonymizer key` printed it there.")
]
Hospital = Annotated[str, typer.Option(help="The sender's hospital, for the tracking file.")]
Identity = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The private key of age (or SSH) that opens an encrypted delivery.")
]


def receive(
    delivery: DeliveryArgument,
    collection: CollectionArgument,
    trust: Trust = None,
    hospital: Hospital = "",
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Check a delivery (signature, files, each set) and take its sets into a collection."""
    check_collection(collection)
    settings = Settings.of_process()
    try:
        with connect(settings) if settings.redis_url else nullcontext() as client:
            told = receiving.receive(
                Collection.open(collection),
                delivery,
                settings,
                is_trusted=_trusting(trust, settings),
                hospital=hospital,
                identity=identity,
                client=client,
            )
    except redis.RedisError as away:
        raise SettingsWrong(f"It waits, for numbers are given by the service's Redis: {describe(away)}.") from None
    except Tampered as refused:
        if as_json:
            say_json({"refused": str(refused), "sets": []})
        else:
            console().print(f"Nothing of the delivery was taken. {refused}")
        raise typer.Exit(SOME_NOT) from None
    remember(settings, told.fingerprint, hospital)
    if as_json:
        say_json(_as_json(told))
    else:
        _print(told)
    raise typer.Exit(PUBLISHED_ALL if told.good else SOME_NOT)


def _trusting(given: str | None, settings: Settings) -> Callable[[str, Mapping[str, Any]], None]:
    """Return what decides whether a key is believed: as it was said, as it is noted, or as a person says now."""
    expected = delivery_key.ungrouped(given) if given else None

    def is_trusted(fingerprint: str, _: Mapping[str, Any]) -> None:
        shown = delivery_key.grouped(fingerprint)
        if expected is not None and fingerprint != expected:
            raise Tampered(f"It is signed with another key than --trust says: {shown}")
        if expected is None and fingerprint not in trusted(settings) and not _asked(shown):
            raise Tampered(
                f"Its key is not trusted: {shown}. Ask the sender, by telephone for instance, what `anonymizer key` "
                f"prints there. If it is the same, receive the delivery again with: --trust '{shown}'"
            )

    return is_trusted


def _asked(shown: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"This key was never seen before:\n{shown}\nIs it what the sender told you by another way?")


def _as_json(told: Told) -> dict[str, Any]:
    return {
        "id": told.id,
        "key": told.fingerprint,
        "says": told.says,
        "wrong": told.wrong,
        "sets": [one._asdict() for one in told.sets],
    }


def _print(told: Told) -> None:
    table = Table("Delivered as", "State", "Here", "What is told")
    for one in told.sets:
        table.add_row(one.folder, one.state, one.anon, "\n".join(one.says))
    console().print(table if told.sets else "The delivery holds no set.")
    for line in (*told.wrong, *told.says):
        console().print(line)
    console().print(f"Delivery {told.id}, signed with the key {delivery_key.grouped(told.fingerprint)}")
