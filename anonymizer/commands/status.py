"""`anonymizer status`: how the sets of a root, or of all collections under a share, stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from anonymizer.arguments import AsJson, Root, check_folder
from anonymizer.terminal import console, say_json, say_loose
from services.errors import SettingsWrong
from services.runtime.settings import Settings
from services.store.set_state import SetState
from services.store.share import COPIED, Share
from watcher import overlaps
from watcher.status import StatusReader

if TYPE_CHECKING:
    from watcher.status import CollectionStatus

SHOWN: Final = ("folder", "state", "anon", "why")


def status(root: Root, as_json: AsJson = False) -> None:
    """Show how the sets of a root folder, or of every collection under a share, stand."""
    check_folder(root)
    settings = Settings.of_process()
    told = _tell(Share(root), settings)
    if not told:
        raise SettingsWrong(f"There is no collection in {root}: `anonymizer new` makes one.")
    if as_json:
        say_json([_as_json(one) for one in told])
        return
    for one in told:
        _say(one)


def _tell(share: Share, settings: Settings) -> list[CollectionStatus]:
    """Tell how each collection stands; two of the same id are left alone until a person has decided."""
    ids = share.ids()
    times = Counter(ids.values())
    found = overlaps.among(ids)
    told = []
    for root, its_id in ids.items():
        one = StatusReader(root, settings).read()
        one = replace(one, warning="\n".join(filter(None, (one.warning, str(found.get(root, ""))))))
        told.append(replace(one, paused=COPIED) if its_id and times[its_id] > 1 else one)
    return told


def _as_json(told: CollectionStatus) -> dict[str, Any]:
    return {
        "root": told.root,
        "paused": told.paused,
        "warning": told.warning,
        "sets": [{name: getattr(row, name) for name in SHOWN} for row in told.sets],
        "loose_dicom": told.loose_dicom,
    }


def _say(told: CollectionStatus) -> None:
    screen = console()
    screen.print(told.root)
    if told.paused:
        screen.print(f"  paused: {told.paused}")
    if told.warning:
        screen.print(f"  {told.warning}")
    counts = Counter(row.state for row in told.sets)
    screen.print("  " + (", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no sets"))
    others = [row for row in told.sets if row.state is not SetState.PUBLISHED]
    if others:
        table = Table("Set", "State", "Anonymized", "Why")
        for row in others:
            table.add_row(row.folder, row.state.replace("-", " "), row.anon, row.why)
        screen.print(table)
    if told.loose_dicom:
        screen.print(say_loose(told.root, told.loose_dicom))
