"""The data dictionary as used by the engine."""

from __future__ import annotations

import pytest

from services.dicom import dictionary


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00080018, b"UI"),
        (0x300A00B0, b"SQ"),
        (0x00280106, b"US"),  # US or SS
        (0x7FE00010, b"OW"),  # OB or OW
        (0x0040B034, b"DT"),  # younger than pydicom
        (0x50020022, b"LO"),  # a curve of the second group
        (0x60103000, b"OW"),  # an overlay of the ninth group
        (0x00080000, b"UL"),  # group length
        (0x32850010, b"LO"),  # private creator
        (0x32851000, b"UN"),  # private element
        (0x60113000, b"UN"),  # private, although it looks like an overlay
        (0x0010F00D, b"UN"),  # nobody knows it
    ],
)
def test_each_kind_of_tag_has_the_vr_an_implicit_file_is_read_with(tag: int, vr: bytes) -> None:
    """Ambiguous, repeating, young, private and unknown tags included."""
    assert dictionary.vr(tag) == vr


def test_keywords_and_tags_are_each_others_inverse() -> None:
    """A location in a report can be used in other tools."""
    named = {tag: entry.keyword for tag, entry in dictionary.DICTIONARY.items() if entry.keyword}
    assert {dictionary.tag(keyword) for keyword in named.values()} == set(named)
    assert all(dictionary.keyword(tag) == keyword for tag, keyword in named.items())


def test_a_tag_nobody_knows_has_no_keyword_and_a_keyword_nobody_knows_has_no_tag() -> None:
    """Lookups by keyword are ours and must succeed; lookups by tag come from files."""
    assert dictionary.keyword(0x0010F00D) == ""
    assert dictionary.entry(0x32851000) is None
    with pytest.raises(KeyError):
        dictionary.tag("NoSuchKeyword")
