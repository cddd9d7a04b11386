"""Assessment of who could be re-identified by the data kept in a collection; for internal use only.

Whoever knows that a person is among the sets can search by age, sex and site, and finds a person whose combination is
unique. A face can be reconstructed from a CT that reaches above the chin.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from services.store.records import folder_name
from services.vocabulary.structure_names import propose
from sheets.read.ct_volume import AXIAL
from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sheets.examination.findings import Findings
    from sheets.read.contours import Structure
    from sheets.render.page import Block

NOT_STATED: Final = "not stated"
_BAND_YEARS: Final = 10
_OLDEST: Final = 90

_OF_SITES: Final = {
    "brain": "Brain Cerebellum Cerebrum Pituitary Hippocampus Hippocampi Lobe_Temporal Lobe_Frontal",
    "head and neck": "Parotid Parotids Glnd_Submand Glnd_Submands Glnd_Thyroid Larynx Glottis Pharynx Musc_Constrict "
    "Cavity_Oral Lips Tongue Bone_Mandible Joint_TM A_Carotid BrachialPlex",
    "thorax": "Esophagus Trachea Lung Lungs Heart Pericardium Atrium Ventricle A_LAD A_Pulmonary GreatVes Carina "
    "Chestwall Breast Breasts Nipple Sternum Clavicle Scapula",
    "abdomen": "Liver Gallbladder Stomach Spleen Kidney Kidneys Glnd_Adrenal Pancreas Duodenum",
    "pelvis": "Colon_Sigmoid Rectum Canal_Anal Anus Bladder Bladder_Wall Rectum_Wall Prostate SeminalVes PenileBulb "
    "Urethra Penis Testis Uterus Cervix Vagina Ovary Femur Femur_Head Bone_Pelvic Sacrum SacralPlex",
}
_SITE_OF: Final = {name: site for site, names in _OF_SITES.items() for name in names.split()}
_OF_FACE: Final = frozenset(
    ("Eye", "Eyes", "Lens", "Retina", "Cornea", "Glnd_Lacrimal", "OpticNrv", "Cavity_Oral", "Lips", "Bone_Mandible")
)
_ABOVE_CHIN: Final = _OF_FACE.union(
    _OF_SITES["brain"].split(),
    ("Brainstem", "OpticChiasm", "Cochlea", "Ear_Internal", "Ear_Middle", "Parotid", "Parotids", "Joint_TM"),
)
"""Organs at whose level the CT includes the skin of the face or head."""

_TO_CHIN_MM: Final = {"Lung": 110, "Lungs": 110, "Clavicle": 110, "Glnd_Thyroid": 70, "Glottis": 60, "Larynx": 40}
"""How far above the top of an organ the chin is, in adults, and some to spare.

It is level with the third cervical vertebra, the top of the larynx with the fourth, that of the thyroid with the fifth,
the lungs with the first thoracic one; a vertebra and its disc measure 20 mm.
"""


def of_set(findings: Findings) -> dict[str, Any]:
    """Return the quasi-identifiers of a set: age band, sex, site, and whether the CT shows a face."""
    plan = findings.after.objects.plan
    drawn = [organ for one in findings.after.structures if one.drawn for organ in _organs(one)]
    sites = Counter(_SITE_OF[organ] for organ in drawn if organ in _SITE_OF)
    most = max(sites.values(), default=0)
    return {
        "age_band": _band(str(plan.get("PatientAge") or "")),
        "sex": str(plan.get("PatientSex") or "") or NOT_STATED,
        "site": next((site for site in _OF_SITES if most and sites[site] == most), "not known"),
        "face": not _ABOVE_CHIN.isdisjoint(drawn),
        "may_show_face": _may_reach_chin(findings),
    }


def _may_reach_chin(findings: Findings) -> bool:
    """Return whether the CT extends so far above an organ of neck or chest that it contains the chin."""
    objects = findings.after.objects
    if objects.frame.stacked != AXIAL or not len(objects.slices_mm):
        return False
    top_mm = float(objects.slices_mm[-1])
    return any(
        top_mm >= float(one.ends[1][AXIAL]) + _TO_CHIN_MM[organ]
        for one in findings.after.structures
        if one.drawn
        for organ in _organs(one)
        if organ in _TO_CHIN_MM
    )


def _organs(structure: Structure) -> Iterator[str]:
    """Yield the organ of a structure, without its side; nothing if it is unknown."""
    found = propose(structure.name)
    name = found.target or propose(f"{structure.name} left").target
    if name:
        yield re.sub(r"_(?:[LR]|PRV\d*)(?=_|$)", "", name)


def _band(age: str) -> str:
    """Return the ten-year band of an age: `60 to 69`; months, weeks and days are below ten."""
    if not re.fullmatch(r"\d{3}[DWMY]", age):
        return NOT_STATED
    years = int(age[:3]) if age[3] == "Y" else 0
    first = years // _BAND_YEARS * _BAND_YEARS
    return f"{_OLDEST} and more" if years >= _OLDEST else f"{first} to {first + _BAND_YEARS - 1}"


def blocks(sets: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[Block]:
    """Lay out how many sets share age band, sex and site, which combinations are unique, and which sets show a face."""
    shared: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    faces, perhaps = [], []
    for index, one in sorted(sets, key=lambda row: row[0]):
        shared[one["age_band"], one["sex"], one["site"]].append(index)
        faces += [index] if one["face"] else []
        perhaps += [index] if one.get("may_show_face") and not one["face"] else []
    if not shared:
        return
    yield Heading("Risk of re-identification")
    alone = sorted(indices[0] for indices in shared.values() if len(indices) == 1)
    yield Text(
        f"{_sets(alone)} unique in age, sex and site: whoever knows these of a person can find the set."
        if alone
        else "No set is unique in age, sex and site."
    )
    yield Table(
        ("Age in years", "Sex", "Site", "Sets", "Alone"),
        [
            [*(Cell(value) for value in group), Cell(str(len(indices))), Cell(_named(indices), bad=len(indices) == 1)]
            for group, indices in sorted(shared.items())
        ],
        frozenset({3}),
    )
    yield Text(
        f"A face can be reconstructed from the CT, which reaches above the chin: {', '.join(map(folder_name, faces))}."
        if faces
        else "No CT is known to reach above the chin."
    )
    if perhaps:
        yield Text(
            f"The CT extends far above the lungs or larynx and may show a face: {', '.join(map(folder_name, perhaps))}."
        )
    yield Text("This section is for internal use: it is in no delivery.", "small")


def _sets(indices: Sequence[int]) -> str:
    return f"{', '.join(map(folder_name, indices))} {'is' if len(indices) == 1 else 'are'}"


def _named(indices: Sequence[int]) -> str:
    return folder_name(indices[0]) if len(indices) == 1 else ""
