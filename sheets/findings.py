"""Examination of a published set side by side with its source, slice by slice."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from services.language import counted
from services.layout import published_in
from services.maintenance import same_source
from services.policy.table import Choice, policy_for
from services.publication import accounts
from services.store import records
from services.store.records import folder_name
from sheets import element_counts, paths
from sheets.dvh import Dvh, dvh
from sheets.kept_texts import files_in, travelling
from sheets.read import contours, ct_volume, plan_objects
from sheets.read.beams import prescription
from sheets.read.ct_volume import NotDrawable, Planes
from sheets.read.dose_grid import Dose
from sheets.read.plan_objects import NoSet
from sheets.render import draw
from sheets.render.draw import Box, Scene
from sheets.source_diff import BEAMS, CONTOURS, CT, DOSE, Comparison, Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record
    from sheets.kept_texts import Travelling
    from sheets.read.beams import Prescription
    from sheets.read.contours import Structure
    from sheets.read.ct_volume import Floats, Place, Slice
    from sheets.read.numbers import Data
    from sheets.read.plan_objects import Objects
    from sheets.render.draw import Level

CLOSE_MM: Final = 40.0
"""Margin shown around a difference, in mm."""

_KINDS: Final = {CT: "CT", CONTOURS: "RTSTRUCT", DOSE: "RTDOSE", BEAMS: "RTPLAN"}
"""The name of each part's kind of object in an account."""

SMALL_MM: Final = 110.0
"""Margin shown around the target in the report, in mm."""

MOST_SHOWN: Final = 3
"""Maximum number of differences drawn."""

BESIDE_MM: Final = 5.0
"""The maximum dose gets its own views if it lies further than this from the others, in mm."""


class NoSheet(Exception):
    """No sheet can be made: the set is not published, absent, or incomplete."""

    def __str__(self) -> str:
        return str(self.__doc__)


@dataclass(frozen=True)
class Side:
    """One of the two sets: the published one or its source."""

    objects: Objects
    structures: list[Structure]

    dose: Dose | None
    """None if it cannot be decoded."""

    histograms: dict[int, Dvh]
    """By ROI number; structures without contours are left out."""

    def scene(self, levels: Sequence[Level], before: Scene | None = None) -> Scene:
        """Return the overlays of the CT."""
        hottest = draw.hottest(self.dose, self.objects.frame)
        return Scene(self.objects.frame, self.structures, self.dose, levels, hottest, before)


@dataclass
class Findings:
    """The contents of a sheet."""

    published: Record
    after: Side

    before: Side | None
    """None if the source is no longer available or need not be examined again."""

    comparison: Comparison
    prescription: Prescription

    full_gy: float | None
    """The dose of 100 % in Gy; None if the plan states no single dose, or the dose does not belong to the plan."""

    levels: Sequence[Level]
    """The isodoses drawn."""

    target: Structure | None

    changed_files: int
    """Number of files that differ from the record."""

    as_proven: bool
    """Whether the files are those that were proven against the source, according to the record."""

    account: Mapping[str, Any] | None
    """The proof's counts for these files; None if unknown, or if they are to be compared again."""

    fingerprint: str

    travelling: Travelling
    """The texts of the published set, and the patient characteristics it states."""

    written: Counter[str] = field(default_factory=Counter)
    """Elements of the published set, by group of attributes."""

    picture: bytes | None = None
    """Three views; None if the CT cannot be decoded."""

    seen: Sequence[Structure] = ()
    """The structures in these views."""

    hottest: bytes | None = None
    """Three views through the maximum dose; None if the others show it."""

    picture_before: bytes | None = None

    thumbnail: str = ""
    """An axial view, a PNG in Base64."""

    close: list[tuple[str, bytes]] = field(default_factory=list)
    """Images of differences, with captions."""

    @property
    def proven(self) -> bool:
        """Return whether the proof's results are reported instead of a new comparison."""
        return self.account is not None


