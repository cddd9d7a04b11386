"""What becomes of names of structures and labels into which people typed a patient's name, counted by language.

The corpus is made: organs as clinics of ten languages write them (`tests.unit.test_an_organ_stays_beside_a_name`),
names of many languages, and the forms in which both are put into one text.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.unread_words import Rule, evidence_of
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
OF_WEAK = """\
## Weak evidence

What only reminds of a person: initials, a name with one letter changed, the last digits of an ID. It stays, and a
person is shown it (`words.csv`); it never costs an organ.

* *listed*: texts of which that word is shown with its reason;
* *known words*: it is a word of the lexicon, too (initials `LE`), and so no question;
* *not listed*: neither; *needed words lost*: the organ is not left as it was written.
"""

OF_FOLDERS = """\
## Names of folders and files

The objects are of nobody (`ANON^ANON`); folder and files are called as planning systems and people call them. A word of
the folder's name goes from every text, one of a file's name is shown to a person. *Kept and not listed*: texts that
still hold a word of folder or file, and nobody is shown it.
"""

SYSTEMS = {
    "Eclipse": ("{family}_{first}_{id}", "RP.{id}.HN_1.dcm"),
    "RayStation": ("{id} {family} {first}", "RP1.2.752.243.1.1.20210501120000.1.dcm"),
    "Monaco": ("{family}, {first}", "{id}_HN1_Plan.dcm"),
    "Pinnacle": ("Patient_{id}", "{family}_plan.dcm"),
    "iPlan": ("{first} {family}", "RTPLAN_{family}_{first}.dcm"),
    "by hand": ("export 3", "{family}{id}.dcm"),
}
WEAK_FORMS = ("{organ} {initials}", "{organ}_{off}", "{organ} {end}")
FOLDER_FORMS = ("{organ} {name}", "{first}_{organ}", "{organ} {id}")
_SETS, _LABELS = 100, 15


def page() -> str:
    """Count, by language, and lay it out as a page."""
    rows = ["| language | texts | identifying words kept | needed words lost | organ kept | unread words |"]
    rows += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for language, called in LANGUAGES.items():
        texts, kept, lost, unread = count(ORGANS[language].split())
        share = f"{100 * (texts - lost) / texts:.1f} %"
        rows.append(f"| {called} | {texts} | {kept} | {lost} | {share} | {unread} |")
    parts = [INTRODUCTION, *rows, "", OF_WEAK, *_rows_of_weak(), "", OF_FOLDERS, *_rows_of_folders()]
    return "\n".join([*parts, "", OF_CENTRES, *_rows_of_centres(), ""])


def _rows_of_weak() -> list[str]:
    rows = ["| language | texts | listed | known words | not listed | needed words lost |"]
    rows += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for language, called in LANGUAGES.items():
        counts = count_weak(ORGANS[language].split()[::4])
        rows.append(f"| {called} | {' | '.join(map(str, counts))} |")
    return rows


def _rows_of_folders() -> list[str]:
    rows = ["| system | folder | file | texts | replaced | listed | kept and not listed | needed words lost |"]
    rows += ["| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for system, (folder, file) in SYSTEMS.items():
        rows.append(f"| {system} | `{folder}` | `{file}` | {' | '.join(map(str, count_of_folders(folder, file)))} |")
    return rows


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


def _says(name: str) -> dict[str, str]:
    """Return what forms are filled with: a patient's names, and what reminds of them."""
    family, first = name.split("^")
    off = f"{family[:3]}{'x' if family[3] != 'x' else 'y'}{family[4:]}"
    return {"name": family, "first": first, "initials": family[0] + first[0], "off": off, "id": _ID, "end": _ID[-4:]}


def count_weak(organs: list[str]) -> tuple[int, int, int, int, int]:
    """Return how many texts hold weak evidence, of how many it is listed, known, not listed; organs that were lost."""
    texts = listed = known = unlisted = lost = 0
    for name in NAMES:
        found = [("person", name), ("patient-id", _ID)]
        rule = Rule(evidence_of(_a_set("export 3", "RP.1.dcm", found)))
        own, says = Identifiers(found), _says(name)
        for form in WEAK_FORMS:
            word = form[1:-1].partition("{")[2]
            for organ in organs:
                text = Text("roi_name", 7, form.format(organ=organ, **says))
                cleaner = Cleaner(own, [text], rule)
                left = cleaner.clean(text.value, text.role)
                shown = {one.word for one in cleaner.unread([text], cleaner.clean) if one.why}
                texts += 1
                if says[word] in shown:
                    listed += 1
                elif anatomy.is_known(says[word]):
                    known += 1
                else:
                    unlisted += says[word] in left
                lost += organ not in left
    return texts, listed, known, unlisted, lost


def count_of_folders(folder: str, file: str) -> tuple[int, int, int, int, int]:
    """Return how many texts echo folder or file, in how many that is replaced, listed, neither; organs lost."""
    texts = replaced = listed = unlisted = lost = 0
    for name in NAMES:
        says = _says(name)
        called = [each.format(family=says["name"], **says) for each in (folder, file)]
        rule = Rule(evidence_of(_a_set(called[0], called[1], [("person", "ANON^ANON")])))
        for form in FOLDER_FORMS:
            word = says[re.sub(r".*\{(?!organ)(\w+)\}.*", r"\1", form)]
            if not any(word in each for each in called):
                continue
            for organ in ORGANS["en"].split()[::4]:
                text = Text("roi_name", 7, form.format(organ=organ, **says))
                cleaner = Cleaner(Identifiers([]), [text], rule)
                left = cleaner.clean(text.value, text.role)
                texts += 1
                replaced += word not in left
                shown = {one.word for one in cleaner.unread([text], cleaner.clean) if one.why}
                listed += word in left and word in shown
                unlisted += word in left and word not in shown
                lost += organ not in left
    return texts, replaced, listed, unlisted, lost


def _a_set(folder: str, file: str, found: list[tuple[str, str]]) -> Any:
    """Return of a set what weak evidence is taken from: names of folder and files, and identifiers."""
    view = SimpleNamespace(text=lambda _: "", items=lambda _: ())
    one = SimpleNamespace(path=Path(file), view=view)
    return SimpleNamespace(
        folder=Path(folder), structure_set=one, plan=one, dose=one, slices=(one,), left_out=(), beside=(), found=found
    )
