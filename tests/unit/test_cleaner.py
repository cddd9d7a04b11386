"""Labels lose identifiers and keep what planning systems match."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text

MUELLER = Identifiers(
    [
        ("person", "Müller^Anna"),
        ("patient-id", "2018"),
        ("date", "19501103"),
        ("device", "ALX"),
        ("person", "山田^太郎"),
        ("person", "Иванов^Пётр"),
    ]
)


def cleaned(*texts, identifiers=MUELLER):
    """Return the cleaned texts of one set, in order."""
    cleaner = Cleaner(identifiers, [Text(*text) for text in texts])
    return [cleaner.clean(value, role) for role, _, value in texts]


def rois(*names, identifiers=MUELLER):
    """Return the cleaned ROI names, numbered from 1."""
    return cleaned(*(("roi_name", number, name) for number, name in enumerate(names, start=1)), identifiers=identifiers)


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("PTV_60Gy", "PTV_60Gy"),
        ("  PTV  ", "  PTV  "),
        ("Schatten dorsal unklar", "Schatten dorsal unklar"),
        ("Ring 5-5-10", "Ring 5-5-10"),
        ("PTV 70 63 56", "PTV 70 63 56"),
        ("Parotid_L Mueller", "Parotid_L"),
        ("MULLER-Rückenmark", "Rückenmark"),
        ("Brain (Anna)", "Brain"),
        ("Lung (L) 03.11.50", "Lung (L)"),
        ("PTV_2018", "PTV"),
        ("PTV alx", "PTV"),
        ("PTV山田", "PTV"),
        ("PTV Петр", "PTV"),
        ("Eye 1234567", "Eye"),
        ("CTV 12.05.17", "CTV"),
        ("CTV 1 Feb 2017", "CTV"),
        ("Liver anna.m@example.org", "Liver"),
        ("Liver 0761/2709461", "Liver"),
        ("Liver +49 761 270", "Liver"),
        ("Mueller", "ROI_01"),
        ("AnnaMueller_L", "ROI_01"),
        ("Schatten Mueller", "ROI_01"),
        ("ptvmueller", "ptv"),
        ("HN muell", "HN"),
        ("Schatten muell", "ROI_01"),
        ("PTV 11/1950", "PTV"),
        ("PTV 1950-11", "PTV"),
        ("PTV Nov50", "PTV"),
        ("CTV_november 1950", "CTV"),
        ("PTV 12/1950", "PTV 12/1950"),
        ("PTV 11/50", "PTV 11/50"),
        ("Muell PTV", "PTV"),
        ("HN muel", "HN muel"),
        ("2018", "ROI_01"),
        ("山田太郎", "ROI_01"),
        ("Parotid left upper Mueller", "Parotid left upper"),
        ("Glande parotide G Mueller", "Glande parotide G"),
        ("Lung left new plan Mueller", "Lung left new"),
    ],
)
def test_a_name_stays_or_is_cut_to_its_anatomy_or_is_numbered(name, new):
    """Unchanged if harmless; reduced only to lexicon words, and to 16 characters if no word is lost."""
    assert rois(name) == [new]


def test_each_kind_of_text_has_its_stand_in():
    """Numbered like the object, within planning systems' limits."""
    roles = ("roi_name", "structure_set_label", "plan_label", "beam_name", "tolerance_label", "dose_reference")
    texts = [(role, 7, f"{role} Mueller xyz") for role in (*roles, "code_meaning", "text")]
    assert cleaned(*texts) == ["ROI_07", "SS07", "Plan07", "Beam07", "Tol07", "DoseRef07", "Meaning07", "Text07"]


def test_plans_take_fewer_characters_than_structures():
    """Thirteen instead of sixteen, if no organ is lost; unchanged labels keep their length."""
    assert cleaned(("plan_label", 1, "Prostate Boost Mueller"), ("roi_name", 1, "Bladder Wall_L Mueller")) == [
        "Prostate Boost",
        "Bladder Wall_L",
    ]
    assert cleaned(("plan_label", 1, "Prostate plan 2021 Mueller")) == ["Prostate 2021"]
    assert cleaned(("plan_label", 1, "A long plan label")) == ["A long plan label"]


def test_a_replacement_collides_with_no_other_name():
    """Neither a kept one nor another replacement, in any spelling."""
    assert rois("Parotid_L", "Parotid_L Mueller", "PTV Mueller", "Mueller PTV") == [
        "Parotid_L",
        "Parotid_L_2",
        "PTV",
        "PTV_2",
    ]
    assert rois("PTV", "PTV_2", "PTV Mueller", "Anna PTV") == ["PTV", "PTV_2", "PTV_3", "PTV_4"]
    assert rois("Mueller", "roi_01", "x", "Anna") == ["ROI_05", "roi_01", "x", "ROI_04"]
    assert rois("Parotid left upp right", "Parotid left upp Mueller") == ["Parotid left upp right", "ROI_02"]


def test_a_replacement_is_no_identifier_itself():
    """A patient may have the ID ROI_01, and a date may be read from a number."""
    identifiers = Identifiers([("person", "Mueller"), ("patient-id", "ROI_01")])
    assert rois("Mueller", "Mueller 2", identifiers=identifiers) == ["ROI_03", "ROI_02"]


