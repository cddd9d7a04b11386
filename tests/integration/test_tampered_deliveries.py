"""Manipulations of a delivery are reported; affected sets are refused, the others taken."""

# ruff: noqa: D103 - what is done to a delivery is what the function is called

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import zipfile
import zlib
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.exchange import delivery_key, manifest
from services.exchange.delivery_key import DeliveryKey
from services.runtime.settings import Settings
from services.store import records
from services.store.collection import Collection
from tests.delivered import anonymizer, collected
from tests.sets import make_collection

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Path:
    """Publish three sets, and deliver them twice: two as folder and ZIP, the third alone."""
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
    """Copy the delivery to its own disk."""
    return shutil.copytree(sender / "out", tmp_path / "out")


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """Make a collection of another centre."""
    return make_collection(tmp_path / "CENTRE", patient_id="multi", family_name="Multi")


def key_of(sender: Path) -> DeliveryKey:
    """Return the sender's key."""
    return delivery_key.of_user(Collection.look(sender / "BATCH"), Settings())


def taken(delivery: Path, centre: Path, sender: Path, *more: object) -> tuple[int, dict[str, Any]]:
    """Receive a delivery from a trusted sender."""
    trusted = delivery_key.fingerprint(key_of(sender).public)
    said = anonymizer("receive", delivery, centre, "--trust", trusted, "--json", *more)
    assert said.text.startswith("{"), said.text
    return said.code, json.loads(said.text)


def states(told: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of each set."""
    return {one["folder"]: one["state"] for one in told["sets"]}


def anons(centre: Path) -> list[str]:
    """Return the published ANON folders."""
    return sorted(path.name for path in centre.glob("ANON_*"))


def signed(out: Path, sender: Path, change: Callable[[dict[str, Any]], None], key: DeliveryKey | None = None) -> None:
    """Change the manifest, and sign it again, as only a sender can."""
    said = json.loads((out / manifest.NAME).read_bytes())
    change(said)
    data = json.dumps(said).encode()
    (out / manifest.NAME).write_bytes(data)
    (out / manifest.SIGNATURE).write_bytes((key or key_of(sender)).sign(data))


def resigned(out: Path, sender: Path, folder: str) -> None:
    """Make the manifest state a set's current files: a sender with another program."""

    def change(said: dict[str, Any]) -> None:
        (entry,) = [one for one in said["sets"] if one["folder"] == folder]
        entry["files"] = {
            path.name: {"size": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
            for path in sorted((out / folder).iterdir())
        }
        entry["fingerprint"] = records.digest_over({name: one["sha256"] for name, one in entry["files"].items()})

    signed(out, sender, change)


def first(out: Path, prefix: str, folder: str = "ANON_006") -> Path:
    """Return the first file of a set."""
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
    """The file is named."""
    tamper(out)
    code, told = taken(out, centre, sender)
    assert code == 1
    assert states(told) == {"ANON_006": "refused", "ANON_007": "taken"}
    assert told["sets"][0]["says"]
    assert anons(centre) == ["ANON_006"]


def test_of_many_files_with_the_same_error_some_are_named(
    out: Path, tmp_path: Path, centre: Path, sender: Path
) -> None:
    """A set that was mixed up as a whole fills no page."""
    for folder in ("ANON_006", "more"):
        (out / folder).mkdir(exist_ok=True)
        for number in range(70):
            (out / folder / f"{number:02}").touch()
    for delivery in (out, Path(shutil.make_archive(str(tmp_path / "out"), "zip", out))):
        code, told = taken(delivery, centre, sender)
        assert code == 1
        for folder, says in (("ANON_006", told["sets"][0]["says"]), ("more", told["wrong"])):
            assert says == [
                *(f"{folder}/0{number} was added: it is not in the manifest." for number in range(5)),
                "The same is true of 65 more files.",
            ]


def test_a_set_of_another_delivery_that_was_put_in_is_refused(out: Path, centre: Path, sender: Path) -> None:
    """The merged set is in no manifest."""
    shutil.copytree(sender / "third" / "ANON_008", out / "ANON_008")
    code, told = taken(out, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "taken", "ANON_007": "taken", "ANON_008": "refused"})


@pytest.mark.parametrize("change", ["another sheet", "no table", "something beside"])
def test_what_lies_beside_the_sets_is_reported(out: Path, centre: Path, sender: Path, change: str) -> None:
    """The sets are unchanged, and are taken."""
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
    """With a reason."""
    tamper(out, sender)
    code, told = taken(out, centre, sender)
    assert (code, told["sets"], bool(told["refused"])) == (1, [], True)
    assert anons(centre) == []


# What a sender signs though two programs may read two things in it, or none ------------------------------------------


def written(out: Path, sender: Path, change: Callable[[bytes], bytes]) -> None:
    """Write other bytes of the manifest, and sign them."""
    data = change((out / manifest.NAME).read_bytes())
    (out / manifest.NAME).write_bytes(data)
    (out / manifest.SIGNATURE).write_bytes(key_of(sender).sign(data))


OTHER_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "a name twice": lambda data: data.replace(b"{", b'{"sets": [], ', 1),
    "a name twice, further in": lambda data: data.replace(b'"revision": 1', b'"revision": 7, "revision": 1', 1),
    "a number that is none": lambda data: data.replace(b'"highest_number": 8', b'"highest_number": NaN'),
    "a number of five thousand digits": lambda data: data.replace(b'"revision": 1', b'"revision": ' + b"9" * 5000, 1),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "a mark of UTF-8": lambda data: b"\xef\xbb\xbf" + data,
    "a letter of Latin-1": lambda data: data.replace(b'"product": {', b'"product": {"\xe9": 1,'),
    "a second manifest behind it": lambda data: data + data,
    "a zero behind it": lambda data: data + b"\0",
}


