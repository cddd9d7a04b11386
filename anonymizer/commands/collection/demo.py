"""`anonymizer demo`: synthetic sets to try the program with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.terminal import command, console
from phantom.sets import write_demo

NewRoot = Annotated[Path, typer.Argument(help="A folder that does not exist yet.")]


def demo(
    root: NewRoot,
    sets: Annotated[int, typer.Option(min=1, help="Number of sets.")] = 3,
    ct: Annotated[int, typer.Option(min=1, help="CT slices per set.")] = 40,
    rois: Annotated[int, typer.Option(min=1, help="Structures per set.")] = 20,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Create a root folder with synthetic sets and settings."""
    made = write_demo(root, sets=sets, ct=ct, rois=rois, seed=seed)
    console().print(f"{len(made)} synthetic sets in {root}. Now: {command('run', root)}")
