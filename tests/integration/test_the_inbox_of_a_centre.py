"""`[receive] inbox`: deliveries dropped into a folder of the collection are received by the service."""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from anonymizer.embedded.supervisor import Supervised
from services.errors import Busy, SettingsWrong
from services.exchange import delivery_key
from services.exchange.inbox import Inbox, take
from services.forms.collection_form import read_settings
from services.publication import high_water
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import Ledger
from services.runtime.settings import Settings
from services.store.collection import Collection
from services.store.share import Share
from tests.delivered import anonymizer, collected
from tests.sets import make_collection
from tests.waiting import wait_until
from watcher.folders import set_folders
from watcher.ignored_entries import beside_the_sets
from watcher.reconcile import Reconciler
from watcher.service import Watch
from worker.app import make_app, worker_arguments
from worker.drawing import ENDING
from worker.queues.set_queue import Queue
from worker.queues.sheet_queue import Sheets

if TYPE_CHECKING:
    from pathlib import Path

    import redis

FORM = '[receive]\nidentity = "renumber"\ninbox = "inbox"\n'


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """Make the centre's collection with an inbox and a dropped set."""
    root = make_collection(tmp_path / "CENTRE", patient_id="multi", more=FORM)
    (root / "inbox").mkdir()
    return root


@pytest.fixture
def hospital(tmp_path: Path, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish two sets of a hospital."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home of the hospital"))
    return collected(tmp_path / "HOSPITAL", client, "Huber Josef", "Maier Anna")


def trusting(hospital: Path) -> Settings:
    """Return settings that trust the hospital's key."""
    key = delivery_key.of_user(Collection.look(hospital), Settings())
    path = hospital.parent / "trusted"
    path.write_text(f"{delivery_key.grouped(delivery_key.fingerprint(key.public))}  # the hospital\n")
    return Settings(trusted_keys_file=path)


def anons(root: Path) -> list[str]:
    """Return the published ANON folders."""
    return sorted(path.name for path in root.glob("ANON_*"))


def test_a_delivery_is_taken_when_it_rests_and_its_key_is_believed(centre: Path, hospital: Path) -> None:
    """Until then it waits with a note; afterwards it is not received again."""
    anonymizer("export", hospital, centre / "inbox" / "first")
    collection = Collection.open(centre)
    inbox = Inbox(collection)
    assert inbox.due() == []
    (mark,) = inbox.due()
    assert take(collection, mark, Settings()) == "untrusted"
    note = (centre / "inbox" / "first_NOTE.txt").read_text("utf-8-sig")
    assert 'About the delivery "first":' in note
    assert "not in the file of trusted keys" in note
    assert (anons(centre), inbox.due()) == ([], [mark])
    assert take(collection, mark, trusting(hospital)) == "done"
    assert anons(centre) == ["ANON_006", "ANON_007"]
    assert inbox.due() == []
    shutil.rmtree(centre / "inbox" / "first")
    assert (take(collection, mark, trusting(hospital)), inbox.due()) == ("gone", [])


def test_a_zip_is_taken_however_its_ending_is_written(centre: Path, hospital: Path) -> None:
    """Also within a folder, as unpackers leave it; Windows writes endings in either case."""
    anonymizer("export", hospital, centre / "one.zip")
    (centre / "one.zip").rename(centre / "inbox" / "FIRST.ZIP")
    collection = Collection.open(centre)
    inbox = Inbox(collection)
    inbox.due()
    (mark,) = inbox.due()
    assert take(collection, mark, trusting(hospital)) == "done"
    assert anons(centre) == ["ANON_006", "ANON_007"]


@pytest.mark.parametrize("wrong", [b"0123 4567  # too short", b"\xff\xfe", None])
def test_a_delivery_waits_while_the_file_of_trusted_keys_is_wrong(
    centre: Path, hospital: Path, wrong: bytes | None
) -> None:
    """It is received when the file is right: nothing is wrong with the delivery."""
    anonymizer("export", hospital, centre / "inbox" / "first")
    settings, collection = trusting(hospital), Collection.open(centre)
    file, inbox = settings.trusted_keys_file, Inbox(collection)
    right = file.read_bytes()
    file.unlink()
    if wrong is None:
        file.mkdir()
    else:
        file.write_bytes(wrong)
    assert inbox.due() == []
    (mark,) = inbox.due()
    assert take(collection, mark, settings) == "waits"
    note = centre / "inbox" / "first_NOTE.txt"
    assert "It waits. " in note.read_text("utf-8-sig")
    assert inbox.due() == [mark]
    if wrong is None:
        file.rmdir()
    file.write_bytes(right)
    assert take(collection, mark, settings) == "done"
    assert "It waits. " not in (note.read_text("utf-8-sig") if note.exists() else "")


