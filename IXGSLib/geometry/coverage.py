"""What a set of views sees of a region, and whether the region can be reconstructed from them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError, IXGSWarning, name_views
from .grid import Grid
from .rigid import Array
from .view import View

MIN_VIEW_ANGLE = 10.0
"""Degrees between the two most different rays, at and below which depth is hardly measured."""
MAX_DEFAULT_SIDE = 256
"""Largest number of voxels along a side of a region whose voxel size is not stated."""
MAX_REGION_VOXELS = 2**28
"""Largest number of voxels in a region; more would not fit into the memory of a workstation."""
MIN_SOURCE_DISTANCE = 10.0
"""mm between the source and what it images; a smaller distance was not stated in mm."""
MIN_REGION_SIDE = 2.0
"""mm along the longest side of a region; a smaller region was not stated in mm."""


def visible_fraction(view: View, grid: Grid) -> float:
    """The fraction of a grid's box that projects into the image, 0 to 1."""
    return float(view.sees(_samples(grid)).mean())


def views_per_point(views: Sequence[View], points: ArrayLike) -> np.ndarray:
    """The number of views that see each point (..., 3): int (...)."""
    return np.sum([view.sees(points) for view in views], axis=0)


def widest_angle(views: Sequence[View], point: ArrayLike) -> float:
    """Degrees between the two most different lines of sight through a point (3,), 0 to 90.

    Lines have no direction: two opposite views measure the same line integrals and count as the same line.
    """
    rays = np.array([np.asarray(point) - view.source for view in views])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return float(np.rad2deg(np.arccos(np.clip(np.abs(rays @ rays.T).min(), 0, 1))))


def convergence(views: Sequence[View]) -> Array:
    """(3,) the point nearest to all principal rays in the least-squares sense, LPS mm.

    Where many points are equally near, as on the common line of opposite views, the one nearest to the world's origin.
    """
    projectors = [np.eye(3) - np.outer(view.axis, view.axis) for view in views]
    moments = [Q @ view.source for Q, view in zip(projectors, views, strict=True)]
    return np.linalg.lstsq(np.sum(projectors, axis=0), np.sum(moments, axis=0), rcond=None)[0]


def common_region(views: Sequence[View], spacing: float | None = None) -> Grid:
    """The largest cube around the point where the principal rays meet that every view sees in full.

    spacing: side of a voxel in mm; by default the mean pixel size at that point, enlarged where a side would have more
    than MAX_DEFAULT_SIDE voxels.
    Raises GeometryError when no such cube exists.
    """
    center, stated = convergence(views), spacing
    check_distances(views, center)
    distances = [np.linalg.norm(center - view.source) for view in views]
    if spacing is None:
        spacing = float(np.mean([d / np.sqrt(v.K[0, 0] * v.K[1, 1]) for d, v in zip(distances, views, strict=True)]))
    low, high = 0.0, float(min(distances))
    for _ in range(40):
        side = (low + high) / 2
        corners = Grid.centered(center, np.full(3, side), side).corners()
        low, high = (side, high) if all(view.sees(corners).all() for view in views) else (low, side)
    if stated is None:
        spacing = float(np.round(max(spacing, low / MAX_DEFAULT_SIDE), 2))
    if low < 2 * spacing:
        raise GeometryError(
            "no region is seen by all views around the point where their principal rays meet; "
            "check that poses are world_from_camera, or "
            'state the region: "volume": {"center": [x, y, z], "size": [sx, sy, sz], "spacing": 1.0}'
        )
    return Grid.centered(center, np.full(3, spacing * np.floor(low / spacing)), spacing)


def check_distances(views: Sequence[View], point: ArrayLike) -> None:
    """Raises GeometryError unless a point (3,) of the region lies between source and detector of every view, in mm."""
    depths = np.array([float(view.project(point)[1]) for view in views])
    distances = np.array([float(np.linalg.norm(np.asarray(point) - view.source)) for view in views])
    detectors = np.array([view.source_detector_distance or np.inf for view in views])
    _refuse_if(
        distances < MIN_SOURCE_DISTANCE,
        views,
        "the source is {:.3g} mm from the region, which looks like metres: give --unit m with --calibration, or "
        "multiply positions by 1000 to give mm; or like camera_from_world in place of world_from_camera",
        distances,
    )
    _refuse_if(
        depths <= 1e-6 * distances,  # exactly beside the source counts as behind it, whatever the rounding
        views,
        "the region lies behind the source (depth {:.0f} mm); the matrix is a reflection (an image axis is mirrored) "
        "or is camera_from_world in place of world_from_camera",
        depths,
    )
    _refuse_if(
        depths >= detectors,
        views,
        "the region lies behind the detector ({:.0f} mm from the source, the detector {:.0f} mm); check that the pixel "
        "spacing is the detector's own, that region and calibration share one frame (LPS, mm) and that poses are "
        "world_from_camera",
        depths,
        detectors,
    )


