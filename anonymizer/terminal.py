"""What the commands say, and how: a terminal gets tables and bars, a pipe plain lines, a program JSON."""

from __future__ import annotations

import json
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

from services.errors import SettingsWrong
from services.language import english
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

#: Where output goes to a file or a pipe, nobody looks at it through a window of 80 columns.
_PIPE_WIDTH: Final = 160

PUBLISHED_ALL: Final = 0
SOME_NOT: Final = 1
WRONG_USE: Final = 2


_WIDEST: Final = 10_000

#: What does something to a terminal instead of being shown: control characters, of C1 too, and turns of direction.
_NOT_SHOWN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_NAME: Final = "anonymizer"
_ADVICE: Final = re.compile(r"(?<![\w./-])anonymizer (?P<verb>[a-z]+) ROOT\b")
"""A command of ours as sentences name it that do not know the root folder."""

_ROOT: Final[ContextVar[Path | None]] = ContextVar("root", default=None)


class _Screen(Console):
    """A terminal to which no text does anything: names of folders may hold whatever a terminal obeys."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text of what was given to print, or stands in a table."""
        return super().render_str(_NOT_SHOWN.sub(" ", _runnable(text)), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a sentence is broken into lines only where a person reads it and has no command to copy from it.

        A table is never cut: where its words do not fit side by side, each row stands below the one before.
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
    """Write each row as lines of their own, what is empty left out."""
    first, *others = table.columns
    lines: list[RenderableType] = [table.title] if table.title else []
    for name, *values in zip(*(column.cells for column in table.columns), strict=True):
        lines.append(name or str(first.header))
        told = ((column.header, value) for column, value in zip(others, values, strict=True) if value)
        lines += [Padding(f"{heading}: {value}", (0, 0, 0, 2), expand=False) for heading, value in told]
    return Group(*lines)


def advise_on(root: Path | None) -> None:
    """Put this root folder into the commands that sentences advise from here on."""
    _ROOT.set(root)


def _runnable(text: str) -> str:
    root = _ROOT.get()
    return text if root is None else _ADVICE.sub(lambda found: command(found["verb"], root), text)


def console(*, stderr: bool = False) -> Console:
    """Open the terminal, or what stands in its place. Texts are shown as they are: `[b]` may be part of a name."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return _Screen(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def say_json(value: Any) -> None:
    """Print JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)  # which escapes line ends and the like, and no C1
    print(_NOT_SHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201 - this is the output


def say_page(text: str) -> None:
    """Say a page that is not to be wrapped."""
    print(_NOT_SHOWN.sub(" ", text), end="")  # noqa: T201 - as above


def command(name: str, *arguments: object) -> str:
    """Write a command of ours as a shell takes it: `anonymizer run 'Müller, Anna'`."""
    return shlex.join((_program(), name, *map(str, arguments)))


def _program() -> str:
    """Return how a shell finds this program: by its name, or else by the path by which it was called."""
    called = Path(sys.argv[0])
    if called.name != _NAME or str(called) == _NAME:
        return _NAME
    found = shutil.which(_NAME)
    return _NAME if found and Path(found).resolve() == called.resolve() else str(called)


def counted(number: int, noun: str) -> str:
    """Return how many of something there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def say_not_taken(screen: Console, things: Sequence[NotTaken]) -> None:
    """List what may hold DICOM and is not taken, with the reason; nothing where there is nothing."""
    if not things:
        return
    table = Table("Not taken", "Why", "What to do")
    for one in things:
        table.add_row(printable(one.name), one.why, one.remedy)
    screen.print(table)


def say_unread_words(screen: Console, root: Path) -> None:
    """Tell of words that keep sets from being exported before a person has read them; nothing where there are none."""
    unread: list[Word] = []
    with suppress(SettingsWrong, OSError):  # words.csv is told to be wrong where it is asked for
        collection = Collection.look(root)
        if collection.words.is_dir():
            unread = [one for one in unread_words.gathered(collection) if one.state == "unread"]
    if unread:
        many = "1 word is" if len(unread) == 1 else f"{len(unread)} words are"
        how = command("words", root)
        screen.print(f"{many} unread, and sets are not exported before a person has read their words: {how}")


def not_taken_as_json(things: Sequence[NotTaken]) -> list[dict[str, str]]:
    """Return the same for a program."""
    return [one._asdict() for one in things]


def printable(name: str) -> str:
    """Return a name that does nothing to a terminal: control characters become spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in name)


def say_wrong(error: BaseException) -> int:
    """Say in one sentence why nothing was done; of what we did not foresee only the class: its text may hold names."""
    if isinstance(error, SettingsWrong):
        text = str(error)
    elif isinstance(error, OSError):
        text = f"{error.strerror or type(error).__name__}" + (f": {error.filename}" if error.filename else "")
    else:
        text = f"This should not have happened: {type(error).__name__}. Run it again with --debug to see where."
    if logs.writes_json():  # a service of which each line is one of its log
        reason = {"reason": english(error.args[0])} if isinstance(error, SettingsWrong) else {}
        structlog.get_logger().error("service.failed", exc_info=error, **reason)
        return WRONG_USE
    console(stderr=True).print(text)
    return WRONG_USE


def sets_as_json(sets: Iterable[SetOutcome]) -> list[dict[str, Any]]:
    """Return what became of each set of a folder with several, for a program: by ANON folder or ordinal, no label."""
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
