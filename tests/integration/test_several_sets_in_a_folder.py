"""A folder with several sets through the whole pipeline: each separately, none delayed by another."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from structlog.testing import capture_logs

from anonymizer.commands.sets.retry import retry
from services.dicom.elements import Malformed
from services.errors import NotClean, SetsFailed, SettingsWrong
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.maintenance import doctor, plan_choice, withdraw
from services.maintenance.verify_again import verify_published
from services.pipeline import anonymized_set, folder_run, proven_set
from services.pipeline.parking import count_failure
from services.publication import attempts, claims, republish, unread_words
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import again, failures, plans, records, registry
from services.store.collection import Collection
from services.store.share import Share
from sheets.examination.examine import examine
from sheets.set_page import lay_out
from tests.exports import first, generate
from tests.integration.conftest import killed_before  # noqa: F401 - a fixture
from tests.sets import make_set, other_object
from watcher.identities import stated_patient
from worker.queues.set_key import SetKey
from worker.tasks.attempt import attempt
from worker.tasks.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from services.store.registry import Outcome
    from tests.exports import Export

NAME = "Mustermann Erika 4711"


class Desk:
    """A collection and its Redis, in one process."""

    def __init__(self, root: Path, client: redis.Redis, plans: str) -> None:
        root.mkdir(exist_ok=True)
        identity = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
        self.collection = Collection.create(root, identity, Options(machine=(), plans=plans))
        self.redis = client

    def do(self, *, patience_over: bool = True) -> Outcome:
        """Process the folder completely."""
        collection, locator = self.collection, self.locator
        progress = Progress(self.redis, collection.id, locator)
        ledger = Ledger(collection, self.redis)
        done = folder_run.process(collection, locator, ledger, progress, Settings(), patience_over=patience_over)
        assert done is not None
        assert registry.read_outcome(collection, locator) == done
        return done

    @property
    def locator(self) -> str:
        """Return the folder's locator."""
        return registry.register(self.collection, NAME)

    def beside(self, ending: str) -> str:
        """Read the text beside the folder."""
        path = self.collection.root / f"{NAME}_{ending}.txt"
        return path.read_text("utf-8-sig") if path.exists() else ""

    def plans(self) -> dict[str, str]:
        """Return the labels of the published plans, by their folders."""
        return {
            path.parent.name: pydicom.dcmread(path).RTPlanLabel
            for path in sorted(self.collection.root.glob("ANON_*/RP.*.dcm"))
        }


@pytest.fixture
def desk(tmp_path: Path, client: redis.Redis) -> Callable[..., Desk]:
    """Make a collection with a `plans` option."""
    return lambda plans="each": Desk(tmp_path / "BATCH", client, plans)


def several(desk: Desk, least: int = 2) -> Export:
    """Make an export with at least this many sets, one for each of its plans."""
    return first(
        desk.collection.root,
        lambda export: not export.two_patients and len(export.sets) == len(export.plans) >= least,
        NAME,
    )


@pytest.mark.parametrize("number", range(0, 60, 5))
def test_each_set_gets_a_number_of_its_own_in_the_order_of_plans(desk, number: int) -> None:
    """Each complete; the originals stay, and an incomplete set is reported."""
    here = desk()
    export = generate(here.collection.root, number, NAME)
    before = {path: path.read_bytes() for path in export.folder.iterdir()}
    outcome = here.do()
    sets = [] if export.two_patients else export.sets
    names = [f"ANON_{index:03d}" for index in range(6, 6 + len(sets))]
    assert sorted(here.plans()) == names
    for name, one in zip(names, sets, strict=True):
        folder = here.collection.root / name
        kinds = [path.name[:2] for path in folder.iterdir()]
        assert (kinds.count("CT"), kinds.count("RS"), kinds.count("RP"), kinds.count("RD")) == (
            len(one.slices),
            1,
            1,
            1,
        )
        verify_published(export.folder, folder, here.collection, [])
    if outcome.sets:
        assert [one.index for one in outcome.published] == [6 + number for number in range(len(sets))]
        assert len(outcome.sets) == len(export.plans)
    assert before == {path: path.read_bytes() for path in export.folder.iterdir()}
    assert here.do().indices == outcome.indices
    assert [claim.index for claim in claims.unpublished(here.collection)] == []
    stored = json.loads((here.collection.outcomes / f"{here.locator}.json").read_text())
    assert (stored["schema"], len(stored["sets"])) == (2, len(outcome.entries))


