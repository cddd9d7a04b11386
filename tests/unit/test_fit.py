"""Which plans can be moved to another machine."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file

from services.dicom import dataset as view
from services.dicom import part10
from services.dicom.dataset import View
from services.dicom.elements import Parser
from services.machines.descriptor import find, folders
from services.machines.fit import Finding, fit, fit_first, sentences, treatment_beams
from services.machines.fluence import Fluence, fluence_of, private_fluence

MILLENNIUM = find("VicRapidPlan", folders())
HD = find("VicRapidPlanHD", folders())
CREATOR = "Varian Medical Systems VISION 3285"


def data_set(**values: object) -> Dataset:
    """Make a data set from keywords."""
    result = Dataset()
    for keyword, value in values.items():
        setattr(result, keyword, value)
    return result


def positions(kind: str, *values: float) -> Dataset:
    """Make one item of jaw or leaf positions."""
    return data_set(RTBeamLimitingDeviceType=kind, LeafJawPositions=list(values))


def leaf_device(boundaries: tuple[float, ...] | None, kind: str = "MLCX", pairs: int = 60) -> Dataset:
    """Declare leaves."""
    device = data_set(RTBeamLimitingDeviceType=kind, NumberOfLeafJawPairs=pairs)
    if boundaries:
        device.LeafPositionBoundaries = list(boundaries)
    return device


def treatment_beam(number: int = 1, *, energy: object = 6, dose_rate: object = 600, **changes: object) -> Dataset:
    """Make a beam that fits `MILLENNIUM` except for the given attributes."""
    first = data_set(
        NominalBeamEnergy=energy,
        DoseRateSet=dose_rate,
        BeamLimitingDevicePositionSequence=[
            positions("ASYMX", -50, 50),
            positions("ASYMY", -100, 102),
            positions("MLCX", *[-20] * 60, *[20] * 60),
        ],
    )
    beam = data_set(
        Manufacturer="Varian Medical Systems",
        ManufacturerModelName="TDS",
        SourceAxisDistance=1000,
        BeamNumber=number,
        BeamName="Mrs Miller's arc",
        RadiationType="PHOTON",
        TreatmentDeliveryType="TREATMENT",
        BeamLimitingDeviceSequence=[
            data_set(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
            data_set(RTBeamLimitingDeviceType="ASYMY", NumberOfLeafJawPairs=1),
            leaf_device(MILLENNIUM.mlcs[0].boundaries_mm),
        ],
        ControlPointSequence=[first, data_set(CumulativeMetersetWeight=1)],
    )
    beam.update(data_set(**changes))
    return beam


def rt_plan(*beams: Dataset, metersets: dict[int, float | None] | None = None, **values: object) -> View:
    """Write a plan and read it like the product; each beam has a meterset by default."""
    if metersets is None:
        metersets = {int(beam.BeamNumber): 100.0 for beam in beams}
    references = [
        data_set(ReferencedBeamNumber=number) if mu is None else data_set(ReferencedBeamNumber=number, BeamMeterset=mu)
        for number, mu in metersets.items()
    ]
    return as_view(
        data_set(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5",
            FractionGroupSequence=[data_set(ReferencedBeamSequence=references)],
            BeamSequence=list(beams),
            **values,
        )
    )


def as_view(dataset: Dataset, *, implicit: bool = False) -> View:
    """Encode a data set and view it."""
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    data = buffer.getvalue()
    return View(data, Parser(data, implicit=implicit).top_level(0), ())


def with_positions(*items: Dataset, **changes: object) -> Dataset:
    """Make a beam with these positions in its second control point."""
    beam = treatment_beam(**changes)
    beam.ControlPointSequence[1].BeamLimitingDevicePositionSequence = list(items)
    return beam


def fluence(mode: str, mode_id: str = "") -> list[Dataset]:
    """Make the standard's fluence sequence."""
    item = data_set(FluenceMode=mode)
    if mode_id:
        item.FluenceModeID = mode_id
    return [item]


def test_a_plan_that_fits_has_nothing_to_report() -> None:
    """Two arcs on their original machine."""
    result = fit(rt_plan(treatment_beam(1), treatment_beam(2)), MILLENNIUM)
    assert (result.fits, result.can_be_moved, result.blocks, result.differs) == (True, True, (), ())