def check_views(views: Sequence[View], grid: Grid) -> None:
    """Raises GeometryError for views that cannot reconstruct a grid; warns where they hardly can.

    Refused: fewer than two views, lengths in metres, more than MAX_REGION_VOXELS, inverted poses, a region around a
    source, behind it or behind a detector, a region that no view sees.
    Warned about: views that miss the region, rays that differ by no more than MIN_VIEW_ANGLE degrees.
    """
    if len(views) < 2:
        raise GeometryError(f"{len(views)} view, expected at least two from different angles")
    _check_scale(views, grid)
    _check_not_inverted(views, grid)
    check_distances(views, grid.center)
    _refuse_if(
        np.array([bool(grid.contains(view.source)) for view in views]),
        views,
        "the X-ray source lies inside the region; move or shrink the region, or check whether the pose is "
        "camera_from_world in place of world_from_camera",
    )
    _check_seen(views, grid)
    angle = widest_angle(views, grid.center)
    if angle <= MIN_VIEW_ANGLE:
        warnings.warn(
            f"the views differ by at most {angle:.1f} degrees, so depth is hardly measured; "
            "add views from other angles",
            IXGSWarning,
            stacklevel=2,
        )


def _check_scale(views: Sequence[View], grid: Grid) -> None:
    """Raises GeometryError for a region or sources that seem to be in metres, and for too many voxels."""
    if grid.size.max() < MIN_REGION_SIDE:
        raise GeometryError(
            f"the region is {grid.size.max():.3g} mm across, which looks like metres; give lengths in mm "
            "(multiply them by 1000)"
        )
    if np.prod(grid.shape, dtype=np.float64) > MAX_REGION_VOXELS:
        raise GeometryError(
            f"the region has {' x '.join(str(n) for n in grid.shape[::-1])} voxels, expected at most "
            f"{MAX_REGION_VOXELS:.1e} in all; give a larger spacing or a smaller region, in mm"
        )
    farthest = max(float(np.linalg.norm(view.source)) for view in views)
    if farthest < MIN_SOURCE_DISTANCE:
        raise GeometryError(
            f"all sources lie within {farthest:.3g} mm of the world's origin, which looks like metres; "
            "give positions in mm (multiply them by 1000)"
        )


def _check_not_inverted(views: Sequence[View], grid: Grid) -> None:
    """Raises GeometryError when more views see the centre of the region with their poses inverted."""
    inverted = [replace(view, world_from_camera=view.camera_from_world) for view in views]
    seen, seen_inverted = (int(views_per_point(some, grid.center)) for some in (views, inverted))
    if seen_inverted > seen:
        raise GeometryError(
            f"the region's centre is seen by {seen} of {len(views)} views, and by {seen_inverted} when their poses are "
            "inverted; the poses are camera_from_world, expected world_from_camera: invert them"
        )


def _check_seen(views: Sequence[View], grid: Grid) -> None:
    """Raises GeometryError when no view sees the region; warns about those that do not."""
    missing = [view.id for view in views if visible_fraction(view, grid) == 0]
    if len(missing) == len(views):
        raise GeometryError(
            f"no view sees the region around {np.round(grid.center, 1).tolist()} (LPS mm); "
            "check that region and calibration share one frame (LPS, mm) and that poses are world_from_camera"
        )
    if missing:
        verb = "does" if len(missing) == 1 else "do"
        warnings.warn(
            f"{name_views(missing)} {verb} not see the region and cannot contribute; leave out or recalibrate",
            IXGSWarning,
            stacklevel=3,
        )


class _Span(NamedTuple):
    """The values of several views in a message: "12", or "12 to 15" where they differ."""

    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return " to ".join(dict.fromkeys(format(value, spec) for value in self))


def _refuse_if(wrong: np.ndarray, views: Sequence[View], reason: str, *numbers: Array) -> None:
    """Raises GeometryError that states a reason once for all views where `wrong` (n,) is True.

    numbers: (n,) each, one for every field of `reason`.
    """
    if wrong.any():
        ids = [view.id for view, is_wrong in zip(views, wrong, strict=True) if is_wrong]
        spans = [_Span(float(values[wrong].min()), float(values[wrong].max())) for values in numbers]
        raise GeometryError(f"{name_views(ids)}: {reason.format(*spans)}")


def _samples(grid: Grid, count: int = 12) -> Array:
    """(count^3, 3) points spread evenly over the box, its surface included."""
    steps = np.linspace(-0.5, 0.5, count)
    local = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid.center + (local * grid.size) @ grid.direction.T
