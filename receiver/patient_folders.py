"""In which folder of a collection the objects of a patient go, and how an object gets there.

A planning system sends a set in several associations, and CT and plan often from two hosts: so a folder is a sender's
*patient*, until something in it is published. What comes later is another set and goes into a new one.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from services.dicom.dataset import read_view
from services.runtime import durable_files
from services.store import registry

if TYPE_CHECKING:
    from pathlib import Path

    from services.dicom.dataset import View
    from services.store.collection import Collection

BEING_WRITTEN: Final = ".being-received-"
"""How the name of an object begins that is not whole yet: hidden, and so no part of a set."""

_LONGEST: Final = 40
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_UID: Final = re.compile(r"[0-9.]{1,64}")
_SAME_PATIENT: Final = ("PatientName", "PatientBirthDate")


def put(collection: Collection, place: Path, sender: str, file: Path) -> bool:
    """Put a received object into its patient's folder; return whether anything changed there.

    Parameters
    ----------
    place
        The folder of the collection in which sets lie: its root, or a hospital's.
    sender
        The AE title that it came from.
    file
        The object, on the file system of the collection. It is moved, or removed where the same lies there already.

    Raises
    ------
    OSError
        The share is away, or full.
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
    """Remove what an earlier process left half written."""
    for name in durable_files.names(place):
        if name.startswith(BEING_WRITTEN):
            with suppress(FileNotFoundError):
                (place / name).unlink()


def is_closed(collection: Collection, folder: Path) -> bool:
    """Return whether something of a folder was published, and what comes now is another set."""
    outcome = registry.read_outcome(collection, collection.locator(collection.name_of(folder)))
    return outcome is not None and (bool(outcome.indices) or any(one.state.is_finished for one in outcome.entries))


def _open_folder(collection: Collection, place: Path, patient: str) -> Path:
    folder, number = place / patient, 1
    while is_closed(collection, folder):
        number += 1
        folder = place / f"{patient}-{number}"
    return folder


def _read(file: Path, sender: str) -> tuple[str, str]:
    """Return what an object's folder and the object itself are called."""
    told = patient = uid = kind = ""
    if (view := read_view(file)) is not None:
        told, patient = view.text("PatientID").strip(), _patient(view)
        uid, kind = view.text("SOPInstanceUID").strip(), _UNSAFE.sub("", view.text("Modality"))[:16]
    # The name alone may be the same for two: `A/1` and `A_1`, or one ID that two systems gave.
    mark = hashlib.sha256(f"{sender}\0{patient}".encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = _UNSAFE.sub("_", told)[:_LONGEST].strip("_") or "no-ID"
    if not _UID.fullmatch(uid):
        with file.open("rb") as content:
            uid = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{readable}-{mark}", f"{kind or 'DICOM'}.{uid}.dcm"


def _patient(view: View) -> str:
    """Return what tells a patient from others, as the check does: an ID without regard to case, else who it seems."""
    told = view.text("PatientID").strip().casefold()
    if told:
        return told
    seems = "\0".join(view.text(keyword).strip().casefold() for keyword in _SAME_PATIENT)
    return f"\0{seems}" if seems.strip("\0") else f"\0\0{view.text('StudyInstanceUID').strip()}"


def _is_same(there: Path, new: Path) -> bool:
    try:
        if there.stat().st_size != new.stat().st_size:
            return False
        with there.open("rb") as one, new.open("rb") as other:
            return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
    except FileNotFoundError:
        return False
