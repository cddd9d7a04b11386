"""Sheets of really published sets: sound ones and damaged ones, and what they never reveal."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import struct
import time
from base64 import b64decode
from errno import ENOSPC
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pydicom
import pytest
from pypdf import PdfReader

from anonymizer.commands.collection.report import report as report_command
from anonymizer.follow_run import make_sheets
from phantom.modules import item, set_decimals
from services.maintenance import export, withdraw
from services.publication import republish
from services.rtset import private_loss
from services.store import records, registry, releases
from sheets import collection_report, paths
from sheets.examination import element_counts
from sheets.render.page import Table
from sheets.sections import planned_dvhs
from tests.in_process import anonymizer
from tests.integration.test_run import run, states
from tests.published import ROIS
from tests.sets import (
    brachy_plan,
    contours_without_images,
    dose_without_plan,
    encoded,
    fluence,
    ion_plan,
    make_collection,
    make_set,
    plan_of_another_structure_set,
    relative_dose,
    rle,
    setting,
    un_sequences,
    undefined_lengths,
    wedge,
    without,
    without_file_meta,
    without_preamble,
)
from worker.queues.sheet_queue import ASKED_S, BEGUN_S, MOST_WAITING, TASK, Sheets
from worker.tasks import sheet_tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis
    from pydicom import Dataset

    from anonymizer.embedded.run_steps import Batch
    from tests.published import Published
    from tests.sets import MadeSet


def test_the_sheet_of_a_sound_set_says_that_nothing_differs(published: Callable[..., Published]) -> None:
    """And what was done to it, according to its record."""
    done = published(ct=8, rois=20, size=64, control_points=8)
    assert "proven before the set was published, and its files are unchanged since" in done.look()[1]
    findings, text = done.look(against_source=True)
    assert "No difference." in text
    assert "Do not use it" not in text
    for what in ("zzz_AnusGE006", "PTV_7000", "Every treatment beam fits VicRapidPlan", "113100", "Signature"):
        assert what in text
    assert findings.comparison.equal
    assert {part: found.numbers > 100 for part, found in findings.comparison.parts.items()} == dict.fromkeys(
        ("CT", "contours", "dose", "plan"), True
    )
    proof = records.read(done.collection, 6).content["proof"]
    whole = element_counts.account(proof["changes"], findings.written)[-1].counts
    assert whole["kept"] == proof["elements"]["equal"] + proof["checks"]["pixels"]
    assert whole["removed"] == proof["elements"]["drop"]
    for after, before in zip(findings.after.structures, findings.before.structures, strict=True):
        if after.drawn:
            here, there = findings.after.histograms[after.number], findings.before.histograms[before.number]
            assert (here.volume_cm3, here.mean_gy) == (there.volume_cm3, there.mean_gy)


ODD = {
    "implicit, a private fluence": (encoded("implicit"), fluence(private_only=True)),
    "big endian, links rebuilt": (
        encoded("big endian"),
        dose_without_plan,
        contours_without_images,
        plan_of_another_structure_set,
    ),
    "deflated, a wedge": (encoded("deflated"), wedge),
    "run lengths, no preamble": (rle, without_preamble),
    "no file meta information, undefined lengths": (without_file_meta, undefined_lengths),
    "sequences of unknown VR": (un_sequences,),
    "an ion plan": (ion_plan,),
    "a brachytherapy plan": (brachy_plan,),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_set_that_is_written_in_another_way_differs_in_nothing(published: Callable[..., Published], odd: str) -> None:
    """A false alarm on a sheet is as bad as a missed one; every plan has a sheet."""
    more = '[privacy]\npatient_characteristics = "age_sex"\n[check]\non_broken_links = "relink"'
    keep = {wedge, ion_plan, brachy_plan}.intersection(ODD[odd])
    done = published(*ODD[odd], form={"more": more, "machine": "keep" if keep else "VicRapidPlan"})
    findings, _ = done.look(against_source=True)
    assert [one.says for one in findings.comparison.differences] == []
    assert findings.picture
    assert findings.picture_before
    assert (findings.changed_files, findings.before is None) == (0, False)
    told = done.findings()
    assert told.before is None
    assert told.written == findings.written
    assert told.travelling == findings.travelling
    assert {part: found.numbers for part, found in told.comparison.parts.items()} == {
        part: found.numbers for part, found in findings.comparison.parts.items()
    }


def no_account(path: Path) -> None:
    """Remove the account, as before accounts existed."""
    path.unlink()


def account_of_other_files(path: Path) -> None:
    """Write an account of files no longer published."""
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": "0" * 64}))


def half_an_account(path: Path) -> None:
    """Truncate it, as a power cut may."""
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("what", [no_account, account_of_other_files, half_an_account])
def test_where_no_account_is_of_these_files_they_are_compared_once_more(
    published: Callable[..., Published], what: Callable[[Path], None]
) -> None:
    """The sheet has the same results, beside the source; histograms of equal data are computed once."""
    done = published()
    first, says = done.look()
    assert first.proven
    assert "proven before the set was published" in says
    what(done.collection.accounts / "000006.json")
    findings, text = done.look()
    assert (findings.proven, findings.as_proven, findings.comparison.equal) == (False, True, True)
    assert findings.written == first.written
    assert findings.before.histograms is findings.after.histograms
    assert "No difference. All" in text
    assert "Comparison with the source" in text


def move_a_point(data: Dataset) -> None:
    """Draw one point of a contour five millimetres to the left."""
    contour = data.ROIContourSequence[0].ContourSequence[1]
    contour.ContourData[30] = float(contour.ContourData[30]) + 5


def move_a_leaf(data: Dataset) -> None:
    """Close a leaf by two millimetres."""
    position = data.BeamSequence[1].ControlPointSequence[2].BeamLimitingDevicePositionSequence[-1]
    position.LeafJawPositions[71] = float(position.LeafJawPositions[71]) - 2


def change_a_dose(data: Dataset) -> None:
    """Increase the dose of one voxel by one part in four thousand million."""
    values = data.pixel_array.copy()
    values[2, 3, 4] += 1
    data.PixelData = values.tobytes()


def change_a_voxel(data: Dataset) -> None:
    """Make one voxel of a slice 100 HU denser."""
    values = data.pixel_array.copy()
    values[16, 20] += 100
    data.PixelData = values.tobytes()


@pytest.mark.parametrize(
    ("prefix", "change", "says", "pictures"),
    [
        ("RS", move_a_point, r"PTV_7000, contour 2: 1 of 64 points differ, by up to 5 mm", 1),
        ("RP", move_a_leaf, r"beam 2, control point 3, MLCX, leaf 12 of bank B: -?[\d.]+ instead of -?[\d.]+", 0),
        ("RD", change_a_dose, r"dose: 1 voxel differs, by up to [\d.e-]+ Gy", 1),
        ("CT", change_a_voxel, r"slice \d: 1 voxel differs, by up to 100 HU", 1),
    ],
)
def test_the_smallest_damage_is_reported_and_shown(
    published: Callable[..., Published], prefix: str, change: Callable[[Dataset], None], says: str, pictures: int
) -> None:
    """One point, one leaf, one voxel."""
    done = published()
    done.damage(prefix, change)
    findings, text = done.look()
    assert "No difference" not in text
    assert "Do not use it before it has been reviewed." in text
    assert "1 file has changed since the set was proven." in text
    assert re.search(says, text), text
    assert sum(found.differing for found in findings.comparison.parts.values()) == 1
    assert len(findings.close) == pictures
    assert findings.changed_files == 1


def test_every_text_that_travels_is_on_the_page_of_the_signature(published: Callable[..., Published]) -> None:
    """With unread words, and patient characteristics; the first page and the report count them."""
    done = published(
        setting("RTPLAN", RTPlanLabel="VMAT_JSM"), setting("", PatientWeight="81.5", EthnicGroup="Plantesian")
    )
    findings, text = done.look()

    assert findings.travelling.unread == {"JSM"}
    assert {*ROIS, "VMAT_JSM"} <= {each for some in findings.travelling.texts.values() for each in some}
    assert f"{findings.travelling.count} texts kept; 1 word not yet reviewed" in text
    last = text[text.index("Patient characteristics kept") : text.index("Reviewed and released")]
    for role, some in findings.travelling.texts.items():
        assert all(each in last for each in some), role
    assert "Weight in kg 81.5" in last
    assert "Ethnic group Plantesian" in last
    assert "Not yet reviewed: JSM." in last
    page = collection_report.make(done.collection).read_text("utf-8")
    assert "Words not yet reviewed" in page
    assert "1 (0 accepted, 0 to be removed)" in page


def test_nothing_original_is_in_sheet_or_report(published: Callable[..., Published]) -> None:
    """Not in texts or metadata of PDF and pictures, nor names of files or of this machine."""
    done = published(ct=8, rois=20, size=64, control_points=8)
    text = done.sheet()
    collection_report.make(done.collection)
    folder = paths.folder(done.collection)
    reader = PdfReader(folder / "ANON_006.pdf")
    told = dict(reader.metadata)
    assert told.pop("/CreationDate").startswith("D:20")
    assert told == {"/Title": "ANON_006", "/Producer": "rt-set-anonymizer 0.1.0"}
    pages = {name: (folder / name).read_text("utf-8") for name in ("ANON_006.html", "report.html")}
    summary = (paths.summaries(done.collection) / "ANON_006.json").read_text()
    everything = "\n".join([text, *pages.values(), summary]).casefold()
    for planted in done.made.manifest.planted:
        if planted.kind not in {"ethnic group", "dose reference", "tolerance table"}:
            assert planted.value.casefold() not in everything, planted.kind
    for original in (*done.made.manifest.uids, *done.made.manifest.dates, done.made.folder.name, str(folder.parent)):
        assert original.casefold() not in everything
    pictures = [b64decode(found) for page in pages.values() for found in re.findall(r"base64,([A-Za-z0-9+/=]+)", page)]
    assert len(pictures) >= 2
    for picture in pictures:
        assert set(chunks(picture)) <= {"IHDR", "PLTE", "pHYs", "IDAT", "IEND"}
    assert "<script" not in everything
    assert "http:" not in re.sub(r"base64,[^\"]+", "", everything)
    assert "https:" not in re.sub(r"base64,[^\"]+", "", everything)


def chunks(png: bytes) -> list[str]:
    """Return the chunk types of a PNG."""
    names, at = [], 8
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        names.append(name.decode())
        at += 12 + length
    return names


def test_age_and_lost_private_elements_are_in_words(
    published: Callable[..., Published],
) -> None:
    """The signer should know of arcs beyond 180°, and why an age is as stated."""

    def beyond(made: MadeSet) -> None:
        said = "<Beam><ReferencedBeamNumber>2</ReferencedBeamNumber><GantryRtnExtendedStop>true</GantryRtnExtendedStop>"
        made.plan.private_block(0x3253, private_loss.CREATOR)[0x00].value = f"{said}</Beam> ".encode()

    _, says = published(beyond, setting(PatientAge="094Y")).look()
    assert "Beam 2: the gantry goes beyond 180° (extended angles)." in says
    assert "The patient is older than 89: the age is given as 90 years." in says


def test_what_the_collection_accepted_is_on_the_sheet(published: Callable[..., Published]) -> None:
    """By code, since the check's sentences may name files. A dose not in Gy is not shown as Gy."""
    done = published(relative_dose, form={"machine": "keep", "more": '[check]\naccept = ["relative-dose"]'})
    _, text = done.look()
    assert "Accepted by the collection: relative dose." in text
    assert "relative, not Gy" in text
    assert "Isodoses are not in per cent: this is not the dose of the whole plan in Gy." in text
    assert "V95" not in text
    assert " Gy" not in text.partition("Dose-volume histograms")[2].partition("Beams")[0]