@pytest.mark.parametrize(
    ("beam", "code", "sentence"),
    [
        (
            treatment_beam(3, RadiationType="PROTON"),
            "radiation-type",
            "Beam 3 has the radiation type PROTON; VicRapidPlan has PHOTON, ELECTRON.",
        ),
        (treatment_beam(RadiationType=""), "radiation-type", "radiation type (not stated)"),
        (
            treatment_beam(energy=4),
            "energy",
            "Beam 1 uses 4 MV photons; VicRapidPlan has 6X, 10X, 15X, 18X, 6X-FFF, 10X-FFF, 6X-SRS.",
        ),
        (treatment_beam(energy=5, RadiationType="ELECTRON"), "energy", "uses 5 MeV electrons"),
        (treatment_beam(energy=None), "energy-not-stated", "does not state its energy"),
        (
            treatment_beam(energy=15, PrimaryFluenceModeSequence=fluence("NON_STANDARD", "FFF")),
            "fluence-mode",
            "uses 15 MV photons with the fluence mode FFF",
        ),
        (
            treatment_beam(PrimaryFluenceModeSequence=fluence("NON_STANDARD")),
            "fluence-mode",
            "with a non-standard fluence of no name",
        ),
        (
            treatment_beam(BeamLimitingDeviceSequence=[leaf_device(HD.mlcs[0].boundaries_mm)]),
            "leaf-boundaries",
            "Beam 1 has leaf boundaries up to 90 mm away from those of the Millennium 120 of VicRapidPlan.",
        ),
        (
            treatment_beam(BeamLimitingDeviceSequence=[leaf_device(tuple(range(-200, 201, 10)), pairs=40)]),
            "leaf-boundaries",
            "has 40 leaf pairs; the Millennium 120 of VicRapidPlan has 60.",
        ),
        (treatment_beam(BeamLimitingDeviceSequence=[leaf_device(None, pairs=80)]), "leaf-boundaries", "has 80 leaf"),
        (
            treatment_beam(BeamLimitingDeviceSequence=[leaf_device(None, "MLCY", 40)]),
            "leaf-boundaries",
            "has leaves of the type MLCY, which",
        ),
        (with_positions(positions("MLCX", *[0] * 80)), "leaf-positions", "does not give 120 leaf positions"),
        (
            with_positions(positions("ASYMX", -50, -22.5)),
            "jaw-travel",
            "Beam 1 has a jaw X2 at -22.5 mm; VicRapidPlan allows -20 to 200 mm.",
        ),
        (with_positions(positions("Y", -203, 50)), "jaw-travel", "has a jaw Y1 at -203 mm"),
        (
            with_positions(positions("MLCX", *[150] * 60, *[150] * 59, 201)),
            "leaf-travel",
            "Beam 1 has a leaf at 201 mm; VicRapidPlan allows -200 to 200 mm.",
        ),
        (treatment_beam(SourceAxisDistance=800), "source-axis-distance", "has a source-axis distance of 800 mm"),
        (
            treatment_beam(ApplicatorSequence=[data_set(ApplicatorID="C 10", ApplicatorType="STEREOTACTIC")]),
            "cone",
            "uses the cone C 10, which VicRapidPlan does not have.",
        ),
        (
            treatment_beam(
                RadiationType="ELECTRON",
                ApplicatorSequence=[data_set(ApplicatorID="14x14", ApplicatorType="ELECTRON_SQUARE")],
            ),
            "applicator",
            "uses the applicator 14x14",
        ),
        (
            treatment_beam(WedgeSequence=[data_set(WedgeType="MOTORIZED", WedgeAngle=60)]),
            "wedge",
            "uses a wedge of 60° (MOTORIZED), which VicRapidPlan does not have.",
        ),
        (treatment_beam(WedgeSequence=[data_set(WedgeType="DYNAMIC", WedgeAngle=40)]), "wedge", "a wedge of 40°"),
    ],
)
def test_what_the_machine_does_not_have_blocks(beam: Dataset, code: str, sentence: str) -> None:
    """Exactly one finding, with the beam's number and never its name."""
    result = fit(rt_plan(beam), MILLENNIUM)
    assert [finding.code for finding in result.blocks] == [code]
    assert not result.fits
    assert result.can_be_moved
    assert result.blocks[0].beam_number == beam.BeamNumber
    assert sentence in result.blocks[0].sentence
    assert "Miller" not in result.blocks[0].sentence


