"""Numbers in addresses, fields and arguments that Python refuses to read, or no file can be named after."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from console.forms import whole_number
from tests.in_process import anonymizer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.visitor import Served

LONG = "9" * 5000
ODD = [LONG, f"ANON_{LONG}", "ANON_" + "9" * 220, "ANON_" + "9" * 190, "ANON_٠٠٦", "²", "-1", "x" * 300, "\0"]


def test_no_address_fails(served: Served) -> None:
    """Whatever stands in the place of a parameter, there is no such page."""
    member = served.member()
    routes = [route for route in served.routes if "{" in getattr(route, "path", "") and "{path" not in route.path]
    assert len(routes) > 20
    for route in routes:
        for odd in ODD:
            path = route.path.replace("{collection}", served.collection.removeprefix("/c/"))
            if route.path.count("{") == 1 and "{collection}" in route.path:
                path = route.path.replace("{collection}", "{odd}")
            for name in route.param_convertors:
                path = path.replace(f"{{{name}}}", "{odd}")
            path = path.replace("{odd}", quote(odd, safe=""))
            member.get(served.collection)
            answer = member.get(path) if "GET" in route.methods else member.post(path)
            assert answer.status < 500, (route.path, odd[:20])


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("007", 7), ("", None), ("²", None), (LONG, None)])
def test_a_field_holds_a_number_or_none(text: str, number: int | None) -> None:
    """The field of a form is the visitor's."""
    assert whole_number(text) == number


@pytest.mark.parametrize("name", [f"ANON_{LONG}", "ANON_" + "9" * 190])
@pytest.mark.parametrize("command", ["sheet", "withdraw", "forget", "which", "retry", "export --sets"])
def test_no_command_fails(share: Path, command: str, name: str) -> None:
    """It says what is wrong."""
    root = share / "BATCH"
    first, *options = command.split()
    place = [root, share.parent / "to"] if first == "export" else [share if first == "which" else root]
    arguments = [name, share] if first == "which" else [*place, *options, name]
    done = anonymizer(first, *arguments)
    assert done.returncode
    assert "Unexpected" not in done.stderr
    assert "No such file" not in done.stderr
