"""`anonymizer compare`: what became of each attribute of one set, before and after."""

from __future__ import annotations

from anonymizer.arguments import Anon, Source, check_folder
from services.maintenance import attribute_diff
from services.maintenance.attribute_diff import as_markdown
from services.policy.table import policy_for
from services.rtset.reader import NAMES
from services.store.collection import Collection


def compare(source: Source, anon: Anon) -> None:
    """Show a set attribute by attribute, before and after. It shows the originals' values: keep it to yourself."""
    check_folder(source)
    check_folder(anon)
    policy = policy_for(Collection.look(anon.absolute().parent).options)
    for kind, lines in attribute_diff.compare(source, anon, policy).items():
        print(f"## {NAMES[kind]}\n\n{as_markdown(lines)}\n")  # noqa: T201 - a page is not to be wrapped
