"""Twenty sets of four hospitals, each with its own language, planning system and habits.

What a person types into names is planted in every set: the patient's name glued to a target, the date of birth, the ID,
the physician's name, initials.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, NamedTuple

from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSPITALS = {
    "German, Eclipse": (
        (
            "PTV_70/33;PTV1_SIB;CTV_N li;GTV Tonsille re;Parotis li;Parotis re;Gl. submand. re;Myelon;"
            "Myelon_PRV3;Hirnstamm;Plexus brach. li;Cochlea li;Schlund;Mundhöhle;Kehlkopf;UK;Lippen;"
            "zRing_hart;Hilf_Artefakt;Z_Dosis95"
        ),
        ("HNO SIB V2", "1 CW 181-179", "Planung neu", "Gating MK"),
    ),
    "French, Monaco": (
        (
            "PTV T 70;PTV N bas risque;GTV T+N;Parotide G;Parotide D;Moelle;Moelle+3;Tronc cérébral;"
            "Cavité buccale;Larynx;Mandibule;Œsophage cerv;Chiasma;Nerf optique D;Cristallin G;Anneau 2cm;"
            "Opt_moelle;Lèvres;Thyroïde;Peau"
        ),
        ("ORL VMAT 33fr", "Arc1 horaire", "Dosimétrie 2", "relu JPL"),
    ),
    "Norwegian, RayStation": (
        (
            "PTV_68;CTV_60_hals hø;GTVp;Parotis hø;Parotis ve;Ryggmarg;Ryggmarg_PRV;Hjernestamme;Munnhule;"
            "Strupehode;Underkjeve;Spiserør;Spyttkjertel ve;Indre øre hø;Kropp;Ytterkontur;Hjelp1;"
            "Bolus 5 mm;Lepper;Skjoldkjertel"
        ),
        ("ØNH 68Gy 34fx", "Bue 1", "Plan 2", "sjekket TS"),
    ),
    "Polish, Pinnacle": (
        (
            "PTV 70;CTV szyja P;GTV guz;Ślinianka L;Ślinianka P;Rdzeń;Rdzeń PRV;Pień mózgu;Jama ustna;Krtań;"
            "Żuchwa;Przełyk;Soczewka L;Nerw wzrokowy P;Pierścień;Skóra;Gardło;Tarczyca;Wargi;Chiasma"
        ),
        ("GiS 70Gy", "Łuk 1", "Plan 2", "spr. KW"),
    ),
}
"""Names of structures, and the plan's label, a beam's name, the structure set's label, and one with initials."""

PERSONS = (
    ("Weißgerber^Jürgen", "DE.0045.9912", "19540312", "Oberhäußer^Friedhelm"),
    ("Sézanne^Aurélien", "75-00731", "19611105", "Quérouil^Maëlle"),
    ("Bjørnstad^Åse", "240350 41277", "19500324", "Haugå^Kjell"),
    ("Wałęsiak^Łucja", "PL0912773", "19660911", "Gżegżółka^Bożydar"),
    ("Böttcherle^Käthe", "H0087215", "19610924", "Oberhäußer^Friedhelm"),
    ("Le Goff^Yann", "FR-22-1904", "19480213", "Quérouil^Maëlle"),
    ("Ødegård^Gunnhild", "8841205", "19440116", "Haugå^Kjell"),
    ("Żółkiewski^Bartłomiej", "660917 03", "19660917", "Gżegżółka^Bożydar"),
    ("Stülpnagel^Götz", "A/2231/97", "19370501", "Oberhäußer^Friedhelm"),
    ("Naïm^Zoé", "M44521Z", "19391224", "Quérouil^Maëlle"),
)
ECHOES = (
    ("PTV{family}70", "{first}_boost", "Ring {day}.{month}.{year}"),
    ("PTV{upper}", "{initial}.{family}", "opt_{digits}"),
    ("Dr.{doctor}", "{lower}1", "PTV_66.{day}.{month}.{year}"),
    ("pat {lower} {year}", "{family}{first}", "x{digits}"),
    ("zPTV_{family}_opt", "{id}", "ok {doctor}"),
)
SETS = 20
_LABELS = 12


class HospitalSet(NamedTuple):
    """One set with its patient, hospital and texts."""

    hospital: str
    person: str
    patient_id: str
    birth: str
    doctor: str
    structures: tuple[str, ...]
    """Harmless names, as the hospital writes them."""
    echoes: tuple[str, ...]
    """Names of structures that identify the patient or the physician."""
    plan: str
    beam: str
    structure_set: str
    """Ends in initials of nobody in the set."""

    @property
    def secrets(self) -> list[str]:
        """Return, folded, what must not remain anywhere; `ase` of Åse is part of other words."""
        words = re.findall(r"[^\W\d_]{4,}", f"{self.person} {self.doctor}")
        digits = re.sub(r"\D", "", self.patient_id).lstrip("0")
        return [*map(fold, words), digits, self.birth[:4]]


def twenty_sets() -> Iterator[HospitalSet]:
    """Yield the sets, the hospitals taking turns."""
    chance = random.Random("four hospitals")
    for number in range(SETS):
        hospital = list(HOSPITALS)[number % len(HOSPITALS)]
        labels, (plan, beam, structure_set, checked) = HOSPITALS[hospital]
        person, patient_id, birth, doctor = PERSONS[(number * 3 + number // 10) % len(PERSONS)]
        said = _said(person, patient_id, birth, doctor)
        echoes = tuple(form.format(**said) for form in ECHOES[number % len(ECHOES)])
        structures = tuple(chance.sample(labels.split(";"), _LABELS))
        yield HospitalSet(
            hospital,
            person,
            patient_id,
            birth,
            doctor,
            structures,
            echoes,
            plan,
            beam,
            structure_set if number % 8 else checked,
        )


def _said(person: str, patient_id: str, birth: str, doctor: str) -> dict[str, str]:
    family, first = person.split("^")
    family = family.replace(" ", "")
    return {
        "family": family,
        "upper": family.upper(),
        "lower": family.lower(),
        "first": first,
        "initial": first[0],
        "doctor": doctor.partition("^")[0],
        "id": patient_id,
        "digits": re.sub(r"\W", "", patient_id),
        "year": birth[:4],
        "month": birth[4:6],
        "day": birth[6:],
    }
