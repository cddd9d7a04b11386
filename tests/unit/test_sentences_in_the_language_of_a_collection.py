"""All sentences for people are in the catalogue, in English and German, and none is shown unmarked."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from services import language
from services.dicom.elements import TWICE
from services.forms.collection_form import Options
from services.language import FOLDER, LANGUAGES, english, gettext, joined, ngettext, speaking
from services.machines import descriptor
from services.policy.table import policy_for
from services.rtset import damage
from services.store import notes
from services.verdict import check, summary
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages.catalog import Catalog

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

HERE = Path(__file__).parents[2]
DAMAGE = {"Malformed", "Truncated", "Unwalkable", "OtherEncoding"}
MARKS = {"gettext": 1, "ngettext": 2, "gettext_noop": 1}
ROOMS = (
    *("exchange", "forms", "machines", "maintenance", "pipeline", "publication", "rtset", "store", "verdict"),
    "../console",
    "../watcher",
)
ELSEWHERE = {
    "services/exchange/incoming/renumber.py": "reasons of a failed proof, translated by `verdict.failed_proof`",
    "services/maintenance/attribute_diff.py": "a listing at a terminal",
    "services/maintenance/doctor.py": "a listing at a terminal",
    "services/maintenance/export.py": "states, told apart by programs",
    "services/maintenance/verify_again.py": "a listing at a terminal",
    "services/forms/identity.py": "notes on sheets, which travel",
    "services/publication/index_ledger.py": "scripts of Redis",
    "console/serve.py": "for whoever starts the console, at a terminal",
    "watcher/collection_watcher.py": "of processes, for logs and `status`",
    "watcher/events.py": "of inotify, for logs",
    "watcher/notify.py": "for alerts",
    "watcher/service.py": "for logs",
}
"""Modules of these rooms with English sentences only, and why."""

TOLD = sorted(
    {
        path.resolve()
        for room in ROOMS
        for path in (HERE / "services" / room).rglob("[!_]*.py")
        if path.resolve().relative_to(HERE).as_posix() not in ELSEWHERE and "auth" not in path.parts
    }
    | {HERE / "worker" / "transient_errors.py"}
)
"""Rooms that make sentences for the share's or the console's users."""

SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:]? [a-z]{2,} [a-z]{2,}")
INTERFACE = {
    # of the object that names its link, and of the ways the check, not a person, calls them
    "plan → structure set",
    "frame of reference",
    "object of the unknown class",
    "to be chosen",
    "cannot be read",
    "does not fit",
    # states and places
    "as it is",
    "downloaded from the console",
    "the share is unavailable",
    "at end of document",
    ", where it ends",
    " cannot be read: ",
    # of the XML library
    r"(?:atomic|list) type '(.+)'$|not accepted by the pattern '(.+)'$",
    "family_name with first_name",
}
TRAVELS = ("a CT slice", "Bits that hold no pixel", "the dose, which", "which ends in rows of zeros")
"""Texts of records and sheets."""

BAD: dict[str, Edit] = {
    "no plan": sets.without("RTPLAN"),
    "no dose": sets.without("RTDOSE"),
    "missing slices": sets.without_slices(1),
    "two plans": sets.second("RTPLAN"),
    "two doses": sets.second("RTDOSE"),
    "two structure sets": sets.second("RTSTRUCT"),
    "two series": sets.second_ct_series,
    "two slices at one position": sets.second_slice_at_same_position,
    "an image": sets.other_object("RTIMAGE"),
    "enhanced": sets.enhanced_ct,
    "dose of another plan": sets.dose_of_another_plan,
    "dose without plan": sets.dose_without_plan,
    "another structure set": sets.plan_of_another_structure_set,
    "no structure set named": sets.plan_without_structure_set,
    "other images": sets.contours_on_other_images,
    "no images": sets.contours_without_images,
    "no list": sets.without_image_list,
    "between slices": sets.contours_between_slices,
    "frame of the plan": sets.other_frame_of_reference("RTPLAN"),
    "two frames": sets.structures_in_two_frames_of_reference,
    "two studies": sets.two_studies,
    "plan sum": sets.plan_sum,
    "beam dose": sets.beam_dose(1),
    "other leaves": sets.hd120,
    "fluence": sets.fluence(),
    "energy": sets.energy("4"),
    "electrons": sets.electrons,
    "wedge": sets.wedge,
    "ions": sets.ion_plan,
    "brachytherapy": sets.brachy_plan,
    "cut plan": sets.truncated("RTPLAN"),
    "relative dose": sets.setting("RTDOSE", DoseUnits="RELATIVE"),
    "verification": sets.setting("RTPLAN", PlanIntent="VERIFICATION"),
    "burned in": sets.setting("CT", BurnedInAnnotation="YES"),
    "made by us": sets.setting("", DeidentificationMethod="rt-set-anonymizer 1"),
    "made by others": sets.setting("", PatientIdentityRemoved="YES"),
}


def po() -> Catalog:
    """Read the German catalogue's source."""
    with (FOLDER / "de.po").open("rb") as opened:
        return read_po(opened, locale="de")


