"""The four links that make its objects a set.

Dose → plan, plan → structure set, contours (and the structure set's list) → CT images, one frame of reference. Each is
*shown* by UIDs, *not shown* if a system left them out, or *broken* if they contradict. If not shown, it must be
supported by geometry; if broken, it is repaired by a person or by `services.rtset.relink`. All other references (setup
images, predecessors, registrations, other series) are not links of a set and no reason to refuse one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from services.errors import Fault
from services.language import gettext, gettext_noop, ngettext
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.policy.rebuilt_references import PLANAR
from services.rtset import geometry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.dicom.dataset import View
    from services.rtset.geometry import Contour, Volume
    from services.rtset.reader import SetFile

State: TypeAlias = Literal["shown", "not shown", "broken", "relinked", "incomplete", "not judged"]
"""`relinked`: was not shown or broken, and was rebuilt. `incomplete`: slices are missing. `not judged`: an object is
missing, or ambiguous.
"""

DOSE_PLAN: Final = "dose → plan"
PLAN_STRUCTURE_SET: Final = "plan → structure set"
CONTOURS_CT: Final = "contours → CT"
FRAME: Final = "frame of reference"
LINKS: Final = (DOSE_PLAN, PLAN_STRUCTURE_SET, CONTOURS_CT, FRAME)

OFF_SLICES: Final = "contours-off-slices"

_TARGETS: Final = frozenset(("PTV", "CTV", "GTV"))

_MOST_NAMED: Final = 5
"""ROIs listed in one sentence."""


class Objects(NamedTuple):
    """Objects to be linked; None if an object is missing or ambiguous."""

    slices: tuple[SetFile, ...]
    """In the order of `volume`; for enhanced CT in any order."""

    volume: Volume | None
    """None for enhanced CT, and if headers do not give the slices' positions."""

    structure_set: SetFile | None
    plan: SetFile | None
    dose: SetFile | None


@dataclass(slots=True)
class Links:
    """How the objects of a set are linked."""

    states: dict[str, State] = field(default_factory=lambda: dict.fromkeys(LINKS, "not judged"))

    broken: list[Fault] = field(default_factory=list)

    missing: list[Fault] = field(default_factory=list)
    """Faults that may resolve when more files arrive."""

    unborne: list[Fault] = field(default_factory=list)
    """Links that are neither shown nor supported by geometry."""

    notes: list[str] = field(default_factory=list)

    accepted: list[Fault] = field(default_factory=list)
    """Faults that the collection knowingly accepts."""

    contours_beside: bool = False
    """Whether most structures begin with a contour that is on no slice, although it references an existing one."""

    silent_frames: frozenset[str] = frozenset()
    """Kinds of object without a frame of reference."""

    @property
    def all_shown(self) -> bool:
        """Return whether UIDs alone prove the set."""
        return all(state == "shown" for state in self.states.values())


def judge(objects: Objects, left_out: frozenset[str] = frozenset(), *, off_slices_accepted: bool = False) -> Links:
    """Evaluate the four links as far as objects exist.

    Parameters
    ----------
    left_out
        SOP Instance UIDs of images that are not expected, even if the structure set lists them.
    off_slices_accepted
        Whether a collection accepts structure sets with most contours off the slices.
    """
    links = Links()
    structure_set, plan, dose = objects.structure_set, objects.plan, objects.dose
    if dose and plan:
        _judge_dose(links, dose, plan)
    if plan and structure_set:
        _judge_plan(links, plan, structure_set)
    if structure_set and objects.slices:
        _judge_contours(links, structure_set, objects, left_out)
    if objects.slices and structure_set and plan and dose:
        _judge_frame(links, structure_set, plan, dose, objects.slices)
    _check_by_geometry(links, objects, off_slices_accepted=off_slices_accepted)
    return links


