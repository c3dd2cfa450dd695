"""The full-resolution HDF5 file of DeepFluoro (Grupp et al., IJCARS 2020), with its images.

The camera's x and y follow columns and rows, z points from the detector to the source, and K has negative focal lengths
(the data set's hdf5_layouts/Readme.md): columns, rows and the beam are left-handed, so that images are turned upside
down. The world is the volume of the pelvis, LPS mm: extrinsic times the inverse of cam-to-pelvis-vol, as the data
set's own examples use them. Needs h5py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...geometry.rigid import inverse, proper_rotation
from ...parsing import parsing
from ...xray.pixels import Pixels, check_size
from . import itk_transforms
from .calibration import CalibratedView, CalibrationOptions
from .content import Content

_PARAMETERS = "proj-params"
_MAX_MATRIX = 16
"""Numbers of the largest matrix."""


def matches(content: Content) -> bool:
    return content.kind == "HDF5" and not itk_transforms.matches(content)


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of one specimen, named after their projections.

    The specimen follows the colon in "deepfluoro:17-1882"; raises FormatError if there are several and none is chosen.
    """
    with _opened(content.path) as file:
        _check_links(file)
        if _PARAMETERS not in file:
            raise FormatError(f"{content.name}: no '{_PARAMETERS}', expected DeepFluoro's full-resolution file")
        specimen = _specimen(sorted(set(file) - {_PARAMETERS}), options.choice, content.name)
        if f"{specimen}/projections" not in file:
            raise FormatError(f"{content.name}: specimen {specimen} has no projections")
        projections = file[f"{specimen}/projections"]
        return [
            _view(file[_PARAMETERS], projections[key], content, f"{specimen}/projections/{key}")
            for key in sorted(projections)
        ]


def _specimen(found: list[str], choice: str, name: str) -> str:
    if choice in found:
        return choice
    if len(found) == 1 and not choice:
        return found[0]
    words = " or ".join(f"--calibration-format deepfluoro:{specimen}" for specimen in found)
    raise FormatError(f"{name}: {len(found)} specimens, expected a choice of one: {words or 'none is there'}")


def _view(parameters: Any, projection: Any, content: Content, key: str) -> CalibratedView:
    try:
        K, extrinsic = _matrix(parameters, "intrinsic"), _matrix(parameters, "extrinsic")
        pose = _matrix(projection, "gt-poses/cam-to-pelvis-vol")
        columns, rows, dx, dy = (
            _numbers(parameters, name)[()]
            for name in ("num-cols", "num-rows", "pixel-col-spacing", "pixel-row-spacing")
        )
        size, spacing = (int(columns), int(rows)), (float(dx), float(dy))
    except KeyError as error:
        raise FormatError(f"{content.name}: {key}: an entry is missing ({error}); download the file again") from error
    for matrix in (extrinsic, pose):
        proper_rotation(matrix[:3, :3], f"{content.name}: {key}: rotation")
    # Depth increases from source to detector, opposite to the camera's z.
    P = -K @ (extrinsic @ inverse(pose))[:3]
    path, pixels = content.path.resolve(), partial(_pixels, content.path, f"{key}/image/pixels")
    return CalibratedView(P, key.rpartition("/")[2], size, spacing, upside_down=True, image=path, pixels=pixels)


def _check_links(file: Any) -> None:
    """Raises FormatError for a file that leads to entries of another one."""
    import h5py

    # The visit ends at the first value other than None.
    if file.visititems_links(lambda name, link: True if isinstance(link, h5py.ExternalLink) else None):
        raise _elsewhere(file)


def _elsewhere(entry: Any) -> FormatError:
    name = Path(entry.file.filename).name
    return FormatError(f"{name}: leads to other files, expected everything in this one; download it again")


def _numbers(group: Any, key: str) -> Any:
    """A dataset; raises FormatError for one whose numbers lie in another file."""
    entry = group[key]
    if entry.external or entry.is_virtual:
        raise _elsewhere(entry)
    return entry


def _matrix(group: Any, key: str) -> np.ndarray:
    """A matrix, of which a damaged file may claim any size."""
    entry = _numbers(group, key)
    if entry.size > _MAX_MATRIX:
        raise FormatError(
            f"{Path(entry.file.filename).name}: a matrix of shape {entry.shape}, expected 3 x 3 or 4 x 4; download the "
            "file again"
        )
    return np.array(entry)


def _pixels(path: Path, key: str) -> Pixels:
    with _opened(path) as file, parsing(path.name):
        if key not in file:
            raise FormatError(f"{path.name}: no '{key}'; download the file again")
        image = _numbers(file, key)
        if len(image.shape) != 2:
            raise FormatError(f"{path.name}: {key} of shape {image.shape}, expected rows and columns")
        check_size(image.shape[1], image.shape[0], f"{path.name}: {key}")
        return Pixels.of(np.array(image), f"{path.name}: {key}")


def _opened(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise FormatError(
            f"{path.name}: HDF5 is read with h5py, which is not installed; run: pip install h5py"
        ) from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise FormatError(f"{path.name}: not a readable HDF5 file, or truncated; download it again") from error
