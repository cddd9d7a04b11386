"""One age for all objects of a set, a birth date that gives only the age, and reported nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import judge, sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import MadeSet


def born(birth: str, *, age: str | None = None, studied: str = "20180301") -> sets.Edit:
    """Set birth date, age and CT date in every object."""
    return sets.setting(PatientBirthDate=birth, PatientAge=age, StudyDate=studied)


def years(done: Anonymized) -> int:
    """Return the completed years of the new birth date on the new study date."""
    birth, day = judge.day(done.ct.PatientBirthDate), judge.day(done.ct.StudyDate)
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


@pytest.mark.parametrize(
    ("birth", "age", "studied", "stated"),
    [
        ("19600302", None, "20180301", "057Y"),
        ("19600301", None, "20180301", "058Y"),
        ("19600229", None, "20200229", "060Y"),
        ("19600229", None, "20190228", "058Y"),
        ("19600229", None, "20190301", "059Y"),
        ("", "061Y", "20180301", "061Y"),
        ("", "61Y", "20180301", "061Y"),
        ("19280302", None, "20180301", "089Y"),
        ("19200101", None, "20180301", "090Y"),
        ("", "095Y", "20180301", "090Y"),
    ],
)
def test_the_age_is_given_by_age_and_birth_date(
    tmp_path: Path, birth: str, age: str | None, studied: str, stated: str
) -> None:
    """In whole years on the day of the CT; a stated age takes precedence."""
    done = anonymized(tmp_path, born(birth, age=age, studied=studied))
    assert {data.PatientAge for data in done.new.values()} == {stated}
    if stated == "090Y":
        assert years(done) >= 90
        assert "age over 89 given as 090Y" in done.plan.DeidentificationMethod
    else:
        assert years(done) == int(stated[:3])
    if birth:
        assert done.ct.PatientBirthDate not in {birth, f"{judge.day(birth) - done.replacements.shift:%Y%m%d}"}


@pytest.mark.parametrize(
    ("birth", "age", "stated"), [("20180101", "006W", "006W"), ("20170801", None, "007M"), ("20180225", None, "004D")]
)
def test_a_patient_of_less_than_two_years(tmp_path: Path, birth: str, age: str | None, stated: str) -> None:
    """Often a wrong birth date, and reported as such."""
    done = anonymized(tmp_path, born(birth, age=age))
    assert done.ct.PatientAge == stated
    assert "age-under-one-year" in done.replacements.person.notes


@pytest.mark.parametrize(
    ("birth", "age", "note"),
    [
        ("20300101", None, "birth-date-impossible"),
        ("20180301", None, "birth-date-impossible"),
        ("18990101", None, "birth-date-impossible"),
        ("17600302", None, "birth-date-impossible"),
        ("2.25.123", None, "birth-date-junk"),
        ("", "FIFTY", "age-junk"),
        ("", "000Y", "age-impossible"),
        ("", "121Y", "age-impossible"),
        ("", None, "age-unknown"),
    ],
)
def test_nonsense_makes_no_age(tmp_path: Path, birth: str, age: str | None, note: str) -> None:
    """Birth date and age are then empty in every object, and the reason is reported."""
    done = anonymized(tmp_path, born(birth, age=age))
    assert all(data.PatientBirthDate == "" and "PatientAge" not in data for data in done.new.values())
    assert {note, "age-unknown"} <= set(done.replacements.person.notes)


def test_objects_that_disagree_agree_afterwards(tmp_path: Path) -> None:
    """The CT's age is used; of two sexes none is stated."""

    def disagree(made: MadeSet) -> None:
        sets.setting("CT", PatientAge="061Y", PatientSex="F", PatientBirthDate="19570101")(made)
        sets.setting("RTPLAN", PatientAge="062Y", PatientSex="M", PatientBirthDate="")(made)

    done = anonymized(tmp_path, disagree)
    said = {(data.PatientAge, data.PatientSex, data.PatientBirthDate) for data in done.new.values()}
    assert said == {("061Y", "", done.ct.PatientBirthDate)}
    assert {"ages-differ", "sexes-differ"} <= set(done.replacements.person.notes)
