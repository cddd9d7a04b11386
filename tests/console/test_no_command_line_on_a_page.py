"""Sentences that name a command at a terminal name the page or the button on the console."""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest

from console.hints import on_a_page

PROJECT = Path(__file__).parents[2]
SAID_IN = ("services", "watcher", "worker")
VERBS = {path.stem for path in (PROJECT / "anonymizer/commands").glob("*/[a-z]*.py")}
OURS = {"one.approval", "one.prescription", "one.where"}
"""English text on a page that is not a sentence."""


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            (
                "If it is to be collected as a set of its own: anonymizer retry "
                "ROOT 'Ann\\'s set. 2' 2 --as-new. If ANON_006 is wrong, withdraw it first: anonymizer withdraw "
                "ROOT ANON_006"
            ),
            (
                "If it is to be collected as a set of its own: “Take as a new set” beside the "
                "set. If ANON_006 is wrong, withdraw it first: “Withdraw it for good” on the set's page"
            ),
        ),
        (
            'If the original is so: anonymizer retry ROOT "Ann\'s" --accept unfinished-pixels',
            "If the original is so: “Take as it is” beside the set",
        ),
        (
            "Its log says more. `anonymizer retry` tries again.",
            "Its log says more. “Try again” beside the set tries again.",
        ),
        (
            "Say: `anonymizer person ROOT 'a set' ANON_007`, or `anonymizer person ROOT 'a set' --new`.",
            "Say: “It is the same person” on the page “Persons”, or “It is somebody new” on the page “Persons”.",
        ),
        ("anonymizer choose ROOT 'a set' NUMBER…", "The set's page “Plans”"),
        ("lost, anonymizer doctor may say more", "lost, whoever runs this service may say more"),
        ("Delete its .anonymizer folder, made by rt-set-anonymizer then.",) * 2,
    ],
)
def test_a_command_is_replaced_by_the_name_of_its_button(told: str, shown: str) -> None:
    """Including its arguments, and nothing else."""
    assert on_a_page(told) == shown


def _sentences(source: str) -> list[str]:
    """Return a module's sentences, with names for their placeholders."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "'a set'" for part in node.values)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | within:
            found.append(node.value)
    return [re.sub(r"\{\w*\}", "'a set'", said) for said in found]


def test_no_sentence_brings_a_command_to_a_page() -> None:
    """For every command named by a room below the console."""
    sources = [path.read_text("utf-8") for room in SAID_IN for path in (PROJECT / room).rglob("*.py")]
    command = re.compile(rf"(?<![.\w-])anonymizer ({'|'.join(VERBS)})\b")
    told = [said for source in sources for said in _sentences(source) if command.search(said)]
    assert len(told) > 20
    assert [said for said in told if re.search(r"(?<![.\w-])anonymizer [a-z]|ROOT|--[a-z]", on_a_page(said))] == []


def test_every_page_replaces_commands_by_buttons() -> None:
    """In all texts that a page shows in English, and all reasons why something was not done."""
    bare = []
    for page in files("console").joinpath("templates").iterdir():
        for line in page.read_text("utf-8").splitlines():
            english = re.findall(r'lang="en"[^>]*>((?:\{[{%].*?[}%]\}|[^<{]|<br>|<span class="sub">|<li>)*)', line)
            shown = {name for part in english for name in re.findall(r"\{\{ ([\w.]+) \}\}", part)}
            bare += [
                (page.name, name) for name in (shown - OURS) | ({"wrong"} & set(re.findall(r"\{\{ (\w+) \}\}", line)))
            ]
    assert bare == []
