"""What counts as an internal failure, and when a set is parked for an operator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from services.errors import NotClean
from services.forms.settings_seen import SettingsSeen
from services.pipeline.answers import parked_text
from services.rtset import folder_listing
from services.store import failures, notes, registry
from services.store.registry import Outcome
from services.store.set_state import SetState

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection

log = structlog.get_logger()


def is_parked(collection: Collection, locator: str) -> bool:
    """Return whether a set is parked, so that a late message must not restart it."""
    outcome = registry.read_outcome(collection, locator)
    folder = registry.folder_of(collection, locator)
    if outcome is None or outcome.state is not SetState.PARKED or folder is None or not folder.is_dir():
        return False
    return folder_listing.fingerprint(folder) == outcome.fingerprint


def count_error(collection: Collection, locator: str, error: Exception, plan: str = "") -> None:
    """Count an error that ended a set, as `count_failure` does; of its text only a proof's reasons are kept."""
    proof = error.reasons if isinstance(error, NotClean) else ()
    count_failure(collection, locator, type(error).__name__, plan, proof)


def count_failure(collection: Collection, locator: str, why: str, plan: str = "", proof: tuple[str, ...] = ()) -> None:
    """Count a failure of a set, and park it after too many, or if it would recur.

    Its index, if any, is released by the next reconciliation.

    Parameters
    ----------
    why
        Class of the last error, never its text.
    plan
        In a multi-set folder, the mark of the set's plan; the other sets continue.
    proof
        Findings of a failed proof, which is not repeated since it would fail again.
    """
    key = failures.of_set(locator, plan)
    folder = registry.folder_of(collection, locator)
    if folder is not None and _is_concluded(collection, locator, folder):
        return  # the process had stored the set's outcome before it died: that is valid
    reasons = failures.with_one_more(collection, key, why)
    if (proof or len(reasons) >= failures.MOST) and folder is not None:
        fingerprint = folder_listing.fingerprint(folder)
        log.error("set.parked", codes=reasons, reasons=proof or reasons)
        if plan:
            failures.park(collection, key, reasons, fingerprint, proof)
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with collection.speaking():
            text = parked_text(proof)
            notes.write_note(folder, text)
        parked = Outcome(SetState.PARKED, fingerprint, at, codes=reasons, text=text, proof=proof)
        registry.write_outcome(collection, locator, parked)
        reasons = () if proof else reasons
    # Last, so that an interrupted parking is repeated at the next failure.
    failures.keep(collection, key, reasons)


def _is_concluded(collection: Collection, locator: str, folder: Path) -> bool:
    """Return whether the share has an outcome for the folder as it is now, under the current form."""
    outcome = registry.read_outcome(collection, locator)
    if outcome is None or not outcome.state.is_concluded or outcome.waits_for_list:
        return False
    if outcome.state in {SetState.PARKED, SetState.NOT_READABLE}:  # these are retried while unchanged
        return False
    if outcome.fingerprint != folder_listing.fingerprint(folder):
        return False
    now = SettingsSeen.now(collection.root)
    return not outcome.is_of_other_settings(now, registry.written_ns(collection, locator))
