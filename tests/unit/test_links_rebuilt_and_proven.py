"""Sets with rebuilt references pass their proof, whatever lists their planning system writes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from phantom.modules import item, reference
from services.errors import NotClean
from services.policy.rebuilt_references import DETACHED_STUDY
from services.rtset import relink
from tests import sets
from tests.anonymized import anonymize_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
STUDY_CLASSES = [
    "1.2.840.10008.3.1.2.3.1",  # Detached Study Management: Oncentra, MIM
    "1.2.840.10008.3.1.2.3.2",  # Detached Visit Management: Monaco, XiO
    "1.2.840.10008.5.1.4.1.1.481.3",  # the structure set's own: Eclipse
    CT_CLASS,  # that of the images: Brainlab, GammaPlan
    "1.2.826.0.1.3680043.2.1",  # of no standard
    "",
    None,
]


def study(made: MadeSet) -> Dataset:
    """Return the only study listed in the structure set."""
    return made.structure_set.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]


def study_class(value: str | None) -> Edit:
    """State another class of the study, or none."""

    def edit(made: MadeSet) -> None:
        if value is None:
            del study(made).ReferencedSOPClassUID
        else:
            study(made).ReferencedSOPClassUID = value

    return edit


def relinked(tmp_path: Path, *edits: Edit) -> Anonymized:
    """Anonymize and prove a set with relinking."""
    made = sets.make_set(tmp_path, *edits)
    done = anonymize_folder(made.folder, tmp_path / "ANON_006", on_broken_links="relink")
    assert "relinked" in done.verdict.links.values()
    return done


def as_listed(made: MadeSet) -> None:
    """Leave the list unchanged."""


def two_studies_listed(made: MadeSet) -> None:
    """List a second study of the same class."""
    (frame,) = made.structure_set.ReferencedFrameOfReferenceSequence
    other = copy.deepcopy(frame.RTReferencedStudySequence[0])
    other.ReferencedSOPInstanceUID += ".2"
    frame.RTReferencedStudySequence.append(other)


def two_frames_listed(made: MadeSet) -> None:
    """List a second frame of reference, of registered images."""
    frames = made.structure_set.ReferencedFrameOfReferenceSequence
    frames.append(copy.deepcopy(frames[0]))
    frames[1].FrameOfReferenceUID += ".2"


def one_image_listed(made: MadeSet) -> None:
    """List one image of three."""
    del study(made).RTReferencedSeriesSequence[0].ContourImageSequence[1:]


@pytest.mark.parametrize("value", STUDY_CLASSES)
@pytest.mark.parametrize(
    "listing",
    [as_listed, two_studies_listed, two_frames_listed, one_image_listed, sets.second_series_in_image_list],
)
def test_the_class_of_the_study_is_the_one_that_the_source_states(
    tmp_path: Path, value: str | None, listing: Edit
) -> None:
    """Detached Study Management is used only if there was none."""
    done = relinked(tmp_path, sets.plan_of_another_structure_set, study_class(value), listing)
    (frame,) = done.structure_set.ReferencedFrameOfReferenceSequence
    (one,) = frame.RTReferencedStudySequence
    assert one.ReferencedSOPClassUID == (value or DETACHED_STUDY.decode())


@pytest.mark.parametrize("implicit", ["implicit", "explicit", "big endian", "deflated"])
def test_the_class_of_the_study_is_kept_in_every_encoding(tmp_path: Path, implicit: str) -> None:
    """The class is kept by its value, not by its bytes."""
    relinked(
        tmp_path,
        sets.dose_of_another_plan,
        study_class("1.2.840.10008.5.1.4.1.1.481.3"),
        sets.encoded(implicit),
    )


@pytest.mark.parametrize(
    "edit",
    [
        sets.dose_of_another_plan,
        sets.dose_without_plan,
        sets.plan_of_another_structure_set,
        sets.plan_without_structure_set,
        sets.contours_on_other_images,
        sets.contours_without_images,
        sets.other_frame_of_reference("RTPLAN"),
        sets.other_frame_of_reference("RTDOSE"),
        sets.other_frame_of_reference("RTSTRUCT"),
        sets.plan_without_frame_of_reference,
    ],
)
def test_every_link_that_is_rebuilt_is_proven(tmp_path: Path, edit: Edit) -> None:
    """With Eclipse's list, and different studies."""
    relinked(tmp_path, study_class("1.2.840.10008.5.1.4.1.1.481.3"), sets.two_studies, edit)


