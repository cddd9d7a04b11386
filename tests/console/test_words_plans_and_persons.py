"""What a physicist decides on pages: words, plans, who is one person; and what was not taken."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from services.forms import word_list
from services.publication import unread_words
from services.runtime import audit
from services.store import plans, records, registry
from services.store.collection import Collection
from services.store.records import Record
from tests.exports import first
from tests.sets import make_collection
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports import Export
    from tests.visitor import Served

WORD = "JSM"


def publish(collection: Collection, index: int, original_id: str, *words: str) -> None:
    """Note a set as published, with its line and words that nobody knows."""
    record = Record(index, f"{index:032d}", f"RP.{index}.dcm", "2026-11-22T12:00:00+00:00", {})
    records.path_of(collection, index).write_bytes(record.encoded())
    line = f"{original_id}, zzz_AnusGE{index:03d}, VMAT, St. Anna"
    entry = {"schema": 1, "index": index, "day": "20261122", "line": line}
    (collection.tracking / f"{index:06d}.json").write_text(json.dumps(entry))
    noted = [{"word": word, "texts": {"plan_label": [f"VMAT_{word}"]}, "why": ""} for word in words]
    unread_words.write(collection, index, "0" * 32, "a patient", noted)


def opened(served: Served) -> Collection:
    """Open the collection that is served."""
    return Collection.open(served.share / "BATCH")


def states(served: Served) -> dict[str, str]:
    """Read what the file says of words."""
    return {row.word: row.state for row in word_list.read(served.share / "BATCH").rows}


def test_words_are_listed_by_state_and_decided(served: Served) -> None:
    """With locations and sets; decisions are in the file, and in the audit without the word."""
    publish(opened(served), 6, "4711", WORD, "Hohenlohe")
    page, member = f"{served.collection}/words", served.member()
    shown = member.get(page).text
    assert all(said in shown for said in (WORD, "plan label: VMAT_JSM", "ANON_006", "unread (2)"))
    assert member.post(page, {"word": [WORD], f"was {WORD}": "unread", "state": "fine"}).status == 303
    assert states(served) == {WORD: "fine", "Hohenlohe": "unread"}
    assert (
        f'value="{WORD}"' in member.get(f"{page}?state=fine").text,
        f'value="{WORD}"' in member.get(f"{page}?state=unread").text,
    ) == (True, False)
    acts = [line for line in audit.read(opened(served).state) if line["act"].startswith("words")]
    assert [(line["user"], line["by"], line["act"], line["count"]) for line in acts] == [
        ("anna", "page", "words marked fine", 1)
    ]
    assert WORD not in json.dumps(acts) + served.log.getvalue()


def test_where_a_word_occurs_and_why_it_may_identify_is_stated_in_the_readers_language(served: Served) -> None:
    """Whatever the language of the collection."""
    collection = opened(served)
    publish(collection, 6, "4711", WORD)
    noted = {"word": WORD, "texts": {"plan_label": [f"VMAT_{WORD}"]}, "why": "initials of a name"}
    unread_words.write(collection, 6, "0" * 32, "a patient", [noted])
    page, member = f"{served.collection}/words", served.member()
    german, english = (member.get(page, Accept_Language=tongue).text for tongue in ("de", "en"))
    assert all(said in german for said in ("Planname: VMAT_JSM", "Initialen eines Namens"))
    assert all(said in english for said in ("plan label: VMAT_JSM", "initials of a name"))


def test_a_removed_word_whose_set_cannot_be_made_again_is_reported(served: Served) -> None:
    """The set is named, with a link to the page where it can be withdrawn."""
    publish(opened(served), 6, "4711", "Hohenlohe")
    page, member = f"{served.collection}/words", served.member()
    member.get(page)
    assert member.post(f"{page}?state=unread", {"word": ["Hohenlohe"], "state": "remove"}).location.endswith(
        "/words?state=unread"
    )
    shown = member.get(page).text
    assert "Withdraw them:" in shown
    assert f'href="{served.collection}/published/ANON_006"' in shown


def test_two_who_decide_about_a_word_do_not_overwrite_each_other(served: Served) -> None:
    """The second decision is refused and not written; choosing nothing is no decision."""
    publish(opened(served), 6, "4711", WORD)
    page, anna, bert = f"{served.collection}/words", served.member(), served.member()
    form = {"word": [WORD], f"was {WORD}": "unread"}
    assert anna.post(page, {**form, "state": "fine"}).status == 303
    late = bert.post(page, {**form, "state": "remove"})
    assert (late.status, "Somebody else decided about JSM" in late.text) == (409, True)
    german = bert.post(page, {**form, "state": "remove"}, Accept_Language="de")
    assert (german.status, "Jemand anderes hat über JSM entschieden" in german.text) == (409, True)
    assert states(served) == {WORD: "fine"}
    assert bert.post(page, {"state": "remove"}).status == 409


def with_plans(served: Served) -> tuple[Path, Export]:
    """Make the collection ask about plans, and add a patient with three."""
    root = make_collection(served.share / "BATCH", machine="keep", more='[check]\nplans = "ask"\n')
    export = first(root, lambda export: len(export.plans) == 3 and not export.two_patients, name="Several")
    return root, export


def test_plans_of_a_folder_are_shown_and_chosen(served: Served) -> None:
    """With date, approval, prescription and beams; a choice made meanwhile, or a changed folder, is reported."""
    root, export = with_plans(served)
    collection = Collection.open(root)
    locator = collection.locator("Several")
    page, member = f"{served.collection}/sets/{locator}/plans", served.member()
    shown = member.get(page)
    assert shown.status == 200
    assert re.findall(r'name="plan" value="(\d)"', shown.text) == ["1", "2", "3"]
    assert all(said in shown.text for said in ("Approval", "nobody has chosen yet", "Gy in"))
    was = re.search(r'name="was" value="(\w+)"', shown.text)
    assert was
    chosen = member.post(page, {"plan": ["1", "3"], "was": was[1]})
    assert (chosen.status, chosen.location) == (303, served.collection)
    marks = [plans.mark_of(collection, uid) for uid in export.plans]
    assert registry.chosen(collection, locator) == ({marks[0], marks[2]}, {marks[1]})
    board = served.desk.board(served.collection[3:])
    board.check()
    wait_until(lambda: not board.look().checking)
    judged = [line.judgement for line in board.look().lines if line.row.locator == locator and line.judgement]
    assert ["choose-plans" in {fault["code"] for fault in one.faults} for one in judged] == [False]
    late = member.post(page, {"plan": ["2"], "was": was[1]})
    assert (late.status, "somebody else has chosen" in late.text, "not chosen" in late.text) == (409, True, True)
    assert registry.chosen(collection, locator).taken == {marks[0], marks[2]}
    assert "Several" not in served.log.getvalue()
    assert member.get(f"{served.collection}/sets/{'0' * 32}/plans").status == 404


def test_who_is_the_same_person_is_shown(served: Served) -> None:
    """By number; persons with a single set are not listed."""
    collection = opened(served)
    for index, original_id in enumerate(("4711", "1938", "4711"), start=6):
        publish(collection, index, original_id)
    shown = served.member().get(f"{served.collection}/persons").text
    assert re.findall(r"published/(ANON_\d+)", shown) == ["ANON_006", "ANON_008"]
    assert "Sets of 2 persons are anonymized." in shown


def test_what_is_not_taken_has_a_page(served: Served) -> None:
    """With reason and remedy; the collection's page lists a few and links to the page."""
    root = served.share / "BATCH"
    source = min((root / "Müller Anna 4711").glob("CT*"))
    for number in range(7):
        (root / f".hidden {number}").mkdir()
        (root / f".hidden {number}" / "CT.dcm").write_bytes(source.read_bytes())
    member = served.member()
    page = member.get(served.collection).text
    assert (page.count("<li>.hidden"), "All 7" in page) == (5, True)
    shown = member.get(f"{served.collection}/not-taken").text
    assert all(f".hidden {number}" in shown for number in range(7))
