"""Change events below the share, so that a dropped set is noticed at once and not at the next rescan.

They are only hints: inotify sees nothing of what other hosts write on a network share, and its queue can
overflow. The truth is the rescan. Where the file system is remote there are no hints, only the rescan; the same where
the system refuses to watch so many folders.
"""

from __future__ import annotations

import errno
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from services.layout import STATE_NAME

if TYPE_CHECKING:
    from types import TracebackType

    from watchdog.observers.api import BaseObserver

log = structlog.get_logger()

#: File systems whose other writers the kernel does not tell us about. `fuse` and `fuse.…` are added by their prefix.
REMOTE = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "vboxsf")
)
#: Everything but what a reader causes. The system is not asked for that: our own look at ten thousand folders would
#: fill its queue, which is then made up for by looking at them all again.
CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
MOUNTS = Path("/proc/self/mounts")
#: Where sets are written before they are published: nothing to look at.
STAGING = f"/{STATE_NAME}/staging"


def _why(circumstance: OSError) -> str:
    if circumstance.errno == errno.EMFILE:
        return "no inotify instance is left: raise fs.inotify.max_user_instances"
    if circumstance.errno == errno.ENOSPC:
        return "no inotify watch is left: raise fs.inotify.max_user_watches"
    return errno.errorcode.get(circumstance.errno or 0, "an error of the system")


def is_remote(path: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether other hosts may write below `path` unseen, by the type of its file system."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # macOS tells of changes on network volumes as far as it can; the rescan does the rest
    kind, longest = "", -1
    for line in lines:
        _, point, of_kind, *_ = line.split(" ")
        mounted = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), point))  # a space is written \040
        if path.is_relative_to(mounted) and len(mounted.parts) >= longest:
            kind, longest = of_kind, len(mounted.parts)
    return kind in REMOTE or kind.split(".")[0] == "fuse"


class ChangeEvents:
    """Wake the watcher when something changed, and name the folders in which it did.

    A context manager: it watches while it is entered.
    """

    def __init__(self, root: Path, *, watching: bool) -> None:
        self.root = root
        self._watching = watching
        self._observer: BaseObserver | None = None
        self._lock = threading.Lock()
        self._changed: set[Path] = set()
        self._woken = threading.Event()

    def __enter__(self) -> Self:
        if self._watching:
            try:
                observer = Observer()
                observer.schedule(_Handler(self), str(self.root), recursive=True, event_filter=CHANGES)
                observer.start()
                self._observer = observer
            except OSError as circumstance:  # no instance or watch is left of the system's limit, or the share is away
                log.warning("watch.polls", observer="polling", waits=_why(circumstance))
        return self

    @property
    def are_noticed(self) -> bool:
        """Return whether changes are noticed as they happen; if not, the rescan finds them."""
        return self._observer is not None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._observer:
            self._observer.stop()
            self._observer.join()

    def note(self, folder: Path) -> None:
        """Note a change in `folder`, and wake the waiting thread."""
        with self._lock:
            self._changed.add(folder)
        self._woken.set()

    def wait(self, timeout_s: float) -> frozenset[Path]:
        """Wait for an event or the timeout; return the folders that changed since the last call."""
        self._woken.wait(timeout_s)
        self._woken.clear()
        with self._lock:
            changed, self._changed = frozenset(self._changed), set()
        return changed


class _Handler(FileSystemEventHandler):
    """Passes on what a look may be due for.

    Right in the state's own folder lies what says that the watcher lives: written every other second, by itself.
    """

    def __init__(self, hints: ChangeEvents) -> None:
        self._hints = hints

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                place = Path(path if isinstance(path, str) else path.decode("utf-8", "surrogateescape"))
                folder = place if event.is_directory else place.parent
                if folder.name != STATE_NAME and STAGING not in folder.as_posix():
                    self._hints.note(folder)
