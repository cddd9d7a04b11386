"""State shared by all pages: the share, the boards of its collections, and the sessions."""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from console.auth.sessions import Sessions, Throttle
from console.collection_view import Board
from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.language import gettext
from services.layout import ANON_NAME, SETTINGS_NAME, why_folder_left
from services.machines import descriptor
from services.store.collection import Collection, collection_id
from services.store.share import COPIED, Share
from watcher.folders import ONE_PATIENTS, is_one_patients
from worker.transient_errors import CIRCUMSTANCES, words_of

if TYPE_CHECKING:
    from console.auth.users import Users
    from services.forms.collection_form import Options
    from services.forms.identity import Identity
    from services.runtime.settings import Settings

HERE: Final = "."
"""Stands for the share itself as a collection's folder."""

MOST_OFFERED: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """One collection of the share."""

    name: str
    """Its path in the share, or the share's own name if it is the share."""
    id: str
    """Empty if it cannot be opened."""
    wrong: str
    """Why not."""


class Desk:
    """State from which every page is made.

    Parameters
    ----------
    by_hand
        Whether sets wait to be started regardless of their collection's setting, as in a local console.
    key
        Login key in the link printed on the terminal.
    """

    def __init__(
        self,
        share: Path,
        settings: Settings,
        *,
        by_hand: bool | None = None,
        users: Users | None = None,
        key: str | None = None,
    ) -> None:
        self.share = Share(share)
        self.settings = settings
        self.by_hand = by_hand
        self.users = users
        self.key = key
        self.sessions = Sessions()
        self.throttle = Throttle()
        self._boards: dict[Path, Board] = {}
        self._lock = threading.Lock()

    def places(self) -> list[Place]:
        """Return the current collections, opening new ones.

        Raises
        ------
        OSError
            The share is unavailable.
        """
        found = [(root, *_opened(root)) for root in self.share.roots()]
        times = Counter(its_id for _, its_id, _ in found if its_id)
        return [
            Place(self.name_of(root), "", COPIED) if times[its_id] > 1 else Place(self.name_of(root), its_id, wrong)
            for root, its_id, wrong in found
        ]

    def board(self, its_id: str) -> Board:
        """Return the board of a collection.

        Raises
        ------
        SettingsWrong, OSError
            No collection, or more than one, has this ID.
        """
        root = self.share.find(its_id)
        with self._lock:
            if root not in self._boards:
                self._boards[root] = Board(root, self.settings, by_hand=self.by_hand)
            return self._boards[root]

    def clear(self) -> None:
        """Delete the deliveries made for download, at the end of the console."""
        for board in self._boards.values():
            board.packer.clear()

    def language_of(self, its_id: str) -> str:
        """Return the language of a collection, as of when its form was last read; English if it was not."""
        try:
            root = self.share.find(its_id)
        except (SettingsWrong, OSError):
            return "en"
        with self._lock:
            return self._boards[root].language if root in self._boards else "en"

    def name_of(self, root: Path) -> str:
        """Return a collection's name relative to the share."""
        inner = root.relative_to(self.share.root)
        return inner.as_posix() if inner.parts else root.name

    @property
    def is_one_collection(self) -> bool:
        """Return whether the share is itself a collection."""
        return os.path.lexists(self.share.root / SETTINGS_NAME)

    def folders_offered(self) -> list[str]:
        """Return the folders that could become a collection: subfolders of the share, and itself while it has none."""
        with os.scandir(self.share.root) as entries:
            inner = [
                entry.name
                for entry in entries
                if not _is_left_alone(entry.name)
                and entry.is_dir(follow_symlinks=False)
                and not os.path.lexists(Path(entry.path) / SETTINGS_NAME)
            ]
        here = [] if self.share.roots() else [HERE]
        return [*here, *sorted(inner, key=str.casefold)[:MOST_OFFERED]]

    def machine_names(self) -> list[str]:
        """Return the names of the target machines."""
        return descriptor.names(descriptor.folders(self.settings.machines))

    def same_patient_ids(self, patient_id: str) -> list[tuple[str, int]]:
        """Return the other collections that assign this patient ID, with their initial index."""
        found = []
        for root in self.share.roots():
            try:
                identity = read_settings(root)[0]
            except (SettingsWrong, OSError):
                continue
            if identity.patient_id == patient_id:
                found.append((self.name_of(root), identity.initial_index))
        return found

    def create(self, folder: str, identity: Identity, options: Options) -> Collection:
        """Turn a folder of the share into a collection, creating it if missing.

        Raises
        ------
        SettingsWrong
            The folder or the form is invalid.
        OSError
            It cannot be written.
        """
        root = self.check_folder(folder)
        if root.is_dir() and is_one_patients(root):
            raise SettingsWrong(gettext(ONE_PATIENTS, root=root.name))
        root.mkdir(exist_ok=True)
        return Collection.create(root, identity, options)

    def check_folder(self, folder: str) -> Path:
        """Return a direct subfolder of the share, or the share itself; other paths are refused.

        Raises
        ------
        SettingsWrong
            It cannot become a collection.
        """
        if folder == HERE and not self.share.roots():
            return self.share.root
        if not folder or PurePosixPath(folder).name != folder or "\\" in folder or not folder.isprintable():
            raise SettingsWrong(gettext("Choose a folder, or give the new one a name without / and \\."))
        if _is_left_alone(folder):
            raise SettingsWrong(gettext("Folders with this name are reserved or hidden."))
        root = self.share.root / folder
        if root.is_symlink() or (root.exists() and not root.is_dir()):
            raise SettingsWrong(gettext("Something else has this name."))
        if os.path.lexists(root / SETTINGS_NAME):
            raise SettingsWrong(gettext("This folder is already a collection."))
        return root


def _is_left_alone(name: str) -> bool:
    return why_folder_left(name) is not None or ANON_NAME.fullmatch(name) is not None


def _opened(root: Path) -> tuple[str, str]:
    """Return a collection's ID, or why it has none."""
    try:
        its_id = collection_id(root)
        return (its_id, "") if its_id else (Collection.open(root).id, "")
    except CIRCUMSTANCES as circumstance:
        return "", words_of(circumstance)
