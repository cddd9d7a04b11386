"""`anonymizer receive`: imports a delivery into a collection."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import redis
import typer
from rich.table import Table

from anonymizer.arguments import AsJson, open_collection
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, command, console, print_json
from services.errors import SettingsWrong
from services.exchange import delivery_key, receiving
from services.exchange.incoming.opening import Tampered
from services.exchange.trust import remember, trusted
from services.runtime import audit
from services.runtime.settings import Settings
from worker.connection import connect
from worker.transient_errors import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.exchange.incoming.outcome import DeliveryOutcome

DeliveryArgument = Annotated[
    Path, typer.Argument(metavar="DELIVERY", help="The received folder, .zip or .zip.age file.")
]
CollectionArgument = Annotated[
    Path, typer.Argument(metavar="COLLECTION", help="The receiving collection: a folder with collection.toml.")
]
Trust = Annotated[
    str | None, typer.Option(metavar="FINGERPRINT", help="The sender's key, as printed there by `anonymizer key`.")
]
Hospital = Annotated[str, typer.Option(help="The sender's hospital, for the tracking file.")]
Identity = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The age (or SSH) private key that decrypts the delivery.")
]


def receive(
    delivery: DeliveryArgument,
    collection: CollectionArgument,
    trust: Trust = None,
    hospital: Hospital = "",
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Check a delivery (signature, files, each set) and import its sets into a collection."""
    here = open_collection(collection)
    settings = Settings.of_process()
    options = [*(["--hospital", hospital] if hospital else []), *(["--identity", identity] if identity else [])]
    again = command("receive", delivery, collection, *options)
    try:
        with connect(settings) if settings.redis_url else nullcontext() as client:
            outcome = receiving.receive(
                here,
                delivery,
                settings,
                is_trusted=_trusting(trust, settings, again),
                hospital=hospital,
                identity=identity,
                client=client,
            )
    except redis.RedisError as away:
        raise SettingsWrong(
            f"The delivery waits: numbers are assigned by the service's Redis. {describe(away)}."
        ) from None
    except Tampered as refused:
        if as_json:
            print_json({"refused": str(refused), "sets": []})
        else:
            console().print(f"Nothing was imported from the delivery. {refused}")
        raise typer.Exit(SOME_NOT) from None
    remember(settings, outcome.fingerprint, hospital)
    audit.note(here.state, "delivery received", delivery=outcome.id, count=len(outcome.sets))
    if as_json:
        print_json(_as_json(outcome))
    else:
        _print(outcome)
    raise typer.Exit(PUBLISHED_ALL if outcome.good else SOME_NOT)


def _trusting(given: str | None, settings: Settings, again: str) -> Callable[[str, Mapping[str, Any]], None]:
    """Return the check of a key: against the option, the trusted keys, or a person's confirmation.

    Parameters
    ----------
    again
        The command that receives the delivery, without the option.
    """
    expected = delivery_key.ungrouped(given) if given else None

    def is_trusted(fingerprint: str, _: Mapping[str, Any]) -> None:
        shown = delivery_key.grouped(fingerprint)
        if expected is not None and fingerprint != expected:
            raise Tampered(f"It is signed with a key other than --trust: {shown}")
        if expected is None and fingerprint not in trusted(settings) and not _asked(shown):
            raise Tampered(
                f"Its key is not trusted: {shown}. Ask the sender, for instance by telephone, what `anonymizer key` "
                f"prints there. If it is the same: {again} --trust '{shown}'"
            )

    return is_trusted


def _asked(shown: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"This key is new:\n{shown}\nIs it the key that the sender gave you through another channel?")


def _as_json(outcome: DeliveryOutcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "key": outcome.fingerprint,
        "says": outcome.says,
        "wrong": outcome.wrong,
        "sets": [one._asdict() for one in outcome.sets],
    }


def _print(outcome: DeliveryOutcome) -> None:
    table = Table("Delivered as", "State", "Here", "Note")
    for one in outcome.sets:
        table.add_row(one.folder, one.state, one.anon, "\n".join(one.says))
    console().print(table if outcome.sets else "The delivery contains no sets.")
    for line in (*outcome.wrong, *outcome.says):
        console().print(line)
    console().print(f"Delivery {outcome.id}, signed with the key {delivery_key.grouped(outcome.fingerprint)}")
