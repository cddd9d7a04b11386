"""Beam's-eye views of the treatment beams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.read import beam_geometry
from sheets.read.numbers import degrees
from sheets.render import beams_eye
from sheets.render.page import Heading, Text, Tile, Tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.read.beam_geometry import BeamView
    from sheets.read.beams import Beam
    from sheets.render.page import Block

MOST: Final = 24
"""Maximum number of beams drawn."""


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out a view of each treatment beam at its widest opening, or of all beams if none is marked as treatment."""
    objects, target = findings.after.objects, findings.target
    every = list(zip(objects.beams, beam_geometry.views(objects.plan), strict=True))
    wanted = [pair for pair in every if pair[0].treats] or every
    if not wanted:
        return
    yield Heading("Beam's-eye views")
    yield Tiles(
        [
            Tile(
                beams_eye.picture(view, beams_eye.shadow(target, view, objects.frame)),
                f"{beam.number} {beam.name}".strip(),
                _lines(beam, view),
                bad=bool(view.left_out),
            )
            for beam, view in wanted[:MOST]
        ]
    )
    if len(wanted) > MOST:
        yield Text(f"and {len(wanted) - MOST} more beams, not drawn.")
    red = f"Red: {target.name}, projected into the isocentre plane. " if target else "No target is drawn. "
    yield Text(
        f"{red}Grey: shielded by jaws (blue), leaves, blocks or applicators (brown), at the control point with the "
        "widest opening. Axes: gantry x to the right, y upwards; Y: collimator. Dial: gantry angle, "
        "seen facing the gantry.",
        "small",
    )


def _lines(beam: Beam, view: BeamView) -> list[str]:
    """Return the angles, the control point drawn, and what is not drawn."""
    at = f", control point {view.control_point} of {view.control_points}"
    if view.control_points <= 2 or view.opening is None:  # spots are those of all control points
        at = ""
    angles = f"gantry {beam.gantry or 'not stated'}, collimator {beam.collimator or 'not stated'}"
    drawn = "" if view.gantry is None else f" at {degrees(view.gantry)}"
    lines = [f"{angles}, couch {beam.couch or 'not stated'}", f"drawn{drawn}{at}" if drawn or at else ""]
    lines = [line for line in lines if line]
    if view.opening is None and not view.outlines and not len(view.spots):
        lines.append("aperture not stated")
    if view.axes is None:
        lines.append("target not drawn: source, isocentre, gantry angle or position not stated, or couch tilted")
    if view.left_out:
        lines.append(f"not drawn, because positions are not stated or not readable: {', '.join(view.left_out)}")
    return lines
