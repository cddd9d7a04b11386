"""`anonymizer deliveries`: the deliveries of a collection."""

from __future__ import annotations

from dataclasses import asdict

from rich.table import Table

from anonymizer.arguments import AsJson, Root, look_at
from anonymizer.terminal import console, print_json
from services.exchange.deliveries import Delivery, all_of


def deliveries(root: Root, as_json: AsJson = False) -> None:
    """List the deliveries of a collection: time, sets, recipient and user."""
    found = all_of(look_at(root))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("When", "Delivery", "Sets", "Withdrawn", "To", "User", "Note")
    for one in found:
        table.add_row(
            one.at, one.id, " ".join(one.sets), " ".join(one.withdrawn), one.to, one.user, ", ".join(_remarks(one))
        )
    console().print(table if found else f"There are no deliveries from {root}.")


def _remarks(one: Delivery) -> list[str]:
    said = {
        "interrupted": not one.done,
        "encrypted": one.encrypted,
        "words unread": one.unread_words,
    }
    return [text for text, holds in said.items() if holds]
