"""Index allocation with a real Redis: emptied, older than the share, used by eight processes at once."""

from __future__ import annotations

import os
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.errors import SettingsWrong
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.publication import claims, publish
from services.publication.attempts import Attempt
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.store.collection import Collection
from services.store.records import Record, path_of

if TYPE_CHECKING:
    from pathlib import Path

LOCATOR = "0" * 32


def set_id(number: int) -> str:
    """Return the id of a set."""
    return f"{number:032x}"


def ledger_of(collection: Collection, client: redis.Redis, initial_index: int = 6) -> Ledger:
    """Open the ledger of a collection with another initial index."""
    form = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", initial_index)
    return Ledger(Collection(collection.root, collection.id, collection.key, form, Options(machine=())), client)


def note_as_published(collection: Collection, index: int, whose: str) -> None:
    """Write the record of a published set."""
    path_of(collection, index).write_bytes(Record(index, whose, f"RP.{whose}.dcm", "", {}).encoded())


def claimed(collection: Collection) -> dict[int, str | None]:
    """Return the claims on the share."""
    found = {}
    for name in durable_files.names(collection.claims):
        claim = claims.at(collection, int(name.partition(".")[0]))
        found[int(name.partition(".")[0])] = claim and claim.set_id
    return found


def test_sets_get_the_indices_from_the_initial_one_on(collection: Collection, client: redis.Redis) -> None:
    """Repeated claims return the same one."""
    ledger = Ledger(collection, client)

    assert [ledger.claim(set_id(n), LOCATOR) for n in (1, 2, 1, 3, 2)] == [6, 7, 6, 8, 7]
    assert claimed(collection) == {6: set_id(1), 7: set_id(2), 8: set_id(3)}


def claim_forty(root: Path, socket: str, first: int, answers: object) -> None:
    """Claim for forty sets in random order, emptying Redis occasionally."""
    client = redis.Redis(unix_socket_path=socket)
    ledger = Ledger(Collection.open(root), client)
    found = {}
    for step in range(40):
        number = (first * 5 + step) % 40
        if step == 20 + first:
            client.flushall()
        found[number] = ledger.claim(set_id(number), LOCATOR)
    answers.put(found)


