"""Kept values that are invalid or identifying: text in place of numbers or times, IDs in place of codes.

A kept value must be valid for its VR (PS3.5 §6.2), otherwise it could hold anything; the bytes of a binary one must not
spell a name or an ID. Invalid ones are emptied and reported; if dose, geometry or import depend on them, the set is
refused instead, since the intended value is unknown.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import binary_values, dictionary
from services.dicom.character_sets import CHARSET_VRS, CONTROLS, plain
from services.dicom.dates import read_da, read_dt
from services.language import gettext, gettext_noop
from services.policy.attribute_types import ROOT, TABLE, demanded
from services.rtset.echoes import Echoes
from services.vocabulary.defined_terms import is_term
from services.vocabulary.spelling import all_spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.elements import Element
    from services.rtset.reader import SetFile

NUMBER: Final = "not-a-number"
TERM: Final = "identifier-in-term"
VALUE: Final = "value-unreadable"

Kept = tuple[int, bytes, bytes]
"""Tag, VR and value of a kept element."""


class Mend(NamedTuple):
    """Treatment of a kept value that cannot stay unchanged."""

    new: bytes
    why: str
    """Reason, as a fixed text."""
    code: str = ""
    """Code with which the set is refused; empty if the value can be removed."""

    @property
    def in_words(self) -> str:
        """Reason, in the current language."""
        return gettext(self.why)


_NUMBERED: Final = frozenset(("patient-id", "other-id", "accession"))
_NAMING: Final = _NUMBERED | {"person"}
_LONG: Final = 6
"""Minimum digits of a number that may identify a person."""
_LONGEST: Final = 64
"""Maximum digits of an ID (VR LO, PS3.5 6.2); longer runs of digits are no number of anything."""
_TOKEN: Final = 4
_SHORTEST_END: Final = 3
"""Minimum digits of the end of an ID that is significant beside initials."""

_DIGITS_OF_IDS: Final = re.compile(rf"(?<![0-9])[0-9]{{{_LONG},{_LONGEST}}}(?![0-9])")

DECIMAL: Final = frozenset((b"DS", b"IS"))
_DECIMAL: Final = re.compile(rb" *[+-]?(\d+\.?\d*|\.\d+)([eE](?:-\d+|\+?0*\d{1,2}))? *")
_FORMS: Final = {
    b"TM": re.compile(rb"([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)? *"),
    b"DA": re.compile(rb"\d{4}(\.?)(0[1-9]|1[0-2])\1(0[1-9]|[12]\d|3[01]) *"),
    b"DT": re.compile(rb"\d{4}(\d\d){0,5}(\.\d{1,6})?([+-]\d{4})? *"),
    b"AS": re.compile(rb"\d{1,3}[DWMY] *"),
}
_CODED: Final = frozenset((b"CS", b"UI", b"AE"))
_WRITTEN: Final = CHARSET_VRS | {b"UR"}
"""VRs of texts: those kept select hardware, or define the meaning of numbers."""
_SOUND: Final = re.compile(
    rb"(?: *[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE](?:-\d+|\+?0*\d{1,2}))? *(?:\\|\0*\Z)|(?<=\\) *\0*\Z)*"
)
"""Numbers separated by backslashes."""
_LONG_WHOLE: Final = re.compile(rb" *[+-]?0*[1-9]\d{5,}(?:\.0*)? *\0*")
NUMBER_BYTES: Final = b"0123456789+-.eE\\ \0"
LARGE: Final = 256
"""Minimum bytes of a list of numbers that is only checked for other characters."""

_GROUPS_OF_DOSE: Final = frozenset((0x3002, 0x3004, 0x3006, 0x300A, 0x300C, 0x300E))


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(map(dictionary.tag, keywords.split()))


_NEEDED: Final = _tags(
    "ImagePositionPatient ImageOrientationPatient PixelSpacing RescaleSlope RescaleIntercept NumberOfFrames "
    "Modality PhotometricInterpretation PatientPosition SpecificCharacterSet RescaleType"
)
_NOT_NEEDED: Final = _tags(
    "TreatmentMachineName ROIVolume ROIDisplayColor ContourSlabThickness ROIPhysicalPropertyValue GantryAngleTolerance "
    "BeamLimitingDeviceAngleTolerance BeamLimitingDevicePositionTolerance PatientSupportAngleTolerance "
    "TableTopEccentricAngleTolerance TableTopVerticalPositionTolerance TableTopLongitudinalPositionTolerance "
    "TableTopLateralPositionTolerance TableTopPitchAngleTolerance TableTopRollAngleTolerance ConstraintWeight "
    "DeliveryWarningDose DeliveryMaximumDose TargetMinimumDose TargetMaximumDose TargetUnderdoseVolumeFraction "
    "OrganAtRiskFullVolumeDose OrganAtRiskLimitDose OrganAtRiskMaximumDose OrganAtRiskOverdoseVolumeFraction"
)
_CONFIGURED: Final = _tags("ApplicatorID FluenceModeID RescaleType SourceIsotopeName SourceModelID WedgeID")
"""Texts configured by a clinic, in which short numbers are sizes and versions."""
OF_EQUIPMENT: Final = _tags(
    "AfterloaderChannelID ApplicatorID BeamCurrentModulationID FluenceModeID LateralSpreadingDeviceID "
    "LateralSpreadingDeviceSetting RangeModulatorID RangeShifterID RangeShifterSetting RescaleType ScanSpotTuneID "
    "SnoutID SourceIsotopeName SourceModelID TemplateType WedgeID"
)
"""Texts typed by a clinic when it configures its equipment, without which a plan cannot be imported."""
_CONTEXT: Final = dictionary.tag("ContextIdentifier")
"""A number from PS3.16."""
_EDITIONS: Final = _tags("ContextGroupVersion ContextGroupLocalVersion")
"""Dates of code tables. PS3.3 8.6."""
_IMAGE_TYPE: Final = dictionary.tag("ImageType")
_DEVICE_UID: Final = dictionary.tag("DeviceUID")
"""Kept with the scanner, and needed by nobody. PS3.3 C.7.5.1."""
_OF_THE_STANDARD: Final = "1.2.840.10008."
"""Root of the UIDs that DICOM defines. PS3.6 Annex A."""
_OPEN_VALUES: Final = 3
"""Number of values of (0008,0008) *Image Type* with defined terms; later ones are manufacturer-specific. PS3.3
C.7.6.1.1.2.
"""


TEXTS: Final = CHARSET_VRS | frozenset(b"AE AS CS DA DS DT IS TM UI UR".split())
"""VRs of kept values that are checked: those written as text."""


def mends(kept: Iterable[Kept], found: Iterable[tuple[str, str]]) -> Mapping[int, Mapping[bytes, Mend]]:
    """Determine which kept values cannot stay, and their treatment, by tag and value.

    Parameters
    ----------
    kept
        The distinct kept values of a set.
    found
        Identifiers of the set: kind and value.
    """
    known = _Known(found)
    made: dict[int, dict[bytes, Mend]] = {}
    for tag, vr, value in kept:
        if vr in DECIMAL:
            if _SOUND.fullmatch(value) and not _LONG_WHOLE.fullmatch(value):
                continue
        elif tag in _EDITIONS and known.is_day(value):
            made.setdefault(tag, {})[value] = Mend(
                value[:4], gettext_noop("was a date of the set, and is its year now")
            )
            continue
        elif vr in _FORMS and _is_sound(vr, value):
            continue
        if mend := _mend(tag, vr, value, known):
            made.setdefault(tag, {})[value] = mend
    return made


def _is_sound(vr: bytes, value: bytes) -> bool:
    """Return whether a quick check shows that a date or time is valid."""
    shown = value.rstrip(b"\0 ")
    return not CONTROLS.search(shown) and _FORMS[vr].fullmatch(shown) is not None


class _Known:
    """Identifiers of a set, as numbers and words."""

    def __init__(self, found: Iterable[tuple[str, str]]) -> None:
        found = tuple(found)
        self._found = found
        values = [(kind, value) for kind, value in found if kind in _NAMING]
        digits = [re.sub(r"[\W_]", "", value) for kind, value in values if kind in _NUMBERED]
        ids = {int(run) for one in digits for run in _DIGITS_OF_IDS.findall(one)}
        whole = (word for _, value in values for word in (*_words(value), "".join(_words(value))))
        self.as_binary: Final = {code for number in ids for code in binary_values.codes_of(number)}
        words = all_spellings(whole)
        self.words: Final = {word for word in words if len(word) >= _TOKEN and not is_term(word.upper())}
        self._digits: Final = digits
        days = {day for kind, value in found if kind == "date" for day in read_da(value) or read_dt(value)}
        numbers = {str(one) for one in ids if one >= 10 ** (_LONG - 1)}
        self._days: Final = {f"{day:%Y%m%d}" for day in days}
        self._in_uids: Final = self._days | numbers
        self._as_numbers: Final = ids | {int(f"{day:{form}}") for day in days for form in ("%Y%m%d", "%d%m%Y")}
        self._names: Final = [value for kind, value in values if kind == "person"]

    def is_number(self, number: int) -> bool:
        """Return whether a number is an ID, the digits of one, or a date as its digits: 19510317, 17031951."""
        return number >= 10 ** (_LONG - 1) and number in self._as_numbers

    def is_day(self, value: bytes) -> bool:
        """Return whether a DT begins with a date of the set."""
        return value[:8].decode("latin-1") in self._days

    def hints_at_person(self, part: str) -> bool:
        """Return whether a coded string has someone's initials beside the end of an ID, significant only together."""
        words = [word.casefold() for word in re.findall(r"[^\W\d_]+|\d+", part)]
        ends = [word for word in words if word.isdecimal() and len(word) >= _SHORTEST_END]
        if not any(one.endswith(end) for end in ends for one in self._digits):
            return False
        return any(sorted(word) == sorted(initials) for word in words for initials in self._initials)

    @cached_property
    def _initials(self) -> list[str]:
        every = ["".join(word[0].casefold() for word in re.findall(r"[^\W\d_]+", name)) for name in self._names]
        return [one[:count] for one in every for count in range(2, len(one) + 1)]

    @cached_property
    def echoes(self) -> Echoes:
        """All identifiers, for texts."""
        return Echoes(self._found)

    def are_in_binary(self, value: bytes) -> bool:
        """Return whether a word in a binary value is an identifier, or begins or ends with a name or ID."""
        ends = tuple(self.words)
        words = {word.casefold() for word in binary_values.words_in(value)}
        return any(word.startswith(ends) or word.endswith(ends) or self.echoes.is_one(word) for word in words)

    def echoes_in(self, part: str) -> bool:
        """Return whether a coded string contains a place or device of the set, or suggests someone."""
        return self.echoes.are_in(part) or self.hints_at_person(part)

    def are_in_uid(self, uid: str) -> bool:
        """Return whether a component of a UID that is not the standard's contains an ID or a date of the set."""
        components = () if uid.startswith(_OF_THE_STANDARD) else uid.split(".")
        return any(one in component for component in components for one in self._in_uids)

    def is_in(self, part: str) -> bool:
        """Return whether a coded string contains one of the words, or a number as long as IDs."""
        if re.search(rf"\d{{{_LONG}}}", part):
            return True
        words = _words(part)
        return not self.words.isdisjoint(word.casefold() for word in (*words, "".join(words)))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def _mend(tag: int, vr: bytes, value: bytes, known: _Known) -> Mend | None:
    if vr in DECIMAL:
        return _number(tag, value, known)
    if vr in binary_values.VRS:
        return _binary(tag, value, known)
    clean = plain(value, vr)
    if vr in _FORMS:
        return _moment(tag, vr, value, clean)
    if vr in _CODED and (mend := _code(tag, vr, clean, known)):
        return mend
    if vr in _WRITTEN and known.echoes.are_in(_read(clean), short_numbers=tag not in _CONFIGURED):
        return _emptied(tag)
    return _cut(tag, value, clean)


