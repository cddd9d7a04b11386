"""Who may log in: a file of names and of passwords' hashes, which an operator writes with `console --add-user`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import SettingsWrong
from services.runtime import durable_files

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""What a user may be called: it stands in the log, one word."""

SHORTEST: Final = 12
LONGEST: Final = 1024
"""Characters of a password. NIST SP 800-63B asks for length, and for no mixture of signs."""

_hasher: Final = PasswordHasher()  # argon2id with the parameters of RFC 9106


class Users:
    """The people of the file, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _nobody()  # made beforehand: the first unknown name must not take twice as long as the next

    def knows(self, name: str) -> bool:
        """Tell whether there is such a user."""
        return name in read(self._path)

    def check(self, name: str, password: str) -> bool:
        """Tell whether this is the user's password; of unknown users it takes as long to say no.

        Raises
        ------
        SettingsWrong
            The file cannot be read.
        """
        kept = read(self._path).get(name)
        try:
            return _hasher.verify(kept or _nobody(), password[:LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobody() -> str:
    """Make the hash that whoever is not known is held against."""
    return _hasher.hash("nobody")


def read(path: Path) -> dict[str, str]:
    """Read the hashes by name.

    Raises
    ------
    SettingsWrong
        The file cannot be read, or holds something else.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"The file of the console's users cannot be read: {type(error).__name__}.") from None
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, _, kept = line.strip().partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not NAME.fullmatch(name) or not kept.startswith("$argon2"):
            raise SettingsWrong(
                f"Line {number} of the console's users is none of ours: anonymizer console --add-user NAME writes it."
            )
        users[name] = kept
    return users


def add(path: Path, name: str, password: str) -> None:
    """Put a user into the file, or give one a new password. Only the file's owner may read it.

    Raises
    ------
    SettingsWrong
        The name or the password cannot be taken.
    """
    if not NAME.fullmatch(name):
        raise SettingsWrong("A user's name is one word of English letters, digits and . _ @ -, at most 64 of them.")
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsWrong(f"A password has at least {SHORTEST} characters. Several words are easily remembered.")
    users = {**read(path), name: _hasher.hash(password)}
    text = "".join(f"{each}:{kept}\n" for each, kept in users.items())
    durable_files.write_atomically(path, text.encode())
    path.chmod(0o600)
