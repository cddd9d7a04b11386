"""`anonymizer which`: finds the folder of an opaque ID from logs, Flower or a delivery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonymizer.arguments import AsJson, ShareArgument, check_folder
from anonymizer.terminal import PUBLISHED_ALL, WRONG_USE, advise_on, command, console, print_json, printable
from services.errors import SettingsWrong
from services.layout import SETTINGS_NAME, is_there
from services.maintenance import history
from services.runtime.settings import Settings
from services.store.collection import Collection, has_state
from services.store.share import Share

if TYPE_CHECKING:
    from services.maintenance.history import Followed

Wanted = Annotated[
    str, typer.Argument(metavar="ID", help="A locator, a set id (32 hex digits each), or an ANON folder: ANON_006.")
]


def which(wanted: Wanted, share: ShareArgument = None, as_json: AsJson = False) -> None:
    """Find the folder of a locator, a set id or an ANON folder: its state, reasons and history."""
    name, place = _asked(wanted, share)
    check_folder(place)
    found, unread = [], []
    for root in Share(place).roots():
        try:
            if has_state(root):
                found += [(root, one) for one in history.follow(Collection.look(root), name)]
        except (SettingsWrong, OSError):
            unread.append(root)
    if as_json:
        print_json([_as_json(root, one) for root, one in found])
    for root, one in () if as_json else found:
        _print(root, one)
    for root in unread:
        console(stderr=True).print(
            f"{printable(str(root))} could not be read. For the reason: {command('status', root)}"
        )
    if not found:
        console(stderr=True).print(f"Nothing under {printable(str(place))} has the id {printable(name)}.")
    raise typer.Exit(PUBLISHED_ALL if found else WRONG_USE)


def _asked(wanted: str, share: Path | None) -> tuple[str, Path]:
    """Return the ID, and the folder to search."""
    if share is not None and not history.is_id(wanted) and Path(wanted).is_dir():
        wanted, share = str(share), Path(wanted)  # in the order of other commands: the folder first
    path = Path(wanted)
    if path.is_dir() and share is None and is_there(path.absolute().parent / SETTINGS_NAME):
        share = path.absolute().parent
    name = path.name
    if not history.is_id(name):
        raise SettingsWrong(
            f"{printable(name)} is not a locator, a set id (32 hex digits each) or a folder like ANON_006."
        )
    return name, share or Settings.of_process().share or Path.cwd()


def _as_json(root: Path, one: Followed) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "root": str(root),
        "folder": _folder(root, one),
        "locator": one.locator,
        "set_ids": list(one.set_ids),
        "state": one.state,
        "anon": list(one.anon),
        "codes": list(outcome.codes) if outcome else [],
        "why": outcome.text if outcome else "",
        "history": [event._asdict() for event in one.history],
    }


def _folder(root: Path, one: Followed) -> str:
    return one.folder.relative_to(root).as_posix() if one.folder else ""


def _print(root: Path, one: Followed) -> None:
    advise_on(root)
    screen, outcome = console(), one.outcome
    folder = _folder(root, one)
    screen.print(printable(str(root / folder)) if folder else f"{printable(str(root))}: its folder is no longer known")
    for what, said in (
        ("state", one.state.spelled),
        ("anonymized", ", ".join(one.anon)),
        ("reasons", ", ".join(outcome.codes) if outcome else ""),
        ("why", outcome.text if outcome else ""),
        ("locator", one.locator),
        ("set", ", ".join(one.set_ids)),
    ):
        if said:
            screen.print(f"  {what + ':':<12}{said.replace(chr(10), chr(10) + ' ' * 14)}")
    for event in one.history:
        screen.print(f"  {event.at or 'since then':<30}{printable(event.what)}")
