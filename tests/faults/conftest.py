"""What fault tests stand on: a service of real processes, gone when the test is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.service import Service
from tests.integration.conftest import client, collection, redis_server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Have a share with a collection, and everything that it takes to serve it; nothing of it runs yet."""
    with Service(tmp_path) as made:
        yield made
