"""`anonymizer retry`: has a refused or parked set looked at again."""

from __future__ import annotations

from typing import Annotated

import typer

from anonymizer.arguments import Root, SetFolder, check_folder
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.rtset import folder_listing
from services.store import again, registry
from services.store.collection import Collection

AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="It is a set of its own, although its objects have the UIDs of a published one."),
]


def retry(root: Root, folder: SetFolder, as_new: AsNew = False) -> None:
    """Have a set that was refused or parked looked at again, as if it had just been dropped."""
    check_folder(root)
    collection = Collection.open(root)
    place = root / folder.name
    if not place.is_dir():
        raise SettingsWrong(f"There is no folder {folder.name} in {root}.")
    locator = collection.locator(folder.name)
    if as_new:
        registry.register(collection, folder.name)
        registry.count_as_new(collection, locator, folder_listing.fingerprint(place))
    again.look_again(collection, folder.name)
    console().print(f"{folder.name} is looked at again by the service, or by: anonymizer run {root}")
