"""Tracking files, sheets and the report."""

from __future__ import annotations

import csv
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.auth.roles import TRACKING
from console.pages.asked import Asked
from services.store.tracking_lines import file_name

if TYPE_CHECKING:
    from starlette.requests import Request

SHEET_HEADERS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
"""A sheet is a separate page made from published data: it may have styles but no scripts. It is shown within the page
on which its set is released."""


def tracking_page(request: Request) -> Response:
    """Show a tracking file."""
    asked = Asked.of(request)
    asked.needs(TRACKING)
    text = _tracking(asked).decode("utf-8-sig", "replace")
    lines = [line for line in csv.reader(text.splitlines(), skipinitialspace=True) if line]
    board = asked.board
    asked.did("tracking_seen", collection=asked.collection_id)
    return asked.page(
        "tracking.html",
        day=request.path_params["day"],
        head=lines[0] if lines else [],
        lines=lines[1:],
        collection=asked.collection_id,
        name=asked.desk.name_of(board.root),
    )


def tracking_file(request: Request) -> Response:
    """Download a tracking file unchanged."""
    asked = Asked.of(request)
    asked.needs(TRACKING)
    data = _tracking(asked)
    asked.did("tracking_downloaded", collection=asked.collection_id)
    name = file_name(request.path_params["day"])
    return Response(
        data, media_type="text/plain; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _tracking(asked: Asked) -> bytes:
    data = asked.board.files.tracking_file(asked.request.path_params["day"])
    if data is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return data


def sheet(request: Request) -> Response:
    """Show the sheet of a published set, or the report of the collection."""
    asked = Asked.of(request)
    data = asked.board.files.sheet(request.path_params["sheet"])
    if data is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    asked.did("sheet_seen", collection=asked.collection_id, anon=request.path_params["sheet"])
    return Response(data, media_type="text/html; charset=utf-8", headers=SHEET_HEADERS)
