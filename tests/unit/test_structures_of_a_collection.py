"""Twenty sets in four naming styles: proposals, confirmed names, and republication."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from anonymizer.command_line import application
from services.deidentify.structure_renaming import Coverage
from services.errors import SettingsWrong
from services.forms import structure_list
from services.machines import descriptor as machines
from services.maintenance import word_decisions
from services.maintenance.structures.reading import Reader
from services.maintenance.structures.survey import survey, updated
from services.maintenance.verify_again import verify_published
from services.pipeline.folder_run import process
from services.publication import claims, publish, republish
from services.rtset import folder_listing
from services.runtime import durable_files
from services.runtime.settings import Settings
from services.store import records, registry
from services.store.collection import Collection
from services.store.tracking_lines import TrackingFiles
from tests.sets import make_collection, make_set

#: How four hospitals call the same; the fifth set of each has a patient's name in one of its names.
HABITS = {
    "English": ("PTV 70", "Parotid Lt", "Parotid Rt", "Spinal Cord", "Brain Stem", "Ring 5mm"),
    "German": ("PTV 70 Gy", "Parotis li", "Parotis re", "Myelon", "Hirnstamm", "Hilf 1"),
    "Italian": ("ptv_70", "Parotide sx", "Parotide dx", "Midollo spinale", "Tronco", "Anello"),
    "short": ("PTV70", "L Par", "R Par", "SC", "BS", "zPTV"),
}
FAMILY = "Quellenbrink"
TARGETS = ("PTV_7000", "Parotid_L", "Parotid_R", "SpinalCord", "Brainstem")


class Numbers:
    """A ledger for one process, based on the share alone."""

    def __init__(self, collection):
        self._collection = collection

    def claim(self, set_id, locator):
        """Return the index that a set holds, else the next."""
        index = self._collection.identity.initial_index
        while (taken := claims.take(self._collection, index, set_id, locator)) is None:
            index += 1
        return taken.index

    def release(self, set_id):
        """Do nothing."""
        return publish.find(self._collection, set_id) is None


class Unwatched:
    """Progress without reports."""

    size_bytes = 0

    def step(self, name, done, total):
        """Do nothing."""


@dataclass
class Batch:
    """A collection for tests."""

    root: object

    @property
    def collection(self):
        """Return the collection with its current list."""
        return Collection.open(self.root)

    def folders(self):
        """Return the sets, in the order of their names."""
        return sorted(path for path in self.root.iterdir() if path.is_dir() and path.name.startswith(tuple(HABITS)))

    def run(self, *names):
        """Process sets completely; return their indices."""
        settings, done = Settings(timezone=ZoneInfo("UTC")), {}
        for name in names:
            collection = self.collection
            locator = registry.register(collection, name)
            outcome = process(collection, locator, Numbers(collection), Unwatched(), settings, patience_over=True)
            done[name] = outcome.index
            assert outcome.state == "published", outcome
        TrackingFiles(self.collection).render()
        return done

    def survey(self):
        """Return the current survey."""
        sets = Reader().read(self.collection, self.folders())
        return survey(self.collection, structure_list.read(self.root), sets)

    def decide(self, **sources):
        """Confirm targets, or ignore names without one; write the list."""
        sheet = before = structure_list.read(self.root)
        for source, target in sources.items():
            sheet = sheet.decided(source.replace("__", " "), "confirmed" if target else "ignored", target)
        structure_list.write(self.root, sheet, instead_of=before)

    def confirm_all(self):
        """Confirm every proposal, like a person in a spreadsheet."""
        sheet = structure_list.read(self.root)
        sheet = updated(sheet, self.survey().names)
        text = sheet.encoded().decode("utf-8-sig")
        lines = [
            line if ";;proposed" in line else line.replace(";proposed;", ";confirmed;") for line in text.split("\r\n")
        ]
        (self.root / "structures.csv").write_text("\n".join(lines), encoding="cp1252")

    def published(self, index):
        """Return number → name, label, type and code of a published set."""
        (path,) = (self.root / records.folder_name(index)).glob("RS.*.dcm")
        data = dcmread(path)
        labels = {item.ReferencedROINumber: item for item in data.RTROIObservationsSequence}
        return {
            item.ROINumber: (
                item.ROIName,
                labels[item.ROINumber].ROIObservationLabel,
                labels[item.ROINumber].RTROIInterpretedType,
                "RTROIIdentificationCodeSequence" in labels[item.ROINumber],
            )
            for item in data.StructureSetROISequence
        }

    def names(self, index):
        """Return the names of a published set, by number."""
        return [name for name, *_ in self.published(index).values()]


def lines_of(batch):
    """Read the tracking lines."""
    paths = sorted(batch.root.glob("VicRapidPlan_trackingFile_*.txt"))  # two, if it became midnight
    return [line for path in paths for line in path.read_text().splitlines()[1:]]


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    """Make twenty sets to copy."""
    root = make_collection(tmp_path_factory.mktemp("twenty") / "BATCH")
    for habit, names in HABITS.items():
        for number in range(1, 6):
            rois = [*names[:-1], f"{names[-1]} {FAMILY}"] if number == 5 else names
            name, seed = f"{habit} {number}", f"{habit}/{number}"
            make_set(root, name=name, seed=seed, rois=rois, ct=2, size=16, points_per_contour=8, family_name=FAMILY)
    return root


@pytest.fixture
def batch(twenty, tmp_path):
    """Copy the twenty sets into a new collection."""
    shutil.copytree(twenty, tmp_path / "BATCH")
    return Batch(tmp_path / "BATCH")


def test_every_name_is_listed_with_its_sets_and_what_it_may_mean(batch):
    """Optimizer structures are undecided, and no patient's name is in the list."""
    told = batch.survey()
    organs = {name: (5, target) for names in HABITS.values() for name, target in zip(names, TARGETS, strict=False)}
    helpers = {"Ring 5mm": (5, ""), "Hilf 1": (5, ""), "Anello": (5, ""), "zPTV": (5, "")}
    assert {name.name: (name.sets, name.target) for name in told.names} == organs | helpers
    assert {name.name for name in told.names if name.how == "planning help"} == helpers.keys()
    assert {name.state for name in told.names} == {None}
    assert FAMILY not in repr(told)
    assert [one.coverage for one in told.sets] == [Coverage(6, 0, 0, 6)] * 20
    assert told.stand_ins == 0  # of a help with a name only the name is taken out


