"""Arguments that several commands have, and what is asked of them all."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from anonymizer.terminal import advise_on
from services.errors import SettingsWrong
from watcher.folders import ONE_PATIENTS, is_one_patients

Root = Annotated[Path, typer.Argument(help="The root folder: each folder in it is one patient's set.")]
Source = Annotated[Path, typer.Argument(help="The folder of the set as it was dropped.")]
Anon = Annotated[Path, typer.Argument(help="The folder that was made of it: …/ANON_006.")]
Published = Annotated[Path, typer.Argument(metavar="ANON_006", help="The published folder, or its name in ROOT.")]
SetFolder = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder, or its name in ROOT.")]
ShareArgument = Annotated[
    Path | None, typer.Argument(help="The folder under which the collections lie; ANONYMIZER_SHARE by default.")
]
Processes = Annotated[int | None, typer.Option(min=1, help="Sets at a time; as many as there are cores by default.")]
MachineNames = Annotated[
    list[str] | None,
    typer.Option(
        "--machine", help='A machine descriptor; "keep" leaves each plan its own. Several: the first that fits.'
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

OfHospital = Annotated[str | None, typer.Option("--hospital", metavar="NAME", help="Only the sets of this hospital.")]


def set_in(root: Path, folder: Path, *, by_hospital: bool) -> PurePosixPath:
    """Return which set is meant, by its path below the root: given as a name, in a hospital's folder, or as a path.

    Raises
    ------
    SettingsWrong
        There is no such folder.
    """
    found = PurePosixPath(folder.name)
    if by_hospital:
        place = root.absolute()
        for path in (place / folder, folder.absolute()):
            if path.is_dir() and path.is_relative_to(place) and path != place:
                found = PurePosixPath(path.relative_to(place).as_posix())
                break
    if not found.parts or not (root / found).is_dir():
        raise SettingsWrong(f"There is no folder {found} in {root}.")
    return found


def check_folder(root: Path) -> None:
    """Refuse what is no folder, or may not be looked into."""
    if not root.is_dir():
        raise SettingsWrong(f"{root} is no folder{'' if os.path.lexists(root) else ': there is nothing of this name'}.")
    try:
        with os.scandir(root):
            pass
    except PermissionError:
        raise SettingsWrong(f"{root} may not be looked into: its owner, group or rights have to be changed.") from None


def check_collection(root: Path) -> None:
    """Refuse what is no folder; what is advised from here on is advised for this one."""
    advise_on(root)
    check_folder(root)


def check_root(root: Path) -> None:
    """Refuse, before anything is written, what can be no root folder: one patient's own folder, for instance."""
    check_collection(root)
    if is_one_patients(root):
        raise SettingsWrong(ONE_PATIENTS.format(root))
