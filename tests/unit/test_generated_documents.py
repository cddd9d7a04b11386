"""The documents' sections on settings, form, commands and policy match the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anonymizer.quick import COMMANDS
from services.forms.collection_form import options_of_new_collection, settings_text
from services.forms.identity import Identity
from services.policy.markdown import as_summary
from services.policy.table import Choice, policy_for
from services.runtime import settings

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"
DEMO = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)

SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "form": (
        "collection.md",
        lambda: f"```toml\n{settings_text(DEMO, options_of_new_collection(['VicRapidPlan'])).strip()}\n```",
    ),
    "policy": ("privacy.md", lambda: as_summary(policy_for(Choice(patient_characteristics="dose_model"))).strip()),
    "settings": ("settings.md", settings.as_markdown),
}


def section(name: str, text: str) -> re.Match[str]:
    """Return a section with its markers."""
    found = re.search(rf"(<!-- {name} -->\n)(.*?)\n?(<!-- /{name} -->)", text, re.DOTALL)
    assert found, f"the document has no section {name}"
    return found


@pytest.mark.parametrize("name", SECTIONS)
def test_what_is_generated_is_what_the_program_says(name: str) -> None:
    """`python -m tests.unit.test_generated_documents` writes these sections."""
    document, make = SECTIONS[name]
    assert section(name, (DOCS / document).read_text("utf-8"))[2].strip() == make()


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    """The table of commands."""
    told = set(re.findall(r"^\| `anonymizer (\w+)", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE))
    told.add("worker")  # stands beside `watch`
    assert told == set(COMMANDS)


def write() -> None:
    """Write the generated sections."""
    for name, (document, make) in SECTIONS.items():
        text = (DOCS / document).read_text("utf-8")
        old = section(name, text)
        (DOCS / document).write_text(text.replace(old[0], f"{old[1]}{make()}\n{old[3]}"), "utf-8")


if __name__ == "__main__":
    write()