def test_nothing_is_applied_that_nobody_confirmed(batch):
    """A list of proposals changes no set."""
    sheet = updated(structure_list.read(batch.root), batch.survey().names)
    structure_list.write(batch.root, sheet, instead_of=structure_list.read(batch.root))
    index = batch.run("German 1")["German 1"]
    assert batch.names(index) == list(HABITS["German"])
    found = records.read(batch.collection, index).content
    assert Coverage.of(found) == Coverage(structures=6, open=6)
    assert found["structures"]["list"] == ""


def test_confirmed_names_are_the_same_in_every_set(batch):
    """Whatever the four hospitals' names; optimizer structures, types and codes are unchanged."""
    before = [one.coverage for one in batch.survey().sets]
    batch.confirm_all()
    after = [one.coverage for one in batch.survey().sets]
    done = batch.run("English 1", "German 1", "Italian 1", "short 1")
    assert [batch.names(index)[:5] for index in done.values()] == [list(TARGETS)] * 4
    assert [batch.names(index)[5] for index in done.values()] == [names[-1] for names in HABITS.values()]
    for index in done.values():
        assert [(name, label) for name, label, *_ in batch.published(index).values() if name != label] == []
        assert batch.published(index)[1][2:] == ("PTV", True)
        assert Coverage.of(records.read(batch.collection, index).content) == Coverage(6, 5, 0, 1, 5)
    assert before == [Coverage(6, 0, 0, 6)] * 20
    assert after == [Coverage(6, 5, 0, 1, 5)] * 20


def test_a_name_that_carries_an_identifier_gets_the_confirmed_name_without_it(batch):
    """The confirmation for other sets applies to this one, too."""
    batch.decide(Ring__5mm="zRing", Anello="zRing")
    done = batch.run("English 5", "Italian 5")
    assert [batch.names(index)[5] for index in done.values()] == ["zRing", "zRing"]


