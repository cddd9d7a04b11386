"""A published set is reviewed and released or sent back: one state, the same everywhere."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from console.auth.users import Users
from console.share_view import Desk
from services.errors import SettingsWrong
from services.forms.collection_form import read_settings, settings_text
from services.maintenance.withdraw import withdraw_set
from services.runtime import audit, durable_files
from services.runtime.settings import Settings
from services.store import records, releases
from services.store.collection import Collection
from sheets import collection_report, set_sheet
from tests.delivered import anonymizer, collected
from tests.visitor import PASSWORD, USER, Served, serving
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

ROLE = "Medical physicist"
SET = "Müller Anna 4711"


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """Put one user in a file, with a password that is quickly checked."""
    path = tmp_path / "users"
    path.write_text(f"{USER}:{PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)}\n")
    return path


@pytest.fixture
def root(tmp_path: Path, client: redis.Redis) -> Path:
    """Publish a set as ANON_006."""
    return collected(tmp_path / "share" / "BATCH", client, SET)


@pytest.fixture
def served(root: Path, user_file: Path) -> Iterator[Served]:
    """Serve a console to one user."""
    desk = Desk(root.parent, Settings(console_users=user_file), by_hand=True, users=Users(user_file))
    yield from serving(desk, root.parent)


def asks_for_release(root: Path) -> None:
    """Require a release before deliveries."""
    identity, options = read_settings(root)
    (root / "collection.toml").write_text(settings_text(identity, replace(options, release="before export")), "utf-8")


def exported(root: Path, place: Path) -> list[tuple[str, str]]:
    """Export, and return each set's outcome."""
    return [(one["folder"], one["state"]) for one in json.loads(anonymizer("export", root, place, "--json").text)]


def state(root: Path) -> list[str]:
    """Return the decisions shown by `status`."""
    return [one["release"] for one in json.loads(anonymizer("status", root, "--json").text)[0]["sets"]]


def test_a_set_travels_when_it_was_released_and_not_before(root: Path, served: Served, tmp_path: Path) -> None:
    """By the user on the page; sheet, report and delivery give role and date, the record the name."""
    asks_for_release(root)
    assert exported(root, tmp_path / "early") == [("ANON_006", "not released")]
    member, page = served.member(), f"{served.collection}/published/ANON_006"
    assert "Nobody has decided" in member.get(page).text
    assert member.post(f"{page}/release", {"role": ROLE}).location == page
    assert f"Released by {USER} ({ROLE})" in member.get(page).text
    assert "released" in member.get(served.collection).text
    assert state(root) == ["released"]

    collection = Collection.look(root)
    day = releases.current(collection, 6).day  # type: ignore[union-attr]
    set_sheet.make(collection, 6)
    sheet = (root / "sheets/ANON_006.html").read_text("utf-8")
    assert f"Released by: {ROLE}" in sheet
    assert f"Date: {day}" in sheet
    report = collection_report.make(collection).read_text("utf-8")
    assert f"{day}, {ROLE}" in report
    assert exported(root, tmp_path / "delivery") == [("ANON_006", "copied")]
    delivery = (tmp_path / "delivery/delivery.json").read_text("utf-8")
    assert json.loads(delivery)["sets"][0]["released"] == {"role": ROLE, "on": day}
    assert not any(f">{USER}<" in text or f'"{USER}"' in text for text in (sheet, report, delivery))


def test_a_set_that_is_sent_back_stays_and_says_why(root: Path, served: Served, tmp_path: Path) -> None:
    """Whatever the form requires; a reason is needed, and earlier deliveries are mentioned."""
    member, page = served.member(), f"{served.collection}/published/ANON_006"
    member.get(page)
    assert exported(root, tmp_path / "first") == [("ANON_006", "copied")]
    assert member.post(f"{page}/send-back", {"role": ROLE, "reason": " "}).status == 409
    assert (
        member.post(f"{page}/send-back", {"role": ROLE, "reason": "The contour of the rectum ends early"}).status == 303
    )
    shown = member.get(page).text
    assert "The contour of the rectum ends early" in shown
    assert "It was already delivered on" in shown
    assert exported(root, tmp_path / "second") == [("ANON_006", "sent back")]
    assert state(root) == ["sent back"]
    assert "sent back" in anonymizer("status", root).text


def test_a_decision_holds_for_the_files_that_were_looked_at(root: Path) -> None:
    """A republished or withdrawn set has no decision; earlier ones are kept on record."""
    collection = Collection.look(root)
    releases.release(collection, 6, user="anna", role=ROLE)
    assert releases.state_of(collection, 6) == "released"
    published = records.read(collection, 6)
    assert published
    files = {name: {"sha256": "0" * 64} for name in published.hashes}
    again = {**published.content, "proof": {"files": files}}
    stored = records.Record(6, published.set_id, published.plan_name, published.at, again).encoded()
    durable_files.write_atomically(records.path_of(collection, 6), stored)
    assert releases.state_of(collection, 6) == ""
    assert [one.state for one in releases.history(collection, 6)] == ["released"]
    releases.release(collection, 6, user="bert", role=ROLE)
    assert [(one.state, one.user) for one in releases.history(collection, 6)] == [
        ("released", "bert"),
        ("released", "anna"),
    ]
    withdraw_set(collection, 6)
    assert releases.state_of(collection, 6) == ""
    with pytest.raises(SettingsWrong, match="not published"):
        releases.release(collection, 6, user="anna", role=ROLE)


