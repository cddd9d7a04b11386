"""Who of a collection could be recognized by what stays: for the house only.

Somebody who knows that a person is among the sets can look for age, sex and site, and finds whoever is alone with them.
A face can be made of a CT that reaches above the chin.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from services.store.records import folder_name
from services.vocabulary.structure_names import propose
from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sheets.findings import Findings
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
"""Organs at whose level the skin of the face, or of the head, is in the CT."""


def of_set(findings: Findings) -> dict[str, Any]:
    """Return what somebody could look a person up by: age band, sex, site, and whether the CT shows a face."""
    plan = findings.after.objects.plan
    drawn = [organ for one in findings.after.structures if one.drawn for organ in _organs(one)]
    sites = Counter(_SITE_OF[organ] for organ in drawn if organ in _SITE_OF)
    most = max(sites.values(), default=0)
    return {
        "age_band": _band(str(plan.get("PatientAge") or "")),
        "sex": str(plan.get("PatientSex") or "") or NOT_STATED,
        "site": next((site for site in _OF_SITES if most and sites[site] == most), "not known"),
        "face": not _ABOVE_CHIN.isdisjoint(drawn),
    }


def _organs(structure: Structure) -> Iterator[str]:
    """Return which organ a structure is, without its side; none where nobody can tell."""
    found = propose(structure.name)
    name = found.target or propose(f"{structure.name} left").target
    if name:
        yield re.sub(r"_(?:[LR]|PRV\d*)(?=_|$)", "", name)


def _band(age: str) -> str:
    """Write ten years of age: `60 to 69`; months, weeks and days are below ten."""
    if not re.fullmatch(r"\d{3}[DWMY]", age):
        return NOT_STATED
    years = int(age[:3]) if age[3] == "Y" else 0
    first = years // _BAND_YEARS * _BAND_YEARS
    return f"{_OLDEST} and more" if years >= _OLDEST else f"{first} to {first + _BAND_YEARS - 1}"


def blocks(sets: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[Block]:
    """Lay out how many sets share age band, sex and site, which are alone with theirs, and which show a face."""
    shared: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    faces = []
    for index, one in sorted(sets, key=lambda row: row[0]):
        shared[one["age_band"], one["sex"], one["site"]].append(index)
        faces += [index] if one["face"] else []
    if not shared:
        return
    yield Heading("Who could be recognized")
    alone = sorted(indices[0] for indices in shared.values() if len(indices) == 1)
    yield Text(
        f"{_sets(alone)} alone with age, sex and site: whoever knows these of a person finds the set."
        if alone
        else "No set is alone with age, sex and site."
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
        f"A face can be made of the CT, which reaches above the chin: {', '.join(map(folder_name, faces))}."
        if faces
        else "No CT is known to reach above the chin."
    )
    yield Text("This part is for the house: it is in no delivery.", "small")


def _sets(indices: Sequence[int]) -> str:
    return f"{', '.join(map(folder_name, indices))} {'is' if len(indices) == 1 else 'are'}"


def _named(indices: Sequence[int]) -> str:
    return folder_name(indices[0]) if len(indices) == 1 else ""