def _judge_dose(links: Links, dose: SetFile, plan: SetFile) -> None:
    named = references(dose.view, "ReferencedRTPlanSequence")
    if plan.sop_instance_uid in named:
        links.states[DOSE_PLAN] = "shown"
    elif not named:
        links.states[DOSE_PLAN] = "not shown"
        links.notes.append(gettext("{dose} does not state for which plan it was calculated.", dose=dose.called))
    else:
        links.states[DOSE_PLAN] = "broken"
        links.broken.append(
            Fault(
                "dose-of-another-plan",
                gettext("{dose} was calculated for another plan than {plan}.", dose=dose.called, plan=plan.called),
                gettext("Export the plan once more together with its own plan dose."),
            )
        )


def _judge_plan(links: Links, plan: SetFile, structure_set: SetFile) -> None:
    named = references(plan.view, "ReferencedStructureSetSequence")
    if structure_set.sop_instance_uid in named:
        links.states[PLAN_STRUCTURE_SET] = "shown"
    elif not named:
        links.states[PLAN_STRUCTURE_SET] = "not shown"
        links.notes.append(gettext("{plan} does not state on which structure set it was made.", plan=plan.called))
    else:
        links.states[PLAN_STRUCTURE_SET] = "broken"
        links.broken.append(
            Fault(
                "plan-on-another-structure-set",
                gettext(
                    "{plan} was made on another structure set than {structure_set}.",
                    plan=plan.called,
                    structure_set=structure_set.called,
                ),
                gettext("Export the plan once more together with its own structure set."),
            )
        )


def references(view: View, keyword: str) -> list[str]:
    """Return the SOP Instance UIDs referenced by the items of a sequence."""
    return [uid for item in view.items(keyword) if (uid := _uid(item.raw("ReferencedSOPInstanceUID") or b""))]


def _uid(raw: bytes) -> str:
    return raw.rstrip(b"\0 ").decode("latin-1")  # each byte tells UIDs apart, as in `UidMap`


def _number(raw: bytes) -> str:
    """Return an IS value without its padding, which may also precede it. PS3.5 6.2."""
    return raw.strip(b"\0 ").decode("latin-1")


def contours(structure_set: SetFile) -> list[Contour]:
    """Return the contours drawn on slices."""
    return [one for one in structure_set.contours if one.kind in PLANAR]


def targets(structure_set: SetFile) -> frozenset[str]:
    """Return the ROI numbers of the target volumes. PS3.3 C.8.8.8, (3006,00A4) *RT ROI Interpreted Type*."""
    return frozenset(
        observation.text("ReferencedROINumber")
        for observation in structure_set.view.items("RTROIObservationsSequence")
        if observation.text("RTROIInterpretedType").upper() in _TARGETS
    )


class Listed(NamedTuple):
    """The structure set's own list of images. PS3.3 C.8.8.5.

    (3006,0010) > (3006,0012) > (3006,0014) *RT Referenced Series Sequence* > (3006,0016) *Contour Image Sequence*.
    """

    series: str
    images: frozenset[str]


def listed(structure_set: SetFile) -> list[Listed]:
    """Return the series listed in the structure set."""
    return [
        Listed(
            _uid(series.raw("SeriesInstanceUID") or b""),
            frozenset(references(series, "ContourImageSequence")),
        )
        for frame in structure_set.view.items("ReferencedFrameOfReferenceSequence")
        for study in frame.items("RTReferencedStudySequence")
        for series in study.items("RTReferencedSeriesSequence")
    ]


