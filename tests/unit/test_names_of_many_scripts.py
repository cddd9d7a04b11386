"""Names are removed in other scripts, joined to a target, in the other gender's form; so does the proof."""

from __future__ import annotations

import random
import unicodedata

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.policy.text_roles import Text
from services.proof import other_letters
from services.proof.search import Search
from services.proof.traces import Traces
from services.vocabulary import word_lists


def left_of(label: str, name: str) -> str:
    """Return a cleaned label in a set of this patient."""
    return Cleaner(Identifiers([("person", name)]), [Text("roi_name", 7, label)]).clean(label, "roi_name")


ECHOES = {
    "Щербаков^Евгений": "Shcherbakov Scherbakow Schtscherbakow ЩЕРБАКОВА Evgeny Yevgeny Jewgeni",
    "Шмидт^Андрей": "Schmidt Shmidt Andrej Andrei",
    "Королёв^Хасан": "Korolev Korolyov Koroljow Hasan Khasan",
    "Жуковський^Ярослав": "Zhukovskyi Schukowskyj Joukovskii Жуковська",
    "Zhukovsky^Andrei": "Жуковский Андрей",
    "Χατζηγεωργίου^Κώστας": "Hatzigeorgiou Chatzigeorgiou Kostas Costas",
    "Μπακογιάννης^Ευαγγελία": "Bakoyannis Mpakogiannis Evangelia",
    "Παπαδοπούλου^Ελένη": "Papadopoulou Papadopoulos Eleni",
    "الرشيد^فاطمة": "Rashid رشيد Fatima فاطمه Rachid",
    "عبد الله^أحمد": "Abdullah Abdallah عبدالله Ahmed Ahmad",
    "כהן^רבקה": "Cohen Kohen",
    "Rosenberg^Moshe": "רוזנברג",
    "ბერიძე^ნინო": "Beridze Nino",
    "Հակոբյան^Անի": "Hakobyan",
    "ศรีสุข^สมชาย": "ศรีสุข สมชาย สมชายศรีสุข",
    "Kim^MinSu=金^民秀=김^민수": "Min-Su MinSu 민수",
    "Nováčková^Jiřina": "Nováček Novacek",
    "Wiśniewska^Grażyna": "Wiśniewski WISNIEWSKI",
    "Bērziņš^Jānis": "Bērziņa",
    "al-Rashid^Fatima": "AlRashid Rashid Fatimah",
    "van der Meulen^Pieter": "vdMeulen VANDERMEULEN",
    "Straße^Weiß": "STRASSE Weiss",
}
PAIRS = [(name, echo) for name, echoes in ECHOES.items() for echo in echoes.split()]


@pytest.mark.parametrize(("name", "echo"), PAIRS)
@pytest.mark.parametrize("form", ["PTV {}", "PTV_{}", "{} PTV", "PTV{}", "CTV{}"])
def test_a_name_goes_and_the_target_stays(name: str, echo: str, form: str) -> None:
    """After a separator or joined to the target, in letters that the set does not use."""
    assert left_of(form.format(echo), name) == form.format(" ").strip(" _")


@pytest.mark.parametrize(("name", "echo"), PAIRS)
@pytest.mark.parametrize("form", ["PTV {}", "PTV{}", "{}x PTV"])
def test_what_is_taken_so_is_no_change_without_need(name: str, echo: str, form: str) -> None:
    """Otherwise a correctly cleaned set would be refused."""
    text = form.format(echo)
    values = [("person", name)]
    assert Traces(values).are_in(text) or left_of(text, name) == text


@pytest.mark.parametrize(
    "label", ["Brust", "Lunge_re", "Retina_L", "Chiasma", "Herz", "Hoden", "Kiefer", "Rektum", "Boost"]
)
@pytest.mark.parametrize("name", ECHOES)
def test_words_of_the_lexicon_stay_beside_each_of_these_names(label: str, name: str) -> None:
    """They match nobody's sound."""
    assert left_of(label, name) == label
    assert not Search([("person", name)]).in_typed(label)


