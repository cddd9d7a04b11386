"""The form on a page: its checks, its preview, and what it creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console import forms
from services.forms.collection_form import BY_HAND, Options, read_settings
from services.forms.identity import Identity

if TYPE_CHECKING:
    from tests.visitor import Served

FORM = {
    "folder": "+",
    "new_folder": "Prostate",
    "patient_id": "zzz_Prost",
    "family_name": "Prost",
    "first_name": "First",
    "hospital": "St. Anna",
    "initial_index": "6",
    "machine": "VicRapidPlan",
    "start": BY_HAND,
}


def test_it_makes_a_collection_and_shows_it(served: Served) -> None:
    """In a new folder, with what was filled in."""
    member = served.member()
    answer = member.post("/new", FORM)
    identity, options = read_settings(served.share / "Prostate")
    assert answer.status == 303
    assert identity == Identity("zzz_Prost", "Prost", "First", "St. Anna", 6)
    assert (options.machine, options.start) == (("VicRapidPlan",), BY_HAND)
    page = member.get(answer.location).text
    assert "zzz_Prost006" in page
    assert "There are no sets yet." in page


def test_a_folder_that_is_there_can_be_taken_and_the_machine_kept(served: Served) -> None:
    """Sets that are in it already stay where they are."""
    (served.share / "Larynx" / "set").mkdir(parents=True)
    member = served.member()
    assert '<option value="Larynx"' in member.get("/new").text
    assert member.post("/new", {**FORM, "folder": "Larynx", "machine": "keep", "start": "by itself"}).status == 303
    options = read_settings(served.share / "Larynx")[1]
    assert (options.machine, options.start) == ((), "by itself")


def test_the_preview_shows_whom_the_first_set_becomes(served: Served) -> None:
    """And warns of another collection that gives the same patient ID."""
    member = served.member()
    preview = member.post("/new/preview", {**FORM, "patient_id": "zzz_AnusGE", "family_name": "AnusGE"}).text
    assert all(shown in preview for shown in ("zzz_AnusGE006", "AnusGE006^First", "ANON_006", "St. Anna"))
    assert "“BATCH” assigns the same patient ID, from number 6 on" in preview
    assert "Fill in the form" in member.post("/new/preview", {**FORM, "family_name": ""}).text
    assert not (served.share / "Prostate").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient_id", ""),
        ("patient_id", "zzz\\x"),
        ("patient_id", "x" * 60),
        ("family_name", "A^B"),
        ("family_name", "Müller"),
        ("first_name", "="),
        ("hospital", " "),
        ("initial_index", "0"),
        ("initial_index", "six"),
        ("initial_index", "1000000"),
        ("machine", "Nonesuch"),
        ("new_folder", "../elsewhere"),
        ("new_folder", "/etc"),
        ("new_folder", ""),
        ("new_folder", ".hidden"),
        ("new_folder", "ANON_007"),
        ("new_folder", "BATCH"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named_and_the_rest_stays(served: Served, name: str, value: str) -> None:
    """Nothing is created, and the values are kept in the form."""
    before = sorted(served.share.iterdir())
    answer = served.member().post("/new", {**FORM, name: value})
    assert answer.status == 422
    assert f'href="#{"folder" if name == "new_folder" else name}"' in answer.text
    assert 'value="zzz_Prost"' in answer.text or name == "patient_id"
    assert sorted(served.share.iterdir()) == before
    assert [path.name for path in served.share.parent.iterdir()] == ["share"]


def test_what_is_written_into_the_form_is_shown_and_not_obeyed(served: Served) -> None:
    """Markup in a field is shown as text."""
    answer = served.member().post("/new", {**FORM, "hospital": '"><script>alert(1)</script>', "initial_index": "0"})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def test_numbers_of_the_older_program_are_not_given_again(served: Served) -> None:
    """The page refuses what the command line refuses, in the same words."""
    (served.share / "Old" / "ANON_007").mkdir(parents=True)
    answer = served.member().post("/new", {**FORM, "folder": "Old"})
    assert answer.status == 422
    assert "Numbers up to 7 were given here" in answer.text
    assert not (served.share / "Old" / "collection.toml").exists()


def test_a_form_that_never_ends_is_cut_off(served: Served) -> None:
    """A megabyte is more than ten thousand chosen sets take."""
    assert served.member().post("/new", {**FORM, "hospital": "x" * (1 << 20)}).status == 413


def test_six_questions_are_asked_and_everything_else_is_under_more(served: Served) -> None:
    """Each option with a line of explanation; the defaults are those of a new collection."""
    page = served.member().get("/new").text
    before, _, behind = page.partition('<details class="more">')
    asked = ("patient_id", "family_name", "first_name", "initial_index", "hospital", "machine")
    assert all(f'id="{name}"' in before for name in asked)
    assert not [name for name in forms.more() if f'name="{name}"' in before]
    assert [name for name in forms.more() if f'name="{name}"' not in behind] == []
    assert [name for name, may in forms.more().items() if f'id="{name}-hint"></p>' in behind] == []


def test_what_is_chosen_behind_more_is_in_the_form(served: Served) -> None:
    """For every kind of option."""
    chosen = {
        "dates": "remove",
        "sheets": "no",
        "plans": "each",
        "inbox": "Deliveries",
        "accept": ["plan-sum", "relative-dose"],
    }
    assert served.member().post("/new", {**FORM, **chosen}).status == 303
    options = read_settings(served.share / "Prostate")[1]
    assert (options.dates, options.sheets, options.plans, options.inbox) == ("remove", False, "each", "Deliveries")
    assert options.accept == {"plan-sum", "relative-dose"}
    assert options.on_broken_links == Options(machine=()).on_broken_links


@pytest.mark.parametrize(
    ("name", "value"), [("scanner", "x" * 17), ("inbox", "../out"), ("dates", "now"), ("accept", "two-patients")]
)
def test_an_option_that_cannot_be_taken_opens_more(served: Served, name: str, value: str) -> None:
    """The option is named above the form."""
    answer = served.member().post("/new", {**FORM, name: value})
    assert (answer.status, f'href="#{name}"' in answer.text, '<details class="more" open>' in answer.text) == (
        422,
        True,
        True,
    )
    assert not (served.share / "Prostate").exists()