def _judge_contours(links: Links, structure_set: SetFile, objects: Objects, left_out: frozenset[str]) -> None:
    """Evaluate references of contours and list to images.

    A missing image is expected to arrive, unless a contour that references it is on an existing slice: then the contour
    was drawn on another image at that position. Images of other series in the list are not expected.
    """
    slices, volume = objects.slices, objects.volume
    here = {one.sop_instance_uid for one in slices}
    series = {one.uid("SeriesInstanceUID") for one in slices}
    data = structure_set.file.data

    named: set[str] = set()
    elsewhere: set[str] = set()
    resolved: set[str] = set()
    first: dict[str, Contour] = {}
    silent = drawn = 0
    for contour in contours(structure_set):
        drawn += 1
        if len(contour.images) == 1 and contour.images[0] in resolved and contour.roi_number in first:
            continue  # true for nearly all: nothing new
        if not any(contour.images):
            silent += 1
        elif here.isdisjoint(contour.images):
            on_slice = volume and volume.slice_of(contour.ends(data)) is not None
            (elsewhere if on_slice else named).update(contour.images)
        else:
            resolved.update(here.intersection(contour.images))
            first.setdefault(contour.roi_number, contour)
    named |= resolved
    ends = {number: points for number, one in first.items() if (points := one.ends(data))} if volume else {}
    lie = {number: volume.slice_of(points) for number, points in ends.items()} if volume else {}
    links.contours_beside = 2 * list(lie.values()).count(None) > len(lie)
    apart = [
        number
        for number, index in lie.items()
        if index is None or objects.slices[index].sop_instance_uid not in first[number].images
    ]
    if apart:
        links.notes.append(
            gettext(
                "Contours in {structure_set} do not lie on the CT slices that they name ({rois}).",
                structure_set=structure_set.called,
                rois=_roi_numbers(apart),
            )
        )

    lists = [one for one in listed(structure_set) if one.series or one.images]
    ours = [one for one in lists if one.series in series or not here.isdisjoint(one.images)]
    expected = named.union(*(one.images for one in ours)) - {""}
    missing = expected - here - elsewhere - left_out
    other_series_only = bool(lists) and not ours and not named and bool(elsewhere or silent or not drawn)

    if elsewhere or other_series_only:
        links.states[CONTOURS_CT] = "broken"
        lists_these = any(not here.isdisjoint(one.images) for one in ours)
        links.broken.append(
            Fault(
                "contours-on-other-images",
                _on_other_images(structure_set, len(slices), lists_these=lists_these),
                gettext("Export the structure set once more together with the CT series it was drawn on."),
            )
        )
    elif missing:
        links.states[CONTOURS_CT] = "incomplete"
        wanted = expected - left_out
        links.missing.append(
            Fault(
                "slices-missing",
                gettext(
                    "{count} of {total} CT slices that {structure_set} refers to are here.",
                    count=len(wanted & here),
                    total=len(wanted),
                    structure_set=structure_set.called,
                ),
                gettext("Wait until all slices are copied, or export the whole CT series once more."),
            )
        )
    elif silent or not expected:
        links.states[CONTOURS_CT] = "not shown"
        says = gettext_noop("The list of images in {structure_set} does not state on which CT slices the contours lie.")
        if drawn:
            says = gettext_noop(
                "{count} of the {total} contours in {structure_set} do not state the CT slice that they lie on."
            )
        links.notes.append(gettext(says, count=silent, total=drawn, structure_set=structure_set.called))
    else:
        links.states[CONTOURS_CT] = "shown"


def _on_other_images(structure_set: SetFile, slices: int, *, lists_these: bool) -> str:
    if lists_these:
        return ngettext(
            "The contours in {structure_set} name other images than the {count} CT slice that is here, although its "
            "list of images names this.",
            "The contours in {structure_set} name other images than the {count} CT slices that are here, although its "
            "list of images names these.",
            slices,
            structure_set=structure_set.called,
        )
    return ngettext(
        "{structure_set} was drawn on other images than the {count} CT slice that is here.",
        "{structure_set} was drawn on other images than the {count} CT slices that are here.",
        slices,
        structure_set=structure_set.called,
    )


def contoured_frames(structure_set: SetFile) -> frozenset[str]:
    """Return the frames of reference of all ROIs with contours; if none is stated, those of the list of images."""
    view = structure_set.view
    drawn = {one.roi_number for one in structure_set.contours}
    frames = {
        _uid(roi.raw("ReferencedFrameOfReferenceUID") or b"")
        for roi in view.items("StructureSetROISequence")
        if _number(roi.raw("ROINumber") or b"") in drawn
    }
    frames = frames - {""} or {
        _uid(frame.raw("FrameOfReferenceUID") or b"") for frame in view.items("ReferencedFrameOfReferenceSequence")
    }
    return frozenset(frames - {""} or {structure_set.uid("FrameOfReferenceUID")} - {""})


