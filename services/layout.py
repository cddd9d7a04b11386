"""Names on the share: what is a collection's, what is the product's own, and what is left alone."""

from __future__ import annotations

import re
from typing import Final

SETTINGS_NAME: Final = "collection.toml"
SHEETS_NAME: Final = "sheets"
"""The folder beside the sets in which their sheets stand."""


DEEPEST: Final = 64
"""Folders inside each other. Nobody exports deeper; a mount that contains itself does."""

_NEVER: Final = re.compile(
    r"(?P<hidden>\..*)|(?P<published>ANON_.*)|~.*|.*~|.*\.(part|partial|filepart|crdownload|download|tmp|temp)",
    re.IGNORECASE | re.DOTALL,
)


def is_passed_over(name: str) -> bool:
    """Tell whether a file or folder of this name is left alone: ours, the older program's, hidden, or being copied."""
    return why_passed_over(name) is not None


def why_passed_over(name: str) -> str | None:
    """Return why a file or folder of this name is left alone, in a few words; None where it is not."""
    found = _NEVER.fullmatch(name)
    if found is None:
        return None
    return {"hidden": "hidden", "published": "an anonymized set"}.get(found.lastgroup or "", "a temporary name")
