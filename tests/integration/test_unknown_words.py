"""Unknown words in kept texts are reviewed by a person before delivery: `words.csv`."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pydicom

from services.pipeline import set_texts
from services.publication import unread_words
from services.store import registry
from services.store.collection import Collection
from tests.in_process import anonymizer
from tests.integration.test_run import anon_folders, run, states
from tests.sets import make_collection, make_set, setting

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

JSM = setting("RTPLAN", RTPlanLabel="VMAT_JSM")
HOHENLOHE = setting("RTSTRUCT", StructureSetLabel="PTV Hohenlohe")


def listed(root: Path) -> list[dict[str, str]]:
    """Read `words.csv`."""
    text = (root / "words.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def words(root: Path, *arguments: str) -> dict[str, Any]:
    """List the words of a collection, or decide on some."""
    done = anonymizer("words", root, *arguments, "--json")
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def exported(root: Path, target: Path, *arguments: str) -> dict[str, str]:
    """Export, and return each set's outcome."""
    done = anonymizer("export", root, target, *arguments, "--json")
    return {one["folder"]: one["state"] for one in json.loads(done.stdout)}


def label(root: Path, anon: str) -> str:
    """Return the label of a published plan."""
    return str(pydicom.dcmread(next((root / anon).glob("RP.*"))).RTPlanLabel)


def claims_clean_descriptors(root: Path, anon: str) -> bool:
    """Return whether a published plan claims option 113105."""
    plan = pydicom.dcmread(next((root / anon).glob("RP.*")))
    return "113105" in {code.CodeValue for code in plan.DeidentificationMethodCodeSequence}


def test_an_unread_word_is_listed_and_holds_back_delivery(tmp_path: Path) -> None:
    """It is published, listed with its locations, and held back until a person approves it."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, JSM, name="a", seed="a")
    make_set(root, name="b", seed="b")
    run(root, "--workers", 1)
    assert [(row["word"], row["texts"], row["sets"], row["state"]) for row in listed(root)] == [
        ("JSM", "plan label: VMAT_JSM", "1", "unread")
    ]
    by_label = {label(root, anon): anon for anon in anon_folders(root)}
    marked = by_label.pop("VMAT_JSM")
    (other,) = by_label.values()
    assert not claims_clean_descriptors(root, marked)
    assert claims_clean_descriptors(root, other)
    assert "JSM" in (root / "a_NOTE.txt").read_text("utf-8-sig")
    assert not (root / "b_NOTE.txt").exists()

    assert exported(root, tmp_path / "out") == {marked: "unread words", other: "copied"}
    assert not (tmp_path / "out" / marked).exists()
    assert exported(root, tmp_path / "all", "--unread-words") == {marked: "copied", other: "copied"}
    delivery = json.loads((tmp_path / "all" / "delivery.json").read_text())
    assert {one["folder"]: one["unread_words"] for one in delivery["sets"]} == {marked: 1, other: 0}

    before = {path: path.read_bytes() for path in (root / marked).iterdir()}
    assert words(root, "--fine", "jsm")["words"][0]["state"] == "fine"
    assert exported(root, tmp_path / "out") == {marked: "copied", other: "there already"}
    assert {path: path.read_bytes() for path in (root / marked).iterdir()} == before, "fine changes no file"
    assert not (root / "a_NOTE.txt").exists()
    assert anonymizer("verify", root / "a", root / marked).returncode == 0


def test_a_removed_word_goes_from_the_sets_that_have_it(tmp_path: Path) -> None:
    """They are republished under their numbers; a person's entries in the list stay."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, JSM, HOHENLOHE, name="a", seed="a")
    run(root, "--workers", 1)
    text = (root / "words.csv").read_text("utf-8-sig").replace("note\n", "note;mine\n")
    (root / "words.csv").write_text(text.replace("unread;", "unread;a town;yes", 1), "utf-8-sig")
    told = words(root, "--remove", "JSM")
    assert told["again"] == ["ANON_006"]
    assert exported(root, tmp_path / "out") == {"ANON_006": "unread words"}
    run(root, "--workers", 1)
    assert label(root, "ANON_006") == "VMAT"
    assert {row["word"]: (row["sets"], row["state"], row["note"], row["mine"]) for row in listed(root)} == {
        "Hohenlohe": ("1", "unread", "a town", "yes"),
        "JSM": ("0", "remove", "", ""),
    }
    assert anonymizer("verify", root / "a", root / "ANON_006").returncode == 0


