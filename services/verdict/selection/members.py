"""Selection of a set's objects: one structure set, one plan, one dose, and their CT series.

Duplicates are listed with what to leave out; missing objects may still arrive. Slices are sorted, and must form one
volume.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import part10
from services.errors import Fault
from services.language import below, gettext, gettext_noop, named, ngettext
from services.policy.object_kinds import CT, DOSE, ENHANCED_CT, NAMES, PLAN, STRUCTURE_SET
from services.rtset import geometry, references
from services.rtset.geometry import Volume
from services.rtset.references import Objects
from services.verdict.selection import several_doses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.rtset.geometry import Plane
    from services.rtset.reader import SetFile


_SAME_SPACING_MM: Final = 1e-3
"""Pixel spacings that are equal but for their last decimal digits differ by less, in mm."""


class _OneOnly(NamedTuple):
    code: str
    label: str
    """Keyword of the attribute by which a person distinguishes several."""
    remedy: str


_ONE_ONLY: Final[Mapping[str, _OneOnly]] = {
    STRUCTURE_SET: _OneOnly(
        "second-structure-set",
        "StructureSetLabel",
        gettext_noop("Keep only the structure set that the plan was made on."),
    ),
    PLAN: _OneOnly(
        "second-plan",
        "RTPlanLabel",
        gettext_noop(
            "Export one plan with its structure set and its plan dose; put every other plan in a folder of its own."
        ),
    ),
    DOSE: _OneOnly("second-dose", "DoseSummationType", several_doses.PLAN_DOSE_ONLY),
}


_SECOND: Final[Mapping[str, str]] = {CT: "second-ct-series", **{kind: one.code for kind, one in _ONE_ONLY.items()}}
"""Code of a duplicate object, by kind."""


class Members(NamedTuple):
    """The selected objects and their faults."""

    objects: Objects
    faults: list[Fault]
    missing: list[Fault]


def choose(objects: Mapping[str, tuple[SetFile, ...]]) -> Members:
    """Select one object of each kind, and the sorted slices of the planning CT."""
    faults: list[Fault] = []
    _judge_instances(faults, objects)
    objects = {kind: _without_copies(files) for kind, files in objects.items()}
    missing = [
        Fault(
            no_object(kind),
            gettext("There is no {kind} here.", kind=NAMES[kind]),
            gettext("Wait until everything is copied, or export the {kind} too.", kind=NAMES[kind]),
        )
        for kind in NAMES
        if not objects[kind]
    ]
    one: dict[str, SetFile | None] = {}
    for kind, (code, label, remedy) in _ONE_ONLY.items():
        files = objects[kind]
        one[kind] = files[0] if len(files) == 1 else None
        if kind == DOSE and len(files) > 1:
            faults.append(several_doses.refusal(files, objects[PLAN]))
        elif len(files) > 1:
            what = below(f"{file.path} ({file.view.text(label) or gettext('without a label')})" for file in files)
            faults.append(
                Fault(
                    code,
                    gettext("There are {count} {kind}s:", count=len(files), kind=NAMES[kind]) + what,
                    gettext(remedy),
                )
            )
    slices, volume = _stack(faults, _planning_ct(faults, objects[CT], one[STRUCTURE_SET]))
    return Members(Objects(slices, volume, one[STRUCTURE_SET], one[PLAN], one[DOSE]), faults, missing)


def no_object(kind: str) -> str:
    """Return the code of a set that lacks this kind of object: `no-rt-plan`."""
    return f"no-{NAMES[kind].lower().replace(' ', '-')}"


def one_each(objects: Mapping[str, tuple[SetFile, ...]]) -> set[str]:
    """Return the codes of duplicate objects that disappear when two patients' objects are separated: one each."""
    going = set()
    for kind, code in _SECOND.items():
        by_patient: defaultdict[str, set[str]] = defaultdict(set)
        for one in objects[kind]:
            what = one.uid("SeriesInstanceUID") if kind == CT else one.sop_instance_uid
            by_patient[one.view.text("PatientID").casefold()].add(what)
        if all(len(here) == 1 for here in by_patient.values()):
            going.add(code)
    return going


