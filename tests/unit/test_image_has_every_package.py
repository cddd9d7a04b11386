"""What .dockerignore omits is missing in the image, and shows only at run time."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_every_package_reaches_the_builder():
    """The list of packages is in two places."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    let_through = {line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().splitlines()}
    assert {*packages, "machines", "pyproject.toml", "README.md"} <= let_through
