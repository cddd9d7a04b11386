"""What .dockerignore leaves out is missing in the image, and shows only when it is run."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_every_package_reaches_the_builder():
    """The list of packages stands in two places."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    let_through = {line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().splitlines()}
    assert {*packages, "machines", "pyproject.toml", "README.md"} <= let_through
