"""Change events below the share, so that a dropped set is noticed before the next rescan.

Events are only hints: inotify does not report other hosts' writes on a network share, and its queue can overflow.
Rescans are authoritative. On remote file systems, or if the system refuses to watch that many folders, there are only
rescans.
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

#: File systems on which the kernel does not report other hosts' writes. `fuse` and `fuse.…` match by prefix.
REMOTE = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "vboxsf")
)
#: Everything but events caused by readers, which are not requested: our own check of ten thousand folders would
#: overflow the queue, and thus require checking them all again.
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
#: Where sets are written before they are published; ignored.
STAGING = f"/{STATE_NAME}/staging"


def _why(circumstance: OSError) -> str:
    if circumstance.errno == errno.EMFILE:
        return "no inotify instance is left: raise fs.inotify.max_user_instances"
    if circumstance.errno == errno.ENOSPC:
        return "no inotify watch is left: raise fs.inotify.max_user_watches"
    return errno.errorcode.get(circumstance.errno or 0, "an error of the system")


def is_remote(path: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether other hosts may write below `path` unnoticed, by the type of its file system."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # macOS reports changes on network volumes as far as it can; rescans do the rest
    kind, longest = "", -1
    for line in lines:
        _, point, of_kind, *_ = line.split(" ")
        mounted = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), point))  # a space is written as \040
        if path.is_relative_to(mounted) and len(mounted.parts) >= longest:
            kind, longest = of_kind, len(mounted.parts)
    return kind in REMOTE or kind.split(".")[0] == "fuse"


class ChangeEvents:
    """Wakes the watcher on changes, and returns the changed folders.

    A context manager, active while entered.
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
            except OSError as circumstance:  # system limit on instances or watches reached, or share unavailable
                log.warning("watch.polls", observer="polling", waits=_why(circumstance))
        return self

    @property
    def are_noticed(self) -> bool:
        """Return whether changes are noticed as they happen; otherwise rescans find them."""
        return self._observer is not None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._observer:
            self._observer.stop()
            self._observer.join()

    def note(self, folder: Path) -> None:
        """Record a change in `folder`, and wake the waiting thread."""
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
    """Forwards events that may require a check.

    The watcher's own heartbeat, written directly in the state folder every other second, is ignored.
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
