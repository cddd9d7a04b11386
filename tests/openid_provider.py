"""A small OpenID provider for tests: visitors are already logged in, as the test says.

It speaks the authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0), signs with the client's
secret (HS256), and believes no client but one. `python openid_provider.py FOLDER NAME PORT` serves it from a container.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import sys
import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = "anonymizer"
SECRET = "a-secret-of-the-tests"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: dict[str, Any]) -> str:
    """Return an ID token: a JWT, signed with the client's secret."""
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    mark = hmac.new(SECRET.encode(), ".".join(parts).encode(), "sha256").digest()
    return ".".join([*parts, _base64(mark)])


class Provider(ThreadingHTTPServer):
    """A provider with its own address."""

    def __init__(self, issuer: str, listen: tuple[str, int], certificates: Path) -> None:
        super().__init__(listen, _Answer)
        self.issuer = issuer or f"https://localhost:{self.server_port}"
        self.user = "anna"
        self.codes: dict[str, dict[str, str]] = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def who(self) -> dict[str, str]:
        """Log a user in."""
        return {"sub": f"id-of-{self.user}", "preferred_username": self.user}

    def token(self, asked: dict[str, str]) -> dict[str, Any] | None:
        """Exchange a code for a token, once, with the client that requested it."""
        known = self.codes.pop(asked.get("code", ""), None)
        proof = _base64(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        if known is None or proof != known.get("code_challenge") or asked["redirect_uri"] != known["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": known["nonce"],
            **self.who(),
        }
        return {"access_token": "of-the-tests", "token_type": "Bearer", "expires_in": 300, "id_token": signed(claims)}


class _Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        """Answer requests for configuration, keys, login, token and user."""
        at, asked = urlsplit(self.path), {name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()}
        if at.path == "/authorize":
            code = secrets.token_urlsafe()
            self.server.codes[code] = asked
            self.send_response(HTTPStatus.FOUND)
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        elif at.path == "/user":
            self._respond(self.server.who())
        elif at.path == "/keys":
            self._respond({"keys": []})
        else:
            self._respond(self._about())

    def do_POST(self) -> None:
        """Exchange a code for a token."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: value[0] for name, value in parse_qs(text).items()}
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_client = self.headers.get("Authorization") == f"Basic {login}"
        self._respond(self.server.token(asked) if is_client else None)

    def _about(self) -> dict[str, Any]:
        places = {"authorization": "authorize", "token": "token", "userinfo": "user"}
        return {
            "issuer": self.server.issuer,
            **{f"{name}_endpoint": f"{self.server.issuer}/{place}" for name, place in places.items()},
            "jwks_uri": f"{self.server.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _respond(self, told: dict[str, Any] | None) -> None:
        self.send_response(HTTPStatus.OK if told is not None else HTTPStatus.BAD_REQUEST)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_: object) -> None:
        """Do nothing."""


@contextmanager
def provider(certificates: Path) -> Iterator[Provider]:
    """Serve a provider on this host."""
    with Provider("", ("127.0.0.1", 0), certificates) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


if __name__ == "__main__":
    folder, name, port = sys.argv[1:]
    Provider(f"https://{name}:{port}", ("0.0.0.0", int(port)), Path(folder)).serve_forever()
