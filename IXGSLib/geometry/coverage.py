"""What a set of views sees of a region, and whether it can be reconstructed from them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError, IXGSWarning
from .grid import Grid
from .rigid import Array
from .view import View

NARROW_BASELINE = 10.0
"""Degrees between the two most different rays, at and below which depth is hardly measured."""
FINEST_DEFAULT = 256
"""Voxels along the side of a region that nobody stated."""
MOST_VOXELS = 2**28
"""Voxels of a region; more would not fit the memory of a workstation."""
METRES_BELOW = 10.0
"""A source nearer than this many mm to what it images is no C-arm in mm."""


def visible_fraction(view: View, grid: Grid) -> float:
    """The part of a grid's box that projects into the image, 0 to 1."""
    return float(view.sees(_samples(grid)).mean())


def views_per_point(views: Sequence[View], points: ArrayLike) -> np.ndarray:
    """How many views see each point (..., 3): int (...)."""
    return np.sum([view.sees(points) for view in views], axis=0)


def widest_angle(views: Sequence[View], point: ArrayLike) -> float:
    """Degrees between the two most different lines of sight through a point (3,), 0 to 90.

    Lines have no sense: two opposite views count as the same line, because they measure the same.
    """
    rays = np.array([np.asarray(point) - view.source for view in views])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return float(np.rad2deg(np.arccos(np.clip(np.abs(rays @ rays.T).min(), 0, 1))))


def convergence(views: Sequence[View]) -> Array:
    """(3,) the point nearest to all principal rays in the least-squares sense, LPS mm.

    Of the points that are equally near, as on the common line of opposite views, the one nearest to the world's origin.
    """
    projectors = [np.eye(3) - np.outer(view.axis, view.axis) for view in views]
    moments = [Q @ view.source for Q, view in zip(projectors, views, strict=True)]
    return np.linalg.lstsq(np.sum(projectors, axis=0), np.sum(moments, axis=0), rcond=None)[0]


def common_region(views: Sequence[View], spacing: float | None = None) -> Grid:
    """The largest cube of whole voxels around the point where the principal rays meet that lies in every image.

    Voxels of `spacing` mm, by default of the mean pixel size there, so that neither side wastes the other, but no more
    than FINEST_DEFAULT along a side.
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
        spacing = float(np.round(max(spacing, low / FINEST_DEFAULT), 2))
    if low < 2 * spacing:
        raise GeometryError(
            "no region is seen by all views around the point where their principal rays meet; "
            "check that poses are world_from_camera, or "
            'state the region: "volume": {"center": [x, y, z], "size": [sx, sy, sz], "spacing": 1.0}'
        )
    return Grid.centered(center, np.full(3, spacing * np.floor(low / spacing)), spacing)


def check_distances(views: Sequence[View], point: ArrayLike) -> None:
    """Raises GeometryError when a point (3,) of the region is not between source and detector, or in metres."""
    for view in views:
        depth = float(view.project(point)[1])
        distance = float(np.linalg.norm(np.asarray(point) - view.source))
        if distance < METRES_BELOW:
            raise GeometryError(
                f"view '{view.id}': the source is {distance:.3g} mm from the region, which looks like metres: "
                "give positions in mm (multiply them by 1000); or like camera_from_world in place of world_from_camera"
            )
        if depth <= 1e-6 * distance:  # exactly beside the source counts as behind it, whatever the rounding
            raise GeometryError(
                f"view '{view.id}': the region lies behind the source (depth {depth:.0f} mm); the matrix is a "
                "reflection (an image axis is mirrored) or is camera_from_world in place of world_from_camera"
            )
        detector = view.source_detector_distance
        if detector is not None and depth >= detector:
            raise GeometryError(
                f"view '{view.id}': the region lies behind the detector ({depth:.0f} mm from the source, the detector "
                f"{detector:.0f} mm); check that the pixel spacing is the detector's own, that region and calibration "
                "share one frame (LPS, mm) and that poses are world_from_camera"
            )


def check_views(views: Sequence[View], grid: Grid) -> None:
    """Raises GeometryError for views that cannot reconstruct a grid; warns where they hardly can.

    Refused: fewer than two views, metres, more than MOST_VOXELS, inverted poses, a region around a source, behind it or
    behind a detector, a region that no view sees.
    Warned: a view that misses the region, rays that differ by no more than NARROW_BASELINE degrees.
    """
    if len(views) < 2:
        raise GeometryError(f"{len(views)} view, expected at least two from different angles")
    if grid.size.max() < 2.0:
        raise GeometryError(
            f"the region is {grid.size.max():.3g} mm across, which looks like metres; give lengths in mm "
            "(multiply them by 1000)"
        )
    if np.prod(grid.shape, dtype=np.float64) > MOST_VOXELS:
        raise GeometryError(
            f"the region has {' x '.join(str(n) for n in grid.shape[::-1])} voxels, expected at most {MOST_VOXELS:.1e} "
            "in all; give a larger spacing or a smaller region, in mm"
        )
    farthest = max(float(np.linalg.norm(view.source)) for view in views)
    if farthest < METRES_BELOW:
        raise GeometryError(
            f"all sources lie within {farthest:.3g} mm of the world's origin, which looks like metres; "
            "give positions in mm (multiply them by 1000)"
        )
    inverted = [replace(view, world_from_camera=view.camera_from_world) for view in views]
    seen, seen_inverted = (int(views_per_point(some, grid.center)) for some in (views, inverted))
    if seen_inverted > seen:
        raise GeometryError(
            f"the region's centre is seen by {seen} of {len(views)} views, and by {seen_inverted} when their poses are "
            "inverted; the poses are camera_from_world, expected world_from_camera: invert them"
        )
    check_distances(views, grid.center)
    for view in views:
        if grid.contains(view.source):
            raise GeometryError(
                f"view '{view.id}': the X-ray source lies inside the region; move or shrink the region, or check "
                "whether the pose is camera_from_world in place of world_from_camera"
            )
    fractions = [visible_fraction(view, grid) for view in views]
    if max(fractions) == 0:
        raise GeometryError(
            f"no view sees the region around {np.round(grid.center, 1).tolist()} (LPS mm); "
            "check that region and calibration share one frame (LPS, mm) and that poses are world_from_camera"
        )
    for view, fraction in zip(views, fractions, strict=True):
        if fraction == 0:
            warnings.warn(f"view '{view.id}' does not see the region and is of no use", IXGSWarning, stacklevel=2)
    baseline = widest_angle(views, grid.center)
    if baseline <= NARROW_BASELINE:
        warnings.warn(
            f"the views differ by at most {baseline:.1f} degrees, so depth is hardly measured; "
            "add views from other angles",
            IXGSWarning,
            stacklevel=2,
        )


def _samples(grid: Grid, count: int = 12) -> Array:
    """(count^3, 3) points spread evenly over the box, its surface included."""
    steps = np.linspace(-0.5, 0.5, count)
    local = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid.center + (local * grid.size) @ grid.direction.T
