"""Planes of a CT in memory, as the views of a sheet show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheets.read import ct_volume
from sheets.read.ct_volume import Planes

if TYPE_CHECKING:
    from pydicom import Dataset

    from sheets.read.ct_volume import Frame, Plane


def planes_of(slices: list[Dataset], through: np.ndarray) -> tuple[Frame, tuple[Plane, ...]]:
    """Compute the three planes through a point of the patient."""
    within = ct_volume.frame([float(number) for number in slices[0].ImageOrientationPatient])
    ordered = sorted(slices, key=lambda image: ct_volume.place(image, within).at)
    places = [ct_volume.place(image, within) for image in ordered]
    made = Planes(within, places, within.of(through[np.newaxis])[0])
    for number, (image, lies) in enumerate(zip(ordered, places, strict=True)):
        made.add(number, lies, ct_volume.read_slice(image, within)[...])
    return within, made.made()
