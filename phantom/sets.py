"""Synthetic sets with everything that a real export has, for `anonymizer demo` and for the tests.

A set is a planning CT of a head and neck, its structures, a plan of two arcs and its dose. Identifiers are planted in
every place where clinics put them, and listed in the manifest, so that their removal can be verified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pydicom

from phantom import anatomy
from phantom.anatomy import Scan
from phantom.identifiers import Identifiers, Manifest, Planted
from phantom.images import ct_series, rt_dose
from phantom.plan import PRESCRIBED_GY, rt_plan
from phantom.structures import rt_structure_set
from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from phantom.anatomy import Organ

__all__ = ["Manifest", "Planted", "SyntheticSet", "build_set", "file_name", "write_demo", "write_set"]

#: The form of the demonstration.
DEMO_SETTINGS = """\
# Settings of this collection. They are read once for each set; a changed identity counts for new sets only.

[identity]
patient_id = "zzz_AnusGE"          # new patient ID: this and the index, zzz_AnusGE006
family_name = "AnusGE"             # new patient name: AnusGE006^First
first_name = "First"
hospital = "Demo Hospital"         # goes into the tracking file only
initial_index = 6

[plan]
machine = "VicRapidPlan"           # a descriptor of machines/, a list of them, or "keep"

[privacy]
patient_characteristics = "dose_model"  # age, sex, size and weight stay: what a dose model needs
"""


@dataclass
class SyntheticSet:
    """One patient's objects in memory, and the identifiers planted in them."""

    ct: list[Dataset]
    """Lowest slice first."""
    structure_set: Dataset
    plan: Dataset
    dose: Dataset
    folder: str
    """A realistic name of the patient's folder."""
    manifest: Manifest

    @property
    def objects(self) -> list[Dataset]:
        """Return all objects: CT, structure set, plan, dose."""
        return [*self.ct, self.structure_set, self.plan, self.dose]


def build_set(
    *,
    seed: int | str = 0,
    ct: int = 30,
    rois: int | Sequence[str] = 20,
    size: int = 512,
    points_per_contour: int = 64,
    dense: bool = False,
    control_points: int = 178,
    dose_bits: int = 32,
    family_name: str = "",
) -> SyntheticSet:
    """Return a set, which is determined by the arguments.

    Parameters
    ----------
    ct, size
        Number of slices, and pixels per side.
    rois
        Number of structures, or their names. Of eight or more, the last three are one without contours, one with the
        patient's name, and one with a date.
    dense
        Contour every structure on nearly every slice.
    control_points
        Number per arc.
    dose_bits
        32, or 16 for dciodvfy, which does not support 32.
    family_name
        Family name of the patient, instead of a made-up one.
    """
    ids = Identifiers(seed, family_name)
    scan = Scan(ct, size)
    organs = _organs(rois, ids)
    if dense:
        organs = [anatomy.everywhere(organ) for organ in organs]
    slices = ct_series(scan, ids)
    structure_set = rt_structure_set(scan, organs, ids, [one.SOPInstanceUID for one in slices], points_per_contour)
    plan = rt_plan(scan, organs, ids, structure_set.SOPInstanceUID, control_points)
    dose = rt_dose(
        scan,
        organs,
        ids,
        plan=plan.SOPInstanceUID,
        structure_set=structure_set.SOPInstanceUID,
        prescribed_gy=PRESCRIBED_GY,
        bits=dose_bits,
    )
    manifest = ids.manifest({"CT": slices[0], "RTSTRUCT": structure_set, "RTPLAN": plan, "RTDOSE": dose})
    return SyntheticSet(slices, structure_set, plan, dose, ids.folder, manifest)


def _organs(rois: int | Sequence[str], ids: Identifiers) -> list[Organ]:
    if not isinstance(rois, int) or rois < 8:
        return anatomy.choose(rois)
    target = anatomy.TARGET
    return [
        *anatomy.choose(rois - 3),
        anatomy.never_drawn("Bolus_05mm"),
        replace(target, name=f"z{ids.family_name}", kind="PTV", code=""),
        replace(target, name=f"opt {ids.spelt_day('plan', '%d.%m.%Y')}", kind="CONTROL", code=""),
    ]


_PREFIXES = {"CT": "CT", "RTSTRUCT": "RS", "RTPLAN": "RP", "RTDOSE": "RD"}


def file_name(data: Dataset) -> str:
    """Return an object's file name in the style of planning systems: `CT.<SOP Instance UID>.dcm`."""
    return f"{_PREFIXES.get(data.Modality, data.Modality)}.{data.SOPInstanceUID}.dcm"


def write_set(synthetic: SyntheticSet, folder: Path) -> None:
    """Write a set into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in synthetic.objects:
        pydicom.dcmwrite(folder / file_name(data), data, enforce_file_format=True)


def write_demo(
    root: Path, *, sets: int = 3, ct: int = 40, rois: int = 20, size: int = 512, seed: int = 0
) -> list[SyntheticSet]:
    """Create a collection ready to be anonymized: its settings, and a folder for each patient.

    Raises
    ------
    SettingsWrong
        `root` is not empty: demonstrations are never mixed with real data.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise SettingsWrong(f"{root} is not empty; name a folder that does not exist yet for the demonstration.")
    root.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(1, sets + 1):
        family_name = ""
        if number == 2:  # an umlaut, to test character sets and file systems
            family_name = re.sub("[aeiou]+", "ü", Identifiers(f"{seed}/umlaut").family_name, count=1)
        synthetic = build_set(seed=f"{seed}/{number}", ct=ct, rois=rois, size=size, family_name=family_name)
        write_set(synthetic, root / synthetic.folder)
        made.append(synthetic)
    (root / "collection.toml").write_text(DEMO_SETTINGS, encoding="utf-8")
    return made
