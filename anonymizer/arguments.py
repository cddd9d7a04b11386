"""Arguments shared by several commands, and checks of them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from anonymizer.terminal import advise_on
from services.errors import SettingsWrong
from services.store.collection import Collection
from watcher.folders import ONE_PATIENTS, folders_of, is_one_patients

Root = Annotated[Path, typer.Argument(help="The root folder; each subfolder is one patient's set.")]
Source = Annotated[Path, typer.Argument(help="The original folder of the set.")]
Anon = Annotated[Path, typer.Argument(help="The anonymized folder: …/ANON_006.")]
Published = Annotated[Path, typer.Argument(metavar="ANON_006", help="The published folder, or its name in ROOT.")]
SetFolder = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder, or its name in ROOT.")]
ShareArgument = Annotated[
    Path | None, typer.Argument(help="The folder that contains the collections; default: ANONYMIZER_SHARE.")
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Number of sets processed in parallel; default: number of cores.")
]
MachineNames = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        help='A machine descriptor, or "keep" for each plan\'s own machine. Of several, the first that fits is used.',
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

OfHospital = Annotated[str | None, typer.Option("--hospital", metavar="NAME", help="Only the sets of this hospital.")]


def set_in(collection: Collection, folder: Path) -> PurePosixPath:
    """Return the path of a set below the root, given its name, its name in a hospital's folder, or its path.

    Raises
    ------
    SettingsWrong
        There is no such folder, or it is not one of a set.
    """
    root, found = collection.root, PurePosixPath(folder.name)
    if collection.options.by_hospital:
        place = root.absolute()
        for path in (place / folder, folder.absolute()):
            if path.is_dir() and path.is_relative_to(place) and path != place:
                found = PurePosixPath(path.relative_to(place).as_posix())
                break
    if not found.parts or not (root / found).is_dir():
        raise SettingsWrong(f"There is no folder {folder} in {root}.")
    if str(found) not in folders_of(collection):
        raise SettingsWrong(f"{folder} is not a set of {root}.")
    return found


def check_folder(root: Path) -> None:
    """Raise SettingsWrong if the root is not a readable folder."""
    if not root.is_dir():
        raise SettingsWrong(f"{root} is not a folder{'' if os.path.lexists(root) else ': it does not exist'}.")
    try:
        with os.scandir(root):
            pass
    except PermissionError:
        raise SettingsWrong(f"{root} cannot be read: change its owner, group or permissions.") from None


def check_collection(root: Path) -> None:
    """Raise SettingsWrong if the root is not a readable folder; later advice refers to this root."""
    advise_on(root)
    check_folder(root)


def check_root(root: Path) -> None:
    """Raise SettingsWrong, before anything is written, for an unsuitable root, such as one patient's own folder."""
    check_collection(root)
    if is_one_patients(root):
        raise SettingsWrong(ONE_PATIENTS.format(root=root))


def look_at(root: Path) -> Collection:
    """Return the collection of a root folder after checking the folder; nothing is written."""
    check_collection(root)
    return Collection.look(root)


def open_collection(root: Path) -> Collection:
    """Return the collection of a root folder after checking the folder; its state is created if there is none."""
    check_collection(root)
    return Collection.open(root)


def collection_of(anon: Path) -> Collection:
    """Return the collection of a published folder after checking the folder; nothing is written."""
    check_folder(anon)
    return Collection.look(anon.absolute().parent)