def test_withdrawal_and_deliveries_are_on_pages(root: Path, served: Served, tmp_path: Path) -> None:
    """Without a terminal; the page of deliveries names each of its sets."""
    member, page = served.member(), f"{served.collection}/published/ANON_006"
    member.get(page)
    assert "Nothing was delivered yet." in member.get(f"{served.collection}/deliveries").text
    exported(root, tmp_path / "first")
    told = member.get(f"{served.collection}/deliveries").text
    assert "ANON_006" in told
    assert str(tmp_path / "first") in told
    assert member.post(f"{page}/withdraw").status == 303
    assert not (root / "ANON_006").exists()
    assert "This set is withdrawn." in member.get(page).text
    assert member.get(f"{served.collection}/published/ANON_007").status == 404
    assert member.get(f"{served.collection}/published/nothing").status == 404


def test_who_did_what_is_written_down_and_names_no_folder(root: Path, served: Served, tmp_path: Path) -> None:
    """Logins, views, releases and withdrawals on pages; deliveries and retries on the command line."""
    member, page = served.member(), f"{served.collection}/published/ANON_006"
    member.get(page)
    member.post(f"{page}/release", {"role": ROLE})
    exported(root, tmp_path / "first")
    (root / "Huber Josef").mkdir()
    anonymizer("retry", root, "Huber Josef", "--as-new")
    anonymizer("structures", root, "--ignore", "PTV", "--confirm", "CTV=CTVp")
    member.post(f"{page}/withdraw")
    lines = audit.read(root / ".anonymizer")
    assert [(line["act"], line["by"]) for line in lines] == [
        ("logged in", "page"),
        ("released", "page"),
        ("delivered", "command line"),
        ("as new", "command line"),
        ("names decided", "command line"),
        ("withdrawn", "page"),
    ]
    assert [line["user"] for line in lines if line["by"] == "page"] == [USER] * 3
    assert all({"at", "act", "user", "by"} <= set(line) for line in lines)
    text = "".join(path.read_text() for path in (root / ".anonymizer/audit").iterdir())
    assert not [
        word
        for word in ("Müller", "M\\u00fcller", "Huber", "4711", PASSWORD)
        if re.search(rf"\b{re.escape(word)}\b", text)
    ]


def test_the_audit_is_kept_as_long_as_stated_and_only_grows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's file is deleted when too old; lines are never changed."""
    place = root / ".anonymizer/audit"
    place.mkdir()
    (place / "2001-01-01.jsonl").write_text('{"act": "old"}\n')
    (place / "notes.txt").write_text("a person's own")
    monkeypatch.setenv("ANONYMIZER_AUDIT_DAYS", "30")
    audit.note(root / ".anonymizer", "started", set="0" * 32)
    before = audit.read(root / ".anonymizer")
    audit.note(root / ".anonymizer", "started", set="1" * 32)
    assert audit.read(root / ".anonymizer")[:-1] == before
    assert sorted(path.name for path in place.iterdir())[1:] == ["notes.txt"]


def test_a_delivery_is_made_and_downloaded_on_its_page(root: Path, served: Served) -> None:
    """Recorded under the user, also in the audit; sets that may not leave stay, with the reason."""
    asks_for_release(root)
    member, page = served.member(), f"{served.collection}/deliveries"
    assert 'value="ANON_006"> ANON_006' in member.get(page).text
    assert member.post(page).location == page
    wait_until(lambda: "No set may leave" in member.get(page).text)
    assert "not released" in member.get(page).text
    releases.release(Collection.open(root), 6, user="anna", role=ROLE)
    assert member.post(page, {"anon": ["ANON_006"], "hospital_name": "yes"}).location == page
    wait_until(lambda: "The delivery of 1 set is ready." in member.get(page).text)
    found = re.search(rf"{page}/(\w+)/file", member.get(page).text)
    assert found
    (listed,) = json.loads(anonymizer("deliveries", root, "--json").text)
    assert (listed["id"], listed["user"], list(listed["sets"])) == (found[1], USER, ["ANON_006"])
    path = served.desk.board(served.collection[3:]).packer.file(found[1])
    assert path is not None
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as packed:
        assert {"delivery.json", "delivery.json.sig"} <= {*packed.namelist()}
    (delivered,) = [line for line in audit.read(root / ".anonymizer") if line["act"] == "delivered"]
    assert (delivered["user"], delivered["by"], delivered["sets"]) == (USER, "page", ["ANON_006"])
    assert member.get(f"{page}/{'0' * 32}/file").status == 404
    served.desk.clear()
    assert not path.parent.exists(), "what nobody can download any more"
    assert member.get(f"{page}/{found[1]}/file").status == 404
    assert SET not in served.log.getvalue()


def test_a_recipient_that_is_none_is_reported_and_no_delivery_begun(root: Path, served: Served) -> None:
    """A typing error must not cause an unencrypted delivery."""
    member, page = served.member(), f"{served.collection}/deliveries"
    member.get(page)
    answer = member.post(page, {"recipients": "age1nonsense"})
    assert (answer.status, "no public key" in answer.text) == (409, True)
    assert json.loads(anonymizer("deliveries", root, "--json").text) == []
