"""Poses as transform files of ITK, which 3D Slicer loads.

ITK's transforms map points of the fixed image (here the world of the X-rays) to those of the moving one (the CT), in
LPS mm, as resampling needs them. Slicer inverts the file when it loads it: the node moves the CT and its plans into the
world.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FormatError
from ..formats.calibrations.itk_transforms import linear_transform
from ..geometry.rigid import Array, inverse, proper_rotation, rigid
from ..parsing import parsing


def tfm_bytes(world_from_ct: Array) -> bytes:
    """A pose (4, 4) as a .tfm file."""
    ct_from_world = inverse(world_from_ct)
    numbers = [*ct_from_world[:3, :3].ravel(), *ct_from_world[:3, 3]]
    lines = [
        "#Insight Transform File V1.0",
        "#Transform 0",
        "Transform: AffineTransform_double_3_3",
        "Parameters: " + " ".join(repr(float(number)) for number in numbers),
        "FixedParameters: 0 0 0",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def read_tfm(path: str | os.PathLike[str]) -> Array:
    """The pose (4, 4) world_from_ct in a rigid transform file of ITK.

    Raises FormatError for another file, GeometryError for a transform with scale, shear or reflection.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(f"{path}: no such file; check the name")
    with parsing(path.name):
        ct_from_world = linear_transform(path)
    R = proper_rotation(ct_from_world[:3, :3], path.name)
    return inverse(rigid(R, ct_from_world[:3, 3]))