def test_a_source_that_is_gone_or_another_one_is_not_compared_with(published: Callable[..., Published]) -> None:
    """If the folder's name is reused for the next patient, that set is not compared."""
    done = published()
    shutil.rmtree(done.made.folder)
    make_set(done.collection.root, ct=6, rois=ROIS, seed="next patient")
    _, text = done.look(against_source=True)
    assert "The source is no longer in its folder" in text
    assert "Comparison with the source" not in text


def test_a_ct_that_cannot_be_decoded_leaves_the_rest_of_the_sheet(published: Callable[..., Published]) -> None:
    """Compressed in an unsupported way: this is reported, and the raw pixels are compared."""

    def jpeg_2000(made: MadeSet) -> None:
        for image in made.ct:
            image.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
            # Start, size, start of a tile, its data, end. ISO/IEC 15444-1 A.2.
            stream = b"\xff\x4f\xff\x51\x00\x2b" + bytes(41) + b"\xff\x90\x00\x0a" + bytes(8) + b"\xff\x93"
            image.PixelData = pydicom.encaps.encapsulate([stream + image.SOPInstanceUID.encode() + b"\xff\xd9"])
            image["PixelData"].VR = "OB"
            image["PixelData"].is_undefined_length = True

    done = published(jpeg_2000)
    _, text = done.look(against_source=True)
    assert "its compression cannot be decoded here" in text
    assert "No difference." in text
    assert "Dose-volume histograms" in text


