"""Make the documents' pictures of a sheet: `python -m tests.sheet_pictures docs/screenshots`.

Of the demonstration's first set, in Chromium, as wide as a screen and as a phone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

BROWSER: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ANONYMIZER: Final = Path(sys.executable).parent / "anonymizer"
PARTS: Final = {
    "sheet-first-page.png": ("sheets/ANON_006.html", 1000, (0, 1552)),
    "sheet-doses.png": ("sheets/ANON_006.html", 1000, (1555, 2835)),
    "sheet-beams.png": ("sheets/ANON_006.html", 1000, (3560, 4250)),
    "sheet-phone.png": ("sheets/ANON_006.html", 390, (0, 1500)),
}
"""Name, contents, width, and vertical range, in pixels."""

_HIGH_PX: Final = 4400
_COLOURS: Final = 256
_ROUNDS: Final = 4
"""Palette size: with fewer colours, neighbouring isodoses merge."""


def main() -> None:
    """Make a demonstration set, anonymize it, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if BROWSER is None:
        sys.exit("Chromium is not installed: apt install chromium.")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "BATCH"
        subprocess.run([ANONYMIZER, "demo", root, "--sets", "1"], check=True)
        subprocess.run([ANONYMIZER, "run", root], check=True)
        for name, (page, width, (top, bottom)) in PARTS.items():
            picture = taken(BROWSER, root / page, width, Path(place) / name)
            store(picture.crop((0, top, width, min(bottom, picture.height))), folder / name)


def store(picture: Image.Image, path: Path) -> None:
    """Write a picture compressed without visible loss."""
    picture.quantize(_COLOURS, kmeans=_ROUNDS, dither=Image.Dither.NONE).save(path, optimize=True)


def taken(browser: str, page: Path, width: int, place: Path) -> Image.Image:
    """Take a picture of a page, in a frame, since windows cannot be as narrow as a phone."""
    frame = page.with_name("frame.html")
    frame.write_text(
        f"<body style='margin:0'><iframe src='{page.name}' style='border:0' width={width} height={_HIGH_PX}></iframe>"
    )
    subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--window-size={max(width, 500)},{_HIGH_PX}",
            f"--screenshot={place}",
            frame.as_uri(),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return Image.open(place).convert("RGB")


if __name__ == "__main__":
    main()
