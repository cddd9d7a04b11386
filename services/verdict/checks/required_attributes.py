"""Attributes and items without which a planning system cannot use an object, although it is a valid file.

An exporter or a script may lose a beam's control points, the fractions of a plan or the type of a contour. Links and
geometry may still be right then, and no other check would notice.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom.dictionary import keyword, tag
from services.errors import Fault
from services.language import gettext, named, ngettext, tallied
from services.policy.object_kinds import CT, ENHANCED_CT, NAMES
from services.rtset import geometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.dicom.dataset import View
    from services.dicom.elements import Element
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

# Kind of object and the sequences around an item, then its attributes; `ControlPointSequence#1` is the first item.
# Unconditional ones of Type 1, and those of other Types without which a dose cannot be calculated.
# PS3.3 C.7.6.3, C.8.2.1, C.8.8.3, C.8.8.5, C.8.8.6, C.8.8.8, C.8.8.9, C.8.8.13, C.8.8.14, C.8.8.25.
_TABLE: Final = """
CT          Modality ImageType SamplesPerPixel PhotometricInterpretation BitsStored HighBit PixelRepresentation
CT          RescaleSlope PatientPosition

RTSTRUCT    Modality StructureSetLabel StructureSetROISequence RTROIObservationsSequence
RTSTRUCT>StructureSetROISequence    ROINumber ROIName ReferencedFrameOfReferenceUID
RTSTRUCT>ROIContourSequence         ReferencedROINumber
RTSTRUCT>ROIContourSequence>ContourSequence     ContourGeometricType NumberOfContourPoints ContourData
RTSTRUCT>RTROIObservationsSequence  ObservationNumber ReferencedROINumber

RTPLAN      Modality RTPlanLabel RTPlanGeometry FractionGroupSequence
RTPLAN>FractionGroupSequence        FractionGroupNumber NumberOfBeams
RTPLAN>BeamSequence     BeamNumber BeamType RadiationType
RTPLAN>BeamSequence     BeamLimitingDeviceSequence NumberOfControlPoints ControlPointSequence
RTPLAN>BeamSequence>BeamLimitingDeviceSequence  RTBeamLimitingDeviceType NumberOfLeafJawPairs
RTPLAN>BeamSequence>ControlPointSequence        ControlPointIndex
RTPLAN>BeamSequence>ControlPointSequence#1      NominalBeamEnergy GantryAngle BeamLimitingDeviceAngle
RTPLAN>BeamSequence>ControlPointSequence#1      BeamLimitingDevicePositionSequence
RTPLAN>BeamSequence>ControlPointSequence>BeamLimitingDevicePositionSequence     RTBeamLimitingDeviceType
RTPLAN>BeamSequence>ControlPointSequence>BeamLimitingDevicePositionSequence     LeafJawPositions
RTPLAN>IonBeamSequence  BeamNumber BeamType RadiationType NumberOfControlPoints IonControlPointSequence
RTPLAN>IonBeamSequence>IonControlPointSequence  ControlPointIndex
RTPLAN>IonBeamSequence>IonControlPointSequence#1    NominalBeamEnergy GantryAngle

