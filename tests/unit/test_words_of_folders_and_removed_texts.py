"""Words that are no identifiers but suggest the person: weak evidence replaces some and marks others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deidentify.replacements import UNNAMED, rename
from services.forms.word_list import Decisions
from services.vocabulary.spelling import fold
from tests.anonymized import anonymized
from tests.sets import make_set, other_object, patient, setting
from tests.unit.test_rtset import assemble

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

NOBODY = patient("ANON^ANON", "ANON")


def labelled(label: str) -> Edit:
    """Set the plan's label, and change the patient's name everywhere else."""

    def edit(made: MadeSet) -> None:
        made.plan.RTPlanLabel = label
        made.structure_set.StructureSetLabel = "HN"

    return edit


def unread(done: Anonymized) -> dict[str, str]:
    """Return the words for review with reasons."""
    return {word.word: word.why for word in done.replacements.cleaner.unread}


@pytest.mark.parametrize(
    ("label", "stays"),
    [
        ("HN Bergmannk", "HN Bergmannk"),
        ("HN Karl", "HN"),
        ("Karl 66Gy", "66Gy"),
        ("Karl_PTV_60", "PTV_60"),
        ("HN 4711", "HN"),
        ("HN 70Gy", "HN 70Gy"),
    ],
)
def test_the_folder_is_called_so(tmp_path: Path, label: str, stays: str) -> None:
    """Its objects are of nobody."""
    done = anonymized(tmp_path, NOBODY, labelled(label), make={"name": "Bergmannkirch Karl 4711"})
    assert str(done.plan.RTPlanLabel) == stays


def test_a_comment_on_the_person_says_so(tmp_path: Path) -> None:
    """It is removed, with its words in labels; lexicon words stay."""
    comment = setting("RTPLAN", PatientComments="Frau Rosenthalerin, HN links")
    done = anonymized(tmp_path, NOBODY, comment, labelled("HN Rosenthalerin"))
    assert str(done.plan.RTPlanLabel) == "HN"
    (tmp_path / "b").mkdir()
    done = anonymized(tmp_path / "b", NOBODY, comment, labelled("HN links"))
    assert str(done.plan.RTPlanLabel) == "HN links"


def test_a_name_that_repeats_its_label_is_no_second_source(tmp_path: Path) -> None:
    """Planning systems copy a plan's label into name and description; foreign organs stay."""
    said = setting("", StudyDescription="Kopsud")
    more = setting("RTPLAN", RTPlanName="Kopsud 60/5", RTPlanDescription="copy of Kopsud 60/5")
    done = anonymized(tmp_path, NOBODY, said, more, labelled("Kopsud 60/5"))
    assert str(done.plan.RTPlanLabel) == "Kopsud 60/5"
    assert unread(done) == {"Kopsud": "a description that was removed"}


def test_one_source_marks_and_two_replace(tmp_path: Path) -> None:
    """A description alone proves nothing; three descriptions are one source."""
    said = setting("", StudyDescription="RT Yolanda", SeriesDescription="CT Yolanda", ProtocolName="Yolanda")
    done = anonymized(tmp_path, NOBODY, said, labelled("HN Yolanda"))
    assert str(done.plan.RTPlanLabel) == "HN Yolanda"
    assert unread(done) == {"Yolanda": "a description that was removed"}
    (tmp_path / "b").mkdir()
    more = setting("RTPLAN", RTPlanName="plan for Yolanda")
    done = anonymized(tmp_path / "b", NOBODY, said, more, labelled("HN Yolanda"))
    assert str(done.plan.RTPlanLabel) == "HN"
    assert unread(done) == {}


def test_an_object_that_is_left_out_says_so(tmp_path: Path) -> None:
    """An RT Image with the real name is beside an anonymous set."""

    def with_true_name(made: MadeSet) -> None:
        other_object("RTIMAGE")(made)
        made.objects[-1].PatientName = "Bergmannkirch^Yolanda"

    done = anonymized(tmp_path, NOBODY, with_true_name, labelled("HN Yolanda"))
    assert unread(done) == {"Yolanda": "an object that was left out"}


@pytest.mark.parametrize(
    ("label", "why"),
    [("VMAT_EKM", "initials of a name"), ("HN Mustermenn", "one letter off a name"), ("HN_345", "the end of an ID")],
)
def test_what_reminds_of_an_identifier_is_shown_with_its_reason(tmp_path: Path, label: str, why: str) -> None:
    """It stays unless another source agrees."""
    done = anonymized(tmp_path, patient("Mustermann^Erika^Kim", "9012345"), labelled(label), make={"name": "a"})
    assert str(done.plan.RTPlanLabel) == label
    assert list(unread(done).values()) == [why]
    assert "113105" not in done.methods


@pytest.mark.parametrize("label", ["PTV_70_30fx", "HN 35x2.0", "Boost_1980", "PTV 7000", "Level_IV", "CTSIM"])
def test_doses_and_words_of_the_lexicon_are_no_question(tmp_path: Path, label: str) -> None:
    """They are not listed."""
    done = anonymized(tmp_path, NOBODY, labelled(label), make={"name": "a"})
    assert str(done.plan.RTPlanLabel) == label
    assert unread(done) == {}
    assert "113105" in done.methods


@pytest.mark.parametrize(
    ("label", "fine", "stays"),
    [
        ("HN Moosgruber", False, "HN"),
        ("HN Moosgruber", True, "HN Moosgruber"),
        ("HN Klinik", False, "HN Klinik"),
        ("HN Lunge", False, "HN Lunge"),
    ],
)
def test_the_hospital_is_called_so(tmp_path: Path, label: str, stays: str, *, fine: bool) -> None:
    """Its name goes although it is in every patient's texts, unless a person accepted the word."""
    rtset = assemble(make_set(tmp_path, NOBODY, labelled(label)))
    decisions = Decisions(fine=frozenset((fold("Moosgruber"),)) if fine else frozenset())
    renaming = rename(rtset, UNNAMED, decisions, elsewhere=lambda _: True, hospital="Klinik Moosgruber Lunge")
    assert renaming.clean(label, "plan_label") == stays
