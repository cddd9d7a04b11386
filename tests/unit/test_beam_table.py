"""The table of beams has what a physicist needs, and the dose's units are stated."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from phantom.modules import item
from sheets.read.accessories import applications, brachy_technique, sources
from sheets.read.beams import Beam, beams
from sheets.read.dose_grid import Dose
from sheets.read.numbers import percent
from sheets.render import draw
from sheets.sections.overview import beams_in_short


def beam(points: list[Dataset] | None = None, **attributes: object) -> Beam:
    """Read the one beam of a plan."""
    made = item(
        BeamNumber=3,
        BeamName="A",
        BeamType="STATIC",
        RadiationType="PHOTON",
        ControlPointSequence=points or [],
        **attributes,
    )
    (found,) = beams(item(BeamSequence=[made]))
    return found


def turning(*stops: tuple[float | None, str]) -> str:
    """Make control points with gantry angles and directions."""
    points = []
    for angle, way in stops:
        point = item(GantryRotationDirection=way) if way else Dataset()
        if angle is not None:
            point.GantryAngle = angle
        points.append(point)
    return beam(points).gantry


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (turning((30, "NONE"), (None, "")), "30°"),
        (turning((179, "CC"), (90, "CC"), (0, "CC"), (181, "NONE")), "179° CCW 181°"),
        (turning((181, "CW"), (None, ""), (179, "NONE")), "181° CW 179°"),
        (turning((181, "CW"), (0, "CW"), (179, "CC"), (0, "CC"), (181, "NONE")), "181° CW 179° CCW 181°"),
        (turning((0, "NONE"), (90, "NONE"), (180, "NONE")), "0° to 90° to 180°"),
        (turning(*((angle % 360, "CW") for angle in range(0, 1081, 40))), "0° CW 0° (3.0 turns)"),
        (turning(*((angle, "NONE") for angle in range(0, 360, 40))), "0°, then 8 rotations and steps to 320°"),
        (turning((138.54801, "CW"), (149.96, "NONE")), "138.5° CW 150°"),
        (turning((-0.01, "NONE"), (None, "")), "0°"),
        (turning((None, "")), ""),
    ],
)
def test_a_gantry_is_described_with_every_reversal_step_and_turn(told: str, says: str) -> None:
    """Not only start and end."""
    assert told == says


@pytest.mark.parametrize(
    ("axis", "stops", "says"),
    [
        ("BeamLimitingDevice", [(0, "CC"), (60, "NONE")], "0° CCW 60°"),
        ("PatientSupport", [(0, "CC"), (20, "CC"), (40, "CC"), (60, "NONE")], "0° CCW 60°"),
        ("PatientSupport", [(30, "CW"), (0, "CW"), (330, "NONE")], "30° CW 330°"),
        ("PatientSupport", [(90, "NONE"), (None, "")], "90°"),
    ],
)
def test_couch_and_collimator_never_make_turns(axis: str, stops: list[tuple[int | None, str]], says: str) -> None:
    """Their angles rise counter-clockwise, unlike that of the gantry: a short rotation was one of many turns."""
    points = [
        item(**({f"{axis}RotationDirection": way} if way else {}), **({f"{axis}Angle": at} if at is not None else {}))
        for at, way in stops
    ]
    found = beam(points)
    assert (found.collimator if axis == "BeamLimitingDevice" else found.couch) == says


@pytest.mark.parametrize(
    ("positions", "says"),
    [
        ([[1, 2, 3]], "1.0, 2.0, 3.0"),
        ([[1, 2, -0.01], None, [1, 2, -0.01]], "1.0, 2.0, 0.0"),
        ([[1, 2, -30], [1, 2, 0], [1, 2, 45.5]], "1.0, 2.0, -30.0 to 1.0, 2.0, 45.5"),
        ([[1, 2]], "not readable"),
        ([None], ""),
    ],
)
def test_an_isocentre_that_moves_with_the_couch_has_two_ends(positions: list[list[float] | None], says: str) -> None:
    """As in a helical treatment."""
    points = [item(IsocenterPosition=one) if one else Dataset() for one in positions]
    assert beam(points).isocentre == says


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        (
            {"WedgeSequence": [item(WedgeNumber=1, WedgeType="STANDARD", WedgeID="W30", WedgeAngle=30)]},
            "hard wedge W30 30°",
        ),
        ({"WedgeSequence": [item(WedgeNumber=1, WedgeType="DYNAMIC", WedgeAngle=45)]}, "dynamic wedge 45°"),
        ({"BlockSequence": [item(BlockType="APERTURE", BlockTrayID="T1")]}, "block aperture T1"),
        (
            {"ApplicatorSequence": [item(ApplicatorType="ELECTRON_SQUARE", ApplicatorID="A10")]},
            "applicator electron square A10",
        ),
        (
            {"ApplicatorSequence": [item(ApplicatorType="ELECTRON_RECT", ApplicatorID="A06_X10")]},
            "applicator electron rectangle A06_X10",
        ),
        ({"CompensatorSequence": [item(CompensatorID="C1")]}, "compensator C1"),
        ({"RangeModulatorSequence": [item(RangeModulatorType="WHL_MODWEIGHTS")]}, "range modulator (wheel, modulated)"),
        ({"ReferencedBolusSequence": [item(ReferencedROINumber=9)]}, "bolus"),
        (
            {"GeneralAccessorySequence": [item(GeneralAccessoryType="GRATICULE", GeneralAccessoryID="G")]},
            "accessory graticule G",
        ),
        (
            {"RangeShifterSequence": [item(RangeShifterID="RS5", RangeShifterType="BINARY")]},
            "range shifter (plates) RS5",
        ),
        (
            {"BeamLimitingDeviceSequence": [item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=60)]},
            "MLCX, 60 pairs",
        ),
        ({}, ""),
    ],
)
def test_nothing_that_shapes_a_beam_is_left_out(attributes: dict[str, list[Dataset]], says: str) -> None:
    """A wedged field must not look open."""
    assert beam(**attributes).devices == says


def test_a_wedge_that_stays_out_is_said_to() -> None:
    """It is listed in the beam, but no control point inserts it."""
    out = item(WedgePositionSequence=[item(ReferencedWedgeNumber=1, WedgePosition="OUT")])
    assert beam([out], WedgeSequence=[item(WedgeNumber=1, WedgeType="MOTORIZED")]).devices == (
        "motorized wedge (out of the beam)"
    )


@pytest.mark.parametrize(
    ("metersets", "unit", "says"),
    [
        ([120.5], "MU", "120.5"),
        ([120.5], None, "120.5"),
        ([120.5, 80], "MU", "120.5 / 80.0"),
        ([120.5, None], "MU", "120.5 / none"),
        ([1.5], "MINUTE", "1.5 min"),
        ([1e6], "NP", "1000000.0 particles"),
        ([None], "MU", ""),
        ([], "MU", ""),
    ],
)
def test_a_beam_tells_its_meterset_in_each_fraction_group_and_in_its_unit(
    metersets: list[float | None], unit: str | None, says: str
) -> None:
    """Minutes are no monitor units, and groups may differ."""
    groups = [
        item(ReferencedBeamSequence=[item(ReferencedBeamNumber=1, **({} if mu is None else {"BeamMeterset": mu}))])
        for mu in metersets
    ]
    one = item(BeamNumber=1, **({} if unit is None else {"PrimaryDosimeterUnit": unit}))
    (found,) = beams(item(BeamSequence=[one], FractionGroupSequence=groups))
    assert found.meterset == says


def test_layers_of_a_proton_beam_are_reported_as_a_range() -> None:
    """Forty energies are summarized, without listing each."""
    points = [item(NominalBeamEnergy=70 + 2 * layer) for layer in range(40)]
    made = item(BeamNumber=1, RadiationType="PROTON", IonControlPointSequence=points)
    (found,) = beams(item(IonBeamSequence=[made]))
    assert found.energy == "70 to 148 MeV proton, 40 energies"


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"RadiationAtomicNumber": 6, "RadiationMassNumber": 12}, "280 MeV/u carbon-12"),
        ({"RadiationAtomicNumber": 2}, "280 MeV/u helium"),
        ({}, "280 MeV/u ion"),
    ],
)
def test_ions_are_named_with_their_energy_per_nucleon(stated: dict[str, int], says: str) -> None:
    """As far as the plan names them."""
    made = item(BeamNumber=1, RadiationType="ION", IonControlPointSequence=[item(NominalBeamEnergy=280)], **stated)
    (found,) = beams(item(IonBeamSequence=[made]))
    assert found.energy == says


def test_sources_and_applications_of_brachytherapy_are_reported() -> None:
    """A plan without beams is not empty."""
    plan = item(
        BrachyTreatmentTechnique="INTRACAVITARY",
        BrachyTreatmentType="HDR",
        SourceSequence=[
            item(
                SourceIsotopeName="Ir-192", SourceType="LINE", SourceIsotopeHalfLife=73.83, ReferenceAirKermaRate=40700
            )
        ],
        ApplicationSetupSequence=[
            item(
                ApplicationSetupType="FLETCHER_SUIT",
                TotalReferenceAirKerma=3500,
                ChannelSequence=[item(ChannelTotalTime=100), item(ChannelTotalTime=50.5)],
            )
        ],
    )
    assert brachy_technique(plan) == "intracavitary HDR"
    assert sources(plan) == ["Ir-192, line, half-life 73.83 days, reference air kerma rate 40700 µGy/h at 1 m"]
    assert applications(plan) == [
        "fletcher suit, 2 channels, 150.5 s in total, total reference air kerma 3500 µGy at 1 m"
    ]


def dose(units: str, kind: str = "PHYSICAL", summation: str = "PLAN", highest: int = 8660) -> Dose:
    """Make a dose of eight voxels."""
    data = Dataset()
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.DoseUnits, data.DoseType, data.DoseSummationType, data.DoseGridScaling = units, kind, summation, 0.01
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.Rows, data.Columns, data.NumberOfFrames = [2, 2], 2, 2, 2
    data.GridFrameOffsetVector, data.BitsAllocated, data.BitsStored, data.HighBit = [0, 2], 32, 32, 31
    data.PixelRepresentation, data.SamplesPerPixel, data.PhotometricInterpretation = 0, 1, "MONOCHROME2"
    data.PixelData = np.linspace(0, highest, 8).astype("<u4").tobytes()
    data["PixelData"].VR = "OW"
    return Dose(data)


@pytest.mark.parametrize(
    ("made", "unit", "of_the_plan", "says"),
    [
        (dose("GY"), "Gy", True, "Gy, physical, of the whole plan"),
        (dose("RELATIVE"), "", False, "relative, not Gy, physical, of the whole plan"),
        (dose("GY", "EFFECTIVE"), "Gy", True, "Gy, effective: weighted by biological effect, of the whole plan"),
        (dose("GY", "ERROR"), "Gy", False, "Gy, a dose difference, not a dose, of the whole plan"),
        (dose("GY", summation="FRACTION"), "Gy", False, "Gy, physical, of one fraction group"),
        (dose("GY", summation="MULTI_PLAN"), "Gy", False, "Gy, physical, of several plans"),
        (dose("", "", ""), "", False, "units not stated, type not stated, summation type not stated"),
    ],
)
def test_a_dose_says_what_its_numbers_are(made: Dose, unit: str, of_the_plan: bool, says: str) -> None:
    """Doses not in Gy are not shown as Gy, and not every dose is comparable with the prescription."""
    assert (made.unit, made.of_the_plan, made.says) == (unit, of_the_plan, says)


def test_isodoses_are_per_cent_of_what_is_prescribed_and_round_doses_where_nothing_is() -> None:
    """Never per cent of the maximum."""
    assert [one.says for one in draw.levels(80, dose("GY"))] == [
        *("105 % = 84.0 Gy", "100 % = 80.0 Gy", "95 % = 76.0 Gy", "90 % = 72.0 Gy"),
        *("70 % = 56.0 Gy", "50 % = 40.0 Gy", "20 % = 16.0 Gy"),
    ]
    assert [one.says for one in draw.levels(None, dose("GY"))] == ["80 Gy", "60 Gy", "40 Gy", "20 Gy"]
    assert [one.says for one in draw.levels(None, dose("RELATIVE", highest=120))] == ["1", "0.8", "0.6", "0.4", "0.2"]
    assert draw.levels(80, None) == []


@pytest.mark.parametrize(
    ("part", "says"),
    [(1.0, "100 %"), (0.95, "95 %"), (0.98765, "98.8 %"), (0.0002, "< 0.1 %"), (0.0, "0 %"), (0.0051, "0.5 %")],
)
def test_a_percentage_has_no_digit_that_says_nothing(part: float, says: str) -> None:
    """100 % beside 95 %."""
    assert percent(part) == says


@pytest.mark.parametrize(
    ("metersets", "says"),
    [
        ([100.5, 80, None], "2 with meterset: 100.5 + 80.0, 1 without meterset"),
        ([None], "1 without meterset"),
        ([100] * 32, "32 with meterset, listed below"),
        ([], "none"),
    ],
)
def test_the_first_page_does_not_list_the_metersets_of_many_beams(metersets: list[float | None], says: str) -> None:
    """They took ten lines of a phone; the table of beams has them."""
    references = [
        item(ReferencedBeamNumber=number, **({} if mu is None else {"BeamMeterset": mu}))
        for number, mu in enumerate(metersets)
    ]
    plan = item(
        BeamSequence=[item(BeamNumber=number) for number, _ in enumerate(metersets)],
        FractionGroupSequence=[item(ReferencedBeamSequence=references)],
    )
    assert beams_in_short(beams(plan)) == says
