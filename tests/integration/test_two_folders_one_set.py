"""One set in two folders, and two sets in one folder: their messages and numbers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pydicom
import pytest

from services.maintenance import withdraw
from services.pipeline import folder_run, known_sets
from services.publication import claims, publish
from services.publication.index_ledger import Ledger
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import plans, registry
from services.store.plans import PlanInWork
from services.store.set_state import SetState
from tests.sets import contours_without_images, make_set, without, without_image_list
from watcher.reconcile import SCANS, Reconciler
from watcher.set_states import SetStatuses
from worker.app import app
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from services.store.collection import Collection
    from services.store.registry import Outcome
    from tests.sets import MadeSet


class Desk:
    """Acts as watcher and workers in one process."""

    def __init__(self, collection: Collection, client: redis.Redis) -> None:
        self.collection = collection
        self.ledger = Ledger(collection, client)
        self._redis = client
        self._reconciler = Reconciler(collection, self.ledger, Queue(client, app))

    def locator(self, folder: str) -> str:
        """Register a folder."""
        return registry.register(self.collection, folder)

    def do(self, folder: str) -> Outcome:
        """Process the set in a folder."""
        progress = Progress(self._redis, self.collection.id, self.locator(folder))
        done = folder_run.process(
            self.collection, self.locator(folder), self.ledger, progress, Settings(), patience_over=True
        )
        assert done is not None
        return done

    def reconcile(self) -> None:
        """Check and reconcile until a missing folder counts as gone."""
        for _ in range(SCANS + 1):
            seen = SetStatuses(self.collection).take()
            self._reconciler.reconcile(
                {one.folder: one.outcome.state if one.outcome else SetState.SETTLING for one in seen}
            )

    def held(self) -> list[int]:
        """Return the numbers of unpublished sets."""
        return [claim.index for claim in claims.unpublished(self.collection)]

    def note(self, folder: str) -> str:
        """Read the note beside a folder."""
        path = self.collection.root / f"{folder}_NOTE.txt"
        return path.read_text("utf-8-sig") if path.exists() else ""


def nothing_on_the_last_slice(made: MadeSet) -> None:
    """Remove image references from contours and lists, and contours from the last slice."""
    contours_without_images(made)
    without_image_list(made)
    last = made.ct[-1].ImagePositionPatient[2]
    for roi in made.structure_set.ROIContourSequence:
        roi.ContourSequence = [one for one in roi.get("ContourSequence", ()) if one.ContourData[2] != last]


@pytest.fixture
def desk(collection: Collection, client: redis.Redis) -> Desk:
    """Start with an empty collection whose first index is 6."""
    return Desk(collection, client)


@pytest.mark.parametrize("then", ["another set", "nothing", "half a set"])
def test_a_number_comes_back_when_its_folder_holds_something_else(desk: Desk, then: str) -> None:
    """Its worker was killed, and a person emptied the folder or put the next patient there."""
    root = desk.collection.root
    desk.ledger.claim("f" * 32, desk.locator("folder"))
    (root / "folder").mkdir()
    if then != "nothing":
        made = make_set(root, name="folder")
        if then == "half a set":
            made.path(made.dose).unlink()
    desk.do("folder")
    desk.reconcile()

    assert desk.held() == []
    assert desk.ledger.claim("e" * 32, desk.locator("next")) == 6


def test_a_number_stays_with_a_set_in_work_whatever_was_in_its_folder_before(desk: Desk) -> None:
    """The folder's entry applied to its earlier contents."""
    make_set(desk.collection.root, name="folder")
    desk.do("folder")
    shutil.rmtree(desk.collection.root / "folder")
    make_set(desk.collection.root, name="folder", seed="the next patient")
    desk.ledger.claim("f" * 32, desk.locator("folder"))
    desk.reconcile()

    assert desk.held() == [7]


