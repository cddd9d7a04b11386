"""The console over real HTTP, without a browser."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import uvicorn

from console.app import make_app
from console.serve import config
from tests.logged import logged

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.routing import BaseRoute

    from console.share_view import Desk

USER = "anna"
PASSWORD = "seven quiet tortoises"


@dataclass
class Answer:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self) -> str:
        """Return the redirect's target."""
        return self.headers["Location"] or ""


@dataclass
class Visitor:
    """A headless browser: it keeps cookies, and sends a page's token."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def get(self, path: str, **headers: str) -> Answer:
        """Request a page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, object] | None = None, **headers: str) -> Answer:
        """Send a form with the token of the last page."""
        body = urlencode({"csrf": self.csrf, **(fields or {})}, doseq=True)
        return self._ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **headers})

    def download(self, path: str) -> bytes:
        """Download a file."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        connection.request("GET", path, headers={"Cookie": self._cookies()})
        response = connection.getresponse()
        assert response.status == 200, response.status
        content = response.read()
        connection.close()
        return content

    def log_in(self, user: str = USER, password: str = PASSWORD) -> Answer:
        """Log in by the form."""
        self.get("/login")
        answer = self.post("/login", {"user": user, "password": password})
        if answer.status == 303:
            self.get("/new")
        return answer

    def _cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            named["Cookie"] = self._cookies()
        connection.request(method, path, body, named)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        for given in response.headers.get_all("Set-Cookie", []):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in given:
                del self.cookies[name]
        if token := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            self.csrf = token[1]
        return answer


@dataclass
class Served:
    """A running console."""

    desk: Desk
    share: Path
    port: int
    log: io.StringIO
    routes: list[BaseRoute] = field(default_factory=list)

    def visitor(self) -> Visitor:
        """Return a visitor."""
        return Visitor(self.port)

    def member(self) -> Visitor:
        """Return a logged-in visitor."""
        visitor = self.visitor()
        assert visitor.log_in().status == 303
        return visitor

    @property
    def collection(self) -> str:
        """The address of the collection `BATCH`."""
        return f"/c/{next(place.id for place in self.desk.places() if place.name == 'BATCH')}"


def serving(desk: Desk, share: Path) -> Iterator[Served]:
    """Serve a desk for the duration of a test."""
    with logged() as log:
        app = make_app(desk)
        server = uvicorn.Server(config(app))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield Served(desk, share, listening.getsockname()[1], log, app.routes)
        app.state.stopping.set()
        server.should_exit = True
        thread.join()
        listening.close()
