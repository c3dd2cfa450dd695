"""The landmarks of a vertebra, found by rule in its label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import GeometryError
from ...geometry.rigid import Array
from .canal import Canal, find_canal
from .endplates import Endplate, find_endplates
from .mask import Mask
from .pedicles import Pedicle, find_pedicle
from .settings import TaskSettings

MAX_CANAL_DEPTH = 20.0
"""mm from the middle of the canal forwards to the body within which its front lies."""
MAX_BODY_DEPTH = 50.0
"""mm from the centre of the body forwards within which its anterior border lies."""
CANAL_HEIGHTS = np.arange(-6.0, 7.0, 2.0)
"""mm from the centre of the body at which the front of the canal is looked for; the nearest counts."""
ROUNDS = 3
"""Times the axes are improved by the body, the canal and the endplates that were found with them."""


@dataclass(frozen=True, eq=False)
class Vertebra:
    """The landmarks of one vertebra, LPS mm.

    axes: (3, 3) rotation, its columns left, posterior and superior: superior is the mean normal of the endplates,
    posterior runs from the body to the canal. body: (3,) the centroid of the body, which is all that lies in front of
    the canal. canal: (3,) the middle of the canal at the level of the pedicles. canal_front: mm from there forwards to
    the body. front: (3,) in front of it, as far forwards as the body reaches in the midline.
    pedicles: left and right. endplates: superior and inferior.
    """

    name: str
    axes: Array
    body: Array
    canal: Array
    canal_front: float
    front: Array
    pedicles: tuple[Pedicle, Pedicle]
    endplates: tuple[Endplate, Endplate]


def find_vertebra(mask: Mask, settings: TaskSettings | None = None) -> Vertebra:
    """The landmarks of the vertebra in a mask.

    The rule turns and moves with the vertebra, whose superior direction must only be less than 90 degrees from the
    patient's. Raises GeometryError where a landmark is missing, as in a label that is cut or open.
    """
    settings = TaskSettings() if settings is None else settings
    line = find_canal(mask)
    body, _ = mask.deepest_point()
    axes = _axes(line.direction, line.center - body)
    for _ in range(ROUNDS):
        body = _body_center(mask, _at_level(line, body, axes[:, 2]), axes)
        plates = find_endplates(mask, body, axes, settings.footprint)
        superior = plates[0].normal - plates[1].normal
        axes = _axes(superior, _at_level(line, body, superior) - body)
    canal = _at_level(line, body, axes[:, 2])
    front = canal_front(mask, canal, axes)
    left, right = (find_pedicle(mask, side, axes, canal, front) for side in ("left", "right"))
    middle = (left.center + right.center) / 2
    return Vertebra(
        name=mask.name,
        axes=axes,
        body=body,
        canal=_at_level(line, middle, axes[:, 2]),
        canal_front=front,
        front=_body_front(mask, body, middle, axes),
        pedicles=(left, right),
        endplates=find_endplates(mask, body, axes, settings.footprint),
    )


def _axes(superior: Array, posterior: Array) -> Array:
    """(3, 3) rotation: superior as given, posterior as near as possible to that given."""
    z = superior / np.linalg.norm(superior)
    y = posterior - (posterior @ z) * z
    y = y / np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z], axis=1)


def _at_level(line: Canal, point: Array, superior: Array) -> Array:
    """The point (3,) on the centre line of the canal in the plane through a point across a direction."""
    along = line.direction @ superior
    return line.center + line.direction * ((point - line.center) @ superior / along)


def _body_center(mask: Mask, canal: Array, axes: Array) -> Array:
    """(3,) the centroid of what lies in front of the canal."""
    points = mask.points()
    front = canal_front(mask, canal, axes)
    return points[(points - canal) @ axes[:, 1] < -front].mean(axis=0)


def canal_front(mask: Mask, canal: Array, axes: Array) -> float:
    """mm from the middle of the canal forwards to the body."""
    steps = np.arange(0.0, MAX_CANAL_DEPTH, 0.25)
    starts = canal + CANAL_HEIGHTS[:, None] * axes[:, 2]
    inside = (mask.occupancy(starts[:, None] - steps[:, None] * axes[:, 1]) >= 0.5).any(axis=0)
    if not inside.any():
        raise GeometryError(f"{mask.name}: no body in front of the canal in its label, expected a whole vertebra")
    return float(np.argmax(inside)) * 0.25


def _body_front(mask: Mask, body: Array, level: Array, axes: Array) -> Array:
    """(3,) the anterior border of the body in the midline, moved to the level of a point along the superior axis."""
    steps = np.arange(MAX_BODY_DEPTH, 0.0, -0.25)
    inside = mask.occupancy(body - steps[:, None] * axes[:, 1]) >= 0.5
    depth = steps[int(np.argmax(inside))]
    return level + axes[:, 1] * ((body - level) @ axes[:, 1] - depth)