def _judge_instances(faults: list[Fault], objects: Mapping[str, tuple[SetFile, ...]]) -> None:
    by_uid: defaultdict[str, list[SetFile]] = defaultdict(list)
    for files in objects.values():
        for file in files:
            by_uid[file.sop_instance_uid].append(file)
    _judge_classes(faults, objects)
    nameless = by_uid.pop("", [])
    if nameless:
        faults.append(
            Fault(
                "no-instance-uid",
                ngettext(
                    "{names} has no SOP Instance UID, by which objects are told apart.",
                    "{names} have no SOP Instance UID, by which objects are told apart.",
                    len(nameless),
                    names=named(one.called for one in nameless),
                ),
                gettext("Export these objects once more."),
            )
        )
    twice = [files for files in by_uid.values() if len(files) > 1]
    if twice:
        copies = named(one.path for files in twice for one in files)
        differ = any(_differ(one, files[0]) for files in twice for one in files[1:])
        faults.append(
            Fault(
                "duplicate-instance",
                ngettext(
                    "{count} object is here more than once: {names}.",
                    "{count} objects are here more than once: {names}.",
                    len(twice),
                    names=copies,
                ),
                gettext("They differ although they have one UID: keep those that belong together.")
                if differ
                else gettext("Take the copies out of the folder."),
            )
        )


def _differ(one: SetFile, other: SetFile) -> bool:
    """Return whether two objects with one UID have different contents, pixels included."""
    contents = [
        (of.file.data, part10.pixel_bytes(of.file, 0, of.file.pixels.length) if of.file.pixels else b"")
        for of in (one, other)
    ]
    return contents[0] != contents[1]


def _without_copies(files: tuple[SetFile, ...]) -> tuple[SetFile, ...]:
    """Return the first file of each object: that others have its UID is told once."""
    firsts: dict[str, SetFile] = {}
    for one in files:
        firsts.setdefault(one.sop_instance_uid or str(one.path), one)
    return tuple(firsts.values())


def _judge_classes(faults: list[Fault], objects: Mapping[str, tuple[SetFile, ...]]) -> None:
    """Refuse objects whose class is stated only in the file meta information. SOP Class UID is Type 1, PS3.3 C.12.1."""
    classless = [file for files in objects.values() for file in files if not file.uid("SOPClassUID")]
    if classless:
        faults.append(
            Fault(
                "no-class-uid",
                ngettext(
                    "{names} has no SOP Class UID, without which no system imports it.",
                    "{names} have no SOP Class UID, without which no system imports them.",
                    len(classless),
                    names=named(one.called for one in classless),
                ),
                gettext("Export these objects once more."),
            )
        )


def _planning_ct(faults: list[Fault], ct: Sequence[SetFile], structure_set: SetFile | None) -> tuple[SetFile, ...]:
    """Select the series referenced by the contours; a set cannot have a second one."""
    series: defaultdict[str, list[SetFile]] = defaultdict(list)
    for one in ct:
        series[one.uid("SeriesInstanceUID")].append(one)
    if len(series) <= 1:
        return tuple(ct)
    planning = referred_to(series, structure_set) if structure_set else None
    what = below(_of_series(slices, is_planning=uid == planning) for uid, slices in series.items())
    faults.append(
        Fault(
            "second-ct-series",
            gettext("There are {count} CT series:", count=len(series)) + what,
            gettext("Keep only the CT series that the structures were drawn on."),
        )
    )
    return tuple(series[planning]) if planning is not None else ()


def _of_series(slices: Sequence[SetFile], *, is_planning: bool) -> str:
    described = slices[0].view.text("SeriesDescription") or gettext("without a description")
    if is_planning:
        return ngettext(
            "{count} slice {description} ({first}, on which the structures were drawn)",
            "{count} slices {description} ({first} …, on which the structures were drawn)",
            len(slices),
            description=described,
            first=slices[0].path,
        )
    return ngettext(
        "{count} slice {description} ({first})",
        "{count} slices {description} ({first} …)",
        len(slices),
        description=described,
        first=slices[0].path,
    )


