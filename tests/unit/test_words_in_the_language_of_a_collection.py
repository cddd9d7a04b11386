"""`words.csv` is in the language of the collection, except for words, states and columns."""

from __future__ import annotations

from services.language import speaking
from services.publication.unread_words import KINDS, Word

WORD = Word(
    "JSM",
    {"plan_label": ("VMAT_JSM",), "roi_name": ("PTV JSM",)},
    (6,),
    (),
    "a file's name, initials of a name",
    "unread",
)


def test_kinds_and_reasons_are_translated() -> None:
    """Texts are quoted unchanged."""
    with speaking("de"):
        told = WORD.where, WORD.reasons

    assert told == ("Planname: VMAT_JSM; Name einer Struktur: PTV JSM", "Name einer Datei, Initialen eines Namens")
    assert (WORD.where, WORD.reasons) == ("plan label: VMAT_JSM; ROI name: PTV JSM", WORD.why)


def test_a_word_without_a_reason_has_none() -> None:
    """Even if an older version stored a reason."""
    with speaking("de"):
        assert Word("JSM", {}, (), (), "", "unread").reasons == ""
        assert Word("JSM", {}, (), (), "of old", "unread").reasons == "of old"
        found = {kind: (f"text {number}",) for number, kind in enumerate(KINDS)}
        assert Word("JSM", found, (), (), "", "unread").where.startswith("Name einer Struktur: text 0; ")
