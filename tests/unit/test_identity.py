"""The new identity, the age, and the birth date that gives only the age."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import SettingsWrong
from services.forms.identity import (
    AGE_NOTES,
    LAST_INDEX,
    Age,
    Identity,
    NewIdentity,
    check_identity,
    fake_birth_date,
    read_age,
)

FORM = Identity("zzz_AnusGE", "AnusGE", "First", "Genève, HUG", 1)
KEY = bytes(range(32))
STUDY = date(2020, 6, 15)

keys = st.binary(min_size=32, max_size=32)
study_dates = st.dates(date(1950, 1, 1), date(2060, 1, 1)) | st.sampled_from([date(2020, 2, 29), date(2021, 2, 28)])
ages = st.one_of(
    st.builds(Age, st.integers(1, 120), st.just("Y")), st.builds(Age, st.integers(1, 999), st.sampled_from("MWD"))
)


def test_the_index_is_appended_to_id_and_family_name() -> None:
    """At least three digits, more if needed; the first name is unchanged."""
    assert FORM.numbered(6) == NewIdentity("zzz_AnusGE006", "AnusGE006^First", 6)
    assert FORM.numbered(1234) == NewIdentity("zzz_AnusGE1234", "AnusGE1234^First", 1234)


def test_a_usual_form_is_taken() -> None:
    """A hospital may be in any script, since it never enters DICOM."""
    check_identity(FORM)
    check_identity(replace(FORM, patient_id="x" * 58, family_name="f" * 30, first_name="g" * 27, initial_index=999))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"patient_id": ""}, "patient_id is empty"),
        ({"family_name": ""}, "family_name is empty"),
        ({"first_name": ""}, "first_name is empty"),
        ({"hospital": " "}, "hospital must be one line"),
        ({"hospital": "Genève\nHUG"}, "hospital must be one line"),
        ({"patient_id": "a\\b"}, "patient_id holds"),
        ({"patient_id": "a\tb"}, "patient_id holds"),
        ({"family_name": "Müller"}, "family_name holds 'ü'"),
        ({"family_name": "A\\B"}, r"family_name holds '\\':"),
        ({"family_name": "A^B"}, "family_name holds"),
        ({"first_name": "A=B"}, "first_name holds"),
        ({"patient_id": " a"}, "begins or ends with a space"),
        ({"patient_id": "x" * 59}, "1 shorter"),
        ({"family_name": "f" * 30, "first_name": "g" * 30}, "3 shorter"),
        ({"initial_index": 0}, "from 1 to"),
        ({"initial_index": LAST_INDEX + 1}, "from 1 to"),
    ],
)
def test_what_dicom_cannot_carry_is_refused_with_the_field_and_the_reason(change: dict[str, object], says: str) -> None:
    """At the start, not at the first affected set."""
    with pytest.raises(SettingsWrong, match=says):
        check_identity(replace(FORM, **change))


@pytest.mark.parametrize(
    ("stated", "births", "age", "notes"),
    [
        (["045Y"], [], Age(45, "Y"), ()),
        ([" 45y", ""], [], Age(45, "Y"), ()),
        (["018M"], [], Age(18, "M"), ()),
        (["", "045Y"], ["", "19750101"], Age(45, "Y"), ()),
        ([], ["19750615"], Age(45, "Y"), ()),
        ([], ["19750616"], Age(44, "Y"), ()),
        ([], ["1975.06.15"], Age(45, "Y"), ()),
        ([], ["20190315"], Age(15, "M"), ()),
        (["045Y", "046Y"], [], Age(45, "Y"), ("ages-differ",)),
        (["045Y"], ["19500101"], Age(45, "Y"), ("age-and-birth-date-differ",)),
        (["090Y"], [], Age(90, "Y"), ("age-over-89",)),
        (["089Y"], [], Age(89, "Y"), ()),
        ([], ["19200101"], Age(90, "Y"), ("age-over-89",)),
        ([], ["20200611"], Age(4, "D"), ("age-under-one-year",)),  # seen in real files
        (["45"], ["19750615"], Age(45, "Y"), ("age-junk",)),
        (["000Y"], ["19750615"], Age(45, "Y"), ("age-impossible",)),
        (["121Y"], [], None, ("age-impossible", "age-unknown")),
        ([], ["20200615"], None, ("birth-date-impossible", "age-unknown")),  # on the study date
        ([], ["20210101"], None, ("birth-date-impossible", "age-unknown")),
        ([], ["19000101"], None, ("birth-date-impossible", "age-unknown")),
        ([], ["18991231"], None, ("birth-date-impossible", "age-unknown")),
        ([], ["6f9619ff-8b86"], None, ("birth-date-junk", "age-unknown")),
        ([], ["19750230"], None, ("birth-date-junk", "age-unknown")),
        ([], ["20210101", "19750615"], Age(45, "Y"), ("birth-date-impossible",)),
        ([], [], None, ("age-unknown",)),
    ],
)
def test_the_age_is_read_from_what_can_be_trusted(
    stated: list[str], births: list[str], age: Age | None, notes: tuple[str, ...]
) -> None:
    """A stated age before a birth date; what is not an age is reported, and explained."""
    assert read_age(stated, births, STUDY) == (age, notes)
    assert set(notes) <= set(AGE_NOTES)


@pytest.mark.parametrize("study_date", [None, date(1900, 1, 1), date(1, 1, 1)])
def test_without_a_study_date_only_a_stated_age_is_an_age(study_date: date | None) -> None:
    """Nor with a placeholder."""
    assert read_age(["045Y"], ["19750615"], study_date) == (Age(45, "Y"), ())
    assert read_age([], ["19750615"], study_date) == (None, ("study-date-unknown", "age-unknown"))


def test_someone_who_died_at_121_years_is_not_believed() -> None:
    """120 years are; they are published as 90."""
    assert read_age([], ["19000615"], date(2020, 6, 15)).age == Age(90, "Y")
    assert read_age([], ["19000615"], date(2021, 6, 15)).age is None


def test_an_age_is_written_as_dicom_does() -> None:
    """PS3.5 6.2, AS."""
    assert [Age(45, "Y").statement, Age(6, "W").statement, Age(120, "D").statement] == ["045Y", "006W", "120D"]


def completed(birth: date, day: date, unit: str) -> int:
    """Compute an age by counting days, independently of the product."""
    if unit in "DW":
        return (day - birth).days // (7 if unit == "W" else 1)
    months = 0
    while True:
        year, month = divmod(birth.month - 1 + months + 1, 12)
        year += birth.year
        try:
            passed = date(year, month + 1, birth.day)
        except ValueError:  # no such day in that month: the first of the next
            passed = date(year + (month == 11), (month + 1) % 12 + 1, 1)
        if passed > day:
            return months // (12 if unit == "Y" else 1)
        months += 1


@given(age=ages, study_date=study_dates, key=keys, near=st.integers(0, 400))
def test_the_made_up_birth_date_reproduces_the_age_and_is_not_the_real_one(
    age: Age, study_date: date, key: bytes, near: int
) -> None:
    """In years, months, weeks and days, including 29 February."""
    made_up = fake_birth_date(age, study_date, key)
    assert made_up is not None
    assert completed(made_up, study_date, age.unit) == age.number
    assert made_up == fake_birth_date(age, study_date, key)
    avoiding = fake_birth_date(age, study_date, key, other_than={made_up, made_up + timedelta(days=near)})
    assert avoiding is not None
    assert (avoiding == made_up) == (age.unit == "D")
    assert completed(avoiding, study_date, age.unit) == age.number


@given(birth=st.dates(date(1940, 1, 1), date(2019, 1, 1)), key=keys)
def test_an_age_from_a_birth_date_survives_the_made_up_one(birth: date, key: bytes) -> None:
    """Readers of the published set find the same age."""
    age = read_age([], [f"{birth:%Y%m%d}"], STUDY).age
    made_up = fake_birth_date(age, STUDY, key, other_than=[birth])
    assert made_up is not None
    assert made_up != birth
    assert read_age([], [f"{made_up:%Y%m%d}"], STUDY).age == age


def test_different_sets_get_different_birth_dates() -> None:
    """All days of the year are possible."""
    assert len({fake_birth_date(Age(45, "Y"), STUDY, bytes([n]) * 32) for n in range(200)}) > 100


@pytest.mark.parametrize(("age", "day"), [(None, STUDY), (Age(45, "Y"), None), (Age(45, "Y"), date(99, 1, 1))])
def test_no_age_or_no_study_date_gives_no_birth_date(age: Age | None, day: date | None) -> None:
    """(0010,0030) *Patient's Birth Date* is then empty."""
    assert fake_birth_date(age, day, KEY) is None
