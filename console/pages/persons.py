"""Who is the same person: published sets that are of one patient."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from console.pages.asked import Asked
from services.store import given_identities, records
from services.store.collection import Collection
from services.store.records import folder_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def persons(request: Request) -> Response:
    """Show which published sets are of one person."""
    return await run_in_threadpool(_persons, Asked.of(request))


def _persons(asked: Asked) -> Response:
    board = asked.board
    collection = Collection.look(board.root)
    sets: defaultdict[str, list[str]] = defaultdict(list)
    for one in given_identities.given(collection):
        found = records.read(collection, one.index)
        if one.person and found is not None and not found.withdrawn:
            sets[one.person].append(folder_name(one.index))
    return asked.page(
        "persons.html",
        total=len(sets),
        several=[anons for anons in sets.values() if len(anons) > 1],
        folders={row.anon: row.folder for row in board.look().done},
        kept_apart=collection.options.same_patient == "separate",
        collection=asked.request.path_params["collection"],
        name=asked.desk.name_of(board.root),
    )
