"""UIDs of a set: each value has one new value."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deidentify.uid_map import UidMap, is_well_known

KEY = bytes(range(32))
OTHER_KEY = bytes(32)

uids = st.from_regex(r"[12](\.(0|[1-9][0-9]{0,12})){1,6}", fullmatch=True).filter(lambda uid: not is_well_known(uid))
values = uids | st.sampled_from(["UNKNOWN", "1.02.3", "1..2", ".", "1.2 .3", "9" * 80, "1.2.840.10008.SMITH"])


def test_a_new_uid_is_2_25_and_128_bits_of_the_keyed_digest() -> None:
    """It can be recomputed with the key, so a lost record loses nothing."""
    digest = hmac.new(KEY, b"1.2.3", hashlib.sha256).digest()
    assert UidMap(KEY)("1.2.3") == f"2.25.{int.from_bytes(digest[:16], 'big')}"


@given(values)
def test_every_new_uid_is_valid_and_a_second_attempt_gives_the_same(old: str) -> None:
    """PS3.5 9.1: at most 64 characters, no leading zeros; invalid values become valid ones."""
    new = UidMap(KEY)(old)
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]*)", new)
    assert len(new) <= 64
    assert new == UidMap(KEY)(old) != UidMap(OTHER_KEY)(old)


@given(st.lists(values, min_size=2, max_size=20, unique=True))
def test_different_values_stay_different(olds: list[str]) -> None:
    """Invalid ones too: `1.02.3` is not `1.2.3`."""
    new = UidMap(KEY)
    assert len({new(old) for old in olds}) == len(olds)


@given(values, st.sampled_from([b"", b"\0", b" ", b"\0\0", b" \0"]))
def test_padding_does_not_count_and_stored_values_come_out_even_and_padded_by_nul(old: str, padding: bytes) -> None:
    """A UID padded by a NUL or a space, or unpadded, is the same UID."""
    new = UidMap(KEY)
    stored = new(old.encode() + padding)
    assert len(stored) % 2 == 0
    assert stored.rstrip(b"\0").decode() == new(old)


@pytest.mark.parametrize(
    "kept", ["1.2.840.10008", "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.1.2.1", "1.2.840.10008.1.4.1.1"]
)
def test_uids_of_the_standard_are_kept(kept: str) -> None:
    """SOP classes, transfer syntaxes, well-known frames of reference."""
    assert UidMap(KEY)(kept) == kept


@pytest.mark.parametrize(
    "mapped", ["1.2.840.100081.5", "1.2.840.1000", "1.2.840.10008.", "1.2.840.10008.SMITH", "1.2.840.10008." + "1" * 60]
)
def test_uids_that_only_resemble_those_of_the_standard_are_mapped(mapped: str) -> None:
    """Anything may follow a prefix."""
    assert UidMap(KEY)(mapped).startswith("2.25.")


def test_several_values_are_mapped_one_by_one_and_empty_ones_stay_empty() -> None:
    """Attributes like (0008,001A) *Related General SOP Class UID* hold several."""
    new = UidMap(KEY)
    assert new("1.2.3\\\\1.2.840.10008.1.2\\1.2.4") == "\\".join([new("1.2.3"), "", "1.2.840.10008.1.2", new("1.2.4")])
    assert (new(b""), new(b"\0"), new(b"  ")) == (b"", b"", b"")


def test_bytes_that_are_no_text_are_mapped_and_not_taken_for_one_another() -> None:
    """A UI value may hold anything; nothing of it may remain."""
    new = UidMap(KEY)
    assert new(b"1.2.\xe4") != new(b"1.2.\xf6")
    assert b"\xe4" not in new(b"1.2.\xe4")


def test_a_map_does_not_show_its_pairs() -> None:
    """It is shown in tracebacks and debuggers."""
    new = UidMap(KEY)
    new("1.2.3.4.5.6")
    assert "1.2.3.4.5.6" not in repr(new)
