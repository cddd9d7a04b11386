"""A coordinating centre: deliveries of several hospitals become one collection, which exports in turn."""

from __future__ import annotations

import json
import shlex
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from services.exchange import delivery_key
from services.exchange.incoming.decision import Decision
from services.publication import republish
from services.runtime.settings import Settings
from services.store.collection import Collection
from tests.delivered import age_keys, anonymizer, collected, publish
from tests.integration.test_run import tracking_lines
from tests.judge import objects
from tests.sets import make_collection, make_set, setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pydicom
    import redis

RENUMBER = '[receive]\nidentity = "renumber"\n'


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Path:
    """Provide two hospitals with the same prefix and two delivered sets each; they share one patient."""
    place = tmp_path_factory.mktemp("hospitals")
    for name, patients in (("North", ("Huber Josef", "Maier Anna")), ("South", ("Huber Josef", "Gruber Eva"))):
        root = collected(place / name, module_client, *patients, hospital=name)
        with _home(place / f"home of {name}"):
            assert anonymizer("export", root, place / f"from {name}", "--hospital-name").code == 0
    return place


class _home:  # noqa: N801 - used as a function
    """Act as another institution's user for a while."""

    def __init__(self, place: Path) -> None:
        self._place, self._patch = place, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        self._patch.setenv("XDG_CONFIG_HOME", str(self._place))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


@pytest.fixture
def own(hospitals: Path, tmp_path: Path) -> Path:
    """Provide hospitals and deliveries on their own disk."""
    for path in hospitals.iterdir():
        shutil.copytree(path, tmp_path / path.name)
    return tmp_path


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path) -> Iterator[None]:
    with _home(tmp_path / "home of the centre"):
        yield


def centre(place: Path, more: str = RENUMBER) -> Path:
    """Make the centre's collection."""
    return make_collection(place / "CENTRE", patient_id="multi", family_name="Multi", more=more)


def fingerprint(place: Path, name: str) -> str:
    """Return a hospital's fingerprint, as told by telephone."""
    with _home(place / f"home of {name}"):
        key = delivery_key.of_user(Collection.look(place / name), Settings())
    return delivery_key.grouped(delivery_key.fingerprint(key.public))


def received(place: Path, name: str, *more: object) -> tuple[int, dict[str, tuple[str, str]], dict[str, Any]]:
    """Receive a hospital's delivery, and return each set's state and number."""
    delivery = more[0] if more else place / f"from {name}"
    said = anonymizer("receive", delivery, place / "CENTRE", "--trust", fingerprint(place, name), "--json", *more[1:])
    assert said.text.startswith("{"), said.text
    told = json.loads(said.text)
    return said.code, {one["folder"]: (one["state"], one["anon"]) for one in told["sets"]}, told


def lines(root: Path) -> list[str]:
    """Read the tracking file."""
    return tracking_lines(root)[1:]


def test_delivered_sets_are_kept_as_they_are_unless_that_makes_two_people_one(own: Path) -> None:
    """The second hospital's ANON_006 is another person with the same ID: it waits, and is not taken."""
    root = centre(own, more="")
    assert received(own, "North")[:2] == (0, {"ANON_006": ("taken", "ANON_006"), "ANON_007": ("taken", "ANON_007")})
    assert {path.name: path.read_bytes() for path in (root / "ANON_006").iterdir()} == {
        path.name: path.read_bytes() for path in (own / "from North" / "ANON_006").iterdir()
    }
    code, states, told = received(own, "South")
    assert (code, states) == (1, {"ANON_006": ("waits", ""), "ANON_007": ("waits", "")})
    assert "another person's here" in " ".join(told["sets"][0]["says"])
    assert sorted(path.name for path in root.glob("ANON_*")) == ["ANON_006", "ANON_007"]
    assert [line.split(", ")[::3] for line in lines(root)] == [["zzz_AnusGE006", "North"], ["zzz_AnusGE007", "North"]]


def test_many_sets_with_the_same_data_are_counted() -> None:
    """Those of one phantom would else be named in a sentence each, in the remarks on each of them."""

    def said(*alike: tuple[str, list[str]]) -> list[str]:
        known = SimpleNamespace(like=lambda *_: list(alike))
        return Decision(*cast("Any", (None, None, known, (), None)), by_person=True)._alike({}, None, "")

    copies = [(f"ANON_{index:03d}", ["dose", "contours"]) for index in range(1, 97)]
    some = "ANON_001, ANON_002, ANON_003"
    assert said(*copies, ("ANON_097", ["ct", "dose", "contours"])) == [
        "It has the same data as ANON_097 (CT, dose, contours): one patient twice?",
        f"It has the same data as {some} and 93 other sets (dose, contours): one patient in all of them?",
    ]
    assert said(*copies[:2]) == ["It has the same data as ANON_001, ANON_002 (dose, contours): one patient twice?"]
    assert said() == []


