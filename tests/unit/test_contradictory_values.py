"""Values that contradict each other are refused by name, unless the collection accepts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread, dcmwrite

from services.forms.collection_form import Options
from services.machines import descriptor
from services.policy.table import policy_for
from services.verdict import check
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from services.verdict.verdict import Verdict
    from tests.sets import MadeSet

KEEP = Options(machine=())
CODE = "impossible-values"


def _point(data: Dataset, number: int = 0) -> Dataset:
    return data.BeamSequence[0].ControlPointSequence[number]


def _referred(data: Dataset) -> Dataset:
    return data.FractionGroupSequence[0].ReferencedBeamSequence[0]


def _contour(data: Dataset) -> Dataset:
    return data.ROIContourSequence[0].ContourSequence[0]


def _count_from_one(data: Dataset) -> None:
    for point in data.BeamSequence[0].ControlPointSequence:
        point.ControlPointIndex += 1


def _state_too_few_bits(data: Dataset) -> None:
    """Let every third pixel reach beyond the bits that hold it."""
    data.BitsStored, data.HighBit = 8, 7
    data.PixelData = bytes((1, 1, 2, 0, 3, 0, 0, 0) * (len(data.PixelData) // 8))


#: Kind of object, the attribute as reported, and how it becomes impossible.
IMPOSSIBLE: list[tuple[str, str, Callable[[Dataset], object]]] = [
    *(
        (kind, keyword, lambda data, keyword=keyword, value=value: setattr(data, keyword, value))
        for kind in ("CT", "RTDOSE")
        for keyword, value in (
            ("PhotometricInterpretation", "RGB"),
            ("PhotometricInterpretation", "PALETTE COLOR"),
            ("SamplesPerPixel", 3),
            ("BitsStored", 0),
            ("BitsStored", 33),
            ("HighBit", 3),
            ("HighBit", 32),
            ("PixelRepresentation", 2),
        )
    ),
    *(
        ("RTDOSE", "PixelSpacing", lambda data, value=value: setattr(data, "PixelSpacing", value))
        for value in ([0, 0], [1, -1])
    ),
    *((kind, "BitsStored", _state_too_few_bits) for kind in ("CT", "RTDOSE")),
    ("CT", "SliceThickness", lambda data: setattr(data, "SliceThickness", -3)),
    ("CT", "RescaleSlope", lambda data: setattr(data, "RescaleSlope", 0)),
    ("RTDOSE", "GridFrameOffsetVector", lambda data: setattr(data, "GridFrameOffsetVector", [0] * data.NumberOfFrames)),
    ("RTDOSE", "GridFrameOffsetVector", lambda data: data.GridFrameOffsetVector.__setitem__(0, 100)),
    (
        "RTPLAN",
        "DoseReferenceSequence>TargetPrescriptionDose",
        lambda data: setattr(data.DoseReferenceSequence[0], "TargetPrescriptionDose", -1),
    ),
    (
        "RTPLAN",
        "FractionGroupSequence>NumberOfFractionsPlanned",
        lambda data: setattr(data.FractionGroupSequence[0], "NumberOfFractionsPlanned", -1),
    ),
    *(
        (
            "RTPLAN",
            f"FractionGroupSequence>ReferencedBeamSequence>{keyword}",
            lambda data, keyword=keyword: setattr(_referred(data), keyword, -1),
        )
        for keyword in ("BeamMeterset", "BeamDose")
    ),
    (
        "RTPLAN",
        "BeamSequence>ControlPointSequence>CumulativeMetersetWeight",
        lambda data: setattr(_point(data), "CumulativeMetersetWeight", 5),
    ),
    (
        "RTPLAN",
        "BeamSequence>FinalCumulativeMetersetWeight",
        lambda data: setattr(data.BeamSequence[0], "FinalCumulativeMetersetWeight", 2),
    ),
    (
        "RTPLAN",
        "BeamSequence>ControlPointSequence>ControlPointIndex",
        lambda data: setattr(_point(data), "ControlPointIndex", 1),
    ),
    (
        "RTPLAN",
        "BeamSequence>ControlPointSequence>IsocenterPosition",
        lambda data: setattr(_point(data), "IsocenterPosition", [1, 2]),
    ),
    (
        "RTSTRUCT",
        "ROIContourSequence>ContourSequence>ContourData",
        lambda data: setattr(_contour(data), "ContourData", _contour(data).ContourData[:-1]),
    ),
]


def judge(folder: Path, options: Options = KEEP) -> Verdict:
    """Check a folder."""
    machines = descriptor.named(options.machine, descriptor.folders())
    return check.judge(folder, options, machines, policy_for(options))


def changed(tmp_path: Path, kind: str, change: Callable[[Dataset], object]) -> MadeSet:
    """Make a set, and change every object of a kind."""
    made = make_set(tmp_path, ct=3, size=16, rois=["PTV_70"])
    for one in made.of(kind):
        file = made.path(one)
        data = dcmread(file)
        change(data)
        dcmwrite(file, data)
    return made


@pytest.mark.parametrize(
    ("kind", "names", "change"), IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_contradiction_is_refused_with_its_attribute(
    kind: str, names: str, change: Callable[[Dataset], object], tmp_path: Path
) -> None:
    """Once per kind of object, with the number of places."""
    made = changed(tmp_path, kind, change)

    (fault,) = [fault for fault in judge(made.folder).faults if fault.code == CODE]

    assert fault.found.removesuffix(".").endswith(names + (f" ({len(made.of(kind))})" if kind == "CT" else ""))


@pytest.mark.parametrize("spacing_mm", [[0, 0], [1, -1]])
def test_a_ct_without_extent_is_refused(spacing_mm: list[int], tmp_path: Path) -> None:
    """Nobody can accept that: nothing could be drawn."""
    made = changed(tmp_path, "CT", lambda data: setattr(data, "PixelSpacing", spacing_mm))

    verdict = judge(made.folder, replace(KEEP, accept=frozenset((CODE,))))

    assert "ct-position-not-stated" in [fault.code for fault in verdict.faults]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("CT", lambda data: setattr(data, "HighBit", data.BitsAllocated - 1)),
        ("CT", lambda data: setattr(data, "RescaleSlope", -1)),
        ("CT", lambda data: setattr(data, "SliceThickness", 0)),
        ("RTDOSE", lambda data: setattr(data, "GridFrameOffsetVector", [-each for each in data.GridFrameOffsetVector])),
        ("RTPLAN", lambda data: setattr(data.BeamSequence[0], "FinalCumulativeMetersetWeight", "0.9995")),
        ("RTPLAN", lambda data: delattr(data.BeamSequence[0], "FinalCumulativeMetersetWeight")),
        ("RTPLAN", lambda data: delattr(_point(data), "CumulativeMetersetWeight")),
        ("RTPLAN", _count_from_one),
    ],
)
def test_what_exporters_write_is_not_refused(kind: str, change: Callable[[Dataset], object], tmp_path: Path) -> None:
    """Older meanings of the high bit, rounded weights, planes from head to foot, indices from one."""
    assert CODE not in [fault.code for fault in judge(changed(tmp_path, kind, change).folder).faults]


def test_a_collection_may_accept_them(tmp_path: Path) -> None:
    """The note names the attribute."""
    made = changed(tmp_path, "CT", lambda data: setattr(data, "RescaleSlope", 0))

    verdict = judge(made.folder, replace(KEEP, accept=frozenset((CODE,))))

    assert (verdict.faults, verdict.accepted) == ((), {CODE: 1})
    assert any("RescaleSlope (3)" in note for note in verdict.notes)


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (
            "RTSTRUCT",
            lambda data: setattr(_contour(data), "NumberOfContourPoints", 99),
            "1 contour with another number",
        ),
        (
            "RTSTRUCT",
            lambda data: setattr(data.ROIContourSequence[0], "ReferencedROINumber", 99),
            "for 1 structure that",
        ),
        ("CT", lambda data: delattr(data, "PatientPosition"), "absent from the CT: PatientPosition (3)"),
    ],
)
def test_what_a_reader_can_do_without_is_noted(
    kind: str, change: Callable[[Dataset], object], says: str, tmp_path: Path
) -> None:
    """Coordinates are counted by readers; a structure without a name is dropped by some."""
    verdict = judge(changed(tmp_path, kind, change).folder)

    assert CODE not in [fault.code for fault in verdict.faults]
    assert any(says in note for note in (*verdict.notes, *verdict.record_notes))


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_a_slice_that_is_scaled_differently_is_noted(keyword: str, tmp_path: Path) -> None:
    """It looks denser than the others; written in another way, it is not noted."""
    made = make_set(tmp_path, ct=3, size=16, rois=["PTV_70"])
    file = made.path(made.ct[0])
    data = dcmread(file)
    for value, is_noted in ((f"{float(data[keyword].value):+.3f}", False), (7, True)):
        data[keyword].value = value
        dcmwrite(file, data)
        assert any("in different ways" in note for note in judge(made.folder).notes) is is_noted


def test_leaves_that_cross_do_not_fit_the_machine(tmp_path: Path) -> None:
    """By more than the descriptor's tolerance."""

    def cross(data: Dataset) -> None:
        for device in _point(data).BeamLimitingDevicePositionSequence:
            if device.RTBeamLimitingDeviceType == "MLCX":
                pairs = len(device.LeafJawPositions) // 2
                device.LeafJawPositions = [10] * pairs + [-10] * pairs

    verdict = judge(changed(tmp_path, "RTPLAN", cross).folder, Options(machine=("VicRapidPlan",)))

    assert "machine-leaf-positions" in [fault.code for fault in verdict.faults]
    assert any("cross by 20 mm" in fault.found for fault in verdict.faults)
