"""Fixtures of the fault tests: a service of real processes that ends with the test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.service import Service
from tests.integration.conftest import client, collection, redis_server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator


BOUND_S = 600
"""Of one test, on a slow and busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Extend the time limits of this folder's tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(BOUND_S))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Provide a share with a collection and its service, of which nothing runs yet."""
    with Service(tmp_path) as made:
        yield made
