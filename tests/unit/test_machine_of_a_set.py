"""Plans of all kinds of machines: moved if possible, otherwise refused, without loss of dosimetric facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Sequence

from phantom.modules import item
from services.errors import SetRefused
from tests import sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import Edit, MadeSet

KEEP = {"machines": ()}
BOTH = {"machines": ("VicRapidPlan", "VicRapidPlanHD")}


def fluence_modes(plan: Dataset) -> list[tuple[str, str] | None]:
    """Return the fluence mode that each beam states, or None."""
    return [
        (beam.PrimaryFluenceModeSequence[0].FluenceMode, beam.PrimaryFluenceModeSequence[0].get("FluenceModeID", ""))
        if "PrimaryFluenceModeSequence" in beam
        else None
        for beam in plan.BeamSequence
    ]


@pytest.mark.parametrize("way", ["explicit", "implicit", "deflated"])
@pytest.mark.parametrize("options", [{}, KEEP], ids=["moved", "kept"])
def test_a_fluence_mode_stated_only_privately_is_kept(tmp_path: Path, way: str, options: dict[str, object]) -> None:
    """(3285,xx00) is removed with all private elements; without (3002,0050) the beam would count as flattened."""
    done = anonymized(tmp_path, sets.fluence(private_only=True), sets.encoded(way), **options)  # type: ignore[arg-type]
    assert fluence_modes(done.plan)[:2] == [("NON_STANDARD", "FFF")] * 2


def test_an_empty_fluence_mode_is_filled_from_the_private_element(tmp_path: Path) -> None:
    """As an absent one is, and the proof expects it."""

    def emptied(made: MadeSet) -> None:
        sets.fluence(private_only=True)(made)
        for beam in made.plan.BeamSequence:
            beam.PrimaryFluenceModeSequence = Sequence()

    done = anonymized(tmp_path, emptied)
    assert fluence_modes(done.plan)[:2] == [("NON_STANDARD", "FFF")] * 2


def test_a_stated_fluence_mode_stays(tmp_path: Path) -> None:
    """The private element adds nothing."""
    done = anonymized(tmp_path, sets.fluence())
    assert fluence_modes(done.plan) == fluence_modes(done.old["RTPLAN"])


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (sets.hd120, "machine-leaf-boundaries"),
        (sets.energy("4"), "machine-energy"),
        (sets.fluence("TOMO"), "machine-fluence-mode"),
        (sets.ion_plan, "machine-ion-plan"),
        (sets.brachy_plan, "machine-brachy-plan"),
    ],
)
def test_what_the_machine_lacks_is_refused(tmp_path: Path, edit: Edit, code: str) -> None:
    """With the specific code; nothing is written."""
    with pytest.raises(SetRefused) as refused:
        anonymized(tmp_path, edit)
    assert code in {fault.code for fault in refused.value.faults}
    assert not (tmp_path / "ANON_006").exists()


def test_the_first_machine_that_fits_takes_the_whole_plan(tmp_path: Path) -> None:
    """Plans with HD120 leaves get the machine that has them."""
    done = anonymized(tmp_path, sets.hd120, **BOTH)  # type: ignore[arg-type]
    assert {beam.TreatmentMachineName for beam in done.plan.BeamSequence} == {"VicRapidPlanHD"}
    done = anonymized(tmp_path / "millennium", **BOTH)  # type: ignore[arg-type]
    assert {beam.TreatmentMachineName for beam in done.plan.BeamSequence} == {"VicRapidPlan"}


def test_a_collection_that_only_warns_moves_the_plan(tmp_path: Path) -> None:
    """The plan is moved, and the difference is reported."""
    done = anonymized(tmp_path, sets.hd120, on_machine_mismatch="warn")
    assert {beam.TreatmentMachineName for beam in done.plan.BeamSequence} == {"VicRapidPlan"}
    assert any("leaves" in note or "leaf" in note for note in done.verdict.notes)


def test_electrons_keep_their_applicator(tmp_path: Path) -> None:
    """Its ID and type are dosimetric; its description is not."""
    for name, options in (("moved", {}), ("kept", KEEP)):
        done = anonymized(tmp_path / name, sets.electrons, **options)  # type: ignore[arg-type]
        (applicator,) = done.plan.BeamSequence[0].ApplicatorSequence
        assert {element.keyword: element.value for element in applicator} == {
            "ApplicatorID": "A10",
            "ApplicatorType": "ELECTRON_SQUARE",
        }


def test_a_wedge_keeps_its_id_angle_and_orientation(tmp_path: Path) -> None:
    """With its ID, angle and orientation."""
    done = anonymized(tmp_path, sets.wedge, **KEEP)  # type: ignore[arg-type]
    assert done.plan.BeamSequence[0].WedgeSequence == done.old["RTPLAN"].BeamSequence[0].WedgeSequence


def ion_devices(made: MadeSet) -> None:
    """Add devices specific to proton plans."""
    beam = made.plan.IonBeamSequence[0]
    beam.TreatmentMachineName = "Gantry2"
    beam.SnoutSequence = [item(SnoutID="S1", AccessoryCode="")]
    beam.RangeShifterSequence = [item(RangeShifterNumber=1, RangeShifterID="RS5", RangeShifterType="BINARY")]
    beam.IonControlPointSequence[0].ScanSpotTuneID = "4.0"
    beam.IonControlPointSequence[0].ScanSpotMetersetWeights = [1.0, 2.0]


def test_an_ion_plan_is_published_with_its_machine(tmp_path: Path) -> None:
    """With its beam-shaping devices."""
    done = anonymized(tmp_path, sets.ion_plan, ion_devices, **KEEP)  # type: ignore[arg-type]
    beam, old = done.plan.IonBeamSequence[0], done.old["RTPLAN"].IonBeamSequence[0]
    for keyword in ("TreatmentMachineName", "SnoutSequence", "RangeShifterSequence", "ScanMode"):
        assert beam[keyword].value == old[keyword].value
    assert beam.IonControlPointSequence[0].ScanSpotTuneID == "4.0"
    assert list(beam.IonControlPointSequence[0].ScanSpotMetersetWeights) == [1.0, 2.0]


def test_a_brachy_plan_is_published_with_its_machine(tmp_path: Path) -> None:
    """Afterloader, source and its dates, which move like all others, so that the decay is preserved."""

    def calibrate(made: MadeSet) -> None:
        (source,) = made.plan.SourceSequence
        source.SourceStrengthReferenceDate, source.SourceStrengthReferenceTime = "20170503", "1200"
        source.ReferenceAirKermaRate = "40700"

    done = anonymized(tmp_path, sets.brachy_plan, calibrate, **KEEP)  # type: ignore[arg-type]
    (machine,), (source,) = done.plan.TreatmentMachineSequence, done.plan.SourceSequence
    assert (machine.TreatmentMachineName, machine.Manufacturer) == ("Afterloader7", "Varian")
    assert "InstitutionName" not in machine
    assert (source.SourceIsotopeName, source.ReferenceAirKermaRate) == ("Ir-192", 40700)
    assert source.SourceStrengthReferenceDate < "20170503"