def _binary(tag: int, value: bytes, known: _Known) -> Mend | None:
    """Check a binary value: its bytes spell no identifier, and a single number is not an ID."""
    return _emptied(tag) if value in known.as_binary or known.are_in_binary(value) else None


def _emptied(tag: int) -> Mend:
    """Return the treatment of a value with an identifier that cannot be taken out of it."""
    return Mend(b"", gettext_noop("holds an identifier"), TERM if _is_fixed(tag) else "")


def _cut(tag: int, value: bytes, clean: bytes) -> Mend | None:
    """Check a text with data after its end; what remains may be required."""
    code = VALUE if not clean.strip(b" \\") and tag in _DEMANDED else ""
    return (
        None
        if clean == value
        else Mend(clean, gettext_noop("contained data after its end, or control characters"), code)
    )


def _read(value: bytes) -> str:
    """Decode a text as UTF-8, else as Latin-1; names in other encodings are not searched for here."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _number(tag: int, value: bytes, known: _Known) -> Mend | None:
    """Check a number or list of numbers: all are valid, and a single one is no ID or date."""
    stripped = value.rstrip(b"\0 ")
    parts = stripped.split(b"\\") if stripped else []
    code = NUMBER if _is_needed(tag) else VALUE if tag in _DEMANDED else ""
    if not all(_DECIMAL.fullmatch(part) or not part.strip(b" ") for part in parts):
        return Mend(b"", gettext_noop("holds something that is not a number"), code)
    if len(parts) == 1 and known.is_number(_integer(parts[0])):
        return Mend(b"", gettext_noop("holds an ID or a date of the patient"), TERM if code == NUMBER else code)
    return None


@cache
def _is_needed(tag: int) -> bool:
    return tag in _NEEDED or (tag >> 16 in _GROUPS_OF_DOSE and tag not in _NOT_NEEDED)


def _is_fixed(tag: int) -> bool:
    """Return whether an attribute needs its value: somewhere it is Type 1, or dose, geometry or import depend on it."""
    return tag in _DEMANDED or _is_needed(tag)


def _integer(part: bytes) -> int:
    """Return an integral number without its sign; 0 otherwise, and if it is longer than any ID."""
    match = re.fullmatch(rb" *[+-]?0*(\d{1,%d})(?:\.0*)? *" % _LONGEST, part)
    return int(match[1]) if match else 0


def _moment(tag: int, vr: bytes, value: bytes, clean: bytes) -> Mend | None:
    """Check dates, times and ages one by one; fractions of a second beyond six digits are truncated."""
    parts = clean.rstrip(b" \0").split(b"\\")
    cut = [re.sub(rb"(\.\d{6})\d+", rb"\1", part) for part in parts]
    kept = [part if not part.strip() or _FORMS[vr].fullmatch(part) else b"" for part in cut]
    if kept == parts:
        return _cut(tag, value, clean)
    new = b"\\".join(kept)
    code = VALUE if not new.strip(b"\\") and tag in _DEMANDED else ""
    return Mend(new if new.strip(b"\\") else b"", gettext_noop("holds something that is not a date, time or age"), code)


_DEMANDED: Final = frozenset(tag for (_, _, tag), type_ in TABLE.items() if type_ == 1)
"""Attributes that are Type 1 somewhere; `places` tells where they occur."""


def _code(tag: int, vr: bytes, clean: bytes, known: _Known) -> Mend | None:
    """Check a coded string or UID: defined terms are kept, identifying values removed."""
    values = [value.strip() for value in clean.rstrip(b"\0 ").split(b"\\")]
    parts = [*map(_read, values)]
    text = "\\".join(parts)
    if is_term(text):
        return None
    if vr == b"UI" and re.fullmatch(r"[\d.\\ ]*", text):
        code = "" if tag == _DEVICE_UID else TERM
        return Mend(b"", gettext_noop("holds an identifier"), code) if any(map(known.are_in_uid, parts)) else None
    wrong = [
        index
        for index, part in enumerate(parts)
        if not is_term(part.upper()) and (known.is_in(part) or (vr == b"CS" and known.echoes_in(part)))
    ]
    if not wrong:
        return None
    why = gettext_noop("holds an identifier or a long number")
    if tag == _IMAGE_TYPE and wrong[0] >= _OPEN_VALUES:
        why = gettext_noop("holds an identifier or a long number, and was cut off before it")
        return Mend(b"\\".join(values[: wrong[0]]), why)
    new = b"\\".join(b"" if index in wrong else value for index, value in enumerate(values)).rstrip(b"\\")
    is_fixed = vr == b"UI" or tag == _IMAGE_TYPE or _is_fixed(tag)
    return Mend(new, why, TERM if is_fixed else "")


class Coded(NamedTuple):
    """Kept coded string that is not a defined term, or name of a part of the equipment."""

    tag: int
    value: bytes
    """As in the source."""
    parts: tuple[str, ...]
    """Its values as kept; removed ones are empty."""

    @property
    def keyword(self) -> str:
        """Keyword of the attribute."""
        return dictionary.keyword(self.tag)

    @property
    def is_typed(self) -> bool:
        """Whether it is the name of a part of the equipment, typed by a person."""
        return self.tag in OF_EQUIPMENT

    @property
    def is_fixed(self) -> bool:
        """Whether dose or import depend on it, so that it cannot be removed."""
        return self.tag == _IMAGE_TYPE or _is_fixed(self.tag)

    def without(self, parts: Iterable[str]) -> Mend:
        """Return its treatment if these values are removed."""
        new = "\\".join("" if part in parts else part for part in self.parts).rstrip("\\")
        return Mend(new.encode("latin-1"), gettext_noop("holds a word that should have been removed"))


def unusual(kept: Iterable[Kept], made: Mapping[int, Mapping[bytes, Mend]]) -> list[Coded]:
    """Return kept coded strings and names of equipment that are not defined terms, after applying `made`."""
    found = []
    for tag, vr, value in kept:
        if (vr == b"CS" and tag != _CONTEXT and dictionary.keyword(tag)) or tag in OF_EQUIPMENT:
            mend = made.get(tag, {}).get(value)
            left = (mend.new if mend else plain(value, vr)).rstrip(b"\0 ")
            text = _read(left) if tag in OF_EQUIPMENT else left.decode("latin-1")
            if not is_term(text):
                found.append(Coded(tag, value, tuple(part.strip() for part in text.split("\\"))))
    return sorted(found)


class Place(NamedTuple):
    """First location of a kept value that cannot stay."""

    file: SetFile
    path: str
    """Keywords from the outermost sequence on: `BeamSequence>BeamDose`."""
    mend: Mend
    times: int
    """Number of occurrences in all files."""


def places(files: Iterable[SetFile], made: Mapping[int, Mapping[bytes, Mend]]) -> list[Place]:
    """Return the kept values that cannot stay, by attribute path and reason."""
    if not made:
        return []
    found: dict[tuple[str, str, str], Place] = {}
    for file in files:
        for path, mend in _met(file.kind, file.file.data, file.file.elements, made, ()):
            key = (file.kind, path, mend.why)
            known = found.get(key)
            found[key] = known._replace(times=known.times + 1) if known else Place(file, path, mend, 1)
    return list(found.values())


def _met(
    kind: str,
    data: bytes,
    elements: Sequence[Element],
    made: Mapping[int, Mapping[bytes, Mend]],
    above: tuple[int, ...],
) -> Iterator[tuple[str, Mend]]:
    for tag, _, _, value, end, items in elements:
        for item in items or ():
            yield from _met(kind, data, item[3], made, (*above, tag))
        if items is None and tag in made and (mend := made[tag].get(data[value:end])):
            if mend.code == VALUE and demanded(kind, above[-1] if above else ROOT, tag) != 1:
                mend = mend._replace(code="")  # the value may be removed here. PS3.5 7.4
            yield ">".join(map(dictionary.name, (*above, tag))), mend