class _Pair(NamedTuple):
    """One slice of the published set and the one at the same position in the source."""

    number: int
    place: Place
    after: Data
    before: Data | None
    voxels: Slice | None
    """None if they cannot be decoded."""
    voxels_before: Slice | None


def examine(collection: Collection, index: int, *, against_source: bool = False) -> Findings:
    """Examine a published set, and its source if the files are no longer those proven against it.

    A set is compared with its source, element by element and voxel by voxel, before it is published. Its record holds
    the hashes of the files found equal, and the account beside it the counts. If both still match, a second comparison
    could find nothing new; otherwise it shows what differs.

    Parameters
    ----------
    against_source
        Compare with the source in any case, by pydicom, which neither wrote nor proved the set.

    Raises
    ------
    NoSheet
        No sheet can be made.
    OSError
        A file cannot be read.
    """
    published = records.read(collection, index)
    folder = collection.root / folder_name(index)
    if published is None or published.set_id is None or not folder.is_dir():
        raise NoSheet
    changed, fingerprint = _files(folder, published)
    as_proven = not changed and bool(published.hashes)
    account = accounts.read(collection, index, fingerprint) if as_proven and not against_source else None
    try:
        after = _with_histograms(_side(plan_objects.read(folder, by_pydicom=account is None)))
    except (NoSet, NotDrawable) as error:
        raise NoSheet from error
    source = _source(collection, published) if account is None else None
    files = files_in(folder) if account is None else after.objects.files
    plan = after.objects.plan
    prescribed = prescription(plan)
    full_gy = prescribed.total_gy if after.dose is not None and after.dose.of_the_plan else None
    findings = Findings(
        published=published,
        after=after,
        before=_side(source) if source else None,
        comparison=Comparison(policy_for(_options(published))),
        prescription=prescribed,
        full_gy=full_gy,
        levels=draw.levels(full_gy, after.dose),
        target=_target(after),
        changed_files=changed,
        as_proven=as_proven,
        account=account,
        fingerprint=fingerprint,
        travelling=travelling(collection, index, files, policy_for(_options(published))),
    )
    _compare_headers(findings)
    _compare_doses(findings)
    _work_out_before(findings)
    _look(findings)
    for difference in [one for one in findings.comparison.differences if one.at is not None][:MOST_SHOWN]:
        if (picture := _close(findings, difference)) is not None:
            findings.close.append((difference.says, picture))
    return findings


def _source(collection: Collection, published: Record) -> Objects | None:
    """Return the source; None if its folder was removed or now holds another patient's set."""
    choose = partial(same_source.objects_of, collection=collection, published=published)
    for folder in paths.source_folders(collection, published):
        try:
            found = plan_objects.read(folder, by_pydicom=True, choose=choose)
        except (NoSet, NotDrawable, OSError):
            continue
        if collection.set_id(found.sop_instance_uids) == published.set_id:
            return found
    return None


def _side(found: Objects) -> Side:
    """Read one side; its histograms are computed once it is known whether they differ from those of the other side."""
    drawn = contours.read(found.structure_set, found.frame, found.slices_mm)
    try:
        dose = Dose(found.dose)
    except (NotDrawable, AttributeError, TypeError, ValueError):
        dose = None
    return Side(found, drawn, dose, {})


def _with_histograms(side: Side) -> Side:
    if side.dose is None:
        return side
    worked_out = {one.number: dvh(one, side.dose, side.objects.frame) for one in side.structures}
    return replace(side, histograms={number: one for number, one in worked_out.items() if one})


def _work_out_before(findings: Findings) -> None:
    """Set the source's histograms: the published set's if contours, dose and slice positions are equal."""
    after, before, parts = findings.after, findings.before, findings.comparison.parts
    if before is None:
        return
    same = not parts[CONTOURS].differing and not parts[DOSE].differing
    if same and np.array_equal(after.objects.slices_mm, before.objects.slices_mm):
        findings.before = replace(before, histograms=after.histograms)
    else:
        findings.before = _with_histograms(before)


