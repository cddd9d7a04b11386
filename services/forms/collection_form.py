"""The form of a collection, `collection.toml`: reading, with a message for each error, and writing."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args

from services import plain_files
from services.errors import SettingsWrong
from services.forms.identity import Identity, wrong_parts
from services.language import (
    LANGUAGES,
    Language,
    gettext,
    gettext_noop,
    joined,
    sentence,
    speaking,
    spoken,
)
from services.layout import ANON_NAME, OTHER_SHEETS_NAME, SETTINGS_NAME, SHEETS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
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
    "impossible-values",
]
"""Codes of faults that a collection may accept knowingly: those of `importability` and `impossible_values` in
`services/verdict/checks/`.
"""

ACCEPTABLE: Final = frozenset(get_args(Acceptable))


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a collection besides the new identity."""

    machine: tuple[str, ...]
    """Names of descriptors; the first that fits the plan is used. Empty: machine and scanner are kept."""

    on_machine_mismatch: Mismatch = "refuse"

    scanner: str = ""
    """Replaces the CT scanner's (0008,1010) *Station Name*; empty: not replaced."""

    dates: Dates = "shift"
    patient_characteristics: Characteristics = "retain"
    """Default of a form without this key; for that of new forms see `options_of_new_collection`."""

    on_broken_links: BrokenLinks = "refuse"

    accept: frozenset[str] = frozenset()
    """Codes of faults that the collection accepts knowingly."""

    extra_objects: ExtraObjects = "leave out"

    unlisted: Unlisted = "wait"
    """Treatment of patients who are not in `identities.csv`, if that file exists."""

    hospitals: Hospitals = "one"
    """Whether all sets belong to the form's hospital, or the root's subfolders are hospitals that hold their sets."""

    plans: Plans = "refuse"
    """Treatment of a folder with several plans, structure sets or CT series."""

    same_patient: SamePatient = "tell"
    """Treatment of a person of whom a set is already published."""

    sheets: bool = True
    """Whether to make a sheet for each published set."""

    receive_identity: ReceivedIdentity = "keep"
    """Whether a delivered set keeps its identity or gets a number, a name and UIDs of this collection."""

    inbox: str = ""
    """Folder of the collection in which deliveries are dropped for the service; empty: none."""

    ready: str = ""
    """Name pattern of a marker file that the exporter writes last; empty: no marker is expected."""

    start: Start = "by itself"
    """Whether the service processes each set as it arrives, or waits for a person to start it in the console."""

    release: ReleaseAsked = "not asked"
    """Whether only sets reviewed and released by a person are exported."""

    language: Language = "en"
    """Language of sentences for the person at the share."""

    birth_date: BirthDate = "fake"
    """Whether the birth date is replaced by a made-up one that gives the age, or emptied."""

    times: Times = "keep"
    """Whether times of day are kept; they show the order of events within a day."""

    unread_words: UnreadWords = "list"
    """Treatment of unknown words in kept texts: published and listed, held for a person, or replaced."""

    @property
    def by_hospital(self) -> bool:
        """Return whether the root's subfolders are hospitals."""
        return self.hospitals == "folder"

    @property
    def keep_machine(self) -> bool:
        """Return whether linac and scanner are kept."""
        return not self.machine

    def is_by_hand(self, by_hand: bool | None = None) -> bool:
        """Return whether sets wait until a person starts them, as the service was told, or the form says."""
        return self.start == BY_HAND if by_hand is None else by_hand


def options_of_new_collection(machine: Iterable[str]) -> Options:
    """Return the options of a new form. Existing forms keep their earlier defaults."""
    return Options(machine=tuple(machine), patient_characteristics="dose_model")


def read_settings(root: Path) -> tuple[Identity, Options]:
    """Read `collection.toml`.

    Raises
    ------
    SettingsWrong
        Lists, one per line and in the collection's language, each invalid line, table or key and what to write instead.
    """
    tables = _parse(_form_text(root))
    with speaking(_language_of(tables)):
        wrong = [*_unknown(root, tables), *_unfit(root, tables), *_undecided(root, tables), *_wrong_identity(tables)]
        if wrong:
            raise SettingsWrong(joined(wrong, "\n"))
    values = {_OPTION_OF.get((table, key), key): value for table in tables for key, value in tables[table].items()}
    identity = Identity(**{key: values.pop(key) for key in _FORM["identity"]})
    machine = values.pop("machine")
    names = () if machine == "keep" else (machine,) if isinstance(machine, str) else tuple(machine)
    return identity, Options(machine=names, accept=frozenset(values.pop("accept", ())), **values)


