"""Confirmed names are applied to a set's structures or held back; the proof accepts no others."""

import pytest

from services.deidentify import writer
from services.deidentify.identifiers import Identifiers
from services.deidentify.replacements import choose_replacements
from services.deidentify.structure_renaming import Coverage, Renaming
from services.deidentify.text_cleaner import Cleaner
from services.dicom import dates
from services.errors import NotClean
from services.forms.collection_form import Options
from services.forms.structure_list import Naming, Row
from services.policy.table import policy_for
from services.policy.text_roles import Text
from services.proof.prove import Expected, prove
from tests.anonymized import IDENTITY, KEY, anonymized

IDENTIFIERS = Identifiers([("person", "Quellenbrink^Anna"), ("patient-id", "4711815")])


def confirmed(**targets):
    """Confirm names; an underscore stands for a blank."""
    return Naming(tuple(Row(name.replace("_", " "), target, "confirmed") for name, target in targets.items()))


def renaming(naming, *names, labels=None, meanings=None, of_the_dose=()):
    """Rename structures 1, 2, …, labelled with their shortened names; the dose may list some, too."""
    numbered = list(enumerate(names, 1))
    texts = [Text("roi_name", number, name) for number, name in [*numbered, *enumerate(of_the_dose, 1)]]
    labels = labels or [name[:16].strip() for name in names]
    texts += [Text("roi_label", number, label) for number, label in enumerate(labels, 1)]
    texts.append(Text("plan_label", 0, names[0]))
    return Renaming(Cleaner(IDENTIFIERS, texts), texts, naming, numbered, meanings)


def names_of(made):
    """Return the new names, by number."""
    return [one.name for one in made.structures]


def test_a_confirmed_name_is_applied_to_name_and_label_and_to_nothing_else():
    """A plan named like a structure keeps its name."""
    made = renaming(confirmed(Parotis_links_gesamt="Parotid_L"), "Parotis links gesamt", "Herz")
    assert made.clean("Parotis links gesamt", "roi_name") == "Parotid_L"
    assert made.clean("Parotis links ge ", "roi_label") == "Parotid_L"
    assert made.clean("Parotis links gesamt", "plan_label") == "Parotis links gesamt"
    assert (made.clean("Herz ", "roi_name"), made.clean("Herz", "roi_label")) == ("Herz ", "Herz")
    assert made.coverage == Coverage(structures=2, named=1, open=1, renamed=1)


def test_a_label_of_its_own_stays_unless_it_was_confirmed_itself():
    """It follows the name only if it repeats it."""
    made = renaming(
        confirmed(Parotis_li="Parotid_L", Par_li="Parotid_L", Herz="Heart"),
        *("Parotis li", "Herz"),
        labels=["Par li", "risk organ"],
    )
    assert made.clean("Par li", "roi_label") == "Parotid_L"
    assert made.clean("risk organ", "roi_label") == "risk organ"


def test_a_name_that_another_structure_has_or_is_to_get_is_kept_back():
    """In any case; even if the other keeps it only because its own new name was held back."""
    naming = confirmed(Parotis_li="Parotid_L", Par_li="Parotid_L", A="B", B="C", Herz="Heart")
    made = renaming(naming, "Parotis li", "Par li", "A", "B", "c", "Herz")
    assert names_of(made) == ["Parotis li", "Par li", "A", "B", "c", "Heart"]
    assert made.coverage.kept_back == {"name-taken": 4}


def test_a_name_freed_by_another_renaming_may_be_used():
    """B is free if B itself becomes C."""
    assert names_of(renaming(confirmed(A="B", B="C"), "A", "B")) == ["B", "C"]


def test_a_name_that_two_structures_bear_is_left_alone():
    """The shared name was the source's fault, and is not repeated."""
    made = renaming(confirmed(Herz="Heart"), "Herz", "Herz")
    assert names_of(made) == ["Herz", "Herz"]
    assert made.coverage.kept_back == {"borne-twice": 2}


