"""The page of deliveries: making, downloading and listing them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from console.auth.roles import START
from console.events import Parts
from console.pages.asked import Asked, action, live, or_again, to
from services.exchange import delivery_key, export_checkpoint, inbox, packing, received
from services.exchange.deliveries import Wanted, all_of, hospital_of
from services.store import given_identities, records
from services.store.records import folder_name, index_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.forms import Form
    from services.store.collection import Collection

_SHOWN_DIGITS: Final = 16
"""Characters of a fingerprint sufficient to distinguish known keys."""


class Offered(NamedTuple):
    """A published set, and why it is held back."""

    anon: str
    hospital: str
    kept_back: str
    """`unread-words`, `not-released`, `sent-back`; empty if it can be delivered."""


class Came(NamedTuple):
    """A received delivery."""

    at: str
    whom: str
    """Its sender: the hospital, or the beginning of the key's fingerprint."""

    id: str
    sets: list[tuple[str, str, str]]
    """For each set its folder at the sender, its state, and its folder here."""


async def deliveries(request: Request) -> Response:
    """List the deliveries and the sets that can be delivered."""
    return await run_in_threadpool(_deliveries, Asked.of(request))


def _deliveries(asked: Asked, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    collection = asked.collection
    return asked.page(
        "deliveries.html",
        status,
        making=_making(asked),
        offered=_offered(collection),
        delivered=_delivered(asked),
        received=_received(collection),
        untrusted=inbox.untrusted(collection),
        refused=inbox.refused(collection),
        collection=asked.collection_id,
        name=asked.desk.name_of(collection.root),
        wrong=wrong,
    )


def deliveries_events(request: Request) -> Response:
    """Send the progress of the current delivery."""
    asked = Asked.of(request)
    return live(asked, lambda: Parts({"making": _making(asked), "delivered": _delivered(asked)}, {}))


@action
@or_again(_deliveries)
def deliver(asked: Asked, form: Form) -> Response:
    """Make a delivery of the selected sets, or of all that can be delivered."""
    asked.board.packer.begin(_wanted(form), asked.session.user)
    asked.did("delivery_begun", collection=asked.collection_id)
    return to(f"/c/{asked.collection_id}/deliveries")


async def delivery_file(request: Request) -> Response:
    """Download a delivery made here."""
    return await run_in_threadpool(_file, Asked.of(request))


def _file(asked: Asked) -> Response:
    asked.needs(START)
    delivery = asked.request.path_params["delivery"]
    path = asked.board.packer.file(delivery)
    if path is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    asked.did("delivery_downloaded", collection=asked.collection_id, delivery=delivery)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def _wanted(form: Form) -> Wanted:
    """Return the requested delivery.

    Raises
    ------
    SettingsWrong
        A set name or a recipient is invalid.
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


def _making(asked: Asked) -> str:
    return asked.render("making.html", making=asked.board.packer.now, collection=asked.collection_id)


def _delivered(asked: Asked) -> str:
    every = list(reversed(all_of(asked.collection)))
    return asked.render("delivered.html", deliveries=every, collection=asked.collection_id)


def _offered(collection: Collection) -> list[Offered]:
    found = []
    for index in records.indices(collection):
        published = records.read(collection, index)
        if published is None or published.set_id is None or published.withdrawn:
            continue
        kept_back = (
            "unread words"
            if export_checkpoint.count_unread(collection, index)
            else export_checkpoint.not_released(collection, index)
        )
        hospital = hospital_of(collection, index)
        found.append(Offered(folder_name(index), hospital, kept_back.replace(" ", "-")))
    return found


def _received(collection: Collection) -> list[Came]:
    """Return the received deliveries, the most recent first."""
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
