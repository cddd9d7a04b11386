"""Attacks by someone who wants in, or wants to lock others out; each was tried against the console."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from console import collection_view, connections, events, folder_checks
from console.app import LOOKS_AT_A_TIME
from console.auth.sessions import Throttle
from console.auth.users import Users
from console.folder_checks import DIED
from services.forms import structure_list
from services.store.collection import Collection
from services.verdict.summary import FolderSummary, summarize
from tests.sets import make_set
from tests.visitor import PASSWORD, USER, Served, Visitor
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.forms.collection_form import Options


class CountingUsers(Users):
    """Users that count the password checks."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.looked_at = 0
        self._counting = threading.Lock()

    def check(self, name: str, password: str) -> bool:
        """Count, then look."""
        with self._counting:
            self.looked_at += 1
        return super().check(name, password)


def statuses(served: Served, names: list[str]) -> list[int]:
    """Guess a password for each name in parallel, and return the responses."""
    visitors = [served.visitor() for _ in names]
    for visitor in visitors:
        visitor.get("/login")

    def guess(pair: tuple[Visitor, str]) -> int:
        visitor, name = pair
        return visitor.post("/login", {"user": name, "password": "a guess, and another one"}).status

    with ThreadPoolExecutor(len(names)) as crowd:
        return list(crowd.map(guess, zip(visitors, names, strict=True)))


@pytest.mark.parametrize("name", [USER, "nobody-of-this-name"])
def test_of_eighty_guesses_at_once_five_are_tried_whether_the_name_exists_or_not(
    served: Served, user_file: Path, name: str
) -> None:
    """An attempt counts before its password is checked, and answers tell nothing of who exists."""
    served.desk.users = users = CountingUsers(user_file)
    found = statuses(served, [name] * 80)
    assert users.looked_at == Throttle.FREE
    assert sorted(found) == [403] * Throttle.FREE + [429] * (80 - Throttle.FREE)


def test_answers_for_names_that_exist_and_that_do_not_are_the_same(served: Served) -> None:
    """In sequence, too: status, page and waiting time are the same except for the seconds elapsed."""
    told, waits = [], []
    for name in (USER, "nobody-of-this-name", "ein Name, der keiner ist"):
        visitor, began = served.visitor(), time.monotonic()
        answers = [visitor.log_in(name, "a guess, and another one") for _ in range(8)]
        passed = time.monotonic() - began
        told.append([(one.status, len(one.text)) for one in answers])
        waits.append([Throttle.FIRST_S - int(one.headers["Retry-After"] or Throttle.FIRST_S) for one in answers])
        assert all(0 <= since <= passed + 1 for since in waits[-1])
    assert told[0] == told[1] == told[2]
    assert [status for status, _ in told[0]] == [403] * 5 + [429] * 3


def test_one_address_cannot_lock_out_everybody_who_shares_it(served: Served) -> None:
    """Behind a proxy all users share an address: guesses are throttled, a right password is accepted."""
    found = statuses(served, [f"name-{number}" for number in range(40)])
    assert sorted(found) == [403] * Throttle.FREE_OF_PLACE + [429] * (40 - Throttle.FREE_OF_PLACE)
    assert served.visitor().log_in().status == 303


def test_from_an_address_of_many_guesses_each_name_has_one_attempt() -> None:
    """Instead of five; after a quiet hour the counts are reset."""
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for number in range(Throttle.FREE_OF_PLACE):
        assert throttle.admit(f"name-{number}", "10.0.0.1") == 0
    assert [throttle.admit("anna", "10.0.0.1"), throttle.admit("anna", "10.0.0.1")] == [0, Throttle.FIRST_S]
    assert [throttle.admit("bert", "10.0.0.2") for _ in range(6)] == [0, 0, 0, 0, 0, Throttle.FIRST_S]
    now[0] = Throttle.FORGOTTEN_S
    assert [throttle.admit("carl", "10.0.0.1") for _ in range(6)] == [0, 0, 0, 0, 0, Throttle.FIRST_S]


def test_many_names_release_no_throttled_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The throttle's memory is bounded, and keeps the names that must wait."""
    monkeypatch.setattr(Throttle, "KEPT", 50)
    throttle = Throttle(lambda: 0.0)
    for _ in range(Throttle.FREE):
        throttle.admit("anna", "10.0.0.1")
    for number in range(200):
        throttle.admit(f"name-{number}", f"10.1.0.{number}")
    assert throttle.admit("anna", "10.0.0.2") == Throttle.FIRST_S


@pytest.fixture
def crowd(served: Served) -> Iterator[list[socket.socket]]:
    """Open 520 connections with half a request each, from the shared address."""
    with ExitStack() as stack:
        halves = [b"GET /login HT", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ncsrf="]
        made = []
        for number in range(520):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=240))
            one.sendall(halves[number % 2])
            made.append(one)
        yield made