def test_the_report_counts_sets_structures_and_refusals(published: Callable[..., Published]) -> None:
    """From the sheets' summaries, or from the sets without a sheet yet."""
    done = published()
    outcome = registry.read_outcome(done.collection, done.collection.locator(done.made.folder.name))
    for name in ("refused one", "refused two"):
        locator = registry.register(done.collection, name)
        refused = registry.Outcome("refused", outcome.fingerprint, outcome.at, codes=("no-rt-dose",), text="private")
        registry.write_outcome(done.collection, locator, refused)
    page = collection_report.make(done.collection).read_text("utf-8")
    plain = " ".join(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]).split())
    assert "Published sets: 1," in plain
    assert "ANON_006 zzz_AnusGE006 6 2 of 2" in plain
    assert "no rt dose 2" in plain
    assert "VicRapidPlan 1" in plain
    assert "refused one" not in plain
    facts = json.loads((paths.summaries(done.collection) / "ANON_006.json").read_text())
    assert chunks(b64decode(facts["picture"]))[0] == "IHDR"
    report_command(done.collection.root)


def test_sheets_travel_with_their_sets_and_go_with_them(published: Callable[..., Published], tmp_path: Path) -> None:
    """Other files among the sheets stay; a withdrawn set takes its sheet along."""
    done = published()
    done.sheet()
    collection_report.make(done.collection)
    (paths.folder(done.collection) / "notes on patients.txt").write_text("private")
    (paths.folder(done.collection) / "ANON_007.pdf").write_text("of no set")
    (told,) = export.copy_sets(done.collection, tmp_path / "out")
    assert told.sheet
    copied = sorted(path.name for path in (tmp_path / "out" / "sheets").iterdir())
    assert copied == ["ANON_006.html", "ANON_006.pdf"]
    withdraw.withdraw_set(done.collection, 6)
    assert not (paths.folder(done.collection) / "ANON_006.pdf").exists()
    assert (done.collection.withdrawn / "ANON_006.pdf").exists()
    assert paths.missing(done.collection) == [6]
    assert not paths.can_have_one(done.collection, 6)


