"""What users may do: every page enforces it, and a removed user is logged out at once."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from anonymizer.command_line import application
from console.auth import roles, users
from console.auth.users import Users
from console.share_view import Desk
from services.errors import SettingsWrong
from services.runtime.settings import Proxy, Settings
from tests.visitor import PASSWORD, USER, Served, Visitor, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACKING = "VicRapidPlan_trackingFile_20261122.txt"
ANSWERS = {"look": (200, 403, 403, 403), "start": (200, 200, 403, 303), "tracking": (200, 403, 200, 403)}
"""The collection's page, the form of a new one, the tracking file, and the button that checks."""


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """Make a file in which one user may do everything."""
    path = tmp_path / "users"
    users.add(path, USER, PASSWORD)
    return path


@pytest.fixture
def served(share: Path, user_file: Path) -> Iterator[Served]:
    """Serve a console with a tracking file and the one user."""
    (share / "BATCH" / TRACKING).write_text("OrigPatientID, NewPatientID, OrigPlanID, Hospital\n")
    yield from serving(Desk(share, Settings(console_users=user_file), by_hand=True, users=Users(user_file)), share)


def answers(member: Visitor, address: str) -> tuple[int, ...]:
    """Ask for a page of each kind."""
    shown = (member.get(page).status for page in (address, "/new", f"{address}/tracking/20261122/file"))
    return (*shown, member.post(f"{address}/check").status)


@pytest.mark.parametrize("role", roles.EVERY)
def test_each_role_opens_its_own_pages_alone(served: Served, user_file: Path, role: str) -> None:
    """A change applies from the user's next page on; buttons without effect are not shown."""
    member = served.member()
    users.allow(user_file, USER, [role])
    assert answers(member, served.collection) == ANSWERS[role]
    page = member.get(served.collection).text
    assert ('id="check-button"' in page, f"{served.collection}/tracking/" in page) == (
        role == "start",
        role == "tracking",
    )
    assert (
        "Your role does not allow this."
        in member.get("/new" if role != "start" else f"{served.collection}/tracking/20261122").text
    )


def test_every_form_that_changes_something_asks_for_the_role(served: Served, user_file: Path) -> None:
    """At any address; users who may only look can still log out."""
    member = served.member()
    users.allow(user_file, USER, ["look"])
    posts = {
        route.path.replace("{collection}", served.collection[3:])
        .replace("{locator}", "0" * 32)
        .replace("{anon}", "ANON_006")
        for route in served.routes
        if "POST" in (getattr(route, "methods", None) or ())
    } - {"/login", "/logout"}
    assert len(posts) >= 12
    assert {post: member.post(post).status for post in posts} == dict.fromkeys(posts, 403)
    assert member.post("/logout").location == "/login"


def test_removed_users_and_changed_passwords_end_sessions_at_once(served: Served, user_file: Path) -> None:
    """On every page and in every stream; the others stay."""
    users.add(user_file, "bert", PASSWORD)
    anna, bert = served.member(), served.visitor()
    bert.log_in("bert")
    users.remove(user_file, "bert")
    assert bert.get("/").location == "/login"
    assert bert.get("/events").status == 401
    assert bert.log_in("bert").status == 403
    assert anna.get("/new").status == 200
    users.add(user_file, USER, "another long password")
    assert anna.get("/new").location == "/login"


def test_a_file_that_cannot_be_read_just_now_logs_nobody_out(served: Served, user_file: Path) -> None:
    """For example while it is being written."""
    member = served.member()
    user_file.write_text("half a line")
    assert member.get("/new").status == 200


def test_whom_a_proxy_lets_in_may_have_a_role_too(share: Path, user_file: Path) -> None:
    """Without a password; users not in the file may do everything, as before."""
    users.allow(user_file, "visitor", ["look"])
    proxy = Proxy("X-Remote-User", (ip_network("127.0.0.1"),))
    settings = Settings(console_users=user_file, console_proxy=proxy)
    for served in serving(Desk(share, settings, by_hand=True, users=Users(user_file)), share):
        found = [served.visitor().get("/new", X_Remote_User=name).status for name in ("visitor", "somebody")]
        assert found == [403, 200]
    assert not Users(user_file).check("visitor", "-")


def test_users_are_listed_changed_and_removed_at_the_command_line(
    user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with what they may do; no password and no hash is shown."""
    monkeypatch.setenv("ANONYMIZER_CONSOLE_USERS", str(user_file))
    app, runner = application("console"), CliRunner()
    added = runner.invoke(
        app, ["console", "--add-user", "bert", "--role", "look,tracking"], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert (added.exit_code, "bert may log in now." in added.stdout) == (0, True)
    assert runner.invoke(app, ["console", "--allow-user", USER, "--role", "start"]).exit_code == 0
    listed = runner.invoke(app, ["console", "--list-users", "--json"])
    assert json.loads(listed.stdout) == [
        {"user": USER, "roles": ["look", "start"], "password": True},
        {"user": "bert", "roles": ["look", "tracking"], "password": True},
    ]
    assert "argon2" not in runner.invoke(app, ["console", "--list-users"]).stdout
    assert runner.invoke(app, ["console", "--remove-user", "bert"]).exit_code == 0
    assert list(users.read(user_file)) == [USER]


@pytest.mark.parametrize(
    "arguments", [["--remove-user", "nobody"], ["--allow-user", "anna", "--role", "king"], ["--role", "look"]]
)
def test_invalid_user_commands_are_reported_and_change_nothing(
    user_file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """A missing user, an unknown role, a role without a user."""
    monkeypatch.setenv("ANONYMIZER_CONSOLE_USERS", str(user_file))
    before = user_file.read_bytes()
    done = CliRunner().invoke(application("console"), ["console", *arguments])
    assert isinstance(done.exception, SettingsWrong)
    assert user_file.read_bytes() == before


def test_a_user_of_before_may_do_everything_and_a_new_password_changes_no_role(user_file: Path) -> None:
    """A line of an earlier version has no roles."""
    kept = users.read(user_file)[USER].kept
    user_file.write_text(f"{USER}:{kept}\n")
    assert users.read(user_file)[USER].roles == roles.ALL
    users.allow(user_file, USER, ["look"])
    users.add(user_file, USER, "another long password")
    assert users.read(user_file)[USER].roles == {"look"}