def classes_of_something_else(made: MadeSet) -> None:
    """State classes of other objects in all references, or none."""
    (listed,) = study(made).RTReferencedSeriesSequence
    for image in listed.ContourImageSequence:
        image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    for contour in sets.contours(made):
        contour.ContourImageSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    made.plan.ReferencedStructureSetSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.4"
    made.dose.ReferencedRTPlanSequence[0].ReferencedSOPClassUID = ""


def more_in_the_list(made: MadeSet) -> None:
    """Add other elements to reference items."""
    (frame,) = made.structure_set.ReferencedFrameOfReferenceSequence
    frame.FrameOfReferenceRelationshipSequence = [
        item(FrameOfReferenceTransformationMatrix=[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    ]
    for contour in sets.contours(made):
        contour.ContourImageSequence[0].ReferencedFrameNumber = 1


def silent_frames(made: MadeSet) -> None:
    """Remove optional frames of reference."""
    made.structure_set.pop("FrameOfReferenceUID", None)


def points(images: int) -> Edit:
    """Add a point of interest off the slices, with or without references to present images."""

    def edit(made: MadeSet) -> None:
        point = item(ContourGeometricType="POINT", NumberOfContourPoints=1, ContourData=["1", "2", "3.25"])
        if images:
            point.ContourImageSequence = [reference(CT_CLASS, data.SOPInstanceUID) for data in made.ct[:images]]
        made.structure_set.ROIContourSequence[0].ContourSequence.append(point)

    return edit


def two_images_a_contour(made: MadeSet) -> None:
    """Make a contour reference the adjacent image, too."""
    contour = next(iter(sets.contours(made)))
    contour.ContourImageSequence.append(reference(CT_CLASS, made.ct[-1].SOPInstanceUID))


def one_image_elsewhere(made: MadeSet) -> None:
    """Make a contour reference another series' image, too."""
    contour = next(iter(sets.contours(made)))
    contour.ContourImageSequence.append(reference("1.2.840.10008.5.1.4.1.1.4", "1.2.3.4.5"))


@pytest.mark.parametrize(
    "edit",
    [
        classes_of_something_else,
        more_in_the_list,
        silent_frames,
        sets.without_image_list,
        points(0),
        points(1),
        points(2),
        two_images_a_contour,
        one_image_elsewhere,
    ],
)
@pytest.mark.parametrize(
    "broken", [sets.dose_of_another_plan, sets.plan_of_another_structure_set, sets.other_frame_of_reference("RTDOSE")]
)
def test_other_contents_of_real_structure_sets_pass_the_proof(tmp_path: Path, edit: Edit, broken: Edit) -> None:
    """None of it affects the proof."""
    relinked(tmp_path, broken, edit)


def test_contours_with_wrong_classes_are_rebuilt(tmp_path: Path) -> None:
    """Contours with references of another class to other images reference the CT with its class afterwards."""
    done = relinked(tmp_path, classes_of_something_else, sets.contours_on_other_images, points(0))
    classes = {
        image.ReferencedSOPClassUID
        for roi in done.structure_set.ROIContourSequence
        for contour in roi.ContourSequence
        for image in contour.get("ContourImageSequence", ())
    }
    assert classes == {CT_CLASS}


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("study", "1.2.840.10008.3.1.2.3.1", "class of the study"),
        ("image", "1.2.840.10008.5.1.4.1.1.4", "class of an object"),
    ],
)
def test_the_proof_refuses_a_class_that_was_not_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyword: str, value: str, reason: str
) -> None:
    """The rule is enforced."""
    original = relink._list_of

    def wrong(*args: object, **how: bool) -> tuple[bytes, bytes]:
        vr, made = original(*args, **how)  # type: ignore[arg-type]
        stated = {"study": "1.2.840.10008.5.1.4.1.1.481.3", "image": CT_CLASS + "\0"}[keyword].encode()
        other = value.encode()
        return vr, made.replace(stated + b"\0" * (len(stated) & 1), other.ljust(len(stated) + (len(stated) & 1), b"\0"))

    monkeypatch.setattr(relink, "_list_of", wrong)
    with pytest.raises(NotClean) as failed:
        relinked(tmp_path, sets.plan_of_another_structure_set, study_class("1.2.840.10008.5.1.4.1.1.481.3"))
    assert any(reason in told for told in failed.value.reasons)
