"""Whatever is done to a delivery on its way is told; nothing that was touched is taken, and what was not, is."""

# ruff: noqa: D103 - what is done to a delivery is what the function is called

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.exchange import delivery_key, manifest
from services.exchange.delivery_key import DeliveryKey
from services.runtime.settings import Settings
from services.store.collection import Collection
from tests.delivered import anonymizer, collected
from tests.sets import make_collection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Path:
    """Have three sets published, and delivered twice: two of them as a folder and as a ZIP, the third alone."""
    root = collected(
        tmp_path_factory.mktemp("sender") / "BATCH", module_client, "Huber Josef", "Maier Anna", "Gruber Eva"
    )
    place = root.parent
    assert anonymizer("export", root, place / "out", "--sets", "ANON_006,ANON_007").code == 0
    assert anonymizer("export", root, place / "out.zip", "--sets", "ANON_006,ANON_007").code == 0
    assert anonymizer("export", root, place / "third", "--sets", "ANON_008").code == 0
    return place


@pytest.fixture
def out(sender: Path, tmp_path: Path) -> Path:
    """Have the delivery on a disk of its own."""
    return shutil.copytree(sender / "out", tmp_path / "out")


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """Make a collection of another centre."""
    return make_collection(tmp_path / "CENTRE", patient_id="multi", family_name="Multi")


def key_of(sender: Path) -> DeliveryKey:
    """Return the sender's key."""
    return delivery_key.of_user(Collection.look(sender / "BATCH"), Settings())


def taken(delivery: Path, centre: Path, sender: Path, *more: object) -> tuple[int, dict[str, Any]]:
    """Receive a delivery from a sender who is trusted."""
    trusted = delivery_key.fingerprint(key_of(sender).public)
    said = anonymizer("receive", delivery, centre, "--trust", trusted, "--json", *more)
    assert said.text.startswith("{"), said.text
    return said.code, json.loads(said.text)


def states(told: dict[str, Any]) -> dict[str, str]:
    """Tell what became of each set."""
    return {one["folder"]: one["state"] for one in told["sets"]}


def anons(centre: Path) -> list[str]:
    """Return what is published."""
    return sorted(path.name for path in centre.glob("ANON_*"))


def signed(out: Path, sender: Path, change: Callable[[dict[str, Any]], None], key: DeliveryKey | None = None) -> None:
    """Change the manifest, and sign it anew: what only a sender can do."""
    said = json.loads((out / manifest.NAME).read_bytes())
    change(said)
    data = json.dumps(said).encode()
    (out / manifest.NAME).write_bytes(data)
    (out / manifest.SIGNATURE).write_bytes((key or key_of(sender)).sign(data))