RTDOSE      Modality DoseType DoseSummationType
RTDOSE      SamplesPerPixel PhotometricInterpretation BitsStored HighBit PixelRepresentation
"""

_UIDS: Final = {
    "StudyInstanceUID": ("no-study-uid", "Study Instance UID"),
    "SeriesInstanceUID": ("no-series-uid", "Series Instance UID"),
}
"""Code and name by keyword."""

_COUNTED: Final = {
    "NumberOfWedges": "WedgeSequence",
    "NumberOfCompensators": "CompensatorSequence",
    "NumberOfBoli": "ReferencedBolusSequence",
    "NumberOfBlocks": "BlockSequence",
}
"""Items of a beam by the attribute that states their number. PS3.3 C.8.8.14."""
_ELEMENTS: Final = itemgetter(3)
"""The elements of an item."""


class _Needed(NamedTuple):
    """What is needed of an item, and of the items in it."""

    always: set[int]
    of_the_first: set[int]
    inside: dict[int, _Needed]


def _read() -> dict[str, _Needed]:
    table: dict[str, _Needed] = {}
    for line in filter(None, _TABLE.splitlines()):
        place, *attributes = line.split()
        kind, *sequences = place.split(">")
        needed = table.setdefault(kind, _Needed(set(), set(), {}))
        for sequence in sequences:
            needed = needed.inside.setdefault(tag(sequence.removesuffix("#1")), _Needed(set(), set(), {}))
        (needed.of_the_first if place.endswith("#1") else needed.always).update(map(tag, attributes))
    return table


_NEEDED: Final = _read()


def faults(objects: Objects) -> Iterator[Fault]:
    """Yield objects that belong to no study or series, and incomplete beams. PS3.3 C.7.2.1, C.7.3.1, C.8.8.14."""
    files = [one for one in (*objects.slices, objects.structure_set, objects.plan, objects.dose) if one]
    for attribute, (code, name) in _UIDS.items():
        if without := [one for one in files if not one.uid(attribute)]:
            yield Fault(
                code,
                gettext("There is no {uid} in: {names}.", uid=name, names=named(one.called for one in without)),
                gettext("Export these objects once more."),
            )
    beams = geometry.beams(objects.plan.view) if objects.plan else ()
    cut = [beam for beam, points in beams if _states_more(beam, "NumberOfControlPoints", points)]
    if objects.plan and cut:
        yield Fault(
            "control-points-missing",
            ngettext(
                "{plan} has {count} beam with fewer control points than it states.",
                "{plan} has {count} beams with fewer control points than they state.",
                len(cut),
                plan=objects.plan.called,
            ),
            gettext("Export the plan once more."),
        )


def _states_more(item: View, number: str, sequence: str) -> bool:
    return len(item.items(sequence)) < (item.number(number) or 0)


def notes(objects: Objects) -> Iterator[str]:
    """Yield one sentence per kind of object on needed attributes without a value, and on items fewer than stated."""
    files: dict[str, Sequence[SetFile]] = {CT: [one for one in objects.slices if one.sop_class_uid not in ENHANCED_CT]}
    files |= {one.kind: [one] for one in (objects.structure_set, objects.plan, objects.dose) if one}
    for kind, those in files.items():
        absent: Counter[str] = Counter()
        _count_absent([one.file.elements for one in those], _NEEDED[kind], "", absent)
        if absent:
            yield gettext(
                "Attributes that planning systems need are absent from the {kind}: {names}.",
                kind=NAMES[kind],
                names=tallied(absent),
            )
    if objects.plan:
        yield from _fewer(objects.plan.view)


def _fewer(plan: View) -> Iterator[str]:
    """Yield accessories and beams that are fewer than the plan states. PS3.3 C.8.8.13, C.8.8.14."""
    fewer: Counter[str] = Counter()
    for beam, _ in geometry.beams(plan):
        fewer.update(stated for stated, items in _COUNTED.items() if _states_more(beam, stated, items))
    for group in plan.items("FractionGroupSequence"):
        fewer["NumberOfBeams"] += _states_more(group, "NumberOfBeams", "ReferencedBeamSequence")
    for stated, times in (+fewer).items():
        yield ngettext(
            "The RT Plan has fewer items than {attribute} states.",
            "In {count} places the RT Plan has fewer items than {attribute} states.",
            times,
            attribute=stated,
        )


def _count_absent(data_sets: Iterable[Sequence[Element]], needed: _Needed, path: str, absent: Counter[str]) -> None:
    """Count needed attributes without a value by path, `BeamSequence>ControlPointSequence`, in the items of a sequence.

    Thousands of contours are examined, so there is no call per item.
    """
    wanted = needed.always | needed.of_the_first
    for elements in data_sets:
        missing = set(wanted)
        for attribute, _, _, start, end, items in elements:
            if start < end:
                missing.discard(attribute)
                if items and attribute in needed.inside:
                    inner = map(_ELEMENTS, items)
                    _count_absent(inner, needed.inside[attribute], f"{path}{keyword(attribute)}>", absent)
        if missing:
            absent.update(f"{path}{keyword(each)}" for each in sorted(missing))
        wanted = needed.always
