"""Objects sent by planning systems: Orthanc accepts them from listed senders; they are sorted by patient."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
import structlog

from anonymizer import quick
from receiver.mailbox import Mailbox, ReceiverAway
from receiver.sort import NOT_A_COLLECTION, Sorter
from services.errors import SettingsWrong
from services.runtime import heartbeat
from services.runtime.settings import from_environment
from tests.processes import free_port
from tests.sets import make_collection, make_set, patient, setting
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.store.registry import Outcome
    from tests.sets import MadeSet

PROJECT = Path(__file__).parents[2]
PASSWORD = "a-password-of-the-tests"
SENDERS = "ECLIPSE=BATCH, MONACO=BATCH, NOWHERE=TYPO"
NEEDED = ("Orthanc", "storescu", "echoscu")
PATHS = "/usr/bin:/usr/sbin:/bin"


def missing() -> list[str]:
    """Return the required programs missing on this machine."""
    return [name for name in NEEDED if not (shutil.which(name) or shutil.which(name, path=PATHS))]


pytestmark = pytest.mark.skipif(bool(missing()), reason=f"SKIPPED: not installed here: {', '.join(missing())}")


@dataclass
class Receiver:
    """A running Orthanc, and the share that it feeds."""

    share: Path
    port: int
    mailbox: Mailbox
    log: Path

    def send(self, *files: Path, sender: str = "ECLIPSE", called: str = "RTANON", port: int = 0) -> int:
        """Send files in one association; return the exit code."""
        command = ["storescu", "-aet", sender, "-aec", called, "127.0.0.1", str(port or self.port), *map(str, files)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    def sorter(self) -> Sorter:
        """Return a sorter as in a new process."""
        senders = from_environment({"ANONYMIZER_SENDERS": SENDERS}).senders
        return Sorter(self.mailbox, self.share, senders)

    def folders(self) -> dict[str, set[str]]:
        """Return the collection's folders with objects, and the objects' SOP Instance UIDs."""
        found = {path.name: path for path in (self.share / "BATCH").iterdir() if path.is_dir()}
        return {
            name: {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID) for file in path.iterdir()}
            for name, path in found.items()
            if not name.startswith((".", "ANON_"))
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Start the receiver as its image does."""
    folder = tmp_path_factory.mktemp("receiver")
    (folder / "password").write_text(PASSWORD)
    port, http = free_port(), free_port()
    environment = {
        "PATH": PATHS,
        "TMPDIR": str(folder),
        "ANONYMIZER_SENDERS": SENDERS,
        "RECEIVER_FOLDER": str(folder),
        "RECEIVER_PASSWORD_FILE": str(folder / "password"),
        "RECEIVER_DICOM_PORT": str(port),
        "RECEIVER_HTTP_PORT": str(http),
    }
    mailbox, log = Mailbox(f"http://127.0.0.1:{http}", PASSWORD), folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [PROJECT / "deploy/receiver/start.sh"], env=environment, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(mailbox), log.read_text)
        assert process.poll() is None, log.read_text()
        yield Receiver(folder / "share", port, mailbox, log)
    finally:
        process.terminate()
        process.wait()


def _answers(mailbox: Mailbox) -> bool:
    try:
        mailbox.waiting()
    except ReceiverAway:
        return False
    return True


@pytest.fixture
def receiver(running: Receiver) -> Receiver:
    """Return the emptied receiver with a new collection."""
    shutil.rmtree(running.share, ignore_errors=True)
    make_collection(running.share / "BATCH", machine="keep")
    for instance in running.mailbox.waiting():
        running.mailbox.remove(instance, running.mailbox.fetch(instance, running.share / "old"))
    (running.share / "old").unlink(missing_ok=True)
    return running


@pytest.fixture
def made(tmp_path: Path) -> MadeSet:
    """Make a patient's set on the planning system's side."""
    return make_set(tmp_path, patient("Mustermann^Erika", "AB/4711 x"), name="of one")


def files(made: MadeSet, *modalities: str) -> list[Path]:
    """Return the files of some modalities."""
    return [made.path(data) for modality in modalities for data in made.of(modality)]


def uids(made: MadeSet) -> set[str]:
    """Return the SOP Instance UIDs of a set."""
    return {str(data.SOPInstanceUID) for data in made.objects}


def test_one_patient_in_three_associations_is_one_set(
    receiver: Receiver, made: MadeSet, take: Callable[[Path, str], Outcome]
) -> None:
    """One folder, named by the ID, is published; nothing waits at the receiver any more."""
    sorter = receiver.sorter()
    for part in (files(made, "CT"), files(made, "RTSTRUCT", "RTPLAN"), files(made, "RTDOSE")):
        assert receiver.send(*part) == 0
        sorter.sort()
    ((name, objects),) = receiver.folders().items()
    assert name.startswith("AB_4711_x-")
    assert objects == uids(made)
    assert receiver.mailbox.waiting() == []
    assert take(receiver.share / "BATCH", name).state == "published"


