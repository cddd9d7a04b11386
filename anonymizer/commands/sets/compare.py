"""`anonymizer compare`: each attribute of one set before and after."""

from __future__ import annotations

from functools import partial

from anonymizer.arguments import Anon, Source, check_folder, collection_of
from anonymizer.terminal import print_page
from services.errors import SettingsWrong
from services.layout import ANON_NAME
from services.maintenance import attribute_diff
from services.maintenance.attribute_diff import as_markdown
from services.maintenance.originals import taken_sets
from services.policy.object_kinds import NAMES
from services.policy.table import policy_for
from services.store import records


def compare(source: Source, anon: Anon) -> None:
    """Show each attribute of a set before and after. The output holds original values: keep it confidential."""
    check_folder(source)
    collection = collection_of(anon)
    number = ANON_NAME.fullmatch(anon.name)
    published = records.read(collection, int(number[1])) if number else None
    choose = partial(taken_sets.objects_of, collection=collection, published=published)
    found = attribute_diff.compare(source, anon, policy_for(collection.options), choose)
    if not found:
        raise SettingsWrong(f"{anon} holds no object of the set in {source}.")
    for kind, lines in found.items():
        print_page(f"## {NAMES[kind]}\n\n{as_markdown(lines)}\n\n")
