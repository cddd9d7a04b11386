"""Signature, and the decision on the release if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store.releases import RELEASED
from sheets.render.page import Heading, Signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.store.releases import Release
    from sheets.render.page import Block


def blocks(decision: Release | None) -> Iterator[Block]:
    """Lay out the lines to sign, with the decision if there is one."""
    if decision is None:
        yield Heading("Reviewed and released")
        yield Signature(("Name", "Date", "Signature"))
    elif decision.state == RELEASED:
        yield Heading("Reviewed and released")
        yield Signature((f"Released by: {decision.role}", f"Date: {decision.day}", "Signature"))
    else:
        yield Heading("Reviewed and sent back")
        yield Signature((f"Sent back by: {decision.role}", f"Date: {decision.day}", "Signature"))
