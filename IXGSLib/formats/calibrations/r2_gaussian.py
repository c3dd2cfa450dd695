"""The data layout of r2_gaussian: meta_data.json beside folders of .npy projections.

Only its public field names are used: "scanner" holds TIGRE's fields in the order of TIGRE for Python, "proj_train" and
"proj_test" list {"file_path", "angle"} with angles in radians. The training projections are read, or with
"r2-gaussian:test" the others. The images are assumed to be in TIGRE's order, with the lowest row first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...xray.pixels import Pixels
from ..folder import inside
from .calibration import CalibratedView, CalibrationOptions
from .content import Content
from .fields import Fields
from .tigre import circular_views, euler_angles

_LISTS = {"": "proj_train", "train": "proj_train", "test": "proj_test"}


def matches(content: Content) -> bool:
    tree = content.tree
    return isinstance(tree, dict) and isinstance(tree.get("scanner"), dict) and "proj_train" in tree


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a meta_data.json; raises FormatError for entries that are missing and files outside its folder."""
    if not matches(content):
        raise FormatError(f'{content.name}: no r2_gaussian layout, expected "scanner" and "proj_train"')
    if options.choice not in _LISTS:
        raise FormatError(f"--calibration-format {options.format}: expected r2-gaussian:train or r2-gaussian:test")
    key = _LISTS[options.choice]
    shots = content.tree.get(key)
    if not isinstance(shots, list) or not shots or not all(isinstance(s, dict) and "angle" in s for s in shots):
        raise FormatError(f'{content.name}: "{key}" holds no list of projections with "file_path" and "angle"')
    angles = Fields({"angle": [shot["angle"] for shot in shots]}, content.name).required(("angle",))
    scanner = Fields(content.tree["scanner"], f"{content.name}: scanner")
    views = circular_views(scanner, euler_angles(angles, content.name), reverse=True)
    return [_with_image(view, shot, content) for view, shot in zip(views, shots, strict=True)]


def _with_image(view: CalibratedView, shot: dict[str, Any], content: Content) -> CalibratedView:
    path = inside(content.path.parent.resolve(), shot.get("file_path"), f'{content.name}: "file_path"')
    return replace(view, name=path.stem, image=path, pixels=partial(_pixels, path))


def _pixels(path: Path) -> Pixels:
    array = Content(path).tree
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path.name}: no NumPy array, expected a projection as .npy")
    return Pixels.of(np.squeeze(array), path.name)