def marked() -> set[str | tuple[str, ...]]:
    """Collect the marked sentences in the code, including those in f-strings."""
    found: set[str | tuple[str, ...]] = set()
    for folder in ("services", "watcher", "worker", "console"):
        for path in (HERE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                    said = [one.value for one in node.args[: MARKS[node.func.id]] if isinstance(one, ast.Constant)]
                    if said:
                        found.add(said[0] if len(said) == 1 else tuple(said))
    return found


def placeholders(text: str) -> set[str]:
    """Return the placeholders, with their formats."""
    return {f"{name}:{form}" for _, name, form, _ in Formatter().parse(text) if name is not None}


def test_every_marked_sentence_has_a_german_one() -> None:
    """With the same placeholders; none is unused or fuzzy."""
    catalogue = {message.id: message for message in po() if message.id}
    assert marked() ^ set(catalogue) == set(), "make texts"
    for said, message in catalogue.items():
        every = [said] if isinstance(said, str) else list(said)
        german = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(german), f"no German: {said}"
        assert not message.fuzzy, said
        for text, of in zip(german, every, strict=True):
            assert placeholders(text) == placeholders(of), said
            assert of[-1] not in ".:?" or text[-1] == of[-1], said


def test_what_is_compiled_is_what_people_wrote() -> None:
    """It is committed, so that wheel, image and clones need no tool."""
    compiled = io.BytesIO()
    write_mo(compiled, po())
    assert (FOLDER / "de.mo").read_bytes() == compiled.getvalue(), "make texts"
    assert {path.suffix for path in FOLDER.iterdir()} == {".po", ".mo"}


def test_a_sentence_is_english_until_a_language_is_spoken() -> None:
    """And English again afterwards; a translated sentence knows its English original."""
    plan = gettext("{plan} states no isocentre.", plan="RT Plan A")
    with speaking("de"):
        german = gettext("{plan} states no isocentre.", plan="RT Plan A")
        both = joined((german, gettext("Accepted: {found}", found=german)))
        counted = [ngettext("{count} beam", "{count} beams", count) for count in (1, 2)]
    assert (plan, german) == ("RT Plan A states no isocentre.", "RT Plan A nennt kein Isozentrum.")
    assert (english(german), english(both)) == (plan, f"{plan} Accepted: {plan}")
    assert both == f"{german} Bewusst übernommen: {german}"
    assert counted == ["1 Feld", "2 Felder"]
    assert gettext("Accepted: {found}", found="{x}") == "Accepted: {x}"


def _raised() -> Iterator[str]:
    """Yield the messages of the room `dicom` on damaged files, with a number for placeholders."""
    for path in (HERE / "services" / "dicom").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DAMAGE and node.args:
                yield from filter(lambda says: " " in says, _texts(node.args[0]))


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(map(_part, node.values))
    elif isinstance(node, ast.Constant):
        yield str(node.value)


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    return TWICE if isinstance(node.value, ast.Name) and node.value.id == "TWICE" else "7"


def test_what_is_wrong_with_a_file_is_stated_in_german_too() -> None:
    """For all messages on bytes; untranslated ones would stay English."""
    every = set(_raised())
    assert len(every) > 40
    with speaking("de"):
        assert [says for says in every if damage.in_words(says) == says] == []
        told = damage.in_words(
            "the file ends at byte 7, in the middle of an element; its end is zeros: the copy has not arrived"
        )
    assert (
        told
        == "die Datei endet bei Byte 7 mitten in einem Element; am Ende stehen Nullen: Die Kopie ist nicht angekommen"
    )


def _unmarked(path: Path) -> Iterator[str]:
    """Yield literals that look like sentences and are neither marked, nor docstrings, nor logged."""
    tree = ast.parse(path.read_text("utf-8"))
    inside: set[int] = set()
    for node in ast.walk(tree):
        is_mark = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS
        is_raised = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Truncated"
        if is_mark or is_raised or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            inside |= {id(one) for one in ast.walk(node)}
    texts = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in inside]
    for text in texts:
        if isinstance(text, str) and SENTENCE.search(text) and text not in INTERFACE | set(notes.EARLIER_MARKS):
            yield from [] if any(known in text for known in TRAVELS) else [text]


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.relative_to(HERE).as_posix())
def test_no_sentence_for_a_person_is_unmarked(path: Path) -> None:
    """It would be shown in English on a German share."""
    assert list(_unmarked(path)) == []


MANY = re.compile(r"\{count[^}]*\} (?!of )(?:[A-Za-z-]+ )?[A-Za-z]{3,}s\b|\{names\} (?:have|do|hold)\b")
ALWAYS_SEVERAL = {
    *("CT series", "RT Doses", "fraction groups", "frames of reference", "patients", "studies", "have the number"),
    *("in the first {most} characters", "{count} characters", "{count} digits", "{count} numbers", "leaf pairs"),
    *("bytes", "{count} times", "different", "leaf positions", "more files"),
}
"""Sentences about two or more things, or about more than a limit."""