def test_the_folder_has_one_text_with_a_section_for_each_set(desk) -> None:
    """Named by ANON folder or ordinal; a refused set makes it a REFUSED file, and the others stay."""
    here = desk()
    export = several(here, 3)
    for dose in export.made.of("RTDOSE"):
        if dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == export.sets[1].plan:
            export.made.path(dose).unlink()
    outcome = here.do(patience_over=False)
    assert [one.state for one in outcome.sets[:3]] == ["published", "waiting", "published"]
    assert (outcome.state, outcome.set_id, outcome.index) == ("waiting", None, None)
    note = here.beside("NOTE")
    assert [line for line in note.splitlines() if line.startswith(("ANON", "set"))][:3] == [
        "ANON_006: published",
        "set 2: waiting",
        "ANON_007: published",
    ]
    assert "There is no RT Dose here." in note
    outcome = here.do()
    assert (outcome.state, outcome.sets[1].codes) == ("refused", ("no-rt-dose",))
    assert (here.beside("NOTE"), "set 2: refused (no-rt-dose)" in here.beside("REFUSED")) == ("", True)
    export.made.write()
    outcome = here.do()
    assert (outcome.state, here.beside("REFUSED")) == ("published", "")
    assert sorted(one.index for one in outcome.sets) == list(range(6, 6 + len(export.sets)))
    assert [one.index for one in outcome.sets[:3]][0::2] == [6, 7]


def test_a_plan_that_comes_later_is_a_new_set(desk) -> None:
    """The published one is unaffected."""
    here = desk()
    export = several(here)
    late = [one for one in export.made.objects if one.SOPInstanceUID in {export.sets[-1].plan, export.sets[-1].dose}]
    for data in late:
        export.made.path(data).unlink()
    first = here.do()
    assert {one.state for one in first.entries} == {"published"}
    export.made.write()
    then = here.do()
    assert {one.state for one in then.entries} == {"published"}
    assert len(then.indices) == len(first.indices) + 1
    assert max(then.indices) == max(first.indices) + 1
    assert {one.code for one in doctor.examine(here.collection)} <= {"not-rendered"}