@pytest.mark.usefixtures("crowd")
def test_incomplete_requests_block_no_connection(served: Served) -> None:
    """Connections with incomplete requests make room."""
    assert served.visitor().log_in().status == 303


def test_open_connections_are_not_closed_for_new_ones(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open page stays open, however many connections arrive; one too many is rejected."""
    monkeypatch.setattr(connections, "MOST_OF_ADDRESS", 2)
    member = served.member()
    streams = [following(served, member) for _ in range(2)]
    with pytest.raises(OSError, match=r".*"):
        served.visitor().get("/login")
    assert all(b"data: " in stream.readline() + stream.readline() + stream.readline() for stream in streams)


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /login HTTP/1.1\r\nHost: x\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ncsrf=",
        b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\n\r\nGET /login HT",
    ],
    ids=["nothing", "half a head", "half a body", "half of a second one"],
)
def test_an_incomplete_request_times_out(served: Served, half: bytes) -> None:
    """The connection is closed, and the log has no error of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "HEAD_S", 0.2)
        patch.setattr(connections, "BODY_S", 0.2)
        with socket.create_connection(("127.0.0.1", served.port), timeout=240) as one:
            one.sendall(half)
            try:
                while one.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert served.visitor().get("/login").status == 200
    assert '"error"' not in served.log.getvalue()


def test_a_form_of_ten_thousand_fields_is_read_once(served: Served) -> None:
    """Each field is found without looking at all others."""
    member = served.member()
    page = f"{served.collection}/structures"
    member.get(page)
    names = [f"S{number}" for number in range(5000)]
    fields = {"source": names, "state": "confirmed", **{f"target {name}": "PTV" for name in names}}
    assert member.post(page, fields).status == 303
    assert len(structure_list.read(served.share / "BATCH").rows) == 5000
    assert member.get(page).status == 200
    assert member.post(f"{served.collection}/start", {"set": names * 2}).status == 409
    assert member.post("/new/preview", {f"x{number}": "y" for number in range(10_000)}).status == 200
    assert member.post("/new/preview", {f"x{number}": "y" for number in range(11_000)}).status == 413


@pytest.mark.parametrize(
    "value", ['"x\\015\\012Set-Cookie: evil=1"', "evil; Path=/x", "x" * 43 + "=", "ä" * 43, "short"]
)
def test_login_cookies_are_not_copied_into_headers(served: Served, value: str) -> None:
    """Python's cookies decode octal escapes: a line end in one would start a header chosen by the sender."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
    connection.request("GET", "/login", headers={"Cookie": f"login-{served.port}={value}".encode()})
    answer = connection.getresponse()
    given = answer.headers.get_all("Set-Cookie") or []
    text = answer.read().decode()
    connection.close()
    assert (answer.status, len(given)) == (200, 1)
    assert "evil" not in str(answer.headers) + text
    assert value[:20] not in str(answer.headers)


def test_a_token_of_ours_stays_so_that_two_tabs_can_log_in(served: Served) -> None:
    """The first tab's form is still valid after the second was opened; no header returns the token."""
    visitor = served.visitor()
    visitor.get("/login")
    first = visitor.csrf
    assert visitor.get("/login").headers.get_all("Set-Cookie") is None
    assert visitor.csrf == first
    assert visitor.post("/login", {"user": USER, "password": PASSWORD}).status == 303


def following(served: Served, member: Visitor) -> http.client.HTTPResponse:
    """Open a collection's stream."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
    cookie = "; ".join(f"{name}={value}" for name, value in member.cookies.items())
    connection.request("GET", f"{served.collection}/events", headers={"Cookie": cookie})
    return connection.getresponse()


def test_a_stream_ends_when_the_share_goes_and_comes_back_with_it(served: Served) -> None:
    """Cleanly, without an error in the log; meanwhile the answer is "try again", not "no such page"."""
    member = served.member()
    stream, again = following(served, member), served.collection
    assert stream.readline() == b"retry: 2000\n"
    assert stream.readline() == b"\n"
    assert stream.readline().startswith(b"data: ")
    served.share.rename(served.share.with_name("away"))
    stream.read()
    away = member.get(f"{again}/events")
    assert (away.status, away.text) == (200, "retry: 2000\n\n")
    served.share.with_name("away").rename(served.share)
    assert b"Anna 4711" in following_data(served, member)
    assert '"error"' not in served.log.getvalue()


def following_data(served: Served, member: Visitor) -> bytes:
    """Return the first event of a collection's stream."""
    stream = following(served, member)
    return b"".join(stream.readline() for _ in range(3))


