"""What a collection's pages show: sets with their state and its reason, tracking file, sheets, and changes."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import typer

from anonymizer.commands.collection.status import status
from console.pages import collection as collection_page
from services.rtset import folder_listing, unfinished_pixels
from services.store import registry
from services.store.collection import Collection
from services.store.registry import Outcome, SetOutcome
from services.store.set_state import SetState
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.visitor import Served, Visitor

AT = "2026-11-22T12:00:00+00:00"
TRACKING = "VicRapidPlan_trackingFile_20261122.txt"
LINES = 'OrigPatientID, NewPatientID, OrigPlanID, Hospital\n4711, zzz_AnusGE006, "VMAT, 2 <Arcs>", St. Anna\n'


def conclude(served: Served, state: Any, **more: Any) -> None:
    """Store an outcome of the one set."""
    collection = Collection.open(served.share / "BATCH")
    locator = registry.register(collection, "Müller Anna 4711")
    seen = folder_listing.take(collection.root / "Müller Anna 4711")
    folders = {str(folder.path): folder.mtime_ns for folder in seen.folders}
    registry.write_outcome(collection, locator, Outcome(state, seen.fingerprint, AT, folders=folders, **more))


def first_event(visitor: Visitor, path: str) -> dict[str, Any]:
    """Read the first event of a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=240)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    connection.request("GET", path, headers={"Cookie": cookies})
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    while not (line := response.readline()).startswith(b"data:"):
        assert line
    connection.close()
    event: dict[str, Any] = json.loads(line[5:])
    return event


def test_a_refused_set_says_why_and_what_to_do(served: Served) -> None:
    """In the service's own words, and with a button to try it again."""
    conclude(
        served, "refused", codes=("two-patients",), text="CT.1 and RP.2 have different patient IDs. Put them apart."
    )
    page = served.member().get(served.collection).text
    assert all(
        said in page
        for said in ("refused", "Two patients.", "have different patient IDs. Put them apart.", "Try again")
    )
    german = served.member().get(served.collection, Accept_Language="de").text
    assert all(said in german for said in ("abgelehnt", "Zwei Patienten.", 'lang="en">CT.1 and', "Noch einmal"))


def test_a_changed_set_is_taken_as_a_new_one_and_one_that_ends_in_zeros_as_it_is(served: Served) -> None:
    """As `retry --as-new` and `--accept` do, without a terminal."""
    member, collection = served.member(), Collection.open(served.share / "BATCH")
    locator = collection.locator("Müller Anna 4711")
    fingerprint = folder_listing.fingerprint(collection.root / "Müller Anna 4711")
    again = f"{served.collection}/sets/{locator}/again"
    conclude(served, "changed", index=6, text="Its files are others now.")
    assert "Take as a new set" in member.get(served.collection).text
    assert member.post(again, {"how": "as it is"}).status == 409
    assert member.post(again, {"how": "as new"}).status == 303
    assert registry.counts_as_new(collection, locator, fingerprint)
    conclude(served, "waiting", codes=(unfinished_pixels.CODE,), text="Its files end in zeros.")
    wait_until(lambda: "Take as it is" in member.get(served.collection).text)
    assert member.post(again, {"how": "as it is"}).status == 303
    assert registry.accepted(collection, locator, fingerprint) == {unfinished_pixels.CODE}


