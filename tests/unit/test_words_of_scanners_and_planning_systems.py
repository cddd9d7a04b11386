"""What scanners, planning systems and the standard's codes say of themselves needs no review."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phantom.modules import coded, item
from services.deidentify.unread_words import WeakEvidence, words_of
from services.dicom.dictionary import tag
from services.policy.table import Choice, policy_for
from services.policy.text_roles import TECHNICAL_ROLES
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet

NOTHING = WeakEvidence()
SCANNERS = {
    "ManufacturerModelName": [
        "SOMATOM go.Open Pro",
        "LightSpeed VCT",
        "Discovery STE",
        "Incisive CT",
        "Aquilion Lightning",
        "Aquilion/LB",
        "GEMINI TF Big Bore",
    ],
    "SoftwareVersions": ["syngo CT VA48A", "gmp_hde.32", "coreload.81", "sles_hde.49", "V4.86ER002", "07MW11.10"],
    "FilterType": ["LARGE BOWTIE FIL", "MEDIUM FILTER", "FLAT"],
    "ConvolutionKernel": ["CHST", "STANDARD", "Br38f", "FC13-H", "UB", "YA"],
    "PositionReferenceIndicator": ["OM", "STERNAL NOTCH", "XIPHOID", "ILIAC CREST"],
}
PLANNING_SYSTEMS = {
    "Manufacturer": ["RaySearch Laboratories", "TomoTherapy Incorporated", "MIM Software Inc.", "Accuray Incorporated"],
    "ManufacturerModelName": [
        "External Beam Planning",
        "Leksell Gamma Knife Perfexion",
        "Elements Multiple Brain Mets SRS",
        "Hi-Art",
        "HyperSight",
        "Pinnacle Evolution",
        "ProKnow DS",
    ],
    "SoftwareVersions": ["10.1.0.613 (Dicom Export)", "OTP V4.5.3", "5.11.03", "OFFIS_DCMTK_364"],
}
CODES = [
    coded("113691", "DCM", "IEC Body Dosimetry Phantom"),
    coded("113040", "DCM", "Lossy Compression"),
    coded("121320", "DCM", "Uncompressed predecessor"),
    coded("102538003", "SCT", "recumbent"),
    coded("113961", "DCM", "Reconstruction Algorithm"),
]
OF_TG_263 = [
    "Cartlg_Thyroid",
    "Glnd_Sublings",
    "Laryngl_Pharynx",
    "Malleus_L",
    "PancJejuno",
    "Pituitary_Stalk",
    "Proc_Condyloid_L",
    "PubicSymphys",
    "SacralPlex",
    "Spongiosum",
    "Strct_Suprapatel_L",
    "Tendon_Quad",
    "Vomer",
    "gluteus_maximus_left",
    "autochthon_left",
    "Globus_Pallidus",
]


def unread(text: str, *, technical: bool) -> list[str]:
    """Return the words of a text that a person would have to review."""
    return [text[start:end] for start, end in words_of(text, NOTHING, technical=technical)]


def values() -> list[tuple[str, str]]:
    """Return what devices write, with its attribute."""
    devices = (*SCANNERS.items(), *PLANNING_SYSTEMS.items())
    return [(keyword, text) for keyword, texts in devices for text in texts]


@pytest.mark.parametrize(("keyword", "text"), values())
def test_what_devices_write_of_themselves_needs_no_review(keyword: str, text: str) -> None:
    """Its attribute is one that people do not type into, and its words are known there."""
    assert policy_for(Choice()).compiled[tag(keyword)].argument in TECHNICAL_ROLES
    assert unread(text, technical=True) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("99OTTAKRING", ["OTTAKRING"]), ("99VARIAN", []), ("99VMS", []), ("99LOCAL", []), ("99TG263", []), ("B30F", [])],
)
def test_who_named_a_coding_scheme_is_reviewed(text: str, words: list[str]) -> None:
    """After 99 (PS3.3 8.2) stands a manufacturer or a clinic; in other codes, letters beside digits mean nothing."""
    assert unread(text, technical=True) == words


@pytest.mark.parametrize("text", ["Knife", "PTV Icon", "Verity", "OM boost"])
def test_the_same_words_are_reviewed_where_people_type(text: str) -> None:
    """There they may be the name of a person or a house."""
    assert unread(text, technical=False)


def test_a_set_with_codes_of_the_standard_needs_no_review(tmp_path: Path) -> None:
    """A CT names its phantom and its compression by code, as most scanners do; the codes stay."""

    def code(made: MadeSet) -> None:
        for data in made.ct:
            data.CTDIPhantomTypeCodeSequence, data.DerivationCodeSequence = [CODES[0]], CODES[1:]
            data.SourceImageSequence = [item(PurposeOfReferenceCodeSequence=[CODES[2]])]

    done = anonymized(tmp_path, code)

    assert done.replacements.cleaner.unread == ()
    assert [code.CodeMeaning for code in done.ct.DerivationCodeSequence] == [code.CodeMeaning for code in CODES[1:]]


@pytest.mark.parametrize("name", OF_TG_263)
def test_names_of_a_published_nomenclature_need_no_review(name: str) -> None:
    """TG-263, and those of segmentation programs."""
    assert unread(name, technical=False) == []
