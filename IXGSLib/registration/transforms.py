"""Poses as transform files of ITK, which 3D Slicer loads.

ITK's transforms map points of the fixed image (here the world of the X-rays) to those of the moving one (the CT), in
LPS mm, as resampling needs them. Slicer inverts the file when it loads it: the node moves the CT and its plans into the
world.
"""

from __future__ import annotations

import numpy as np

from ..geometry.rigid import Array, inverse


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


def read_tfm(path: str) -> Array:
    """The pose (4, 4) world_from_ct of a linear transform file of ITK; raises FormatError for any other."""
    import SimpleITK as sitk

    from ..errors import FormatError

    try:
        transform = sitk.ReadTransform(path)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise FormatError(f"{path}: cannot be read as a transform ({reason}); save it again as .tfm") from error
    if not transform.IsLinear():
        raise FormatError(f"{path}: {transform.GetName()} is not linear, expected a rigid transform")
    corners = np.array([transform.TransformPoint(point) for point in [(0, 0, 0), *np.eye(3).tolist()]])
    ct_from_world = np.eye(4)
    ct_from_world[:3, :3] = (corners[1:] - corners[0]).T
    ct_from_world[:3, 3] = corners[0]
    return checked_rigid(ct_from_world, path)


def checked_rigid(ct_from_world: Array, name: str) -> Array:
    """The inverse of a rigid transform; raises GeometryError for one with scale, shear or reflection."""
    from ..geometry.rigid import proper_rotation, rigid

    return inverse(rigid(proper_rotation(ct_from_world[:3, :3], name), ct_from_world[:3, 3]))
