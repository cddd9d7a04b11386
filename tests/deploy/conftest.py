"""Configuration of the deployment tests; `make compose-test` gives engine and image."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Return the folder in which logs and pictures are kept for inspection."""
    folder = Path(os.environ.get("DEPLOY_TEST_ARTEFACTS", "/tmp/anonymizer-ci-artefacts"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