def test_a_share_that_hangs_ends_the_stream_and_leaves_the_other_pages(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead NFS mount answers nobody: the threads that wait for it are the streams' own, and no more in each hour."""
    member, goes_on = served.member(), threading.Event()
    monkeypatch.setattr(events, "STUCK_S", 0.05)
    board = served.desk.board(served.collection.removeprefix("/c/"))
    monkeypatch.setattr(board, "look", goes_on.wait)
    before = threading.active_count()
    try:
        for _ in range(3 * LOOKS_AT_A_TIME):
            assert following(served, member).read() == b"retry: 2000\n\n"
        assert threading.active_count() <= before + LOOKS_AT_A_TIME + 2, "one thread more may serve, and one be idle"
        assert member.get("/static/console.js").status == 200
        assert served.visitor().log_in().status == 303
    finally:
        goes_on.set()
    monkeypatch.undo()
    wait_until(lambda: b"Anna 4711" in following_data(served, member))


def die_of_it(folder: Path, options: Options, machines: list[object]) -> FolderSummary:
    """Be killed by the system at one folder, and check the others."""
    if "deadly" in folder.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return summarize(folder, options, machines)  # type: ignore[arg-type]  # handed on as they came


def test_a_check_whose_process_dies_is_reported_and_the_others_are_judged(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a set that needs too much memory; the check still ends."""
    make_set(served.share / "BATCH", name="A deadly one", seed=2)
    make_set(served.share / "BATCH", name="Zuletzt", seed=3)
    monkeypatch.setattr(folder_checks, "summarize", die_of_it)
    member = served.member()
    board = served.desk.board(served.collection.removeprefix("/c/"))
    assert member.post(f"{served.collection}/check").status == 303
    wait_until_over(board)
    said = {
        line.row.folder: (line.judgement.verdict, *line.judgement.notes)
        for line in board.look().lines
        if line.judgement is not None
    }
    assert said["A deadly one"] == ("cannot be read", DIED)
    assert {name: verdict for name, (verdict, *_) in said.items()} == {
        "A deadly one": "cannot be read",
        "Müller Anna 4711": "good",
        "Zuletzt": "good",
    }
    assert "ended by the system" in member.get(served.collection).text


def wait_until_over(board: collection_view.Board) -> None:
    """Wait until no check runs."""
    wait_until(lambda: not board.look().checking)


def test_names_that_are_no_utf_8_are_shown_escaped(served: Served) -> None:
    """As on old file servers: on every page, in the streams, and in the form, where they cannot be chosen."""
    root = os.fsencode(served.share)
    os.mkdir(root + b"/M\xfcnchen")  # noqa: PTH102 - no path of characters has this name
    make_set(served.share / "BATCH", name=os.fsdecode(b"M\xfcller 4712"), seed=2)
    member = served.member()
    assert "M\\xfcnchen" in member.get("/new").text
    assert "M\\xfcller 4712" in member.get(served.collection).text
    assert b"M\\\\xfcller 4712" in following_data(served, member)
    assert "M\\xfcller 4712" in member.get(f"{served.collection}/structures").text
    assert member.post("/new", {"folder": "M\\xfcnchen"}).status == 422


def test_two_people_who_decide_about_a_name_do_not_overwrite_each_other(served: Served) -> None:
    """The second sees the first decision; decisions about other names are independent."""
    page = f"{served.collection}/structures"
    first, second = served.member(), served.member()
    first.get(page)
    second.get(page)
    was = {"was PTV": "", "was SpinalCord": ""}
    assert first.post(page, {"source": "PTV", "target PTV": "PTV_1", "state": "confirmed", **was}).status == 303
    told = second.post(page, {"source": "PTV", "target PTV": "PTV_2", "state": "confirmed", **was})
    assert (told.status, "Somebody else decided about PTV" in told.text) == (409, True)
    assert second.post(page, {"source": "SpinalCord", "state": "ignored", **was}).status == 303
    assert [(row.source, row.target, row.state) for row in structure_list.read(served.share / "BATCH").rows] == [
        ("PTV", "PTV_1", "confirmed"),
        ("SpinalCord", "", "ignored"),
    ]
    assert 'name="was PTV" value="confirmed PTV_1"' in second.get(page).text


def test_two_people_who_make_a_collection_of_one_folder_make_one(served: Served) -> None:
    """The second is refused; the first form stays."""
    members = [served.member() for _ in range(6)]
    form = {"folder": "+", "new_folder": "One", "initial_index": "1", "hospital": "H", "first_name": "First"}
    form |= {"machine": "keep", "start": "by hand"}
    fields = [{**form, "patient_id": f"zzz_{number}", "family_name": f"F{number}"} for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda pair: pair[0].post("/new", pair[1]), zip(members, fields, strict=True)))
    assert sorted(answer.status for answer in answers) == [303, 422, 422, 422, 422, 422]
    (winner,) = (number for number, answer in enumerate(answers) if answer.status == 303)
    assert Collection.open(served.share / "One").identity.patient_id == f"zzz_{winner}"
