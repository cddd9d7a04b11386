"""Dates in labels, complete or partial: those that would reveal the shift are removed, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof.search import Search
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet

OWN = Identifiers([("date", "20210322"), ("date", "19610503")], births=["19610503"])
"""22 March 2021 is a Monday, in week 12."""


def left_of(label: str) -> str:
    """Return a cleaned label `PTV …`."""
    return Cleaner(OWN, [Text("roi_name", 7, label)]).clean(label, "roi_name")


@pytest.mark.parametrize(
    "day",
    [
        *(
            "22.03.2021",
            "22.3.21",
            "2021-03-22",
            "20210322",
            "03/22/2021",
            "22mrt2021",
            "22 maart 2021",
            "22 de marzo de 2021",
        ),
        *(
            "22 de março de 2021",
            "22 marca 2021",
            "22. maaliskuuta 2021",
            "22. mars 2021",
            "22 mars 2021",
            "22. märz 21",
        ),
        *(
            "22. března 2021",
            "22 marzo 2021",
            "mars 22, 2021",
            "令和3年3月22日",
            "2021年3月22日",
            "R3.3.22",
            "22/03/2564",
        ),
        *("3 maja 1961", "3 de maio de 1961", "3. maj 1961", "3 mei 1961", "3. toukokuuta 1961"),
        *("KW12 2021", "KW 12/21", "2021-W12", "W12 2021", "week 12 2021", "uke 12 2021", "vecka 12 2021", "2021 KW12"),
        *("22. marts 2021", "22ND MARCH 2021", "22nd of March 2021", "2021-Mar-22", "22 марта 2021", "22 μαρτίου 2021"),
        *(
            "22.III.2021",
            "22III2021",
            "22/III/21",
            "22\N{EN DASH}3\N{EN DASH}2021",
            "22·3·2021",
            "民國110年3月22日",
            "12. KW 2021",
        ),
        *("W12/21", "w12-21", "W 12_21"),
        *("22|03|21", "22~3~2021", "22 . 03 . 2021", "22 / 3 / 21", "2021 - 03 - 22", "2021|03|22"),
        *("22\N{NON-BREAKING HYPHEN}03\N{NON-BREAKING HYPHEN}2021", "22\N{NO-BREAK SPACE}03\N{NO-BREAK SPACE}2021"),
        *("22.3.", "22.03", "22/03", "03-22", "22 Mar", "Mar 22", "22. März", "22 de marzo", "22mrt", "3 mei", "3.5."),
        *("*1961", "*61", "Jg. 61", "geb. 1961", "jg61", "born 61", "03/2021", "mars 2021", "marzo 2021"),
    ],
)
def test_what_says_a_day_of_the_set_goes(day: str) -> None:
    """In the customary forms and languages."""
    assert left_of(f"PTV {day}") == "PTV"


@pytest.mark.parametrize("day", ["61-05-03", "61.5.3", "61/05/03", "21 3 22", "21_03_22"])
@pytest.mark.parametrize("name", ["PTV", "Lung_L"])
def test_a_day_that_begins_with_its_short_year_goes(day: str, name: str) -> None:
    """As in file names that sort by date."""
    assert left_of(f"{name} {day}") == name
    assert Search([("date", "20210322"), ("date", "19610503")]).in_typed(f"{name} {day}") == {"date"}


@pytest.mark.parametrize("day", ["22|03|21", "22~3~2021", "22 . 03 . 2021", "22 / 3 / 21", "2021 - 03 - 22"])
def test_the_proof_finds_days_with_unusual_separators(day: str) -> None:
    """In whichever place they are typed."""
    assert "date" in Search([("date", "20210322")]).in_typed(f"PTV {day}")


@pytest.mark.parametrize("label", ["W15/30", "W15-20", "Ring 5 - 10 - 20", "60 / 54 / 50", "Lung | 5 | 20"])
def test_numbers_between_separators_stay(label: str) -> None:
    """Wedges, margins and dose levels."""
    assert left_of(f"PTV {label}") == f"PTV {label}"


@pytest.mark.parametrize("label", ["Ring 10-10-5", "PTV 60-12-10", "PTV 70.56.50", "v61.05.03.2", "PTV 61-05-04"])
def test_three_numbers_that_are_no_day_of_the_set_stay(label: str) -> None:
    """Margins, dose levels and versions."""
    assert left_of(label) == label


@pytest.mark.parametrize("written", ["QX61", "XQ61", "qx_1961", "Q.X. 1961", "x.q.61", "XQ *61", "Q-X'61"])
def test_initials_with_the_year_of_birth_go(written: str) -> None:
    """Both together are as good as a name."""
    own = Identifiers([("person", "Quastenhuber^Xaverine"), ("date", "19610503")], births=["19610503"])
    label = f"PTV {written}"
    assert Cleaner(own, [Text("roi_name", 7, label)]).clean(label, "roi_name") == "PTV"


@pytest.mark.parametrize(
    "label", ["HN 61", "PTV HN61", "PTV HN 61.5", "PTV HM61", "PTV NL61 Gy", "PTV NL61.2", "ANL61"]
)
def test_terms_and_doses_that_look_like_initials_with_a_year_stay(label: str) -> None:
    """Hans Nils and Nils Lahm, born in 1961."""
    own = Identifiers([("person", "Hahn^Nils"), ("person", "Nolden^Lia")], births=["19610503"])
    assert own.matches(label) == []


@pytest.mark.parametrize(
    "day", ["12 mei 2017", "12 de maio de 2017", "12 maja 2017", "12. toukokuuta 2017", "平成29年5月12日", "12.05.2560"]
)
def test_a_whole_date_goes_whosever_it_is(day: str) -> None:
    """In each language: it may be another patient's, or that of a scan outside the folder."""
    assert left_of(f"PTV {day}") == "PTV"


@pytest.mark.parametrize(
    "label",
    [
        *(
            "LN_Level_IV",
            "PTV 5.4",
            "PTV 54.0",
            "PTV 30/10",
            "PTV 22.4",
            "PTV 22/3",
            "PTV_1980",
            "CTV1961",
            "PTV_1961cGy",
        ),
        *(
            "PTV 1980",
            "Ring 3-5",
            "Ring 5-5-10",
            "PTV 2.2Gy",
            "KW13 2021",
            "PTV 12 Mar",
            "PTV 1962",
            "Lung 3 sup",
            "PTV R3.3",
        ),
        *("PTV 2021", "PTV 50.4", "PTV_5040", "T3N2", "BWK12", "PTV 22x3", "PTV 3 of 5", "CTV_0.5", "PTV_1961"),
    ],
)
def test_what_is_no_day_of_the_set_stays(label: str) -> None:
    """Levels, doses, fractions, margins, and other days and weeks than the set's."""
    assert left_of(label) == label


def test_a_set_with_parts_of_its_dates_is_published_without_them(tmp_path: Path) -> None:
    """The proof accepts the changes."""

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.StudyDate, data.PatientBirthDate = "20210322", "19610503"
        structures = made.structure_set.StructureSetROISequence
        structures[0].ROIName, structures[1].ROIName = "PTV 22.3.", "Lung KW12 2021"
        made.structure_set.StructureSetLabel = "Hals 22 mrt"
        made.plan.RTPlanLabel = "HN 1961"
        for observation in made.structure_set.RTROIObservationsSequence:
            observation.ROIObservationLabel = ""

    done = anonymized(tmp_path, edit)

    assert done.roi_names == ["PTV", "Lung"]
    assert done.plan.RTPlanLabel == "HN"
