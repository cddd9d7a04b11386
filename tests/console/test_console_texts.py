"""The catalogue has every text in every language, none missing or unused; times are in words."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from console.translations import LANGUAGES, Texts, catalogue, chosen

if TYPE_CHECKING:
    from tests.visitor import Served

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SOURCES = [
    path
    for folder in ("", "pages", "templates")
    for path in files("console").joinpath(folder).iterdir()
    if path.is_file()
]


def holes(text: str | list[str]) -> list[set[str]]:
    """Return the placeholders of each form of a text."""
    return [
        {name for _, name, _, _ in string.Formatter().parse(form) if name} - {"count"}
        for form in ([text] if isinstance(text, str) else text)
    ]


def test_every_text_is_there_in_every_language() -> None:
    """With the same placeholders, and singular and plural in all languages or none."""
    for key, texts in catalogue().items():
        assert texts.keys() == LANGUAGES.keys(), key
        assert all(texts.values()), key
        assert all(holes(text) == holes(texts["en"]) for text in texts.values()), key


def test_pages_and_catalogue_have_the_same_texts() -> None:
    """Groups of words (states, codes, links) are chosen by their meaning."""
    source = "".join(path.read_text("utf-8") for path in SOURCES if path.name != "texts.toml")
    said = {
        key for key in re.findall(r"[\"']([a-z_]+\.[\w.]+)[\"']", source) if key.partition(".")[0] in GROUPS
    } - PATHS
    chosen_by = {
        *re.findall(r'(?:choose|named)\("([a-z_.]+)"', source),
        "object",
        "state",
        "time",
        "month",
        "new",
        "hint",
    }
    assert said - chosen_by <= catalogue().keys()
    assert {key for key in catalogue() if key not in said and not chosen_by & groups_of(key)} == set()


def groups_of(key: str) -> set[str]:
    """Return the names of the groups that a key belongs to: `names.how` and `names`."""
    parts = key.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


CHOSEN_ELSEWHERE = {"object", "state", "time", "month", "new", "hint"}
PATHS = {path.name for path in SOURCES}
GROUPS = {key.partition(".")[0] for key in catalogue()}


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0.2, "1 second", "1 Sekunde"),
        (42, "42 seconds", "42 Sekunden"),
        (60, "1 minute", "1 Minute"),
        (170, "3 minutes", "3 Minuten"),
        (3600, "1 hour", "1 Stunde"),
        (7300, "2 hours", "2 Stunden"),
        (86_400, "1 day", "1 Tag"),
        (5 * 86_400, "5 days", "5 Tagen"),
    ],
)
def test_durations_are_shown_in_words(seconds: float, english: str, german: str) -> None:
    """With sensible precision."""
    assert (Texts("en").lasting(seconds), Texts("de").lasting(seconds)) == (english, german)


def test_times_are_shown_relative_to_now() -> None:
    """And days by their names."""
    then = (NOW - timedelta(minutes=3)).isoformat()
    assert Texts("en").ago(then, NOW) == "3 minutes ago"
    assert Texts("de").ago(then, NOW) == "vor 3 Minuten"
    assert Texts("de").ago(NOW.isoformat(), NOW) == "gerade eben"
    assert Texts("de").day("20261122") == "22. November 2026"


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "tlh, de;q=0.5, en;q=0.7", "en"),
        ("de", "en", "de"),
        ("xx", "de;q=nonsense, de", "de"),
        (None, "en; q=0.5, de; q=0.8", "de"),
        (None, "de;q=0", "en"),
    ],
)
def test_the_language_is_the_visitors(cookie: str | None, accepted: str, language: str) -> None:
    """Their choice first, then their browser's."""
    assert chosen(cookie, accepted) == language


def test_a_page_speaks_german_and_says_so(served: Served) -> None:
    """By the browser's preference, then by choice; back to the same page, and nowhere else."""
    visitor = served.visitor()
    german = visitor.get("/login", Accept_Language="de")
    assert '<html lang="de">' in german.text
    assert "Passwort" in german.text
    assert visitor.get("/language/de?back=/login").location == "/login"
    assert "Passwort" in visitor.get("/login").text
    for elsewhere in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"):
        assert visitor.get(f"/language/en?back={elsewhere}").location == "/"
    assert visitor.get("/language/xx").status == 404