def test_a_large_roi_number_does_not_become_a_name():
    """It would look like an ID."""
    assert cleaned(("roi_name", 123456789, "Mueller"), ("roi_name", 0, "Anna")) == ["ROI_02", "ROI_01"]


def test_duplicate_names_stay_duplicate():
    """Cleaning neither creates nor removes duplicates."""
    assert rois("Mueller", "PTV", "Mueller", "PTV") == ["ROI_01", "PTV", "ROI_01", "PTV"]


def test_equal_texts_stay_equal_everywhere():
    """A dose reference named like a structure still is afterwards."""
    texts = ("roi_name", 3, "Ziel Mueller"), ("dose_reference", 1, "Ziel Mueller"), ("plan_label", 1, "Ziel Mueller")
    assert cleaned(*texts) == ["ROI_03"] * 3


def test_an_observation_label_follows_its_name():
    """If it was the name or its first 16 characters, whether or not it contains the identifier."""
    assert cleaned(
        ("roi_name", 1, "Schatten"),
        ("roi_label", 1, "Schatten"),
        ("roi_name", 2, "Schatten Mueller"),
        ("roi_label", 2, "Schatten Mueller"),
        ("roi_name", 3, "Schatten hinter Auge Mueller"),
        ("roi_label", 3, "Schatten hinter"),
        ("roi_name", 4, "Left Lung Lower Mueller"),
        ("roi_label", 4, "Left Lung Lower"),
        ("roi_name", 5, "Boost"),
        ("roi_label", 5, "Anna"),
    ) == ["Schatten", "Schatten", "ROI_02", "ROI_02", "hinter Auge", "hinter Auge"] + ["Left Lung Lower"] * 2 + [
        "Boost",
        "ROI_05",
    ]


def test_the_order_of_files_changes_nothing():
    """Texts come from many files, on any worker."""
    texts = [
        Text("roi_name", n, f"{name} {n % 3}") for n, name in enumerate(["Mueller", "Anna", "PTV Anna", "Eye"] * 3)
    ]
    texts += [Text("code_meaning", 0, f"Mueller {n}") for n in range(5)]
    shuffled = random.Random(3).sample(texts, len(texts))
    one, other = Cleaner(MUELLER, texts), Cleaner(MUELLER, shuffled)
    assert [one.clean(text.value, text.role) for text in texts] == [
        other.clean(text.value, text.role) for text in texts
    ]


@pytest.mark.parametrize("name", ["Brain", "Heart", "Lens", "Hals", "Ring"])
def test_structures_keep_their_names_where_the_patient_is_called_so(name):
    """And lose everything else about the patient."""
    identifiers = Identifiers([("person", f"{name}^Rosa"), ("patient-id", "0815")])
    names = [name, f"{name}_L", f"PTV {name} 60", "Spinal Cord"]
    assert rois(*names, f"{name} Rosa", "0815", identifiers=identifiers) == [*names, "ROI_05", "ROI_06"]


def test_the_record_counts_and_names_nothing():
    """The numbers of replaced texts by role."""
    cleaner = Cleaner(
        MUELLER,
        [
            Text("roi_name", 1, "Mueller"),
            Text("roi_name", 2, "Mueller"),
            Text("roi_label", 2, "Mueller"),
            Text("roi_name", 3, "Anna"),
            Text("beam_name", 1, "1"),
            Text("plan_label", 1, "PTV Anna"),
        ],
    )
    assert cleaner.replaced == {"roi_name": 2, "roi_label": 1, "plan_label": 1}


def test_a_text_that_was_not_planned_is_an_error_that_does_not_quote_it():
    """Otherwise it could be published uncleaned, or logged."""
    with pytest.raises(LookupError) as raised:
        Cleaner(MUELLER, [Text("roi_name", 1, "Mueller")]).clean("Mueller", "plan_label")
    assert "Mueller" not in str(raised.value)


PARTS = st.sampled_from(
    [
        "Mueller",
        "müller",
        "ANNA",
        "2018",
        "PTV",
        "Lung",
        "_L",
        "Parotid",
        "xyz",
        "3.11.50",
        "ROI_01",
        "ROI_02",
        "7654321",
        "ALX",
    ]
)
NAMES = st.lists(PARTS, min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([" ", "_", "-", ""]).map(lambda separator: separator.join(parts))
)


@given(st.lists(NAMES | st.text(max_size=20).map(str.strip), max_size=8))
def test_names_differ_afterwards_if_and_only_if_they_differed(names):
    """One to one; nothing identifying is left; replacements fit, or are shorter; cleaning again changes nothing."""
    names = [name.strip(" \0") for name in names]
    new = rois(*names)
    assert len(set(zip(names, new, strict=True))) == len(set(names)) == len(set(new))
    for before, after in zip(names, new, strict=True):
        assert not MUELLER.matches(after)
        assert after == before or 0 < len(after) <= max(16, len(before) - 1)
    assert rois(*new) == new