def frames(
    structure_set: SetFile, plan: SetFile, dose: SetFile, slices: Sequence[SetFile]
) -> Mapping[str, frozenset[str]]:
    """Return the frames of reference stated by the objects, by kind; empty if none is stated."""
    return {
        CT: frozenset(one.uid("FrameOfReferenceUID") for one in slices) - {""},
        STRUCTURE_SET: contoured_frames(structure_set),
        PLAN: frozenset((plan.uid("FrameOfReferenceUID"),)) - {""},
        DOSE: frozenset((dose.uid("FrameOfReferenceUID"),)) - {""},
    }


def _judge_frame(links: Links, structure_set: SetFile, plan: SetFile, dose: SetFile, slices: Sequence[SetFile]) -> None:
    """Check that all objects share one frame of reference.

    Contours in a second frame concern importability, not this link, as long as the CT's is among them.
    """
    stated = frames(structure_set, plan, dose, slices)
    objects = {STRUCTURE_SET: structure_set, PLAN: plan, DOSE: dose}
    if len(stated[CT]) > 1:
        links.states[FRAME] = "broken"
        links.broken.append(
            Fault(
                "ct-in-several-frames",
                gettext("The CT slices lie in {count} frames of reference.", count=len(stated[CT])),
                gettext("Export the one CT series that the plan was made on."),
            )
        )
        return
    reference = next((kind for kind in stated if stated[kind]), CT)
    others = [kind for kind in objects if stated[kind] and stated[reference].isdisjoint(stated[kind])]
    silent = [kind for kind in stated if not stated[kind]]
    links.silent_frames = frozenset(silent)
    if others:
        links.states[FRAME] = "broken"
        links.broken.extend(
            Fault(
                "another-frame-of-reference",
                gettext(
                    "{one} lies in another frame of reference than {other}.",
                    one=objects[kind].called,
                    other=gettext("the CT") if reference == CT else objects[reference].called,
                ),
                gettext(
                    "Export CT, structure set, plan and dose of one plan together; a plan that was registered or "
                    "copied to another CT belongs to that CT."
                ),
            )
            for kind in others
        )
    elif silent:
        links.states[FRAME] = "not shown"
        names = [gettext("the CT") if kind == CT else objects[kind].called for kind in silent]
        links.notes.append(gettext("No frame of reference is stated by {names}.", names=", ".join(names)))
    else:
        links.states[FRAME] = "shown"


def _check_by_geometry(links: Links, objects: Objects, *, off_slices_accepted: bool) -> None:
    """Check by geometry links that references do not show."""
    _, volume, structure_set, plan, dose = objects
    if structure_set and (links.states[CONTOURS_CT] == "not shown" or links.contours_beside):
        against = contours_disagree(structure_set, volume)
        (links.accepted if off_slices_accepted and volume else links.missing).extend(against)
        if not against and volume:
            links.notes += contours_beside(structure_set, volume)
    if links.missing:
        return  # the volume will grow by the missing slices
    if plan and (links.states[PLAN_STRUCTURE_SET] == "not shown" or links.silent_frames & {CT, PLAN}):
        links.unborne += plan_disagrees(plan, volume)
    if dose and (links.states[DOSE_PLAN] == "not shown" or links.silent_frames & {CT, DOSE}):
        links.unborne += dose_disagrees(dose, volume)


_EXPORT_TOGETHER: Final = gettext_noop(
    "Export CT, structure set, plan and dose of one plan together, with the whole CT series."
)


def _no_volume() -> Fault:
    return Fault(
        "ct-position-not-stated",
        gettext(
            "The CT images do not state their positions, and so cannot show that the other objects belong to them."
        ),
        gettext(_EXPORT_TOGETHER),
    )


def contours_disagree(structure_set: SetFile, volume: Volume | None) -> list[Fault]:
    """Return reasons against the contours being on these slices: that most of them are not.

    Structures drawn in other planes, or half a millimetre off a slice, occur in many sets, and no planning system
    refuses them.
    """
    if volume is None:
        return [_no_volume()]
    off, drawn = _off_slices(structure_set, volume)
    if 2 * len(off) <= drawn:
        return []
    return [
        Fault(
            OFF_SLICES,
            gettext(
                "{count} of {drawn} contours in {structure_set} lie on none of the {slices} CT slices that are "
                "here ({rois}).",
                count=len(off),
                drawn=drawn,
                structure_set=structure_set.called,
                slices=len(volume.positions_mm),
                rois=_roi_numbers(off),
            ),
            gettext(
                "Wait until all slices are copied, or export the structure set together with the CT it was drawn on."
            ),
        )
    ]