def test_what_comes_after_publication_is_a_new_set(
    receiver: Receiver, made: MadeSet, take: Callable[[Path, str], Outcome]
) -> None:
    """Even the same objects, which may be another plan's images. Before publication they change nothing."""
    sorter = receiver.sorter()
    assert receiver.send(*files(made, "")) == 0
    sorter.sort()
    ((first, _),) = receiver.folders().items()
    times = {path.name: path.stat().st_mtime_ns for path in (receiver.share / "BATCH" / first).iterdir()}
    assert receiver.send(*files(made, "CT")) == 0
    sorter.sort()
    assert {path.name: path.stat().st_mtime_ns for path in (receiver.share / "BATCH" / first).iterdir()} == times
    assert take(receiver.share / "BATCH", first).state == "published"

    assert receiver.send(*files(made, "")) == 0
    sorter.sort()
    assert receiver.folders() == {first: uids(made), f"{first}-2": uids(made)}
    assert take(receiver.share / "BATCH", f"{first}-2").state == "same-set"
    assert receiver.send(*files(made, "RTPLAN")) == 0
    sorter.sort()
    assert receiver.folders().keys() == {first, f"{first}-2", f"{first}-3"}


def test_two_patients_at_once_stay_apart(receiver: Receiver, tmp_path: Path) -> None:
    """Even if their IDs give similar folder names, or two systems assigned the same ID."""
    sets = [
        make_set(tmp_path, patient("A", patient_id), name=str(number), seed=number)
        for number, patient_id in enumerate(("A/1", "A_1", "B"))
    ]
    senders = ("ECLIPSE", "ECLIPSE", "MONACO")
    sending = [
        threading.Thread(target=receiver.send, args=files(made, ""), kwargs={"sender": sender})
        for made, sender in zip(sets, senders, strict=True)
    ]
    for each in sending:
        each.start()
    sorter = receiver.sorter()
    while any(each.is_alive() for each in sending):
        sorter.sort()
    other = make_set(tmp_path, patient("C", "b "), name="of another system", seed=9)
    assert receiver.send(*files(other, "")) == 0
    sorter.sort()
    found = receiver.folders()
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, map(uids, (*sets, other))))
    assert sorted(name.rpartition("-")[0] for name in found) == ["A_1", "A_1", "B", "b"]


def test_a_patient_without_an_id_is_identified_by_name_and_birth_date(receiver: Receiver, tmp_path: Path) -> None:
    """Two patients get two folders; two spellings differing in case are one patient."""
    sets = [make_set(tmp_path, patient(name, ""), name=name, seed=name) for name in ("Nameless^One", "Nameless^Two")]
    for made in sets:
        assert receiver.send(*files(made, "")) == 0
    receiver.sorter().sort()
    assert sorted(map(sorted, receiver.folders().values())) == sorted(map(sorted, map(uids, sets)))
    assert all(name.startswith("no-ID-") for name in receiver.folders())


def test_a_connection_that_is_cut_and_a_second_try_make_one_set(receiver: Receiver, made: MadeSet) -> None:
    """Complete objects are kept, of an incomplete one nothing."""
    cutting = socket.create_server(("127.0.0.1", 0))
    half = sum(path.stat().st_size for path in files(made, "")) // 2

    def pass_on() -> None:
        sender, _ = cutting.accept()
        with sender, socket.create_connection(("127.0.0.1", receiver.port)) as there:
            threading.Thread(target=_pass_on, args=(there, sender), daemon=True).start()
            passed = 0
            while passed < half and (data := sender.recv(4096)):
                there.sendall(data)
                passed += len(data)
            for end in (sender, there):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=pass_on, daemon=True).start()
    with cutting:
        assert receiver.send(*files(made, ""), port=cutting.getsockname()[1]) != 0
    sorter = receiver.sorter()
    sorter.sort()
    kept = set().union(*receiver.folders().values())
    assert kept < uids(made)
    assert receiver.send(*files(made, "")) == 0
    sorter.sort()
    assert list(receiver.folders().values()) == [uids(made)]


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            to.sendall(data)
    except OSError:
        pass