def test_what_cannot_be_made_again_is_to_be_withdrawn(tmp_path: Path) -> None:
    """If its original is gone."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, JSM, name="a", seed="a")
    run(root, "--workers", 1)
    for path in made.folder.iterdir():
        path.unlink()
    made.folder.rmdir()
    done = anonymizer("words", root, "--remove", "JSM")
    assert done.returncode == 1
    assert "Withdraw it" in done.stdout
    assert "ANON_006" in done.stdout


def test_a_word_of_the_lexicon_is_not_removed(tmp_path: Path) -> None:
    """Models need it."""
    root = make_collection(tmp_path / "BATCH")
    done = anonymizer("words", root, "--remove", "Parotid")
    assert done.returncode == 2
    assert "lexicon" in done.stderr


def test_a_set_waits_for_a_person_without_a_number(tmp_path: Path) -> None:
    """If the collection requires it; it resumes once each of its words is decided, in any way."""
    root = make_collection(tmp_path / "BATCH", more='[privacy]\nunread_words = "wait"')
    make_set(root, JSM, HOHENLOHE, name="a", seed="a")
    make_set(root, name="b", seed="b")
    ran = run(root, "--workers", 1)
    assert ran.code == 1
    assert states(ran) == {"a": ("unread-words", ""), "b": ("published", "ANON_006")}
    assert "JSM" in ran.sets["a"]["reason"]
    assert anon_folders(root) == ["ANON_006"]
    assert not any(root.glob(".anonymizer/claims/000007.json"))
    text = (root / "words.csv").read_text("utf-8-sig")
    assert text.count(";unread;") == 2
    (root / "words.csv").write_text(text.replace(";unread;", ";fine;", 1), "utf-8-sig")
    assert anonymizer("run", root, "--workers", 1).returncode == 1
    text = (root / "words.csv").read_text("utf-8-sig")
    (root / "words.csv").write_text(text.replace(";unread;", ";remove;", 1), "utf-8-sig")
    assert anonymizer("run", root, "--workers", 1).returncode == 0
    assert anon_folders(root) == ["ANON_006", "ANON_007"]
    assert claims_clean_descriptors(root, "ANON_007")


def test_a_word_in_a_code_that_cannot_go(tmp_path: Path) -> None:
    """Dose or import depend on it: the set must be withdrawn instead of being republished forever."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, setting("RTPLAN", RTPlanGeometry="YOLANDA"), name="a", seed="a")
    run(root, "--workers", 1)
    assert [(row["word"], row["texts"], row["state"]) for row in listed(root)] == [
        ("YOLANDA", "coded value that cannot be removed: YOLANDA", "unread")
    ]
    assert exported(root, tmp_path / "out") == {"ANON_006": "unread words"}
    told = words(root, "--remove", "yolanda")
    assert (told["again"], told["withdraw"]) == ([], ["ANON_006"])
    assert exported(root, tmp_path / "out") == {"ANON_006": "unread words"}


def test_the_words_of_other_sets_are_read_once_for_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its words occur there, and not at all if no word needs it."""
    collection = Collection.open(make_collection(tmp_path / "BATCH"))
    for person, word in (("this", "Own"), ("another", "Hohenlohe"), ("a third", "own")):
        locator = registry.register(collection, make_set(collection.root, name=person, seed=person).folder.name)
        unread_words.write(collection, None, locator, person, [{"word": word, "texts": {}, "why": ""}])
    every, asked = unread_words.every, []
    monkeypatch.setattr(unread_words, "every", lambda of: asked.append(of) or every(of))
    monkeypatch.setattr(set_texts, "rename", lambda *_, elsewhere, **__: elsewhere)
    one: Any = SimpleNamespace(collection=collection, folder=collection.root / "a")
    of_another: Any = set_texts.choose_renaming(one, None, "this", "H")
    assert asked == []
    assert list(map(of_another, ["HOHENLOHE", "Own", "Oehringen"])) == [True, True, False]
    assert asked == [collection]


def test_unread_words_are_replaced_at_once(tmp_path: Path) -> None:
    """If the collection requires it; approved words stay."""
    root = make_collection(tmp_path / "BATCH", more='[privacy]\nunread_words = "replace"')
    make_set(root, JSM, HOHENLOHE, name="a", seed="a")
    words(root, "--fine", "Hohenlohe")
    run(root, "--workers", 1)
    assert label(root, "ANON_006") == "VMAT"
    structures = pydicom.dcmread(next((root / "ANON_006").glob("RS.*")))
    assert structures.StructureSetLabel == "PTV Hohenlohe"
    assert claims_clean_descriptors(root, "ANON_006")
    assert exported(root, tmp_path / "out") == {"ANON_006": "copied"}
    assert anonymizer("verify", root / "a", root / "ANON_006").returncode == 0
