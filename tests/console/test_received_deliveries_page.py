"""Deliveries received by a coordinating centre, on the page of deliveries."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from services.exchange import delivery_key, received
from services.exchange.inbox import Inbox, take
from services.runtime.settings import Settings
from services.store.collection import Collection
from tests.delivered import anonymizer, collected
from tests.integration.conftest import client, redis_server  # noqa: F401 - fixtures
from tests.sets import make_collection

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.visitor import Served


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Make a share with the collection of a centre."""
    root = make_collection(tmp_path / "share" / "BATCH", patient_id="multi", more='[receive]\ninbox = "inbox"\n')
    (root / "inbox").mkdir()
    return tmp_path / "share"


def listed(served: Served, member: object) -> str:
    """Return the words of the section, without marks."""
    page = member.get(f"{served.collection}/deliveries").text  # type: ignore[attr-defined]
    _, _, section = page.partition('id="received-title"')
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", section.partition("</section>")[0].partition(">")[2])).split())


def test_received_sets_are_listed_with_their_sender_and_what_waits(
    served: Served,
    tmp_path: Path,
    client: redis.Redis,  # noqa: F811 - the fixture
) -> None:
    """First nothing, then the delivery with an untrusted key, then its sets, one of them waiting."""
    root = served.share / "BATCH"
    collection, member = Collection.open(root), served.member()
    assert "received-title" not in member.get(f"{served.collection}/deliveries").text
    hospital = collected(tmp_path / "HOSPITAL", client, "Huber Josef", "Maier Anna")
    anonymizer("export", hospital, root / "inbox" / "first")
    (mark,) = inbox_of(collection)
    take(collection, mark, Settings())
    assert listed(served, member) == (
        "Received deliveries 1 delivery in the inbox waits: its key is not trusted. first"
    )
    key = delivery_key.fingerprint(delivery_key.of_user(Collection.look(hospital), Settings()).public)
    assert anonymizer("receive", root / "inbox" / "first", root, "--trust", key, "--hospital", "St. Anna").code == 0
    (note,) = received.all_of(collection)
    stored = root / ".anonymizer" / "received" / f"{note.id}.json"
    said = json.loads(stored.read_bytes())
    said["sets"]["ANON_008"] = {"state": "waits", "anon": ""}
    stored.write_text(json.dumps(said))
    shown = listed(served, member)
    assert shown.endswith(
        f"St. Anna ANON_006: taken as ANON_006 ANON_007: taken as ANON_007 ANON_008: waits for a person {note.id[:8]}"
    )
    assert received.all_of(collection)[0].waiting == ("ANON_008",)


def test_what_was_refused_as_a_whole_is_named(
    served: Served,
    tmp_path: Path,
    client: redis.Redis,  # noqa: F811 - the fixture
) -> None:
    """Until it changes or is gone; meanwhile it is not received again."""
    root = served.share / "BATCH"
    collection, member = Collection.open(root), served.member()
    anonymizer("export", collected(tmp_path / "HOSPITAL", client, "Huber Josef"), root / "inbox" / "first")
    (root / "inbox" / "first" / "delivery.json").write_bytes(b"{}")
    (mark,) = inbox_of(collection)
    assert take(collection, mark, Settings()) == "refused"
    assert listed(served, member) == (
        "Received deliveries 1 delivery in the inbox was refused; the note beside it says why. first"
    )
    assert inbox_of(collection) == []
    (root / "inbox" / "first" / "delivery.json").write_bytes(b"{ }")
    assert inbox_of(collection) == [mark]


def inbox_of(collection: Collection) -> list[str]:
    """Return the marks of settled deliveries in the inbox."""
    inbox = Inbox(collection)
    inbox.due()
    return inbox.due()
