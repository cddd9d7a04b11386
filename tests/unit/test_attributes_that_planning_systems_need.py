"""Objects without attributes that planning systems need are refused or noted, even if links and geometry are good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, Sequence, dcmread, dcmwrite

from services.errors import SetRefused
from services.forms.collection_form import Options
from services.policy.table import policy_for
from services.verdict import check
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.verdict.verdict import Verdict
    from tests.sets import MadeSet

OPTIONS = Options(machine=())

#: Kind of object, and the path of an attribute whose absence is noted.
NEEDED = [
    ("CT", "ImageType"),
    ("CT", "RescaleSlope"),
    ("CT", "BitsStored"),
    ("RTSTRUCT", "Modality"),
    ("RTSTRUCT", "StructureSetROISequence"),
    ("RTSTRUCT", "StructureSetROISequence>ROIName"),
    ("RTSTRUCT", "StructureSetROISequence>ReferencedFrameOfReferenceUID"),
    ("RTSTRUCT", "ROIContourSequence>ContourSequence>ContourGeometricType"),
    ("RTSTRUCT", "ROIContourSequence>ContourSequence>ContourData"),
    ("RTSTRUCT", "RTROIObservationsSequence>ReferencedROINumber"),
    ("RTPLAN", "RTPlanLabel"),
    ("RTPLAN", "FractionGroupSequence"),
    ("RTPLAN", "FractionGroupSequence>FractionGroupNumber"),
    ("RTPLAN", "BeamSequence>BeamLimitingDeviceSequence"),
    ("RTPLAN", "BeamSequence>RadiationType"),
    ("RTPLAN", "BeamSequence>ControlPointSequence>NominalBeamEnergy"),
    ("RTPLAN", "BeamSequence>ControlPointSequence>GantryAngle"),
    ("RTPLAN", "BeamSequence>ControlPointSequence>BeamLimitingDevicePositionSequence>LeafJawPositions"),
    ("RTDOSE", "DoseSummationType"),
    ("RTDOSE", "PixelRepresentation"),
]


def judge(folder: Path, options: Options = OPTIONS) -> Verdict:
    """Check a folder."""
    return check.judge(folder, options, (), policy_for(options))


def first(data: Dataset, path: str) -> Dataset:
    """Return the first item that holds the attribute of a path."""
    for sequence in path.split(">")[:-1]:
        data = data[sequence].value[0]
    return data


@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize(("kind", "path"), NEEDED)
def test_an_attribute_that_is_lost_is_noted(kind: str, path: str, is_empty: bool, tmp_path: Path) -> None:
    """The sentence contains its path, and its count unless it is one."""
    made = make_set(tmp_path, ct=1, size=16, rois=["PTV_70"])
    file = made.path(made.of(kind)[0])
    data = dcmread(file)
    holder, keyword = first(data, path), path.rsplit(">", maxsplit=1)[-1]
    if is_empty:
        holder[keyword].value = Sequence() if holder[keyword].VR == "SQ" else None
    else:
        del holder[keyword]
    dcmwrite(file, data)
    said = [
        note for note in judge(made.folder).record_notes if note.startswith("Attributes that planning systems need")
    ]
    assert len(said) == 1
    assert said[0].endswith(f": {path}.")


def test_a_sound_set_is_not_noted(tmp_path: Path) -> None:
    """Whatever its beams are."""
    told = judge(make_set(tmp_path, ct=1, size=16).folder).record_notes
    assert not [note for note in told if "planning systems need" in note or "fewer items" in note]


def test_an_enhanced_ct_states_it_elsewhere(tmp_path: Path) -> None:
    """In the functional groups of its frames. PS3.3 C.7.6.16."""
    made = make_set(tmp_path, sets.enhanced_ct, size=16)
    told = judge(made.folder, Options(machine=(), accept=frozenset({"enhanced-ct"}))).record_notes
    assert not [note for note in told if "planning systems need" in note]


@pytest.mark.parametrize("kind", ["CT", "RTSTRUCT", "RTPLAN", "RTDOSE"])
@pytest.mark.parametrize(
    ("keyword", "code"), [("StudyInstanceUID", "no-study-uid"), ("SeriesInstanceUID", "no-series-uid")]
)
def test_an_object_of_no_study_or_series_is_refused(kind: str, keyword: str, code: str, tmp_path: Path) -> None:
    """After it, a set would not be connected."""
    made = make_set(tmp_path, sets.setting(kind, **{keyword: None}), ct=1, size=16)
    with pytest.raises(SetRefused, match=code):
        judge(made.folder).good_set()


def test_a_study_is_rebuilt_where_links_are(tmp_path: Path) -> None:
    """Then the CT's study becomes the plan's."""
    made = make_set(tmp_path, sets.setting("RTPLAN", StudyInstanceUID=None), sets.dose_of_another_plan, size=16)
    options = Options(machine=(), on_broken_links="relink")
    assert {file.uid("StudyInstanceUID") for file in judge(made.folder, options).good_set().set_files} == {
        made.ct[0].StudyInstanceUID
    }


def _without_last_control_point(made: MadeSet) -> None:
    del made.plan.BeamSequence[0].ControlPointSequence[-1]


def _without_control_points(made: MadeSet) -> None:
    del made.plan.BeamSequence[0].ControlPointSequence


@pytest.mark.parametrize("edit", [_without_last_control_point, _without_control_points])
def test_a_beam_that_was_cut_is_refused(edit: sets.Edit, tmp_path: Path) -> None:
    """A planning system would deliver another dose than the one beside it."""
    made = make_set(tmp_path, edit, ct=1, size=16)
    (fault,) = judge(made.folder).faults
    assert fault.code == "control-points-missing"
    assert "1 beam with fewer control points than it states" in fault.found


def test_accessories_and_beams_that_were_lost_are_noted(tmp_path: Path) -> None:
    """By the number of items that the beam states."""

    def edit(made: MadeSet) -> None:
        for beam in made.plan.BeamSequence[:2]:
            beam.NumberOfWedges = 1
        del made.plan.FractionGroupSequence[0].ReferencedBeamSequence[0]

    told = judge(make_set(tmp_path, edit, ct=1, size=16).folder).record_notes
    assert "In 2 places the RT Plan has fewer items than NumberOfWedges states." in told
    assert "The RT Plan has fewer items than NumberOfBeams states." in told
