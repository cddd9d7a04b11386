"""What the README says of settings, form, commands and policy is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anonymizer.quick import COMMANDS
from services.forms.collection_form import Options, settings_text
from services.forms.identity import Identity
from services.policy.markdown import as_summary
from services.policy.table import Choice, policy_for
from services.runtime import settings

README = Path(__file__).parents[2] / "README.md"
DEMO = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)

SECTIONS = {
    "form": lambda: f"```toml\n{settings_text(DEMO, Options(machine=('VicRapidPlan',))).strip()}\n```",
    "policy": lambda: as_summary(policy_for(Choice())).strip(),
    "settings": settings.as_markdown,
}


def section(name: str) -> str:
    """Give what stands between a section's markers."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", README.read_text("utf-8"), re.DOTALL)
    assert found, f"the README has no section {name}"
    return found[1].strip()


@pytest.mark.parametrize("name", SECTIONS)
def test_what_is_generated_is_what_the_program_says(name: str) -> None:
    """`python -m tests.unit.test_readme` writes these sections."""
    assert section(name) == SECTIONS[name]()


def test_every_command_is_told_of_and_every_command_told_of_is_there() -> None:
    """The table of commands in the README."""
    told = set(re.findall(r"^\| `anonymizer (\w+)", README.read_text("utf-8"), re.MULTILINE))
    told.add("worker")  # stands beside `watch`
    assert told == set(COMMANDS)


def write() -> None:
    """Write the generated sections."""
    text = README.read_text("utf-8")
    for name, make in SECTIONS.items():
        old = re.search(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", text, re.DOTALL)
        assert old
        text = text.replace(old[0], f"{old[1]}{make()}\n{old[2]}")
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
