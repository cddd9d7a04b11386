"""Character sets: decoding of values, and the declaration needed in the output.

Real files use a character set without declaring it, declare Latin-1 and write UTF-8, or switch sets within a value. A
misread name is a name that is not found, so decoding never fails and prefers the evidence of the bytes to the
declaration. PS3.5 §6.1; PS3.3 C.12.1.1.2.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHARSET_VRS: Final = frozenset((b"SH", b"LO", b"ST", b"LT", b"PN", b"UC", b"UT"))
"""VRs governed by (0008,0005) *Specific Character Set*; all others are ASCII. PS3.5 §6.1.2.2."""

_ESC: Final = b"\x1b"
_FRAGMENT = re.compile(rb"\x1b[^\x1b]*|[^\x1b]+")
_OF_SEVERAL_BYTES: Final = frozenset(("UTF8", "GB18030", "GBK", "GB2312", "euc_kr", "shift_jis"))
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"
_CUT_OFF: Final = re.compile(rb"(?:[\xc2-\xf4]|[\xe0-\xf4][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})\Z")
"""The beginning of a character in UTF-8, as where a program counted bytes."""
_RESETS: Final = re.compile(rb"[\\\t\n\f\r]")
_RESETS_IN_NAMES: Final = re.compile(rb"[\\\t\n\f\r^=]")
"""Characters that reset a value to its first character set. PS3.5 §6.1.2.5.3."""


# Reading and writing --------------------------------------------------------------------------------------------------


def decode(value: bytes, vr: bytes, charsets: Sequence[str]) -> str:
    """Decode a text value including padding; never fails.

    If the declared character sets do not fit the bytes, known but undeclared escape sequences are followed, then UTF-8
    is tried, then Latin-1. A value that is cut off within a character ends in `_UNKNOWN`.

    Parameters
    ----------
    value
        The value field; multiple values remain separated by backslashes and may be split only afterwards.
    vr
        The VR, such as `b"PN"`. Names also switch back to the first set at `^` and `=`.
    charsets
        The values of (0008,0005) in force, in order; empty if none is declared.
    """
    if not is_foreign(value):
        return value.decode("ascii")
    codecs = _codecs(tuple(charsets)) if vr in CHARSET_VRS else (None,)
    resets = _RESETS_IN_NAMES if vr == b"PN" else _RESETS
    text = value.rstrip(b"\0 ")  # many do not switch back to ASCII before the padding
    padding = value[len(text) :].decode("ascii")
    for allowed in (codecs, (codecs[0], *_ESCAPES.values())):
        try:
            return _read(text, allowed, resets) + padding
        except UnicodeError:
            continue
    if codecs[0] in _OF_SEVERAL_BYTES or _ESC in text:
        for rest in (text[:-1], text[:-2], text[:-3]):
            with suppress(UnicodeError):
                if is_foreign(rest):
                    return _read(rest, codecs, resets) + _UNKNOWN + padding
    return _guess(text) + padding


CONTROLS: Final = re.compile(rb"[\x00-\x1f\x7f]+")
_CONTROLS_OF_TEXTS: Final = {
    **dict.fromkeys((b"ST", b"LT", b"UT"), re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]+")),
    **dict.fromkeys((b"SH", b"LO", b"PN", b"UC"), re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]+")),
}
"""Control characters not allowed in a VR; ESC switches character sets. PS3.5 §6.1.3, Table 6.2-1."""


def plain(value: bytes, vr: bytes) -> bytes:
    """Return a text up to its first NUL, with blanks in place of control characters that its VR does not allow.

    Readers show nothing after a NUL. A clean value is returned unchanged, including padding.
    """
    text = value.rstrip(b"\0 ")
    controls = _CONTROLS_OF_TEXTS.get(vr, CONTROLS)
    if not controls.search(text):
        return value
    return controls.sub(b" ", text.partition(b"\0")[0]).strip(b" ")


def is_foreign(value: bytes) -> bool:
    """Return whether a value is not plain ASCII, and so depends on a character set."""
    return not value.isascii() or _ESC in value


def encode(text: str, charsets: Sequence[str]) -> bytes:
    """Encode a text in the first of the character sets, without padding.

    Raises
    ------
    UnicodeEncodeError
        The character set lacks a character: `effective_charset` was not called with this text.
    """
    if text.isascii():
        return text.encode("ascii")
    codec = _codecs(tuple(charsets))[0]
    # Half-width katakana (ISO_IR 13) is encoded as Shift JIS, whose double bytes DICOM does not allow there.
    return text.encode("ascii" if codec in {None, "shift_jis"} else codec)


def recode(value: bytes, vr: bytes, charsets: Sequence[str], output: Sequence[str]) -> bytes:
    """Convert a value from its character sets to those of the output; ASCII is returned unchanged."""
    if not is_foreign(value):
        return value
    return encode(decode(value, vr, charsets), output)


def effective_charset(declared: bytes | None, samples: Iterable[bytes], written: Iterable[str] = ()) -> bytes | None:
    """Return the character set to declare in the output, or None if the source's declaration is correct and can stay.

    Undeclared Latin-1 becomes `ISO_IR 100` and keeps its bytes; everything else that is undeclared, misdeclared,
    misspelled or mixed becomes `ISO_IR 192` (UTF-8). If the result is not None, every non-ASCII value must be passed
    through `recode`.

    Parameters
    ----------
    declared
        The value of (0008,0005), or None if absent.
    samples
        The object's text values that are kept.
    written
        New texts in the output: the new name, cleaned labels.
    """
    terms = (declared or b"").decode("ascii", "replace").split("\\")
    foreign = [sample for sample in samples if is_foreign(sample)]
    new = [text for text in written if not text.isascii()]
    if all(map(_is_standard, terms)) and all(_fits(sample, terms) for sample in foreign) and _writable(new, terms):
        return None
    as_read = [decode(sample, b"LO", terms) for sample in foreign]
    latin = all(text == sample.decode("latin-1") for text, sample in zip(as_read, foreign, strict=True))
    return b"ISO_IR 100" if latin and _writable(new, ["ISO_IR 100"]) else b"ISO_IR 192"


def _read(value: bytes, codecs: Sequence[str | None], resets: re.Pattern[bytes]) -> str:
    """Decode a value strictly by the allowed character sets; raises UnicodeError."""
    if _ESC not in value:
        return _read_plain(value, codecs[0])
    return "".join(_read_fragment(part, codecs, resets) for part in _FRAGMENT.findall(value))


def _read_plain(value: bytes, codec: str | None) -> str:
    if codec == "latin_1" and not value.isascii() and (_is_utf8(value) or _is_cut_utf8(value)):
        # Real Latin-1 that is valid UTF-8 would read "Ã¼", whereas UTF-8 declared as Latin-1 is common.
        raise UnicodeError
    return value.decode(codec or "ascii")


def _read_fragment(part: bytes, codecs: Sequence[str | None], resets: re.Pattern[bytes]) -> str:
    """Decode up to the next escape sequence. PS3.3 Tables C.12-3 and C.12-4."""
    if not part.startswith(_ESC):
        return _read_plain(part, codecs[0])
    code = part[:4] if part[:4] in _ESCAPES else part[:3]
    codec = _ESCAPES.get(code)
    if codec is None and code != b"\x1b(B":
        raise UnicodeError
    if codec is not None and codec not in codecs:
        raise UnicodeError
    if codec in {
        "iso2022_jp",
        "iso2022_jp_2",
    }:  # Python's codec needs the escape sequence; delimiters may be half a kanji
        return part.decode(codec)
    rest = part[len(code) :]
    reset = resets.search(rest)
    end = reset.start() if reset else len(rest)
    if codec is None:  # back to ASCII in G0; the first set's G1 remains active
        return _read_plain(rest, codecs[0])
    return rest[:end].decode(codec) + _read_plain(rest[end:], codecs[0])


def _guess(value: bytes) -> str:
    """Decode as UTF-8, which may be cut off within its last character, else as Latin-1."""
    if _is_cut_utf8(value):
        return value.decode("utf-8", "replace")
    return value.decode("utf-8" if _is_utf8(value) else "latin-1")


def _is_cut_utf8(value: bytes) -> bool:
    """Return whether a value is UTF-8 but for the beginning of a character at its end."""
    cut = _CUT_OFF.search(value)
    return cut is not None and not value[: cut.start()].isascii() and _is_utf8(value[: cut.start()])


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _fits(sample: bytes, terms: Sequence[str]) -> bool:
    try:
        _read(sample, _codecs(tuple(terms)), _RESETS_IN_NAMES)
    except UnicodeError:
        return False
    return True


def _writable(texts: Iterable[str], terms: Sequence[str]) -> bool:
    try:
        for text in texts:
            encode(text, terms)
    except UnicodeEncodeError:
        return False
    return True


def _is_standard(term: str) -> bool:
    """Return whether a term is known, and spelled as in PS3.3 Tables C.12-2 to C.12-5."""
    return _STANDARD.fullmatch(term.strip(" \0")) is not None and _plain_term(term) in _TERMS


@lru_cache(maxsize=64)
def _codecs(charsets: tuple[str, ...]) -> tuple[str | None, ...]:
    """Return Python's codecs of the declared sets, the first one always; None for ASCII or an unknown term."""
    codecs = [_TERMS.get(_plain_term(term)) for term in charsets] or [None]
    return codecs[0], *(codec for codec in codecs[1:] if codec)


