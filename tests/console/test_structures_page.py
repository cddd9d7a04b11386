"""The page of names uses the same file as the command line and spreadsheets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.forms import structure_list
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from tests.console.conftest import Served


#: Of the sets that are served, and of the one that is added.
NAMES = ["Hilf 1", "PTV", "Parotis li", "SpinalCord"]


def rows(served: Served) -> list[tuple[str, str, str]]:
    """Return the rows of the file."""
    sheet = structure_list.read(served.share / "BATCH")
    return [(row.source, row.target, row.state) for row in sheet.rows]


def make_batch(served: Served) -> str:
    """Add a set with German names to the collection; return the page's address."""
    root = make_collection(served.share / "BATCH")
    make_set(root, name="Z", seed="German", rois=["PTV", "Parotis li", "Hilf 1"], ct=2, size=16, points_per_contour=8)
    return f"{served.collection}/structures"


def test_names_are_listed_confirmed_and_left(served: Served) -> None:
    """The choice is in the file for the next visitor."""
    page = make_batch(served)
    member = served.member()
    shown = member.get(page)
    assert shown.status == 200
    assert sorted(re.findall(r'name="source" value="([^"]+)"', shown.text)) == NAMES
    assert 'name="target Parotis li" value="Parotid_L"' in shown.text
    chosen = {"source": ["Parotis li"], "target Parotis li": "Parotid_L", "target Hilf 1": "x", "state": "confirmed"}
    assert member.post(page, chosen).status == 303
    assert member.post(page, {"source": ["Hilf 1"], "state": "ignored"}).status == 303
    assert rows(served) == [("Parotis li", "Parotid_L", "confirmed"), ("Hilf 1", "", "ignored")]
    assert "0 of 4 names are undecided" in member.get(page).text


def test_what_cannot_be_confirmed_is_reported_and_nothing_written(served: Served) -> None:
    """A name that a planning system would truncate, one without a target, a set that was never published."""
    page = make_batch(served)
    member = served.member()
    member.get(page)
    answer = member.post(page, {"source": ["PTV"], "target PTV": "A name that is too long", "state": "confirmed"})
    assert (answer.status, "planning systems keep 16" in answer.text) == (409, True)
    assert member.post(f"{page}/again", {"anon": ["ANON_006"]}).status == 409
    assert rows(served) == []


def test_a_list_that_cannot_be_read_is_reported_with_its_line(served: Served) -> None:
    """The page says that processing is paused."""
    page = make_batch(served)
    (served.share / "BATCH" / "structures.csv").write_text("source;target;state\nA;B;perhaps\n")
    answer = served.member().get(page)
    assert (answer.status, "structures.csv, line 2" in answer.text) == (409, True)