def contours_beside(structure_set: SetFile, volume: Volume) -> Iterator[str]:
    """Yield notes on contours that are on none of the slices."""
    off, drawn = _off_slices(structure_set, volume)
    if off:
        yield gettext(
            "{count} of {drawn} contours in {structure_set} lie on no CT slice ({rois}).",
            count=len(off),
            drawn=drawn,
            structure_set=structure_set.called,
            rois=_roi_numbers(off),
        )


def _off_slices(structure_set: SetFile, volume: Volume) -> tuple[list[str], int]:
    """Return the ROI number of each contour on none of these slices, and the total number of contours."""
    data = structure_set.file.data
    drawn = contours(structure_set)
    return [one.roi_number for one in drawn if volume.slice_of(one.ends(data)) is None], len(drawn)


def _roi_numbers(numbers: Sequence[str]) -> str:
    return gettext("ROI number {numbers}", numbers=", ".join(list(dict.fromkeys(numbers))[:_MOST_NAMED]))


def all_listed_are_here(structure_set: SetFile, slices: Sequence[SetFile]) -> bool:
    """Return whether the structure set lists images of this CT, and all of them exist."""
    here = {one.sop_instance_uid for one in slices}
    series = {one.uid("SeriesInstanceUID") for one in slices}
    ours = [one.images for one in listed(structure_set) if one.series in series or not here.isdisjoint(one.images)]
    images = frozenset().union(*ours) - {""}
    return bool(images) and images <= here


def strange(objects: Objects) -> Iterator[str]:
    """Yield notes on objects that reference each other but are far apart: not refused, but worth checking."""
    slices, volume, _, plan, dose = objects
    if volume and plan and (geometry.isocentres(plan.view) or geometry.source_positions(plan.view)):
        yield from (fault.found for fault in plan_disagrees(plan, volume))
    if volume and dose:
        yield from (fault.found for fault in dose_disagrees(dose, volume))
    if plan and len({one.view.raw("PatientPosition") for one in slices}) == 1:
        lies = slices[0].view.text("PatientPosition")
        setups = {setup.text("PatientPosition") for setup in plan.view.items("PatientSetupSequence")} - {""}
        if lies and setups - {lies}:
            yield gettext(
                "The patient lies {lying} in the CT and {treated} in {plan}.",
                lying=lies,
                treated=", ".join(sorted(setups)),
                plan=plan.called,
            )


_ISOCENTRE: Final = (
    gettext_noop("{plan} has an isocentre outside the CT."),
    gettext_noop("{plan} states no isocentre."),
)
_SOURCE: Final = (
    gettext_noop("{plan} has a source position outside the CT."),
    gettext_noop("{plan} states no source position."),
)


def plan_disagrees(plan: SetFile, volume: Volume | None) -> list[Fault]:
    """Return reasons against the isocentres, or source positions in brachytherapy, being in the CT."""
    if volume is None:
        return [_no_volume()]
    says, points = _ISOCENTRE, geometry.isocentres(plan.view)
    if plan.view.has("ApplicationSetupSequence"):
        says, points = _SOURCE, geometry.source_positions(plan.view)
    if points and all(map(volume.holds, points)):
        return []
    found = gettext(says[0] if points else says[1], plan=plan.called)
    return [Fault("isocentre-outside-ct", found, gettext(_EXPORT_TOGETHER))]


def dose_disagrees(dose: SetFile, volume: Volume | None) -> list[Fault]:
    """Return reasons against the dose being over the patient."""
    if volume is None:
        return [_no_volume()]
    centre = geometry.dose_centre(dose.view)
    if centre and volume.holds(centre):
        return []
    says = gettext_noop("{dose} has its grid beside the CT.")
    if not centre:
        says = gettext_noop("{dose} does not state where its grid lies.")
    return [Fault("dose-beside-ct", gettext(says, dose=dose.called), gettext(_EXPORT_TOGETHER))]
