"""Login through the sign-on profile's proxy, as the user named by the OpenID provider, and as nobody else."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console.auth import users
from console.auth.users import Users
from console.share_view import Desk
from services.runtime.settings import Proxy, Settings
from tests.certificates import certificates
from tests.openid_provider import CLIENT, SECRET, Provider, provider
from tests.processes import free_port
from tests.secure_visitor import SecureVisitor
from tests.sets import make_collection, make_set
from tests.visitor import Served, serving
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"
MODULE = Path("/usr/lib/apache2/modules/mod_auth_openidc.so")
NEEDED = {
    "apache2": shutil.which("apache2", path=PATHS),
    "openssl": shutil.which("openssl"),
    MODULE.name: MODULE.exists(),
}
MISSING = [name for name, there in NEEDED.items() if not there]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"SKIPPED: not installed here: {', '.join(MISSING)}")

PROXY = "127.0.0.2"
"""The trusted proxy's address; visitors come from 127.0.0.1."""


@dataclass
class SignOn:
    """A console behind Apache, with an OpenID provider."""

    console: Served
    provider: Provider
    address: str
    ca: Path

    def browser(self) -> SecureVisitor:
        """Return a visitor."""
        return SecureVisitor(self.address, self.ca)


@contextmanager
def apache(folder: Path, made: Path, its_provider: Provider, console: Served) -> Iterator[int]:
    """Start Apache as its image does, before a console."""
    port = free_port()
    (folder / "secret").write_text(SECRET)
    environment = {
        "PATH": PATHS,
        "TMPDIR": str(folder),
        "SIGN_ON_SETTINGS": str(PROJECT / "deploy/sign-on/apache.conf"),
        "SIGN_ON_ADDRESS": f"https://localhost:{port}",
        "SIGN_ON_PORT": str(port),
        "SIGN_ON_PROVIDER": f"{its_provider.issuer}/.well-known/openid-configuration",
        "SIGN_ON_CLIENT": CLIENT,
        "SIGN_ON_SECRET_FILE": str(folder / "secret"),
        "SIGN_ON_CERTIFICATE_FILE": str(made / "server.pem"),
        "SIGN_ON_KEY_FILE": str(made / "server.key"),
        "SIGN_ON_CA_FILE": str(made / "ca.pem"),
        "SIGN_ON_CONSOLE": f"http://127.0.0.1:{console.port}",
    }
    command = [str(PROJECT / "deploy/sign-on/start.sh"), "-c", f"ProxySourceAddress {PROXY}"]
    if os.geteuid() == 0:  # Apache serves nothing as root
        command += ["-c", "User www-data", "-c", "Group www-data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), (folder / "log").read_text)
        assert process.poll() is None, (folder / "log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def with_certificates(place: Path) -> Path:
    """Make world-readable certificates."""
    place.chmod(0o755)
    certificates(place / "made", "localhost")
    return place / "made"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[SignOn]:
    """Start a console that trusts only the proxy, and knows that bert may look."""
    share, file = tmp_path / "share", tmp_path / "users"
    make_set(make_collection(share / "BATCH"), name="Müller Anna 4711", seed=1)
    users.allow(file, "bert", ["look"])
    settings = Settings(console_users=file, console_proxy=Proxy("X-Remote-User", (ip_network(f"{PROXY}/32"),)))
    desk = Desk(share, settings, by_hand=True, users=Users(file))
    with (
        tempfile.TemporaryDirectory() as open_to_all,  # Apache's user reads the certificate, and not the tests' folders
        provider(made := with_certificates(Path(open_to_all))) as its_provider,
        contextmanager(serving)(desk, share) as console,
        apache(tmp_path, made, its_provider, console) as port,
    ):
        yield SignOn(console, its_provider, f"https://localhost:{port}", made / "ca.pem")


def test_users_known_to_the_provider_are_logged_in(there: SignOn) -> None:
    """Without a password of ours, with their own role, unaffected by other logins."""
    anna = there.browser()
    page = anna.get("/")
    assert (page.status, "BATCH" in page.text, ">anna<" in page.text) == (200, True, True)
    assert "Müller Anna 4711" in anna.get(there.console.collection).text
    assert anna.post(f"{there.console.collection}/check").status == 303
    there.provider.user = "bert"
    bert = there.browser()
    assert ">bert<" in bert.get("/").text
    assert bert.post(f"{there.console.collection}/check").status == 403
    assert ">anna<" in anna.get("/").text


def test_claimed_user_names_are_not_trusted(there: SignOn) -> None:
    """Bypassing the proxy, through it before and after a login, in every spelling, and by dropping headers."""
    for name in ("X-Remote-User", "x-remote-user", "X_Remote_User", "Remote-User"):
        past = there.console.visitor()._ask("GET", "/", None, {name: "anna"})
        assert (past.status, past.location) == (303, "/login")
    stranger = there.browser()
    led = stranger.once("GET", "/", {"X-Remote-User": "anna"})
    assert (led.status, led.location.split("?")[0]) == (302, f"{there.provider.issuer}/authorize")
    assert stranger.once("GET", f"{there.console.collection}/events", {"X-Remote-User": "anna"}).status == 401
    there.provider.user = "bert"
    bert = there.browser()
    assert ">bert<" in bert.get("/").text
    for headers in (
        {"X-Remote-User": "anna"},
        {"x-remote-user": "anna", "X_Remote_User": "anna"},
        {"OIDC_CLAIM_preferred_username": "anna", "Remote-User": "anna"},
    ):
        assert ">bert<" in bert.once("GET", "/", headers).text
    dropped = bert.once("GET", "/", {"Connection": "close, X-Remote-User", "X-Remote-User": "anna"})
    assert ">anna<" not in dropped.text
    past_the_proxy = there.console.visitor()
    past_the_proxy.cookies = dict(bert.cookies[there.address])
    assert past_the_proxy.get("/").status == 303, "a session behind the proxy is worth nothing past it"


def test_a_proxy_that_is_set_up_wrong_does_not_start(tmp_path: Path) -> None:
    """It reports what is missing, without quoting a secret."""
    (tmp_path / "secret").write_text('se"cret')
    right = {
        "SIGN_ON_ADDRESS": "https://a.example",
        "SIGN_ON_PROVIDER": "https://b.example/.well-known/openid-configuration",
        "SIGN_ON_CLIENT": "anonymizer",
        "SIGN_ON_SECRET_FILE": str(tmp_path / "secret"),
    }
    for change, says in (
        ({"SIGN_ON_ADDRESS": "http://a.example"}, "SIGN_ON_ADDRESS must be an address: https://…"),
        ({"SIGN_ON_PROVIDER": ""}, "SIGN_ON_PROVIDER must be an address: https://…"),
        ({"SIGN_ON_CLIENT": ""}, "SIGN_ON_CLIENT is missing or invalid"),
        ({"SIGN_ON_CLAIM": "a b"}, "SIGN_ON_CLAIM is not a valid claim"),
        ({}, "the client's secret must hold no quotes, \\ or $"),
    ):
        environment = {"PATH": PATHS, **right, **change}
        done = subprocess.run(
            [PROJECT / "deploy/sign-on/start.sh"], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.strip()) == (1, f"sign-on: {says}")
