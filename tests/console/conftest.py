"""A console that is served, with one user and one collection of one good set; without workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from console.auth import users
from console.auth.users import Users
from console.share_view import Desk
from services.runtime.settings import Settings
from tests.sets import make_collection, make_set
from tests.visitor import PASSWORD, USER, Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


QUICK = PasswordHasher(time_cost=1, memory_cost=64)


@pytest.fixture(scope="package", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hash and check passwords quickly: otherwise each guess takes a third of a second, and there are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_hasher", QUICK)
        users._nobody.cache_clear()
        yield
    users._nobody.cache_clear()


@pytest.fixture(scope="session")
def user_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file with one user, once."""
    path = tmp_path_factory.mktemp("users") / "users"
    path.write_text(f"{USER}:{QUICK.hash(PASSWORD)}\n")
    return path


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Make a share with one collection, of one good set."""
    root = make_collection(tmp_path / "share" / "BATCH")
    make_set(root, name="Müller Anna 4711", seed=1)
    return tmp_path / "share"


@pytest.fixture
def served(share: Path, user_file: Path) -> Iterator[Served]:
    """Serve a console whose sets wait for a person."""
    yield from serving(Desk(share, Settings(console_users=user_file), by_hand=True, users=Users(user_file)), share)
