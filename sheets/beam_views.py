"""Views of the beams, as their sources see the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.read import beam_geometry
from sheets.render import beams_eye
from sheets.render.page import Heading, Text, Tile, Tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.findings import Findings
    from sheets.read.beam_geometry import BeamView
    from sheets.read.beams import Beam
    from sheets.render.page import Block

MOST: Final = 24
"""Beams of which there is a picture."""


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out a view of each beam that treats at its widest opening; of all, where none is said to."""
    objects, target = findings.after.objects, findings.target
    every = list(zip(objects.beams, beam_geometry.views(objects.plan), strict=True))
    wanted = [pair for pair in every if pair[0].treats] or every
    if not wanted:
        return
    yield Heading("Beams as their sources see the target")
    yield Tiles(
        [
            Tile(
                beams_eye.picture(view, beams_eye.shadow(target, view, objects.frame)),
                f"{beam.number} {beam.name}".strip(),
                _lines(beam, view),
            )
            for beam, view in wanted[:MOST]
        ]
    )
    if len(wanted) > MOST:
        yield Text(f"and {len(wanted) - MOST} more beams, which are not drawn.")
    red = f"Red: {target.name}, projected into the isocentre plane. " if target else "No target is drawn. "
    yield Text(
        f"{red}Grey: shielded by jaws (blue), leaves, blocks or applicators (brown), at the control point with the "
        "widest opening. To the right x, upwards y of the gantry; Y: the collimator's. Dial: the gantry, as seen by "
        "who faces it.",
        "small",
    )


def _lines(beam: Beam, view: BeamView) -> list[str]:
    """Say which control point is drawn, what is not, and how the beam turns."""
    at = f", control point {view.control_point} of {view.control_points}" if view.control_points > 2 else ""
    angles = f"gantry {beam.gantry or 'not stated'}, collimator {beam.collimator or 'not stated'}"
    told = [f"{angles}, couch {beam.couch or 'not stated'}", f"drawn at {view.gantry:g}\N{DEGREE SIGN}{at}"]
    if view.opening is None and not view.outlines and not len(view.spots):
        told.append("nothing says what is open")
    if view.axes is None:
        told.append("target not drawn: source, isocentre or position not stated, or couch tilted")
    return told