def test_a_name_whose_accents_are_beside_its_letters_is_one_word() -> None:
    """Unicode allows both forms."""
    label = unicodedata.normalize("NFD", "Lunge_L Grüňová")
    assert left_of(label, "Grüňová^Eva") == "Lunge_L"


# The proof ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "echo"),
    [
        ("כהן^משה", "Cohen"),
        ("ביטון^נועם", "Noam"),
        ("Mizrahi^David", "מזרחי"),
        ("ბერიძე^ნინო", "Beridze"),
        ("Kiknadze^Levan", "კიკნაძე"),
        ("Հակոբյան^Անի", "Hakobyan"),
        ("Petrosyan^Tigran", "Պետրոսյան"),
        ("Kazlauskas^Jonas", "Kazlauskienė"),
        ("Stankevičiūtė^Eglė", "Stankevicius"),
        ("Bērziņš^Jānis", "Bērziņa"),
        ("Pētersone^Laura", "Pētersons"),
        ("Щербаков^Евгений", "Shcherbakov"),
        ("Щербаков^Евгений", "Schtscherbakow"),
        ("Щербаков^Евгений", "Evgeny"),
        ("Zhukovsky^Andrei", "Андрей"),
        ("Ivanov^Petr", "Иванов"),
        ("Иванов^Пётр", "Ivanova"),
        ("Иванов^Пётр", "Иванова"),
        ("Παπαδόπουλος^Νίκος", "Papadopoulos"),
        ("Papadopoulos^Nikos", "Παπαδόπουλος"),
        ("Μπακογιάννης^Ευαγγελία", "Bakoyannis"),
        ("محمد^كريم", "Mohammed"),
        ("Mohammed^Karim", "محمد"),
        ("الرشيد^فاطمة", "Rashid"),
        ("Wiśniewska^Grażyna", "Wisniewski"),
        ("Nováková^Jana", "Novak"),
        ("Kőszegi^Zsófia", "Koeszegi"),
        ("Y\N{LATIN SMALL LETTER DOTLESS I}ldiz^Ismail", "YILDIZ"),
    ],
)
@pytest.mark.parametrize("form", ["PTV {}", "PTV_{}", "{}_PTV60", "PTV{}"])
def test_the_proof_sees_a_name_in_other_letters(name: str, echo: str, form: str) -> None:
    """By a search independent of the cleaner's."""
    if not (form == "PTV{}" and name == "Иванов^Пётр"):
        assert Search([("person", name)]).in_typed(form.format(echo)) == {"person"}


NAMES = """
Щербаков Евгений Юрченко Хабаров Цветкова Чернышёв Шмидт Соловьёва Гнатюк Їжакевич Ελένη Χατζηγεωργίου Μπακογιάννης
Ευαγγελία Ντόρα Ξενάκης الرشيد محمد فاطمة خالد حسن مصطفى يوسف كريم
"""


def _written(name: str, chance: random.Random) -> str:
    ways = word_lists.read_letters()["written"]
    vowels = "aeiou" if "\u0620" <= name[0] <= "\u064a" else ""
    written = ""
    for letter in other_letters._letters(name):
        beside = vowels and written and not written.endswith(tuple("aeiouwy")) and chance.random() < 0.6
        written += (chance.choice(vowels) if beside else "") + chance.choice(ways[letter].split() or [""])
    return written.title()


@pytest.mark.parametrize("name", NAMES.split())
def test_what_the_proof_sees_in_other_letters_the_cleaner_takes(name: str) -> None:
    """In any spelling and both directions; otherwise cleaned sets would fail their proof."""
    chance = random.Random(name)
    for _ in range(60):
        latin = _written(name, chance)
        for one, other in ((name, latin), (latin, name)):
            values, text = [("person", f"{one}^Xaver")], f"PTV_{other}"
            taken = Cleaner(Identifiers(values), [Text("roi_name", 1, "Brain")]).identifies(text)
            assert taken or not Search(values).in_typed(text), text
            assert not taken or Traces(values).are_in(text), text
