"""`anonymizer demo`: sets of people who do not exist, to try everything on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.terminal import command, console
from phantom.sets import write_demo

NewRoot = Annotated[Path, typer.Argument(help="A folder that does not exist yet.")]


def demo(
    root: NewRoot,
    sets: Annotated[int, typer.Option(min=1, help="How many sets.")] = 3,
    ct: Annotated[int, typer.Option(min=1, help="CT slices of each.")] = 40,
    rois: Annotated[int, typer.Option(min=1, help="Structures of each.")] = 20,
    seed: Annotated[int, typer.Option(help="Another number, other patients.")] = 0,
) -> None:
    """Make a root folder of synthetic sets, with settings."""
    made = write_demo(root, sets=sets, ct=ct, rois=rois, seed=seed)
    console().print(f"{len(made)} synthetic sets in {root}. Now: {command('run', root)}")
