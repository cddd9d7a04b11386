"""Replacement of commands in the program's messages by the corresponding pages and buttons."""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")+"
_ARGUMENT: Final = rf"(?:{_QUOTED}|--[a-z][a-z-]*|[A-Z][A-Z0-9_]*…?|[0-9]+|(?:[a-z]+-)+[a-z]+)"
COMMAND: Final = re.compile(rf"(?P<mark>`?)(?<![.\w-])anonymizer (?P<verb>[a-z]+)(?P<more>(?: {_ARGUMENT})*)(?P=mark)")
"""One of our commands within a sentence."""

_ON_A_PAGE: Final = {
    "check": "“Check data”",
    "choose": "the set's page “Plans”",
    "export": "the page “Deliveries”",
    "person": "“It is the same person” on the page “Persons”",
    "retry": "“Try again” beside the set",
    "structures": "the page “Names of structures”",
    "withdraw": "“Withdraw it for good” on the set's page",
    "words": "the page “Unread words”",
}
_BY_OPTION: Final = {
    ("retry", "--as-new"): "“Take as a new set” beside the set",
    ("retry", "--accept"): "“Take as it is” beside the set",
    ("person", "--new"): "“It is somebody new” on the page “Persons”",
}
_BY_OTHERS: Final = "whoever runs this service"


def on_a_page(text: str) -> str:
    """Return a message of the program with pages and buttons in place of commands."""
    return COMMAND.sub(_in_words, text)


def _in_words(command: re.Match[str]) -> str:
    says = _ON_A_PAGE.get(command["verb"], _BY_OTHERS)
    options = command["more"].split()
    says = next(
        (way for (verb, option), way in _BY_OPTION.items() if verb == command["verb"] and option in options), says
    )
    begins = command.string[: command.start()].rstrip()
    return says[0].upper() + says[1:] if not begins or begins.endswith(".") else says
