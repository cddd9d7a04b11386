"""The texts beside a set are readable, and only ours are ever changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from services.errors import Fault
from services.store import notes

if TYPE_CHECKING:
    from pathlib import Path

TWO_PATIENTS = Fault("two-patients", 'Patient "A" in CT.1.dcm,\npatient "B" in RP.1.dcm.', "Export one patient.")


def names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_refused_set_has_the_reason_and_the_remedy(tmp_path: Path) -> None:
    """For Windows' editor: with byte order mark and CRLF."""
    (tmp_path / "Müller, H").mkdir()

    assert notes.write_refused(tmp_path / "Müller, H", [TWO_PATIENTS, Fault("no-plan", "No RT Plan.", "Export it.")])
    text = (tmp_path / "Müller, H_REFUSED.txt").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.decode("utf-8-sig").split("\r\n") == [
        notes.MARK,
        "",
        'The set "Müller, H" was not anonymized. None of it was published.',
        "",
        '1. Patient "A" in CT.1.dcm, patient "B" in RP.1.dcm.',
        "   What to do: Export one patient.",
        "   (two-patients)",
        "",
        "2. No RT Plan.",
        "   What to do: Export it.",
        "   (no-plan)",
        "",
        "Repair the set in this folder, or drop it again; it is then checked again automatically.",
        "",
    ]


def test_a_set_has_one_text_at_most(tmp_path: Path) -> None:
    """The latest applicable one, finally none, even if the set's folder is gone."""
    notes.write_note(tmp_path / "set", "Waiting for 12 of 180 slices.\nStill copying?")
    assert names(tmp_path) == ["set_NOTE.txt"]
    notes.write_refused(tmp_path / "set", [TWO_PATIENTS])
    assert names(tmp_path) == ["set_REFUSED.txt"]
    notes.write_note(tmp_path / "set", "The same set as ANON_006.")
    assert names(tmp_path) == ["set_NOTE.txt"]
    notes.clear(tmp_path / "set")
    assert names(tmp_path) == []


def test_an_unchanged_text_is_not_written_again(tmp_path: Path) -> None:
    """Each write would be an event for observers."""
    notes.write_note(tmp_path / "set", "Waiting.")
    os.utime(tmp_path / "set_NOTE.txt", (0, 0))

    assert notes.write_note(tmp_path / "set", "Waiting.")
    assert (tmp_path / "set_NOTE.txt").stat().st_mtime == 0


@pytest.mark.parametrize(
    "mark",
    [
        "This file is the anonymizer's: it writes it, and takes it away when it no longer holds.",
        "Diese Datei gehört dem Anonymisierer: Er schreibt sie und entfernt sie, sobald sie nicht mehr gilt.",
    ],
)
def test_a_note_of_an_earlier_version_is_replaced(tmp_path: Path, mark: str) -> None:
    """It is replaced and removed like a current one."""
    path = tmp_path / "set_NOTE.txt"
    path.write_bytes(f"{mark}\r\n\r\nWaiting.\r\n".encode("utf-8-sig"))

    assert notes.write_note(tmp_path / "set", "Waiting.")
    assert path.read_text("utf-8-sig").splitlines()[0] == notes.MARK
    path.write_bytes(f"{mark}\r\n\r\nWaiting.\r\n".encode("utf-8-sig"))
    notes.clear(tmp_path / "set")
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["text", "empty", "folder", "link", "pipe"])
def test_what_is_not_ours_is_neither_replaced_nor_removed(tmp_path: Path, kind: str) -> None:
    """A person may use the name, and a pipe would block forever."""
    path = tmp_path / "set_REFUSED.txt"
    (tmp_path / "theirs").write_bytes(notes.MARK.encode("utf-8-sig"))
    {
        "text": lambda: path.write_text("my own notes"),
        "empty": path.touch,
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(tmp_path / "theirs"),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()

    assert not notes.write_refused(tmp_path / "set", [TWO_PATIENTS])
    notes.clear(tmp_path / "set")
    assert names(tmp_path) == ["set_REFUSED.txt", "theirs"]


def test_a_name_too_long_for_an_ending_is_cut(tmp_path: Path) -> None:
    """Two names that differ at their end have separate texts; others are never truncated."""
    for name in ("ü" * 127, "ü" * 126 + "x"):
        assert notes.write_refused(tmp_path / name, [TWO_PATIENTS])
    written = names(tmp_path)

    assert len(written) == 2
    assert all(len(os.fsencode(name)) <= 255 for name in written)
    for name in ("ü" * 127, "ü" * 126 + "x"):
        notes.clear(tmp_path / name)
    assert names(tmp_path) == []
    assert notes.beside(tmp_path / ("x" * 243), notes.REFUSED).name == "x" * 243 + "_REFUSED.txt"


def test_a_name_that_holds_anything_gives_a_text_that_can_be_read(tmp_path: Path) -> None:
    """Line ends, escape sequences, invalid bytes."""
    folder = tmp_path / os.fsdecode(b"two\nlines\x1b[31m\xfc")
    notes.write_refused(folder, [TWO_PATIENTS])

    text = (tmp_path / (folder.name + "_REFUSED.txt")).read_text("utf-8-sig")
    assert 'The set "two lines [31m " was not anonymized.' in text


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The caller reports it elsewhere, and retries."""
    with pytest.raises(OSError, match="No such file"):
        notes.write_note(tmp_path / "gone" / "set", "Waiting.")
