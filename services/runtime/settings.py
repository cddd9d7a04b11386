"""Where the service runs, with what, and how patiently: from the environment, read once at the start.

What is done to the sets is not here: that is the collection's, under the operator's eyes, in `collection.toml`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_AE_TITLE: Final = re.compile(r"(?! )[A-Za-z0-9 ._-]{1,16}(?<! )")

_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

PREFIX: Final = "ANONYMIZER_"

FILE: Final = "_FILE"
"""Behind the name of a secret: the file in which it stands, as containers are given theirs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. `TABLE` says what each means."""

    redis_url: str | None = field(default=None, repr=False)
    redis_password: str | None = field(default=None, repr=False)
    share: Path | None = None
    quiet_s: float = 10.0
    patience_s: float = 900.0
    young_s: float = 86_400.0
    rescan_s: float = 10.0
    reconcile_s: float = 60.0
    observer: str = "auto"
    timezone: ZoneInfo | None = None
    machines: Path | None = None
    metrics: Address | None = None
    health: Path | None = None
    console: Address | None = None
    console_users: Path | None = None
    console_proxy: Proxy | None = None
    delivery_key_file: Path | None = None
    trusted_keys_file: Path | None = None
    share_secret: str | None = field(default=None, repr=False)
    receiver_url: str | None = None
    receiver_password: str | None = field(default=None, repr=False)
    senders: tuple[Sender, ...] = ()
    notify_command: str | None = field(default=None, repr=False)
    notify_url: str | None = field(default=None, repr=False)
    audit_days: int = 3650
    umask: int | None = None
    log_format: str = "text"
    log_level: str = "info"

    @classmethod
    def of_process(cls) -> Settings:
        """Read the settings from the environment of this process; errors as `from_environment`."""
        return from_environment(os.environ)


class Address(NamedTuple):
    """Where a process listens."""

    host: str
    port: int


class Proxy(NamedTuple):
    """Who has seen to it already that a visitor is who they are."""

    header: str
    """In which the visitor's name stands."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    """From where it is believed: the addresses of the proxy, and of nobody else."""


class Sender(NamedTuple):
    """Whose objects the DICOM receiver takes."""

    title: str
    """The calling AE title. PS3.8 9.3.2."""

    folder: PurePosixPath
    """Under the share: a collection, or a hospital's folder in one."""


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    """Without the prefix."""

    meaning: str
    """For the person who runs the service; a row of the README's table."""

    read: Callable[[str], Any]
    """Makes the value, or raises `ValueError` with what should stand there instead."""

    secret: bool = False
    """Whether it may stand in a file instead, named by the variable with `_FILE` behind its name."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; what is not set has its default.

    Raises
    ------
    SettingsWrong
        A variable that begins with `ANONYMIZER_` and means nothing, or a value that cannot be used.
    """
    known = {PREFIX + setting.name: setting for setting in TABLE}
    files = {variable + FILE for variable, setting in known.items() if setting.secret}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known and variable not in files:
            raise SettingsWrong(f"{variable} is no setting. There are: {', '.join(known)}.")
    values: dict[str, Any] = {}
    for variable, setting in known.items():
        text = environment.get(variable)
        if setting.secret and environment.get(variable + FILE):
            text = _secret(environment, variable)
        if not text:
            continue  # compose files and manifests pass on what is not set as an empty text
        try:
            values[setting.name.lower()] = setting.read(text)
        except ValueError as error:
            raise SettingsWrong(f"{variable} must be {error}.") from None
    return Settings(**_with_password(values))


def _secret(environment: Mapping[str, str], variable: str) -> str:
    if environment.get(variable):
        raise SettingsWrong(f"{variable} and {variable + FILE} are both set: one of them is enough.")
    try:
        text = Path(environment[variable + FILE]).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"The file that {variable + FILE} names cannot be read: {type(error).__name__}.") from None
    if not text:
        raise SettingsWrong(f"Nothing stands in the file that {variable + FILE} names.")
    return text


def _with_password(values: dict[str, Any]) -> dict[str, Any]:
    """Insert a password that was given by itself into the address of Redis."""
    url, password = values.get("redis_url"), values.get("redis_password")
    if password is None:
        return values
    if url is None or not urlsplit(url).netloc or urlsplit(url).password is not None:
        raise SettingsWrong(
            f"{PREFIX}REDIS_PASSWORD belongs to an {PREFIX}REDIS_URL that names a host and no password: "
            "redis://user@host:6379/0, or redis://host:6379/0 where Redis has no users."
        )
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return values | {"redis_url": parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError("a number of seconds above zero")
    return seconds


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) < 100_000):
        raise ValueError("a number of days, 3650 say")
    return int(text)


def _umask(text: str) -> int:
    if not re.fullmatch(r"(0o?)?[0-7]{3}", text):
        raise ValueError("three octal digits like 027")
    return int(text[-3:], 8)


def _long_secret(text: str) -> str:
    if len(text) < 32:  # or whoever sees the marks tries patient IDs until one fits
        raise ValueError("at least 32 random characters (openssl rand -hex 32)")
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return read


def _redis_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "redis+socket://", "unix://")):
        raise ValueError("an address like redis://host:6379/0 or rediss://host:6380/0")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address like https://host/path")
    return text


def _folder(text: str) -> Path:
    return _whole_path(text, "folder")


def _file(text: str) -> Path:
    return _whole_path(text, "file")


