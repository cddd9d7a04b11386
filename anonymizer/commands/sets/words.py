"""`anonymizer words`: unknown words in kept texts, for a person to review before a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperCommand

from anonymizer.arguments import AsJson, Root, look_at, open_collection
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, command, console, print_json
from services.forms.word_list import FILE_NAME
from services.language import counted
from services.maintenance import word_decisions
from services.publication import unread_words
from services.runtime import audit
from services.store import registry

if TYPE_CHECKING:
    from pathlib import Path

    from typer._click.core import Context

    from services.forms.word_list import State
    from services.maintenance.word_decisions import Followed
    from services.publication.unread_words import Word
    from services.store.collection import Collection

Fine = Annotated[
    list[str] | None, typer.Option(metavar="WORD…", help="Keep these words in every set of the collection.")
]
Remove = Annotated[
    list[str] | None, typer.Option(metavar="WORD…", help="Remove these words; the sets concerned are processed again.")
]

_TAKES_SEVERAL = ("--fine", "--remove")


class Command(TyperCommand):
    """A command with options that take several words: `words ROOT --fine JSM HNO2`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Repeat the option before each further word until the next option."""
        arranged: list[str] = []
        current, root_given = "", False
        for arg in args:
            if arg.startswith("-"):
                current = arg if arg in _TAKES_SEVERAL else ""
                arranged.append(arg)
            elif current and arranged[-1] != current:
                arranged += [current, arg] if root_given else [arg]
                root_given = True
            else:
                root_given = root_given or not current
                arranged.append(arg)
        return super().parse_args(ctx, arranged)


def words(root: Root, fine: Fine = None, remove: Remove = None, as_json: AsJson = False) -> None:
    """List unknown words in kept texts; accept or remove them."""
    collection = open_collection(root) if fine or remove else look_at(root)
    _decide(collection, fine, "fine", "words marked fine")
    _decide(collection, remove, "remove", "words removed")
    if collection.words.is_dir():
        unread_words.render(collection)
    collection = look_at(root)  # again, with the decisions
    followed = word_decisions.follow(collection)
    listed = unread_words.gathered(collection)
    if as_json:
        print_json(
            {
                "words": [_as_json(collection, one) for one in listed],
                "again": list(followed.again),
                "withdraw": list(followed.withdraw),
                "resumed": followed.resumed,
            }
        )
    else:
        _print(root, listed, followed)
    raise typer.Exit(SOME_NOT if followed.withdraw else PUBLISHED_ALL)


def _decide(collection: Collection, chosen: list[str] | None, state: State, act: str) -> None:
    if chosen:
        word_decisions.decide(collection, chosen, state)
        audit.note(collection.state, act, count=len(chosen))


def _as_json(collection: Collection, one: Word) -> dict[str, Any]:
    folders = (registry.folder_of(collection, locator) for locator in one.waiting)
    return {
        "word": one.word,
        "texts": {kind: list(some) for kind, some in one.texts.items()},
        "sets": one.sets,
        "anon": one.anon,
        "waiting": [folder.name for folder in folders if folder],
        "why": one.why,
        "state": one.state,
        "note": one.note,
    }


def _print(root: Path, listed: list[Word], followed: Followed) -> None:
    screen = console()
    if not listed:
        screen.print(f"Every word of the kept texts in {root} is known.")
    else:
        table = Table("Word", "Texts", "Sets", "Why", "State", "Note")
        for one in listed:
            table.add_row(one.word, one.where, str(one.sets), one.why, one.state, one.note)
        screen.print(table)
        unread = sum(one.state == "unread" for one in listed)
        how = f"Decide in {FILE_NAME}, or by: {command('words', root)} --fine WORD… --remove WORD…"
        screen.print(f"{counted(unread, 'word')} unread. {how}" if unread else "Every word is decided.")
    if followed.again:
        screen.print(f"{', '.join(followed.again)}: processed again by the service, or by: {command('run', root)}")
    if followed.resumed:
        screen.print(
            f"{counted(followed.resumed, 'set')} that waited: processed by the service, or by: {command('run', root)}"
        )
    for name in followed.withdraw:
        how = command("withdraw", root, name)
        screen.print(f"{name}: its source is gone, so it cannot be made again. Withdraw it: {how}")