def test_one_thing_is_not_told_of_as_several() -> None:
    """No sentence has a number before a plural, unless it has a singular or never applies to one."""
    single = [text for text in marked() if isinstance(text, str) and MANY.search(text)]
    assert [text for text in single if not any(known in text for known in ALWAYS_SEVERAL)] == []


class Pseudo:
    """A language that removes all letters: readable text was never translated."""

    def gettext(self, message: str) -> str:
        """Return the sentence unreadable, its placeholders as they are."""
        return re.sub(r"(\{[^}]*\})|[A-Za-z]", lambda found: found[1] or "x", message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return singular or plural."""
        return self.gettext(one if count == 1 else many)


REPAIR = (
    "Reparieren Sie das Set in diesem Ordner, oder legen Sie es neu ab: Es wird dann von selbst noch einmal geprüft."
)
LEFT = re.compile(r"\b(?!x+\b)[a-z]{2,}[,;:]? (?!x+\b)[a-z]{2,}\b")


def told(made: MadeSet, tongue: str, *, mismatch: str = "refuse") -> Verdict:
    """Check a set in a language."""
    options = Options(machine=("VicRapidPlan",), language=tongue, on_machine_mismatch=mismatch)  # type: ignore[arg-type]
    with speaking(tongue):
        return check.judge(
            made.folder, options, descriptor.named(options.machine, descriptor.folders()), policy_for(options)
        )


@pytest.mark.parametrize("edit", BAD.values(), ids=BAD)
def test_nothing_is_reported_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit) -> None:
    """For all findings in a set; published texts stay English."""
    made = make_set(tmp_path, edit)
    plain = told(made, "en")
    monkeypatch.setattr(language, "catalogue", lambda _: Pseudo())
    verdict = told(made, "de")
    assert [fault.code for fault in verdict.faults] == [fault.code for fault in plain.faults]
    assert (verdict.record_notes, verdict.links) == (plain.record_notes, plain.links)
    said = [text for fault in (*verdict.faults, *verdict.missing) for text in (fault.found, fault.remedy)]
    assert said or verdict.notes
    assert [text for text in (*said, *verdict.notes) if LEFT.search(re.sub(r"anonymizer \w+", "", text))] == []


def test_a_refused_set_is_reported_in_german(tmp_path: Path) -> None:
    """The complete file: heading, findings, remedies; codes and file names are unchanged."""
    made = make_set(tmp_path / "Müller, H", sets.dose_of_another_plan)
    verdict = told(made, "de")
    with speaking("de"):
        notes.write_refused(made.folder, verdict.faults)
    text = made.folder.with_name(f"{made.folder.name}_REFUSED.txt").read_text("utf-8-sig")
    (fault,) = verdict.faults
    assert text.splitlines() == [
        "Geschrieben von RT Set Anonymizer; wird entfernt, sobald es nicht mehr gilt.",
        "",
        f"Das Set „{made.folder.name}“ wurde nicht anonymisiert. Nichts davon wurde veröffentlicht.",
        "",
        f"1. {fault.found}",
        f"   Was zu tun ist: {fault.remedy}",
        "   (dose-of-another-plan)",
        "",
        REPAIR,
    ]
    plan, dose = (
        f"{kind} {next(made.folder.glob(f'{start}*')).name}" for kind, start in (("RT Plan", "RP"), ("RT Dose", "RD"))
    )
    assert fault.found == f"{dose} wurde für einen anderen Plan als {plan} berechnet."
    assert english(fault.found) == f"{dose} was calculated for another plan than {plan}."


def test_what_was_written_in_one_language_is_ours_in_any(tmp_path: Path) -> None:
    """A collection may change its language; earlier notes are still replaced and removed."""
    for before, after in (("de", "en"), ("en", "de")):
        with speaking(before):
            notes.write_note(tmp_path / "set", "?")
        with speaking(after):
            assert notes.write_refused(tmp_path / "set", ())
            assert [path.name for path in tmp_path.iterdir()] == ["set_REFUSED.txt"]
        notes.clear(tmp_path / "set")
        assert list(tmp_path.iterdir()) == []


def test_the_check_of_a_folder_speaks_its_collections_language(tmp_path: Path) -> None:
    """Even in its own process, where none is set; English is restored afterwards."""
    made = make_set(tmp_path, sets.without("RTPLAN"))
    judged = [summary.summarize(made.folder, Options(machine=(), language=tongue), ()) for tongue in LANGUAGES]  # type: ignore[arg-type]
    assert [one.faults[0]["found"] for one in judged] == ["There is no RT Plan here.", "Hier fehlt: RT Plan."]
    assert [one.verdict for one in judged] == ["incomplete", "incomplete"]
    assert gettext("the CT") == "the CT"
