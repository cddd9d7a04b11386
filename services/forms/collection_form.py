"""The form of a collection, `collection.toml`: read with a sentence for whatever is wrong in it, and written."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args

from services import plain_files
from services.errors import SettingsWrong
from services.forms.identity import Identity, check_identity
from services.language import Language
from services.layout import ANON_NAME, OTHER_SHEETS_NAME, SETTINGS_NAME, SHEETS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

LARGEST_SETTINGS_BYTES: Final = 1 << 20

_MACHINE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

BY_HAND: Final = "by hand"
BEFORE_EXPORT: Final = "before export"

Mismatch = Literal["refuse", "warn"]
Dates = Literal["shift", "remove", "keep"]
Characteristics = Literal["dose_model", "retain", "age_sex"]
BirthDate = Literal["fake", "empty"]
Times = Literal["keep", "remove"]
UnreadWords = Literal["list", "wait", "replace"]
BrokenLinks = Literal["refuse", "relink"]
ExtraObjects = Literal["leave out", "refuse"]
Unlisted = Literal["wait", "next"]
Hospitals = Literal["one", "folder"]
Plans = Literal["refuse", "ask", "approved", "each"]
SamePatient = Literal["tell", "link", "separate"]
Start = Literal["by itself", "by hand"]
ReceivedIdentity = Literal["keep", "renumber"]
ReleaseAsked = Literal["not asked", "before export"]
Acceptable = Literal[
    "relative-dose",
    "plan-sum",
    "partial-beam-dose",
    "delivered-dose",
    "verification-plan",
    "treatment-device-plan",
    "two-frames",
    "enhanced-ct",
    "burned-in-annotation",
    "contours-off-slices",
]
"""Codes of faults that a collection may take knowingly. What each means: `services/rtset/importability.py`."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a collection wants done beyond the new identity."""

    machine: tuple[str, ...]
    """Names of descriptors, of which the first that fits takes the plan; none keeps machine and scanner as they are."""

    on_machine_mismatch: Mismatch = "refuse"

    scanner: str = ""
    """Takes the CT scanner's (0008,1010) *Station Name*'s place; empty: nothing does."""

    dates: Dates = "shift"
    patient_characteristics: Characteristics = "retain"
    """That of a form that does not say; `options_of_new_collection` has that of new ones."""

    on_broken_links: BrokenLinks = "refuse"

    accept: frozenset[str] = frozenset()
    """Codes of faults that the collection takes knowingly."""

    extra_objects: ExtraObjects = "leave out"

    unlisted: Unlisted = "wait"
    """What becomes of a patient who is not in `identities.csv`, where there is that file."""

    hospitals: Hospitals = "one"
    """Whether all sets are of the form's hospital, or the root's sub-folders are hospitals that hold their sets."""

    plans: Plans = "refuse"
    """What becomes of a folder with several plans, structure sets or CT series."""

    same_patient: SamePatient = "tell"
    """What becomes of a person of whom a set is published already."""

    sheets: bool = True
    """Whether a sheet is made of each published set."""

    receive_identity: ReceivedIdentity = "keep"
    """Whether a delivered set keeps its identity, or gets a number, a name and UIDs of this collection."""

    inbox: str = ""
    """The folder of the collection in which deliveries are dropped for the service; empty: there is none."""

    ready: str = ""
    """Pattern of the name of a mark that the exporter writes last; empty: no mark is waited for."""

    start: Start = "by itself"
    """Whether the service takes each set as it comes, or waits until a person says so in the console."""

    release: ReleaseAsked = "not asked"
    """Whether only sets travel that a person has looked at and released."""

    language: Language = "en"
    """Of the sentences for the person at the share."""

    birth_date: BirthDate = "fake"
    """Whether a made-up birth date says the age, or there is none."""

    times: Times = "keep"
    """Whether times of day stay, which tell what came after what on one day."""

    unread_words: UnreadWords = "list"
    """What becomes of words of kept texts that nobody knows: published and listed, waited for, or replaced."""

    @property
    def by_hospital(self) -> bool:
        """Return whether the sub-folders of the root are hospitals."""
        return self.hospitals == "folder"

    @property
    def keep_machine(self) -> bool:
        """Return whether linac and scanner stay as they are."""
        return not self.machine


def options_of_new_collection(machine: Iterable[str]) -> Options:
    """Return the options that a new form has. One that is there keeps what its own defaults were."""
    return Options(machine=tuple(machine), patient_characteristics="dose_model")