def _whole_path(text: str, of: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError(f"the whole path of a {of}, from / on")
    return path


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("an address with a port like 127.0.0.1:9464")
    return Address(host.strip("[]"), int(port))


def _proxy(text: str) -> Proxy:
    header, _, networks = text.partition("@")
    try:
        named = tuple(ip_network(network.strip()) for network in networks.split(","))
    except ValueError:
        named = ()
    if not named or not _HEADER.fullmatch(header):
        raise ValueError("a header and the proxy's addresses like X-Remote-User@10.0.0.7/32")
    return Proxy(header.lower(), named)


def _http(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("an address like http://receiver:8042, without a password")
    return text


def _senders(text: str) -> tuple[Sender, ...]:
    found = []
    for each in text.split(","):
        title, _, folder = (part.strip() for part in each.partition("="))
        path = PurePosixPath(folder)
        if not _AE_TITLE.fullmatch(title) or not folder or path.is_absolute() or not {".", ".."}.isdisjoint(path.parts):
            raise ValueError("AE titles and folders under the share like ECLIPSE=PROSTATE, MONACO=LUNG")
        found.append(Sender(title, path))
    if len({sender.title for sender in found}) < len(found):
        raise ValueError("AE titles of which each is named once")
    return tuple(found)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone like Europe/Berlin") from None


TABLE: Final = (
    Setting(
        "REDIS_URL", "The Redis that `watch` and `worker` share: `redis://…` or `rediss://…`.", _redis_url, secret=True
    ),
    Setting("REDIS_PASSWORD", "Its password, where it does not stand in the address.", str, secret=True),
    Setting("SHARE", "The folder under which the collections lie, where this host mounts it.", _folder),
    Setting("QUIET_S", "A set is looked at when nothing in it has changed for so many seconds.", _seconds),
    Setting("PATIENCE_S", "A set that stays incomplete for so many seconds is refused, until it changes.", _seconds),
    Setting(
        "YOUNG_S",
        "So many seconds after a set was published its files are looked at again: what is overwritten in place shows.",
        _seconds,
    ),
    Setting("RESCAN_S", "Every so many seconds all folders are looked at, events or not.", _seconds),
    Setting("RECONCILE_S", "Every so many seconds what should be done and is not is queued again.", _seconds),
    Setting(
        "OBSERVER",
        "How changes are noticed: `events` (local disks), `polling` (NFS, SMB, FUSE), `auto` by the file system.",
        _one_of("auto", "events", "polling"),
    ),
    Setting("TIMEZONE", "Whose day names the tracking file, `Europe/Berlin` say; the host's by default.", _zone),
    Setting("MACHINES", "A folder with machine descriptors of your own, looked in before ours.", _folder),
    Setting("METRICS", "Where `watch` answers Prometheus, `127.0.0.1:9464` say; nowhere by default.", _address),
    Setting("HEALTH", "A folder in which the process says that it lives, for `anonymizer health`.", _folder),
    Setting("CONSOLE", "Where the console is served, `127.0.0.1:8765` by default.", _address),
    Setting(
        "CONSOLE_USERS", "The file of those who may log in: `anonymizer console --add-user NAME` writes it.", _file
    ),
    Setting(
        "CONSOLE_PROXY",
        "A proxy that logs people in: its header and its addresses, `X-Remote-User@10.0.0.7/32` say. Nobody else may "
        "reach the console from there.",
        _proxy,
    ),
    Setting(
        "DELIVERY_KEY_FILE",
        "The key that deliveries are signed with, made with the first; `~/.config/rt-set-anonymizer/delivery.key` by "
        "default, and never on the share.",
        _file,
    ),
    Setting(
        "TRUSTED_KEYS_FILE",
        "The fingerprints of those whose deliveries are believed, one a line; "
        "`~/.config/rt-set-anonymizer/trusted_keys` by default.",
        _file,
    ),
    Setting(
        "SHARE_SECRET",
        "Turns on that one person in two collections of the share is told: a long random text, the same for every "
        "worker, never on the share. Whoever holds it can link patients.",
        _long_secret,
        secret=True,
    ),
    Setting(
        "RECEIVER_URL", "Where `sort` fetches what the DICOM receiver was sent, `http://receiver:8042` say.", _http
    ),
    Setting("RECEIVER_PASSWORD", "The password under which it knows `sort`.", str, secret=True),
    Setting(
        "SENDERS",
        "Whose objects the receiver takes, by calling AE title, and into which collection under the share: "
        "`ECLIPSE=PROSTATE, MONACO=LUNG` say.",
        _senders,
    ),
    Setting(
        "NOTIFY_COMMAND",
        "What `watch` has `sh` run when sets are refused, parked or wait for an hour, at most every 15 minutes: a "
        "sentence is its `$1`, counts and opaque ids come as JSON on its standard input.",
        str,
    ),
    Setting("NOTIFY_URL", "An address to which the same JSON is posted.", _web_address, secret=True),
    Setting("AUDIT_DAYS", "How long the audit in `.anonymizer/audit/` is kept. `3650` by default.", _days),
    Setting(
        "UMASK",
        "What others may not do with what is written, as `umask` takes it: `027` say; the process's own by default. "
        "They may never do more than with the collection's folder.",
        _umask,
    ),
    Setting("LOG_FORMAT", "`text` for people, `json` for log collectors.", _one_of("text", "json")),
    Setting("LOG_LEVEL", "The least that is logged.", _one_of("debug", "info", "warning", "error")),
)
"""Every setting there is; the README's table is made from it. Secrets may stand in a file: `…_FILE` names it."""


def as_markdown() -> str:
    """Write the settings as the table of the README."""
    rows = [f"| `{PREFIX}{setting.name}` | {setting.meaning}{_default(setting)} |" for setting in TABLE]
    return "\n".join(("| variable | meaning |", "|---|---|", *rows))


def _default(setting: Setting) -> str:
    default = getattr(Settings(), setting.name.lower())
    if setting.secret:
        return f" Or `{PREFIX}{setting.name}{FILE}`: the file in which it stands."
    return f" `{default:g}` by default." if isinstance(default, float) else ""