def test_what_a_dose_lists_is_no_structure_but_its_names_are_taken():
    """Isodoses are numbered from 1 like structures, but do not belong in a list of structures."""
    naming = confirmed(Herz="Heart", Iso="Isodose", Lunge="Iso")
    made = renaming(naming, "Herz", "Lunge", of_the_dose=["Iso", "Iso", "Herz"])
    assert names_of(made) == ["Heart", "Lunge"]
    assert made.coverage == Coverage(structures=2, named=1, open=1, renamed=1, kept_back={"name-taken": 1})
    assert (made.clean("Iso", "roi_name"), made.clean("Herz", "roi_name")) == ("Iso", "Heart")


def test_no_name_brings_an_identifier_back():
    """Not even a confirmed one; it may be used for other patients."""
    naming = confirmed(GTV="GTV_Quellenbrink", PTV="PTV_4711815")
    made = renaming(naming, "GTV", "PTV")
    assert names_of(made) == ["GTV", "PTV"]
    assert made.coverage.kept_back == {"identifier": 2}


def test_a_name_is_looked_for_as_it_is_and_as_the_cleaner_leaves_it():
    """Identifiers are removed first, so that one row applies to all patients."""
    naming = Naming((Row("Parotis li", "Parotid_L", "confirmed"), Row("Tumor*", "GTVp", "confirmed")))
    made = renaming(naming, "Parotis li Quellenbrink", "Tumor Quellenbrink", "XQuellenbrink")
    assert names_of(made) == ["Parotid_L", "GTVp", "ROI_03"]
    assert [one.is_stand_in for one in made.structures] == [False, False, True]


def test_a_code_that_says_something_else_is_reported():
    """Code and type stay; a person must decide which is right."""
    naming = confirmed(Lunge_li="Lung_L", Lunge_re="Lung_R")
    made = renaming(naming, "Lunge li", "Lunge re", meanings={1: "Left lung", 2: "Left lung"})
    assert [one.contradicting_code for one in made.structures] == ["", "Left lung"]
    assert made.coverage == Coverage(structures=2, named=2, renamed=2, contradicting_codes=1)


def test_the_coverage_of_a_record_is_read_again():
    """Older records have none."""
    coverage = Coverage(3, 1, 1, 1, 1, {"name-taken": 1}, 1)
    assert Coverage.of({"structures": {"list": "digest", **coverage.as_json()}}) == coverage
    assert Coverage.of({}) is None


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Anonymize a set of three structures without a list."""
    return anonymized(tmp_path_factory.mktemp("set"), make={"rois": ["PTV", "Parotis li", "Myelon"]})


def proven(done, folder, applied, promised):
    """Write the set with one list, and prove it with another."""
    rtset, options = done.verdict.rtset, Options(machine=("VicRapidPlan",))
    shift = dates.choose_shift(KEY, rtset.dates)
    replacements = choose_replacements(rtset, done.replacements.machine, options, KEY, shift, IDENTITY, applied)
    folder.mkdir()
    list(writer.write(rtset, replacements, folder))
    source = [(file.kind, rtset.folder / file.path) for file in rtset.set_files]
    expected = Expected(IDENTITY, policy_for(options), replacements.machine, replacements.scanner, naming=promised)
    return prove(source, folder, expected)


def test_the_proof_accepts_what_was_confirmed(done, tmp_path):
    """With everything else equal."""
    naming = confirmed(Parotis_li="Parotid_L", Myelon="SpinalCord")
    assert proven(done, tmp_path / "new", naming, naming).checks["free text"] > 0


@pytest.mark.parametrize(
    "promised",
    [None, confirmed(Myelon="SpinalCord"), confirmed(Parotis_li="Parotid_R", Myelon="SpinalCord")],
    ids=["nothing", "another name", "another target"],
)
def test_the_proof_accepts_no_name_that_was_not_confirmed(done, tmp_path, promised):
    """Renaming must match the confirmed name exactly."""
    with pytest.raises(NotClean, match="was changed unnecessarily"):
        proven(done, tmp_path / "new", confirmed(Parotis_li="Parotid_L", Myelon="SpinalCord"), promised)