def test_a_set_that_is_dropped_twice_at_once_is_published_once_and_both_are_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers find it unpublished and continue simultaneously."""
    outcomes = both_at_once(desk, monkeypatch, lambda: None)

    assert [(one.state, one.index) for one in outcomes] == [("published", 6), ("same-set", 6)]
    assert "published as ANON_006" in desk.note("folder")
    assert not desk.note("copy")


def test_of_two_that_share_their_uids_and_are_dropped_at_once_one_is_reported_as_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not count as published: its bytes differ."""

    def relabelled() -> None:
        path = next((desk.collection.root / "copy").glob("RP*"))
        plan = pydicom.dcmread(path)
        plan.RTPlanLabel = "Boost"
        plan.save_as(path)

    outcomes = both_at_once(desk, monkeypatch, relabelled)

    assert [(one.state, one.index) for one in outcomes] == [("published", 6), ("changed", 6)]
    assert "--as-new" in desk.note("folder")
    assert not desk.note("copy")
    assert [desk.do(name).state for name in ("copy", "folder")] == ["published", "changed"]


def both_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> tuple[Outcome, Outcome]:
    """Let one worker process a copy of a set while another is about to publish the set."""
    root, really = desk.collection.root, publish.publish
    make_set(root, name="folder")
    shutil.copytree(root / "folder", root / "copy")
    change()
    first: list[Outcome] = []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        if not first:
            first.append(registry.Outcome(SetState.WAITING, "", ""))
            first[0] = desk.do("copy")
        return really(*arguments, **named)

    monkeypatch.setattr(publish, "publish", interrupted)
    second = desk.do("folder")
    return first[0], second


def test_a_folder_that_now_holds_a_copy_of_another_set_is_reported(desk: Desk) -> None:
    """That another set was published from it does not mean that this one was."""
    root = desk.collection.root
    for name in ("x", "y"):
        make_set(root, name=name, seed=name)
        assert desk.do(name).state == "published"
    shutil.rmtree(root / "x")
    shutil.copytree(root / "y", root / "x")

    outcome = desk.do("x")
    assert (outcome.state, outcome.index) == ("same-set", 7)
    assert "published as ANON_007" in desk.note("x")


def test_a_slice_that_comes_after_publication_does_not_publish_the_plan_again(desk: Desk) -> None:
    """Without a list of images to show that one is missing, the set counted as complete; a person decides."""
    root = desk.collection.root
    made = make_set(root, nothing_on_the_last_slice, name="folder", ct=5)
    late = made.path(made.ct[4])
    data = late.read_bytes()
    late.unlink()
    assert desk.do("folder").state == "published"

    late.write_bytes(data)
    outcome = desk.do("folder")
    assert (outcome.state, outcome.index) == ("changed", 6)
    assert "plan was published as ANON_006, with other objects" in desk.note("folder")

    shutil.copytree(root / "folder", root / "copy")
    assert desk.do("copy").state == "changed"
    late.unlink()
    assert desk.do("folder").state == "published"
    assert not desk.note("folder")
    assert desk.held() == []


def one_plan_in_two_folders(desk: Desk) -> str:
    """Make a set, and a copy without a slice, which is another set; return the id of the former."""
    root = desk.collection.root
    made = make_set(root, nothing_on_the_last_slice, name="folder", ct=5)
    shutil.copytree(root / "folder", root / "copy")
    (root / "copy" / made.path(made.ct[4]).name).unlink()
    uids = (
        str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for path in made.folder.iterdir()
    )
    return desk.collection.set_id(uids)


