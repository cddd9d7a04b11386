"""What becomes of names of structures and labels into which people typed a patient's name, counted by language.

The corpus is made: organs as clinics of ten languages write them (`tests.unit.test_an_organ_stays_beside_a_name`),
names of many languages, and the forms in which both are put into one text.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.vocabulary import anatomy
from services.vocabulary.spelling import fold
from tests.unit.test_an_organ_stays_beside_a_name import ORGANS

NAMES = ("Hohenbrück^Anneliese", "Kowalczyk^Żaneta", "Oliveira^Thiago", "Søndergaard^Ulrik", "Papadaki^Eleni")
FORMS = ("{organ} {name}", "{name}_{organ}", "{organ} {first}_{name}", "{organ} {id}", "{organ} {birth}")
LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "es": "Spanish",
    "pt": "Portuguese",
    "nl": "Dutch",
    "sv": "Swedish",
    "no": "Norwegian",
    "da": "Danish",
}
_ID, _BIRTH = "00731846", "19530714"

INTRODUCTION = """\
# Names in names: what is kept, what is lost

People type patients' names, numbers and dates into names of structures, and models need those names. Here a made corpus
is cleaned: organs as clinics of ten languages write them, beside five patients' names, alone and with the first name,
an ID, a date of birth. Written by `python -m tests.unit.test_documents`, by the cleaner as it is.

* *identifying words kept*: texts that still hold a part of the name, the ID or the date;
* *needed words lost*: texts of which the organ, with its side, is not left as it was written;
* *unread words*: distinct words of what is left that the lexicon does not have.
"""

OF_CENTRES = """\
## A hundred sets of one centre

Labels as clinics write them in Eclipse, Monaco, Pinnacle and RayStation (`tests/labels_of_centres.txt`): a hundred sets
of each centre, fifteen labels a set, one of them beside the patient's name. *Labels lost*: labels without a name that
are not left as they were.
"""
_SETS, _LABELS = 100, 15


def page() -> str:
    """Count, by language, and lay it out as a page."""
    rows = ["| language | texts | identifying words kept | needed words lost | organ kept | unread words |"]
    rows += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for language, called in LANGUAGES.items():
        texts, kept, lost, unread = count(ORGANS[language].split())
        share = f"{100 * (texts - lost) / texts:.1f} %"
        rows.append(f"| {called} | {texts} | {kept} | {lost} | {share} | {unread} |")
    return "\n".join([INTRODUCTION, *rows, "", OF_CENTRES, *_rows_of_centres(), ""])


def _rows_of_centres() -> list[str]:
    rows = ["| centre | labels | texts | identifying words kept | labels lost | unread words |"]
    rows += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for centre, labels in labels_of_centres().items():
        texts, kept, lost, unread = count_of_centre(centre)
        rows.append(f"| {centre} | {len(labels)} | {texts} | {kept} | {lost} | {len(unread)} |")
    return rows


@cache
def labels_of_centres() -> dict[str, list[str]]:
    """Read the labels of each centre."""
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("labels_of_centres.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            labels = found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            labels.append(line)
    return found


@cache
def count_of_centre(centre: str) -> tuple[int, int, int, frozenset[str]]:
    """Clean a hundred made sets of one centre.

    Return how many texts there are, in how many a patient's name is kept, how many labels without one are not left as
    they were, and the words of all that are left which nobody knows.
    """
    chance, labels = random.Random(centre), labels_of_centres()[centre]
    texts = kept = lost = 0
    unread: set[str] = set()
    for number in range(_SETS):
        name = NAMES[number % len(NAMES)]
        family, first = name.split("^")
        wanted = chance.sample(labels, min(_LABELS, len(labels)))
        named = {f"{label} {family}" for label in wanted[:1]}
        planned = [Text("roi_name", place, text) for place, text in enumerate((*wanted[1:], *named), 1)]
        cleaner = Cleaner(Identifiers([("person", name), ("patient-id", _ID)], births=[_BIRTH]), planned)
        for _, _, text in planned:
            left = cleaner.clean(text, "roi_name")
            texts += 1
            kept += fold(family) in fold(left) or fold(first) in fold(left)
            lost += text not in named and left != text
            unread |= {fold(left[start:end]) for start, end in anatomy.unknown_words(left)}
    return texts, kept, lost, frozenset(unread)


def count(organs: list[str]) -> tuple[int, int, int, int]:
    """Return how many texts there are, in how many something identifying is kept, the organ lost; words not known."""
    kept = lost = texts = 0
    unread: set[str] = set()
    for name in NAMES:
        family, first = name.split("^")
        own = Identifiers([("person", name), ("patient-id", _ID), ("date", _BIRTH)], births=[_BIRTH])
        secrets = [fold(family), fold(first), _ID.lstrip("0"), "1953"]
        for form in FORMS:
            for organ in organs:
                text = form.format(organ=organ, name=family, first=first, id=_ID, birth="14.07.1953")
                left = Cleaner(own, [Text("roi_name", 7, text)]).clean(text, "roi_name")
                texts += 1
                kept += any(secret in fold(left) for secret in secrets)
                lost += left != organ
                unread |= {left[start:end] for start, end in anatomy.unknown_words(left)}
    return texts, kept, lost, len(unread)
