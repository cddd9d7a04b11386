"""Republication of a set under its own index at a person's request, for example after confirming names.

The request is stored on the share with the record to be replaced. The set then runs through every step, and only when
the new files are made, proven and on disk does the old folder move to `.anonymizer/replaced/`, where nothing is
deleted; the new folder takes its place, and its record replaces the old one. At any instant one record says that the
set is published, and recovery after a kill uses what is on the share (`services.publication.publish`).

Index, new identity, UIDs and tracking line stay. A planning system that has the earlier files must delete them first.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from services import plain_files
from services.dicom.dataset import read_view
from services.errors import SettingsWrong
from services.language import gettext
from services.publication import new_identity
from services.runtime import durable_files
from services.store import records, registry
from services.store.records import folder_name

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record

REPLACES: Final = "replaces"
"""Field of a record: the digest of the record that it replaces."""


def request(collection: Collection, index: int) -> None:
    """Request that a published set be republished by the service or by the next run.

    Raises
    ------
    SettingsWrong
        Not possible: nothing is published there, its folder or original is gone, or the form now gives patients another
        identity.
    OSError
        Temporary.
    """
    name = folder_name(index)
    published = records.read(collection, index)
    if published is None or published.set_id is None or published.withdrawn:
        raise SettingsWrong(
            gettext("{name} was not published by this program; there is nothing to republish.", name=name)
        )
    plan = collection.root / name / published.plan_name
    if not plan.exists():
        raise SettingsWrong(gettext("{name} is no longer here. A removed set cannot be republished.", name=name))
    if not _is_called(plan, collection, index):
        raise SettingsWrong(
            gettext(
                "{name} has another identity than collection.toml or identities.csv now gives: restore that first.",
                name=name,
            )
        )
    there = {
        locator: outcome
        for locator, outcome in registry.outcomes(collection)
        if any(one.index == index for one in outcome.published) and _is_there(collection, locator)
    }
    if not there and not is_requested(collection, published):
        raise SettingsWrong(gettext("The original set of {name} is no longer here.", name=name))
    collection.redo.mkdir(exist_ok=True)
    asked = durable_files.encode({"schema": 1, "index": index, "record": digest(collection, index)})
    durable_files.write_atomically(_mark(collection, index), asked, staging=collection.staging)
    for locator, outcome in there.items():
        if outcome.fingerprint:  # otherwise it is due for a check already
            registry.start(collection, locator, outcome.fingerprint)
            registry.reopen(collection, locator)


def is_requested(collection: Collection, published: Record) -> bool:
    """Return whether republication of a set is pending; requests for an earlier record are complete."""
    if published.withdrawn or not collection.redo.is_dir():
        return False
    asked = durable_files.read(_mark(collection, published.index)) or {}
    return asked.get("record") == digest(collection, published.index)


def asked(collection: Collection) -> list[int]:
    """Return the indices with pending requests."""
    names = durable_files.names(collection.redo) if collection.redo.is_dir() else []
    numbers = sorted(int(name.removesuffix(".json")) for name in names if name.removesuffix(".json").isdecimal())
    return [
        number for number in numbers if (found := records.read(collection, number)) and is_requested(collection, found)
    ]


def clear(collection: Collection, index: int) -> None:
    """Remove the request."""
    _mark(collection, index).unlink(missing_ok=True)


def digest(collection: Collection, index: int) -> str:
    """Return a digest that identifies a record of an index."""
    return sha256(plain_files.read(records.path_of(collection, index))).hexdigest()


def set_aside(collection: Collection, index: int, its_digest: str) -> None:
    """Move a published folder out of the collected output, with a copy of its record.

    Raises
    ------
    FileExistsError
        It was already moved, and something else is in its place.
    """
    name, place = folder_name(index), _aside(collection, index, its_digest)
    place.mkdir(parents=True, exist_ok=True)
    record = plain_files.read(records.path_of(collection, index))
    durable_files.write_atomically(place / "record.json", record, staging=collection.staging)
    durable_files.fsync_folder(collection.replaced)
    with suppress(FileNotFoundError):
        durable_files.rename_new(collection.root / name, place / name)
    records.outdate_sheet(collection, index)


def put_back(collection: Collection, index: int) -> None:
    """Restore a published folder that was set aside by an interrupted replacement."""
    name = folder_name(index)
    if records.read(collection, index) is None or (collection.root / name).exists():
        return
    place = _aside(collection, index, digest(collection, index))
    with suppress(FileNotFoundError):
        durable_files.rename_new(place / name, collection.root / name)
        shutil.rmtree(place, ignore_errors=True)


def replaces(new: Path, old: Path) -> bool:
    """Return whether a pending record was made to replace the current one."""
    named = (durable_files.read(new) or {}).get(REPLACES)
    return isinstance(named, str) and sha256(plain_files.read(old)).hexdigest() == named


def _aside(collection: Collection, index: int, its_digest: str) -> Path:
    return collection.replaced / f"{folder_name(index)}.{its_digest[:12]}"


def _mark(collection: Collection, index: int) -> Path:
    return collection.redo / f"{index:06d}.json"


def _is_there(collection: Collection, locator: str) -> bool:
    folder = registry.folder_of(collection, locator)
    return folder is not None and folder.is_dir()


def _is_called(plan: Path, collection: Collection, index: int) -> bool:
    """Return whether the patient of a published plan has the identity that the form now gives."""
    view = read_view(plan)
    if view is None:
        return True  # whatever happened to the file, it is replaced
    identity = new_identity.of_published(collection, index)
    return (view.text("PatientID"), view.text("PatientName")) == (identity.patient_id, identity.patient_name)