def test_published_sets_are_listed_and_done_again_under_their_own_index(batch):
    """The earlier files are moved aside, the tracking line stays, and the proof holds before and after."""
    done = batch.run("English 1", "German 1")
    batch.decide(Myelon="SpinalCord")
    german = done["German 1"]
    assert [(one.anon, one.outdated) for one in batch.survey().outdated] == [(records.folder_name(german), 1)]
    earlier = records.read(batch.collection, german)
    files = {path.name: path.read_bytes() for path in (batch.root / records.folder_name(german)).iterdir()}
    lines = lines_of(batch)

    republish.request(batch.collection, german)
    assert [one.anon for one in batch.survey().sets if one.asked_again] == [records.folder_name(german)]
    assert batch.run("English 1", "German 1") == done

    assert batch.names(german) == ["PTV 70 Gy", "Parotis li", "Parotis re", "SpinalCord", "Hirnstamm", "Hilf 1"]
    assert lines_of(batch) == lines
    assert batch.survey().outdated == ()
    assert republish.asked(batch.collection) == []
    (aside,) = batch.collection.replaced.iterdir()
    assert {path.name: path.read_bytes() for path in (aside / records.folder_name(german)).iterdir()} == files
    assert durable_files.read(aside / "record.json") == durable_files.decode(earlier.encoded())
    batch.decide(Myelon="Cord")  # a later change of mind does not make what was published wrong
    anon = batch.root / records.folder_name(german)
    assert verify_published(batch.root / "German 1", anon, batch.collection, machines.folders(None)).files


def test_a_word_that_a_person_removed_is_no_new_name(batch):
    """The name is listed without the word, as published, so the list applies and nothing is pending."""
    make_set(batch.root, name="short 6", seed="short/6", rois=["PTV70 qwx", "SC"], ct=2, size=16)
    before = batch.run("short 6")
    batch.decide(PTV70="PTV_7000")
    word_decisions.decide(batch.collection, ["qwx"], "remove")
    word_decisions.follow(batch.collection)
    assert "PTV70 qwx" not in {name.name for name in batch.survey().names}
    assert batch.run("short 6") == before
    assert batch.names(before["short 6"]) == ["PTV_7000", "SC"]
    assert batch.survey().outdated == ()


