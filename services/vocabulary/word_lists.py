"""Word lists as spelled by people: data for the cleaner and the proof, which use their own comparisons.

The lexicon is in the folder `lexicon`, one file per language (`common.txt` has words common to all), in sections:

[side]         sides and directions, and single letters that stand for one
[anatomy]      organs, regions, nodes, tissues, tumours, and sites by their short names
[target]       target volumes
[dose]         doses and fractions
[technique]    planners' additions to structure names; helper structures
[planning]     planning, positioning and irradiation
[object]       words for the kind of object named: plan, field, label
[device]       manufacturers, products, materials
[clinic]       everyday words
[anatomy, also a name]   known like anatomy, but removed if it is the patient's name

It was collected for this project from general knowledge; no published list was copied.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

WordClass = Literal[
    "side",
    "anatomy",
    "anatomy, also a name",
    "target",
    "dose",
    "technique",
    "planning",
    "object",
    "device",
    "clinic",
]

NAMING: Final[tuple[WordClass, ...]] = ("side", "anatomy", "target", "dose", "technique")
"""Classes of words that name structures, and are kept even if a patient has such a name."""


@cache
def read_lexicon() -> Mapping[WordClass, frozenset[str]]:
    """Return the words of each class, in all languages.

    Raises
    ------
    ValueError
        A file has an unknown class.
    """
    found: defaultdict[WordClass, set[str]] = defaultdict(set)
    classes: Mapping[str, WordClass] = {name: name for name in get_args(WordClass)}
    for file in sorted((Path(__file__).parent / "lexicon").glob("*.txt")):
        words: set[str] = set()
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                name = line.strip("[]")
                if name not in classes:
                    raise ValueError(f"{file.name} names a class that is none: {name}")
                words = found[classes[name]]
            elif not line.startswith("#"):
                words.update(line.split())
    return {name: frozenset(words) for name, words in found.items()}


@cache
def read_letters() -> Mapping[str, dict[str, str]]:
    """Return replacements of letters of other scripts (`latin`), and of those with two forms (`one way`)."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    section = ""
    for line in (Path(__file__).parent / "letters.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif not line.startswith("#"):
            letter, _, stands_for = line.partition(" ")
            found[section][letter] = stands_for
    return found


def read_anatomy() -> list[str]:
    """Return the words that name structures: anatomy, sides, targets, doses, and planners' additions."""
    return sorted(word for name in NAMING for word in read_lexicon()[name])


_GENERIC: Final = """
hospital hospitals hôpital hospitalier hospitalaria ospedale ospedaliera krankenhaus klinik kliniken
klinikum clinic clinics clinica clínica clinique university universitair universitaire universität
universitäts universitätsklinikum universitätsklinik universitätsspital universitätsmedizin università
universidad universitario universitaria uniklinik uniklinikum spital kantonsspital medical medicine medizin
medizinische medizinisches medico médical department dept departement département departamento dipartimento
abteilung klinische institute institut instituto istituto institution center centre centro zentrum zentral
central national regional general allgemeines städtisches kreiskrankenhaus health healthcare care service
services servizio servicio trust foundation stiftung praxis ambulanz haus house school college radiotherapy
radiotherapie radioterapia radiothérapie radiation radiology radiologie radiologia radiological oncology
onkologie oncologia oncologie radiooncology radioonkologie radioncology strahlentherapie strahlenklinik
strahlenheilkunde strahlen cancer tumor tumour tumorzentrum krebs krebszentrum comprehensive nuclear
nuklearmedizin physics physik medizinphysik station room raum building gebäude floor etage street strasse
straße avenue road platz saint sankt santa and und for für the der die das des dem den von van zur zum bei
del della delle degli dell les aux sur gmbh corporation company systems system solutions limited group
varian siemens healthineers elekta philips general electric toshiba canon hitachi brainlab raysearch
laboratories accuray nucletron oncentra eclipse aria monaco mosaiq pinnacle raystation somatom sensation
definition confidence brilliance bigbore aquilion lightspeed discovery optima truebeam clinac trilogy
novalis halcyon ethos unique synergy versa infinity precise artiste oncor primus tomotherapy cyberknife
linac linacs accelerator beschleuniger linearbeschleuniger treatment machine scanner simulator workstation
server console unknown unbekannt none null undefined
"""
GENERIC: Final = frozenset(_GENERIC.split()).union(*read_lexicon().values())
"""Words that denote a kind of place, manufacturer or machine rather than a particular one, and all words of the
lexicon.
"""

_NOBODY: Final = """
operator physician physicist physiker doctor arzt ärztin admin administrator user unknown unbekannt
anonymous anonymized anonym none null undefined
"""
_PARTS: Final = """
professor herr frau madame monsieur dr mr ms mrs md phd prof
dipl med rer nat msc bsc jr sr ii iii iv de da do di du la le el al von van der den dem ten ter del dos das
los las bin ibn st zu zum zur vom ap ab op het te av af dal dalla della delle dei degli
"""
TITLES_AND_PARTICLES: Final = frozenset(_PARTS.split())
"""Words in names that do not identify anyone, unless they are a family name: Herr, Das, Du."""

NAMELESS: Final = TITLES_AND_PARTICLES.union(_NOBODY.split())
"""Roles, titles and particles: words in names that do not identify anyone."""

_TITLES: Final = """
frau herr herrn fräulein frl geb geborene geborener mister mrs missis madame mademoiselle monsieur mme mlle née signora
signorina signore signor dott dottore dottoressa señor señora señorita senhor senhora doña dhr mevr mevrouw meneer
mijnheer fru fröken frøken herra rouva pani prof professor doctor doktor
"""
TITLES: Final = frozenset(_TITLES.split())
"""Words beside a person's name that mark it as one."""

TITLES_AS_WRITTEN: Final = frozenset(("mr", "ms", "miss", "dr", "hr", "né", "sra", "dra", "sr", "sig"))
"""Titles only when written as such, `Mr` or `dr.`: in capitals they are imaging codes."""

TITLES_WITH_A_DOT: Final = frozenset(("sr", "sig"))
"""Of these, abbreviations of something else without the dot, such as the sigmoid."""

MONTHS: Final = (
    (
        "jan january januar jän jänner gennaio gen janvier enero ene janeiro januari janv tammikuu tammikuuta "
        "styczeń stycznia sty leden ledna января ocak január ianuarie ιανουαρίου"
        " січня siječnja sausio يناير ינואר בינואר"
    ),
    (
        "feb february februar febbraio février fév febrero fevereiro fev februari febr helmikuu helmikuuta "
        "luty lutego lut únor února февраля şubat február februarie φεβρουαρίου"
        " лютого veljače vasario فبراير פברואר בפברואר"
    ),
    (
        "mar march märz mär mrz marzo mars março maart mrt mart maaliskuu maaliskuuta marzec marca březen "
        "března marts марта március martie μαρτίου"
        " березня ožujka kovo مارس מרץ במרץ"
    ),
    (
        "apr april aprile avril abril abr kwiecień kwietnia kwi huhtikuu huhtikuuta duben dubna avr апреля "
        "nisan április aprilie απριλίου"
        " квітня travnja balandžio أبريل אפריל באפריל"
    ),
    (
        "may mai maggio mag mayo maio mei maj toukokuu toukokuuta maja květen května мая mayis május μαΐου"
        " травня svibnja gegužės مايو מאי במאי"
    ),
    (
        "jun june juni giugno giu juin junio junho kesäkuu kesäkuuta czerwiec czerwca cze červen června июня "
        "haziran június iunie ιουνίου"
        " червня lipnja birželio يونيو יוני ביוני"
    ),
    (
        "jul july juli luglio lug juillet julio julho heinäkuu heinäkuuta lipiec lipca lip červenec července "
        "juil июля temmuz július iulie ιουλίου"
        " липня srpnja liepos يوليو יולי ביולי"
    ),
    (
        "aug august agosto ago août aout augustus augusti elokuu elokuuta sierpień sierpnia sie srpen srpna "
        "августа ağustos augusztus αυγούστου"
        " серпня kolovoza rugpjūčio أغسطس אוגוסט באוגוסט"
    ),
    (
        "sep sept september settembre set septembre septiembre setembro syyskuu syyskuuta wrzesień września "
        "wrz září сентября eylül szeptember septembrie σεπτεμβρίου"
        " вересня rujna rugsėjo سبتمبر ספטמבר בספטמבר"
    ),
    (
        "oct october okt oktober ottobre ott octobre octubre outubro out lokakuu lokakuuta październik "
        "października paź říjen října октября ekim október octombrie οκτωβρίου"
        " жовтня listopada spalio أكتوبر אוקטובר באוקטובר"
    ),
    (
        "nov november novembre noviembre novembro marraskuu marraskuuta listopad listopada lis ноября kasim "
        "noiembrie νοεμβρίου"
        " листопада studenoga lapkričio نوفمبر נובמבר בנובמבר"
    ),
    (
        "dec december dez dezember dicembre dic décembre déc diciembre dezembro desember des joulukuu "
        "joulukuuta grudzień grudnia gru prosinec prosince декабря aralik decembrie δεκεμβρίου"
        " грудня prosinca gruodžio ديسمبر דצמבר בדצמבר"
    ),
)
"""Names of the months and their abbreviations, January first: in the lexicon's languages and some others."""