@pytest.mark.parametrize(
    ("beam", "code", "sentence"),
    [
        (
            treatment_beam(ManufacturerModelName="2300IX"),
            "model",
            "names the model 2300IX; that of VicRapidPlan is TDS.",
        ),
        (treatment_beam(Manufacturer="Elekta"), "manufacturer", "names the manufacturer Elekta"),
        (treatment_beam(dose_rate=None), "dose-rate-not-stated", "states no dose rate, or 0."),
        (treatment_beam(dose_rate=0), "dose-rate-not-stated", "states no dose rate, or 0."),
        (treatment_beam(dose_rate=1400), "dose-rate-unlisted", "1400 MU/min; VicRapidPlan has up to 600"),
        (treatment_beam(SourceAxisDistance=1000.5), "source-axis-distance", "1000.5 mm"),
        (with_positions(positions("ASYMX", -50, -21)), "jaw-travel", "jaw X2 at -21 mm"),
        (with_positions(positions("MLCX", *[-200.4] * 60, *[-100] * 60)), "leaf-travel", "leaf at -200.4 mm"),
        (with_positions(positions("MLCX", *[-100] * 59, 60, *[100] * 60)), "leaf-span", "160 mm apart"),
        (treatment_beam(BeamLimitingDeviceSequence=[leaf_device(None)]), "leaf-boundaries-not-stated", "no boundaries"),
        (
            treatment_beam(CompensatorSequence=[data_set(CompensatorNumber=1, MaterialID="BRASS")]),
            "compensator",
            "uses a compensator of BRASS",
        ),
    ],
)
def test_importable_differences_are_recorded_and_do_not_block(beam: Dataset, code: str, sentence: str) -> None:
    """It is recorded, and the set published."""
    result = fit(rt_plan(beam), MILLENNIUM)
    assert result.fits
    assert [finding.code for finding in result.differs] == [code]
    assert sentence in result.differs[0].sentence


@pytest.mark.parametrize(
    "beam",
    [
        treatment_beam(energy="6.00"),
        treatment_beam(energy=10, dose_rate=2400, PrimaryFluenceModeSequence=fluence("NON_STANDARD", "FFF")),
        treatment_beam(PrimaryFluenceModeSequence=fluence("STANDARD")),
        treatment_beam(manufacturer="", Manufacturer="", ManufacturerModelName=""),
        treatment_beam(
            energy=9,
            RadiationType="ELECTRON",
            ApplicatorSequence=[data_set(ApplicatorID="a06x10", ApplicatorType="ELECTRON_SQUARE")],
        ),
        treatment_beam(WedgeSequence=[data_set(WedgeType="DYNAMIC", WedgeAngle=30)]),
        treatment_beam(WedgeSequence=[data_set(WedgeType="STANDARD", WedgeAngle="")]),
        # Some systems write the fluence of a modulated beam as a compensator: no hardware.
        treatment_beam(
            CompensatorSequence=[data_set(CompensatorNumber=1, CompensatorTransmissionData=[0.5, 1])],
            NumberOfCompensators=1,
        ),
        with_positions(positions("MLCX", *[-150.07] * 60, *[-150.07] * 60)),
        with_positions(positions("ASYMX", -200.0005, 200)),
    ],
)
def test_what_the_machine_has_is_no_finding(beam: Dataset) -> None:
    """Energies as numbers, leading zeros of applicators, parked leaves, compensators that carry fluence."""
    result = fit(rt_plan(beam), MILLENNIUM)
    assert (result.blocks, result.differs) == ((), ())


def test_a_setup_field_and_a_port_film_are_not_held_against_the_machine() -> None:
    """They are moved with the others; a kV image in no fraction group is no treatment either."""
    plan = rt_plan(
        treatment_beam(1),
        treatment_beam(2, energy=2.5, TreatmentDeliveryType="SETUP"),
        treatment_beam(3, energy=2.5, TreatmentDeliveryType="OPEN_PORTFILM"),
        treatment_beam(4, energy=2.5, TreatmentDeliveryType="TRMT_PORTFILM"),
        treatment_beam(5, TreatmentDeliveryType=""),
        treatment_beam(6, TreatmentDeliveryType="CONTINUATION"),
        treatment_beam(7, energy=0.125, TreatmentDeliveryType=""),
        metersets={1: 100, 2: 0, 3: 2, 4: None, 5: 50},
    )
    assert [beam.number("BeamNumber") for beam in treatment_beams(plan)] == [1, 5, 6]
    assert fit(plan, MILLENNIUM).fits