def resigned(out: Path, sender: Path, folder: str) -> None:
    """Have the manifest say what a set's files are now: a sender whose program is another one."""

    def change(said: dict[str, Any]) -> None:
        (entry,) = [one for one in said["sets"] if one["folder"] == folder]
        entry["files"] = {
            path.name: {"size": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
            for path in sorted((out / folder).iterdir())
        }
        entry["fingerprint"] = manifest.fingerprint_of({name: one["sha256"] for name, one in entry["files"].items()})

    signed(out, sender, change)


def first(out: Path, prefix: str, folder: str = "ANON_006") -> Path:
    """Return a file of a set."""
    return min((out / folder).glob(f"{prefix}.*"))


# What is done to one set: it is refused, and the other is taken -----------------------------------------------------


def a_byte_is_changed(out: Path) -> None:
    path = first(out, "CT")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def a_file_is_cut_off(out: Path) -> None:
    path = first(out, "RD")
    path.write_bytes(path.read_bytes()[:-2])


def a_file_is_missing(out: Path) -> None:
    first(out, "RS").unlink()


def a_file_is_added(out: Path) -> None:
    shutil.copy(first(out, "CT"), out / "ANON_006" / "CT.2.25.1.dcm")


def a_file_has_another_name(out: Path) -> None:
    first(out, "RP").rename(out / "ANON_006" / "RP.2.25.1.dcm")


def a_file_is_a_link(out: Path) -> None:
    path = first(out, "RP")
    elsewhere = out.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def two_files_are_exchanged(out: Path) -> None:
    one, other = first(out, "CT"), max((out / "ANON_006").glob("CT.*"))
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def a_set_is_stripped(out: Path) -> None:
    for path in (out / "ANON_006").glob("CT.*"):
        path.unlink()


def a_set_is_missing(out: Path) -> None:
    shutil.rmtree(out / "ANON_006")


def a_file_of_the_other_set(out: Path) -> None:
    shutil.copy(first(out, "RD", "ANON_007"), first(out, "RD"))


TOUCHED = [
    a_byte_is_changed,
    a_file_is_cut_off,
    a_file_is_missing,
    a_file_is_added,
    a_file_has_another_name,
    a_file_is_a_link,
    two_files_are_exchanged,
    a_set_is_stripped,
    a_set_is_missing,
    a_file_of_the_other_set,
]


@pytest.mark.parametrize("tamper", TOUCHED, ids=lambda one: one.__name__)
def test_a_set_that_was_touched_is_refused_and_the_other_is_taken(
    out: Path, centre: Path, sender: Path, tamper: Callable[[Path], None]
) -> None:
    """It is told which file it is."""
    tamper(out)
    code, told = taken(out, centre, sender)
    assert code == 1
    assert states(told) == {"ANON_006": "refused", "ANON_007": "taken"}
    assert told["sets"][0]["says"]
    assert anons(centre) == ["ANON_006"]


def test_a_set_of_another_delivery_that_was_put_in_is_refused(out: Path, centre: Path, sender: Path) -> None:
    """Merged from two: it is in no manifest."""
    shutil.copytree(sender / "third" / "ANON_008", out / "ANON_008")
    code, told = taken(out, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "taken", "ANON_007": "taken", "ANON_008": "refused"})


@pytest.mark.parametrize("change", ["another sheet", "no table", "something beside"])
def test_what_lies_beside_the_sets_is_told(out: Path, centre: Path, sender: Path, change: str) -> None:
    """The sets are what they were, and are taken."""
    if change == "another sheet":
        (out / "sheets" / "report.html").write_bytes(b"<html>all is well</html>")
    elif change == "no table":
        (out / "tables" / "sets.csv").unlink()
    else:
        (out / "read me.exe").write_bytes(b"MZ")
    code, told = taken(out, centre, sender)
    assert (code, len(told["wrong"]), set(states(told).values())) == (1, 1, {"taken"})


# What is done to the delivery: nothing is taken ----------------------------------------------------------------------


def the_manifest_is_changed(out: Path, sender: Path) -> None:
    path = out / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"unread_words": false', b'"unread_words": true '))


def the_manifest_is_missing(out: Path, sender: Path) -> None:
    (out / manifest.NAME).unlink()


def the_manifest_is_no_json(out: Path, sender: Path) -> None:
    (out / manifest.NAME).write_bytes(b"[" * 100_000)


def the_signature_is_missing(out: Path, sender: Path) -> None:
    (out / manifest.SIGNATURE).unlink()


def the_signature_is_another(out: Path, sender: Path) -> None:
    shutil.copy(sender / "third" / manifest.SIGNATURE, out / manifest.SIGNATURE)


def the_signature_is_longer(out: Path, sender: Path) -> None:
    path = out / manifest.SIGNATURE
    path.write_bytes(path.read_bytes() + b"\0")


def the_manifest_is_of_another_delivery(out: Path, sender: Path) -> None:
    shutil.copy(sender / "third" / manifest.NAME, out / manifest.NAME)


def it_is_signed_with_another_key(out: Path, sender: Path) -> None:
    other = DeliveryKey(Ed25519PrivateKey.generate())

    def change(said: dict[str, Any]) -> None:
        said["sender"]["key"] = b64encode(other.public).decode()
        said["sender"]["fingerprint"] = delivery_key.fingerprint(other.public)

    signed(out, sender, change, other)