def read_settings(root: Path) -> tuple[Identity, Options]:
    """Read `collection.toml`.

    Raises
    ------
    SettingsWrong
        Says which line, table or key, and what to write instead.
    """
    tables = _parse(_form_text(root))
    for table, keys in tables.items():
        if table not in _FORM:
            raise SettingsWrong(f"{SETTINGS_NAME} has [{table}], which means nothing here. There are: {_names(_FORM)}.")
        if not isinstance(keys, dict):
            raise SettingsWrong(f"{SETTINGS_NAME}: {table} must be a table: a line [{table}] with its keys below.")
        for key in keys:
            if key not in _FORM[table]:
                raise SettingsWrong(
                    f"{SETTINGS_NAME}{line_of(root, table, key)}: {key} means nothing in [{table}]. "
                    f"There are: {', '.join(_FORM[table])}."
                )
    values: dict[str, Any] = {}
    for table, form in _FORM.items():
        for key, kind in form.items():
            if key in tables.get(table, {}):
                value = tables[table][key]
                if not kind.fits(value):
                    raise SettingsWrong(f"{SETTINGS_NAME}{line_of(root, table, key)}: {key} must be {kind.is_called}.")
                values[key] = value
            elif kind.required:
                raise SettingsWrong(f"{SETTINGS_NAME}: {key} is missing in [{table}]: {kind.is_called}.")
    _check_people(root, values)
    identity = Identity(**{key: values.pop(key) for key in _FORM["identity"]})
    try:
        check_identity(identity)
    except SettingsWrong as wrong:
        raise SettingsWrong(f"{SETTINGS_NAME}: {wrong}") from None
    machine = values.pop("machine")
    names = () if machine == "keep" else (machine,) if isinstance(machine, str) else tuple(machine)
    accept, sheets = frozenset(values.pop("accept", ())), values.pop("make", True)
    received = values.pop("identity", "keep")
    return identity, Options(machine=names, accept=accept, sheets=sheets, receive_identity=received, **values)


def _check_people(root: Path, values: Mapping[str, Any]) -> None:
    """Hold that who takes several plans of a person has said whether they stay one person."""
    if values.get("plans") in {"each", "approved"} and "same_patient" not in values:
        raise SettingsWrong(
            f'{SETTINGS_NAME}{line_of(root, "check", "plans")}: plans = "{values["plans"]}" publishes several sets of '
            'one person. Choose what they are to each other: same_patient = "tell", "link" or "separate" in [people].'
        )


def settings_text(identity: Identity, options: Options) -> str:
    """Write the form as `collection.toml` holds it, each value with its meaning beside it."""
    machine: str | list[str] = "keep"
    if options.machine:
        machine = options.machine[0] if len(options.machine) == 1 else list(options.machine)
    first = identity.numbered(identity.initial_index)
    return f"""\
# This file makes the folder a collection: every folder beside it is taken for one patient's set.
# A changed identity holds for sets that are not yet done.

[identity]  # the first set becomes {first.patient_id}, {first.patient_name}
patient_id = {_toml(identity.patient_id)}
family_name = {_toml(identity.family_name)}
first_name = {_toml(identity.first_name)}
hospital = {_toml(identity.hospital)}  # goes into the tracking file only, never into DICOM
initial_index = {identity.initial_index}

[plan]
machine = {_toml(machine)}  # a descriptor, a list of which the first that fits takes the plan, or "keep"
on_machine_mismatch = {_toml(options.on_machine_mismatch)}  # "refuse" | "warn": a beam that the machine cannot deliver

[privacy]
dates = {_toml(options.dates)}  # "shift" by whole weeks | "remove" | "keep"
patient_characteristics = {_toml(options.patient_characteristics)}  # age, sex, size, weight | "retain" more | "age_sex"
birth_date = {_toml(options.birth_date)}  # "fake": one that says the age | "empty"
times = {_toml(options.times)}  # "keep" | "remove" times of day
unread_words = {_toml(options.unread_words)}  # "list" words nobody knows | "wait" for a person | "replace" them
scanner = {_toml(options.scanner)}  # takes the place of the CT's station name; empty: nothing does

[check]
on_broken_links = {_toml(options.on_broken_links)}  # "refuse" | "relink" where the geometry agrees
accept = {_toml(sorted(options.accept))}  # codes out of REFUSED files that are taken knowingly: ["relative-dose"]
extra_objects = {_toml(options.extra_objects)}  # "leave out" | "refuse": RT Image, PET, localizers, field doses …
plans = {_toml(options.plans)}  # several in a folder: "refuse" | "ask" a person | take the "approved" | take "each"

[people]
same_patient = {_toml(options.same_patient)}  # a person published before: "tell" | "link" to one identity | "separate"
unlisted = {_toml(options.unlisted)}  # "wait" | "next" number: patients who are not in identities.csv, if that is there
hospitals = {_toml(options.hospitals)}  # "one" | "folder": the sub-folders are hospitals, and hold each its own sets

[sheets]
make = {str(options.sheets).lower()}  # a sheet with pictures for each published set, in the folder {SHEETS_NAME}

[receive]
identity = {_toml(options.receive_identity)}  # "keep" | "renumber": delivered sets get a number of this collection
inbox = {_toml(options.inbox)}  # the folder beside this file from which the service takes deliveries; empty: none

[service]
ready = {_toml(options.ready)}  # a mark that exporters write last, "READY" or "*.ready": no set is taken before it
start = {_toml(options.start)}  # "by itself": each set as it comes | "by hand": when a person says so in the console
release = {_toml(options.release)}  # "not asked" | "before export": only sets that a person has released travel
language = {_toml(options.language)}  # "en" | "de": of REFUSED and NOTE files and of what the check says
"""


