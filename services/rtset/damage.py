"""Translations of errors in files and compressed images.

The `dicom` package reports them in English, with tags and positions, which is also how they are logged. Listed here are
its sentences, with `{}` for variable parts.
"""

from __future__ import annotations

from typing import Final

from services.language import Phrases, gettext_noop

_SENTENCES: Final = Phrases(
    gettext_noop("no data set"),
    gettext_noop("a second pixel data element"),
    gettext_noop("the file ends at byte {}"),
    gettext_noop("the file ends at byte {}, in the middle of an element"),
    gettext_noop("the file ends at byte {}, inside the pixel data"),
    gettext_noop("the file ends at byte {}, inside the encapsulated pixel data"),
    gettext_noop("the file ends before byte {}, inside the encapsulated pixel data"),
    gettext_noop("the file ends at byte {}, inside its meta information"),
    gettext_noop("the file ends at byte {}, before its data set"),
    gettext_noop("the file ends {} bytes too early, inside the pixel data"),
    gettext_noop("the data end at byte {}, in the middle of an element"),
    gettext_noop("the data end at byte {}, in the middle of an item"),
    gettext_noop("the data end at byte {}, in the middle of a sequence"),
    gettext_noop("nothing but zeros from byte {} on: the copy has not arrived"),
    gettext_noop("nothing but zeros where the file should begin: the copy has not arrived"),
    gettext_noop("{}; its end is zeros: the copy has not arrived"),
    gettext_noop("what follows the last element, at byte {}, is not DICOM"),
    gettext_noop("an item is cut off at byte {}"),
    gettext_noop("an element reaches beyond the end of its item at byte {}"),
    gettext_noop("an element reaches beyond the end of its item or sequence at byte {}"),
    gettext_noop("sequences nested more than {} deep at byte {}"),
    gettext_noop("no item where a sequence should have one, at byte {}"),
    gettext_noop("a delimiter without its item at byte {}"),
    gettext_noop("a delimiter with a length"),
    gettext_noop("an undefined length in {}, which is not a sequence, at byte {}"),
    gettext_noop("an unknown VR in element {} at byte {}"),
    gettext_noop("unknown VR in {} at byte {}"),
    gettext_noop("another VR than is known in element {} at byte {}"),
    gettext_noop("a value of {} with a part of a number, at byte {}"),
    gettext_noop("{} occurs twice, with different values"),
    gettext_noop("{} cannot be read reliably"),
    gettext_noop("more than {} elements"),
    gettext_noop("more than {} fragments of pixel data"),
    gettext_noop("more than {} bytes beside the pixels"),
    gettext_noop("more than {} bytes after the pixels"),
    gettext_noop("more than {} bytes in an encoding of another kind"),
    gettext_noop("pixel data as a sequence at byte {}"),
    gettext_noop("pixel data with a part of a number"),
    gettext_noop("pixel data coded as UN"),
    gettext_noop("standard elements coded as UN"),
    gettext_noop("elements out of order"),
    gettext_noop("encapsulated pixel data in big endian"),
    gettext_noop("encapsulated pixel data without a delimiter"),
    gettext_noop("encapsulated pixel data, but the transfer syntax does not define their compression"),
    gettext_noop("no fragment where encapsulated pixel data should have one, at byte {}"),
    gettext_noop("the deflated data set cannot be inflated"),
    gettext_noop("the deflated data set holds more than {} bytes"),
    gettext_noop("the deflated data set ends too early"),
    # compressed images
    gettext_noop("it ends too early"),
    gettext_noop("its kind of compression is not known"),
    gettext_noop("it does not begin with its marker"),
    gettext_noop("it has an unknown marker"),
    gettext_noop("something other than a tile-part"),
    gettext_noop("a tile-part carries a comment"),
    gettext_noop("there is no marker where one should be"),
    gettext_noop("a segment reaches beyond its end"),
    gettext_noop("it has no fragment"),
    gettext_noop("its frames cannot be told apart"),
    # what reading put right
    gettext_noop("another transfer syntax than the file states"),
    gettext_noop("a VR other than the dictionary's, which was replaced by it"),
    gettext_noop("more numbers than an attribute has, of which the surplus was dropped"),
    gettext_noop("elements out of order, which were sorted"),
    gettext_noop("identical duplicate elements, of which one was kept"),
)


def in_words(says: str) -> str:
    """Return a message of the `dicom` package in the current language; unknown ones unchanged."""
    return _SENTENCES.in_words(says)