_STANDARD: Final = re.compile(r"(?:ISO_IR \d+|ISO 2022 IR \d+|GB18030|GBK)?", re.ASCII)


def _plain_term(term: str) -> str:
    """Normalize misspelled terms: `ISO-IR 100`, `iso_ir_100`, `UTF-8`."""
    return re.sub(r"[\s_-]+", " ", term.strip(" \0")).upper()


_CODECS: Final = {
    100: "latin_1",
    101: "iso8859_2",
    109: "iso8859_3",
    110: "iso8859_4",
    126: "iso_ir_126",
    127: "iso_ir_127",
    138: "iso_ir_138",
    144: "iso_ir_144",
    148: "iso_ir_148",
    166: "iso_ir_166",
    13: "shift_jis",
}
"""Python's names of single-byte sets, by their ISO registration numbers. PS3.3 Tables C.12-2 and C.12-3."""

_TERMS: Final[Mapping[str, str | None]] = {
    "": None,
    "ISO IR 6": None,
    "ISO 2022 IR 6": None,
    **{f"{kind} {number}": codec for kind in ("ISO IR", "ISO 2022 IR") for number, codec in _CODECS.items()},
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 58": "iso_ir_58",
    "ISO 2022 58": "GB2312",
    "ISO 2022 GBK": "GBK",
    "GBK": "GBK",
    "GB18030": "GB18030",
    "ISO IR 192": "UTF8",
    "UTF 8": "UTF8",
}
"""Codecs by the defined terms of (0008,0005), normalized by `_plain_term`; None is ASCII. PS3.3 C.12.1.1.2.

Equal to pydicom's table (checked by a test); importing pydicom takes longer than anonymizing a small set.
"""

_ESCAPES: Final[Mapping[bytes, str]] = {
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso_ir_126",
    b"\x1b-G": "iso_ir_127",
    b"\x1b-H": "iso_ir_138",
    b"\x1b-L": "iso_ir_144",
    b"\x1b-M": "iso_ir_148",
    b"\x1b-T": "iso_ir_166",
    b"\x1b)I": "shift_jis",
    b"\x1b(J": "shift_jis",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)C": "euc_kr",
    b"\x1b$)A": "iso_ir_58",
}
"""Codecs by the escape sequences that switch to them, except ASCII's. PS3.3 Tables C.12-3 and C.12-4."""


def name_components(name: str) -> list[list[str]]:
    """Split a PN value into groups (alphabetic, ideographic, phonetic) of components (family, given …). PS3.5 §6.2."""
    return [[part.strip(" \0") for part in group.split("^")] for group in name.split("=")]
