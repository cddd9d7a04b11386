"""What planning systems have sent and nobody has fetched yet: Orthanc, asked over its own interface.

Orthanc speaks DICOM, turns away whoever is not listed, and answers a sender when the object is on its disk. Here it is
fetched, and removed there once it lies on the share: whatever dies in between, an object is in one of the two places.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMEOUT_S: Final = 60.0
AT_ONCE: Final = 1024 * 1024
USER: Final = "sort"
"""The name under which the receiver knows us."""


_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""It is a neighbour: what the environment says of a proxy is for others."""


class ReceiverAway(Exception):
    """The receiver does not answer, or refuses our password; it keeps what it has."""


class Gone(Exception):
    """The object is not there any more."""


class Mailbox:
    """The objects that wait at a receiver."""

    def __init__(self, url: str, password: str) -> None:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode("ascii")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Basic {login}"}

    def waiting(self) -> list[str]:
        """Name the objects that wait, by the receiver's own ids.

        Raises
        ------
        ReceiverAway
        """
        with self._asked("/instances") as answer:
            return [str(each) for each in json.load(answer)]

    def sender(self, instance: str) -> str:
        """Return the AE title of whoever sent an object; empty where it did not come over DICOM.

        Raises
        ------
        ReceiverAway
        """
        try:
            with self._asked(f"/instances/{instance}/metadata/RemoteAET") as answer:
                return answer.read().decode("ascii", "replace").strip()
        except Gone:
            return ""

    def fetch(self, instance: str, to: Path) -> str:
        """Write an object to a file, and return the MD5 by which `remove` knows it again.

        Raises
        ------
        ReceiverAway, Gone, OSError
        """
        digest = hashlib.md5(usedforsecurity=False)
        with self._asked(f"/instances/{instance}/file") as answer, to.open("wb") as file:
            while piece := _piece(answer):
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    def remove(self, instance: str, fetched: str) -> None:
        """Remove an object that was fetched; it stays where it was sent once more since, with another content.

        Raises
        ------
        ReceiverAway
        """
        try:
            with self._asked(f"/instances/{instance}/attachments/dicom/md5") as answer:
                if answer.read().decode("ascii", "replace").strip() != fetched:
                    return
            with self._asked(f"/instances/{instance}", method="DELETE"):
                pass
        except Gone:
            pass

    @contextmanager
    def _asked(self, path: str, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
        url = f"{self._url}{path}"
        request = urllib.request.Request(url, headers=self._headers, method=method)  # noqa: S310 - the settings see to it
        try:
            answer = _DIRECT.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()
            raise (Gone if error.code == HTTPStatus.NOT_FOUND else ReceiverAway) from None
        except (OSError, http.client.HTTPException):
            raise ReceiverAway from None
        with answer:
            yield answer


def _piece(answer: http.client.HTTPResponse) -> bytes:
    """Read on; what breaks off is the receiver's fault, and never that of the disk that is written to."""
    try:
        return answer.read(AT_ONCE)
    except (OSError, http.client.HTTPException):
        raise ReceiverAway from None
