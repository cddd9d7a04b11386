"""The texts beside a set, for the person who exported it: `<set>_REFUSED.txt` and `<set>_NOTE.txt`.

A set has at most one of them, and only while it applies. A file of that name not written by this program is left alone.
Most are read on Windows, hence UTF-8 with a byte order mark and CRLF line ends.
"""

from __future__ import annotations

import os
import re
import stat
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from services import plain_files
from services.language import LANGUAGES, gettext, gettext_noop, in_language, ngettext
from services.runtime import durable_files
from services.store.registry import called
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from services.errors import Fault
    from services.store.registry import SetOutcome

REFUSED: Final = "_REFUSED.txt"
NOTE: Final = "_NOTE.txt"
MARK: Final = gettext_noop("Written by RT Set Anonymizer; removed when it no longer applies.")
EARLIER_MARKS: Final = (
    "This file is the anonymizer's: it writes it, and takes it away when it no longer holds.",
    "Diese Datei gehört dem Anonymisierer: Er schreibt sie und entfernt sie, sobald sie nicht mehr gilt.",
)
"""First lines written by earlier versions."""
OF_SET: Final = gettext_noop('About the set "{name}":')
OF_DELIVERY: Final = gettext_noop('About the delivery "{name}":')

LONGEST_NAME_BYTES: Final = 255

_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def write_refused(folder: Path, faults: Iterable[Fault], *, made_before: str = "") -> bool:
    """Write why a set was refused and what to do; return False if the file belongs to someone else.

    Parameters
    ----------
    made_before
        `ANON_006`, if that was published from earlier contents of this folder.

    Raises
    ------
    OSError
        The file cannot be written at the moment.
    """
    lines = [
        gettext(
            'The set "{name}" was not anonymized. {stands}',
            name=_line(folder.name),
            stands=_published_before(made_before),
        )
    ]
    for number, fault in enumerate(faults, start=1):
        lines += [
            "",
            f"{number}. {_line(fault.found)}",
            "   " + gettext("What to do: {remedy}", remedy=_line(fault.remedy)),
            f"   ({fault.code})",
        ]
    lines += ["", gettext("Repair the set in this folder, or drop it again; it is then checked again automatically.")]
    return _write(folder, REFUSED, NOTE, lines)


def _published_before(made_before: str) -> str:
    return (
        gettext("{made_before}, which was published from it before, stays as it is.", made_before=made_before)
        if made_before
        else gettext("None of it was published.")
    )


def write_note(folder: Path, text: str, about: str = OF_SET) -> bool:
    """Write a note about a set, or a delivery; return False if the file belongs to someone else.

    Parameters
    ----------
    about
        First line, with the folder's name.

    Raises
    ------
    OSError
        The file cannot be written at the moment.
    """
    return _write(folder, NOTE, REFUSED, [gettext(about, name=_line(folder.name)), "", *text.splitlines()])


def may_not_be_read(name: str) -> str:
    """Return one line saying that a file or folder of a set cannot be read, whatever its name contains."""
    shown = _NO_TEXT.sub(" ", _line(name))
    return gettext(
        '"{shown}" cannot be read by the anonymizing program: change its owner, group or permissions (ACL). The set is '
        "then processed automatically.",
        shown=shown,
    )


def write_sets(folder: Path, sets: Sequence[SetOutcome]) -> bool:
    """Write the file of a multi-set folder, one section per set; return False if the file belongs to someone else.

    It is a REFUSED file as long as one of the sets is refused.

    Raises
    ------
    OSError
        The file cannot be written at the moment.
    """
    refused = sum(one.state is SetState.REFUSED for one in sets)
    ending, other = (REFUSED, NOTE) if refused else (NOTE, REFUSED)
    name = _line(folder.name)
    lines = [
        ngettext(
            'Of the {total} sets in the folder "{name}", {count} was not anonymized.',
            'Of the {total} sets in the folder "{name}", {count} were not anonymized.',
            refused,
            total=len(sets),
            name=name,
        )
        if refused
        else gettext('About the sets in the folder "{name}":', name=name)
    ]
    for one in sets:
        codes = f" ({', '.join(one.codes)})" if one.state is SetState.REFUSED else ""
        lines += ["", f"{called(one)}: {one.state.in_words}{codes}"]
        lines += [f"   {_line(line)}" for line in one.text.splitlines()]
    if refused:
        lines += [
            "",
            gettext(
                "Repair what was refused in this folder; it is then checked again automatically. The other sets stay."
            ),
        ]
    return _write(folder, ending, other, lines)


def clear(folder: Path) -> None:
    """Remove the files about a set, whether or not its folder still exists."""
    for ending in (REFUSED, NOTE):
        _remove(beside(folder, ending))


def beside(folder: Path, ending: str) -> Path:
    """Return the path of a file about a set, shortening a folder name too long for the suffix."""
    name = os.fsencode(folder.name)
    if len(name) + len(ending) <= LONGEST_NAME_BYTES:
        return folder.with_name(folder.name + ending)
    tail = f"~{sha256(name).hexdigest()[:8]}{ending}"
    kept = name[: LONGEST_NAME_BYTES - len(tail)].decode("utf-8", "ignore")
    return folder.with_name(kept + tail)


def _write(folder: Path, ending: str, other: str, lines: list[str]) -> bool:
    path = beside(folder, ending)
    text = "\r\n".join([gettext(MARK), "", *(_NO_TEXT.sub(" ", line) for line in lines), ""]).encode("utf-8-sig")
    present = _ours(path)
    if present is None and os.path.lexists(path):
        return False
    if present != text:
        durable_files.write_atomically(path, text)
    _remove(beside(folder, other))
    return True


def _remove(path: Path) -> None:
    if _ours(path) is not None:
        path.unlink(missing_ok=True)


def _ours(path: Path) -> bytes | None:
    """Return the contents of a file written by this program; None if missing or someone else's."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        text = plain_files.read(path)
    except (FileNotFoundError, plain_files.NotPlain):
        return None
    return text if text.startswith(_marks()) else None


def _marks() -> tuple[bytes, ...]:
    """Return the first lines of our files in every language, since a collection's language may have changed."""
    marks = (*(in_language(language, MARK) for language in LANGUAGES), *EARLIER_MARKS)
    return tuple(mark.encode("utf-8-sig") for mark in marks)


def _line(text: str) -> str:
    """Join the lines of a text, since file names may contain line breaks."""
    return " ".join(text.split())