def test_an_object_that_was_changed_takes_the_place_of_the_old_one(receiver: Receiver, made: MadeSet) -> None:
    """Until its set is published: planning systems resend a plan with the same UID."""
    sorter = receiver.sorter()
    assert receiver.send(*files(made, "")) == 0
    sorter.sort()
    setting("RTPLAN", RTPlanLabel="LATER")(made)
    made.write()
    assert receiver.send(*files(made, "RTPLAN")) == 0
    sorter.sort()
    ((name, objects),) = receiver.folders().items()
    assert objects == uids(made)
    (plan,) = (receiver.share / "BATCH" / name).glob("RTPLAN.*.dcm")
    assert pydicom.dcmread(plan).RTPlanLabel == "LATER"


def test_only_listed_titles_may_send(receiver: Receiver, made: MadeSet) -> None:
    """Unlisted senders and wrong titles are rejected; queries for patients are not answered."""
    assert receiver.send(*files(made, ""), sender="STRANGER") != 0
    assert receiver.send(*files(made, ""), sender="eclipse") != 0
    assert receiver.send(*files(made, ""), called="ANOTHER") != 0
    assert receiver.mailbox.waiting() == []
    ask = ["findscu", "-P", "-aet", "ECLIPSE", "-aec", "RTANON", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID"]
    asked = subprocess.run([*ask, "127.0.0.1", str(receiver.port)], check=False, capture_output=True)
    assert b"AB/4711" not in asked.stdout + asked.stderr
    with pytest.raises(ReceiverAway):
        Mailbox(receiver.mailbox._url, "a-wrong-password").waiting()


def test_objects_without_a_collection_wait_at_the_receiver(receiver: Receiver, made: MadeSet) -> None:
    """Reported once, without a name; sorted once the collection exists. Incomplete objects are ignored."""
    sorter = receiver.sorter()
    assert receiver.send(*files(made, ""), sender="NOWHERE") == 0
    with structlog.testing.capture_logs() as told:
        assert sorter.sort() == sorter.sort() == 0
    assert told == [{"event": "objects.wait", "sender": "NOWHERE", "waits": NOT_A_COLLECTION, "log_level": "warning"}]
    root = make_collection(receiver.share / "TYPO", machine="keep")
    (root / ".being-received-by-one-that-died").write_bytes(b"half")
    with structlog.testing.capture_logs() as told:
        assert receiver.sorter().sort() == len(made.objects)
    for text in (json.dumps(told), receiver.log.read_text()):
        assert "AB/4711" not in text
        assert "Mustermann" not in text
    (folder,) = (path for path in root.iterdir() if path.is_dir() and path.name != ".anonymizer")
    assert len(list(folder.iterdir())) == len(made.objects)
    assert not list(root.glob(".being-received-*"))


def test_a_hospital_has_its_folder(receiver: Receiver, made: MadeSet) -> None:
    """If hospitals have folders, a sender's objects go into one of them."""
    shutil.rmtree(receiver.share / "BATCH")
    root = make_collection(receiver.share / "BATCH", machine="keep", more='[people]\nhospitals = "folder"\n')
    (root / "North").mkdir()
    assert receiver.send(*files(made, "")) == 0
    senders = from_environment({"ANONYMIZER_SENDERS": "ECLIPSE=BATCH/North"}).senders
    Sorter(receiver.mailbox, receiver.share, senders).sort()
    ((folder, objects),) = ((path, list(path.iterdir())) for path in (root / "North").iterdir())
    assert folder.name.startswith("AB_4711_x-")
    assert len(objects) == len(made.objects)


def test_the_service_is_healthy_while_the_receiver_is_unavailable(tmp_path: Path) -> None:
    """It waits and retries; `anonymizer health` reports it healthy."""
    stop = threading.Event()
    sorter = Sorter(Mailbox(f"http://127.0.0.1:{free_port()}", PASSWORD), tmp_path, (), health=tmp_path)
    running = threading.Thread(target=sorter.run, args=(stop,))
    running.start()
    wait_until(lambda: heartbeat.read(tmp_path, heartbeat.SORT))
    stop.set()
    running.join()
    sign = heartbeat.read(tmp_path, heartbeat.SORT)
    assert sign is not None
    assert quick.is_well(heartbeat.SORT, sign, sign.at + 1)
    assert not quick.is_well(heartbeat.SORT, sign, sign.at + 10_000)


@pytest.mark.parametrize(
    "wrong", ["ECLIPSE", "ECLIPSE=", "A\\B=X", "=X", "E=/abs", "E=../x", "E=A, E=B", "X" * 17 + "=A"]
)
def test_invalid_senders_are_refused(wrong: str) -> None:
    """At the start."""
    with pytest.raises(SettingsWrong, match="ANONYMIZER_SENDERS must be"):
        from_environment({"ANONYMIZER_SENDERS": wrong})
