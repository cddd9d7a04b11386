"""Cut the pictures of the console in docs/screenshots from those of its test: `make console-pictures`.

`make console-test` leaves a picture of every page in `.venv/pictures`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from PIL import Image

from tests.sheet_pictures import store

PARTS: Final = {
    "console-form.png": ("new-wide-light.png", 1206),
    "console-check.png": ("checked-wide-light.png", 1080),
    "console-progress.png": ("working-wide-dark.png", 1080),
    "console-small.png": ("done-narrow-light.png", 780),
}
"""Name, picture of the test, and the height shown, from the top, in pixels."""


def main() -> None:
    """Cut each picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    for name, (page, height) in PARTS.items():
        with Image.open(given.pictures / page) as picture:
            whole = picture.convert("RGB")
        store(whole.crop((0, 0, whole.width, min(height, whole.height))), given.folder / name)


if __name__ == "__main__":
    main()