@pytest.mark.parametrize("change", OTHER_BYTES)
def test_a_manifest_that_can_be_read_in_two_ways_is_none(out: Path, centre: Path, sender: Path, change: str) -> None:
    """Programs choose between two values: one checks the first, another takes the second."""
    before = (out / manifest.NAME).read_bytes()
    written(out, sender, OTHER_BYTES[change])
    assert (out / manifest.NAME).read_bytes() != before
    code, told = taken(out, centre, sender)
    assert (code, told) == (1, {"refused": "delivery.json is not the manifest of a delivery.", "sets": []})
    assert anons(centre) == []


OTHER_VALUES: dict[str, Any] = {
    "revision": [True, 0, -4, 1.0, "1", 10**30],
    "verdicts": [["a"], "x", {"a": [1]}, {"a": None}, {"a": "1"}, {"a": -1}],
    "accepted": [5, {"x": 1}, [[1]]],
    "told": ["abc", 7, [{"a": 1}], ["\x1b[2J"]],
    "state": [5, "new\n"],
    "published": [5, "x" * 5000],
    "method": [[], None, {"text": "x"}, {"codes": 5}],
    "options": ["x", [1], None, {"dates": {}}, {"dates": None}, {"dates": 5}],
    "policy": [5, [1], {"edition": None}],
    "links": ["x", [1], {"a": {}}, {"a": 1}],
    "machine": [5, ["a"], {"name": 5}, {"name": None}],
    "hospital": [["a"], {"a": 1}, 5, "St. Anna\n4711, x", "x" * 5000],
    "unread_words": [-1, "no", True],
    "fingerprint": ["A" * 64, f"sha256:{'a' * 64}", [], 5],
    "folder": ["anon_006", "ANON_006\n", "ANON_\uff10\uff10\uff16", "ANON_6", 6],
    "patient_id": [6, None, ["x"]],
}
"""Invalid values of a set in a manifest."""


def test_a_value_of_another_kind_than_it_has_to_be_is_reported_and_nothing_is_taken(
    out: Path, centre: Path, sender: Path
) -> None:
    """One at a time: none reaches later code."""
    right = (out / manifest.NAME).read_bytes()
    found = []
    for name, values in OTHER_VALUES.items():
        for value in values:
            (out / manifest.NAME).write_bytes(right)
            signed(out, sender, lambda said, change={name: value}: said["sets"][0].update(change))  # type: ignore[misc]
            found.append(taken(out, centre, sender))
    assert {(code, told["refused"]) for code, told in found} == {
        (1, "delivery.json is not the manifest of a delivery.")
    }
    assert anons(centre) == []


def _shared(said: dict[str, Any], *, patient_id: str = "zzz_AnusGE006", sha256: str = "") -> None:
    """Make two sets hold files of the same names."""
    one = said["sets"][0]
    files = {name: file | ({"sha256": sha256} if sha256 else {}) for name, file in one["files"].items()}
    digest = records.digest_over({name: file["sha256"] for name, file in files.items()})
    said["sets"][1].update(files=files, patient_id=patient_id, fingerprint=digest)


