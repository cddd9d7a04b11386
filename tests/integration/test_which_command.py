"""Logs, Flower and deliveries identify sets by opaque ids: the share knows their folders."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from services.rtset import folder_listing
from services.store import failures, registry, releases
from services.store.registry import Outcome
from tests.in_process import commands
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.store.collection import Collection
    from tests.in_process import Said
    from tests.published import Published

NAME = "Mustermann Erika 4711"


@pytest.fixture
def anonymizer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command line in this process."""
    return commands(monkeypatch, capsys)


@pytest.fixture
def told(anonymizer: Callable[..., Said]) -> Callable[..., Any]:
    """Query, and return the only answer."""

    def ask(*arguments: object) -> Any:
        (one,) = json.loads(anonymizer("which", *arguments, "--json").out)
        return one

    return ask


def test_each_id_of_a_published_set_leads_to_its_folder(
    tmp_path: Path,
    published: Callable[..., Published],
    anonymizer: Callable[..., Said],
    told: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The locator, the set id, the name of the ANON folder or its path; the share may be given or a setting."""
    collection = published().collection
    locator = collection.locator(NAME)
    outcome = registry.read_outcome(collection, locator)
    releases.release(collection, 6, user="anna", role="medical physicist")
    answer = told(locator, tmp_path)
    history = [event["what"] for event in answer.pop("history")]

    assert answer == {
        "root": str(collection.root),
        "folder": NAME,
        "locator": locator,
        "set_ids": [outcome.set_id],
        "state": "published",
        "anon": ["ANON_006"],
        "codes": [],
        "why": outcome.text,
    }
    assert history[0].startswith("published as ANON_006")
    assert "ANON_006 released by medical physicist" in history
    same = [told(wanted, tmp_path)["folder"] for wanted in (outcome.set_id, "ANON_006")]
    monkeypatch.setenv("ANONYMIZER_SHARE", str(tmp_path))
    assert [*same, told(collection.root / "ANON_006")["folder"], told(locator)["folder"]] == [NAME] * 4
    assert told(collection.root, locator)["folder"] == NAME  # the folder first, as the other commands have it
    assert NAME in anonymizer("which", locator).out
    assert told(f"{locator[:8]}…")["locator"] == locator  # as Flower shows it


def test_reasons_and_failures_of_a_set_are_reported(collection: Collection, told: Callable[..., Any]) -> None:
    """Of a refused set, and of one on which the program failed."""
    for name, state, codes in (("refused one", "refused", ("no-plan",)), ("parked one", "parked", ("KeyError",))):
        made = make_set(collection.root, name=name, seed=name)
        locator = registry.register(collection, name)
        fingerprint = folder_listing.fingerprint(made.folder)
        at = "2026-11-22T12:00:00+00:00"
        registry.write_outcome(collection, locator, Outcome(state, fingerprint, at, codes, text="In words."))
    failures.keep(collection, collection.locator("parked one"), ["WorkerLostError: SIGKILL, written", "KeyError"])

    refused = told(collection.locator("refused one"), collection.root)
    parked = told(collection.locator("parked one"), collection.root)
    assert [(one["state"], one["codes"], one["why"]) for one in (refused, parked)] == [
        ("refused", ["no-plan"], "In words."),
        ("parked", ["KeyError"], "In words."),
    ]
    assert refused["history"] == [{"at": "2026-11-22T12:00:00+00:00", "what": "refused (no-plan)"}]
    assert parked["history"][1]["what"] == "failed 2 times: WorkerLostError: SIGKILL, written, KeyError"


def test_a_folder_that_went_away_or_changed_is_reported_as_that(
    tmp_path: Path, published: Callable[..., Published], told: Callable[..., Any]
) -> None:
    """Published sets stay in its history."""
    made = published()
    (made.made.folder / "more.dcm").write_bytes(b"more")
    changed = told("ANON_006", tmp_path)
    shutil.rmtree(made.made.folder)
    gone = told("ANON_006", tmp_path)
    assert [(one["state"], one["folder"], one["anon"]) for one in (changed, gone)] == [
        ("new", NAME, ["ANON_006"]),
        ("gone", NAME, ["ANON_006"]),
    ]
    registry.forget(made.collection, made.collection.locator(NAME))
    assert told("ANON_006", tmp_path)["state"] == "gone"  # the claim still says which locator it was


def test_an_invalid_or_unknown_id_is_reported(
    tmp_path: Path, collection: Collection, anonymizer: Callable[..., Said]
) -> None:
    """With an exit code of its own."""
    for wanted in ("0" * 32, "ANON_099", "Mustermann"):
        for arguments in ((wanted, tmp_path), (tmp_path, wanted)):
            said = anonymizer("which", *arguments)
            assert (said.code, said.out, wanted in said.err) == (2, "", True)
    assert collection.root.is_dir()


def test_the_status_has_the_locator(published: Callable[..., Published], anonymizer: Callable[..., Said]) -> None:
    """For every set, including published ones, if requested."""
    collection = published().collection
    locator = collection.locator(NAME)
    assert locator in anonymizer("status", collection.root, "--wide").out
    assert locator not in anonymizer("status", collection.root, "--all").out
    assert json.loads(anonymizer("status", collection.root, "--json").out)[0]["sets"][0]["locator"] == locator
