"""Login, and what is accessible without one: nothing but the login page."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from console.auth import users
from console.auth.sessions import IDLE_S, LONGEST_S, Sessions, Throttle
from console.auth.users import Users
from console.share_view import Desk
from services.errors import SettingsWrong
from services.runtime.settings import Proxy, Settings
from tests.visitor import PASSWORD, USER, Served, serving

if TYPE_CHECKING:
    from pathlib import Path

PAGES = ("/", "/new", "/c/{id}", "/c/{id}/events", "/c/{id}/tracking/20261122", "/c/{id}/tracking/20261122/file")


def test_nobody_sees_anything_without_a_login(served: Served) -> None:
    """No folder, no collection, no identity: on no page, and in no stream."""
    stranger = served.visitor()
    for page in PAGES:
        answer = stranger.get(page.replace("/c/{id}", served.collection))
        assert (answer.status, answer.location) in {(303, "/login"), (401, "")}
        assert not {"Müller", "BATCH", "zzz_"} & set(answer.text.split())
    assert stranger.post(f"{served.collection}/check").status == 401
    assert "Müller" not in stranger.get("/login").text


def test_the_right_password_logs_in_and_the_session_cookie_is_protected(served: Served) -> None:
    """Scripts cannot read it, and other sites cannot make browsers send it."""
    answer = served.visitor().log_in()
    (cookie,) = (given for given in answer.headers.get_all("Set-Cookie") if given.startswith("console"))
    assert (answer.status, answer.location) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


def test_behind_https_the_cookie_is_secure_and_bound_to_its_host(served: Served) -> None:
    """Except on this machine over plain HTTP, since some browsers send no secure cookie there."""
    answer = served.visitor().get("/login", Host="console.hospital.example")
    (cookie,) = answer.headers.get_all("Set-Cookie")
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie


def test_a_wrong_password_is_reported_and_logged_but_never_what_was_typed(served: Served) -> None:
    """A name that nobody has may be a password typed into the wrong field."""
    visitor = served.visitor()
    assert visitor.log_in(USER, "wrong password").status == 403
    assert visitor.log_in("my secret passphrase", "x").status == 403
    lines = [json.loads(line) for line in served.log.getvalue().splitlines()]
    assert [line["user"] for line in lines if line["event"] == "console.login_failed"] == [USER, ""]
    assert "secret" not in served.log.getvalue()


def test_guessing_users_are_throttled_and_others_are_not(served: Served) -> None:
    """Even with the right password; the answer states the time."""
    visitor = served.visitor()
    for _ in range(Throttle.FREE):
        visitor.log_in(USER, "a guess, and another one")
    answer = visitor.log_in()
    assert (answer.status, int(answer.headers["Retry-After"])) == (429, 30)
    assert "30 seconds" in answer.text


def test_pauses_get_longer_and_end_with_a_success() -> None:
    """Half a minute, one, two … a quarter of an hour at most."""
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    pauses = []
    for _ in range(12):
        assert throttle.admit("anna", "10.0.0.1") == 0
        pauses.append(wait_s := throttle.admit("anna", "10.0.0.2") if len(pauses) >= Throttle.FREE - 1 else 0)
        now[0] += wait_s
    assert pauses == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]
    throttle.succeeded("anna", "10.0.0.1")
    assert [throttle.admit("anna", "10.0.0.3") for _ in range(6)] == [0, 0, 0, 0, 0, 30]


def test_a_session_ends_by_itself() -> None:
    """When idle, and always after a working day; automatic updates do not count as activity."""
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    idle, busy = sessions.begin("anna"), sessions.begin("bert")
    ends: dict[str, float] = {}
    while len(ends) < 2:
        now[0] += 600
        if not sessions.of(idle.token, touch=False):
            ends.setdefault("idle", now[0])
        if not sessions.of(busy.token):
            ends.setdefault("busy", now[0])
    assert ends == {"idle": IDLE_S, "busy": LONGEST_S}


def test_logging_out_ends_the_session_here_and_not_only_in_the_browser(served: Served) -> None:
    """A kept cookie is invalid afterwards."""
    visitor = served.member()
    kept = dict(visitor.cookies)
    assert visitor.post("/logout").location == "/login"
    visitor.cookies = kept
    assert visitor.get("/").location == "/login"


def test_a_form_that_is_sent_after_the_session_ended_does_nothing_and_says_so(served: Served) -> None:
    """On a page with a link to the login; after the login the form is valid again once reloaded."""
    member = served.member()
    member.get(served.collection)
    for session in list(served.desk.sessions._by_token.values()):
        session.began -= LONGEST_S
    answer = member.post(f"{served.collection}/check")
    assert (answer.status, "no longer logged in" in answer.text, 'href="/login"' in answer.text) == (401, True, True)
    assert member.get(served.collection).location == "/login"
    assert member.log_in().status == 303
    assert member.post(f"{served.collection}/check").status == 303


def test_two_tabs_of_one_session_both_hold_until_somebody_logs_in_again(served: Served) -> None:
    """A tab from before a new login has an expired token, and asks to reload the page."""
    other = served.visitor()
    other.get("/login")
    login, tab = other.csrf, served.member()
    other.cookies = tab.cookies | other.cookies
    other.csrf = tab.csrf
    assert [one.post(f"{served.collection}/check").status for one in (tab, other)] == [303, 303]
    assert other.get("/login").location == "/"
    other.csrf = login
    assert other.post("/login", {"user": USER, "password": PASSWORD}).status == 303
    tab.cookies = other.cookies
    assert tab.post(f"{served.collection}/check").status == 403
    tab.get(served.collection)
    assert tab.post(f"{served.collection}/check").status == 303


def test_a_form_without_its_token_or_from_another_site_does_nothing(served: Served) -> None:
    """Neither a collection's, nor the login's."""
    member = served.member()
    check = f"{served.collection}/check"
    token = member.csrf
    for wrong in ("", "x", served.member().csrf):
        member.csrf = wrong
        assert member.post(check).status == 403
        member.csrf = token
    assert member.post(check, Sec_Fetch_Site="cross-site").status == 403
    assert member.post(check, Origin="https://elsewhere.example").status == 403
    stranger = served.visitor()
    assert stranger.post("/login", {"user": USER, "password": PASSWORD}).status == 403
    assert "checked" not in served.log.getvalue()
    assert member.post(check, Sec_Fetch_Site="same-origin").status == 303


def test_the_content_security_policy_permits_only_our_own_resources(served: Served) -> None:
    """In the headers of every response: pages, files, errors and redirects."""
    member = served.member()
    for path in ("/", "/new", served.collection, "/static/console.js", "/nothing", "/c/nothing"):
        headers = member.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_no_page_has_inline_script_or_style(served: Served) -> None:
    """The policy forbids them, and nothing is loaded from elsewhere."""
    member = served.member()
    for path in ("/", "/new", served.collection, "/nothing"):
        text = member.get(path).text
        assert "<script>" not in text
        assert " style=" not in text
        assert " on" not in {piece[:3] for piece in text.split("<")}
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "")


def test_only_the_configured_proxy_is_trusted(share: Path) -> None:
    """The same header from another address is ignored; and the user may change in between."""
    desk = Desk(share, Settings(console_proxy=Proxy("x-remote-user", (ip_network("127.0.0.1/32"),))))
    for served in serving(desk, share):
        visitor = served.visitor()
        assert visitor.get("/new", X_Remote_User="anna").status == 200
        assert visitor.get("/new").location == "/login"
        visitor.get("/new", X_Remote_User="bert")
        assert visitor.get("/new", X_Remote_User="no name").location == "/login"
        seen = [json.loads(line)["user"] for line in served.log.getvalue().splitlines() if "new_page" in line]
    assert seen == ["anna", "bert"]

    elsewhere = Desk(share, Settings(console_proxy=Proxy("x-remote-user", (ip_network("10.0.0.0/8"),))))
    for served in serving(elsewhere, share):
        assert served.visitor().get("/new", X_Remote_User="anna").location == "/login"


def test_the_link_from_the_terminal_lets_in_and_no_other(share: Path) -> None:
    """On a laptop, where there are no users."""
    for served in serving(Desk(share, Settings(), by_hand=True, key="the-key"), share):
        assert served.visitor().get("/enter?key=another").status == 403
        visitor = served.visitor()
        assert visitor.get("/enter?key=the-key").location == "/"
        assert visitor.get("/new").status == 200
        assert "the-key" not in served.log.getvalue()


def test_passwords_are_kept_hashed_and_can_be_changed(tmp_path: Path) -> None:
    """Only the owner may read the file."""
    path = tmp_path / "users"
    users.add(path, "anna", PASSWORD)
    users.add(path, "bert", PASSWORD)
    users.add(path, "anna", "another long password")
    kept = users.read(path)
    assert list(kept) == ["anna", "bert"]
    assert all(user.kept.startswith("$argon2id$") for user in kept.values())
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    known = Users(path)
    assert (known.check("anna", "another long password"), known.check("anna", PASSWORD)) == (True, False)


@pytest.mark.parametrize(
    ("name", "password"), [("a b", PASSWORD), ("", PASSWORD), ("x:y", PASSWORD), ("anna", "short")]
)
def test_invalid_names_and_passwords_are_refused(tmp_path: Path, name: str, password: str) -> None:
    """One word; and long enough."""
    with pytest.raises(SettingsWrong):
        users.add(tmp_path / "users", name, password)


def test_a_file_of_something_else_is_reported(tmp_path: Path) -> None:
    """By its line number only, since the line may be a password."""
    (tmp_path / "users").write_text("anna:secret\n")
    with pytest.raises(SettingsWrong, match="Line 1") as told:
        users.read(tmp_path / "users")
    assert "secret" not in str(told.value)
