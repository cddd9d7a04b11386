"""After restoring a backup of the share, no delivered number is given to another patient."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from services.publication import high_water
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import Ledger
from services.store.collection import Collection
from services.store.records import Record, path_of
from tests import in_process
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from tests.published import Published


def anonymizer(*arguments: object, redis_server: str) -> subprocess.CompletedProcess[str]:
    """Run a command against the service's Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{redis_server}")
        return in_process.anonymizer(*arguments)


def anon_of(said: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the published sets of a run, by folder."""
    return {row["folder"]: row["anon"] for row in json.loads(said.stdout)["sets"]}


def test_the_collection_pauses_until_a_person_says_above_which_number(
    tmp_path: Path, client: redis.Redis, redis_server: str
) -> None:
    """Run, status and doctor report it; the next set gets an unused number."""
    del client  # its server is empty
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="first", seed=1)
    assert anon_of(anonymizer("run", root, "--json", redis_server=redis_server)) == {"first": "ANON_006"}
    shutil.copytree(root, tmp_path / "backup")
    make_set(root, name="second", seed=2)
    assert anon_of(anonymizer("run", root, "--json", redis_server=redis_server)) == {"second": "ANON_007"}
    shutil.rmtree(root)
    (tmp_path / "backup").rename(root)
    make_set(root, name="third", seed=3)

    run, status, doctor = (
        anonymizer(name, root, "--json", redis_server=redis_server) for name in ("run", "status", "doctor")
    )
    assert (run.returncode, "--continue --above 7" in " ".join(run.stderr.split())) == (2, True)
    assert (status.returncode, "--above 7" in json.loads(status.stdout)[0]["paused"]) == (1, True)
    lost = [one["remedy"] for one in json.loads(doctor.stdout)["findings"] if one["code"] == "numbers-lost"]
    assert (doctor.returncode, lost) == (1, ["anonymizer new ROOT --continue --above 7"])
    assert sorted(path.name for path in root.glob("ANON_*")) == ["ANON_006"]

    new = anonymizer("new", root, "--continue", "--above", 7, redis_server=redis_server)
    assert (new.returncode, "The next set will be" in new.stdout, "in ANON_008." in new.stdout) == (0, True, True)
    assert "collection.toml written" not in new.stdout  # a person's form is left alone
    assert anon_of(anonymizer("run", root, "--json", redis_server=redis_server)) == {"third": "ANON_008"}
    status = anonymizer("status", root, "--json", redis_server=redis_server)
    assert (status.returncode, json.loads(status.stdout)[0]["paused"]) == (0, "")


def test_a_number_that_was_lost_between_others_is_not_given(collection: Collection, client: redis.Redis) -> None:
    """The highest is known; a lower one was published and lost without a trace."""
    high_water.remember(client, collection.id, 6, 7)
    path_of(collection, 7).write_bytes(Record(7, "d" * 32, "RP.1.dcm", "", {}).encoded())

    with pytest.raises(NumbersLost):
        Ledger(collection, client).claim("a" * 32, "c" * 32)


def test_no_worker_gives_a_number_before_the_watcher_has_seen_it(
    collection: Collection, client: redis.Redis, published: Callable[..., Published]
) -> None:
    """Neither the freed number nor a later one."""
    published()
    high_water.check(client, collection)
    (collection.records / "ANON_006.json").unlink()
    shutil.rmtree(collection.root / "ANON_006")
    for path in (*collection.claims.iterdir(), *collection.sets.iterdir(), *collection.tracking.iterdir()):
        path.unlink()
    ledger = Ledger(collection, client)
    ledger.rebuild()
    for set_id in ("a" * 32, "b" * 32):
        with pytest.raises(NumbersLost):
            ledger.claim(set_id, "c" * 32)
    (collection.records / "ANON_006.json.orig").write_text("a person's copy, which is no record")
    Collection.go_on_above(collection.root, 6)
    assert ledger.claim("a" * 32, "c" * 32) == 7


def test_the_services_own_folder_remembers_what_an_empty_redis_does_not(
    tmp_path: Path, collection: Collection, client: redis.Redis, published: Callable[..., Published]
) -> None:
    """After both were restored, or Redis was emptied."""
    own = tmp_path / "own"
    own.mkdir()
    published()
    high_water.check(client, collection, own)
    client.flushall()
    high_water.check(client, collection, own)
    (collection.records / "ANON_006.json").unlink()
    for path in collection.claims.iterdir():
        path.unlink()
    client.flushall()
    high_water.check(client, collection)
    with pytest.raises(NumbersLost):
        high_water.check(client, collection, own)
