"""The CT of both sides in one pass: compared, its elements counted, and drawn as the views of the sheet."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.examination import element_counts
from sheets.examination.source_diff import CT, Difference
from sheets.read import ct_volume
from sheets.read.ct_volume import NotDrawable, Planes
from sheets.render import draw
from sheets.render.draw import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.read.ct_volume import Place, Slice
    from sheets.read.numbers import Data, Floats
    from sheets.read.plan_objects import Objects

CLOSE_MM: Final = 40.0
"""Margin shown around a difference, in mm."""

SMALL_MM: Final = 110.0
"""Margin shown around the target in the report, in mm."""

MOST_SHOWN: Final = 3
"""Maximum number of differences drawn."""

BESIDE_MM: Final = 5.0
"""The maximum dose gets its own views if it lies further than this from the others, in mm."""


class _Pair(NamedTuple):
    """One slice of the published set and the one at the same position in the source."""

    number: int
    place: Place
    after: Data
    before: Data | None
    voxels: Slice | None
    """None if they cannot be decoded."""
    voxels_before: Slice | None


def take(findings: Findings) -> None:
    """Compare the CT, count its elements and draw the views, in one pass."""
    after, before = findings.after, findings.before
    centre = _centre(findings)
    places = [one.place for one in after.objects.slices]
    views = Planes(after.objects.frame, places, centre)
    hottest = draw.hottest(after.dose, after.objects.frame)
    if hottest is not None and float(np.abs(hottest - centre).max()) <= BESIDE_MM:
        hottest = None
    views_hottest = None if hottest is None else Planes(after.objects.frame, places, hottest)
    views_before = (
        Planes(before.objects.frame, [one.place for one in before.objects.slices], centre) if before else None
    )
    decoded, decoded_before = True, before is not None
    for pair in _pairs(findings):
        if not findings.proven:
            element_counts.elements_of(pair.after, findings.written)
            _compare_slice(findings, pair)
        if pair.voxels is None:
            decoded = False
        else:
            views.add(pair.number, pair.place, pair.voxels)
            if views_hottest is not None:
                views_hottest.add(pair.number, pair.place, pair.voxels)
        if before is not None and views_before is not None and pair.voxels_before is not None:
            views_before.add(pair.number, before.objects.slices[pair.number].place, pair.voxels_before)
        else:
            decoded_before = False
    if not decoded:
        return
    planes, scene = views.made(), after.scene(findings.levels)
    shown = draw.box(after.structures, planes, centre)
    boxes = [draw.cropped(plane, scene, shown) for plane in planes]
    findings.picture = draw.views(planes, scene, boxes)
    visible = list(zip(planes, boxes, strict=True))
    if views_hottest is not None and hottest is not None:
        through = views_hottest.made()
        around = draw.box(after.structures, through, hottest)
        boxes_hottest = [draw.cropped(plane, scene, around) for plane in through]
        findings.hottest = draw.views(through, scene, boxes_hottest, shape=draw.LOW)
        visible += zip(through, boxes_hottest, strict=True)
    findings.seen = draw.seen(after.structures, visible)
    centre = np.clip(centre, shown.low, shown.high)
    small = Box(np.maximum(shown.low, centre - SMALL_MM), np.minimum(shown.high, centre + SMALL_MM))
    findings.thumbnail = b64encode(draw.thumbnail(planes[0], scene, small)).decode("ascii")
    if before is not None and views_before is not None and decoded_before:
        findings.picture_before = draw.views(views_before.made(), before.scene(findings.levels), boxes)


def draw_differences(findings: Findings) -> None:
    """Draw the neighbourhood of the first differences that have a position."""
    for difference in [one for one in findings.comparison.differences if one.at is not None][:MOST_SHOWN]:
        if (picture := _close(findings, difference)) is not None:
            findings.close.append((difference.says, picture))


def _pairs(findings: Findings) -> Iterator[_Pair]:
    """Yield the slices of both sides in order."""
    after, before = findings.after.objects, findings.before.objects if findings.before else None
    images = before.images() if before else iter(())
    for number, image in enumerate(after.images()):
        other = next(images, None)
        yield _Pair(
            number,
            after.slices[number].place,
            image,
            other,
            _decoded(image, after),
            _decoded(other, before) if other is not None and before is not None else None,
        )


def _decoded(image: Data, of: Objects) -> Slice | None:
    try:
        return ct_volume.read_slice(image, of.frame)
    except NotDrawable:
        return None


def _centre(findings: Findings) -> Floats:
    """Return the centre of the views in the frame, in mm."""
    after, target = findings.after, findings.target
    if target is not None:
        return after.histograms[target.number].centre
    frame = after.objects.frame
    if (hottest := draw.hottest(after.dose, frame)) is not None:
        return hottest
    middle = after.objects.slices[len(after.objects.slices) // 2].place
    point = ct_volume.position((middle.size[1] // 2, middle.size[0] // 2), middle, frame)
    return np.asarray(frame.of(point[np.newaxis])[0])


def _compare_slice(findings: Findings, pair: _Pair) -> None:
    comparison, called = findings.comparison, f"slice {pair.number + 1}"
    if pair.before is None:
        comparison.count(CT, pair.after, pair.place.size[0] * pair.place.size[1])
        return
    comparison.headers(CT, pair.before, pair.after, called)
    if pair.voxels is not None and pair.voxels_before is not None:
        frame = findings.after.objects.frame
        comparison.voxels(
            CT,
            pair.voxels_before[...],
            pair.voxels[...],
            called,
            lambda voxel: ct_volume.position(voxel, pair.place, frame),
        )
    elif pair.before.get("PixelData") != pair.after.get("PixelData"):
        comparison.parts[CT].add(1, Difference(CT, f"{called}: the compressed pixels differ", 0.0))


def _close(findings: Findings, difference: Difference) -> bytes | None:
    """Draw the neighbourhood of a difference, with the differences on top."""
    after, before = findings.after, findings.before
    assert difference.at is not None
    assert before is not None
    frame = after.objects.frame
    at = frame.of(difference.at[np.newaxis])[0]
    lie = [one.place for one in after.objects.slices]
    views, off = Planes(frame, lie, at), Planes(frame, lie, at, outside=0.0)
    for pair in _pairs(findings):
        if pair.voxels is None:
            return None
        views.add(pair.number, pair.place, pair.voxels)
        if pair.voxels_before is not None and pair.voxels_before.stored.shape == pair.voxels.stored.shape:
            difference_hu = pair.voxels[...] - pair.voxels_before[...]
            off.add(pair.number, pair.place, difference_hu)
    return draw.views(
        views.made(),
        after.scene(findings.levels, before.scene(findings.levels)),
        [Box(at - CLOSE_MM, at + CLOSE_MM)] * 3,
        highlight=[plane.values for plane in off.made()],
    )