def test_renumbered_sets_of_two_hospitals_do_not_collide(own: Path) -> None:
    """Only identity and UIDs change, one to one; a patient of both hospitals is reported."""
    root = centre(own)
    assert received(own, "North")[:2] == (0, {"ANON_006": ("taken", "ANON_006"), "ANON_007": ("taken", "ANON_007")})
    code, states, told = received(own, "South")
    assert (code, states) == (0, {"ANON_006": ("taken", "ANON_008"), "ANON_007": ("taken", "ANON_009")})
    assert "It has the same data as ANON_006 (CT, dose, contours): one patient twice?" in told["sets"][0]["says"]
    assert not [says for says in told["sets"][1]["says"] if says.startswith("ct")]
    new = [line.split(", ")[1] for line in lines(root)]
    assert new == ["multi006", "multi007", "multi008", "multi009"]
    assert [line.split(", ")[0] for line in lines(root)] == ["zzz_AnusGE006", "zzz_AnusGE007"] * 2
    assert [line.rsplit(", ", 1)[1] for line in lines(root)] == ["North", "North", "South", "South"]

    before, after = objects(own / "from South" / "ANON_006"), objects(root / "ANON_008")
    assert before.keys() == after.keys()
    for kind, old in before.items():
        assert (after[kind].PatientID, str(after[kind].PatientName)) == ("multi008", "Multi008^First")
        assert different(old, after[kind]) <= {"UI", "PatientID", "PatientName"}
    assert not uids(before) & uids(after)
    assert anonymizer("doctor", root).code == 0
    assert anonymizer("export", root, own / "onward").code == 0
    assert len(json.loads((own / "onward" / "delivery.json").read_bytes())["sets"]) == 4


def different(old: pydicom.Dataset, new: pydicom.Dataset) -> set[str]:
    """Return what differs: `UI`, or the keyword of anything else."""
    found: set[str] = set()
    assert [element.tag for element in old] == [element.tag for element in new]
    for one, other in zip(old, new, strict=True):
        if one.VR == "SQ":
            assert len(one.value) == len(other.value)
            for before, after in zip(one.value, other.value, strict=True):
                found |= different(before, after)
        elif one.value != other.value:
            found.add("UI" if one.VR == "UI" else one.keyword)
    return found


def uids(of: dict[str, pydicom.Dataset]) -> set[str]:
    """Return a set's own UIDs."""
    return {
        str(element.value)
        for data in of.values()
        for element in data.iterall()
        if element.VR == "UI" and str(element.value).startswith("2.25.")
    }


@pytest.mark.parametrize("more", ["", RENUMBER])
def test_a_revision_and_a_withdrawal_arrive(own: Path, client: redis.Redis, more: str) -> None:
    """Under the set's number here; an older delivery received again reverts nothing."""
    root, north = centre(own, more), own / "North"
    received(own, "North")
    (north / "structures.csv").write_text("source,target,state,sets,note\nPTV,PTV_High,confirmed,,\n")
    republish.request(Collection.open(north), 6)
    publish(north, client, "Huber Josef")
    with _home(own / "home of North"):
        anonymizer("export", north, own / "second")
    code, states, _ = received(own, "North", own / "second")
    assert (code, states) == (0, {"ANON_006": ("revised", "ANON_006"), "ANON_007": ("there already", "ANON_007")})
    names = [roi.ROIName for roi in objects(root / "ANON_006")["RTSTRUCT"].StructureSetROISequence]
    assert "PTV_High" in names
    assert received(own, "North")[1]["ANON_006"] == ("told", "ANON_006")

    anonymizer("withdraw", north, "ANON_006")
    with _home(own / "home of North"):
        anonymizer("export", north, own / "third")
    code, states, _ = received(own, "North", own / "third")
    assert (code, states["ANON_006"]) == (0, ("withdrawn", "ANON_006"))
    assert not (root / "ANON_006").exists()
    assert (root / ".anonymizer" / "withdrawn" / "ANON_006").is_dir()
    assert [line.split(", ")[0] for line in lines(root)] == ["zzz_AnusGE007"]
    assert received(own, "North")[1]["ANON_006"] == ("told", "ANON_006")


