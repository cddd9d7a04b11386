"""`anonymizer check`: what stands for and against each set of a root folder. Changes nothing, and needs no Redis."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from anonymizer.new import MachineNames, Root, check_folder, has_form, known_machines, machine_names
from anonymizer.screen import PUBLISHED_ALL, SOME_NOT, console, say_json, say_loose
from services import check as checks
from services import machine as machines
from services import settings as environment
from services.collection import Options, read_settings
from services.errors import SetChanged, SetRefused
from services.links import LINKS
from services.policy import policy_for
from services.rtset import CT, DOSE, PLAN, STRUCTURE_SET
from watcher.folders import loose_dicom, set_folders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from services.check import Verdict
    from services.errors import Fault
    from services.machine import Machine

KINDS = (CT, STRUCTURE_SET, PLAN, DOSE)

AsJson = Annotated[bool, typer.Option("--json", help="Say it to a program.")]


@dataclass(frozen=True, slots=True)
class Row:
    """What the check found in one folder."""

    folder: str
    verdict: str
    """`good`, `incomplete`, `refused`, `no set`, or `cannot be read`."""
    counts: Mapping[str, int]
    links: Mapping[str, str]
    machine: str
    faults: Sequence[Mapping[str, str]]
    notes: Sequence[str]


def check(root: Root, machine: MachineNames = None, as_json: AsJson = False) -> None:
    """Check every set of a root folder: what is there, how it hangs together, whether the machine fits."""
    check_folder(root)
    options = read_settings(root)[1] if has_form(root) else Options(machine=machine_names(machine))
    places = machines.folders(environment.from_environment(os.environ).machines)
    known = [machines.find(name, places) for name in known_machines(options.machine)]
    folders = [root / name for name in set_folders(root)]
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(partial(_judge, options=options, machines=known), folders))
    if as_json:
        say_json({"sets": [asdict(row) for row in rows]})
    else:
        _say(root, rows)
    good = all(row.verdict in {"good", "no set"} for row in rows)
    raise typer.Exit(PUBLISHED_ALL if good else SOME_NOT)


def _judge(folder: Path, options: Options, machines: Sequence[Machine]) -> Row:
    """Judge one folder, in a process of its own: what it read stays there."""
    try:
        return _row(folder, checks.judge(folder, options, machines, policy_for(options)))
    except SetRefused as refused:
        return Row(folder.name, "refused", {}, {}, "", list(map(_fault, refused.faults)), ())
    except SetChanged:
        return Row(folder.name, "cannot be read", {}, {}, "", (), ("It changes just now.",))
    except OSError as error:
        return Row(folder.name, "cannot be read", {}, {}, "", (), (error.strerror or type(error).__name__,))


def _row(folder: Path, verdict: Verdict) -> Row:
    word = "refused" if verdict.faults else "incomplete" if verdict.missing else "good"
    fit = verdict.machine
    return Row(
        folder.name,
        "no set" if verdict.empty else word,
        verdict.counts,
        verdict.links,
        "" if fit is None else fit.machine.name if fit.fits else "does not fit",
        [_fault(fault) for fault in (*verdict.faults, *verdict.missing)],
        verdict.notes,
    )


def _fault(fault: Fault) -> Mapping[str, str]:
    return {"code": fault.code, "found": fault.found, "remedy": fault.remedy}


def _say(root: Path, rows: list[Row]) -> None:
    screen = console()
    sets = [row for row in rows if row.verdict != "no set"]
    table = Table("Set", *KINDS, "Links", "Machine", "Verdict")
    for row in sets:
        counts = (str(row.counts.get(kind, "")) for kind in KINDS)
        table.add_row(row.folder, *counts, _links(row), row.machine, row.verdict)
    if sets:
        screen.print(table)
    for row in sets:
        for fault in row.faults:
            screen.print(f"{row.folder}: {fault['found']} {fault['remedy']}")
        for note in row.notes:
            screen.print(f"{row.folder}: {note}")
    for row in rows:
        if row.verdict == "no set":
            screen.print(f"{row.folder}: no DICOM, and so no set.")
    if not rows:
        screen.print(f"There are no sets in {root}: each folder in it with DICOM files is one.")
    if loose := loose_dicom(root):
        screen.print(say_loose(root, loose))


def _links(row: Row) -> str:
    """Name the links that are not all right; say `linked` when all are shown."""
    others = [f"{name} {row.links[name]}" for name in LINKS if row.links.get(name, "shown") != "shown"]
    return ", ".join(others) if others else "linked" if row.links else ""


COMMANDS = (check,)
