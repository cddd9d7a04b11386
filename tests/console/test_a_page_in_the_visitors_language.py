"""Obstacles are reported on a page in the visitor's language, with the names of that page's buttons."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from console.hints import on_a_page
from console.translations import LANGUAGES, catalogue
from services.language import speaking
from tests.console.test_the_form_of_a_new_collection import FORM
from tests.sets import make_set
from worker.transient_errors import describe, in_words, words_of

if TYPE_CHECKING:
    from tests.visitor import Served

PROJECT = Path(__file__).parents[2]


def _descriptions() -> set[str]:
    """Return all texts that `describe` may return."""
    tree = ast.parse((PROJECT / "worker" / "transient_errors.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "gettext_noop"]
    return {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}


def test_every_hindrance_is_reported_in_german() -> None:
    """Logs keep the English."""
    every = _descriptions()
    assert len(every) > 20
    with speaking("de"):
        assert [says for says in every if in_words(says) == says] == []
        assert words_of(OSError(28, "No space left")) == "der Datenträger ist voll"
        assert describe(OSError(28, "No space left")) == "the disk is full"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hint_quotes_what_a_button_or_heading_says(language: str) -> None:
    """In the same language, so that it can be found."""
    said = {str(of[language]) for key, of in catalogue().items() if not key.startswith("hint.")}
    hints = [of[language] for key, of in catalogue().items() if key.startswith("hint.")]
    quoted = [name for hint in hints for name in re.findall(r"[“„](.+?)[”“]", str(hint))]
    assert len(quoted) > 10
    assert [name for name in quoted if name not in said] == []


def test_a_command_becomes_a_german_button() -> None:
    """Whatever the sentence's language, the button's name is the one that the visitor sees."""
    with speaking("de"):
        told = on_a_page("Einzelheiten stehen im Protokoll. `anonymizer retry` versucht es noch einmal.")
    assert told == "Einzelheiten stehen im Protokoll. „Noch einmal“ neben dem Set versucht es noch einmal."


def test_a_folder_of_one_patient_is_refused_in_german(served: Served) -> None:
    """The form of a new collection answers in the visitor's language."""
    make_set(served.share, name="Nord")
    german = served.member()
    german.get("/language/de")
    answer = german.post("/new", {**FORM, "folder": "Nord"})
    assert answer.status == 422
    assert "Nord enthält die DICOM-Dateien eines einzelnen Patienten" in answer.text
    assert 'role="alert">Nord' in answer.text


@pytest.mark.parametrize(
    ("asks", "shown"),
    [
        ("start", ""),
        (f"sets/{'0' * 32}/again", ""),
        ("structures/again", "/structures"),
        ("published/ANON_006/withdraw", "/published/ANON_006"),
        ("words", "/words"),
        ("?hospital=Demo Hospital", "?hospital=Demo%20Hospital"),
    ],
)
def test_the_language_is_changed_on_the_page_that_is_shown(served: Served, asks: str, shown: str) -> None:
    """After a form, too, whose own address answers nothing else."""
    member, address = served.member(), served.collection
    if asks.startswith("?"):
        page = member.get(address + quote(asks, safe="?="))
    else:
        page = member.post(f"{address}/{asks}", {"anon": ["ANON_099"]})
    (language,) = re.findall(r'href="(/language/de\?back=[^"]*)"', page.text)
    changed = member.get(language)
    assert (changed.status, changed.location) == (303, f"{address}{shown}")
