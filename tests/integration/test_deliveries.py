"""Deliveries: contents, verification without the originals, and what they never reveal."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import zipfile
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from services.errors import SettingsWrong
from services.exchange import deliveries, delivery_key, packing
from services.exchange.deliveries import Wanted
from services.maintenance import word_decisions
from services.publication import republish, unread_words
from services.runtime import durable_files
from services.runtime.settings import Settings
from services.store import records, registry
from services.store.collection import Collection
from tests.delivered import age_keys, anonymizer, collected, copied, publish
from tests.sets import make_collection, make_set, setting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Path:
    """Publish two sets."""
    root = collected(tmp_path_factory.mktemp("whole") / "BATCH", module_client, "Huber Josef", "Maier Anna")
    assert anonymizer("report", root).code == 0  # what the sheets would have left of each set
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy them to their own disk, with a home for the user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return copied(whole, tmp_path)


def manifest(delivery: Path) -> dict[str, Any]:
    """Read a delivery's manifest."""
    return json.loads((delivery / "delivery.json").read_bytes())


def states(delivery: Path) -> dict[str, str]:
    """Return the state of each set in a delivery: new, revised, unchanged."""
    return {one["folder"]: one["state"] for one in manifest(delivery)["sets"]}


def files(folder: Path) -> dict[str, bytes]:
    """Read everything in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_openssl_finds_the_signature_good_and_another_manifest_bad(root: Path, tmp_path: Path) -> None:
    """Over the exact bytes of delivery.json, with the key that `anonymizer key` prints."""
    assert anonymizer("export", root, tmp_path / "out").code == 0
    printed = anonymizer("key", root).text
    (tmp_path / "key.pem").write_text(printed)
    fingerprint = printed.partition("Fingerprint: ")[2].strip()
    assert manifest(tmp_path / "out")["sender"]["fingerprint"] == fingerprint.replace(" ", "").lower()
    assert {len(group) for group in fingerprint.split(" ")} == {4}

    def verified() -> bool:
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "key.pem", "-rawin"]
        command += ["-in", tmp_path / "out" / "delivery.json", "-sigfile", tmp_path / "out" / "delivery.json.sig"]
        return subprocess.run([*map(str, command)], capture_output=True, check=False).returncode == 0

    assert verified()
    with (tmp_path / "out" / "delivery.json").open("ab") as file:
        file.write(b" ")
    assert not verified()


def test_the_manifest_accounts_for_every_file(root: Path, tmp_path: Path) -> None:
    """Sets with sizes and hashes, sheets, report and tables; there is nothing else."""
    anonymizer("export", root, tmp_path / "out")
    said = manifest(tmp_path / "out")
    stated = {f"{one['folder']}/{name}": file for one in said["sets"] for name, file in one["files"].items()}
    stated |= said["files"]
    there = files(tmp_path / "out")
    del there["delivery.json"], there["delivery.json.sig"]
    assert stated == {name: {"size": len(data), "sha256": sha256(data).hexdigest()} for name, data in there.items()}
    assert "sheets/report.html" in there
    (first, _) = said["sets"]
    assert first["verdicts"]["identifiers"] > 0
    assert (first["revision"], first["unread_words"], first["machine"]["name"]) == (1, 0, "VicRapidPlan")
    assert first["patient_id"] == "zzz_AnusGE006"
    assert said["policy"] == first["policy"]
    assert said["product"]["name"] == "rt-set-anonymizer"


def test_a_delivery_has_no_folder_name_user_or_path(root: Path, tmp_path: Path) -> None:
    """No folder name, user or path, and the hospital only if requested."""
    private = [b"Huber", b"Maier", b"Demo Hospital", str(root).encode(), b"config"]
    anonymizer("export", root, tmp_path / "out")
    assert [(word, name) for name, data in files(tmp_path / "out").items() for word in private if word in data] == []
    anonymizer("export", root, tmp_path / "named", "--hospital-name")
    assert [one["hospital"] for one in manifest(tmp_path / "named")["sets"]] == ["Demo Hospital"] * 2


def test_only_the_sets_and_hospitals_that_are_asked_for_travel(root: Path, tmp_path: Path) -> None:
    """By number, comma-separated or not, or by hospital; unknown ones are reported."""
    assert anonymizer("export", root, tmp_path / "one", "--sets", "ANON_007").code == 0
    assert states(tmp_path / "one") == {"ANON_007": "new"}
    assert anonymizer("export", root, tmp_path / "two", "--sets", "ANON_006,ANON_007").code == 0
    assert states(tmp_path / "two") == {"ANON_006": "new", "ANON_007": "unchanged"}
    for unknown in (("export", root, tmp_path / "none"), ("report", root)):
        said = anonymizer(*unknown, "--hospital", "St. Anna")
        assert (said.code, "No published set is of hospital St. Anna." in said.text) == (2, True)
    assert not (tmp_path / "none").exists()
    assert anonymizer("export", root, tmp_path / "all", "--hospital", "Demo Hospital").code == 0
    assert len(states(tmp_path / "all")) == 2
    assert anonymizer("export", root, tmp_path / "bad", "--sets", "ANON_099").code == 2
    assert not (tmp_path / "bad").exists()


def test_the_next_delivery_says_what_is_revised_and_withdrawn(root: Path, tmp_path: Path, client: redis.Redis) -> None:
    """Even if there is nothing else to send: a withdrawal alone is a delivery."""
    anonymizer("export", root, tmp_path / "first")
    (root / "structures.csv").write_text("source,target,state,sets,note\nPTV,PTV_High,confirmed,,\n")
    collection = Collection.open(root)
    republish.request(collection, 6)
    publish(root, client, "Huber Josef")
    anonymizer("export", root, tmp_path / "second")
    assert states(tmp_path / "second") == {"ANON_006": "revised", "ANON_007": "unchanged"}
    assert manifest(tmp_path / "second")["sets"][0]["revision"] == 2
    first = collection.deliveries / f"{manifest(tmp_path / 'first')['id']}.json"
    first.write_text(json.dumps(json.loads(first.read_bytes()) | {"at": "2099-01-01T00:00:00+00:00"}))
    anonymizer("export", root, tmp_path / "after the clock was set back")
    assert set(states(tmp_path / "after the clock was set back").values()) == {"unchanged"}

    anonymizer("withdraw", root, "ANON_006")
    anonymizer("withdraw", root, "ANON_007")
    assert anonymizer("export", root, tmp_path / "third").code == 0
    said = manifest(tmp_path / "third")
    assert (said["sets"], [one["folder"] for one in said["withdrawn"]]) == ([], ["ANON_006", "ANON_007"])


def test_a_second_export_into_the_same_folder_leaves_one_whole_delivery(root: Path, tmp_path: Path) -> None:
    """Sets withdrawn since are removed, others stay, and foreign files are left alone."""
    anonymizer("export", root, tmp_path / "out", "--sets", "ANON_006")
    (tmp_path / "out" / "mine.txt").write_text("a person's")
    assert anonymizer("export", root, tmp_path / "out", "--sets", "ANON_007").code == 0
    assert sorted(states(tmp_path / "out")) == ["ANON_006", "ANON_007"]
    anonymizer("withdraw", root, "ANON_006")
    assert anonymizer("export", root, tmp_path / "out").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name.startswith("ANON")) == ["ANON_007"]
    assert (tmp_path / "out" / "mine.txt").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_delivery_that_is_cut_off_is_not_there(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, zipped: bool
) -> None:
    """A partial one never has the final name; the next attempt discards it and completes."""
    target = tmp_path / ("out.zip" if zipped else "out")
    with monkeypatch.context() as patch:
        patch.setattr(durable_files, "rename_new", _interrupted_at(durable_files.rename_new, target))
        assert anonymizer("export", root, target).code != 0
    assert not target.exists()
    assert [one.done for one in deliveries.all_of(Collection.look(root))] == [False]
    assert anonymizer("export", root, target).code == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert "interrupted" in anonymizer("deliveries", root).text


def _interrupted_at(rename: Callable[[Path, Path], None], target: Path) -> Callable[[Path, Path], None]:
    def renamed(source: Path, to: Path) -> None:
        if to == target:
            raise KeyboardInterrupt
        rename(source, to)

    return renamed


@pytest.mark.parametrize("name", ["out", "out.zip", "there"])
def test_killed_at_any_step_a_delivery_is_whole_or_none(
    root: Path, tmp_path: Path, name: str, killed_before: Callable[[int, Callable[[], object]], bool]
) -> None:
    """In a new folder, as a ZIP, and in an existing folder; the next attempt always succeeds."""
    collection = Collection.look(root)
    key = delivery_key.of_user(collection, Settings())
    target, wanted = tmp_path / name, Wanted(as_zip=name.endswith(".zip"))
    for step in count(0, 5):
        if name == "there":
            target.mkdir(exist_ok=True)
            (target / "mine.txt").write_text("a person's")
        killed = killed_before(step, lambda: deliveries.make(collection, target, key, wanted, lambda *_: None))
        is_signed = (target / "delivery.json.sig").exists() or target.is_file()
        assert is_signed or killed
        if name == "out" and target.exists():
            assert is_signed
        if is_signed and target.is_dir():
            anons = {path.name for path in target.glob("ANON_*")}
            assert {one["folder"] for one in manifest(target)["sets"]} == anons == {"ANON_006", "ANON_007"}
        if not killed:
            break
        shutil.rmtree(target, ignore_errors=True)
        target.unlink(missing_ok=True)
    done = [one for one in deliveries.all_of(collection) if one.done]
    assert len(done) >= 1
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".unfinished")]


def test_what_a_killed_export_left_among_zips_goes_with_the_next(
    root: Path, tmp_path: Path, killed_before: Callable[[int, Callable[[], object]], bool]
) -> None:
    """Despite their different names; those of another living process stay."""
    collection, place = Collection.look(root), tmp_path / "zips"
    key = delivery_key.of_user(collection, Settings())

    def make(extras: Callable[..., None] = lambda *_: None) -> deliveries.Made:
        return deliveries.make(collection, place, key, Wanted(as_zip=True), extras)

    def left() -> set[str]:
        return {path.name for path in place.iterdir() if path.name.startswith(".")}

    def other_one_makes_another(*_: object) -> None:
        before = left()
        assert len(before) == 1
        assert make().delivery is not None
        assert left() == before

    assert killed_before(6, make)
    assert len(left()) == 1
    assert make(other_one_makes_another).delivery is not None
    assert left() == set()
    assert [zipfile.ZipFile(path).testzip() for path in place.iterdir()] == [None, None]


def forget(root: Path) -> None:
    """Erase a patient whose original is gone."""
    shutil.rmtree(root / "Huber Josef")
    assert anonymizer("forget", root, "ANON_006").code == 0


def withdraw(root: Path) -> None:
    """Withdraw a set."""
    assert anonymizer("withdraw", root, "ANON_006").code == 0


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("change", [forget, withdraw], ids=["forgotten", "withdrawn"])
def test_a_set_that_goes_while_it_is_delivered_is_not_delivered(
    root: Path, tmp_path: Path, change: Callable[[Path], None], *, as_zip: bool
) -> None:
    """Nothing is signed that claims it, and the next delivery is without it."""
    collection, place = Collection.look(root), tmp_path / "out"
    key, wanted = delivery_key.of_user(collection, Settings()), Wanted(as_zip=as_zip)
    with pytest.raises(SettingsWrong, match=r"ANON_006 was withdrawn, forgotten .* again\."):
        deliveries.make(collection, place, key, wanted, lambda *_: change(root))
    assert not place.exists() or list(place.iterdir()) == []
    assert anonymizer("export", root, tmp_path / "next").code == 0
    assert states(tmp_path / "next") == {"ANON_007": "new"}


def test_a_full_disk_is_that_of_the_copies(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a copy names its source first, where there is room."""

    def full(source: Path, target: Path, **_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    said = anonymizer("export", root, tmp_path / "disk" / "out")
    assert (said.code, said.text.strip()) == (
        2,
        f"Nothing can be written in {tmp_path / 'disk'}: No space left on device. Make room there.",
    )


def test_a_zip_holds_the_same_and_can_be_encrypted(root: Path, tmp_path: Path) -> None:
    """Names are relative, sorted and without times; `age` decrypts with the recipient's key."""
    public, private = age_keys(tmp_path)
    assert anonymizer("export", root, tmp_path / "out", "--zip").code == 0
    (packed,) = (tmp_path / "out").glob("*.zip")
    with zipfile.ZipFile(packed) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
        assert names == sorted(names)
        assert {"delivery.json", "delivery.json.sig", "sheets/report.html"} < set(names)
        assert not [name for name in names if name.startswith("/") or ".." in name or "\\" in name]
    assert anonymizer("export", root, tmp_path / "sent.zip.age", "--encrypt-to", public).code == 0
    identity = pyrage.x25519.Identity.from_str(private.read_text().splitlines()[-1])
    plain = pyrage.decrypt((tmp_path / "sent.zip.age").read_bytes(), [identity])
    (tmp_path / "plain.zip").write_bytes(plain)
    assert zipfile.ZipFile(tmp_path / "plain.zip").testzip() is None
    assert anonymizer("export", root, tmp_path / "sent.zip.age", "--encrypt-to", public).code == 2


def test_what_is_encrypted_lies_nowhere_unencrypted(
    root: Path, tmp_path: Path, killed_before: Callable[[int, Callable[[], object]], bool]
) -> None:
    """Whenever it is killed, only data that its recipient alone can open is at the destination."""
    collection, place = Collection.look(root), tmp_path / "mailbox"
    key = delivery_key.of_user(collection, Settings())
    wanted = Wanted(recipients=tuple(packing.recipients(age_keys(tmp_path)[0])))
    for step in count(0, 3):
        killed = killed_before(
            step, lambda: deliveries.make(collection, place / "sent.zip.age", key, wanted, lambda *_: None)
        )
        begins = {path.read_bytes()[:19] for path in place.rglob("*") if path.is_file()}
        assert begins <= {b"", b"age-encryption.org/"}, step
        if not killed:
            break
        (place / "sent.zip.age").unlink(missing_ok=True)
    assert [path.name for path in place.iterdir()] == ["sent.zip.age"]
    assert list(collection.staging.glob(".delivery-*")) == []


def test_the_key_is_the_users_own_and_never_on_the_share(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created once, readable by its owner only; a file without such a key is reported."""
    first = anonymizer("key", root).text
    path = tmp_path / "config" / "rt-set-anonymizer" / "delivery.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert anonymizer("key", root).text == first
    monkeypatch.setenv("ANONYMIZER_DELIVERY_KEY_FILE", str(tmp_path / "elsewhere" / "key.pem"))
    assert anonymizer("key", root).text != first
    monkeypatch.setenv("ANONYMIZER_DELIVERY_KEY_FILE", str(root / "key.pem"))
    assert (anonymizer("key", root).code, anonymizer("export", root, tmp_path / "out").code) == (2, 2)
    assert not (root / "key.pem").exists()
    (tmp_path / "none.pem").write_text("nothing")
    monkeypatch.setenv("ANONYMIZER_DELIVERY_KEY_FILE", str(tmp_path / "none.pem"))
    assert anonymizer("key", root).code == 2


def test_every_delivery_is_recorded(root: Path, tmp_path: Path) -> None:
    """Time, sets, recipient and user."""
    assert "There are no deliveries" in anonymizer("deliveries", root).text
    anonymizer("export", root, tmp_path / "out")
    (told,) = json.loads(anonymizer("deliveries", root, "--json").text)
    assert sorted(told["sets"]) == ["ANON_006", "ANON_007"]
    assert (told["to"], told["id"], told["done"]) == (str(tmp_path / "out"), manifest(tmp_path / "out")["id"], True)
    assert told["user"]


def test_words_that_nobody_has_looked_at_hold_a_set_back(root: Path, tmp_path: Path) -> None:
    """Unless a person allows its delivery, which the delivery then states."""
    words = root / ".anonymizer" / "words"
    words.mkdir()
    (words / "000006.json").write_text(json.dumps({"words": [{"word": "Yolanda", "state": "unread"}]}))
    said = anonymizer("export", root, tmp_path / "out")
    assert said.code == 1
    assert "unread words" in said.text
    assert states(tmp_path / "out") == {"ANON_007": "new"}
    assert anonymizer("export", root, tmp_path / "all", "--unread-words").code == 0
    decision_line = manifest(tmp_path / "all")
    assert (decision_line["unread_words"], [one["unread_words"] for one in decision_line["sets"]]) == (True, [1, 0])
    assert b"Yolanda" not in b"".join(files(tmp_path / "all").values())


def test_a_forgotten_patient_is_erased_except_for_the_number(root: Path, tmp_path: Path, client: redis.Redis) -> None:
    """Not while the original exists; then everything but the number is erased, and the set does not return."""
    anonymizer("export", root, tmp_path / "out")
    refused = anonymizer("forget", root, "ANON_006")
    assert (refused.code, "Huber Josef" in refused.text) == (2, True)
    shutil.move(root / "Huber Josef", tmp_path / "Huber Josef")
    collection = Collection.open(root)
    set_id = records.read(collection, 6).set_id
    done = anonymizer("forget", root, "ANON_006")
    assert done.code == 0
    assert str(tmp_path / "out") in done.text
    assert anonymizer("forget", root, "ANON_006").code == 0

    left = files(root)
    names = [name for name in left if "ANON_006" in name or "000006" in name]
    assert sorted(names) == [".anonymizer/records/ANON_006.json", ".anonymizer/tracking/000006.withdrawn"]
    assert json.loads(left[".anonymizer/records/ANON_006.json"]).keys() == {"schema", "index", "forgotten"}
    assert not [name for name, data in left.items() if b"Huber" in data or set_id.encode() in data or set_id in name]
    lines = (next(root.glob("VicRapidPlan*.txt"))).read_text().splitlines()
    assert [line.split(", ")[1] for line in lines[1:]] == ["zzz_AnusGE007"]
    assert anonymizer("doctor", root).code == 0
    assert anonymizer("export", root, tmp_path / "next").code == 0
    assert [one["folder"] for one in manifest(tmp_path / "next")["withdrawn"]] == ["ANON_006"]

    assert persons(root) == {records.read(collection, 7).content["person"]}

    shutil.move(tmp_path / "Huber Josef", root / "once more")
    with pytest.raises(AssertionError, match="forgotten"):
        publish(root, client, "once more")
    assert registry.read_outcome(collection, registry.register(collection, "once more")).state == "changed"
    assert anonymizer("retry", root, "once more", "--as-new").code == 0
    publish(root, client, "once more")
    assert (root / "ANON_008").is_dir()


def test_words_and_pictures_of_a_forgotten_patient_leave_lists_and_reports(root: Path, tmp_path: Path) -> None:
    """At once, with or without a service; what a person wrote stays theirs, and is named for them to delete."""
    collection = Collection.open(root)
    words = [{"word": word, "texts": {}, "why": ""} for word in ("Josefin", "Hubermann")]
    unread_words.write(collection, 6, "", "", words)
    word_decisions.decide(collection, ["Hubermann"], "remove")
    assert b"Josefin" in (root / "words.csv").read_bytes()
    for name in ("report.html", "report_St._Anna.html", "of a person.html"):
        (root / "sheets" / name).write_text("<img>")
    shutil.move(root / "Huber Josef", tmp_path / "Huber Josef")
    said = anonymizer("forget", root, "ANON_006")
    assert said.code == 0
    assert sorted(path.name for path in (root / "sheets").glob("*.html")) == ["of a person.html"]
    assert "keeps words of this set, because somebody decided on them: Hubermann." in " ".join(said.text.split())
    assert b"Josefin" not in (root / "words.csv").read_bytes()


def persons(root: Path) -> set[str]:
    """Return the marks of known persons."""
    return {path.stem for path in (root / ".anonymizer" / "persons").iterdir()}


@pytest.mark.parametrize("is_of_this_version", [True, False], ids=["this version", "an earlier one"])
def test_a_person_is_known_as_long_as_a_set_of_theirs_is_here(
    tmp_path: Path, client: redis.Redis, *, is_of_this_version: bool
) -> None:
    """The first of two sets is forgotten, then the other; earlier versions stored no mark in the record."""
    root, place = make_collection(tmp_path / "BATCH"), tmp_path / "originals"
    place.mkdir()
    for name, patient_id in (("first", "A1"), ("replan", "A1"), ("neighbour", "B2")):
        make_set(root, setting(PatientID=patient_id), name=name, seed=name)
        publish(root, client, name)
    collection = Collection.open(root)
    if not is_of_this_version:
        for path in collection.records.iterdir():
            stored = json.loads(path.read_bytes())
            del stored["person"]
            path.write_bytes(durable_files.encode(stored))
    both = {collection.person("A1"), collection.person("B2")}
    left = []
    for name, anon in (("first", "ANON_006"), ("replan", "ANON_007")):
        shutil.move(root / name, place)
        assert anonymizer("forget", root, anon).code == 0
        left.append(persons(root))
    assert left == [both, {collection.person("B2")}]