def test_a_sheet_follows_its_set_although_the_clock_was_set_back(published: Callable[..., Published]) -> None:
    """It is drawn once after the publication, once after each decision, and never for ever."""
    done = published()
    collection = done.collection
    record = records.path_of(collection, 6)
    os.utime(record, (time.time() + 86_400,) * 2)  # published before the clock was set back
    assert paths.missing(collection) == [6]
    done.sheet()
    assert paths.missing(collection) == []
    releases.release(collection, 6, user="anna", role="medical physicist")  # a day before its sheet
    assert paths.missing(collection) == [6]
    done.sheet()
    assert paths.missing(collection) == []
    os.utime(paths.folder(collection) / "ANON_006.pdf", (time.time() + 172_800,) * 2)
    republish.set_aside(collection, 6, republish.digest(collection, 6))
    assert paths.missing(collection) == [6]


def test_a_sheet_is_drawn_again_if_what_it_shows_changed_while_it_was_drawn(
    published: Callable[..., Published],
) -> None:
    """A decision takes less time than a drawing."""
    collection = published().collection
    of_ns = paths.shown_ns(collection, 6)
    releases.release(collection, 6, user="anna", role="medical physicist")
    paths.write(collection, 6, b"<html>", b"%PDF", {}, of_ns=of_ns)
    assert paths.missing(collection) == [6]


