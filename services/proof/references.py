"""Links of a set as stated in its objects, with positions in the set instead of UIDs, for comparison of two sets.

A UID of an object of the set becomes the object's position; frames of reference, studies and series are numbered by
first appearance. Source and output have the same links if and only if these are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from services.dicom.dictionary import tag
from services.policy.rebuilt_references import PLANAR, study_class
from services.proof.evidence import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.dicom.elements import Element, Item
    from services.dicom.part10 import DicomFile
    from services.proof.evidence import Reasons

    Objects: TypeAlias = Sequence[tuple[str, DicomFile]]

_INSTANCE: Final = tag("SOPInstanceUID")
_STUDY: Final = tag("StudyInstanceUID")
_SERIES: Final = tag("SeriesInstanceUID")
_FRAME: Final = tag("FrameOfReferenceUID")
_REFERENCED_INSTANCE: Final = tag("ReferencedSOPInstanceUID")
_PLANS: Final = tag("ReferencedRTPlanSequence")
_STRUCTURE_SETS: Final = tag("ReferencedStructureSetSequence")
_ROIS: Final = tag("StructureSetROISequence")
_ROI_FRAME: Final = tag("ReferencedFrameOfReferenceUID")
_ROI_CONTOURS: Final = tag("ROIContourSequence")
_CONTOURS: Final = tag("ContourSequence")
_IMAGES: Final = tag("ContourImageSequence")
_FRAMES: Final = tag("ReferencedFrameOfReferenceSequence")
_STUDIES: Final = tag("RTReferencedStudySequence")
_SERIES_LIST: Final = tag("RTReferencedSeriesSequence")
_POSITION: Final = tag("ImagePositionPatient")
_ORIENTATION: Final = tag("ImageOrientationPatient")
_POINTS: Final = tag("ContourData")
_GEOMETRIC_TYPE: Final = tag("ContourGeometricType")
_SOP_CLASS: Final = tag("SOPClassUID")
_REFERENCED_CLASS: Final = tag("ReferencedSOPClassUID")
_REFERRING: Final = {"CT": _IMAGES, "RTSTRUCT": _STRUCTURE_SETS, "RTPLAN": _PLANS}
"""The sequence that references an object, by the object's kind."""

_STAND_AT: Final = {
    "dose → plan": Place("RTDOSE", (_PLANS,), _REFERENCED_INSTANCE),
    "plan → structure set": Place("RTPLAN", (_STRUCTURE_SETS,), _REFERENCED_INSTANCE),
    "contours → CT": Place("RTSTRUCT", (_ROI_CONTOURS, _CONTOURS, _IMAGES), _REFERENCED_INSTANCE),
    "list of CT images": Place("RTSTRUCT", (_FRAMES, _STUDIES, _SERIES_LIST, _IMAGES), _REFERENCED_INSTANCE),
    "frame of reference": Place("", (), _FRAME),
    "study": Place("", (), _STUDY),
    "class of the study": Place("RTSTRUCT", (_FRAMES, _STUDIES), _REFERENCED_CLASS),
    "class of an object": Place("", (), _REFERENCED_CLASS),
    "series": Place("", (), _SERIES),
}
"""Location of each link."""

_ELSEWHERE: Final = -1
"""A reference to something outside the set."""
_NEXT: Final = -2
"""Separates the references of consecutive contours."""

_IN_PLANE_MM: Final = 0.1


