"""List the licences of the image's packages, according to their metadata:  python deploy/licences.py."""

# ruff: noqa: INP001, T201 - a separate command that prints its result

import re
from collections import defaultdict
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements-service.lock"
FOR_OTHERS = "only for other systems or versions of Python than this one"


def licence(package: str) -> str:
    """Return a package's licence: its expression, else its classifiers, else the first line of its field."""
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return FOR_OTHERS
    classifiers = [one.rpartition(" :: ")[2] for one in found.get_all("Classifier", []) if one.startswith("License ::")]
    return found["License-Expression"] or "; ".join(classifiers) or (found["License"] or "?").splitlines()[0]


by_licence = defaultdict(set)
for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE):
    by_licence[licence(name)].add(name)
print("| licence | packages |\n|---|---|")
for name, packages in sorted(by_licence.items()):
    print(f"| {name} | {', '.join(sorted(packages))} |")
