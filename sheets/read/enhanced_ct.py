"""Splitting of an enhanced CT, whose slices are frames of one object, into single images. PS3.3 A.38.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sheets.read.numbers import Data

_SHARED: Final = "SharedFunctionalGroupsSequence"
_PER_FRAME: Final = "PerFrameFunctionalGroupsSequence"
_NOT_OF_A_FRAME: Final = frozenset({_SHARED, _PER_FRAME, "NumberOfFrames", "PixelData"})
_GROUPS: Final = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
}
"""Attributes of position and pixel values of a frame, by functional group. PS3.3 C.7.6.16.2, C.8.15.3.10."""


def has_frames(image: Data) -> bool:
    """Return whether an image stores its slices as frames."""
    return _PER_FRAME in image


def frames(image: Dataset) -> list[Dataset]:
    """Return the frames of an enhanced CT, each with the shared and its own functional groups.

    Empty if the pixels cannot be decoded.
    """
    common = Dataset()
    for element in image:
        if element.keyword not in _NOT_OF_A_FRAME:
            common.add(element)
    shared = (image.get(_SHARED) or [Dataset()])[0]
    voxels = _voxels(image)
    found = []
    for number, own in enumerate(image[_PER_FRAME].value):
        frame = Dataset()
        frame.update(common)
        for group, keywords in _GROUPS.items():
            for item in own.get(group) or shared.get(group) or ():
                for keyword in keywords:
                    if keyword in item:
                        frame[keyword] = item[keyword]
        if voxels is not None and number < len(voxels):
            frame.PixelData = voxels[number].tobytes()
            frame["PixelData"].VR = "OW"
            frame.file_meta = FileMetaDataset()
            frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        found.append(frame)
    return found


def _voxels(image: Dataset) -> NDArray[np.generic] | None:
    """Decode all frames, [frame, row, column]; None if the compression is not supported."""
    try:
        decoded = pixel_array(image)
    except (NotImplementedError, RuntimeError, ValueError, AttributeError):
        return None
    return decoded if decoded.ndim > 2 else decoded[None]