@pytest.mark.parametrize(
    ("state", "button"),
    [("parked", "Try again"), ("refused", "Try again"), ("changed", "Take as a new set"), ("published", "")],
)
def test_each_set_of_a_folder_is_counted_and_can_be_tried_again(
    served: Served, state: str, button: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while another one of it waits; and status reports that one of them failed."""
    sets = (
        SetOutcome(SetState.WAITING, ("missing-dose",), plan="a", ordinal=1),
        SetOutcome(SetState(state), index=6, plan="b", ordinal=2),
    )
    conclude(served, SetState.WAITING, codes=("missing-dose",), sets=sets)
    page = served.member().get(served.collection).text
    assert [name for name in ("Try again", "Take as a new set") if name in page] == [button] * bool(button)
    assert all(f"<b>1</b> {t}" in page for t in ("waiting", {"published": "anonymized"}.get(state, state)))
    with pytest.raises(typer.Exit) as ended:
        status(served.share / "BATCH")
    assert ended.value.exit_code == int(bool(button))
    assert f"1 waiting, 1 {state}" in capsys.readouterr().out


def test_each_anonymized_set_of_a_folder_is_listed(served: Served) -> None:
    """With the link by which it is released; also in the stream, where elements are known by their ids."""
    sets = tuple(SetOutcome(SetState.PUBLISHED, index=index, plan=f"plan {index}", ordinal=index) for index in (6, 7))
    conclude(served, SetState.PUBLISHED, sets=sets)
    member = served.member()
    page = member.get(served.collection).text
    assert re.findall(r'href="/c/\w+/published/(ANON_\d+)"', page) == ["ANON_007", "ANON_006"]
    event = first_event(member, f"{served.collection}/events")
    listed = [re.findall(r"published/(ANON_\d+)", event["html"][name]) for name in event["lists"]["done"]]
    assert listed == [["ANON_007"], ["ANON_006"]]


def test_a_collection_that_cannot_be_shown_says_why(served: Served) -> None:
    """A copy, a share that went away or an empty mount point; no such page is there only without a collection."""
    member, address = served.member(), served.collection
    assert member.get(f"/c/{'0' * 32}").status == 404
    copy, away = served.share / "COPY", served.share.with_name("away")
    shutil.copytree(served.share / "BATCH", copy)
    served.desk.share._known.clear()
    for page in (address, f"{address}/persons", f"{address}/sheets/report"):
        told = member.get(page)
        assert (told.status, "one is a copy of the other" in told.text) == (503, True)
    shutil.rmtree(copy)
    served.share.rename(away)
    told = member.get(address)
    assert (told.status, "a file or folder went away" in told.text) == (503, True)
    served.share.mkdir()
    told = member.get(address)
    assert (told.status, "the share is unavailable" in told.text) == (503, True)
    served.share.rmdir()
    away.rename(served.share)
    assert member.get(address).status == 200


def test_a_set_in_any_state_is_counted(served: Served) -> None:
    """Also in the list of collections: nothing that waits for a person is hidden there."""
    conclude(served, SetState.UNREAD_WORDS, codes=("unread-words",), text="It waits.")
    member = served.member()
    for path in ("/", served.collection):
        assert "<b>1</b> words to review" in member.get(path).text


def test_all_sets_of_a_hospital_are_those_of_this_hospital(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link to all of them keeps the choice."""
    monkeypatch.setattr(collection_page, "SHOWN_DONE", 1)
    sets = tuple(SetOutcome(SetState.PUBLISHED, index=index, plan=f"plan {index}", ordinal=index) for index in (6, 7))
    conclude(served, SetState.PUBLISHED, sets=sets)
    member, hospital = served.member(), Collection.look(served.share / "BATCH").identity.hospital
    page = member.get(f"{served.collection}?hospital={quote(hospital)}").text
    (every,) = re.findall(r'href="(/c/\w+\?all[^"]*)"', page)
    assert unescape(every) == f"{served.collection}?all&hospital={quote(hospital)}"
    assert "ANON_006" not in page
    assert "ANON_006" in member.get(unescape(every)).text


def test_an_anonymized_set_says_what_it_became(served: Served) -> None:
    """With its sheet, when there is one."""
    conclude(served, "published", index=6, set_id="0" * 32)
    sheets = served.share / "BATCH" / "sheets"
    sheets.mkdir()
    (sheets / "ANON_006.html").write_text("<p>a sheet</p>")
    member = served.member()
    page = member.get(served.collection).text
    assert "ANON_006" in page
    assert "Nothing is left to do here." in page
    sheet = member.get(f"{served.collection}/sheets/ANON_006")
    assert (sheet.text, sheet.headers["Content-Security-Policy"][:8]) == ("<p>a sheet</p>", "sandbox;")
    for nothing in ("ANON_007", "..%2fcollection.toml", "collection", "ANON_006.html"):
        assert member.get(f"{served.collection}/sheets/{nothing}").status == 404


def test_the_tracking_file_is_shown_and_downloaded_unchanged(served: Served) -> None:
    """By its day; no other file of the folder is accessible."""
    address, member = served.collection, served.member()
    (served.share / "BATCH" / TRACKING).write_text(LINES)
    assert "Tracking file of 22 November 2026" in member.get(address).text
    page = member.get(f"{address}/tracking/20261122").text
    assert all(f"<td>{value}</td>" in page for value in ("4711", "VMAT, 2 &lt;Arcs&gt;", "St. Anna"))
    file = member.get(f"{address}/tracking/20261122/file")
    assert (file.text, file.headers["Content-Disposition"]) == (LINES, f'attachment; filename="{TRACKING}"')
    for nothing in ("20261121", "..", "collection.toml"):
        assert member.get(f"{address}/tracking/{nothing}/file").status == 404
    assert not re.search(r"\b4711\b", served.log.getvalue())  # a time may have it among its digits


def test_an_empty_tracking_file_is_no_fault(served: Served) -> None:
    """A person emptied it."""
    (served.share / "BATCH" / TRACKING).write_text("")
    assert "No lines yet." in served.member().get(f"{served.collection}/tracking/20261122").text


def test_a_tracking_file_named_after_no_day_leaves_the_pages_readable(served: Served) -> None:
    """Whoever may drop sets may also name a file so."""
    address, member = served.collection, served.member()
    (served.share / "BATCH" / "VicRapidPlan_trackingFile_20261399.txt").write_text(LINES)
    for path in (address, f"{address}/tracking/20261399"):
        page = member.get(path)
        assert (page.status, "Tracking file of 20261399" in page.text) == (200, True)


def test_changes_are_streamed_to_the_page(served: Served) -> None:
    """First all parts of a page by name, with the order of the sets."""
    event = first_event(served.member(), f"{served.collection}/events")
    (name,) = event["lists"]["sets"]
    assert {"state", "sets-none", "done-more", "files", name} == event["html"].keys()
    assert "Müller Anna 4711" in event["html"][name]
    assert "BATCH" in first_event(served.member(), "/events")["html"]["collections"]


def test_a_form_that_is_half_saved_is_reported_and_nothing_breaks(served: Served) -> None:
    """The collection's page says which line, and so does the list."""
    member, address = served.member(), served.collection
    (served.share / "BATCH" / "collection.toml").write_text("[identity\n")
    for path in ("/", address):
        page = member.get(path)
        assert (page.status, "line 1" in page.text) == (200, True)
    assert member.post(f"{address}/check").status == 503


def test_a_share_that_is_unavailable_is_reported_and_comes_back(served: Served) -> None:
    """The page stays, and recovers by itself."""
    member = served.member()
    away = served.share.rename(served.share.with_name("away"))
    assert "The share is unavailable." in member.get("/").text
    away.rename(served.share)
    assert "BATCH" in member.get("/").text


def test_two_copies_of_a_collection_are_reported(served: Served) -> None:
    """Neither can be opened until a person has decided."""
    shutil.copytree(served.share / "BATCH", served.share / "COPY") if served.collection else None
    page = served.member().get("/").text
    assert page.count("Two collections under this share have the same id") == 2


def test_what_is_not_there_is_shown_as_a_page(served: Served) -> None:
    """In the visitor's language, with a link back."""
    answer = served.member().get("/c/" + "0" * 32, Accept_Language="de")
    assert (answer.status, "Diese Seite gibt es nicht." in answer.text) == (404, True)