@pytest.mark.parametrize(
    ("beam", "metersets"),
    [
        (treatment_beam(1, energy=2.5, TreatmentDeliveryType=""), {1: None}),  # neither is stated
        (treatment_beam(1, energy=2.5, TreatmentDeliveryType=""), {1: 0}),
        (treatment_beam(1, energy=2.5, TreatmentDeliveryType=""), {}),  # in no fraction group, and of MV
        (treatment_beam(1, energy=99, TreatmentDeliveryType=""), {}),
        (treatment_beam(1, energy=0, TreatmentDeliveryType=""), {}),
        (treatment_beam(1, energy="", TreatmentDeliveryType=""), {}),
        (treatment_beam(1, energy=0.3, TreatmentDeliveryType=""), {1: None}),  # kV, and of a fraction group
        (treatment_beam(1, energy=0.3, TreatmentDeliveryType="TREATMENT"), {}),
        (treatment_beam(1, energy=0.3, RadiationType="ELECTRON", TreatmentDeliveryType=""), {}),
    ],
)
def test_a_beam_that_does_not_say_whether_it_treats_is_checked(beam: Dataset, metersets: dict[int, float]) -> None:
    """Delivery type and meterset are optional; a beam without either is not a setup field."""
    plan = rt_plan(beam, metersets=metersets)
    assert [beam.number("BeamNumber") for beam in treatment_beams(plan)] == [1]
    assert not fit(plan, MILLENNIUM).fits


def test_a_plan_without_fraction_groups_is_checked() -> None:
    """Without any, no beam can be in one."""
    plan = as_view(data_set(BeamSequence=[treatment_beam(1, energy=4, TreatmentDeliveryType="")]))
    assert [finding.code for finding in fit(plan, MILLENNIUM).blocks] == ["energy"]


def test_what_is_true_of_several_beams_is_one_sentence() -> None:
    """It names the beams, and those that do not state whether they treat."""
    plan = rt_plan(
        *(treatment_beam(number, energy=4, TreatmentDeliveryType="") for number in (1, 2, 3)),
        treatment_beam(4, energy=8),
        metersets={1: None, 2: None, 3: 90, 4: 100},
    )
    ours = "VicRapidPlan has 6X, 10X, 15X, 18X, 6X-FFF, 10X-FFF, 6X-SRS."
    assert sentences(fit(plan, MILLENNIUM))["energy"] == [
        f"Beam 1 uses 4 MV photons; {ours} The same is true of beams 2 and 3.",
        f"Beam 4 uses 8 MV photons; {ours}",
        " ".join(
            f"Beam {number} states neither a delivery type nor a meterset, so it may be a treatment beam."
            for number in (1, 2)
        ),
    ]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.8", "IonBeamSequence": [data_set(BeamNumber=1)]}, "ion-plan"),
        (
            {"BrachyTreatmentType": "HDR", "ApplicationSetupSequence": [data_set(ApplicationSetupNumber=1)]},
            "brachy-plan",
        ),
    ],
)
def test_an_ion_or_brachy_plan_can_only_keep_its_machine(values: dict[str, object], code: str) -> None:
    """No option moves it, and the sentence gives the remedy."""
    result = fit(as_view(data_set(**values)), MILLENNIUM)
    assert [finding.code for finding in result.blocks] == [code]
    assert 'machine = "keep"' in result.blocks[0].sentence
    assert not result.can_be_moved


@pytest.mark.parametrize("keyword", ["GantryAngle", "BeamLimitingDeviceAngle", "PatientSupportAngle"])
@pytest.mark.parametrize(
    ("angle", "blocks", "differs"),
    [(0, 0, 0), (359.9, 0, 0), (360, 0, 0), (-90, 0, 1), (-180.1, 1, 0), (360.1, 1, 0), (581, 1, 0)],
)
def test_an_angle_that_no_machine_reaches_blocks(keyword: str, angle: float, blocks: int, differs: int) -> None:
    """At any control point."""
    beam = treatment_beam()
    setattr(beam.ControlPointSequence[1], keyword, angle)
    result = fit(rt_plan(beam), MILLENNIUM)
    assert (len(result.blocks), len(result.differs)) == (blocks, differs)


