"""Rebuilding of references, as by the older program, if a collection requests it and geometry supports it.

Some systems give CT, structure set, plan and dose of one plan UIDs that do not match, or none at all, so that a
planning system cannot combine them. Here all become one study and one frame of reference, the CT's; dose, plan and
structure set reference each other, and contours the slices in whose planes they are. The CT itself is unchanged.

The results are in-memory objects like those read, so the anonymization need not know.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import dictionary, part10
from services.dicom.dataset import root_view
from services.dicom.elements import ITEM, Rules, encode, keep, rewrite
from services.errors import Fault
from services.forms.identity import stated_day
from services.language import gettext
from services.policy.rebuilt_references import study_class
from services.rtset import placement, references
from services.rtset.references import CONTOURS_CT, DOSE_PLAN
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.elements import Edit, Element, New
    from services.rtset.geometry import Volume
    from services.rtset.reader import SetFile
    from services.rtset.references import Links, Objects

_STUDY: Final = dictionary.tag("StudyInstanceUID")
_SERIES: Final = dictionary.tag("SeriesInstanceUID")
_FRAME: Final = dictionary.tag("FrameOfReferenceUID")
_ROI_FRAME: Final = dictionary.tag("ReferencedFrameOfReferenceUID")
_CLASS: Final = dictionary.tag("ReferencedSOPClassUID")
_INSTANCE: Final = dictionary.tag("ReferencedSOPInstanceUID")
_FRAMES: Final = dictionary.tag("ReferencedFrameOfReferenceSequence")
_STUDIES: Final = dictionary.tag("RTReferencedStudySequence")
_SERIESES: Final = dictionary.tag("RTReferencedSeriesSequence")
_IMAGES: Final = dictionary.tag("ContourImageSequence")
_CONTOUR_DATA: Final = dictionary.tag("ContourData")
_PLANS: Final = dictionary.tag("ReferencedRTPlanSequence")
_STRUCTURE_SETS: Final = dictionary.tag("ReferencedStructureSetSequence")
_NO_LETTER: Final = re.compile(r"[\W\d_]+")


class Rebuilt(NamedTuple):
    """The three objects with rebuilt references."""

    structure_set: SetFile
    plan: SetFile
    dose: SetFile


def doubts(objects: Objects, judged: Links) -> list[Fault]:
    """Return reasons against these objects being one set, most of them geometric; must be empty to rebuild."""
    _, volume, structure_set, plan, dose = objects
    assert structure_set
    assert plan
    assert dose
    against = [*references.plan_disagrees(plan, volume), *references.dose_disagrees(dose, volume)]
    against += placement.grid_disagrees(dose, volume)
    if judged.states[CONTOURS_CT] != "shown":
        against += references.contours_disagree(structure_set, volume)
    lying = {position for one in objects.slices if (position := one.view.text("PatientPosition"))}
    treated = {
        position for setup in plan.view.items("PatientSetupSequence") if (position := setup.text("PatientPosition"))
    }
    if treated - lying and lying:
        against.append(
            Fault(
                "patient-position",
                gettext(
                    "The patient lies {lying} in the CT and {treated} in {plan}.",
                    lying=_listed(lying),
                    treated=_listed(treated),
                    plan=plan.called,
                ),
                gettext("Export the CT that the plan was made on."),
            )
        )
    if len(references.frames(structure_set, plan, dose, objects.slices)["CT"]) != 1:
        against.append(
            Fault(
                "ct-without-one-frame",
                gettext("The CT slices do not state one frame of reference that all objects could be brought into."),
                gettext("Export the one CT series that the plan was made on."),
            )
        )
    if len(references.contoured_frames(structure_set)) > 1:
        against.append(
            Fault(
                "two-frames",
                gettext(
                    "{structure_set} has contours in two frames of reference, which cannot become one.",
                    structure_set=structure_set.called,
                ),
                gettext("Export the structure set with the structures of the planning CT only."),
            )
        )
    against += _of_several_patients((*objects.slices, structure_set, plan, dose))
    return list(dict.fromkeys(against))


def _of_several_patients(files: Sequence[SetFile]) -> Iterator[Fault]:
    """Yield a fault if the objects may be of several patients: then equal geometry is no evidence of one set."""
    births = {birth for file in files if (birth := stated_day(file.view.text("PatientBirthDate")))}
    names = {fold(_NO_LETTER.sub("", file.view.text("PatientName"))) for file in files} - {""}
    have_one_id = {file.view.text("PatientID").casefold() for file in files}.isdisjoint({""})
    if len(births) > 1 or (len(names) > 1 and not have_one_id):
        yield Fault(
            "patients-differ",
            gettext("The objects state different birth dates, or different names without a patient ID."),
            gettext("Export CT, structure set, plan and dose of one plan together, of one patient."),
        )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def rebuild(objects: Objects, judged: Links) -> Rebuilt:
    """Rebuild the references of a set for which `doubts` is empty."""
    slices, volume, structure_set, plan, dose = objects
    assert volume
    assert structure_set
    assert plan
    assert dose
    ct = slices[0]
    one_study = {_STUDY: _ui(ct.uid("StudyInstanceUID")), _FRAME: _ui(ct.uid("FrameOfReferenceUID"))}
    one_frame: dict[int, Edit] = {_ROI_FRAME: lambda _: _as_stored(ct.uid("FrameOfReferenceUID"))}

    new_plan = _rewritten(
        plan,
        Rules(_edits(plan, one_frame)),
        one_study | {_STRUCTURE_SETS: _reference(structure_set, implicit=plan.file.implicit)},
    )
    inside = {_STRUCTURE_SETS: Rules(_edits(dose, _to(structure_set)))}
    to_plan: dict[int, New] = {}
    if judged.states[DOSE_PLAN] != "shown":
        if len(dose.view.items("ReferencedRTPlanSequence")) == 1:  # it also names fraction group and beams
            inside[_PLANS] = Rules(_edits(dose, _to(plan)))
        else:
            to_plan[_PLANS] = _reference(plan, implicit=dose.file.implicit)
    new_dose = _rewritten(dose, Rules(_edits(dose, one_frame), inside), one_study | to_plan)
    return Rebuilt(_with_contours_on(structure_set, slices, volume, one_frame, one_study), new_plan, new_dose)


def _with_contours_on(
    structure_set: SetFile,
    slices: Sequence[SetFile],
    volume: Volume,
    one_frame: Mapping[int, Edit],
    one_study: Mapping[int, New],
) -> SetFile:
    """Make each contour reference its slice, and the list all slices."""
    implicit = structure_set.file.implicit
    here = {one.sop_instance_uid for one in slices}
    image_of: dict[int, New | None] = {}
    for contour in references.contours(structure_set):
        if here.isdisjoint(contour.images):
            index = volume.slice_of(contour.ends(structure_set.file.data))
            image_of[contour.start] = None if index is None else _reference(slices[index], implicit=implicit)

    def complete(_: bytes, elements: Sequence[Element]) -> Mapping[int, New | None]:
        start = next((element[3] for element in elements if element[0] == _CONTOUR_DATA), None)
        return {_IMAGES: image_of[start]} if start in image_of else {}

    frame = {} if structure_set.uid("FrameOfReferenceUID") == "" else {_FRAME: one_study[_FRAME]}
    rules = Rules(_edits(structure_set, one_frame), complete=complete)
    additions = frame | {_STUDY: one_study[_STUDY], _FRAMES: _list_of(structure_set, slices, implicit=implicit)}
    return _rewritten(structure_set, rules, additions)


def _list_of(structure_set: SetFile, slices: Sequence[SetFile], *, implicit: bool) -> New:
    """Create the structure set's list of images. PS3.3 C.8.8.5."""
    ct = slices[0]
    stated = (
        study.raw("ReferencedSOPClassUID") or b""
        for frame in structure_set.view.items("ReferencedFrameOfReferenceSequence")
        for study in frame.items("RTReferencedStudySequence")
    )
    images = (b"SQ", b"".join(_reference(one, implicit=implicit)[1] for one in slices))
    series = _sequence({_SERIES: _ui(ct.uid("SeriesInstanceUID")), _IMAGES: images}, implicit=implicit)
    study = {_CLASS: (b"UI", study_class(stated)), _INSTANCE: _ui(ct.uid("StudyInstanceUID")), _SERIESES: series}
    frame = {_FRAME: _ui(ct.uid("FrameOfReferenceUID")), _STUDIES: _sequence(study, implicit=implicit)}
    return _sequence(frame, implicit=implicit)


