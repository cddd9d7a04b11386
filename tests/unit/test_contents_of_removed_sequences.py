"""What stands in a removed sequence is not published: it neither refuses a set nor is it to be reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset

from phantom.modules import item
from tests.anonymized import anonymize_folder
from tests.sets import make_set
from tests.unit.test_check import judge
from tests.unit.test_invalid_kept_values import PATIENT_ID, identified, raw
from tests.unit.test_words_in_coded_strings import LABELS, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sets import Edit, MadeSet


def in_original_attributes(data: Dataset, inner: Dataset) -> None:
    """Put values in front of the object's own: a system that changed them kept the earlier ones."""
    data.OriginalAttributesSequence = [item(ModifyingSystem="Gateway", ModifiedAttributesSequence=[inner])]


def in_a_request(data: Dataset, inner: Dataset) -> None:
    """Put values into the request."""
    data.RequestAttributesSequence = [inner]


def in_a_signature(data: Dataset, inner: Dataset) -> None:
    """Put values behind the object's own."""
    data.DigitalSignaturesSequence = [inner]


def in_a_private_sequence(data: Dataset, inner: Dataset) -> None:
    """Put values where a manufacturer repeats them."""
    data.private_block(0x0029, "ACME ARCHIVE", create=True).add_new(0x10, "SQ", [inner])


PLACES = [in_original_attributes, in_a_request, in_a_signature, in_a_private_sequence]

#: Values that refuse a set or change it where they are kept, by attribute.
VALUES = {
    "a word in a code": ("ScanOptions", b"HELIX_JSM", "CS"),
    "a text as a meterset": ("BeamMeterset", b"as planned", "DS"),
    "an ID in a fixed term": ("RTPlanGeometry", PATIENT_ID.encode(), "CS"),
    "an ID as a number": ("SeriesNumber", PATIENT_ID.encode(), "IS"),
    "a type of certificate": ("CertificateType", b"X509_1993_SIG", "CS"),
    "a name of equipment": ("WedgeID", b"W15 Amelie", "SH"),
}


def holding(value: tuple[str, bytes, str], *, within: Callable[[Dataset, Dataset], None]) -> Edit:
    """Put a value into a sequence of every object."""

    def edit(made: MadeSet) -> None:
        keyword, content, vr = value
        for data in made.objects:
            inner = Dataset()
            raw(inner, keyword, content + b" " * (len(content) & 1), vr)
            within(data, inner)

    return edit


@pytest.mark.parametrize("within", PLACES)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_removed_values_are_neither_refused_nor_reviewed(
    tmp_path: Path, value: tuple[str, bytes, str], within: Callable[[Dataset, Dataset], None]
) -> None:
    """The set is as good as without them, and the proof agrees."""
    plain = judge(make_set(tmp_path / "plain", identified, LABELS, ct=2, size=16))
    made = make_set(tmp_path, identified, LABELS, holding(value, within=within), ct=2, size=16)
    judged = judge(made)
    assert (judged.faults, judged.record_notes) == (plain.faults, plain.record_notes)
    assert words(anonymize_folder(made.folder, tmp_path / "ANON_006")) == {}


@pytest.mark.parametrize("within", PLACES)
def test_the_same_value_is_reviewed_where_it_is_kept(
    tmp_path: Path, within: Callable[[Dataset, Dataset], None]
) -> None:
    """In the same object, after the removed sequence or before it."""

    def kept(made: MadeSet) -> None:
        for data in made.ct:
            data.ScanOptions = "HELIX_JSM"

    edit = holding(VALUES["a word in a code"], within=within)
    made = make_set(tmp_path, identified, LABELS, edit, kept, ct=2, size=16)
    assert words(anonymize_folder(made.folder, tmp_path / "ANON_006")) == {"JSM": {"coded": ("HELIX_JSM",)}}