class Sent:
    """Stands in for the Celery app: notes what is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[object], str]] = []

    def send_task(self, name: str, args: list[object], queue: str) -> None:
        """Note a message."""
        self.messages.append((name, args, queue))


def test_a_missing_sheet_is_asked_for_once_and_one_that_failed_rests(
    published: Callable[..., Published], client: redis.Redis
) -> None:
    """A lost message is sent again when its note has expired; without workers, messages do not accumulate."""
    done, sent = published(), Sent()
    sheets = Sheets(client, sent, "q.sheets")
    assert sheets.ask_for_missing(done.collection) == [6]
    assert sheets.ask_for_missing(done.collection) == [6]
    assert sent.messages == [(TASK, [done.collection.id, 6], "q.sheets")]
    (note,) = client.keys("anonymizer:sheet:*")
    assert 0 < client.ttl(note) <= ASKED_S
    client.delete(note)
    client.rpush("anonymizer:q.sheets", *["message"] * MOST_WAITING)
    assert sheets.ask_for_missing(done.collection) == [6]
    assert len(sent.messages) == 1
    client.delete("q.sheets")
    sheets.failed(done.collection.id, 6)
    assert sheets.ask_for_missing(done.collection) == []
    assert sheets.failures(done.collection) == [6]
    done.sheet()
    assert sheets.failures(done.collection) == []


def test_a_run_tells_what_its_sheets_wait_for(
    published: Callable[..., Published],
    client: redis.Redis,
    redis_server: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker leaves the reason, and the run says it once and goes on when there is room again."""
    done = published()
    here = SimpleNamespace(redis=client, open=lambda _: done.collection)
    task = SimpleNamespace(request=SimpleNamespace(id="t", delivery_info={"routing_key": "q.sheets"}))

    def has_no_room(*_: object) -> None:
        raise OSError(ENOSPC, "in a folder of Mustermann's")

    monkeypatch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{redis_server}")
    monkeypatch.setattr(sheet_tasks, "station", lambda: here)
    monkeypatch.setattr(sheet_tasks, "_make", has_no_room)
    sheets, steps = Sheets(client, Sent(), "q.sheets"), [0]

    class Run:
        @property
        def sheets_wait(self) -> str:
            return sheets.waits

        def sheets_to_come(self) -> list[int]:
            steps[0] += 1
            if steps[0] == 2:
                sheet_tasks.make_sheet.run.__func__(task, done.collection.id, 6)
            if steps[0] == 4:
                done.sheet()
            return sheets.ask_for_missing(done.collection)

        def sheets_failed(self) -> list[int]:
            return sheets.failures(done.collection)

    make_sheets(cast("Batch", Run()), as_json=False)

    assert (steps[0], sheets.waits) == (4, "")
    assert capsys.readouterr().out.count("\nwaits: the disk is full\n") == 1


def test_what_a_killed_worker_was_making_is_asked_for_again_soon(
    published: Callable[..., Published], client: redis.Redis
) -> None:
    """Sheets and deliveries. A request that waits is kept longer, but not for a day if Redis' clock was set back."""
    collection = published().collection
    sheets = Sheets(client, Sent(), "q.sheets")
    sheets.ask_for_missing(collection)
    sheets.ask_to_receive(collection.id, "m")
    notes = client.keys("anonymizer:sheet:*") + client.keys("anonymizer:delivery:*")
    assert len(notes) == 2
    for note in notes:
        client.expire(note, 86_400)
    sheets.ask_for_missing(collection)
    sheets.ask_to_receive(collection.id, "m")
    assert all(BEGUN_S < client.ttl(note) <= ASKED_S for note in notes)
    with sheets.making(collection.id, 6), sheets.receiving(collection.id, "m"):
        assert all(0 < client.ttl(note) <= BEGUN_S for note in notes)


def test_a_run_makes_the_sheets_of_what_it_published_when_all_is_published(tmp_path: Path) -> None:
    """The sheets folder is not a set; if switched off, there are no sheets."""
    root = make_collection(tmp_path / "BATCH", sheets=True)
    make_set(root)
    make_set(root, without("RTDOSE"), name="refused", seed=1)
    assert states(run(root)) == {
        "Mustermann Erika 4711": ("published", "ANON_006"),
        "refused": ("refused", ""),
    }
    assert sorted(path.name for path in (root / "sheets").iterdir()) == ["ANON_006.html", "ANON_006.pdf"]
    assert run(root).published_before == 1
    again = anonymizer("sheet", root, "ANON_006")
    assert (again.returncode, again.stdout.strip().endswith("ANON_006.html and ANON_006.pdf")) == (0, True)
    assert anonymizer("sheet", root, "ANON_007").returncode == 2
    assert PdfReader(io.BytesIO((root / "sheets" / "ANON_006.pdf").read_bytes())).metadata.title == "ANON_006"