class _Kind(NamedTuple):
    """What a key of the form must be."""

    is_called: str
    fits: Callable[[Any], bool]
    required: bool = False


def _text(*, required: bool = False) -> _Kind:
    return _Kind("a text in quotes", lambda value: isinstance(value, str), required)


def _choice(of: object) -> _Kind:
    words = get_args(of)
    return _Kind(" or ".join(f'"{word}"' for word in words), lambda value: value in words)


def _all_match(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and pattern.fullmatch(item) for item in value)


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_machine(value: object) -> bool:
    names = [value] if isinstance(value, str) else value
    return (
        bool(names) and _all_match(_MACHINE_NAME, names) and (value == "keep" or "keep" not in cast("list[str]", names))
    )


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 255 and value.isprintable() and "/" not in value


def _is_station_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 16 and value.isascii() and value.isprintable() and "\\" not in value


def _is_inbox(value: object) -> bool:
    """Whether a value is empty, or names a folder that could be a set's: relative, and one that is nothing else."""
    if not isinstance(value, str) or value == "":
        return value == ""
    is_another = value.casefold() in {SHEETS_NAME, OTHER_SHEETS_NAME} or ANON_NAME.fullmatch(value) is not None
    return (
        not is_another
        and value == value.strip()
        and re.fullmatch(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*", value) is not None
    )


def inbox_of(root: Path) -> str:
    """Return the name of a collection's inbox; empty where there is none, or nobody can tell."""
    try:
        return read_settings(root)[1].inbox
    except SettingsWrong:
        return ""


_FORM: Final[dict[str, dict[str, _Kind]]] = {
    "identity": {
        "patient_id": _text(required=True),
        "family_name": _text(required=True),
        "first_name": _text(required=True),
        "hospital": _text(required=True),
        "initial_index": _Kind("a whole number", _is_whole_number, required=True),
    },
    "plan": {
        "machine": _Kind(
            'the name of a machine descriptor in quotes, a list of such names in [ ], or "keep"',
            _is_machine,
            required=True,
        ),
        "on_machine_mismatch": _choice(Mismatch),
    },
    "privacy": {
        "dates": _choice(Dates),
        "patient_characteristics": _choice(Characteristics),
        "birth_date": _choice(BirthDate),
        "times": _choice(Times),
        "unread_words": _choice(UnreadWords),
        "scanner": _Kind("a text in quotes of at most 16 English letters, digits and signs", _is_station_name),
    },
    "check": {
        "on_broken_links": _choice(BrokenLinks),
        "accept": _Kind(
            f"a list in [ ] of codes in quotes, of which there are: {', '.join(get_args(Acceptable))}",
            lambda value: isinstance(value, list) and all(code in get_args(Acceptable) for code in value),
        ),
        "extra_objects": _choice(ExtraObjects),
        "plans": _choice(Plans),
    },
    "people": {
        "same_patient": _choice(SamePatient),
        "unlisted": _choice(Unlisted),
        "hospitals": _choice(Hospitals),
    },
    "sheets": {"make": _Kind("true or false", lambda value: isinstance(value, bool))},
    "receive": {
        "identity": _choice(ReceivedIdentity),
        "inbox": _Kind("empty, or the plain name of a folder in the collection", _is_inbox),
    },
    "service": {
        "start": _choice(Start),
        "release": _choice(ReleaseAsked),
        "language": _choice(Language),
        "ready": _Kind('a name or a pattern of one in quotes, like "READY" or "*.ready"', _is_mark),
    },
}


def may_be(key: str, value: object) -> bool:
    """Return whether an option of a collection may have a value; `key` is its name in `Options`."""
    name = _ELSEWHERE.get(key, key)
    return any(form[name].fits(value) for table, form in _FORM.items() if name in form and table != "identity")


_ELSEWHERE: Final = {"sheets": "make", "receive_identity": "identity"}
"""Options that are called otherwise in the form."""


def _form_text(root: Path) -> str:
    try:
        return plain_files.read(root / SETTINGS_NAME, LARGEST_SETTINGS_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise SettingsWrong(f"There is no {SETTINGS_NAME} here. Make one: anonymizer new ROOT") from None
    except plain_files.NotPlain:
        raise SettingsWrong(f"{SETTINGS_NAME} is no file of settings.") from None
    except UnicodeDecodeError:
        raise SettingsWrong(f"{SETTINGS_NAME} is not in UTF-8: save it with that encoding.") from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}, where it ends")
        raise SettingsWrong(f"{SETTINGS_NAME} cannot be read: {where}.") from None
    except (RecursionError, ValueError):
        raise SettingsWrong(f"{SETTINGS_NAME} cannot be read: it is no file of settings.") from None


def line_of(root: Path, table: str, key: str) -> str:
    """Return in which line a key stands, as far as a look at the text shows it."""
    current = ""
    for number, line in enumerate(_form_text(root).splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1]
        elif current == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return f", line {number}"
    return ""


def _toml(value: str | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _names(tables: Iterable[str]) -> str:
    return ", ".join(f"[{table}]" for table in tables)