def test_a_set_is_not_taken_after_its_withdrawal(own: Path) -> None:
    """A delivery that was on its way longer than the recall arrives after it; other senders are not affected."""
    root, north = centre(own), own / "North"
    anonymizer("withdraw", north, "ANON_006")
    with _home(own / "home of North"):
        anonymizer("export", north, own / "recall")
    assert received(own, "North", own / "recall")[1] == {"ANON_006": ("told", ""), "ANON_007": ("taken", "ANON_006")}
    code, states, told = received(own, "North")
    assert (code, states) == (0, {"ANON_006": ("told", ""), "ANON_007": ("there already", "ANON_006")})
    assert told["sets"][0]["says"] == ["Its sender has withdrawn it; it is not taken."]
    assert received(own, "South")[1]["ANON_006"] == ("taken", "ANON_007")
    assert len(lines(root)) == len(list(root.glob("ANON_*"))) == 3


def test_status_lists_what_was_received(own: Path) -> None:
    """A collection that only receives has sets without folders other than their ANON folders."""
    root = centre(own)
    assert "no sets" in anonymizer("status", root).text
    received(own, "North")
    anonymizer("withdraw", root, "ANON_006")
    said = anonymizer("status", root, "--json")
    assert [
        [one[key] for key in ("folder", "state", "anon", "hospital")] for one in json.loads(said.text)[0]["sets"]
    ] == [
        ["received: ANON_006", "withdrawn", "ANON_006", ""],
        ["received: ANON_007", "published", "ANON_007", "North"],
    ]
    said = anonymizer("status", root, "--all")
    assert (said.code, "1 withdrawn, 1 published" in said.text, "ANON_007" in said.text) == (0, True, True)


def test_a_withdrawal_by_another_sender_is_ignored(own: Path) -> None:
    """A withdrawal applies only to sets with the same key."""
    root = centre(own)
    received(own, "North")
    south = own / "South"
    anonymizer("withdraw", south, "ANON_006")
    with _home(own / "home of South"):
        anonymizer("export", south, own / "recall")
    assert received(own, "South", own / "recall")[1]["ANON_006"] == ("told", "")
    assert (root / "ANON_006").is_dir()


def test_a_set_that_was_changed_here_is_not_withdrawn_in_silence(own: Path) -> None:
    """It is reported instead."""
    root, north = centre(own), own / "North"
    received(own, "North")
    path = min((root / "ANON_006").glob("RP.*"))
    path.write_bytes(path.read_bytes() + b"\0\0")
    anonymizer("withdraw", north, "ANON_006")
    with _home(own / "home of North"):
        anonymizer("export", north, own / "recall")
    assert received(own, "North", own / "recall")[1]["ANON_006"] == ("told", "ANON_006")
    assert (root / "ANON_006").is_dir()


def test_a_key_is_trusted_once_a_person_confirms_it(own: Path) -> None:
    """At first use by its fingerprint, then permanently; another key never is."""
    root = centre(own)
    refused = anonymizer("receive", own / "from North", root)
    assert (refused.code, fingerprint(own, "North") in " ".join(refused.text.split())) == (1, True)
    _, _, advised = " ".join(refused.text.split()).partition("If it is the same: anonymizer ")
    assert shlex.split(advised) == [
        "receive",
        *map(str, (own / "from North", root)),
        "--trust",
        fingerprint(own, "North"),
    ]
    assert anonymizer("receive", own / "from North", root, "--trust", fingerprint(own, "South")).code == 1
    assert anonymizer("receive", own / "from North", root, "--trust", "1234").code == 2
    assert not list(root.glob("ANON_*"))
    spoken = fingerprint(own, "North").lower().replace(" ", "-")
    assert anonymizer("receive", own / "from North", root, "--trust", spoken).code == 0
    assert anonymizer("receive", own / "from North", root).code == 0
    assert anonymizer("receive", own / "from South", root).code == 1