def test_the_planning_systems_histograms_stand_beside_ours(published: Callable[..., Published]) -> None:
    """One computed from another dose is printed in red; one equal to ours is not."""
    done = published(ct=8, size=64)
    ours = done.findings()

    def state(data: Dataset) -> None:
        data.DVHSequence = []
        for number, (histogram, scaling) in enumerate(zip(ours.after.histograms.values(), (1, 3), strict=True), 1):
            lower = np.arange(0, 80, 0.05)
            volumes = histogram.curve(lower) / 100 * histogram.volume_cm3
            stated = item(
                DVHType="CUMULATIVE",
                DoseUnits="GY",
                DVHDoseScaling=scaling,
                DVHVolumeUnits="CM3",
                DVHReferencedROISequence=[item(DVHROIContributionType="INCLUDED", ReferencedROINumber=number)],
            )
            set_decimals(stated, "DVHData", np.column_stack([np.full(len(lower), 0.05), volumes]).ravel(), "%.4f")
            data.DVHSequence.append(stated)

    done.damage("RD", state)
    findings, text = done.look()
    assert "Comparison with the planning system's histograms" in text
    assert "Not compared" not in text
    table = next(
        block for block in planned_dvhs.blocks(findings, findings.after.structures) if isinstance(block, Table)
    )
    target, _ = table.rows
    assert [row[0].text for row in table.rows] == ROIS
    assert [abs(float(cell.text)) < 0.05 for cell in target[2::2]] == [True] * 4
    assert [[number for number, cell in enumerate(row) if cell.bad] for row in table.rows] == [[], [4, 6, 8]]


def test_histograms_of_the_planning_system_that_cannot_be_compared_are_counted(
    published: Callable[..., Published],
) -> None:
    """Relative ones, for example: nobody takes their absence for agreement."""
    done = published(ct=4, size=64)

    def state(data: Dataset) -> None:
        data.DVHSequence = [
            item(
                DVHType="CUMULATIVE",
                DoseUnits="RELATIVE",
                DVHDoseScaling=1,
                DVHVolumeUnits="CM3",
                DVHData=[10, 20, 10, 5],
                DVHReferencedROISequence=[item(DVHROIContributionType="INCLUDED", ReferencedROINumber=1)],
            )
        ]

    done.damage("RD", state)
    assert "Not compared: 1 of 1 histogram in the dose." in done.look()[1]


def test_structures_that_miss_the_ct_are_named(published: Callable[..., Published]) -> None:
    """They are on no view; one with a point far away is on some."""
    done = published(ct=4, size=64)

    def move(data: Dataset) -> None:
        first, second = data.ROIContourSequence[:2]
        for contour in first.ContourSequence:
            contour.ContourData = [float(one) + 900 * (at % 3 == 0) for at, one in enumerate(contour.ContourData)]
        second.ContourSequence[0].ContourData = [900, *second.ContourSequence[0].ContourData[1:]]

    done.damage("RS", move)
    _, text = done.look()
    assert f"{ROIS[0]}: outside the CT, and on none of its views." in text
    assert f"{ROIS[1]}: reaches " in text
    assert "mm beyond the CT." in text


def test_the_report_begins_with_a_grid_of_its_sets(published: Callable[..., Published]) -> None:
    """Sorted by prescription; sets with files changed since the proof come first, with the reason."""
    done = published()
    done.sheet()
    page = collection_report.make(done.collection).read_text("utf-8")
    assert "Prescription: 35 \u00d7 2 Gy = 70 Gy (1)" in page
    assert "To be reviewed" not in page
    done.damage("RD", change_a_dose)
    done.sheet()
    page = collection_report.make(done.collection).read_text("utf-8")
    assert "To be reviewed (1)" in page
    assert "Prescription: 35" not in page
    assert '<span class="bad">differs from its source</span>' in page


def test_a_sheet_of_thirty_structures_is_small(published: Callable[..., Published]) -> None:
    """With slices of 512 pixels and structures on nearly all: small enough for e-mail, without scripts."""
    done = published(ct=30, rois=30, size=512, dense=True, control_points=20)
    done.sheet()
    folder = paths.folder(done.collection)
    page = (folder / "ANON_006.html").read_bytes()
    assert len(page) < 1_500_000
    assert (folder / "ANON_006.pdf").stat().st_size < 700_000
    assert b"<script" not in page
