# ruff: noqa: INP001 - Flower runs this file, nobody imports it
"""Flower's settings that no environment variable can hold: read by Flower itself, which runs this file.

Its name and password stand in a file, `name:password`, so that neither the process list nor `docker inspect` shows
them. Without it Flower does not start: it would be open to everybody who can reach its port.
"""

import os
from pathlib import Path

basic_auth = [Path(os.environ["FLOWER_BASIC_AUTH_FILE"]).read_text(encoding="utf-8").strip()]
if not all(basic_auth[0].partition(":")):
    raise SystemExit("The file that FLOWER_BASIC_AUTH_FILE names must hold name:password.")