def _language_of(tables: Mapping[str, Any]) -> str:
    """Return the language set in a form, whatever else is wrong with it."""
    service = tables.get("service")
    named = service.get("language") if isinstance(service, dict) else None
    return named if named in LANGUAGES else spoken()


def _unknown(root: Path, tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield errors in the names of tables and keys."""
    for table, keys in tables.items():
        if table not in _FORM:
            yield gettext(
                "{file} has an unknown table [{table}]. Known are: {tables}.",
                file=SETTINGS_NAME,
                table=table,
                tables=_names(_FORM),
            )
        elif not isinstance(keys, dict):
            yield gettext(
                "{file}: {table} must be a table: a line [{table}] with its keys below.",
                file=SETTINGS_NAME,
                table=table,
            )
        else:
            for key in keys.keys() - _FORM[table].keys():
                yield gettext(
                    "{file}{line}: {key} is unknown in [{table}]. Known are: {keys}.",
                    file=SETTINGS_NAME,
                    line=line_of(root, table, key),
                    key=key,
                    table=table,
                    keys=", ".join(_FORM[table]),
                )


def _unfit(root: Path, tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield errors in values, and missing keys."""
    for table, form in _FORM.items():
        given = tables.get(table, {})
        for key, kind in form.items() if isinstance(given, dict) else ():
            if key in given and not kind.fits(given[key]):
                yield gettext(
                    "{file}{line}: {key} must be {kind}.",
                    file=SETTINGS_NAME,
                    line=line_of(root, table, key),
                    key=key,
                    kind=kind.described(),
                )
            elif key not in given and kind.required:
                yield gettext(
                    "{file}: {key} is missing in [{table}]: {kind}.",
                    file=SETTINGS_NAME,
                    key=key,
                    table=table,
                    kind=kind.described(),
                )


def _undecided(root: Path, tables: Mapping[str, Any]) -> Iterator[str]:
    """Check that a form that takes several plans of a person states whether they remain one person."""
    check, people = (tables.get(table, {}) for table in ("check", "people"))
    plans = check.get("plans") if isinstance(check, dict) else None
    if plans in ("each", "approved") and "same_patient" not in people:
        yield gettext(
            '{file}{line}: plans = "{plans}" publishes several sets of one person. Choose what they are to each other: '
            'same_patient = "tell", "link" or "separate" in [people].',
            file=SETTINGS_NAME,
            line=line_of(root, "check", "plans"),
            plans=plans,
        )


def _wrong_identity(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield errors that make an identity of otherwise valid values unusable in DICOM."""
    given = tables.get("identity")
    form = _FORM["identity"]
    if isinstance(given, dict) and all(key in given and kind.fits(given[key]) for key, kind in form.items()):
        for wrong in wrong_parts(Identity(**{key: given[key] for key in form})):
            yield joined((SETTINGS_NAME, wrong), ": ")


def settings_text(identity: Identity, options: Options) -> str:
    """Return the text of `collection.toml`, each value with its meaning beside it, in the options' language."""
    machine: str | list[str] = "keep"
    if options.machine:
        machine = options.machine[0] if len(options.machine) == 1 else list(options.machine)
    first = identity.numbered(identity.initial_index)
    values = {key: getattr(identity, key) for key in _FORM["identity"]} | {"machine": machine}
    with speaking(options.language):
        about = gettext(_ABOUT["identity"], patient_id=first.patient_id, patient_name=first.patient_name)
        lines = [f"# {line}" for line in gettext(_ABOUT["form"]).split("\n")]
        for table, form in _FORM.items():
            lines += ["", f"[{table}]" + (f"  # {about}" if table == "identity" else "")]
            for key in form:
                value = values[key] if key in values else getattr(options, _OPTION_OF.get((table, key), key))
                meaning = gettext(_MEANING[table, key]) if (table, key) in _MEANING else ""
                lines.append(f"{key} = {_toml(value)}" + (f"  # {meaning}" if meaning else ""))
    return "\n".join((*lines, ""))


_ABOUT: Final = {
    "form": gettext_noop(
        "This file turns its folder into a collection; each subfolder is one patient's set.\n"
        "A changed identity applies to sets that have not been anonymized yet."
    ),
    "identity": gettext_noop("the first set becomes {patient_id}, {patient_name}"),
}
_MEANING: Final = {
    ("identity", "hospital"): gettext_noop("goes into the tracking file only, never into DICOM"),
    ("plan", "machine"): gettext_noop('a descriptor; a list, of which the first that fits is used; or "keep"'),
    ("plan", "on_machine_mismatch"): gettext_noop('"refuse" | "warn": a beam that the machine cannot deliver'),
    ("privacy", "dates"): gettext_noop('"shift" by whole weeks | "remove" | "keep"'),
    ("privacy", "patient_characteristics"): gettext_noop('age, sex, size, weight | "retain" more | "age_sex"'),
    ("privacy", "birth_date"): gettext_noop('"fake": a fictitious one that preserves the age | "empty"'),
    ("privacy", "times"): gettext_noop('"keep" | "remove" times of day'),
    ("privacy", "unread_words"): gettext_noop('unknown words: "list" them | "wait" for a person | "replace" them'),
    ("privacy", "scanner"): gettext_noop("replaces the CT's station name; empty: not replaced"),
    ("check", "on_broken_links"): gettext_noop('"refuse" | "relink" where the geometry agrees'),
    ("check", "accept"): gettext_noop('codes of REFUSED files that are accepted knowingly: ["relative-dose"]'),
    ("check", "extra_objects"): gettext_noop('"leave out" | "refuse": RT Image, PET, localizers, field doses …'),
    ("check", "plans"): gettext_noop(
        'several in a folder: "refuse" | "ask" a person | take the "approved" | take "each"'
    ),
    ("people", "same_patient"): gettext_noop('a person published before: "tell" | "link" to one identity | "separate"'),
    ("people", "unlisted"): gettext_noop(
        '"wait" | "next" number: patients who are not in identities.csv, if that is there'
    ),
    ("people", "hospitals"): gettext_noop('"one" | "folder": each subfolder is a hospital and holds its own sets'),
    ("sheets", "make"): gettext_noop("a sheet with pictures for each published set, in the folder sheets"),
    ("receive", "identity"): gettext_noop('"keep" | "renumber": delivered sets get a number of this collection'),
    ("receive", "inbox"): gettext_noop(
        "the folder beside this file from which the service takes deliveries; empty: none"
    ),
    ("service", "ready"): gettext_noop(
        'a marker file that is written last, "READY" or "*.ready": no set is processed before it'
    ),
    ("service", "start"): gettext_noop(
        '"by itself": each set as it comes | "by hand": when a person starts it in the console'
    ),
    ("service", "release"): gettext_noop('"not asked" | "before export": only released sets are delivered'),
    ("service", "language"): gettext_noop('"en" | "de": language of REFUSED and NOTE files and of findings'),
}
"""Comment beside each key of a form."""


class _Kind(NamedTuple):
    """Constraint on the value of a key."""

    is_called: str
    """Description in English; empty if the value is one of a set of words."""
    fits: Callable[[Any], bool]
    required: bool = False
    words: tuple[str, ...] = ()

    def described(self) -> str:
        """Return the description, in the current language."""
        if self.is_called:
            return gettext(self.is_called, words=", ".join(self.words)) if self.words else gettext(self.is_called)
        words = [f'"{word}"' for word in self.words]
        return sentence(gettext(" or ").join(words), " or ".join(words))


def _text(*, required: bool = False) -> _Kind:
    return _Kind(gettext_noop("a text in quotes"), lambda value: isinstance(value, str), required)


def _choice(of: object) -> _Kind:
    words = get_args(of)
    return _Kind("", lambda value: value in words, words=words)


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
    """Return whether a value is empty, or a plain relative folder name that a set could have."""
    if not isinstance(value, str) or value == "":
        return value == ""
    is_another = value.casefold() in {SHEETS_NAME, OTHER_SHEETS_NAME} or ANON_NAME.fullmatch(value) is not None
    return (
        not is_another
        and value == value.strip()
        and re.fullmatch(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*", value) is not None
    )


def inbox_of(root: Path) -> str:
    """Return the name of a collection's inbox; empty if there is none or it cannot be determined."""
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
        "initial_index": _Kind(gettext_noop("a whole number"), _is_whole_number, required=True),
    },
    "plan": {
        "machine": _Kind(
            gettext_noop('the name of a machine descriptor in quotes, a list of such names in [ ], or "keep"'),
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
        "scanner": _Kind(
            gettext_noop("a text in quotes of at most 16 English letters, digits and signs"), _is_station_name
        ),
    },
    "check": {
        "on_broken_links": _choice(BrokenLinks),
        "accept": _Kind(
            gettext_noop("a list in [ ] of codes in quotes, from: {words}"),
            lambda value: isinstance(value, list) and all(code in get_args(Acceptable) for code in value),
            words=get_args(Acceptable),
        ),
        "extra_objects": _choice(ExtraObjects),
        "plans": _choice(Plans),
    },
    "people": {
        "same_patient": _choice(SamePatient),
        "unlisted": _choice(Unlisted),
        "hospitals": _choice(Hospitals),
    },
    "sheets": {"make": _Kind(gettext_noop("true or false"), lambda value: isinstance(value, bool))},
    "receive": {
        "identity": _choice(ReceivedIdentity),
        "inbox": _Kind(gettext_noop("empty, or the plain name of a folder in the collection"), _is_inbox),
    },
    "service": {
        "ready": _Kind(gettext_noop('a name or a pattern of one in quotes, like "READY" or "*.ready"'), _is_mark),
        "start": _choice(Start),
        "release": _choice(ReleaseAsked),
        "language": _choice(Language),
    },
}


def may_be(key: str, value: object) -> bool:
    """Return whether a value is valid for an option; `key` is its name in `Options`."""
    name = _ELSEWHERE.get(key, key)
    return any(form[name].fits(value) for table, form in _FORM.items() if name in form and table != "identity")


_OPTION_OF: Final = {("sheets", "make"): "sheets", ("receive", "identity"): "receive_identity"}
"""Options whose key in the form differs."""
_ELSEWHERE: Final = {option: key for (_, key), option in _OPTION_OF.items()}


def _form_text(root: Path) -> str:
    try:
        return plain_files.read(root / SETTINGS_NAME, LARGEST_SETTINGS_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise SettingsWrong(
            gettext("There is no {file} here. Make one: anonymizer new ROOT", file=SETTINGS_NAME)
        ) from None
    except plain_files.NotPlain:
        raise SettingsWrong(gettext("{file} is not a settings file.", file=SETTINGS_NAME)) from None
    except UnicodeDecodeError:
        raise SettingsWrong(
            gettext("{file} is not in UTF-8: save it with that encoding.", file=SETTINGS_NAME)
        ) from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}, where it ends")
        says = f"{SETTINGS_NAME} cannot be read: {where}."
        with speaking(_language_meant(text)):
            if (
                place := re.search(r"at line (\d+)", where) if spoken() != "en" else None
            ):  # the reason is a library's, in English
                line = gettext("{file} cannot be read: line {line} is not TOML.", file=SETTINGS_NAME, line=place[1])
                says = sentence(line, says)
        raise SettingsWrong(says) from None
    except (RecursionError, ValueError):
        raise SettingsWrong(gettext("{file} cannot be read: it is not a settings file.", file=SETTINGS_NAME)) from None


def _language_meant(text: str) -> str:
    """Return the language of a form that cannot be parsed."""
    named = re.search(r"^\s*language\s*=\s*[\"'](\w+)[\"']", text, re.MULTILINE)
    return named[1] if named and named[1] in LANGUAGES else spoken()


def line_of(root: Path, table: str, key: str) -> str:
    """Return the line of a key, as far as a search in the text finds it."""
    current = ""
    for number, line in enumerate(_form_text(root).splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1]
        elif current == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return gettext(", line {number}", number=number)
    return ""


def _toml(value: str | bool | int | Iterable[str]) -> str:
    if isinstance(value, (bool, int)):
        return str(value).lower()
    if not isinstance(value, str):
        return f"[{', '.join(map(_toml, value if isinstance(value, list) else sorted(value)))}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _names(tables: Iterable[str]) -> str:
    return ", ".join(f"[{table}]" for table in tables)
