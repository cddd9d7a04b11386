"""A sheet gives the plan's prescription, and no other."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from sheets.read.beams import prescription

Beams = list[tuple[float, float | None]]


def plan(references: list[tuple[str, float]], groups: list[tuple[int | None, Beams]]) -> Dataset:
    """Make a plan from dose references (type, Gy) and fraction groups (fractions, beams as MU and Gy)."""
    made = Dataset()
    made.DoseReferenceSequence = [reference(*one) for one in references]
    made.FractionGroupSequence = [group(*one) for one in groups]
    return made


def reference(kind: str, gy: float) -> Dataset:
    """Make a dose reference."""
    made = Dataset()
    made.DoseReferenceType, made.TargetPrescriptionDose = kind, gy
    return made


def group(fractions: int | None, beams: Beams) -> Dataset:
    """Make a fraction group."""
    made = Dataset()
    made.NumberOfFractionsPlanned = fractions
    made.ReferencedBeamSequence = []
    for meterset, gy in beams:
        beam = Dataset()
        beam.BeamMeterset = meterset
        if gy is not None:
            beam.BeamDose = gy
        made.ReferencedBeamSequence.append(beam)
    return made


SIMPLE: Beams = [(100, None)]


@pytest.mark.parametrize(
    ("made", "total_gy", "says"),
    [
        (plan([("TARGET", 50)], [(25, SIMPLE)]), 50, "25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy"),
        (plan([("TARGET", 50), ("ORGAN_AT_RISK", 60)], [(25, SIMPLE)]), 50, "25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy"),
        (plan([("ORGAN_AT_RISK", 45)], [(25, SIMPLE)]), None, "no dose stated, 25 fractions"),
        (plan([], [(25, [(100, 1.5), (50, 0.5), (0, None)])]), 50, "25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy"),
        (plan([], [(25, [(100, 1.5), (50, None)])]), None, "no dose stated, 25 fractions"),
        (plan([("TARGET", 50)], [(None, SIMPLE)]), 50, "50 Gy"),
        (
            plan([("TARGET", 50)], [(25, [(100, 2.0)]), (8, [(90, 2.0)])]),
            None,
            (
                "50 Gy to a target by dose reference; fraction group: 25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy; "
                "fraction group: 8 \N{MULTIPLICATION SIGN} 2 Gy = 16 Gy"
            ),
        ),
        (
            plan([], [(25, SIMPLE), (8, SIMPLE)]),
            None,
            "fraction group: no dose stated, 25 fractions; fraction group: no dose stated, 8 fractions",
        ),
        (
            plan([("TARGET", 54), ("TARGET", 66), ("TARGET", 60), ("TARGET", 66)], [(33, SIMPLE)]),
            66,
            "33 \N{MULTIPLICATION SIGN} 2 Gy = 66 Gy; to other targets 60, 54 Gy",
        ),
        (
            plan([("TARGET", 50)], [(25, [(100, 1.5), (50, 0.3)])]),
            50,
            (
                "25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy; sum of its beam doses "
                "25 \N{MULTIPLICATION SIGN} 1.8 Gy = 45 Gy"
            ),
        ),
        (plan([("TARGET", 50)], [(25, [(100, 1.99)])]), 50, "25 \N{MULTIPLICATION SIGN} 2 Gy = 50 Gy"),
        (plan([], []), None, "none stated"),
        (plan([("TARGET", 0)], [(30, [(100, 2.0)])]), 60, "30 \N{MULTIPLICATION SIGN} 2 Gy = 60 Gy"),
        (plan([("TARGET", 0)], [(30, [(100, 0)])]), None, "no dose stated, 30 fractions"),
        (
            plan([("TARGET", 50), ("TARGET", 16)], [(25, SIMPLE), (8, SIMPLE)]),
            None,
            (
                "50, 16 Gy to targets by dose reference; fraction group: no dose stated, 25 fractions; "
                "fraction group: no dose stated, 8 fractions"
            ),
        ),
    ],
)
def test_what_is_stated_is_reported_and_nothing_is_added_up(made: Dataset, total_gy: float | None, says: str) -> None:
    """Percentages refer to the total, if there is one."""
    read = prescription(made)
    assert (read.total_gy, str(read)) == (total_gy, says)


@pytest.mark.parametrize(
    ("kind", "of_plan_gy", "beams_gy", "total_gy", "says", "source"),
    [
        ("TARGET", 0, None, 60, "30 \N{MULTIPLICATION SIGN} 2 Gy = 60 Gy", "the fraction group: its dose reference"),
        (
            *("TARGET", 0, 1.8, 60),
            "30 \N{MULTIPLICATION SIGN} 2 Gy = 60 Gy; sum of its beam doses 30 \N{MULTIPLICATION SIGN} 1.8 Gy = 54 Gy",
            "the fraction group: its dose reference",
        ),
        ("TARGET", 60, None, 60, "30 \N{MULTIPLICATION SIGN} 2 Gy = 60 Gy", "the dose reference of the plan"),
        (
            *("TARGET", 66, None, 66),
            "30 \N{MULTIPLICATION SIGN} 2.2 Gy = 66 Gy; 60 Gy by its fraction group",
            "the dose reference of the plan",
        ),
        ("ORGAN_AT_RISK", 0, None, None, "no dose stated, 30 fractions", "not stated"),
    ],
)
def test_a_fraction_group_may_prescribe_a_dose_to_a_dose_reference(
    kind: str, of_plan_gy: float, beams_gy: float | None, total_gy: float | None, says: str, source: str
) -> None:
    """(300A,0026) in the fraction group's Referenced Dose Reference Sequence, if that is not of an organ at risk."""
    made = plan([(kind, of_plan_gy)], [(30, [(100, beams_gy)])])
    made.DoseReferenceSequence[0].DoseReferenceNumber = 1
    prescribed = reference("", 60)
    prescribed.ReferencedDoseReferenceNumber = 1
    made.FractionGroupSequence[0].ReferencedDoseReferenceSequence = [prescribed]
    read = prescription(made)
    assert (read.total_gy, str(read), read.stated_in) == (total_gy, says, source)


@pytest.mark.parametrize(("doses_gy", "says"), [([7, 3], 40), ([7, None], None)])
def test_application_setups_of_brachytherapy_have_doses_as_beams_do(doses_gy: list[float | None], says: float) -> None:
    """(300A,00A4) *Brachy Application Setup Dose* of each, in each fraction."""
    made = plan([], [(4, [])])
    made.FractionGroupSequence[0].ReferencedBrachyApplicationSetupSequence = []
    for gy in doses_gy:
        setup = Dataset()
        setup.BrachyApplicationSetupDose = gy
        made.FractionGroupSequence[0].ReferencedBrachyApplicationSetupSequence.append(setup)
    assert prescription(made).total_gy == says
