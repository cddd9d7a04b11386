"""Beam accessories other than leaves and jaws, and brachytherapy sources, in a physicist's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.language import counted
from sheets.read.numbers import degrees, number, stated, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.read.numbers import Data


_WEDGES: Final = {
    "STANDARD": "hard wedge",
    "DYNAMIC": "dynamic wedge",
    "MOTORIZED": "motorized wedge",
    "PARTIAL_STANDARD": "partial hard wedge",
    "PARTIAL_MOTORIZ": "partial motorized wedge",
}
"""(300A,00D3) *Wedge Type*. PS3.3 C.8.8.14 and C.8.8.25."""

_OTHERS: Final = (
    ("ApplicatorSequence", "applicator", "ApplicatorType", "ApplicatorID"),
    ("BlockSequence", "block", "BlockType", "BlockTrayID"),
    ("IonBlockSequence", "block", "BlockType", "BlockTrayID"),
    ("CompensatorSequence", "compensator", "CompensatorType", "CompensatorID"),
    ("IonRangeCompensatorSequence", "range compensator", "", "CompensatorID"),
    ("ReferencedBolusSequence", "bolus", "", "BolusID"),
    ("GeneralAccessorySequence", "accessory", "GeneralAccessoryType", "GeneralAccessoryID"),
    ("SnoutSequence", "snout", "", "SnoutID"),
    ("RangeShifterSequence", "range shifter", "RangeShifterType", "RangeShifterID"),
    ("RangeModulatorSequence", "range modulator", "RangeModulatorType", "RangeModulatorID"),
    ("LateralSpreadingDeviceSequence", "spreader", "LateralSpreadingDeviceType", "LateralSpreadingDeviceID"),
)
"""Sequence of a beam, the accessory it describes, and the attributes that give its type and name."""

_KINDS: Final = {
    "ANALOG": "(continuous)",
    "BINARY": "(plates)",
    "FIXED": "(fixed)",
    "WHL_FIXEDWEIGHTS": "(wheel)",
    "WHL_MODWEIGHTS": "(wheel, modulated)",
    "ELECTRON_RECT": "electron rectangle",
    "ELECTRON_CIRC": "electron circle",
    "PHOTON_RECT": "photon rectangle",
    "PHOTON_CIRC": "photon circle",
}
"""Words for the defined terms of types that are not English. PS3.3 C.8.8.14, C.8.8.25."""

_WEDGE_POSITIONS: Final = (
    ("WedgePositionSequence", "WedgePosition"),
    ("IonWedgePositionSequence", "IonWedgePosition"),
)


def accessories(beam: Data, points: Sequence[Data]) -> list[str]:
    """Return the wedges, blocks, applicators and so on of a beam; wedges that stay out of the beam are marked."""
    named = [_wedge(one, points) for key in ("WedgeSequence", "IonWedgeSequence") for one in beam.get(key) or ()]
    for sequence, what, kind, name in _OTHERS:
        for one in beam.get(sequence) or ():
            words = [what, _words(str(one.get(kind) or "")) if kind else "", str(one.get(name) or "")]
            named.append(" ".join(word for word in words if word))
    return named


def _words(term: str) -> str:
    """Return a defined term in words."""
    return _KINDS.get(term, term.lower().replace("_", " "))


def _wedge(wedge: Data, points: Sequence[Data]) -> str:
    kind = str(wedge.get("WedgeType") or "")
    angle = number(wedge, "WedgeAngle")
    positions = {
        str(one.get(position) or "")
        for point in points
        for sequence, position in _WEDGE_POSITIONS
        for one in point.get(sequence) or ()
        if whole(one, "ReferencedWedgeNumber") == whole(wedge, "WedgeNumber")
    }
    parts = [_WEDGES.get(kind, f"wedge {kind}".strip()), str(wedge.get("WedgeID") or "")]
    parts += [degrees(angle)] if angle is not None else []
    parts += ["(out of the beam)"] if positions == {"OUT"} else []
    return " ".join(part for part in parts if part)


def sources(plan: Data) -> list[str]:
    """Return descriptions of the sources of a brachytherapy plan."""
    found = []
    for source in plan.get("SourceSequence") or ():
        parts = [
            str(source.get("SourceIsotopeName") or "isotope not stated"),
            str(source.get("SourceType") or "").lower(),
        ]
        if (half_life := number(source, "SourceIsotopeHalfLife")) is not None:
            parts.append(f"half-life {half_life:g} days")
        if (rate := number(source, "ReferenceAirKermaRate")) is not None:
            parts.append(f"reference air kerma rate {rate:g} µGy/h at 1 m")
        found.append(", ".join(part for part in parts if part))
    return found


def brachy_technique(plan: Data) -> str:
    """Return technique and type of a brachytherapy treatment: interstitial HDR. PS3.3 C.8.8.15."""
    technique, kind = (str(plan.get(f"BrachyTreatment{what}") or "") for what in ("Technique", "Type"))
    return f"{technique.lower()} {kind}".strip()


def applications(plan: Data) -> list[str]:
    """Return the application setups of a brachytherapy plan."""
    found = []
    for setup in plan.get("ApplicationSetupSequence") or ():
        parts = [str(setup.get("ApplicationSetupType") or "setup").lower().replace("_", " ")]
        channels = setup.get("ChannelSequence") or ()
        if channels:
            seconds = [time for one in channels if (time := number(one, "ChannelTotalTime")) is not None]
            parts.append(counted(len(channels), "channel") + (f", {sum(seconds):.1f} s in total" if seconds else ""))
        if stated(setup, "TotalReferenceAirKerma") and (total := number(setup, "TotalReferenceAirKerma")) is not None:
            parts.append(f"total reference air kerma {total:g} µGy at 1 m")
        found.append(", ".join(parts))
    return found
