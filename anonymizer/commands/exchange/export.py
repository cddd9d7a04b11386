"""`anonymizer export`: makes a delivery of data approved for release only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, look_at
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, command, console, print_json
from services.errors import SettingsWrong
from services.exchange import deliveries, delivery_key, packing
from services.exchange.deliveries import TRAVELS, Wanted
from services.runtime import audit
from services.runtime.settings import Settings
from services.store.collection import has_state
from services.store.records import index_of

Destination = Annotated[Path, typer.Argument(help="The delivery: a folder, created if missing, or a .zip file.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(metavar="ANON_006", help="Only these sets; repeat the option or separate by commas."),
]
Hospitals = Annotated[list[str] | None, typer.Option(help="Only sets of this hospital; may be repeated.")]
AsZip = Annotated[bool, typer.Option("--zip", help="Write one ZIP file.")]
UnreadWords = Annotated[
    bool, typer.Option("--unread-words", help="Include sets with words that have not been reviewed.")
]
HospitalName = Annotated[bool, typer.Option("--hospital-name", help="Name each set's hospital in the delivery.")]
EncryptTo = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Encrypt the ZIP for the age (or SSH) public keys in this file."),
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
    """Make a signed delivery: ANON folders, sheets, report and tables, verified against the proof."""
    collection = look_at(root)
    if not has_state(root):
        raise SettingsWrong(f"No set of {root} is published: there is nothing to deliver.")
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
        print_json([one._asdict() for one in made.sets])
    else:
        _print(made, root)
    raise typer.Exit(PUBLISHED_ALL if all(one.state in TRAVELS for one in made.sets) else SOME_NOT)


def _indices(names: list[str]) -> frozenset[int]:
    return frozenset(index_of(Path(name.strip()).name) for text in names for name in text.split(",") if name.strip())


def _print(made: deliveries.Made, root: Path) -> None:
    table = Table("Folder", "State", "Files", "Sheet")
    for one in made.sets:
        table.add_row(one.folder, one.state, str(one.files or ""), "with it" if one.sheet else "")
    console().print(table if made.sets else f"There are no published sets in {root}.")
    if any(one.state == "unread words" for one in made.sets):
        console().print(
            "Sets with unread words are held back until each word is accepted, or removed and the set processed again: "
            f"{command('words', root)}\n"
            "--unread-words includes them, and the delivery states it."
        )
    if any(one.state == "not released" for one in made.sets):
        console().print(f"Some sets wait for release by a person in the console: {command('console', root)}")
    if made.delivery is not None:
        delivery = made.delivery
        if delivery.withdrawn:
            console().print(f"It lists as withdrawn: {', '.join(delivery.withdrawn)}.")
        console().print(f"Delivery {delivery.id}: {made.place}")
        console().print(f"Signed with the key {delivery_key.grouped(delivery.key)}")
