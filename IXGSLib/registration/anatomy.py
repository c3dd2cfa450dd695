"""A CT with its vertebrae, as it was read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SettingsError
from ..geometry import Grid
from ..volume.images import read_image
from .bones import Spine, spine_of, spine_without_labels
from .checks import check_ct, check_labelled, check_same_grid
from .labels import vertebra_names
from .settings import RegistrationSettings
from .splitting import Points, labels_from_points, names_of

DEFAULTS = RegistrationSettings()
Image = str | os.PathLike[str] | tuple[np.ndarray, Grid]
"""A file, a folder with one DICOM series, or values [k, j, i] and their grid."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A CT in HU and its labels, both [k, j, i] on a grid, and its spine.

    threshold: HU above which it shows bone. labels: None where the spine is one body. names: of the labels, from the
    head to the feet.
    """

    hounsfield: np.ndarray
    labels: np.ndarray | None
    grid: Grid
    threshold: float
    names: Mapping[int, str]
    spine: Spine


def read_anatomy(
    ct: Image,
    labels: Image | None = None,
    settings: RegistrationSettings = DEFAULTS,
    names: Mapping[int, str] | None = None,
    points: Points | None = None,
) -> Anatomy:
    """The spine of a CT, of vertebrae where there are labels or points.

    names: of the labels, where they are neither TotalSegmentator's nor VerSe's. points: in place of labels, (3,) LPS mm
    in the body of each vertebra, by its name.
    Raises FormatError and GeometryError for an image that is no CT, shows no bone, or whose labels do not belong to it.
    """
    hounsfield, grid = _read(ct)
    name = _name(ct, "CT")
    check_ct(hounsfield, settings.bone_threshold, name)
    if points is not None:
        if labels is not None:
            raise SettingsError("labels and points were given, expected one of them; labels are more precise")
        labels, names = (labels_from_points(hounsfield, grid, points), grid), names_of(points)
    if labels is None:
        spine = spine_without_labels(hounsfield, grid, settings.bone_threshold)
        return Anatomy(hounsfield, None, grid, settings.bone_threshold, {}, spine)
    values, lattice = _read(labels)
    check_same_grid(grid, lattice, _name(labels, "labels"))
    found = vertebra_names(values, grid, names or settings.scheme)
    check_labelled(hounsfield, np.isin(values, list(found)), grid.spacing, name)
    spine = spine_of(hounsfield, values, grid, found, settings.bone_threshold)
    return Anatomy(hounsfield, values, grid, settings.bone_threshold, found, spine)


def _read(image: Image) -> tuple[np.ndarray, Grid]:
    return image if isinstance(image, tuple) else read_image(image)


def _name(image: Image, otherwise: str) -> str:
    return otherwise if isinstance(image, tuple) else Path(image).name