def about_to_publish(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Do something once when the next set is about to be published."""
    really, left = publish.publish, [then]

    def interrupted(*arguments: Any, **named: Any) -> Any:
        if left:
            left.pop()()
        return really(*arguments, **named)

    monkeypatch.setattr(publish, "publish", interrupted)


def published(desk: Desk) -> list[str]:
    """Return the folders of published sets."""
    return sorted(path.name for path in desk.collection.root.glob("ANON_*"))


def test_a_plan_in_work_is_not_published_with_other_objects(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other set waits without a number, and is then reported."""
    one_plan_in_two_folders(desk)

    def begin_the_other() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Ledger, "claim", lambda *_: pytest.fail("it needs no number yet"))
            with pytest.raises(PlanInWork):
                desk.do("copy")
        assert desk.held() == [6]

    about_to_publish(monkeypatch, begin_the_other)
    assert desk.do("folder").state == "published"

    outcome = desk.do("copy")
    assert (outcome.state, outcome.index) == ("changed", 6)
    assert "plan was published as ANON_006, with other objects" in desk.note("copy")
    assert published(desk) == ["ANON_006"]
    assert desk.held() == []


def test_of_two_sets_with_one_plan_and_a_number_each_the_lower_number_is_published(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were begun at once, and the one with the higher number took the plan first."""
    assert desk.ledger.claim(one_plan_in_two_folders(desk), desk.locator("folder")) == 6
    monkeypatch.setattr(known_sets, "with_the_same_plan", lambda *_: None)

    def go_on_with_the_first() -> None:
        assert desk.held() == [6, 7]
        assert desk.do("folder").state == "published"
        monkeypatch.undo()

    about_to_publish(monkeypatch, go_on_with_the_first)
    with pytest.raises(FileNotFoundError):  # its attempt was taken away; its task is retried
        desk.do("copy")
    assert desk.do("copy").state == "changed"

    assert published(desk) == ["ANON_006"]
    assert desk.held() == []


@pytest.mark.parametrize("left", ["released", "never had a number"])
def test_a_plan_of_a_set_that_is_not_published_is_free(desk: Desk, left: str) -> None:
    """Its set was refused later, or its worker was killed."""
    other = one_plan_in_two_folders(desk)
    plan = pydicom.dcmread(next((desk.collection.root / "copy").glob("RP*")))
    if left == "released":
        desk.ledger.claim(other, desk.locator("folder"))
    plans.note(desk.collection, str(plan.SOPInstanceUID), other)
    if left == "released":
        desk.ledger.release(other)

    assert desk.do("copy").state == "published"
    assert desk.do("folder").state == "changed"
    assert published(desk) == ["ANON_006"]


@pytest.mark.parametrize("way", ["as new", "withdrawn"])
def test_a_plan_with_other_objects_is_published_when_a_person_says_so(desk: Desk, way: str) -> None:
    """As a separate set beside the first, or after its withdrawal."""
    root = desk.collection.root
    made = make_set(root, nothing_on_the_last_slice, name="folder", ct=5)
    late = made.path(made.ct[4])
    data = late.read_bytes()
    late.unlink()
    desk.do("folder")
    late.write_bytes(data)
    seen = desk.do("folder")
    if way == "as new":
        registry.count_as_new(desk.collection, desk.locator("folder"), seen.fingerprint)
    else:
        withdraw.withdraw_set(desk.collection, 6)

    outcome = desk.do("folder")
    assert (outcome.state, outcome.index) == ("published", 7)
    assert desk.do("folder").state == "published"


@pytest.mark.parametrize("was", ["refused", "published"])
def test_what_was_said_of_a_folder_goes_with_it_unless_it_was_published(desk: Desk, was: str) -> None:
    """After a new export under another name, the bad folder is deleted."""
    root = desk.collection.root
    make_set(root, *([without("RTDOSE")] if was == "refused" else []), name="folder")
    assert desk.do("folder").state == was
    desk.reconcile()
    assert (root / "folder_REFUSED.txt").exists() == (was == "refused")
    shutil.rmtree(root / "folder")
    desk.reconcile()

    assert not (root / "folder_REFUSED.txt").exists()
    kept = registry.folder_of(desk.collection, desk.collection.locator("folder")) is not None
    assert kept == (was == "published")
