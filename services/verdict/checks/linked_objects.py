"""How the objects of a set refer to each other, and where they lie; broken links are rebuilt if geometry agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from services.language import gettext, gettext_noop
from services.rtset import placement, references, relink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.forms.collection_form import Options
    from services.rtset.reader import SetFile
    from services.rtset.references import Links, Objects, State
    from services.verdict.findings import Findings

_RELINK_HELPS: Final = gettext_noop(
    'Or set on_broken_links to "relink" in collection.toml: geometry agrees, and the references would be rebuilt.'
)

_DRAWN_ELSEWHERE: Final = gettext_noop(
    "All slices that it lists are here. Export the structure set together with the CT it was drawn on; if its contours "
    'are meant to lie so, add "contours-off-slices" to accept in collection.toml.'
)


class Linked(NamedTuple):
    """The objects of a set, and how they refer to each other."""

    objects: Objects
    states: Mapping[str, State]
    """By the names in `services.rtset.references.LINKS`."""

    rebuilt: bool
    """Whether references were rebuilt."""


def judge(found: Findings, chosen: Objects, left_out: Sequence[SetFile], options: Options) -> Linked:
    """Check the references between a set's objects, then where the objects lie."""
    links = references.judge(
        chosen,
        frozenset(one.sop_instance_uid for one in left_out),
        off_slices_accepted=references.OFF_SLICES in options.accept,
    )
    linked = _judge_links(found, chosen, links, options)
    if not links.missing:  # otherwise the CT will grow by the missing slices
        found.faults += placement.elsewhere(linked.objects)
        found.record_notes += placement.beyond(linked.objects)
    return linked


def _judge_links(found: Findings, objects: Objects, links: Links, options: Options) -> Linked:
    """Refuse broken links, or rebuild them if the collection requests it; return what results."""
    found.add_file_notes(links.notes)
    found.accept(links.accepted)
    for fault in links.missing:
        if fault.code == references.OFF_SLICES and _is_all_here(objects):
            found.faults.append(replace(fault, remedy=gettext(_DRAWN_ELSEWHERE)))
        else:
            found.missing.append(fault)
    if links.all_shown:  # otherwise geometry decides
        found.add_file_notes(references.strange(objects))
    complete = objects.structure_set and objects.plan and objects.dose and objects.slices and not links.missing
    if complete and links.broken and options.on_broken_links == "refuse" and not relink.doubts(objects, links):
        links.broken = [replace(fault, remedy=f"{fault.remedy} {gettext(_RELINK_HELPS)}") for fault in links.broken]
    if options.on_broken_links == "relink" and complete and not links.all_shown:
        doubts = relink.doubts(objects, links)
        if not doubts:
            rebuilt = relink.rebuild(objects, links)
            apart = [link for link, state in links.states.items() if state != "shown"]
            links.states |= dict.fromkeys(apart, "relinked")
            found.add_file_notes(
                [gettext("References were rebuilt, because geometry agrees: {links}.", links=", ".join(apart))]
            )
            return Linked(objects._replace(**rebuilt._asdict()), links.states, rebuilt=True)
        if links.broken:
            found.faults += dict.fromkeys((*links.broken, *doubts))
            return Linked(objects, links.states, rebuilt=False)
    found.faults += dict.fromkeys((*links.broken, *links.unborne))
    return Linked(objects, links.states, rebuilt=False)


def _is_all_here(objects: Objects) -> bool:
    """Return whether no slices are missing."""
    return objects.structure_set is not None and references.all_listed_are_here(objects.structure_set, objects.slices)