@pytest.mark.parametrize("in_one_step", [True, False])
@pytest.mark.parametrize("steps", range(8))
def test_doing_again_survives_a_kill_at_any_step(batch, steps, in_one_step, monkeypatch):
    """Cut off before the n-th change of a name on the share, it is ended by whoever comes next.

    Also where the share (NFS) cannot rename without replacing in one step.
    """
    if not in_one_step:
        monkeypatch.setattr(durable_files, "_rename_noreplace", lambda *_: False)
    (index,) = batch.run("short 1").values()
    lines = lines_of(batch)
    batch.decide(SC="SpinalCord")
    republish.request(batch.collection, index)
    left = [steps]

    class Killed(BaseException):
        """The process is gone."""

    def until_killed(really):
        def step(*arguments, **options):
            if not left[0]:
                raise Killed
            left[0] -= 1
            return really(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr("services.publication.attempts.Attempt.discard", lambda _: None)
        patch.setattr("services.publication.attempts.move_away", until_killed(lambda path: path))
        patch.setattr("services.runtime.durable_files.rename_new", until_killed(durable_files.rename_new))
        patch.setattr("services.publication.republish.clear", until_killed(republish.clear))
        patch.setattr("services.store.registry.write_outcome", until_killed(registry.write_outcome))
        with suppress(Killed):
            batch.run("short 1")
    assert records.read(batch.collection, index) is not None

    publish.recover(batch.collection)
    assert batch.run("short 1") == {"short 1": index}
    assert batch.names(index) == ["PTV70", "L Par", "R Par", "SpinalCord", "BS", "zPTV"]
    assert (republish.asked(batch.collection), lines_of(batch)) == ([], lines)
    assert [path.name for path in batch.root.glob("ANON_*")] == [records.folder_name(index)]
    (aside,) = batch.collection.replaced.iterdir()
    assert {path.name[:2] for path in (aside / records.folder_name(index)).iterdir()} == {"CT", "RS", "RP", "RD"}


def test_what_cannot_be_done_again_is_refused_with_its_reason(batch):
    """Unpublished or removed sets, those without originals, or with another identity."""
    done = batch.run("German 1", "German 2", "German 3")
    first, second, third = done.values()
    shutil.rmtree(batch.root / records.folder_name(first))
    shutil.rmtree(batch.root / "German 2")
    with pytest.raises(SettingsWrong, match="not published by this program"):
        republish.request(batch.collection, 99)
    with pytest.raises(SettingsWrong, match="A removed set cannot be republished"):
        republish.request(batch.collection, first)
    with pytest.raises(SettingsWrong, match="is no longer here"):
        republish.request(batch.collection, second)
    make_collection(batch.root, family_name="Other")
    with pytest.raises(SettingsWrong, match="another identity"):
        republish.request(batch.collection, third)
    assert republish.asked(batch.collection) == []


def test_a_repeated_request_for_republication_counts_once(batch):
    """A manual collection processes requested republications without waiting."""
    (index,) = batch.run("German 1").values()
    fingerprint = folder_listing.fingerprint(batch.root / "German 1")
    for _ in range(2):
        republish.request(batch.collection, index)
        assert registry.is_started(batch.collection, batch.collection.locator("German 1"), fingerprint)


def test_a_set_that_changed_since_is_not_done_again(batch):
    """Its index belongs to the published contents; a person decides."""
    (index,) = batch.run("German 1").values()
    republish.request(batch.collection, index)
    (path,) = (batch.root / "German 1").glob("RS.*.dcm")
    data = dcmread(path)
    data.StructureSetROISequence[0].ROIName = "PTV other"
    data.save_as(path)
    collection = batch.collection
    locator = collection.locator("German 1")
    settings = Settings(timezone=ZoneInfo("UTC"))
    outcome = process(collection, locator, Numbers(collection), Unwatched(), settings, patience_over=True)
    assert (outcome.state, outcome.index) == ("changed", index)
    assert batch.names(index) == list(HABITS["German"])


def test_the_command_line_and_a_spreadsheet_work_on_one_file(batch):
    """A person's changes in between are preserved."""

    def command(*arguments):
        result = CliRunner().invoke(application(), ["structures", str(batch.root), *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    command("--write")
    path = batch.root / "structures.csv"
    rows = path.read_text("utf-8-sig").splitlines()
    assert "Midollo spinale;SpinalCord;proposed;5;another language" in rows
    path.write_text("\n".join(f"{row};{'asked' if at else 'by me'}" for at, row in enumerate(rows)), encoding="utf-8")
    output = command("--confirm", "Midollo spinale=SpinalCord", "--confirm", "*Par=Parotid", "--ignore", "zPTV")
    assert "20 of 24 names are undecided" in output
    assert "another structure of 5 sets already has the new name; not applied there" in output
    told = json.loads(command("--write", "--json"))
    states = {name["name"]: (name["state"], name["target"]) for name in told["names"]}
    assert states["Midollo spinale"] == ("confirmed", "SpinalCord")
    assert states["zPTV"] == ("ignored", "")
    saved = path.read_text("utf-8-sig").splitlines()
    assert "Midollo spinale;SpinalCord;confirmed;5;another language;asked" in saved
    assert "*Par;Parotid;confirmed;5;;" in saved
    assert len(saved) == len(rows) + 1


def test_a_folder_without_a_set_is_not_listed_and_a_set_dropped_twice_is_named_once(batch):
    """Documents beside the sets do not count as refused."""
    batch.run("German 1")
    shutil.copytree(batch.root / "German 1", batch.root / "German 1, dropped again")
    batch.decide(Myelon="SpinalCord")
    (batch.root / "Papers").mkdir()
    (batch.root / "Papers" / "list.txt").write_text("4711")
    output = CliRunner().invoke(application(), ["structures", str(batch.root)]).output
    assert "Papers" not in output
    assert output.count("German 1, dropped again") == 1
    assert "\nANON_006: published before names were decided." in output


def test_only_what_changed_is_read_again(batch):
    """A page must not read a hundred sets for each view."""
    reader, collection = Reader(), batch.collection
    first = reader.read(collection, batch.folders())
    (path,) = (batch.root / "German 1").glob("RS.*.dcm")
    path.write_bytes(path.read_bytes() + b"")
    path.touch()
    second = reader.read(collection, batch.folders())
    assert [a.folder for a, b in zip(first, second, strict=True) if a is not b] == ["German 1"]


def test_a_collection_with_half_a_list_is_not_opened(batch):
    """A partial list would be applied inconsistently; the line is reported to whoever runs or watches."""
    (batch.root / "structures.csv").write_text("source;target;state\nMyelon;SpinalCord;yes\n")
    with pytest.raises(SettingsWrong, match=r"structures.csv, line 2: state must be one of"):
        Collection.open(batch.root)
