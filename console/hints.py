"""Replacement of commands in the program's messages by the corresponding pages and buttons."""

from __future__ import annotations

import re
from typing import Final

from console.translations import Texts
from services.language import spoken
from worker import transient_errors

_QUOTED: Final = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")+"
_ARGUMENT: Final = rf"(?:{_QUOTED}|--[a-z][a-z-]*|[A-Z][A-Z0-9_]*…?|[0-9]+|(?:[a-z]+-)+[a-z]+)"
COMMAND: Final = re.compile(rf"(?P<mark>`?)(?<![.\w-])anonymizer (?P<verb>[a-z]+)(?P<more>(?: {_ARGUMENT})*)(?P=mark)")
"""One of our commands within a sentence."""

_PAGES: Final = frozenset(("check", "choose", "export", "person", "retry", "structures", "withdraw", "words"))
"""Commands that a page or a button of the console stands for: `hint.<command>` in the catalogue."""

_BY_OPTION: Final = {
    ("retry", "--as-new"): "retry.as_new",
    ("retry", "--accept"): "retry.as_it_is",
    ("person", "--new"): "person.new",
}
_BY_OTHERS: Final = "others"


def on_a_page(text: str) -> str:
    """Return a message of the program in the visitor's language, with pages and buttons in place of commands."""
    return COMMAND.sub(_in_words, transient_errors.in_words(text))


def _in_words(command: re.Match[str]) -> str:
    verb, options = command["verb"], command["more"].split()
    place = next((way for (of, option), way in _BY_OPTION.items() if of == verb and option in options), verb)
    says = Texts(spoken())(f"hint.{place if verb in _PAGES else _BY_OTHERS}")
    begins = command.string[: command.start()].rstrip()
    return says[0].upper() + says[1:] if not begins or begins.endswith(".") else says
