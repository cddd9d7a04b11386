"""Output of the commands: tables and bars on a terminal, plain lines in a pipe, JSON for programs."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import sys
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from services.errors import SetRefused, SettingsWrong
from services.language import english
from services.layout import STATE_NAME
from services.publication import unread_words
from services.runtime import logs
from services.store.collection import Collection
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from services.layout import NotTaken
    from services.publication.unread_words import Word
    from services.store.registry import SetOutcome

#: Output to a file or pipe is not limited to the 80 columns of a window.
_PIPE_WIDTH: Final = 160

PUBLISHED_ALL: Final = 0
SOME_NOT: Final = 1
WRONG_USE: Final = 2


_WIDEST: Final = 10_000

#: Characters that affect a terminal instead of being shown: C0 and C1 controls, and changes of text direction.
_NOT_SHOWN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_NAME: Final = "anonymizer"
_ADVICE: Final = re.compile(r"(?<![\w./-])anonymizer (?P<verb>[a-z]+) ROOT\b")
"""One of our commands in a sentence written without knowledge of the root folder."""

_ROOT: Final[ContextVar[Path | None]] = ContextVar("root", default=None)


class _Screen(Console):
    """A terminal protected from control sequences, which folder names may contain."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text of a printed object or table cell, without markup."""
        return super().render_str(_NOT_SHOWN.sub(" ", _runnable(text)), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a sentence is wrapped only on a terminal, and only if it holds no command to copy.

        A table is never truncated: if its columns do not fit, each row is printed as a block of lines.
        """
        if all(isinstance(one, str) for one in objects):
            if not self.is_terminal or any(f"{_NAME} " in one for one in objects):
                options.setdefault("soft_wrap", True)
            super().print(*objects, **options)
            return
        for one in objects:
            super().print(self._fitted(one) if isinstance(one, Table) else one, **options)

    def _fitted(self, table: Table) -> RenderableType:
        for column in table.columns:
            column.overflow = "fold"
        needed = Measurement.get(self, self.options.update(width=_WIDEST), table).minimum
        return table if not self.is_terminal or needed <= self.width else _in_blocks(table)


def _in_blocks(table: Table) -> RenderableType:
    """Return each row as a block of lines without empty cells."""
    first, *others = table.columns
    lines: list[RenderableType] = [table.title] if table.title else []
    for name, *values in zip(*(column.cells for column in table.columns), strict=True):
        lines.append(name or str(first.header))
        labelled = ((column.header, value) for column, value in zip(others, values, strict=True) if value)
        lines += [Padding(f"{heading}: {value}", (0, 0, 0, 2), expand=False) for heading, value in labelled]
    return Group(*lines)


def advise_on(root: Path | None) -> None:
    """Insert this root folder into the commands advised from here on."""
    _ROOT.set(root)


def _runnable(text: str) -> str:
    root = _ROOT.get()
    return text if root is None else _ADVICE.sub(lambda found: command(found["verb"], root), text)


def console(*, stderr: bool = False) -> Console:
    """Return the terminal or its replacement. Texts are shown literally: `[b]` may be part of a name."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return _Screen(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)  # which escapes line ends and similar, but not C1 controls
    print(_NOT_SHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201 - this is the output


def print_page(text: str) -> None:
    """Print a page without wrapping."""
    print(_NOT_SHOWN.sub(" ", text), end="")  # noqa: T201 - as above


def command(name: str, *arguments: object) -> str:
    """Return one of our commands quoted for a shell: `anonymizer run 'Müller, Anna'`."""
    return shlex.join((_program(), name, *map(str, arguments)))


def _program() -> str:
    """Return the program's name if it is on the PATH, or else the path by which it was called."""
    called = Path(sys.argv[0])
    if called.name != _NAME or str(called) == _NAME:
        return _NAME
    found = shutil.which(_NAME)
    return _NAME if found and Path(found).resolve() == called.resolve() else str(called)


def print_not_taken(screen: Console, things: Sequence[NotTaken]) -> None:
    """Print the items that may hold DICOM and are not taken, with reasons, if any."""
    if not things:
        return
    table = Table("Not taken", "Why", "What to do")
    for one in things:
        table.add_row(printable(one.name), one.why, one.remedy)
    screen.print(table)


def print_unread_words(screen: Console, root: Path) -> None:
    """Print the number of unread words that prevent sets from being exported, if any."""
    unread: list[Word] = []
    with suppress(SettingsWrong, OSError):  # a wrong words.csv is reported by the commands that need it
        collection = Collection.look(root)
        if collection.words.is_dir():
            unread = [one for one in unread_words.gathered(collection) if one.state == "unread"]
    if unread:
        many = "1 word is" if len(unread) == 1 else f"{len(unread)} words are"
        how = command("words", root)
        screen.print(f"{many} unread, and sets are not exported before their words are reviewed: {how}")


def not_taken_as_json(things: Sequence[NotTaken]) -> list[dict[str, str]]:
    """Return the same as JSON data."""
    return [one._asdict() for one in things]


def printable(name: str) -> str:
    """Return a name safe for a terminal: control characters become spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in name)


def print_error(error: BaseException) -> int:
    """Print in one sentence why nothing was done; of unexpected errors only the class: their texts may hold names."""
    from worker.transient_errors import CIRCUMSTANCES, describe  # noqa: PLC0415 - imports redis and kombu

    if isinstance(error, SettingsWrong):
        text = str(error)
    elif isinstance(error, SetRefused):
        text = "\n".join(fault.found for fault in error.faults)
    elif isinstance(error, OSError):
        text = _of_system(error)
    elif isinstance(error, CIRCUMSTANCES):
        text = f"Not possible at the moment: {describe(error)}."
    else:
        text = f"Unexpected error: {type(error).__name__}. Run again with --debug for details."
    if logs.writes_json():  # a service writes log lines only
        reason = {"reason": english(error.args[0] if error.args else text)} if isinstance(error, SettingsWrong) else {}
        structlog.get_logger().error("service.failed", exc_info=error, **reason)
        return WRONG_USE
    console(stderr=True).print(text)
    return WRONG_USE


_REMEDIES: Final = {
    errno.EACCES: "The account that runs this needs the right to write there.",
    errno.EPERM: "The account that runs this needs the right to write there.",
    errno.EROFS: "It has to be mounted for writing.",
    errno.ENOSPC: "Make room there.",
    errno.EDQUOT: "Make room there.",
}


_DENIED: Final = (errno.EACCES, errno.EPERM)
_ONLY_OF_WRITING: Final = (errno.EROFS, errno.ENOSPC, errno.EDQUOT)
_UNFINISHED: Final = ".unfinished"
"""Ends the name of a folder that is removed when it cannot be completed."""


def _of_system(error: OSError) -> str:
    """Return the description of an OS error; for one of our temporary files, or a copy, of its folder."""
    what = error.strerror or type(error).__name__
    is_copy = error.errno in _REMEDIES and isinstance(error.filename2, str | bytes)
    is_written = error.errno in _ONLY_OF_WRITING
    name = error.filename2 if is_copy else error.filename  # of what is copied, the source could be written
    if not isinstance(name, str | bytes):  # of write(2) and fsync(2), the system does not say
        return f"No more can be written: {what}. Make room, and repeat the command." if is_written else what
    path = Path(os.fsdecode(name))
    if not (is_copy or is_written) and (not path.name.startswith(STATE_NAME) or error.errno not in _REMEDIES):
        remedy = ". The account that runs this needs access to it." if error.errno in _DENIED else ""
        return f"{what}: {path}{remedy}"
    folder = next((one.parent for one in path.parents if one.name.endswith(_UNFINISHED)), path.parent)
    while folder.name.startswith("."):  # it is gone by now, too
        folder = folder.parent
    return f"Nothing can be written in {folder}: {what}. {_REMEDIES[error.errno or 0]}"


def sets_as_json(sets: Iterable[SetOutcome]) -> list[dict[str, Any]]:
    """Return the outcome of each set of a folder with several as JSON data, by ANON folder or ordinal, not by label."""
    return [
        {
            "set": one.ordinal,
            "state": one.state,
            "anon": folder_name(one.index) if one.index is not None else "",
            "codes": list(one.codes),
            "why": one.text,
        }
        for one in sets
    ]