def _reference(file: SetFile, *, implicit: bool) -> New:
    """Create a sequence with one item that references an object."""
    return _sequence({_CLASS: _ui(file.sop_class_uid), _INSTANCE: _ui(file.sop_instance_uid)}, implicit=implicit)


def _sequence(item: Mapping[int, New], *, implicit: bool) -> New:
    content = b"".join(encode(tag, *new, implicit=implicit) for tag, new in sorted(item.items()))
    return b"SQ", ITEM + len(content).to_bytes(4, "little") + content


def _ui(uid: str) -> New:
    return b"UI", _as_stored(uid)


def _as_stored(uid: str) -> bytes:
    return uid.encode("latin-1")  # as it was read: even an invalid UID stays the same


def _to(file: SetFile) -> Mapping[int, Edit]:
    """Return the edits that make a reference point to `file`."""
    return {_CLASS: lambda _: _as_stored(file.sop_class_uid), _INSTANCE: lambda _: _as_stored(file.sop_instance_uid)}


def _edits(file: SetFile, edits: Mapping[int, Edit]) -> Mapping[int, Edit]:
    """Return the edits, keeping all other elements of a file."""
    return {tag: edits.get(tag, keep) for tag in _tags(file.file.elements)}


def _tags(elements: Iterable[Element]) -> set[int]:
    tags: set[int] = set()
    for element in elements:
        tags.add(element[0])
        for item in element[5] or ():
            tags |= _tags(item[3])
    return tags


def _rewritten(file: SetFile, rules: Rules, additions: Mapping[int, New | None]) -> SetFile:
    """Return an object with other elements."""
    source = file.file
    before, end = source.before_pixels()
    head = b"".join(rewrite(source.data, before, rules, implicit=source.implicit, end=end, additions=additions))
    tail = source.behind_pixels()
    rest = b"".join(rewrite(source.data, tail, rules, implicit=source.implicit, end=len(source.data))) if tail else b""
    new = part10.with_elements(source, head, rest)
    return replace(file, file=new, view=root_view(new))
