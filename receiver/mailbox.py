"""Client of the REST interface of Orthanc, which receives what planning systems send.

Orthanc speaks DICOM, rejects unlisted senders, and confirms an object once it is on its disk. Objects are fetched here,
and removed there once they are on the share, so that after any crash each is in at least one of the two places.
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
"""Our user name at the receiver."""


_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without the proxy in the environment: the receiver is on the same network."""


class ReceiverAway(Exception):
    """The receiver does not answer or rejects the password. It keeps its objects."""


class Gone(Exception):
    """The object no longer exists."""


class Mailbox:
    """The objects waiting at a receiver."""

    def __init__(self, url: str, password: str) -> None:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode("ascii")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Basic {login}"}

    def waiting(self) -> list[str]:
        """Return the receiver's ids of the waiting objects.

        Raises
        ------
        ReceiverAway
            It does not answer.
        """
        try:
            return [str(each) for each in json.loads(self._read("/instances"))]
        except (TypeError, ValueError):  # something else answers at this address
            raise ReceiverAway from None

    def sender(self, instance: str) -> str:
        """Return the AE title of an object's sender; empty if it was not sent over DICOM.

        Raises
        ------
        ReceiverAway
            The receiver does not answer.
        """
        try:
            return self._read(f"/instances/{instance}/metadata/RemoteAET").decode("ascii", "replace").strip()
        except Gone:
            return ""

    def fetch(self, instance: str, to: Path) -> str:
        """Write an object to a file, and return its MD5 for `remove`.

        Raises
        ------
        ReceiverAway
            The receiver does not answer.
        Gone
            The object no longer exists.
        OSError
            The file cannot be written.
        """
        digest = hashlib.md5(usedforsecurity=False)
        with self._request(f"/instances/{instance}/file") as answer, to.open("wb") as file:
            for piece in _pieces(answer):
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    def remove(self, instance: str, fetched: str) -> None:
        """Remove a fetched object, unless it was sent again since with different content.

        Parameters
        ----------
        fetched
            Its MD5 as returned by `fetch`.

        Raises
        ------
        ReceiverAway
            The receiver does not answer.
        """
        try:
            if self._read(f"/instances/{instance}/attachments/dicom/md5").strip() != fetched.encode():
                return
            with self._request(f"/instances/{instance}", method="DELETE"):
                pass
        except Gone:
            pass

    def _read(self, path: str) -> bytes:
        with self._request(path) as answer:
            return b"".join(_pieces(answer))

    @contextmanager
    def _request(self, path: str, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
        url = f"{self._url}{path}"
        request = urllib.request.Request(url, headers=self._headers, method=method)  # noqa: S310 - settings take http and https only
        try:
            answer = _DIRECT.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()
            raise (Gone if error.code == HTTPStatus.NOT_FOUND else ReceiverAway) from None
        except (OSError, http.client.HTTPException):
            raise ReceiverAway from None
        with answer:
            yield answer


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield a whole body; errors are the receiver's, and must not be taken for those of the disk written to."""
    try:
        while piece := answer.read(AT_ONCE):
            yield piece
    except (OSError, http.client.HTTPException):
        raise ReceiverAway from None
    if answer.length:  # the connection ended early, which `read` does not report
        raise ReceiverAway
