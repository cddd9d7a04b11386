"""A published set with the inputs of its proof, to be changed and proven again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from services.deidentify.uid_map import UidMap
from services.errors import NotClean
from services.proof.prove import Expected, prove
from tests import sets
from tests.anonymized import IDENTITY, KEY, anonymize_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset


class Set(NamedTuple):
    """A published set, the inputs of its proof, and its source's texts."""

    source: list[tuple[str, Path]]
    anon: Path
    expected: Expected
    old: dict[str, Dataset]
    """By file name prefix; one slice of the CT."""

    def copied(self, folder: Path) -> Set:
        """Copy it for changes."""
        shutil.copytree(self.anon, folder / "ANON_006")
        return self._replace(anon=folder / "ANON_006")

    def path(self, prefix: str) -> Path:
        """Return one file of a kind."""
        return min(self.anon.glob(f"{prefix}.*"))

    def reasons(self) -> str:
        """Return the proof's reasons; empty if it passes."""
        try:
            prove(self.source, self.anon, self.expected)
        except NotClean as not_clean:
            return "\n".join(not_clean.reasons)
        return ""


def publish(folder: Path, *edits: sets.Edit, **make: object) -> Set:
    """Make a set, anonymize it, and collect the inputs of its proof."""
    made = sets.make_set(folder, *edits, **make)
    done = anonymize_folder(made.folder, folder / "ANON_006", scanner="SCANNER_A")
    replacements = done.replacements
    return Set(
        [(data.Modality, made.path(data)) for data in made.objects],
        done.anon,
        Expected(IDENTITY, replacements.policy, replacements.machine, replacements.scanner, new_uid=UidMap(KEY)),
        {"CT": made.ct[0], "RS": made.structure_set, "RP": made.plan, "RD": made.dose},
    )
