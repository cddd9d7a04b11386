"""What the commands say, and how: a terminal gets tables and bars, a pipe plain lines, a program JSON."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog
from rich.console import Console
from rich.table import Table

from services.errors import SettingsWrong
from services.runtime import logs
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

    from services.layout import NotTaken
    from services.store.registry import SetOutcome

#: Where output goes to a file or a pipe, nobody looks at it through a window of 80 columns.
_PIPE_WIDTH: Final = 160

PUBLISHED_ALL: Final = 0
SOME_NOT: Final = 1
WRONG_USE: Final = 2


#: What does something to a terminal instead of being shown: control characters, of C1 too, and turns of direction.
_NOT_SHOWN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class _Screen(Console):
    """A terminal to which no text does anything: names of folders may hold whatever a terminal obeys."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text of what was given to print, or stands in a table."""
        return super().render_str(_NOT_SHOWN.sub(" ", text), **options)


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
    return shlex.join(("anonymizer", name, *map(str, arguments)))


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
        text = f"{type(error).__name__}: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    else:
        text = f"This should not have happened: {type(error).__name__}. Run it again with --debug to see where."
    if logs.writes_json():  # a service of which each line is one of its log
        reason = {"reason": text} if isinstance(error, SettingsWrong) else {}
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
