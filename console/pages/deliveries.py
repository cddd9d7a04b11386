"""Deliveries: made of what may travel, downloaded, and listed with where they went."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from console.auth.roles import START
from console.events import Parts
from console.pages.asked import Asked, action, live, to, words_of
from services.errors import SettingsWrong
from services.exchange import delivery_key, door, inbox, packing, received
from services.exchange.deliveries import Wanted, all_of, hospital_of
from services.store import given_identities, records
from services.store.collection import Collection
from services.store.records import folder_name, index_of
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form

_SHOWN_DIGITS: Final = 16
"""Of a fingerprint: by so many people tell keys that they know apart."""


class Offered(NamedTuple):
    """A published set, and what keeps it here."""

    anon: str
    hospital: str
    kept_back: str
    """`unread-words`, `not-released`, `sent-back`; empty where it may travel."""


class Came(NamedTuple):
    """A delivery that was received."""

    at: str
    whom: str
    """Its sender: the hospital, or the beginning of the key's fingerprint."""

    id: str
    sets: list[tuple[str, str, str]]
    """Of each its folder at the sender, its state, and its folder here."""


async def deliveries(request: Request) -> Response:
    """List what was delivered, when and to whom, and what may be."""
    return await run_in_threadpool(_deliveries, Asked.of(request))


def deliveries_events(request: Request) -> Response:
    """Send how far the delivery is that is being made."""
    asked = Asked.of(request)
    return live(asked, lambda: Parts({"making": _making(asked), "delivered": _delivered(asked)}, {}))


@action
def deliver(asked: Asked, form: Form) -> Response:
    """Make a delivery of the chosen sets, or of all that may travel."""
    try:
        asked.board.packer.begin(_wanted(form), asked.session.user)
    except (SettingsWrong, *CIRCUMSTANCES) as wrong:
        return _deliveries(asked, HTTPStatus.CONFLICT, words_of(wrong))
    its_id = asked.request.path_params["collection"]
    asked.did("delivery_begun", collection=its_id)
    return to(f"/c/{its_id}/deliveries")


async def delivery_file(request: Request) -> Response:
    """Download a delivery that was made here just now."""
    return await run_in_threadpool(_file, Asked.of(request))


def _file(asked: Asked) -> Response:
    asked.needs(START)
    delivery = asked.request.path_params["delivery"]
    path = asked.board.packer.file(delivery)
    if path is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    asked.did("delivery_downloaded", collection=asked.request.path_params["collection"], delivery=delivery)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def _wanted(form: Form) -> Wanted:
    """Read what is to be delivered.

    Raises
    ------
    SettingsWrong
        A set is named otherwise, or a recipient is none.
    """
    recipients = [line.strip() for line in form["recipients"].splitlines() if line.strip()]
    return Wanted(
        indices=frozenset(map(index_of, form.all("anon"))) or None,
        hospitals=frozenset(form.all("hospital")),
        unread_words="unread_words" in form,
        hospital_name="hospital_name" in form,
        as_zip=True,
        recipients=tuple(packing.recipients_of(recipients)) if recipients else (),
    )


def _deliveries(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    board = asked.board
    collection = Collection.look(board.root)
    return asked.page(
        "deliveries.html",
        status,
        making=_making(asked),
        offered=_offered(collection),
        delivered=_delivered(asked),
        received=_received(collection),
        untrusted=inbox.untrusted(collection),
        refused=inbox.refused(collection),
        collection=asked.request.path_params["collection"],
        name=asked.desk.name_of(collection.root),
        wrong=wrong,
    )


def _making(asked: Asked) -> str:
    return asked.render(
        "making.html", making=asked.board.packer.now, collection=asked.request.path_params["collection"]
    )


def _delivered(asked: Asked) -> str:
    every = list(reversed(all_of(Collection.look(asked.board.root))))
    return asked.render("delivered.html", deliveries=every, collection=asked.request.path_params["collection"])


def _offered(collection: Collection) -> list[Offered]:
    found = []
    for index in records.indices(collection):
        published = records.read(collection, index)
        if published is None or published.set_id is None or published.withdrawn:
            continue
        kept_back = "unread words" if door.count_unread(collection, index) else door.not_released(collection, index)
        hospital = hospital_of(collection, index)
        found.append(Offered(folder_name(index), hospital, kept_back.replace(" ", "-")))
    return found


def _received(collection: Collection) -> list[Came]:
    """Return what was received, the last first."""
    every = list(reversed(received.all_of(collection)))
    hospitals = {folder_name(one.index): one.hospital for one in given_identities.given(collection)} if every else {}
    return [
        Came(
            one.at,
            ", ".join(sorted({name for _, _, anon in one.sets if (name := hospitals.get(anon, ""))}))
            or delivery_key.grouped(one.key[:_SHOWN_DIGITS]),
            one.id,
            list(one.sets),
        )
        for one in every
    ]
