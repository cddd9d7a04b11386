"""Whether the beams of the plan can be delivered by the machine of the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import Fault
from services.language import gettext, joined
from services.machines.fit import KEEP_ONLY, fit_first, sentences, shipped_that_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.forms.collection_form import Options
    from services.machines.descriptor import Machine
    from services.machines.fit import Fit
    from services.rtset.reader import SetFile
    from services.verdict.findings import Findings


def judge(found: Findings, plan: SetFile | None, machines: Sequence[Machine], options: Options) -> Fit | None:
    """Return how the plan fits; None if it keeps its own machine, or there is no single plan."""
    fit = fit_first(plan.view, machines) if plan and machines else None
    if fit and plan:
        _judge_fit(found, fit, plan, machines, options)
    return fit


def _judge_fit(found: Findings, fit: Fit, plan: SetFile, machines: Sequence[Machine], options: Options) -> None:
    """Refuse a plan that does not fit the machine, unless the collection only wants a warning."""
    by_code = sentences(fit)
    if not by_code:
        return
    if fit.can_be_moved and options.on_machine_mismatch == "warn":
        found.add_file_notes(sentence for found_by_code in by_code.values() for sentence in found_by_code)
        return
    others = _other_machines(plan, machines) if fit.can_be_moved else ""
    for code, found_by_code in by_code.items():
        remedy = (
            gettext('Collect it with machine = "keep".')
            if code in KEEP_ONLY
            else gettext(
                '{others} With on_machine_mismatch = "warn" the plan would still be published on {machine} with '
                "its beams unchanged, and this would be a note.",
                others=others,
                machine=fit.machine.name,
            )
        )
        found.faults.append(Fault(f"machine-{code}", joined(found_by_code), remedy))


def _other_machines(plan: SetFile, machines: Sequence[Machine]) -> str:
    """Return a built-in machine that the plan would fit, if any."""
    keep = gettext('set machine to "keep", which leaves each plan on its own machine.')
    fitting = shipped_that_fit(plan.view, machines)
    if not fitting:
        return gettext(
            "No shipped descriptor fits this plan. Add a descriptor of a machine that has it "
            "(machines/README.md says how) to the list in collection.toml, or {keep}",
            keep=keep,
        )
    names = ", ".join(f'"{name}"' for name in (*(machine.name for machine in machines), *fitting))
    return gettext(
        "The shipped descriptor {fitting} fits this plan: with machine = [{names}] in collection.toml "
        "the first machine that fits takes each plan. Or {keep}",
        fitting=gettext(" or ").join(fitting),
        names=names,
        keep=keep,
    )
