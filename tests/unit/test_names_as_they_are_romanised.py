"""Names in syllabic scripts are removed in Latin spelling, and vice versa; McDonald as MacDonald."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof.search import Search
from services.proof.traces import Traces

ECHOES = {
    "김^민수": "Kim Minsu Min-Soo Gim",
    "이^영희": "Lee Yi Younghee Rhee",
    "최^서연": "Choi Choe Seoyeon Seoyun",
    "शर्मा^राहुल": "Sharma Rahul Sarma",
    "गुप्ता^प्रिया": "Gupta Priya",
    "চৌধুরী^অনিল": "Chowdhury Choudhuri Anil",
    "ศรีสุข^สมชาย": "Srisuk Somchai",
    "แสงทอง^สุดา": "Saengthong Suda Sangthong",
    "לוי^דן": "Levi Levy Dan",
    "כץ^רז": "Katz Raz Kats",
    "McDonald^Ian": "MacDonald MCDONALD Macdonald Mc-Donald",
    "MacKenzie^A": "McKenzie mckenzie",
    "Kim^Minsu": "김 민수",
    "Sharma^Rahul": "शर्मा राहुल",
    "Katz^Dan": "כץ דן",
    "ביטון^נועם": "Biton Noam Bitton",
    "Mizrahi^Moshe": "מזרחי משה",
    "Kazlauskas^Jonas": "Kazlauskienė Kazlauskaitė KAZLAUSKIENE",
    "Butkus^Jonas": "Butkienė Butkutė",
    "Ozols^Andris": "Ozola",
    "Eglītis^Jānis": "Eglīte",
}
LABELS = """
    Lunge_re Hirnstamm Ring_PTV Oesophagus Moelle Darm Mandibula Sinus Boost SIB Rein_D Dens Lens_L Coeur Cauda
    Hippocampus Niere_li Gum Optic_Nerve_L Sacrum Milz Anus Lid_R Nase Ohr Sein_G Penis Leiste
"""


@pytest.mark.parametrize("form", ["PTV {}", "{}_PTV", "PTV{}"])
@pytest.mark.parametrize(("name", "echo"), [(name, echo) for name in ECHOES for echo in ECHOES[name].split()])
def test_a_name_goes_and_the_target_stays(name: str, echo: str, form: str) -> None:
    """The proof agrees that there was a reason."""
    label, values = form.format(echo), [("person", name)]

    assert Cleaner(Identifiers(values), [Text("roi_name", 7, label)]).clean(label, "roi_name") == "PTV"
    assert Traces(values).are_in(label)


@pytest.mark.parametrize("name", ECHOES)
def test_words_of_the_lexicon_stay_beside_each_of_these_names(name: str) -> None:
    """They are nobody's romanized name."""
    values, labels = [("person", name)], LABELS.split()
    cleaner = Cleaner(Identifiers(values), [Text("roi_name", 7, label) for label in labels])

    assert [cleaner.clean(label, "roi_name") for label in labels] == labels
    assert not any(Search(values).in_typed(label) for label in labels)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Müller^A^^Dr.^PhD", "Parotidă_dr"),
        ("ap-Owen^Gwen", "Setup AP"),
        ("Op de Beeck^G", "OP Bett"),
        ("X^Y^^Med", "Med"),
    ],
)
def test_titles_and_particles_of_a_name_are_nobody(name: str, label: str) -> None:
    """`dr` is a Romanian right side, AP a direction; the components after the names of a PN are titles."""
    assert Cleaner(Identifiers([("person", name)]), [Text("roi_name", 7, label)]).clean(label, "roi_name") == label