@dataclass
class Links:
    """References between objects, by position in the set."""

    dose_plan: list[int] = field(default_factory=list)
    plan_structure_set: list[int] = field(default_factory=list)
    contours_ct: list[int] = field(default_factory=list)
    listed_ct: list[int] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """For each object, then each ROI, then the structure set's list."""
    studies: list[int] = field(default_factory=list)
    series: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of references."""
        return sum(map(len, (self.dose_plan, self.plan_structure_set, self.contours_ct, self.listed_ct, self.frames)))


def _places(objects: Objects) -> dict[bytes, int]:
    return {_value(file, file.elements, _INSTANCE): place for place, (_, file) in enumerate(objects)}


def read_links(objects: Objects) -> Links:
    """Read the links of a set from its objects, given by kind in a fixed order."""
    places = _places(objects)
    links, frames = Links(), _Numbering()
    studies, series = _Numbering(), _Numbering()
    known: dict[bytes, list[int]] = {}
    for kind, file in objects:
        links.frames.append(frames.of(_value(file, file.elements, _FRAME)))
        links.studies.append(studies.of(_value(file, file.elements, _STUDY)))
        links.series.append(series.of(_value(file, file.elements, _SERIES)))
        if kind == "RTDOSE":
            links.dose_plan += _references(file, _items(file.elements, _PLANS), places)
        elif kind == "RTPLAN":
            links.plan_structure_set += _references(file, _items(file.elements, _STRUCTURE_SETS), places)
        elif kind == "RTSTRUCT":
            for roi in _items(file.elements, _ROI_CONTOURS):
                for contour in _items(roi[3], _CONTOURS):
                    links.contours_ct += _images(file, contour[3], places, known)
                    links.contours_ct.append(_NEXT)
            links.frames += [frames.of(_value(file, roi[3], _ROI_FRAME)) for roi in _items(file.elements, _ROIS)]
            for frame in _items(file.elements, _FRAMES):
                links.frames.append(frames.of(_value(file, frame[3], _FRAME)))
                for listed in _listed_series(frame[3]):
                    links.series.append(series.of(_value(file, listed[3], _SERIES)))
                    links.listed_ct += _references(file, _items(listed[3], _IMAGES), places)
    return links


def judge_links(old: Links, new: Links, reasons: Reasons) -> int:
    """Check that the output's links equal the source's; return the number compared."""
    for name, before, after in (
        ("dose → plan", old.dose_plan, new.dose_plan),
        ("plan → structure set", old.plan_structure_set, new.plan_structure_set),
        ("contours → CT", old.contours_ct, new.contours_ct),
        ("list of CT images", old.listed_ct, new.listed_ct),
        ("frame of reference", old.frames, new.frames),
        ("study", old.studies, new.studies),
        ("series", old.series, new.series),
    ):
        if before != after:
            reasons.add("links", f"{name} differs from the source", _STAND_AT.get(name))
    return new.count


def judge_rebuilt_links(new: Links, old_objects: Objects, objects: Objects, reasons: Reasons) -> int:
    """Check that a set with rebuilt references has all links, and its contours are on their images.

    Source and output objects are given by kind in the same fixed order.
    """
    plan, structure_set = (
        next(at for at, (kind, _) in enumerate(objects) if kind == one) for one in ("RTPLAN", "RTSTRUCT")
    )
    for name, whole in (
        ("dose → plan", plan in new.dose_plan),
        ("plan → structure set", structure_set in new.plan_structure_set),
        ("contours → CT", all(_on_their_images(old_objects, objects))),
        (
            "list of CT images",
            set(new.listed_ct) - {_ELSEWHERE} == {at for at, (kind, _) in enumerate(objects) if kind == "CT"},
        ),
        ("frame of reference", len(set(new.frames) - {_Numbering.NOT_STATED}) == 1),
        ("study", len(set(new.studies)) == 1),
        (
            "class of the study",
            _study_classes(objects) == {study_class(_stated_study_classes(old_objects)).rstrip(b"\0 ")},
        ),
        ("class of an object", _reference_classes(objects) <= _reference_classes(old_objects) | _true_classes(objects)),
    ):
        if not whole:
            reasons.add("links", f"{name} was rebuilt, but is incomplete", _STAND_AT.get(name))
    return new.count


def _stated_study_classes(objects: Objects) -> Iterator[bytes]:
    """Yield the unmodified classes of the studies listed in the structure set."""
    file = next(file for kind, file in objects if kind == "RTSTRUCT")
    for frame in _items(file.elements, _FRAMES):
        for study in _items(frame[3], _STUDIES):
            yield from (file.data[each[3] : each[4]] for each in study[3] if each[0] == _REFERENCED_CLASS)


def _study_classes(objects: Objects) -> set[bytes]:
    return {value.rstrip(b"\0 ") for value in _stated_study_classes(objects)}


def _true_classes(objects: Objects) -> set[tuple[int, bytes]]:
    """Return each sequence that references objects of a set, with the classes of those."""
    return {
        (sequence, _value(file, file.elements, _SOP_CLASS))
        for kind, file in objects
        for sequence in (_REFERRING.get(kind),)
        if sequence
    }


def _reference_classes(objects: Objects) -> set[tuple[int, bytes]]:
    """Return each sequence that references objects of a set, with the classes stated in it."""
    found: set[tuple[int, bytes]] = set()

    def look(file: DicomFile, elements: Sequence[Element]) -> None:
        for sequence, _, _, _, _, items in elements:
            for item in items or ():
                if sequence in _REFERRING.values() and (stated := _value(file, item[3], _REFERENCED_CLASS)):
                    found.add((sequence, stated))
                look(file, item[3])

    for kind, file in objects:
        if kind != "CT":
            look(file, file.elements)
    return found


def _on_their_images(old_objects: Objects, objects: Objects) -> Iterator[bool]:
    """Yield for each contour whether it references the same images of the set as before, or the one it is on."""
    file = next(file for kind, file in objects if kind == "RTSTRUCT")
    images = [file for kind, file in objects if kind == "CT"]
    for (_, had), (contour, has) in zip(_contour_places(old_objects), _contour_places(objects), strict=False):
        if set(had) - {_ELSEWHERE} or _value(file, contour, _GEOMETRIC_TYPE).strip() not in PLANAR:
            yield has == had
        elif set(has) - {_ELSEWHERE}:
            yield len(has) == 1 and _is_on_image(file, contour, objects[has[0]][1])
        else:
            yield not has and not any(_is_on_image(file, contour, image) for image in images)


def _contour_places(objects: Objects) -> Iterator[tuple[Sequence[Element], list[int]]]:
    """Yield the contours with the positions of the images that they reference."""
    places = _places(objects)
    file = next(file for kind, file in objects if kind == "RTSTRUCT")
    for roi in _items(file.elements, _ROI_CONTOURS):
        for contour in _items(roi[3], _CONTOURS):
            yield contour[3], _references(file, _items(contour[3], _IMAGES), places)


def _is_on_image(file: DicomFile, contour: Sequence[Element], image: DicomFile) -> bool:
    try:
        return _is_in_plane(image, _numbers(_value(file, contour, _POINTS), 3))
    except ValueError:  # its points are invalid
        return False


def _is_in_plane(image: DicomFile, point: list[float]) -> bool:
    position = _numbers(_value(image, image.elements, _POSITION), 3)
    rx, ry, rz, cx, cy, cz = _numbers(_value(image, image.elements, _ORIENTATION), 6)
    normal = (ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx)
    distance_mm = sum(n * (a - b) for n, a, b in zip(normal, point, position, strict=True))
    return abs(distance_mm) <= _IN_PLANE_MM


def _numbers(value: bytes, count: int) -> list[float]:
    return [float(part.strip(b" \0")) for part in value.split(b"\\", count)[:count]]


class _Numbering:
    """Numbers UIDs by first appearance; 0 if absent."""

    NOT_STATED: Final = 0

    def __init__(self) -> None:
        self._known = {b"": self.NOT_STATED}

    def of(self, uid: bytes) -> int:
        return self._known.setdefault(uid, len(self._known))


def _listed_series(frame: Sequence[Element]) -> Iterator[Item]:
    for study in _items(frame, _STUDIES):
        yield from _items(study[3], _SERIES_LIST)


def _items(elements: Sequence[Element], sequence: int) -> Sequence[Item]:
    for element in elements:
        if element[0] == sequence:
            return element[5] or ()
    return ()


def value_of(file: DicomFile, attribute: int) -> bytes:
    """Return a value at an object's top level without padding; b"" if absent."""
    return _value(file, file.elements, attribute)


def _value(file: DicomFile, elements: Sequence[Element], attribute: int) -> bytes:
    for element in elements:
        if element[0] == attribute:
            return file.data[element[3] : element[4]].rstrip(b"\0 ")
    return b""


def _images(
    file: DicomFile, contour: Sequence[Element], places: dict[bytes, int], known: dict[bytes, list[int]]
) -> list[int]:
    """Return the references of a contour to images; thousands of contours have the same few hundred."""
    for number, _, _, start, end, items in contour:
        if number == _IMAGES and items:
            sequence = file.data[start:end]
            if sequence not in known:
                known[sequence] = _references(file, items, places)
            return known[sequence]
    return []


def _references(file: DicomFile, items: Sequence[Item], places: dict[bytes, int]) -> list[int]:
    return [places.get(_value(file, item[3], _REFERENCED_INSTANCE), _ELSEWHERE) for item in items]
