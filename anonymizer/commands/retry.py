"""`anonymizer retry`: has a refused or parked set looked at again."""

from __future__ import annotations

from typing import Annotated

import typer

from anonymizer.arguments import Root, SetFolder, check_folder, set_in
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.rtset import folder_listing, unfinished_pixels
from services.runtime import audit
from services.store import again, registry
from services.store.collection import Collection

AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="It is a set of its own, although its objects have the UIDs of a published one."),
]
Accept = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help=f"Take the set as it is now, though this stands against it: {unfinished_pixels.CODE}.",
    ),
]


def retry(root: Root, folder: SetFolder, as_new: AsNew = False, accept: Accept = None) -> None:
    """Have a set that was refused or parked looked at again, as if it had just been dropped."""
    check_folder(root)
    collection = Collection.open(root)
    name = set_in(root, folder, by_hospital=collection.options.by_hospital)
    place = root / name
    if accept not in {None, unfinished_pixels.CODE}:
        raise SettingsWrong(
            f"--accept takes {unfinished_pixels.CODE} only. A collection's form accepts other codes, for all its sets."
        )
    locator = registry.register(collection, name)
    if accept:
        registry.accept(collection, locator, folder_listing.fingerprint(place), accept)
    if as_new:
        registry.count_as_new(collection, locator, folder_listing.fingerprint(place))
    again.look_again(collection, str(name))
    audit.note(collection.state, "as new" if as_new else "tried again", set=locator, accepted=accept or "")
    console().print(f"{name} is looked at again by the service, or by: anonymizer run {root}")