def _options(published: Record) -> Choice:
    """Return the options under which the set was anonymized; the collection's may have changed since."""
    return Choice.recorded(published.content.get("options", {}))


def _target(side: Side) -> Structure | None:
    """Return the target of the views: of the first target type present, the first structure with the highest dose."""
    for kind in contours.TARGETS:
        found = [one for one in side.structures if one.kind == kind and one.number in side.histograms]
        if found:
            return max(found, key=lambda one: round(side.histograms[one.number].mean_gy))
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


def _files(folder: Path, published: Record) -> tuple[int, str]:
    """Return how many files differ from the record, and one digest over all files."""
    digests = {name: records.hash_of(folder / name) for name in published_in(folder)}
    stated = published.hashes
    changed = {name for name, _ in stated.items() ^ digests.items()} if stated else set()
    return len(changed), records.digest_over(digests)


def _compare_headers(findings: Findings) -> None:
    """Compare all numbers except those of the CT and count the elements, or take the counts from the account."""
    new = findings.after.objects
    if findings.account is not None:
        _take_account(findings, findings.account)
        return
    for data in (new.structure_set, new.plan, new.dose):
        element_counts.elements_of(data, findings.written)
    comparison = findings.comparison
    if findings.before is None:
        for part, data in ((CONTOURS, new.structure_set), (BEAMS, new.plan), (DOSE, new.dose)):
            comparison.count(part, data)
        if findings.after.dose is not None:
            comparison.parts[DOSE].numbers += findings.after.dose.stored.size
        return
    old = findings.before.objects
    comparison.headers(CONTOURS, old.structure_set, new.structure_set)
    comparison.headers(BEAMS, old.plan, new.plan)
    comparison.headers(DOSE, old.dose, new.dose)
    if len(old.slices) != len(new.slices):
        says = f"{counted(len(new.slices), 'slice')} instead of {len(old.slices)}"
        comparison.parts[CT].add(abs(len(new.slices) - len(old.slices)), Difference(CT, says, 0.0))


def _take_account(findings: Findings, account: Mapping[str, Any]) -> None:
    findings.written += element_counts.by_group(account)
    parts = findings.comparison.parts
    for part, kind in _KINDS.items():
        parts[part].numbers += account["numbers"][kind]["equal"]
    parts[CT].numbers += sum(one.place.size[0] * one.place.size[1] for one in findings.after.objects.slices)
    if findings.after.dose is not None:
        parts[DOSE].numbers += findings.after.dose.stored.size


def _compare_doses(findings: Findings) -> None:
    after, before = findings.after.dose, findings.before.dose if findings.before else None
    if after is not None and before is not None:
        findings.comparison.voxels(DOSE, before.stored, after.stored, "dose", after.position, after.scaling)


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


def _look(findings: Findings) -> None:
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
    planes = views.made()
    shown = draw.box(after.structures, planes, centre)
    findings.picture = draw.views(planes, after.scene(findings.levels), shown)
    findings.seen = draw.seen(after.structures, planes)
    if views_hottest is not None and hottest is not None:
        through = views_hottest.made()
        scene, around = after.scene(findings.levels), draw.box(after.structures, through, hottest)
        findings.hottest = draw.views(through, scene, around, shape=draw.LOW)
        findings.seen = draw.seen(after.structures, [*planes, *through])
    centre = np.clip(centre, shown.low, shown.high)
    around = Box(np.maximum(shown.low, centre - SMALL_MM), np.minimum(shown.high, centre + SMALL_MM))
    small = draw.thumbnail(planes[0], after.scene(findings.levels), around)
    findings.thumbnail = b64encode(small).decode("ascii")
    if before is not None and views_before is not None and decoded_before:
        findings.picture_before = draw.views(views_before.made(), before.scene(findings.levels), shown)


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
        Box(at - CLOSE_MM, at + CLOSE_MM),
        highlight=[plane.values for plane in off.made()],
    )
