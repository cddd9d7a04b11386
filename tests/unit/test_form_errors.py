"""What is wrong in a form is reported all at once, in the language of the collection; and a form is written in it."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from services import language
from services.errors import SettingsWrong
from services.forms.collection_form import Options, read_settings, settings_text
from services.forms.identity import Identity
from services.language import LANGUAGES, english
from tests.in_process import anonymizer
from tests.unit.test_sentences_in_the_language_of_a_collection import LEFT, Pseudo

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
SPOILED = {
    'dates = "shift"': 'dates = "shifted"',
    "make = true": "make = 3\nmade = 1",
    'plans = "refuse"': 'plans = "each"',
    "same_patient": "same_person",
    "initial_index = 6": "initial_index = 0",
    'family_name = "AnusGE"': 'family_name = "Müller"',
    "[sheets]": "[pictures]\n[sheets]",
    'hospital = "Demo Hospital"': "",
}

UNDECIDED = (
    'collection.toml, line N: plans = "each" publishes several sets of one person. Choose what they are to each other: '
    'same_patient = "tell", "link" or "separate" in [people].'
)


def wrong(root: Path, text: str) -> str:
    """Read a form, and return its errors."""
    (root / "collection.toml").write_text(text)
    with pytest.raises(SettingsWrong) as told:
        read_settings(root)
    (text_of_it,) = told.value.args
    assert isinstance(text_of_it, str)
    return text_of_it


def spoiled(tongue: str, *, but: str = "") -> str:
    """Write a form, and damage it."""
    text = settings_text(IDENTITY, Options(machine=("VicRapidPlan",), language=tongue))  # type: ignore[arg-type]
    for good, bad in SPOILED.items():
        text = text if good == but else text.replace(good, bad)
    return text


def test_all_of_it_is_reported_at_once(tmp_path: Path) -> None:
    """With the line if there is one; one sentence per line."""
    assert re.sub(r"line \d+", "line N", wrong(tmp_path, spoiled("en"))).splitlines() == [
        "collection.toml, line N: same_person is unknown in [people]. Known are: same_patient, unlisted, hospitals.",
        "collection.toml has an unknown table [pictures]. Known are: "
        + ", ".join(f"[{one}]" for one in tomllib.loads(settings_text(IDENTITY, Options(machine=()))))
        + ".",
        "collection.toml, line N: made is unknown in [sheets]. Known are: make.",
        "collection.toml: hospital is missing in [identity]: a text in quotes.",
        'collection.toml, line N: dates must be "shift" or "remove" or "keep".',
        "collection.toml, line N: make must be true or false.",
        UNDECIDED,
    ]
    assert wrong(tmp_path, spoiled("en", but='hospital = "Demo Hospital"')).splitlines()[-2:] == [
        "collection.toml: family_name holds 'ü': use English letters, digits and signs, without \\ ^ =",
        "collection.toml: initial_index is 0, but numbers run from 1 to 999999: choose one of these.",
    ]


def test_none_of_it_is_reported_in_english_to_a_german_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs still have it in English."""
    plain = [wrong(tmp_path, text) for text in (spoiled("en"), spoiled("en", but='hospital = "Demo Hospital"'))]
    monkeypatch.setattr(language, "catalogue", lambda _: Pseudo())
    told = [wrong(tmp_path, text) for text in (spoiled("de"), spoiled("de", but='hospital = "Demo Hospital"'))]
    assert [english(one) for one in told] == plain
    keys = {key for table in tomllib.loads(settings_text(IDENTITY, Options(machine=()))).values() for key in table}
    interface = re.compile(rf'"[^"]*"|\b({"|".join(sorted(keys))})\b')
    assert [line for one in told for line in one.splitlines() if LEFT.search(interface.sub("", line))] == []


def test_a_form_that_is_no_toml_names_its_line(tmp_path: Path) -> None:
    """In German, judged by its appearance; the library's reason is English."""
    text = settings_text(IDENTITY, Options(machine=(), language="de")).replace("make = true", "make = ")
    number = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("make ="))
    told = wrong(tmp_path, text)
    assert told == f"collection.toml kann nicht gelesen werden: Zeile {number} ist kein TOML."
    assert english(told).startswith("collection.toml cannot be read: ")
    assert wrong(tmp_path, text.replace('"de"', '"en"')) == english(told)


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_form_says_the_same_in_each_language(tmp_path: Path, tongue: str) -> None:
    """Whatever the comments' language."""
    options = Options(machine=("VicRapidPlan", "VicRapidPlanHD"), accept=frozenset({"two-frames"}), language=tongue)  # type: ignore[arg-type]
    text = settings_text(IDENTITY, options)
    (tmp_path / "collection.toml").write_text(text)
    assert read_settings(tmp_path) == (IDENTITY, options)
    assert list(tomllib.loads(text)["service"]) == ["ready", "start", "release", "language"]


def test_no_comment_of_a_german_form_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is from the catalogue; quoted values are an interface."""
    monkeypatch.setattr(language, "catalogue", lambda _: Pseudo())
    text = settings_text(IDENTITY, Options(machine=(), language="de"))
    comments = [re.sub(r'"[^"]*"', "", line.partition("#")[2]) for line in text.splitlines()]
    assert sum(map(bool, comments)) > 20
    assert [line for line in comments if LEFT.search(line)] == []


def test_a_form_is_asked_for_in_german_and_every_wrong_field_is_named(tmp_path: Path) -> None:
    """On the command line."""
    names = ("--patient-id", "P", "--family-name", "F", "--first-name", "G", "--hospital", "H", "--machine", "keep")
    assert anonymizer("new", tmp_path, *names, "--language", "de").returncode == 0
    assert "steht nur in der Tracking-Datei" in (tmp_path / "collection.toml").read_text("utf-8")
    again = anonymizer("new", tmp_path, *names)
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    (tmp_path / "other").mkdir()
    bad = ("--patient-id", "a\\b", "--family-name", "ü", "--first-name", "G", "--hospital", "H", "--machine", "None")
    said = anonymizer("new", tmp_path / "other", *bad, "--initial-index", 0)
    assert said.returncode == 2
    assert [line.split()[0] for line in said.stderr.splitlines()] == [
        "patient_id",
        "family_name",
        "initial_index",
        "There",
    ]
