"""Dates move back by whole weeks."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dicom.dates import choose_shift, moved, read_da, read_dt, shift_da, shift_dt
from services.errors import SetRefused
from services.forms.identity import fake_birth_date, read_age

KEY = bytes(range(32))
YEAR = timedelta(weeks=52)

days = st.dates(date(1930, 1, 1), date(2100, 1, 1))
any_days = st.one_of(st.dates(), st.dates(max_value=date(12, 1, 1)), st.sampled_from([date.min, date.max]))
shifts = st.integers(52, 520).map(lambda weeks: timedelta(weeks=weeks))
keys = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(
    ("value", "shifted"),
    [
        ("20110506", "20100507"),
        (b"20110506", "20100507"),
        ("20110506 ", "20100507"),
        (b"20110506\0", "20100507"),
        ("2011.05.06", "20100507"),  # ACR-NEMA
        ("20120229", "20110302"),
        ("20110506-20110601", "20100507-20100602"),
        ("20110506-", "20100507-"),
        ("-20110601", "-20100602"),
        ("20110506\\\\20110601", "20100507\\\\20100602"),
        ("19000101", "18990102"),
        ("", ""),
    ],
)
def test_every_form_of_a_date_is_moved(value: str | bytes, shifted: str) -> None:
    """PS3.5 6.2, DA, including the old form and ranges."""
    assert shift_da(value, YEAR) == shifted


@pytest.mark.parametrize(
    "junk",
    [
        "20110230",
        "201105",
        "2011",
        "6f9619ff-8b86-d011",
        "Smith",
        "20110506143000",
        "00000000",
        "00010101",
        "-",
        "2011.0506",
    ],
)
def test_what_is_no_date_becomes_empty_and_is_counted(junk: str) -> None:
    """It cannot be moved, and it must not stay."""
    assert shift_da(junk, YEAR) == ""
    assert shift_da(f"20110506\\{junk}", YEAR) == "20100507\\"


@pytest.mark.parametrize(
    ("value", "shifted"),
    [
        ("20110506143231.123456+0200", "20100507143231.123456+0200"),
        ("201105061432", "201005071432"),
        ("2011050614", "2010050714"),
        ("20110506235960", "20100507235960"),  # a leap second
        ("20110506", "20100507"),
        ("201105", "201005"),  # a month moves as its first day does
        ("2011", "2010"),
        ("2011-0500", "2010-0500"),  # a year in a time zone
        ("2011-2012", "2010-2011"),  # no time zone: a range
        ("20110506143231-0300-20110507153231-0300", "20100507143231-0300-20100508153231-0300"),
        ("201105061432-", "201005071432-"),
    ],
)
def test_every_form_of_a_date_time_keeps_its_time_zone_and_precision(value: str, shifted: str) -> None:
    """PS3.5 6.2, DT."""
    assert shift_dt(value, YEAR) == shifted


@pytest.mark.parametrize("junk", ["2011050", "201113", "20110506250000", "20110506+2500", "14:32", "2011.05.06", "x"])
def test_what_is_no_date_time_becomes_empty_and_is_counted(junk: str) -> None:
    """As with dates."""
    assert (shift_dt(junk, YEAR), read_dt(junk)) == ("", [])


def test_the_days_in_a_value_are_read_as_they_are_moved() -> None:
    """`choose_shift` gets the same dates as are written."""
    assert read_da("20110506-20110601\\junk\\20110701") == [date(2011, 5, 6), date(2011, 6, 1), date(2011, 7, 1)]
    assert read_dt("2011\\20110506143231+0200") == [date(2011, 1, 1), date(2011, 5, 6)]


@given(day=days, shift=shifts)
def test_a_moved_date_keeps_its_weekday_and_lies_one_to_ten_years_back(day: date, shift: timedelta) -> None:
    """Both in DA and in DT."""
    (earlier,) = read_da(shift_da(f"{day:%Y%m%d}", shift))
    assert day - earlier == shift
    assert earlier.weekday() == day.weekday()
    assert shift_dt(f"{day:%Y%m%d}1200", shift) == f"{earlier:%Y%m%d}1200"


@given(text=st.text(max_size=30), shift=shifts)
def test_nothing_of_a_value_that_is_no_date_survives(text: str, shift: timedelta) -> None:
    """Whatever the field contains."""
    for shifted in (shift_da(text, shift), shift_dt(text, shift)):
        assert set(shifted) <= set("0123456789.+-\\")


@given(key=keys, dates=st.lists(days, max_size=40))
def test_the_shift_maps_no_date_of_the_set_onto_another(key: bytes, dates: list[date]) -> None:
    """It would otherwise be an original date again."""
    shift = choose_shift(key, dates)
    assert {day - shift for day in dates}.isdisjoint(dates)
    assert shift % timedelta(weeks=1) == timedelta(0)
    assert YEAR <= shift <= timedelta(weeks=520)
    assert shift == choose_shift(key, reversed(dates))


def test_different_keys_give_different_shifts() -> None:
    """It cannot be inferred from another set."""
    assert len({choose_shift(bytes([n]) * 32, []) for n in range(200)}) > 100


def test_the_first_shift_of_the_stream_is_taken_unless_it_maps_a_date_onto_another() -> None:
    """One date more or less in the set changes nothing."""
    day = date(2011, 5, 6)
    first = choose_shift(KEY, [day])
    assert choose_shift(KEY, [day, day + timedelta(weeks=600)]) == first
    assert choose_shift(KEY, [day, day - first]) != first


def test_a_set_with_a_date_for_every_shift_is_refused_and_not_searched_for_ever() -> None:
    """A hostile set, or a complete history in one object."""
    dates = [date(2000, 1, 1) + timedelta(weeks=week) for week in range(521)]
    assert all(there - here == timedelta(weeks=1) for here, there in pairwise(dates))
    with pytest.raises(SetRefused, match="dates-too-dense"):
        choose_shift(KEY, dates)


@given(
    one=any_days, other=any_days, shift=shifts, shape=st.sampled_from(["{0}", "{0}-{1}", "{0}-", "-{1}", "{0}\\{1}"])
)
def test_the_ends_of_the_calendar_are_dates_like_others(one: date, other: date, shift: timedelta, shape: str) -> None:
    """Dates before the year 1 become empty; all others move."""
    ends = [f"{day.year:04d}{day.month:02d}{day.day:02d}" for day in (one, other)]
    value = shape.format(*ends)
    parts = value.split("\\")
    for shifted in (shift_da(value, shift), shift_dt(value, shift)):
        for part, new in zip(parts, shifted.split("\\"), strict=True):
            named = read_da(part)
            earlier = [moved(day, shift) for day in named]
            assert read_da(new) == ([] if None in earlier else earlier)
            assert (new == "") == (None in earlier)


@given(key=keys, dates=st.lists(any_days, max_size=20))
def test_a_shift_is_found_for_any_dates(key: bytes, dates: list[date]) -> None:
    """At the ends of the calendar too."""
    shift = choose_shift(key, dates)
    assert {moved(day, shift) for day in dates}.isdisjoint(dates)


@given(
    value=any_days.map(lambda day: f"{day.year:04d}{day.month:02d}{day.day:02d}"),
    age=st.sampled_from(["", "001D", "999D", "999W", "999M", "001Y", "125Y", "999Y", "000D"]),
    study=any_days,
)
def test_an_age_is_read_whatever_the_dates(value: str, age: str, study: date) -> None:
    """A made-up birth date matches it, or there is none."""
    made = fake_birth_date(read_age([age], [value], study).age, study, KEY)
    assert made is None or made < study