def it_is_signed_with_another_key_and_names_the_right_one(out: Path, sender: Path) -> None:
    signed(out, sender, lambda _: None, DeliveryKey(Ed25519PrivateKey.generate()))


def it_states_the_right_fingerprint_for_another_key(out: Path, sender: Path) -> None:
    other = DeliveryKey(Ed25519PrivateKey.generate())
    signed(out, sender, lambda said: said["sender"].update(key=b64encode(other.public).decode()), other)


def a_name_leads_out_of_it(out: Path, sender: Path) -> None:
    def change(said: dict[str, Any]) -> None:
        files = said["sets"][0]["files"]
        files["../../escaped.dcm"] = files.pop(next(iter(files)))

    signed(out, sender, change)


def a_set_is_named_twice(out: Path, sender: Path) -> None:
    signed(out, sender, lambda said: said["sets"].append(said["sets"][0]))


def a_set_is_delivered_and_withdrawn(out: Path, sender: Path) -> None:
    signed(out, sender, lambda said: said["withdrawn"].append({"folder": "ANON_006"}))


def it_is_of_a_newer_schema(out: Path, sender: Path) -> None:
    signed(out, sender, lambda said: said.update(schema=99))


WHOLE = [
    the_manifest_is_changed,
    the_manifest_is_missing,
    the_manifest_is_no_json,
    the_signature_is_missing,
    the_signature_is_another,
    the_signature_is_longer,
    the_manifest_is_of_another_delivery,
    it_is_signed_with_another_key,
    it_is_signed_with_another_key_and_names_the_right_one,
    it_states_the_right_fingerprint_for_another_key,
    a_name_leads_out_of_it,
    a_set_is_named_twice,
    a_set_is_delivered_and_withdrawn,
    it_is_of_a_newer_schema,
]


@pytest.mark.parametrize("tamper", WHOLE, ids=lambda one: one.__name__)
def test_nothing_is_taken_of_a_delivery_that_its_sender_did_not_sign(
    out: Path, centre: Path, sender: Path, tamper: Callable[[Path, Path], None]
) -> None:
    """And it is said why."""
    tamper(out, sender)
    code, told = taken(out, centre, sender)
    assert (code, told["sets"], bool(told["refused"])) == (1, [], True)
    assert anons(centre) == []


# ZIP -----------------------------------------------------------------------------------------------------------------


def zipped(sender: Path, target: Path, change: Callable[[zipfile.ZipFile], None], without: str = "") -> Path:
    """Pack the delivery once more, with something done to it."""
    with zipfile.ZipFile(sender / "out.zip") as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != without:
                new.writestr(entry.filename, old.read(entry))
        change(new)
    return target


