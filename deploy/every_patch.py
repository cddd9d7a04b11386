"""Print the given lock file, valid for every patch release of this Python, for the bundle.

A pin may apply to 3.11.2 but not to 3.11.7 (`python_full_version < '3.11.3'`), and a bundle is made with one of them
for hosts with another. Markers that apply to the first or the last patch release are removed, others with their pins.
"""

# ruff: noqa: INP001 - a separate command

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.markers import Marker

PIN = re.compile(r"^(?P<pin>[A-Za-z0-9][^;\s]*) ; (?P<marker>[^\\\n]*)", re.MULTILINE)
ENTRY = re.compile(r"^[A-Za-z0-9].*(?:\n[ \t]+.*)*\n?", re.MULTILINE)


def holds(marker: str) -> bool:
    """Return whether a marker applies to some patch release of this Python."""
    minor = ".".join(map(str, sys.version_info[:2]))
    return any(Marker(marker).evaluate({"python_full_version": f"{minor}.{patch}"}) for patch in (0, 999))


def every_patch(lock: str) -> str:
    """Return the entries of a lock file that apply to some patch release, without their markers."""
    kept = []
    for entry in ENTRY.findall(lock):
        found = PIN.match(entry)
        if found is None:
            kept.append(entry)
        elif holds(found["marker"].strip()):
            kept.append(entry.replace(found[0], f"{found['pin']} ", 1))
    return "".join(kept)


if __name__ == "__main__":
    sys.stdout.write(every_patch(Path(sys.argv[1]).read_text("utf-8")))