def test_a_meterset_in_minutes_blocks() -> None:
    """It would be read as monitor units."""
    (finding,) = fit(rt_plan(treatment_beam(PrimaryDosimeterUnit="MINUTE")), MILLENNIUM).blocks
    assert finding.code == "meterset-unit"
    assert fit(rt_plan(treatment_beam(PrimaryDosimeterUnit="MU")), MILLENNIUM).fits


def test_the_first_machine_that_fits_takes_the_whole_plan() -> None:
    """Plans with HD120 leaves get the HD machine, and no plan is split."""
    millennium = treatment_beam(1)
    hd = treatment_beam(2, BeamLimitingDeviceSequence=[leaf_device(HD.mlcs[0].boundaries_mm)])
    assert fit_first(rt_plan(millennium), [HD, MILLENNIUM]).machine is MILLENNIUM
    assert fit_first(rt_plan(hd), [MILLENNIUM, HD]).machine is HD
    mixed = fit_first(rt_plan(millennium, hd), [MILLENNIUM, HD])
    assert mixed.machine is MILLENNIUM
    assert [finding.beam_number for finding in mixed.blocks] == [2]
    with pytest.raises(ValueError, match="empty"):
        fit_first(rt_plan(millennium), [])


def test_when_none_fits_the_nearest_is_reported() -> None:
    """So the refusal names what is actually missing."""
    beam = treatment_beam(energy=4, BeamLimitingDeviceSequence=[leaf_device(HD.mlcs[0].boundaries_mm)])
    result = fit_first(rt_plan(beam), [MILLENNIUM, HD])
    assert (result.machine, [finding.code for finding in result.blocks]) == (HD, ["energy"])


def test_a_real_plan_of_another_maker_is_reported_in_plain_words() -> None:
    """A pydicom sample with jaws and without leaves."""
    plan = view.root_view(part10.read(Path(str(get_testdata_file("rtplan.dcm")))))
    result = fit(plan, MILLENNIUM)
    assert result.blocks == ()
    assert result.differs == (
        Finding(
            1,
            "manufacturer",
            "Beam 1 names the manufacturer Linac co.; that of VicRapidPlan is Varian Medical Systems.",
        ),
        Finding(1, "model", "Beam 1 names the model Zapper9000; that of VicRapidPlan is TDS."),
        Finding(
            1,
            "dose-rate-unlisted",
            "Beam 1 has a dose rate of 650 MU/min; VicRapidPlan has up to 600 at this energy.",
        ),
    )


def private_twin(mode: str, mode_id: str, *, creator_inside: bool, block: int = 0x10) -> Dataset:
    """Make a beam with only the private fluence."""
    item = Dataset()
    if creator_inside:
        item.add_new((0x3285, block), "LO", CREATOR)
    item.add_new((0x3285, block << 8 | 0x01), "CS", mode)
    if mode_id:
        item.add_new((0x3285, block << 8 | 0x02), "SH", mode_id)
    beam = data_set(BeamNumber=1)
    beam.add_new((0x3285, block), "LO", CREATOR)
    beam.add_new((0x3285, block << 8), "SQ", [item])
    return beam


def as_unknown_vr(beam: Dataset, block: int = 0x10) -> Dataset:
    """Encode the private sequence as UN of known length, with implicit VR inside (PS3.5 6.2.2)."""
    buffer = BytesIO()
    inner = Dataset()
    inner[0x3285, block << 8] = beam[0x3285, block << 8]
    inner.save_as(buffer, implicit_vr=True, little_endian=True, enforce_file_format=False)
    result = data_set(BeamNumber=1)
    result.add_new((0x3285, block), "LO", CREATOR)
    result.add_new((0x3285, block << 8), "UN", buffer.getvalue()[8:])
    return result


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("unknown_vr", [False, True])
@pytest.mark.parametrize("creator_inside", [False, True])
@pytest.mark.parametrize("block", [0x10, 0x27])
def test_the_private_twin_is_read_where_the_standard_statement_is_absent(
    implicit: bool, unknown_vr: bool, creator_inside: bool, block: int
) -> None:
    """As SQ or UN, in any block, with or without a creator inside the item."""
    beam = private_twin("NON_STANDARD", "FFF", creator_inside=creator_inside, block=block)
    beam = as_unknown_vr(beam, block) if unknown_vr else beam
    assert fluence_of(as_view(beam, implicit=implicit)) == Fluence("NON_STANDARD", "FFF")