def test_fingerprints_listed_in_a_file_are_trusted(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANONYMIZER_TRUSTED_KEYS_FILE`, with remarks."""
    root = centre(own)
    (own / "trusted").write_text(f"# hospitals\n{fingerprint(own, 'North')}  # North\n")
    monkeypatch.setenv("ANONYMIZER_TRUSTED_KEYS_FILE", str(own / "trusted"))
    assert anonymizer("receive", own / "from North", root, "--hospital", "St. Anna").code == 0
    assert {line.rsplit(", ", 1)[1] for line in lines(root)} == {"St. Anna"}
    assert anonymizer("receive", own / "from South", root).code == 1


def test_an_encrypted_delivery_is_opened_with_its_identity(own: Path) -> None:
    """With no other."""
    root = centre(own)
    public, private = age_keys(own)
    with _home(own / "home of North"):
        anonymizer("export", own / "North", own / "sent", "--encrypt-to", public)
    assert anonymizer("receive", own / "sent", root, "--trust", fingerprint(own, "North")).code == 2
    (own / "other").mkdir()
    _, wrong = age_keys(own / "other")
    assert received(own, "North", own / "sent", "--identity", wrong)[0] == 1
    code, states, _ = received(own, "North", own / "sent", "--identity", private)
    assert (code, set(states)) == (0, {"ANON_006", "ANON_007"})
    assert [path.name for path in (root / ".anonymizer" / "received").iterdir() if path.is_dir()] == []


def test_one_delivered_person_stays_one_in_later_deliveries(own: Path, client: redis.Redis) -> None:
    """Their later set has the same new identity, and links between its UIDs hold."""
    root, north = centre(own), own / "North"
    with _home(own / "home of North"):
        anonymizer("export", north, own / "one", "--sets", "ANON_007", "--hospital-name")
    received(own, "North", own / "one")
    received(own, "South")
    received(own, "North")
    by_number = {line.split(", ")[1]: line.split(", ")[::3] for line in lines(root)}
    assert by_number == {
        "multi006": ["zzz_AnusGE007", "North"],
        "multi007": ["zzz_AnusGE006", "South"],
        "multi008": ["zzz_AnusGE007", "South"],
        "multi009": ["zzz_AnusGE006", "North"],
    }
    assert received(own, "North")[1]["ANON_007"] == ("there already", "ANON_006")


def test_a_person_stays_who_they_became_when_their_first_set_is_forgotten(own: Path, client: redis.Redis) -> None:
    """Their later set has the second one's identity here, not one of its own number."""
    root, west = centre(own), make_collection(own / "West")
    (west / "identities.csv").write_text("original_id,patient_id\nA1,study-17\n")
    for name in ("first", "second", "third"):
        make_set(west, setting(PatientID="A1"), name=name, seed=name)
        publish(west, client, name)
    with _home(own / "home of West"):
        anonymizer("export", west, own / "one", "--sets", "ANON_006,ANON_007", "--unread-words")
        anonymizer("export", west, own / "two", "--unread-words")
    assert received(own, "West", own / "one")[0] == 0
    assert anonymizer("forget", root, "ANON_006").code == 0
    code, states, _ = received(own, "West", own / "two")
    assert (code, states["ANON_006"][0], states["ANON_008"]) == (1, "waits", ("taken", "ANON_008"))
    assert [line.split(", ")[1] for line in lines(root)] == ["multi006", "multi006"]


def test_a_number_that_a_restored_share_forgot_is_not_given_again(
    own: Path, client: redis.Redis, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collection pauses, as for dropped sets, until a person states the number to continue above."""
    del client  # its server is empty
    monkeypatch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{redis_server}")
    root = centre(own)
    Collection.open(root)
    shutil.copytree(root, own / "backup")
    assert received(own, "North")[1]["ANON_007"] == ("taken", "ANON_007")
    shutil.rmtree(root)
    (own / "backup").rename(root)
    paused = anonymizer("receive", own / "from South", root, "--trust", fingerprint(own, "South"))
    assert (paused.code, "anonymizer new ROOT --continue --above 7" in paused.text) == (2, True)
    assert not list(root.glob("ANON_*"))
    assert anonymizer("new", root, "--continue", "--above", 7).code == 0
    assert received(own, "South")[:2] == (0, {"ANON_006": ("taken", "ANON_008"), "ANON_007": ("taken", "ANON_009")})


def test_without_the_services_redis_nothing_is_taken(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers may differ from those on the share; one sentence says so."""
    root = centre(own)
    monkeypatch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{own}/nowhere.sock")
    said = anonymizer("receive", own / "from North", root, "--trust", fingerprint(own, "North"))
    assert (said.code, "Redis is unavailable" in said.text, list(root.glob("ANON_*"))) == (2, True, [])
