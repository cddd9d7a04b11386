"""The templates of the pages, with the names and rules that every template may use."""

from __future__ import annotations

from functools import cache
from typing import Final

import jinja2

from console import forms
from console.auth.roles import START, TRACKING
from console.forms import NEW_FOLDER
from console.hints import on_a_page
from console.translations import LANGUAGES, catalogue
from services.forms.collection_form import BY_HAND
from services.machines.descriptor import KEEP
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.rtset.references import CONTOURS_CT, DOSE_PLAN, FRAME, LINKS, PLAN_STRUCTURE_SET
from services.store.records import folder_name
from services.store.registry import OF_A_PERSON
from services.store.set_state import SetState

CHAIN: Final = ((DOSE, DOSE_PLAN), (PLAN, PLAN_STRUCTURE_SET), (STRUCTURE_SET, CONTOURS_CT), (CT, None))
"""Each object of a set with its outgoing reference."""

COUNTED: Final = tuple(state for state in SetState if state not in {SetState.NO_SET, SetState.GONE})
"""States of which a page tells how many sets have them."""


def of_name(name: str) -> jinja2.Template:
    """Return a template."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["on_a_page"] = on_a_page
    environment.globals.update(
        languages=LANGUAGES,
        chain=CHAIN,
        counted_states=COUNTED,
        link_names=LINKS,
        frame=FRAME,
        keep=KEEP,
        by_hand=BY_HAND,
        new_folder=NEW_FOLDER,
        folder_name=folder_name,
        fault_key=_fault_key,
        asks_person=lambda codes: not OF_A_PERSON.isdisjoint(codes),
        more=forms.more,
        may_start=START,
        may_track=TRACKING,
    )
    return environment


def _fault_key(code: str) -> str:
    """Return the text key of a fault; machine faults share one."""
    return "machine-other" if code.startswith("machine-") and f"fault.{code}" not in catalogue() else code
