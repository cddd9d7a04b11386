"""Placing of received objects into a folder for each patient.

A planning system sends a set in several associations, and often CT and plan from different hosts. A folder therefore
collects all objects of a patient from one sender, until something in it is published; later objects belong to another
set and go into a new folder.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from services.dicom.dataset import read_view
from services.forms.identity import stated_day
from services.runtime import durable_files
from services.store import registry

if TYPE_CHECKING:
    from pathlib import Path

    from services.dicom.dataset import View
    from services.store.collection import Collection

BEING_WRITTEN: Final = ".being-received-"
"""Name prefix of incomplete objects; hidden files are not part of a set."""

_LONGEST: Final = 40
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_UID: Final = re.compile(r"[0-9.]{1,64}")


def put(collection: Collection, place: Path, sender: str, file: Path) -> bool:
    """Move a received object into its patient's folder; return whether the folder changed.

    Parameters
    ----------
    place
        Folder that holds the sets: the collection's root, or a hospital's folder.
    sender
        The sender's AE title.
    file
        The object, on the collection's file system. It is moved, or deleted if the folder already has an identical one.

    Raises
    ------
    OSError
        The share is unavailable or full.
    """
    patient, name = _read(file, sender)
    folder = _open_folder(collection, place, patient)
    folder.mkdir(exist_ok=True)
    target = folder / name
    if _is_same(target, file):
        file.unlink()
        return False
    durable_files.fsync_file(file)
    file.replace(target)
    durable_files.fsync_folder(folder)
    durable_files.fsync_folder(place)
    return True


def clear(place: Path) -> None:
    """Remove incomplete objects left by an earlier process."""
    for name in durable_files.names(place):
        if name.startswith(BEING_WRITTEN):
            with suppress(FileNotFoundError):
                (place / name).unlink()


def is_closed(collection: Collection, folder: Path) -> bool:
    """Return whether something in a folder was published, so that new objects belong to another set."""
    outcome = registry.read_outcome(collection, collection.locator(collection.name_of(folder)))
    return outcome is not None and (bool(outcome.indices) or any(one.state.is_finished for one in outcome.entries))


def _open_folder(collection: Collection, place: Path, patient: str) -> Path:
    folder, number = place / patient, 1
    while is_closed(collection, folder):
        number += 1
        folder = place / f"{patient}-{number}"
    return folder


def _read(file: Path, sender: str) -> tuple[str, str]:
    """Return the names of an object's folder and of its file."""
    stated = patient = uid = kind = ""
    if (view := read_view(file)) is not None:
        stated, patient = view.text("PatientID").strip(), _patient(view)
        uid, kind = view.text("SOPInstanceUID").strip(), _UNSAFE.sub("", view.text("Modality"))[:16]
    # The readable part may be the same for two patients: `A/1` and `A_1`, or one ID assigned by two systems.
    mark = hashlib.sha256(f"{sender}\0{patient}".encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = _UNSAFE.sub("_", stated)[:_LONGEST].strip("_") or "no-ID"
    if not _UID.fullmatch(uid):
        with file.open("rb") as content:
            uid = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{readable}-{mark}", f"{kind or 'DICOM'}.{uid}.dcm"


def _patient(view: View) -> str:
    """Return a key that distinguishes patients, as in the check: the ID in any case, else name and birth date."""
    stated = view.text("PatientID").strip().casefold()
    if stated:
        return stated
    name, birth = view.text("PatientName").strip().casefold(), view.text("PatientBirthDate").strip()
    day = stated_day(birth)
    seems = f"{name}\0{day:%Y%m%d}" if day else f"{name}\0{birth}"
    return f"\0{seems}" if seems.strip("\0") else f"\0\0{view.text('StudyInstanceUID').strip()}"


def _is_same(there: Path, new: Path) -> bool:
    try:
        if there.stat().st_size != new.stat().st_size:
            return False
        with there.open("rb") as one, new.open("rb") as other:
            return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
    except FileNotFoundError:
        return False
