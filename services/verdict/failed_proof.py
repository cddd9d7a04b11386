"""Translations of the reasons of a failed proof.

The proof states them in English, which is how they are logged and recorded. Listed here are its sentences, and those of
the proof of renumbered sets, with `{}` for variable parts.
"""

from __future__ import annotations

import re
from typing import Final

from services.language import Phrases, gettext, gettext_noop, spoken

_CHECKS: Final = Phrases(
    gettext_noop("files"),
    gettext_noop("file meta information"),
    gettext_noop("encoding"),
    gettext_noop("elements"),
    gettext_noop("private elements"),
    gettext_noop("types"),
    gettext_noop("pixels"),
    gettext_noop("uids"),
    gettext_noop("dates"),
    gettext_noop("identity"),
    gettext_noop("free text"),
    gettext_noop("machine"),
    gettext_noop("method"),
    gettext_noop("links"),
    gettext_noop("kept values"),
    gettext_noop("identifiers"),
)
_FINDINGS: Final = Phrases(
    # files
    gettext_noop("the folder contains something other than a file"),
    gettext_noop("the folder contains an object that is not in the set"),
    gettext_noop("a file is not valid DICOM"),
    gettext_noop("two files contain the same object"),
    gettext_noop("there is no output of a {}"),
    gettext_noop("the name of a {} is not derived from its new UID"),
    gettext_noop("the share changes the case of the letters in the name of a {}: mount it so that it keeps them"),
    gettext_noop("the preamble of a {} is not empty"),
    gettext_noop("of a {} does not contain exactly what was to be written"),
    gettext_noop("the transfer syntax of a {} is not one of those allowed"),
    gettext_noop("of a {} do not extend to the end of the file"),
    gettext_noop("of a {} are not encoded as required: {}"),
    gettext_noop("it differs"),
    # elements
    gettext_noop("differs, and should be kept"),
    gettext_noop("occurs twice or out of order"),
    gettext_noop("items were lost or inserted"),
    gettext_noop("a rebuilt reference contains more than references"),
    gettext_noop("is not the constant that the policy names"),
    gettext_noop("should be empty"),
    gettext_noop("should have been removed"),
    gettext_noop("is still approved"),
    gettext_noop("is lost"),
    gettext_noop("has no source"),
    gettext_noop("does not match the private fluence mode"),
    gettext_noop("is not what an output declares"),
    gettext_noop("Type {} and {}"),
    gettext_noop("empty"),
    gettext_noop("gone"),
    gettext_noop("some were lost or inserted"),
    gettext_noop("{} has other items"),
    gettext_noop("{} is not as expected"),
    # pixels
    gettext_noop("were lost"),
    gettext_noop("were inserted"),
    gettext_noop("differ"),
    gettext_noop("do not have the length of their image"),
    gettext_noop("are not encoded as required"),
    gettext_noop("contain bytes between or after their fragments"),
    gettext_noop("have frames of more than one fragment"),
    gettext_noop("contain a comment"),
    gettext_noop("contain bytes after their image"),
    gettext_noop("have a wrong offset table"),
    gettext_noop("{} in a {}"),
    # UIDs
    gettext_noop("a value that is not an instance UID was changed"),
    gettext_noop("an original UID is left"),
    gettext_noop("an original UID is left in a rebuilt reference"),
    gettext_noop("an original UID is left in a text"),
    gettext_noop("is not a UID"),
    gettext_noop("is not a UID of the form 2.25.…"),
    gettext_noop("one UID became two"),
    gettext_noop("two UIDs became one"),
    gettext_noop("does not follow from the collection's key"),
    gettext_noop("does not follow from the collection's key for any UID"),
    gettext_noop("has more or fewer values than before"),
    gettext_noop("they were not replaced one to one"),
    # dates
    gettext_noop("was not moved back, or changed its precision"),
    gettext_noop("the dates of the set moved by {} different numbers of days"),
    gettext_noop("the dates did not move back by 52 to 520 whole weeks"),
    gettext_noop("changed its precision or its time"),
    gettext_noop("moved by another number of days"),
    gettext_noop("moved by another interval than the collection's key determines"),
    gettext_noop("is another original date of the set"),
    gettext_noop("a date was removed"),
    gettext_noop("is not a date, or was not one"),
    # identity
    gettext_noop("is not stated"),
    gettext_noop("is not the number of the study"),
    gettext_noop("is not the new identity"),
    gettext_noop("the objects disagree on the patient or the study"),
    gettext_noop("differs from the set's {}"),
    gettext_noop("is not the sex that the source states"),
    gettext_noop("a birth date is stated that was to be empty"),
    gettext_noop("is not the birth date of the person's other sets"),
    gettext_noop("is not the age that the source states"),
    gettext_noop("the birth date does not match the age"),
    gettext_noop("the birth date is the real one, moved"),
    gettext_noop("the birth date is the real one"),
    # free text
    gettext_noop("holds control characters"),
    gettext_noop("was emptied, or filled"),
    gettext_noop("the replacement is too long for a planning system"),
    gettext_noop("was changed unnecessarily"),
    gettext_noop("the replacement is neither a stand-in nor a remainder of known words"),
    gettext_noop("one text became two"),
    gettext_noop("two texts became one"),
    gettext_noop("left in a text: {}"),
    # machine and method
    gettext_noop("is not the machine's"),
    gettext_noop("is not the scanner's name"),
    gettext_noop("the codes do not state what was done"),
    gettext_noop("the objects disagree on what was done"),
    gettext_noop("does not state that the identity was removed"),
    gettext_noop("does not state what became of the dates"),
    gettext_noop("does not state what was done"),
    # kept values
    gettext_noop("is not a value of its VR"),
    gettext_noop("a kept date is one of the set"),
    gettext_noop("a kept number is an ID or a date of the patient"),
    gettext_noop("a kept UID contains an ID or a date"),
    # links
    gettext_noop("{} differs from the source"),
    gettext_noop("{} was rebuilt, but is incomplete"),
    gettext_noop("dose → plan"),
    gettext_noop("plan → structure set"),
    gettext_noop("contours → CT"),
    gettext_noop("list of CT images"),
    gettext_noop("frame of reference"),
    gettext_noop("study"),
    gettext_noop("series"),
    gettext_noop("class of the study"),
    gettext_noop("class of an object"),
)

_REASON: Final = re.compile(
    r"(?P<check>[a-z ]+): (?P<finding>.+?)"
    r"(?: at (?P<place>(?:(?:CT|RTSTRUCT|RTPLAN|RTDOSE) )?[\w()\[\],.]+))?"
    r"(?: \((?P<times>[0-9]+) times\))?"
)
_MORE: Final = re.compile(r"and ([0-9]+) more")


def in_words(reason: str) -> str:
    """Return a reason of a failed proof in the current language; unknown ones unchanged."""
    if spoken() == "en":
        return reason
    if more := _MORE.fullmatch(reason):
        return gettext("and {count} more", count=int(more[1]))
    found = _REASON.fullmatch(reason)
    if found is None:
        return reason
    sentence = f"{_CHECKS.in_words(found['check'])}: {_FINDINGS.in_words(found['finding'])}"
    if found["place"]:
        sentence = gettext("{finding} at {place}", finding=sentence, place=found["place"])
    return gettext("{finding} ({count} times)", finding=sentence, count=found["times"]) if found["times"] else sentence