def test_the_standard_statement_comes_before_the_private_one_and_no_statement_is_standard() -> None:
    """PS3.3 C.8.8.14."""
    beam = private_twin("NON_STANDARD", "FFF", creator_inside=True)
    beam.PrimaryFluenceModeSequence = fluence("NON_STANDARD", "SRS")
    assert fluence_of(as_view(beam)) == Fluence("NON_STANDARD", "SRS")
    assert fluence_of(as_view(data_set(BeamNumber=1))) == Fluence("STANDARD", "")
    assert private_fluence(as_view(data_set(BeamNumber=1))) is None
    assert fluence_of(as_view(private_twin("STANDARD", "", creator_inside=True))).is_standard


def test_a_private_twin_that_cannot_be_read_is_not_taken_for_the_standard_fluence() -> None:
    """It would change the dose."""
    beam = data_set(BeamNumber=1)
    beam.add_new((0x3285, 0x10), "LO", CREATOR)
    beam.add_new((0x3285, 0x1000), "UN", b"no items")
    assert fluence_of(as_view(beam)) == Fluence("NON_STANDARD", "")


def test_the_private_block_of_another_creator_is_ignored() -> None:
    """PS3.5 7.8.1: a block number is meaningless without its creator."""
    beam = private_twin("NON_STANDARD", "FFF", creator_inside=False)
    beam[0x3285, 0x10].value = "SOMEBODY ELSE"
    assert fluence_of(as_view(beam)).is_standard


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("general", "general knowledge that nobody measured; machines/README.md says how to check it"),
        ("seen", "seen in plans of such machines."),
        ("measured 2026-11", "from: measured 2026-11."),
    ],
)
def test_a_refusal_says_once_where_the_descriptor_has_its_number_from(source: str, words: str) -> None:
    """A leaf at 201 mm on the HD120 exceeds a limit that was not measured."""
    mlc = replace(HD.mlcs[0], leaf_source=source)
    leaves = positions("MLCX", *[150] * 60, *[150] * 59, 201)
    plan = rt_plan(*(with_positions(leaves, number=number) for number in (1, 2)), metersets={1: 90, 2: 90})
    *_, told = sentences(fit(plan, replace(HD, mlcs=(mlc,))))["leaf-travel"]
    assert told.startswith("The descriptor has this number from: ")
    assert words in told


def test_a_number_without_a_source_is_not_explained() -> None:
    """A centre's own descriptor need not state it."""
    mlc = replace(HD.mlcs[0], leaf_source="")
    plan = rt_plan(with_positions(positions("MLCX", *[150] * 60, *[150] * 59, 201)))
    assert sentences(fit(plan, replace(HD, mlcs=(mlc,))))["leaf-travel"] == [
        "Beam 1 has a leaf at 201 mm; VicRapidPlanHD allows -200 to 200 mm."
    ]


@pytest.mark.parametrize("stated", [40, None])
def test_positions_are_counted_against_the_boundaries(stated: int | None) -> None:
    """Whatever the beam states as the number of pairs beside them."""
    beam = with_positions(positions("MLCX", *[-20] * 40, *[20] * 40))
    beam.BeamLimitingDeviceSequence[2].NumberOfLeafJawPairs = stated
    assert [finding.code for finding in fit(rt_plan(beam), MILLENNIUM).blocks] == ["leaf-positions"]


def test_beams_without_a_number_are_told_without_one() -> None:
    """Once, beside those that have one."""
    beams = [treatment_beam(number, energy=4) for number in (1, 2, 3, 4)]
    for beam in beams[1:3]:
        del beam.BeamNumber
    (told,) = sentences(fit(rt_plan(*beams, metersets={1: 100.0, 4: 100.0}), MILLENNIUM)).values()
    assert (told[0].count("A beam without a number"), "Beam 4" in told[0], "None" in told[0]) == (1, True, False)
