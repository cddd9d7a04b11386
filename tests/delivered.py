"""A collection with published sets, and the command line called in this process, for tests of deliveries."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pyrage
import pytest
from typer.testing import CliRunner

from anonymizer.command_line import application
from anonymizer.quick import Stopped
from anonymizer.terminal import print_error
from services.pipeline.folder_run import process
from services.publication.index_ledger import Ledger
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from services.store.tracking_lines import TrackingFiles
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from pathlib import Path

    import redis


class Said(NamedTuple):
    """Output of a command."""

    code: int
    text: str


def anonymizer(*arguments: object) -> Said:
    """Call a command as `main` does, and return its output including standard error."""
    try:
        done = CliRunner().invoke(application(str(arguments[0])), [*map(str, arguments)])
    except Stopped:
        return Said(130, "Stopped.")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        with pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr("anonymizer.terminal.console", lambda **_: _Printer(said))
            return Said(print_error(done.exception), done.output + "\n".join(said))
    return Said(done.exit_code, done.output)


class _Printer:
    def __init__(self, said: list[str]) -> None:
        self._said = said

    def print(self, text: str) -> None:
        """Record the output."""
        self._said.append(text)


def collected(root: Path, client: redis.Redis, *names: str, prefix: str = "zzz_AnusGE", hospital: str = "") -> Path:
    """Make a collection with a published set for each name, also used as seed."""
    make_collection(root, patient_id=prefix, hospital=hospital or "Demo Hospital")
    for name in names:
        make_set(root, name=name, seed=name)
        publish(root, client, name)
    return root


def publish(root: Path, client: redis.Redis, name: str) -> None:
    """Process a set completely."""
    collection = Collection.open(root)
    locator = registry.register(collection, name)
    told = Progress(client, collection.id, locator)
    outcome = process(collection, locator, Ledger(collection, client), told, Settings(), patience_over=True)
    assert outcome is not None
    assert outcome.state == "published", outcome.text
    TrackingFiles(collection).render()


def copied(root: Path, place: Path) -> Path:
    """Move a collection to its own disk."""
    return shutil.copytree(root, place / root.name)


def age_keys(place: Path) -> tuple[Path, Path]:
    """Write a file of recipients and one of the identity, as `age-keygen` does."""
    identity = pyrage.x25519.Identity.generate()
    public, private = place / "recipients.txt", place / "identity.txt"
    public.write_text(f"# the centre\n{identity.to_public()}\n")
    private.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return public, private