def test_what_is_withdrawn_waits_for_a_person(centre: Path, hospital: Path) -> None:
    """A person confirms it by the command, and the note says so; published sets are never removed automatically."""
    collection, settings = Collection.open(centre), trusting(hospital)
    anonymizer("export", hospital, centre / "inbox" / "first.zip")
    anonymizer("withdraw", hospital, "ANON_006")
    anonymizer("export", hospital, centre / "inbox" / "second")
    for name in ("first.zip", "second"):
        assert take(collection, collection.locator(f"inbox/{name}"), settings) == "done"
    assert anons(centre) == ["ANON_006", "ANON_007"]
    assert "A person must confirm this" in (centre / "inbox" / "second_NOTE.txt").read_text("utf-8-sig")
    (known,) = settings.trusted_keys_file.read_text().splitlines()
    inbox = Inbox(collection)
    assert (inbox.due(), inbox.due()) == ([], [])
    said = anonymizer("receive", centre / "inbox" / "second", centre, "--trust", known.partition("#")[0])
    assert (said.code, anons(centre)) == (0, ["ANON_007"])
    (mark,) = inbox.due()
    assert take(collection, mark, settings) == "done"
    assert "must confirm" not in (centre / "inbox" / "second_NOTE.txt").read_text("utf-8-sig")
    assert inbox.due() == []


def test_the_inbox_is_never_a_set_and_never_not_taken(centre: Path, hospital: Path) -> None:
    """With or without DICOM in it; without the form's key it is an ordinary folder."""
    anonymizer("export", hospital, centre / "inbox" / "first")
    assert (set_folders(centre), beside_the_sets(centre, Collection.open(centre))) == ([], [])
    make_collection(centre, patient_id="multi")
    assert set_folders(centre) == ["inbox"]


def test_the_service_asks_for_what_rests_in_the_inbox(centre: Path, hospital: Path, client: redis.Redis) -> None:
    """Once, in the sheets' queue, without names."""
    anonymizer("export", hospital, centre / "inbox" / "Huber Josef")
    collection, asked = Collection.open(centre), []

    class Asking:
        def ask_for_missing(self, _: Collection) -> None:
            """Stand in for the queue of the sheets."""

        def ask_to_receive(self, collection_id: str, mark: str) -> None:
            """Note what is asked for."""
            asked.append((collection_id, mark))

    going = Reconciler(collection, Ledger(collection, client), None, sheets=Asking())
    going.reconcile({})
    going.reconcile({})
    assert asked == [(collection.id, collection.locator("inbox/Huber Josef"))]


def test_a_delivery_waits_while_somebody_else_receives_or_numbers_are_lost(
    centre: Path, hospital: Path, client: redis.Redis
) -> None:
    """It is retried, and never counts as handled; for lost numbers a note gives the remedy."""
    anonymizer("export", hospital, centre / "inbox" / "first")
    collection, settings = Collection.open(centre), trusting(hospital)
    mark, inbox = collection.locator("inbox/first"), Inbox(collection)
    place = centre / ".anonymizer" / "received"
    place.mkdir()
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            take(collection, mark, settings, client)
    high_water.remember(client, collection.id, 9)
    with pytest.raises(NumbersLost):
        take(collection, mark, settings, client)
    assert "--continue --above 9" in (centre / "inbox" / "first_NOTE.txt").read_text("utf-8-sig")
    assert (anons(centre), [inbox.due(), inbox.due()]) == ([], [[], [mark]])
    Collection.go_on_above(centre, 9)
    assert take(collection, mark, settings, client) == "done"
    assert (anons(centre), inbox.due()) == (["ANON_010", "ANON_011"], [])


@pytest.mark.parametrize("name", ["../out", "/srv", "a/b", "ANON_006", "sheets", ".hidden", "a\\b", "inbox "])
def test_an_inbox_is_a_folder_of_the_collection(tmp_path: Path, name: str) -> None:
    """With no other purpose."""
    root = make_collection(tmp_path / "BATCH", more=f"[receive]\ninbox = '{name}'\n")
    with pytest.raises(SettingsWrong, match="inbox must be"):
        read_settings(root)


def test_the_real_service_takes_a_delivery_from_the_inbox(
    centre: Path, hospital: Path, client: redis.Redis, redis_server: str, tmp_path: Path
) -> None:
    """With watcher, Redis, and a worker of the sheets' queue in its own process."""
    trusted = trusting(hospital).trusted_keys_file
    share = tmp_path / "share"
    share.mkdir()
    root = centre.rename(share / "CENTRE")
    anonymizer("export", hospital, root / "inbox" / "first.zip", "--unread-words")
    settings = Settings(
        redis_url=f"redis+socket://{redis_server}", share=share, quiet_s=0.2, rescan_s=0.2, reconcile_s=0.3
    )
    environment = {
        "ANONYMIZER_REDIS_URL": str(settings.redis_url),
        "ANONYMIZER_SHARE": str(share),
        "ANONYMIZER_TRUSTED_KEYS_FILE": str(trusted),
    }
    app = make_app(lambda: settings)
    sheets = Sheets(client, app, f"test-inbox{ENDING}")
    command = [sys.executable, "-P", "-m", "celery", "--quiet", "-A", "worker.app", *worker_arguments(sheets.queue, 1)]
    worker = Supervised(command, env={**os.environ, **environment})
    watch = Watch(Share(share), Queue(client, app, "test-inbox"), client, settings, sheets=sheets)
    try:

        def taken() -> bool:
            worker.tend()
            watch.step()
            return anons(root) == ["ANON_006", "ANON_007"]

        wait_until(taken)
    finally:
        for attended in watch.attended.values():
            attended.leave()
        worker.stop(grace_s=math.inf)