def referred_to(series: Mapping[str, Sequence[SetFile]], structure_set: SetFile) -> str | None:
    """Return the series with most images referenced by the structure set; None if it references none."""
    named = Counter(uid for contour in references.contours(structure_set) for uid in contour.images)
    if not named:
        named = Counter(uid for one in references.listed(structure_set) for uid in one.images)
    counts = {uid: sum(named[one.sop_instance_uid] for one in slices) for uid, slices in series.items()}
    best = max(counts, key=lambda uid: counts[uid])
    return best if counts[best] else None


def _of_one_grid(slices: Sequence[SetFile]) -> Iterator[Fault]:
    """Check that all slices have the same matrix and pixel spacing, as needed for a volume."""
    grids: Counter[tuple[float, ...]] = Counter()
    for one in slices:
        view = one.view
        grids[view.number("Columns") or 0, view.number("Rows") or 0, *view.numbers("PixelSpacing")] += 1
    first = next(iter(grids))
    if all(abs(a - b) <= _SAME_SPACING_MM for other in grids for a, b in zip(first, other, strict=True)):
        return
    sizes = named(
        gettext(
            "{count} of {columns:g} x {rows:g} pixels of {down:g} x {along:g} mm",
            count=count,
            columns=columns,
            rows=rows,
            down=down,
            along=along,
        )
        for (columns, rows, down, along), count in grids.most_common()
    )
    yield Fault(
        "mixed-ct",
        gettext(
            "The CT slices do not have one matrix and one pixel spacing: {grids}. No planning system makes a "
            "volume of them.",
            grids=sizes,
        ),
        gettext("Export one CT series: one phase, one reconstruction."),
    )


def _usual(placed: Sequence[tuple[SetFile, Plane]]) -> Plane:
    """Return a plane of the most frequent orientation."""
    kinds: list[list[Plane]] = []
    for _, plane in placed:
        alike = next((kind for kind in kinds if kind[0].is_parallel_to(plane)), None)
        if alike is None:
            kinds.append([plane])
        else:
            alike.append(plane)
    return max(kinds, key=len)[0]


def _stack(faults: list[Fault], slices: tuple[SetFile, ...]) -> tuple[tuple[SetFile, ...], Volume | None]:
    """Sort the slices by position, and check that they form one volume."""
    if not slices or any(one.sop_class_uid in ENHANCED_CT for one in slices):
        return slices, None
    planes = [geometry.plane(one.view) for one in slices]
    nowhere = [one for one, plane in zip(slices, planes, strict=True) if plane is None]
    if nowhere:
        faults.append(
            Fault(
                "ct-position-not-stated",
                ngettext(
                    "{names} does not state where in the patient it lies.",
                    "{names} do not state where in the patient they lie.",
                    len(nowhere),
                    names=named(one.called for one in nowhere),
                ),
                gettext("Export the planning CT as a series of slices, without topogram and screen captures."),
            )
        )
        return slices, None
    placed = [(one, plane) for one, plane in zip(slices, planes, strict=True) if plane]
    first = placed[0][1]
    if any(not plane.is_parallel_to(first) for _, plane in placed):
        usual = _usual(placed)
        other = [one for one, plane in placed if not plane.is_parallel_to(usual)]
        faults.append(
            Fault(
                "ct-orientations",
                gettext(
                    "{count} of {total} CT slices have another orientation than the others: {names}.",
                    count=len(other),
                    total=len(placed),
                    names=named(one.path for one in other),
                ),
                gettext("Export the planning CT only, without topogram and reconstructions in other planes."),
            )
        )
        return slices, None
    normal = first.normal
    at = sorted(((plane.corner.along(normal), index) for index, (_, plane) in enumerate(placed)))
    positions = tuple(position for position, _ in at)
    ordered = tuple(slices[index] for _, index in at)
    faults += _of_one_grid(ordered)
    same = [
        gettext("{one} and {other}", one=below.path, other=above.path)
        for below, above, gap in zip(ordered, ordered[1:], geometry.gaps(positions), strict=False)
        if gap <= geometry.SAME_POSITION_MM
    ]
    if same:
        faults.append(
            Fault(
                "duplicate-positions",
                gettext("Two CT slices have the same position: {names}.", names=named(same)),
                gettext("Export one CT series: one phase, one reconstruction."),
            )
        )
        return ordered, None
    return ordered, Volume(first, positions)
