"""DA and DT in forms unknown to PS3.5 6.2: what is not a date is emptied, and the proof reads it the same way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.dicom import dates
from tests.unit.test_invalid_kept_values import published, put, value_of

if TYPE_CHECKING:
    from pathlib import Path

NO_DA = [
    *(
        b"2020",
        b"202003",
        b"2020031",
        b"1129",
        b"9999",
        b"0000",
        b"2020.03",
        b"2020.3.15",
        b"2020-03-15",
        b"15.03.2020",
    ),
    *(
        b"20200315101500",
        b"20200315+0100",
        b"2020+0100",
        b"1950-1960",
        b"2020-",
        b"X2020",
        b"\0\0\0\x001129",
        b"20201301",
    ),
]
NO_DT = [b"2020.03", b"2020031510150060", b"20200315 1015", b"20200315250000", b"20200315101500.1234567", b"2020-1960X"]
DATES = {
    "ct AcquisitionDateTime": (b"1950-1960", b"2020", b"202003", b"2020+0100", b"202003-202004", b"202003151015"),
    "ct AcquisitionDate": (b"20200315", b"2020.03.15", b"20200315-20200316", b"-20200315", b"20200315\\20200316"),
}


@pytest.mark.parametrize("value", NO_DA)
@pytest.mark.parametrize(
    "where", ["ct AcquisitionDate", "plan RTPlanDate", "dose InstanceCreationDate", "ct StudyDate"]
)
def test_what_is_no_da_is_emptied(tmp_path: Path, where: str, value: bytes) -> None:
    """If it is a study date, the next object's is used for age and birth date."""
    assert value_of(published(tmp_path, put(where, value, "DA")), where) == ""


@pytest.mark.parametrize("value", NO_DA)
def test_what_is_no_da_is_no_birth_date(tmp_path: Path, value: bytes) -> None:
    """A year alone gives no age, and the set is published."""
    found = published(tmp_path, put("ct PatientBirthDate", value, "DA"))
    assert value.decode("latin-1") not in value_of(found, "ct PatientBirthDate")


@pytest.mark.parametrize("value", NO_DT)
def test_what_is_no_dt_is_emptied(tmp_path: Path, value: bytes) -> None:
    """Even if a part of it would be a date."""
    assert value_of(published(tmp_path, put("ct AcquisitionDateTime", value, "DT")), "ct AcquisitionDateTime") == ""


@pytest.mark.parametrize(("where", "value"), [(where, value) for where, some in DATES.items() for value in some])
def test_each_form_of_a_date_moves(tmp_path: Path, where: str, value: bytes) -> None:
    """Years, months, ranges, several values, zones."""
    new = value_of(published(tmp_path, put(where, value, "DT" if where.endswith("Time") else "DA")), where)
    read = dates.read_dt if where.endswith("Time") else dates.read_da
    assert len(new) == len(value.replace(b".", b""))
    assert all(old - day >= timedelta(weeks=51) for old, day in zip(read(value), read(new), strict=True))
