"""Settings of a process, read once at start from the environment: addresses, paths and intervals.

How sets are processed is not set here but per collection, in `collection.toml`, visible to its operator.
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
"""Suffix of a secret's variable that names a file with the secret, as containers receive theirs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. See `TABLE` for their meanings."""

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
        """Read the settings from this process's environment; raises as `from_environment`."""
        return from_environment(os.environ)


class Address(NamedTuple):
    """Address that a process listens on."""

    host: str
    port: int


class Proxy(NamedTuple):
    """Proxy trusted to authenticate visitors."""

    header: str
    """HTTP header that holds the visitor's name."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    """Addresses from which the header is trusted: those of the proxy alone."""


class Sender(NamedTuple):
    """Sender whose objects the DICOM receiver accepts."""

    title: str
    """The calling AE title. PS3.8 9.3.2."""

    folder: PurePosixPath
    """Relative to the share: a collection, or a hospital's folder in one."""


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    """Without the prefix."""

    meaning: str
    """Description for the operator; a row of the table in `docs/settings.md`."""

    read: Callable[[str], Any]
    """Parser of the value; raises `ValueError` with a description of what is expected."""

    secret: bool = False
    """Whether the value may be read from a file named by the variable with the suffix `_FILE`."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; unset variables have their defaults.

    Raises
    ------
    SettingsWrong
        An unknown variable with the prefix `ANONYMIZER_`, or an invalid value.
    """
    known = {PREFIX + setting.name: setting for setting in TABLE}
    files = {variable + FILE for variable, setting in known.items() if setting.secret}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known and variable not in files:
            raise SettingsWrong(f"{variable} is not a setting. Settings are: {', '.join(known)}.")
    values: dict[str, Any] = {}
    for variable, setting in known.items():
        text = environment.get(variable)
        if setting.secret and environment.get(variable + FILE):
            text = _secret(environment, variable)
        if not text:
            continue  # compose files and manifests pass unset variables as empty strings
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
        raise SettingsWrong(f"The file that {variable + FILE} names is empty.")
    return text


def _with_password(values: dict[str, Any]) -> dict[str, Any]:
    """Insert a separately given password into the Redis URL."""
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
    if not re.fullmatch("[0-9]{1,5}", text) or not int(text):
        raise ValueError("a number of days like 3650")
    return int(text)


def _umask(text: str) -> int:
    if not re.fullmatch(r"(0o?)?[0-7]{3}", text):
        raise ValueError("three octal digits like 027")
    return int(text[-3:], 8)


def _long_secret(text: str) -> str:
    if len(text) < 32:  # otherwise whoever sees the marks could guess patient IDs by trying
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
        raise ValueError(f"an absolute path of a {of}, beginning with /")
    return path


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
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
        raise ValueError("AE titles, each named once")
    return tuple(found)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone like Europe/Berlin") from None