WHOLE_VALUES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an id that is a number": (lambda said: said.update(id=int("1" * 32)), "not the manifest"),
    "an id that is a path": (lambda said: said.update(id="../../x"), "not the manifest"),
    "a schema that is true": (lambda said: said.update(schema=True), "schema is not known"),
    "a schema that is 1.0": (lambda said: said.update(schema=1.0), "schema is not known"),
    "one set withdrawn twice": (lambda said: said.update(withdrawn=[{"folder": "ANON_009"}] * 2), "twice"),
    "a collection that is none": (lambda said: said["sender"].update(collection={"a": 1}), "not the manifest"),
    "no collection": (lambda said: said["sender"].pop("collection"), "not the manifest"),
    "the fingerprint of another key": (lambda said: said["sender"].update(fingerprint="0" * 64), "fingerprint"),
    "a fingerprint in groups": (
        lambda said: said["sender"].update(fingerprint=delivery_key.grouped(said["sender"]["fingerprint"])),
        "fingerprint",
    ),
    "a key in hexadecimal digits": (lambda said: said["sender"].update(key="ab" * 32), "signature"),
    "a key that is a number": (lambda said: said["sender"].update(key=5), "no key"),
    "a time that is a list": (lambda said: said.update(made=[]), "not the manifest"),
    "a product that is a name": (lambda said: said.update(product="x"), "not the manifest"),
    "a policy without texts": (lambda said: said.update(policy={"edition": 5}), "not the manifest"),
    "a number of unread words": (lambda said: said.update(unread_words=3), "not the manifest"),
    "a highest number below zero": (lambda said: said.update(highest_number=-1), "not the manifest"),
    "one file in sets of two patients": (lambda said: _shared(said, patient_id="zzz_AnusGE007"), "twice"),
    "one file with two contents": (lambda said: _shared(said, sha256="0" * 64), "twice"),
    "a table of a path": (lambda said: said["files"].update({"tables/a/b/c": {"size": 0}}), "not the manifest"),
}


@pytest.mark.parametrize("change", WHOLE_VALUES)
def test_a_manifest_that_states_what_it_may_not_is_refused(out: Path, centre: Path, sender: Path, change: str) -> None:
    """In one sentence."""
    alter, says = WHOLE_VALUES[change]
    signed(out, sender, alter)  # type: ignore[arg-type]  # what it returns does not count
    code, told = taken(out, centre, sender)
    assert (code, told["sets"]) == (1, [])
    assert says in told["refused"]
    assert anons(centre) == []


SIGNED_OTHERWISE: dict[str, Callable[[DeliveryKey, bytes], bytes]] = {
    "over the hash": lambda key, data: key.sign(sha256(data).digest()),
    "over the manifest without its line end": lambda key, data: key.sign(data.strip()),
    "over the same values, written otherwise": lambda key, data: key.sign(json.dumps(json.loads(data)).encode()),
    "as Base64": lambda key, data: b64encode(key.sign(data)),
    "as hexadecimal digits": lambda key, data: key.sign(data).hex().encode(),
    "nothing": lambda *_: b"",
}


@pytest.mark.parametrize("how", SIGNED_OTHERWISE)
def test_a_signature_of_anything_but_the_bytes_of_the_manifest_is_none(
    out: Path, centre: Path, sender: Path, how: str
) -> None:
    """Even with the right key: the check equals that of `openssl pkeyutl`."""
    path = out / manifest.NAME
    (out / manifest.SIGNATURE).write_bytes(SIGNED_OTHERWISE[how](key_of(sender), path.read_bytes()))
    code, told = taken(out, centre, sender)
    assert (code, told["sets"], bool(told["refused"])) == (1, [], True)
    assert anons(centre) == []


ODD_NAMES = [b"caf\xe9.txt", b"\x1b[31mred.txt", b"a\nAll is well.txt", "\u202egnp.exe".encode(), b"[red].txt"]


def test_names_that_no_terminal_should_be_given_are_reported_in_one_line_each(
    out: Path, centre: Path, sender: Path
) -> None:
    """Bytes that are not UTF-8, line ends and control characters are not passed on."""
    for name in ODD_NAMES:
        with open(os.path.join(os.fsencode(out), name), "wb"):  # noqa: PTH118, PTH123 - a name that is no text
            pass
    code, told = taken(out, centre, sender)
    assert (code, len(told["wrong"])) == (1, len(ODD_NAMES))
    assert all(line.isprintable() and line.endswith(" was added: it is not in the manifest.") for line in told["wrong"])
    assert anonymizer("receive", out, centre, "--trust", delivery_key.fingerprint(key_of(sender).public)).code == 1