def test_a_crash_between_two_sets_continues(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets published before it are published once."""
    here = desk()
    export = several(here)
    real, calls = proven_set.prove.prove, []

    def die(*args: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(proven_set.prove, "prove", die)
        with pytest.raises(KeyboardInterrupt):
            here.do()
    assert sorted(here.plans()) == ["ANON_006"]
    assert failures.begun(here.collection, here.locator)
    outcome = here.do()
    assert outcome.indices == tuple(range(6, 6 + len(export.sets)))
    assert failures.begun(here.collection, here.locator) == ""
    assert failures.all_of(here.collection) == []


@pytest.mark.parametrize("stop", [OSError, KeyboardInterrupt])
def test_no_later_death_counts_for_a_set_of_an_earlier_attempt(
    desk, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    """The folder has one set by then, which would be repeated forever if its failures counted for another one."""
    here = desk()
    export = several(here)

    def die(*_: object) -> object:
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr(proven_set.prove, "prove", die)
        with pytest.raises(stop):
            here.do()
    mark = failures.begun(here.collection, here.locator)
    assert bool(mark) == (stop is KeyboardInterrupt)  # a killed process; any other one ends its attempt
    for one in export.sets[1:]:
        for path in export.folder.rglob(f"*{one.plan}*"):
            path.unlink()
    seen: list[str] = []

    def judge(*_: object, **__: object) -> object:
        seen.append(failures.begun(here.collection, here.locator))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("services.pipeline.folder_check.judge", judge)
        with pytest.raises(KeyboardInterrupt):
            here.do()
    assert seen == [""]


@pytest.mark.parametrize("number", range(4))
def test_a_folder_that_is_killed_before_any_change_on_disk_continues(
    desk,
    killed_before: Callable[[int, Callable[[], object]], bool],  # noqa: F811 - the fixture
    number: int,
) -> None:
    """Repeatedly, wherever it happens: each set is published once, under the next numbers."""
    here, chance = desk(), random.Random(number)
    export = several(here)
    killed = [killed_before(chance.randrange(60 * len(export.sets)), here.do) for _ in range(5)]
    assert any(killed)
    outcome = here.do()
    assert outcome.indices == tuple(range(6, 6 + len(export.sets)))
    assert sorted(here.plans()) == [f"ANON_{index:03d}" for index in outcome.indices]
    for index in outcome.indices:
        verify_published(export.folder, here.collection.root / f"ANON_{index:03d}", here.collection, [])
    assert sorted(records.indices(here.collection)) == list(outcome.indices)
    assert list(claims.unpublished(here.collection)) == []
    attempts.AbandonedWork(here.collection).clear(lambda _: False)
    assert durable_files.names(here.collection.staging) == []


def test_deaths_count_for_the_set_that_was_begun(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three it is parked, and the others are published; a retry brings it back."""
    here = desk()
    export = several(here)
    real = proven_set.prove.prove
    poisoned = export.sets[0].plan

    def fail(source: list[tuple[str, Path]], *args: object) -> object:
        if any(poisoned in path.name for _, path in source):
            raise NotClean("poison")
        return real(source, *args)

    with monkeypatch.context() as patch:
        patch.setattr(proven_set.prove, "prove", fail)
        for _ in range(failures.MOST):
            with pytest.raises(SetsFailed) as failed:
                here.do()
            (mark,) = failed.value.errors
            count_failure(here.collection, here.locator, "NotClean", mark)
        outcome = here.do()
    assert [one.state for one in outcome.sets] == ["parked"] + ["published"] * (len(export.sets) - 1)
    assert (outcome.state, outcome.sets[0].codes) == ("parked", ("NotClean",) * 3)
    assert [claim.index for claim in claims.unpublished(here.collection)] == []
    again.reset_outcome(here.collection, NAME)
    assert {one.state for one in here.do().sets} == {"published"}
    assert here.do().indices == (6 + len(export.sets) - 1, *range(6, 6 + len(export.sets) - 1))


def test_a_set_whose_proof_fails_is_parked_at_once(desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the worker, without another attempt; the others are published, and its number is released."""
    here = desk()
    export = several(here)
    real, asked, where = proven_set.prove.prove, [], "elements: is lost at RTPLAN BeamSequence[0].BeamName"

    def fail(source: list[tuple[str, Path]], *args: object) -> object:
        if any(export.sets[0].plan in path.name for _, path in source):
            asked.append(1)
            raise NotClean(where)
        return real(source, *args)

    monkeypatch.setattr(proven_set.prove, "prove", fail)
    station = Station(Settings(), here.redis, Share(tmp_path))
    key = SetKey(here.collection.id, here.locator)
    with capture_logs() as logged:
        ended = [attempt(station, key, 1, patience_over=True) for _ in range(2)]

    assert [(one["codes"], one["reasons"]) for one in logged if one["event"] == "set.parked" and "reasons" in one] == [
        (("NotClean",), (where,))
    ]
    outcome = registry.read_outcome(here.collection, here.locator)
    assert (ended, asked, outcome.state) == (["failed", "parked"], [1], "parked")
    assert (outcome.sets[0].codes, outcome.sets[0].proof) == (("NotClean",), (where,))
    assert where in here.beside("NOTE")
    assert len(here.plans()) == len(export.sets) - 1
    assert [one.found for one in doctor.examine(here.collection) if one.code == "proof-failed"] == [where]
    assert [claim.index for claim in claims.unpublished(here.collection)] == []


def test_what_only_the_writing_finds_unreadable_is_refused(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invalid data stay invalid."""
    here = desk("refuse")
    make_set(here.collection.root, name=NAME)

    def fail(*_: object) -> None:
        raise Malformed("no fragment where encapsulated pixel data should have one, at byte 812")

    monkeypatch.setattr(anonymized_set.writer, "write", fail)
    outcome = here.do()
    assert (outcome.state, outcome.codes) == ("refused", ("file-unreadable",))
    assert "at byte 812" in here.beside("REFUSED")
    assert [claim.index for claim in claims.unpublished(here.collection)] == []


@pytest.mark.parametrize("again", [False, True])
def test_each_set_has_a_sheet_of_its_own(desk, *, again: bool) -> None:
    """It reports no difference, from the proof and from a new comparison with its own objects."""
    here = desk()
    several(here, 3)
    for index in here.do().indices:
        found = examine(here.collection, index, against_source=again)
        assert (found.proven, found.comparison.equal) == (not again, True)
        text = str(lay_out(found))
        assert f"ANON_{index:03d}" in text
        assert "Do not use it" not in text


def test_one_set_is_withdrawn_and_one_done_again(desk) -> None:
    """By its number; the folder's other sets and their texts are unaffected."""
    here = desk()
    export = several(here)
    here.do()
    withdraw.withdraw_set(here.collection, 6)
    outcome = registry.read_outcome(here.collection, here.locator)
    assert outcome is not None
    assert [one.state for one in outcome.sets] == ["withdrawn"] + ["published"] * (len(export.sets) - 1)
    assert "ANON_007: published" in here.beside("NOTE")
    assert [one.state for one in here.do().sets] == ["withdrawn"] + ["published"] * (len(export.sets) - 1)
    before = records.read(here.collection, 7)
    republish.request(here.collection, 7)
    assert [one.state for one in here.do().sets] == ["withdrawn"] + ["published"] * (len(export.sets) - 1)
    after = records.read(here.collection, 7)
    assert before
    assert after
    assert (after.set_id, after.content["replaces"] != "") == (before.set_id, True)


def test_what_is_told_of_a_set_holds_for_each_of_a_folder(desk) -> None:
    """It has its original, is not told of as another set of its person, and doctor reports that it has changed."""
    here = desk()
    export, collection = several(here), here.collection
    indices = here.do().indices
    assert unread_words.to_withdraw(collection, indices) == []
    assert stated_patient.report(collection, NAME) == ""
    for dose in export.made.of("RTDOSE"):
        if dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == export.sets[0].plan:
            dose.DoseComment = "another one"
            dose.save_as(export.made.path(dose))
    assert [one.state for one in here.do().sets if one.index == 6] == ["changed"]
    told = [one.found for one in doctor.examine(collection) if one.is_wrong]
    assert told == ["It has changed since it was published as ANON_006."]


def test_a_published_choice_is_not_retried_by_mistake(desk) -> None:
    """Of a folder in which one of several plans was chosen, as of one that holds a single set."""
    here = desk("ask")
    several(here)
    here.do()
    plan_choice.choose(here.collection, here.collection.root / NAME, [1])
    assert here.do().state == "published"
    with pytest.raises(SettingsWrong, match="it is published as ANON_006"):
        retry(here.collection.root, Path(NAME))


def test_only_approved_plans_are_taken_where_the_form_says_so(desk) -> None:
    """The others are reported; without an approved plan, the folder is refused for that reason."""
    here = desk("approved")
    export = several(here)
    plans = {one.SOPInstanceUID: one for one in export.made.of("RTPLAN")}
    for uid in export.plans:
        plans[uid].ApprovalStatus = "UNAPPROVED"
    export.made.write()
    outcome = here.do()
    assert (outcome.state, outcome.codes) == ("refused", ("no-approved-plan",))
    plans[export.plans[1]].ApprovalStatus = "APPROVED"
    export.made.write()
    outcome = here.do()
    assert [(one.state, one.index, one.ordinal) for one in outcome.sets] == [("published", 6, 2)]
    assert f"RP.{export.plans[0]}.dcm, UNAPPROVED" in here.beside("NOTE")


def test_a_person_chooses(desk) -> None:
    """Until then the folder waits, however long; a later plan is asked about again."""
    here = desk("ask")
    export = several(here)
    outcome = here.do()
    assert (outcome.state, outcome.codes, outcome.waits_for_person) == ("waiting", ("choose-plans",), True)
    assert "anonymizer choose ROOT 'Mustermann Erika 4711' NUMBER" in here.beside("NOTE")
    assert claims.taken(here.collection) == set()
    marks = [plans.mark_of(here.collection, uid) for uid in export.plans]
    registry.choose(here.collection, here.locator, registry.Choice(frozenset(marks[1:2]), frozenset(marks[:1])))
    outcome = here.do()
    if len(marks) > 2:
        assert (outcome.state, outcome.sets[0].state) == ("waiting", "published")
        registry.choose(here.collection, here.locator, registry.Choice(frozenset(), frozenset(marks[2:])))
        outcome = here.do()
    assert [(one.state, one.index, one.ordinal) for one in outcome.sets] == [("published", 6, 2)]
    assert outcome.state == "published"


def test_a_folder_with_one_set_is_what_it_was(tmp_path: Path, client: redis.Redis) -> None:
    """Whatever the `plans` option: the same outcome, the same number, no text beside it."""
    told = []
    for mode in ("refuse", "each", "ask"):
        here = Desk(tmp_path / mode, client, mode)
        make_set(here.collection.root, other_object("REG"), name=NAME)
        outcome = here.do()
        told.append((outcome.state, outcome.index, outcome.sets, here.beside("NOTE"), here.beside("REFUSED")))
    assert told == [("published", 6, (), "", "")] * 3