TABLE: Final = (
    Setting(
        "REDIS_URL",
        "URL of the Redis server shared by `watch` and `worker`: `redis://…` or `rediss://…`.",
        _redis_url,
        secret=True,
    ),
    Setting("REDIS_PASSWORD", "Redis password, if it is not part of the URL.", str, secret=True),
    Setting("SHARE", "Folder that contains the collections, as mounted on this host.", _folder),
    Setting(
        "QUIET_S", "Quiet period in seconds: a set is checked once nothing in it has changed for this long.", _seconds
    ),
    Setting("PATIENCE_S", "Seconds after which an incomplete set is refused, until it changes.", _seconds),
    Setting(
        "YOUNG_S",
        "Seconds after publication at which a set's files are checked again, to detect files overwritten in place.",
        _seconds,
    ),
    Setting(
        "RESCAN_S", "Interval in seconds at which all folders are rescanned, whether or not events arrived.", _seconds
    ),
    Setting("RECONCILE_S", "Interval in seconds at which lost tasks are requeued.", _seconds),
    Setting(
        "OBSERVER",
        "How changes are detected: `events` (local disks), `polling` (NFS, SMB, FUSE), `auto` by the file system.",
        _one_of("auto", "events", "polling"),
    ),
    Setting(
        "TIMEZONE",
        "Time zone of the date in the tracking file's name, such as `Europe/Berlin`; the host's by default.",
        _zone,
    ),
    Setting("MACHINES", "Folder with your own machine descriptors, searched before the built-in ones.", _folder),
    Setting(
        "METRICS",
        "Address at which `watch` serves Prometheus metrics, such as `127.0.0.1:9464`; off by default.",
        _address,
    ),
    Setting("HEALTH", "Folder in which the process writes its heartbeat, for `anonymizer health`.", _folder),
    Setting("CONSOLE", "Address at which the console is served, `127.0.0.1:8765` by default.", _address),
    Setting("CONSOLE_USERS", "File of the console's users; `anonymizer console --add-user NAME` writes it.", _file),
    Setting(
        "CONSOLE_PROXY",
        "Proxy that authenticates users: its header and its addresses, such as `X-Remote-User@10.0.0.7/32`. Nobody "
        "else may reach the console from there.",
        _proxy,
    ),
    Setting(
        "DELIVERY_KEY_FILE",
        "Key that signs deliveries, created with the first; `~/.config/rt-set-anonymizer/delivery.key` by default, "
        "and never on the share.",
        _file,
    ),
    Setting(
        "TRUSTED_KEYS_FILE",
        "Fingerprints of trusted senders of deliveries, one per line; `~/.config/rt-set-anonymizer/trusted_keys` by "
        "default.",
        _file,
    ),
    Setting(
        "SHARE_SECRET",
        "Enables the notice that a person is in two collections of the share: a long random text, the same for every "
        "worker, never on the share. Whoever holds it can link patients.",
        _long_secret,
        secret=True,
    ),
    Setting(
        "RECEIVER_URL",
        "URL from which `sort` fetches what the DICOM receiver was sent, such as `http://receiver:8042`.",
        _http,
    ),
    Setting("RECEIVER_PASSWORD", "Password of `sort` at the receiver.", str, secret=True),
    Setting(
        "SENDERS",
        "Senders that the receiver accepts, by calling AE title, and their collections under the share, such as "
        "`ECLIPSE=PROSTATE, MONACO=LUNG`.",
        _senders,
    ),
    Setting(
        "NOTIFY_COMMAND",
        "Command that `watch` runs with `sh` when sets are refused, parked or waiting for an hour, at most every 15 "
        "minutes: a sentence is its `$1`, counts and opaque IDs come as JSON on standard input.",
        str,
    ),
    Setting("NOTIFY_URL", "URL to which the same JSON is posted.", _web_address, secret=True),
    Setting("AUDIT_DAYS", "Days for which the audit in `.anonymizer/audit/` is kept. `3650` by default.", _days),
    Setting(
        "UMASK",
        "Umask of written files, such as `027`; the process's own by default. Group and others never get more access "
        "than to the collection's folder.",
        _umask,
    ),
    Setting("LOG_FORMAT", "`text` for people, `json` for log collectors.", _one_of("text", "json")),
    Setting("LOG_LEVEL", "Minimum log level.", _one_of("debug", "info", "warning", "error")),
)
"""All settings, from which the table in `docs/settings.md` is generated. Secrets may be read from a file named by
`…_FILE`.
"""


def as_markdown() -> str:
    """Return the table of settings in Markdown."""
    rows = [f"| `{PREFIX}{setting.name}` | {setting.meaning}{_default(setting)} |" for setting in TABLE]
    return "\n".join(("| variable | meaning |", "|---|---|", *rows))


def _default(setting: Setting) -> str:
    default = getattr(Settings(), setting.name.lower())
    if setting.secret:
        return f" Or `{PREFIX}{setting.name}{FILE}`: the file that contains it."
    return f" `{default:g}` by default." if isinstance(default, float) else ""
