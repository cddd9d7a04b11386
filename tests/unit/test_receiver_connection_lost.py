"""A receiver that stops in the middle of an answer, or is none, is waited for; nothing incomplete is taken."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from receiver.mailbox import Mailbox, ReceiverAway
from receiver.sort import Sorter
from services.runtime.settings import from_environment
from tests.sets import make_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIST = b'["an-object"]'


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[Mailbox]:
    """Answer requests by their first line, each on its own connection, as bytes that need not be HTTP."""
    listening = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            connection, _ = listening.accept()
            with connection:
                asked = connection.recv(65_536)
                if asked:
                    connection.sendall(answer(asked.partition(b"\r\n")[0]))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Mailbox(f"http://127.0.0.1:{listening.getsockname()[1]}", "a-password")
    finally:
        stopping.set()
        socket.create_connection(listening.getsockname()).close()
        thread.join()
        listening.close()


def response(body: bytes, *, length: int | None = None) -> bytes:
    """Return a response with a body, of another length than it says if given."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


@pytest.mark.parametrize(
    "answer",
    [response(LIST, length=100), response(b"<html>"), response(b"null"), b"not HTTP\r\n\r\n", b""],
    ids=["ends early", "a web page", "another JSON", "another protocol", "nothing"],
)
def test_a_receiver_without_a_whole_answer_is_waited_for(answer: bytes) -> None:
    """As if it did not answer at all: it keeps its objects."""
    with answering(lambda _: answer) as mailbox, pytest.raises(ReceiverAway):
        mailbox.waiting()


@pytest.mark.parametrize("cut", ["RemoteAET", "file", "md5"])
def test_no_object_is_taken_or_removed_after_half_an_answer(tmp_path: Path, cut: str) -> None:
    """Python reads a body that ends early as if it were whole; half an object may even have no patient ID."""
    root = make_collection(tmp_path / "BATCH")
    before = {path.name for path in root.iterdir()}
    asked: list[bytes] = []

    def answer(line: bytes) -> bytes:
        asked.append(line)
        if line.startswith(b"GET /instances "):
            return response(LIST)
        body = b"ECLIPSE" if b"RemoteAET" in line else b"an object"
        return response(body, length=100 if cut.encode() in line else None)

    with answering(answer) as mailbox, pytest.raises(ReceiverAway):
        Sorter(mailbox, tmp_path, from_environment({"ANONYMIZER_SENDERS": "ECLIPSE=BATCH"}).senders).sort()
    assert not any(line.startswith(b"DELETE") for line in asked)
    taken = {path.name for path in root.iterdir()} - before - {".anonymizer"}
    assert len(taken) == (1 if cut == "md5" else 0)
