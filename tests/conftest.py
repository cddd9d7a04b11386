"""What holds for all tests."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.many import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

# The programs that tests start compile each module once, not each time, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A slow machine is no fault of the code: pytest's own timeout bounds every test.
settings.register_profile("without deadline", deadline=None, max_examples=examples(50))
settings.load_profile("without deadline")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays to the end: all modules and tests, which is most of the heap."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep delivery keys that tests make out of the configuration of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        yield
