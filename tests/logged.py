"""The log of a service in a test's process, restored afterwards."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from services.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Log into a text like a service, then restore logging."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level, show, hook = root.handlers[:], root.level, warnings.showwarning, threading.excepthook
    logs.configure("json", "info", written)
    try:
        yield written
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
        warnings.showwarning, threading.excepthook = show, hook
