"""Who a patient becomes: the new identity with its index, the age, and a birth date that only says the age.

The new identity is the person's choice in `collection.toml` plus the index. Age is the one fact about the person that
a model of a planning system can use; it is worked out once per set, and the birth date is made up to reproduce it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.errors import SettingsWrong

LAST_INDEX: Final = 999_999
"""The largest index of a collection; room for its six digits is kept in every identity."""

LONGEST_VALUE: Final = 64
"""PS3.5 6.2: characters of an LO value, and of one component group of a PN value."""


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """What the patient of one set is called from now on."""

    patient_id: str
    """(0010,0020) *Patient ID*: `zzz_AnusGE006`."""

    patient_name: str
    """(0010,0010) *Patient's Name*: `AnusGE006^First`."""

    index: int


@dataclass(frozen=True, slots=True)
class Identity:
    """The form that a person fills in once per collection."""

    patient_id: str
    family_name: str
    first_name: str

    hospital: str
    """Goes into the tracking file only, never into DICOM and never into a path."""

    initial_index: int

    def numbered(self, index: int) -> NewIdentity:
        """Return the identity with its index: three digits at least, more when needed."""
        return NewIdentity(f"{self.patient_id}{index:03d}", f"{self.family_name}{index:03d}^{self.first_name}", index)


def check_identity(identity: Identity) -> None:
    """Refuse a form whose identities DICOM could not carry, or not under every character set.

    Only the default repertoire (ASCII) is taken: it reads the same under every (0008,0005) *Specific Character Set*
    that the objects of a set declare. PS3.5 6.1.2, 6.2.

    Raises
    ------
    SettingsWrong
        One sentence about the first field that cannot be used.
    """
    _check_part("patient_id", identity.patient_id, forbidden="\\")
    _check_part("family_name", identity.family_name, forbidden="\\^=")
    _check_part("first_name", identity.first_name, forbidden="\\^=")
    if not identity.hospital.strip() or not identity.hospital.isprintable():
        raise SettingsWrong("hospital must be one line of text: it fills the last column of the tracking file.")
    if not 1 <= identity.initial_index <= LAST_INDEX:
        raise SettingsWrong(
            f"initial_index is {identity.initial_index}, but numbers run from 1 to {LAST_INDEX}: choose one of these."
        )
    longest = identity.numbered(LAST_INDEX)
    for fields, value in (("patient_id", longest.patient_id), ("family_name and first_name", longest.patient_name)):
        if len(value) > LONGEST_VALUE:
            raise SettingsWrong(
                f"{fields} leave no room for the number: with it, DICOM takes {LONGEST_VALUE} characters and "
                f"this would take {len(value)}. Make it {len(value) - LONGEST_VALUE} shorter."
            )


def _check_part(field: str, value: str, *, forbidden: str) -> None:
    """Check one part of the identity for what DICOM or a planning system would change or refuse."""
    if not value:
        raise SettingsWrong(f"{field} is empty: it is what the number of each set is appended to or stands beside.")
    if value != value.strip(" "):
        raise SettingsWrong(f"{field} begins or ends with a space, which DICOM does not keep: take it away.")
    for character in value:
        if not " " <= character <= "~" or character in forbidden:
            raise SettingsWrong(
                f"{field} holds {character!a}: use English letters, digits and signs, without {' '.join(forbidden)}"
            )