def link(name: str) -> zipfile.ZipInfo:
    """Make the entry of a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


ZIP_TRICKS: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "a name that leads out": lambda new: new.writestr("../escaped.txt", b"out"),
    "an absolute name": lambda new: new.writestr("/tmp/escaped.txt", b"out"),
    "a name with backslashes": lambda new: new.writestr(r"..\escaped.txt", b"out"),
    "a drive": lambda new: new.writestr("C:escaped.txt", b"out"),
    "a link": lambda new: new.writestr(link("sheets/link"), b"/etc/passwd"),
    "a name in other letters once more": lambda new: new.writestr("DELIVERY.JSON", b"{}"),
}


@pytest.mark.parametrize("trick", ZIP_TRICKS)
def test_a_zip_with_tricks_is_refused_whole(tmp_path: Path, centre: Path, sender: Path, trick: str) -> None:
    """Nothing of it is written anywhere."""
    packed = zipped(sender, tmp_path / "tricks.zip", ZIP_TRICKS[trick])
    before = {path.name for path in tmp_path.iterdir()}
    code, told = taken(packed, centre, sender)
    assert (code, told["sets"], bool(told["refused"])) == (1, [], True)
    assert {path.name for path in tmp_path.iterdir()} == before
    assert not os.path.lexists("/tmp/escaped.txt")
    assert [path.name for path in (centre / ".anonymizer" / "received").iterdir()] == [".lock"]


def test_a_zip_that_claims_one_size_and_holds_another_fills_no_disk(tmp_path: Path, centre: Path, sender: Path) -> None:
    """It is unpacked as far as the manifest says, and the set is refused."""
    with zipfile.ZipFile(sender / "out.zip") as old:
        name = next(name for name in old.namelist() if name.startswith("ANON_006/CT."))
    packed = zipped(sender, tmp_path / "bomb.zip", lambda new: new.writestr(name, bytes(50 << 20)), without=name)
    code, told = taken(packed, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "refused", "ANON_007": "taken"})


def test_a_zip_that_was_cut_off_or_is_none_is_refused(tmp_path: Path, centre: Path, sender: Path) -> None:
    """It has no directory."""
    (tmp_path / "half.zip").write_bytes((sender / "out.zip").read_bytes()[:-100])
    assert taken(tmp_path / "half.zip", centre, sender)[0] == 1
    assert anons(centre) == []


# What only a sender can do: a set that is signed and not what it claims ----


def edited(out: Path, prefix: str, change: Callable[[pydicom.Dataset], None]) -> None:
    """Change all objects of a kind in a set."""
    for path in (out / "ANON_006").glob(f"{prefix}.*"):
        data = pydicom.dcmread(path)
        change(data)
        pydicom.dcmwrite(path, data)


def a_patient_name_that_came_back(out: Path) -> None:
    edited(out, "RP", lambda data: setattr(data, "PatientName", "Huber^Josef"))


def an_institution(out: Path) -> None:
    edited(out, "CT", lambda data: setattr(data, "InstitutionName", "St. Anna"))


def a_private_element(out: Path) -> None:
    def change(data: pydicom.Dataset) -> None:
        data.private_block(0x3285, "Huber", create=True).add_new(1, "LO", "Josef")

    edited(out, "RS", change)


def a_referring_physician(out: Path) -> None:
    edited(out, "RD", lambda data: setattr(data, "ReferringPhysicianName", "Dr. Maier"))


def no_word_of_what_was_done(out: Path) -> None:
    edited(out, "CT", lambda data: delattr(data, "DeidentificationMethod"))


def another_method(out: Path) -> None:
    edited(out, "RP", lambda data: setattr(data, "DeidentificationMethod", "rt-set-anonymizer 9.9"))


def another_frame_of_reference(out: Path) -> None:
    edited(out, "RD", lambda data: setattr(data, "FrameOfReferenceUID", "2.25.7"))


def a_broken_link(out: Path) -> None:
    def change(data: pydicom.Dataset) -> None:
        data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = "2.25.7"

    edited(out, "RD", change)


@pytest.mark.parametrize(
    "tamper",
    [
        a_patient_name_that_came_back,
        an_institution,
        a_private_element,
        a_referring_physician,
        no_word_of_what_was_done,
        another_method,
        another_frame_of_reference,
        a_broken_link,
    ],
    ids=lambda one: one.__name__,
)
def test_a_set_that_is_not_what_it_claims_is_refused(
    out: Path, centre: Path, sender: Path, tamper: Callable[[Path], None]
) -> None:
    """Though its sender signed it."""
    tamper(out)
    resigned(out, sender, "ANON_006")
    code, told = taken(out, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "refused", "ANON_007": "taken"})
    assert told["sets"][0]["says"]


# Replayed ------------------------------------------------------------------------------------------------------------


def test_a_delivery_that_comes_again_changes_nothing_and_is_told(out: Path, centre: Path, sender: Path) -> None:
    """Nor does another one of the same id, which cannot be genuine."""
    assert taken(out, centre, sender)[0] == 0
    code, told = taken(out, centre, sender)
    assert (code, set(states(told).values())) == (0, {"there already"})
    assert "received before" in told["says"][0]
    signed(out, sender, lambda said: said.update(made="2026-01-01T00:00:00+00:00"))
    code, told = taken(out, centre, sender)
    assert (code, told["sets"]) == (1, [])
    assert anons(centre) == ["ANON_006", "ANON_007"]
