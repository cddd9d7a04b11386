"""A headless visitor over TLS that follows redirects to an OpenID provider and back."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from tests.visitor import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LED_ON = {302, 303}


@dataclass
class SecureVisitor:
    """A visitor of an address who trusts one authority."""

    address: str
    """Base address: `https://localhost:8443`."""

    ca: Path
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Addresses of hosts unknown to name servers."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    """Cookies by address, invisible to other addresses."""

    csrf: str = ""

    def get(self, path: str) -> Answer:
        """Request a page, following redirects."""
        at = self.address + path
        answer = self._ask("GET", at, None, {})
        for _ in range(8):
            if answer.status not in LED_ON:
                break
            at = urljoin(at, answer.location)
            answer = self._ask("GET", at, None, {})
        return answer

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form with the token of the last page."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", self.address + path, urlencode({"csrf": self.csrf, **fields}), headers)

    def once(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Send one request with extra headers."""
        return self._ask(method, self.address + path, None, headers)

    def _ask(self, method: str, url: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        at = urlsplit(url)
        assert at.hostname
        assert at.port
        kept = self.cookies.setdefault(f"{at.scheme}://{at.netloc}", {})
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection(at.hostname, at.port)
        there = socket.create_connection((self.hosts.get(at.hostname, at.hostname), at.port), timeout=240)
        connection.sock = context.wrap_socket(there, server_hostname=at.hostname)
        cookies = "; ".join(f"{name}={value}" for name, value in kept.items())
        named = {"Accept": "text/html", "Cookie": cookies, **headers}
        connection.request(method, f"{at.path}?{at.query}" if at.query else at.path, body, named)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        for given in response.headers.get_all("Set-Cookie", []):
            name, _, value = given.partition(";")[0].partition("=")
            kept[name] = value
        if token := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            self.csrf = token[1]
        return answer
