"""Power fails while a folder with several sets is processed: each is published once, completely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.maintenance.verify_again import verify_published
from services.pipeline import folder_run
from services.publication import claims, persons
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import records, registry
from services.store.collection import Collection
from tests.exports import first
from tests.faults.test_crash_model import Disk, crashed, every_crash, key_of, redis_then, taken_down
from tests.integration.test_killed_at_any_step import connect, tidy_up

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.exports import Export

NAME = "Mustermann Erika 4711"
pytestmark = pytest.mark.timeout(900)


def do(collection: Collection, socket: str) -> registry.Outcome:
    """Process the folder completely, like a new process without knowledge of earlier ones."""
    client = connect(socket)
    locator = registry.register(collection, NAME)
    ledger, progress = Ledger(collection, client), Progress(client, collection.id, locator)
    done = folder_run.process(collection, locator, ledger, progress, Settings(), patience_over=True)
    assert done is not None
    return done


def is_two_sets(export: Export) -> bool:
    """Return whether a folder holds two whole sets, and no plan beside them."""
    return not export.two_patients and len(export.sets) == len(export.plans) == 2


def persons_of(collection: Collection) -> list[tuple[str, int]]:
    """Return the known persons with their numbers."""
    return sorted((one.hash, one.index) for one in persons.all_of(collection))


def there(collection: Collection) -> dict[str, object]:
    """Return what must be the same after any crash: every published byte, and who has which number."""
    root, state = collection.root, collection.state
    published = {path: path.read_bytes() for folder in root.glob("ANON_*") for path in folder.iterdir()}
    noted = {path: path.read_bytes() for part in ("claims", "sets", "tracking") for path in (state / part).iterdir()}
    tokens = [path for path in noted if path.parent.name in {"claims", "sets"}]
    lines = [line for path in root.glob("VicRapidPlan*") for line in path.read_text("utf-8").splitlines()[1:]]
    return {
        "published": published,
        "noted": {path: None if path in tokens else data for path, data in noted.items()},
        "records": records.indices(collection),
        "whose": {
            index: claim.set_id for index in claims.indices(collection) if (claim := claims.at(collection, index))
        },
        "lines": lines,
        "attempts": sorted(durable_files.names(collection.attempts)),
        "staging": sorted(durable_files.names(collection.staging)),
        "persons": persons_of(collection),
        "told": sorted(path.name for path in root.glob("*_NOTE.txt")),
    }


@pytest.mark.parametrize("same_patient", ["tell", "link"])
def test_power_goes_while_several_sets_are_published(
    tmp_path: Path, redis_server: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, same_patient: str
) -> None:
    """Repeated, each is published once, in the order of plans, identical to a run without a crash."""
    root = tmp_path / "BATCH"
    root.mkdir()
    identity = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
    options = Options(machine=(), plans="each", same_patient=same_patient)  # type: ignore[arg-type]
    collection = Collection.create(root, identity, options)
    export = first(root, is_two_sets, NAME)
    registry.register(collection, NAME)
    before, history = taken_down(collection, monkeypatch, lambda: do(collection, redis_server))
    assert sorted(crashed(before, history, len(history), lambda *_: 0).names) == sorted(Disk.of(root).names)
    knew = client.dump(key_of(collection))
    tidy_up(collection, redis_server)
    expected = there(collection)
    assert expected["records"] == [6, 7]

    def recovers(disk: Disk, *, emptied: bool) -> None:
        disk.put(root, untouched=NAME)
        redis_then(client, None if emptied else knew, key_of(collection))
        after = Collection.open(root)
        outcome = do(after, redis_server)
        assert [one.state for one in outcome.sets] == ["published", "published"]
        tidy_up(after, redis_server)
        tidy_up(after, redis_server)
        found = there(after)
        assert found["staging"] == found["attempts"] == []
        if outcome.indices == (6, 7):
            assert found == expected
        else:  # the number that a person had half taken was let go, and is the next one's
            assert same_patient == "link"
            assert (outcome.indices, found["records"]) == ((7, 8), [7, 8])
            assert [index for _, index in persons_of(after)] == [7]
            for index in outcome.indices:
                verify_published(export.folder, root / f"ANON_{index:03d}", after, [])
            assert Ledger(after, connect(redis_server)).claim("4" * 32, "0" * 32) == 6

    every_crash(before, history, recovers, alternate=True)