def test_a_key_is_noted_only_with_a_delivery_that_is_one(
    out: Path, centre: Path, sender: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--trust` is stored once the delivery was opened, not if it is refused as a whole."""
    noted = tmp_path / "trusted_keys"
    monkeypatch.setenv("ANONYMIZER_TRUSTED_KEYS_FILE", str(noted))
    signed(out, sender, lambda said: said.update(sets="none"))
    code, told = taken(out, centre, sender)
    assert (code, told["sets"], noted.exists()) == (1, [], False)
    assert taken(sender / "third", centre, sender)[0] == 0
    assert noted.read_text("utf-8").split() == [delivery_key.fingerprint(key_of(sender).public)]


SECOND_MANIFESTS = ["Delivery.json", "again/delivery.json", "anon_006/CT.1.dcm", "sheets/e\u0301.html"]


def test_what_has_nearly_the_name_of_something_delivered_is_reported(out: Path, centre: Path, sender: Path) -> None:
    """Other letters, another folder, differently composed letters: it is not part of the delivery."""
    for name in SECOND_MANIFESTS:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"{}")
    code, told = taken(out, centre, sender)
    assert (code, set(states(told).values())) == (1, {"taken"})
    assert told["wrong"] == [f"{name} was added: it is not in the manifest." for name in sorted(SECOND_MANIFESTS)]


@pytest.mark.parametrize("name", [manifest.NAME, manifest.SIGNATURE])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_a_manifest_that_is_no_file_is_not_waited_for(
    out: Path, centre: Path, sender: Path, name: str, make: Callable[[Path], None]
) -> None:
    """Nor is its signature."""
    (out / name).unlink()
    make(out / name)
    code, told = taken(out, centre, sender)
    assert (code, told["refused"]) == (1, f"There is no {name}: it is not a delivery, or is incomplete.")


# ZIP -----------------------------------------------------------------------------------------------------------------


def zipped(sender: Path, target: Path, change: Callable[[zipfile.ZipFile], None], without: str = "") -> Path:
    """Pack the delivery again, with a manipulation."""
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


def two_names(name: str, other: bytes) -> zipfile.ZipInfo:
    """Make an entry that has another name for programs that go by its Unicode path. APPNOTE 4.6.9."""
    entry = zipfile.ZipInfo(name)
    entry.extra = struct.pack("<2sHBL", b"up", 5 + len(other), 1, zlib.crc32(name.encode())) + other
    return entry


ZIP_TRICKS: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "a name that leads out": lambda new: new.writestr("../escaped.txt", b"out"),
    "an absolute name": lambda new: new.writestr("/tmp/escaped.txt", b"out"),
    "a name with backslashes": lambda new: new.writestr(r"..\escaped.txt", b"out"),
    "a drive": lambda new: new.writestr("C:escaped.txt", b"out"),
    "a link": lambda new: new.writestr(link("sheets/link"), b"/etc/passwd"),
    "a name in other letters once more": lambda new: new.writestr("DELIVERY.JSON", b"{}"),
    "a folder that leads out": lambda new: new.writestr("../escaped/", b""),
    "a share": lambda new: new.writestr("//host/share/escaped.txt", b"out"),
    "a name with a step that is none": lambda new: new.writestr("./delivery.json", b"{}"),
    "a name that runs backwards": lambda new: new.writestr("sheets/\u202egnp.exe", b"MZ"),
    "a name for us and one for others": lambda new: new.writestr(two_names("sheets/a.html", b"../../a.html"), b""),
    "another way to pack": lambda new: new.writestr("sheets/a.html", b"a", zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("trick", ZIP_TRICKS)
def test_a_malicious_zip_is_refused_as_a_whole(tmp_path: Path, centre: Path, sender: Path, trick: str) -> None:
    """Nothing of it is written anywhere."""
    packed = zipped(sender, tmp_path / "tricks.zip", ZIP_TRICKS[trick])
    before = {path.name for path in tmp_path.iterdir()}
    code, told = taken(packed, centre, sender)
    assert (code, told["sets"], bool(told["refused"])) == (1, [], True)
    assert {path.name for path in tmp_path.iterdir()} == before
    assert not os.path.lexists("/tmp/escaped.txt")
    assert [path.name for path in (centre / ".anonymizer" / "received").iterdir()] == [".lock"]


def test_a_zip_that_claims_one_size_and_holds_another_fills_no_disk(tmp_path: Path, centre: Path, sender: Path) -> None:
    """It is unpacked by the manifest's sizes, and the set is refused."""
    with zipfile.ZipFile(sender / "out.zip") as old:
        name = next(name for name in old.namelist() if name.startswith("ANON_006/CT."))
    packed = zipped(sender, tmp_path / "bomb.zip", lambda new: new.writestr(name, bytes(50 << 20)), without=name)
    code, told = taken(packed, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "refused", "ANON_007": "taken"})


def hidden(data: bytes) -> bytes:
    """Put a file into a ZIP that is not in its directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new := io.BytesIO(), "w") as packed:
        for number, entry in enumerate(old.infolist()):
            packed.writestr(entry.filename, old.read(entry))
            if number == 1:
                packed.writestr("hidden.txt", b"Huber Josef")
        packed.filelist.remove(packed.NameToInfo.pop("hidden.txt"))
    return new.getvalue()


def remarked(data: bytes, *, on_file: bool) -> bytes:
    """Add a comment to a ZIP."""
    new = io.BytesIO(data)
    with zipfile.ZipFile(new, "a") as packed:
        packed.writestr("sheets/.DS_Store", b"")
        if on_file:
            packed.filelist[-1].comment = b"Huber Josef"
        else:
            packed.comment = b"Huber Josef"
    return new.getvalue()


BESIDE_THE_FILES: dict[str, Callable[[bytes], bytes]] = {
    "before them": lambda data: b"MZ, a program" + data,
    "behind them": lambda data: data + b"Huber Josef",
    "between them": hidden,
    "the same ZIP before it": lambda data: data + data,
    "a remark": lambda data: remarked(data, on_file=False),
    "a remark on a file": lambda data: remarked(data, on_file=True),
}


@pytest.mark.parametrize("where", BESIDE_THE_FILES)
def test_bytes_of_a_zip_that_belong_to_no_file_are_reported(
    tmp_path: Path, centre: Path, sender: Path, where: str
) -> None:
    """The sets are unchanged, and are taken."""
    packed = tmp_path / "more.zip"
    packed.write_bytes(BESIDE_THE_FILES[where]((sender / "out.zip").read_bytes()))
    code, told = taken(packed, centre, sender)
    assert (code, set(states(told).values())) == (1, {"taken"})
    assert told["wrong"] == ["The ZIP holds bytes that belong to none of its files."]


def test_a_zip_that_a_person_packed_again_is_taken(tmp_path: Path, centre: Path, sender: Path) -> None:
    """With folders, another compression, file times, and Finder's additions."""
    with zipfile.ZipFile(tmp_path / "anew.zip", "w") as new:
        for path in sorted((sender / "out").rglob("*")):
            entry = zipfile.ZipInfo.from_file(path, path.relative_to(sender / "out").as_posix())
            entry.extra = struct.pack("<2sHBL", b"UT", 5, 1, 0)
            new.writestr(entry, b"" if path.is_dir() else path.read_bytes())
        new.writestr("__MACOSX/ANON_006/._CT.dcm", b"Mac OS X")
        new.writestr("ANON_006/Thumbs.db", b"pictures")
    code, told = taken(tmp_path / "anew.zip", centre, sender)
    assert (code, told["wrong"], set(states(told).values())) == (0, [], {"taken"})


def test_a_delivery_in_a_folder_of_its_own_is_taken(tmp_path: Path, centre: Path, sender: Path) -> None:
    """As when packed or unpacked by right-click; an outer folder is no delivery, nor is one beside something else."""
    shutil.copytree(sender / "out", tmp_path / "unpacked" / "out")
    packed = {}
    for place, beside in (("one.zip", ""), ("two.zip", "more.txt")):
        packed[place] = tmp_path / place
        with zipfile.ZipFile(tmp_path / place, "w") as new:
            for path in sorted((tmp_path / "unpacked").rglob("*")):
                new.write(path, path.relative_to(tmp_path / "unpacked"))
            new.writestr("__MACOSX/out/._delivery.json", b"Mac OS X")
            if beside:
                new.writestr(beside, b"x")
    assert taken(packed["two.zip"], centre, sender)[0] == 1
    assert anons(centre) == []
    code, told = taken(packed["one.zip"], centre, sender)
    assert (code, told["wrong"], set(states(told).values())) == (0, [], {"taken"})
    code, told = taken(tmp_path / "unpacked", centre, sender)
    assert (code, told["wrong"], set(states(told).values())) == (0, [], {"there already"})


def test_a_folder_of_a_zip_that_is_in_no_manifest_is_reported(tmp_path: Path, centre: Path, sender: Path) -> None:
    """An empty one, and one with its own contents, which only a ZIP can have."""

    def add(new: zipfile.ZipFile) -> None:
        new.writestr("ANON_999/", b"")
        new.writestr("secret/", b"Huber Josef")

    code, told = taken(zipped(sender, tmp_path / "folders.zip", add), centre, sender)
    assert (code, states(told)["ANON_999"]) == (1, "refused")
    assert told["wrong"] == ["secret/ was added: it is not in the manifest."]


def test_a_zip_that_was_cut_off_or_is_none_is_refused(tmp_path: Path, centre: Path, sender: Path) -> None:
    """It has no directory."""
    (tmp_path / "half.zip").write_bytes((sender / "out.zip").read_bytes()[:-100])
    assert taken(tmp_path / "half.zip", centre, sender)[0] == 1
    assert anons(centre) == []


# What only a sender can do: a set that is signed and not what it claims ----


def edited(out: Path, prefix: str, change: Callable[[pydicom.Dataset], None]) -> None:
    """Change all objects of a kind in a set."""
    for path in (out / "ANON_006").glob(f"{prefix}*.*"):
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


def an_approved_plan(out: Path) -> None:
    edited(out, "RP", lambda data: setattr(data, "ApprovalStatus", "APPROVED"))


def a_uid_of_the_hospital(out: Path) -> None:
    edited(out, "", lambda data: setattr(data, "StudyInstanceUID", "1.2.840.113619.2.55.3.7"))


def another_machine(out: Path) -> None:
    edited(out, "RP", lambda data: setattr(data.BeamSequence[0], "TreatmentMachineName", "LINAC7"))


def a_sender_in_the_meta_information(out: Path) -> None:
    edited(out, "CT", lambda data: setattr(data.file_meta, "SourceApplicationEntityTitle", "ST_ANNA"))


def a_name_before_the_file(out: Path) -> None:
    path = first(out, "CT")
    path.write_bytes(b"Huber Josef".ljust(128, b"\0") + path.read_bytes()[128:])


@pytest.mark.parametrize(
    "tamper",
    [
        a_patient_name_that_came_back,
        an_approved_plan,
        a_uid_of_the_hospital,
        another_machine,
        a_sender_in_the_meta_information,
        a_name_before_the_file,
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
    """Although its sender signed it."""
    tamper(out)
    resigned(out, sender, "ANON_006")
    code, told = taken(out, centre, sender)
    assert (code, states(told)) == (1, {"ANON_006": "refused", "ANON_007": "taken"})
    assert told["sets"][0]["says"]


def test_a_long_note_travels(out: Path, centre: Path, sender: Path) -> None:
    """It may name every attribute that an object lacks."""
    signed(out, sender, lambda said: said["sets"][0].update(told=["BeamSequence>BeamName, " * 1000 + "\nand more"]))
    assert taken(out, centre, sender)[0] == 0


def test_words_that_the_sender_left_unread_are_held_back_here_too(
    out: Path, tmp_path: Path, centre: Path, sender: Path
) -> None:
    """Passed on only on request, and the delivery states it."""
    signed(out, sender, lambda said: said["sets"][0].update(unread_words=2))
    assert taken(out, centre, sender)[0] == 0
    assert anonymizer("export", centre, tmp_path / "one").code == 1
    assert anonymizer("export", centre, tmp_path / "two", "--unread-words").code == 0
    one, two = (json.loads((tmp_path / name / manifest.NAME).read_bytes()) for name in ("one", "two"))
    assert [entry["folder"] for entry in one["sets"]] == ["ANON_007"]
    assert (two["unread_words"], [entry["unread_words"] for entry in two["sets"]]) == (True, [2, 0])


# Replayed ------------------------------------------------------------------------------------------------------------


def test_a_delivery_that_comes_again_changes_nothing_and_is_reported(out: Path, centre: Path, sender: Path) -> None:
    """Nor does another one with the same id, which cannot be genuine."""
    assert taken(out, centre, sender)[0] == 0
    code, told = taken(out, centre, sender)
    assert (code, set(states(told).values())) == (0, {"there already"})
    assert "received before" in told["says"][0]
    signed(out, sender, lambda said: said.update(made="2026-01-01T00:00:00+00:00"))
    code, told = taken(out, centre, sender)
    assert (code, told["sets"]) == (1, [])
    assert anons(centre) == ["ANON_006", "ANON_007"]
