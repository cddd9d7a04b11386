"""The file of users with password hashes and roles, written by `console --add-user`.

A line is `anna:$argon2id$…:look,start`. Without roles a user may do everything. With authentication by a proxy,
`anna:-:look` assigns a role without a password.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console.auth import roles
from services.errors import SettingsWrong
from services.language import gettext
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""Valid user names: a single word, because they are logged."""

SHORTEST: Final = 12
LONGEST: Final = 1024
"""Minimum password length. NIST SP 800-63B requires length, not composition rules."""

_hasher: Final = PasswordHasher()  # argon2id with the parameters of RFC 9106


NO_PASSWORD: Final = "-"  # noqa: S105 - it is none
"""Placeholder for the password of a user authenticated by a proxy."""


class User(NamedTuple):
    """One user of the file."""

    kept: str
    """The password's hash."""
    roles: frozenset[str] = roles.ALL


class Users:
    """The users in the current file, or in its last readable version."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[object, Mapping[str, User]] = (None, {})
        _nobody()  # computed beforehand, so that the first unknown name does not take twice as long

    def find(self, name: str) -> User | None:
        """Return a user; None if there is none of this name."""
        try:
            status = self._path.stat()
            mark = (status.st_mtime_ns, status.st_ino, status.st_size)
            if mark != self._seen[0]:
                self._seen = (mark, read(self._path))
        except FileNotFoundError:
            self._seen = (None, {})
        except (SettingsWrong, OSError):  # being written, or its disk is unavailable
            pass
        return self._seen[1].get(name)

    def knows(self, name: str) -> bool:
        """Return whether there is such a user."""
        return self.find(name) is not None

    def check(self, name: str, password: str) -> bool:
        """Return whether this is the user's password; takes the same time for unknown users.

        Raises
        ------
        SettingsWrong
            The file cannot be read.
        """
        user = read(self._path).get(name)
        has_password = user is not None and user.kept != NO_PASSWORD
        try:
            return (
                _hasher.verify(user.kept if user and has_password else _nobody(), password[:LONGEST]) and has_password
            )
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobody() -> str:
    """Return the hash against which passwords of unknown users are checked."""
    return _hasher.hash("nobody")


def read(path: Path) -> dict[str, User]:
    """Return the users by name.

    Raises
    ------
    SettingsWrong
        The file is unreadable or invalid.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(
            gettext("The file of the console's users cannot be read: {error}.", error=type(error).__name__)
        ) from None
    users: dict[str, User] = {}
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.strip().partition(":")
        kept, has_roles, words = rest.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not NAME.fullmatch(name) or not (kept == NO_PASSWORD or kept.startswith("$argon2")):
            raise SettingsWrong(
                gettext(
                    "Line {number} of the console's users is invalid. To write one: anonymizer console --add-user NAME",
                    number=number,
                )
            )
        users[name] = User(kept, roles.of_words([words]) if has_roles else roles.ALL)
    return users


def add(path: Path, name: str, password: str, may: Iterable[str] | None = None) -> None:
    """Add a user to the file, or set a new password. Only the file's owner may read it.

    Parameters
    ----------
    may
        Their roles; default: unchanged, or all for a new user.

    Raises
    ------
    SettingsWrong
        The name, the password or a role is invalid.
    """
    _check_name(name)
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsWrong(
            gettext("A password needs at least {count} characters. Several words are easy to remember.", count=SHORTEST)
        )
    users = read(path)
    its_roles = users[name].roles if name in users else roles.ALL
    _write(path, {**users, name: User(_hasher.hash(password), its_roles if may is None else roles.of_words(may))})


def allow(path: Path, name: str, may: Iterable[str]) -> None:
    """Set a user's roles; a user not in the file is added without a password, for login by a proxy.

    Raises
    ------
    SettingsWrong
        The name or a role is invalid.
    """
    _check_name(name)
    users = read(path)
    kept = users[name].kept if name in users else NO_PASSWORD
    _write(path, {**users, name: User(kept, roles.of_words(may))})


def remove(path: Path, name: str) -> None:
    """Remove a user from the file; their sessions end at the next request.

    Raises
    ------
    SettingsWrong
        There is no such user.
    """
    users = read(path)
    if name not in users:
        raise SettingsWrong(gettext("There is no user {name}: anonymizer console --list-users lists them.", name=name))
    _write(path, {each: user for each, user in users.items() if each != name})


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SettingsWrong(
            gettext("A user's name is one word of English letters, digits and . _ @ -, at most 64 of them.")
        )


def _write(path: Path, users: Mapping[str, User]) -> None:
    lines = (f"{name}:{user.kept}:{roles.as_words(user.roles)}\n" for name, user in users.items())
    durable_files.write_atomically(path, "".join(lines).encode())
    path.chmod(0o600)
