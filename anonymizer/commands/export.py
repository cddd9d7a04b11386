"""`anonymizer export`: makes a delivery of what may travel, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, check_collection
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, command, console, say_json
from services.exchange import deliveries, delivery_key, packing
from services.exchange.deliveries import TRAVELS, Wanted
from services.runtime import audit
from services.runtime.settings import Settings
from services.store.collection import Collection
from services.store.records import index_of

Destination = Annotated[Path, typer.Argument(help="The delivery: a folder, made if it is not there, or a .zip file.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(metavar="ANON_006", help="Only these sets: may be said several times, or with commas."),
]
Hospitals = Annotated[list[str] | None, typer.Option(help="Only sets of this hospital. May be said several times.")]
AsZip = Annotated[bool, typer.Option("--zip", help="One ZIP file.")]
UnreadWords = Annotated[
    bool, typer.Option("--unread-words", help="Sets travel though nobody has looked at some of their words.")
]
HospitalName = Annotated[bool, typer.Option("--hospital-name", help="Name each set's hospital in the delivery.")]
EncryptTo = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Encrypt the ZIP for the public keys of age (or SSH) in this file."),
]


def export(
    root: Root,
    dest: Destination,
    sets: Sets = None,
    hospital: Hospitals = None,
    as_zip: AsZip = False,
    unread_words: UnreadWords = False,
    hospital_name: HospitalName = False,
    encrypt_to: EncryptTo = None,
    as_json: AsJson = False,
) -> None:
    """Make a delivery, signed: ANON folders with their sheets, report and tables, compared with what was proven."""
    check_collection(root)
    collection = Collection.look(root)
    wanted = Wanted(
        indices=_indices(sets) if sets else None,
        hospitals=frozenset(hospital or ()),
        unread_words=unread_words,
        hospital_name=hospital_name,
        as_zip=as_zip or dest.suffix == ".zip",
        recipients=tuple(packing.recipients(encrypt_to)) if encrypt_to else (),
    )
    key = delivery_key.of_user(collection, Settings.of_process())

    def extras(place: Path, indices: list[int]) -> None:
        from sheets import travelling  # noqa: PLC0415 - it draws pictures, and takes a second to import

        travelling.write(collection, indices, place)

    made = deliveries.make(collection, dest.absolute(), key, wanted, extras)
    if made.delivery is not None:
        audit.note(collection.state, "delivered", delivery=made.delivery.id, sets=sorted(made.delivery.sets))
    if as_json:
        say_json([one._asdict() for one in made.sets])
    else:
        _print(made, root)
    raise typer.Exit(PUBLISHED_ALL if all(one.state in TRAVELS for one in made.sets) else SOME_NOT)


def _indices(names: list[str]) -> frozenset[int]:
    return frozenset(index_of(Path(name.strip()).name) for text in names for name in text.split(",") if name.strip())


def _print(made: deliveries.Made, root: Path) -> None:
    table = Table("Folder", "State", "Files", "Sheet")
    for one in made.sets:
        table.add_row(one.folder, one.state, str(one.files or ""), "with it" if one.sheet else "")
    console().print(table if made.sets else f"Nothing is published in {root}.")
    if any(one.state == "unread words" for one in made.sets):
        console().print(
            f"Sets with unread words stay until each is fine or removed: {command('words', root)}\n"
            "They travel with --unread-words, and the delivery says so."
        )
    if any(one.state == "not released" for one in made.sets):
        console().print(
            f"Some sets wait for a person to release them, on the console's page: {command('console', root)}"
        )
    if made.delivery is not None:
        delivery = made.delivery
        if delivery.withdrawn:
            console().print(f"It says that these are withdrawn: {', '.join(delivery.withdrawn)}.")
        console().print(f"Delivery {delivery.id}: {made.place}")
        console().print(f"Signed with the key {delivery_key.grouped(delivery.key)}")