def test_eight_processes_claim_for_the_same_forty_sets_while_redis_is_emptied(
    collection: Collection, redis_server: str
) -> None:
    """Forty consecutive indices, and the same one for every copy of a set's task."""
    fork = get_context("fork")
    answers = fork.Queue()
    processes = [
        fork.Process(target=claim_forty, args=(collection.root, redis_server, first, answers)) for first in range(8)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()

    assert all(answer == found[0] for answer in found)
    assert sorted(found[0].values()) == list(range(6, 46))
    assert claimed(collection) == {index: set_id(number) for number, index in found[0].items()}


def test_emptied_redis_is_filled_from_the_share(collection: Collection, client: redis.Redis) -> None:
    """Claims, records, folders, tracking entries and lines of tracking files all count as taken."""
    Ledger(collection, client).claim(set_id(1), LOCATOR)
    note_as_published(collection, 7, set_id(2))
    (collection.root / "ANON_008").mkdir()
    (collection.root / "anon_009").mkdir()
    (collection.tracking / "000010.json").write_bytes(b"{}")
    (collection.root / "VicRapidPlan_trackingFile_20200101.txt").write_bytes(b"77, zzz_AnusGE011, Plan, Hospital\r\n")
    client.flushall()

    assert Ledger(collection, client).claim(set_id(3), LOCATOR) == 12
    assert Ledger(collection, client).claim(set_id(1), LOCATOR) == 6


def test_an_older_redis_gives_no_number_twice(collection: Collection, client: redis.Redis) -> None:
    """After restoring a snapshot from before two claims, they stay, and the next one follows them."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    snapshot = client.dump(ledger._key)
    ledger.claim(set_id(2), LOCATOR)
    ledger.claim(set_id(3), LOCATOR)
    client.restore(ledger._key, 0, snapshot, replace=True)

    assert ledger.claim(set_id(4), LOCATOR) == 9
    assert ledger.claim(set_id(2), LOCATOR) == 7


def test_an_older_redis_does_not_give_a_set_a_second_number(collection: Collection, client: redis.Redis) -> None:
    """It has another index for the set, which keeps its own."""
    ledger = Ledger(collection, client)
    for number in (1, 2, 3):
        ledger.claim(set_id(number), LOCATOR)
    snapshot = client.dump(ledger._key)
    ledger.release(set_id(1))
    ledger.release(set_id(2))
    ledger.claim(set_id(2), LOCATOR)  # 6 now, where the snapshot has 7
    client.restore(ledger._key, 0, snapshot, replace=True)

    assert ledger.claim(set_id(2), LOCATOR) == 6
    assert claimed(collection) == {6: set_id(2), 8: set_id(3)}
    assert claims.take(collection, 7, set_id(2), LOCATOR) == claims.held(collection, set_id(2))
    assert claimed(collection) == {6: set_id(2), 8: set_id(3)}


def test_an_index_that_only_redis_knows_is_free_again_after_two_audits(
    collection: Collection, client: redis.Redis
) -> None:
    """A worker was killed between its claim's two steps, and its set never returned."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    ledger._ask(set_id(2))

    assert [ledger.audit().withdrawn for _ in range(3)] == [False, True, False]
    assert ledger.claim(set_id(3), LOCATOR) == 7


def test_a_foreign_folder_is_noticed_by_claim_and_audit(collection: Collection, client: redis.Redis) -> None:
    """A person made it; its number is taken."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    (collection.root / "ANON_007").mkdir()

    assert ledger.claim(set_id(2), LOCATOR) == 8
    (collection.root / "ANON_009").mkdir()
    assert ledger.audit().withdrawn
    assert ledger.claim(set_id(3), LOCATOR) == 10


def test_an_index_given_back_is_the_next_to_be_given(collection: Collection, client: redis.Redis) -> None:
    """A failed set leaves no gap."""
    ledger = Ledger(collection, client)
    for number in (1, 2, 3):
        ledger.claim(set_id(number), LOCATOR)

    assert ledger.release(set_id(2))
    assert ledger.claim(set_id(4), LOCATOR) == 7
    assert ledger.claim(set_id(2), LOCATOR) == 9
    assert durable_files.names(collection.staging) == []


def test_giving_back_takes_the_attempt_from_under_its_worker(collection: Collection, client: redis.Redis) -> None:
    """A worker frozen meanwhile can neither write nor start again under the old index."""
    ledger = Ledger(collection, client)
    attempt = Attempt.begin(collection, set_id(1), ledger.claim(set_id(1), LOCATOR))
    ledger.release(set_id(1))

    with pytest.raises(FileNotFoundError):
        (attempt.folder / "CT.1.dcm").write_bytes(b"late")
    with pytest.raises(claims.ClaimLost):
        Attempt.begin(collection, set_id(1), 6)
    assert durable_files.names(collection.staging) == []


def test_a_published_set_never_gives_its_index_back(collection: Collection, client: redis.Redis) -> None:
    """Not even while its record is still in the attempt."""
    ledger = Ledger(collection, client)
    attempt = Attempt.begin(collection, set_id(1), ledger.claim(set_id(1), LOCATOR))
    (attempt.folder / "RP.1.dcm").write_bytes(b"plan")
    (attempt.path / "record.json").write_bytes(Record(6, set_id(1), "RP.1.dcm", "", {}).encoded())
    (attempt.path / "line.json").write_bytes(durable_files.encode({"index": 6, "day": "20261122", "line": "x"}))
    attempt.folder.rename(collection.root / "ANON_006")

    assert not ledger.release(set_id(1))
    assert not ledger.release(set_id(1))
    record = publish.find(collection, set_id(1))
    assert record is not None
    assert record.index == 6
    assert ledger.claim(set_id(2), LOCATOR) == 7


def test_who_was_killed_while_giving_back_a_set_that_is_published_by_now(
    collection: Collection, client: redis.Redis
) -> None:
    """The record decides: the claim is restored, and its number stays taken."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    claim = claims.held(collection, set_id(1))
    assert claim is not None
    note_as_published(collection, 6, set_id(1))
    claims.end(collection, claim)

    ledger.audit()
    assert claims.held(collection, set_id(1)) == claim
    assert ledger.claim(set_id(2), LOCATOR) == 7


def test_a_claim_ends_before_its_attempts_are_taken(collection: Collection, client: redis.Redis, monkeypatch) -> None:
    """Else a worker could begin another attempt behind the back of whoever gives back."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    give_way = publish.give_way

    def given(*arguments: str) -> bool:
        with pytest.raises(claims.ClaimLost):
            Attempt.begin(collection, set_id(1), 6)
        return give_way(*arguments)

    monkeypatch.setattr(publish, "give_way", given)
    assert ledger.release(set_id(1))
    assert claims.held(collection, set_id(1)) is None


def test_an_unreadable_claim_takes_its_index_and_is_reported(collection: Collection, client: redis.Redis) -> None:
    """On file systems without hard links, a crash may leave one."""
    (collection.claims / "000006.json").write_bytes(b"")
    ledger = Ledger(collection, client)

    assert ledger.claim(set_id(1), LOCATOR) == 7
    assert ledger.audit().unreadable == (6,)


def test_a_changed_initial_index_applies_to_new_claims_only(collection: Collection, client: redis.Redis) -> None:
    """A released index below it is not reused."""
    before, after = ledger_of(collection, client), ledger_of(collection, client, initial_index=100)
    before.claim(set_id(1), LOCATOR)
    before.claim(set_id(2), LOCATOR)

    assert after.claim(set_id(1), LOCATOR) == 6
    assert after.claim(set_id(3), LOCATOR) == 100
    after.release(set_id(2))
    assert after.claim(set_id(4), LOCATOR) == 101


@pytest.mark.parametrize("step", ["a claim", "a release"])
def test_changes_during_an_audit_are_no_inconsistency(
    collection: Collection, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Reading ten thousand records takes a while, during which workers continue."""
    ledger, taken = Ledger(collection, client), claims.taken
    ledger.claim(set_id(1), LOCATOR)
    steps = [lambda: ledger.claim(set_id(2), LOCATOR) if step == "a claim" else ledger.release(set_id(1))]

    def interrupted(of: Collection) -> set[int]:
        if steps and step == "a claim":
            steps.pop()()
        found = taken(of)
        if steps:
            steps.pop()()
        return found

    monkeypatch.setattr(claims, "taken", interrupted)
    assert [ledger.audit().withdrawn for _ in range(3)] == [False, False, False]


def test_running_out_of_numbers_is_reported(collection: Collection, client: redis.Redis) -> None:
    """With a sentence, before an identity would be too long."""
    ledger = ledger_of(collection, client, initial_index=999_999)
    ledger.claim(set_id(1), LOCATOR)

    with pytest.raises(SettingsWrong, match="lower initial_index"):
        ledger.claim(set_id(2), LOCATOR)


def test_a_claim_survives_a_lost_redis(collection: Collection, client: redis.Redis) -> None:
    """A set with an index no longer needs Redis; a new one waits."""
    Ledger(collection, client).claim(set_id(1), LOCATOR)
    nowhere = Ledger(collection, redis.Redis(unix_socket_path=os.devnull, retry=Retry(NoBackoff(), 0)))

    assert nowhere.claim(set_id(1), LOCATOR) == 6
    with pytest.raises(redis.ConnectionError):
        nowhere.claim(set_id(2), LOCATOR)


def test_ten_thousand_published_sets_do_not_slow_a_claim(collection: Collection, client: redis.Redis) -> None:
    """After the first one, which copies the share into Redis, a claim reads no published set."""
    for index in range(6, 10_006):
        (collection.claims / f"{index:06d}.json").touch()
        (collection.records / f"ANON_{index:03d}.json").touch()
    ledger = Ledger(collection, client)
    assert ledger.claim(set_id(1), LOCATOR) == 10_006
    client.config_resetstat()

    assert [ledger.claim(set_id(n), LOCATOR) for n in range(2, 12)] == list(range(10_007, 10_017))
    looked = client.info("commandstats")
    assert looked["cmdstat_hexists"]["calls"] == 10
    assert "cmdstat_hgetall" not in looked


def test_an_abandoned_claim_is_released(collection: Collection, client: redis.Redis) -> None:
    """A crash left half a claim, and Redis, ahead of the share, gave the set another index."""
    ledger = Ledger(collection, client)
    ledger.claim(set_id(1), LOCATOR)
    (collection.sets / f"{set_id(1)}.json").unlink()
    key = f"anonymizer:ledger:{collection.id}"
    client.hdel(key, f"s:{set_id(1)}")
    client.hset(key, mapping={"i:6": set_id(8), "i:7": set_id(9), "free": 8})

    assert ledger.claim(set_id(1), LOCATOR) == 8
    assert claimed(collection) == {6: set_id(1), 8: set_id(1)}
    assert ledger.audit().finished == 1
    assert claimed(collection) == {8: set_id(1)}
    ledger.audit()
    assert [ledger.claim(set_id(number), LOCATOR) for number in (2, 3, 4)] == [6, 7, 9]
