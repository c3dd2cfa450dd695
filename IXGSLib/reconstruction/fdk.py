"""Filtered backprojection of cone-beam views on a full circle (Feldkamp et al., J. Opt. Soc. Am. A 1, 612 (1984))."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from ..errors import ReconstructionError
from ..geometry import Grid, View
from ..geometry.rigid import Array, apply
from ..xray import XRay

MAX_TILT_DEGREES = 3.0
"""Largest angle between a view and the plane of the circle, and between its rows and that plane."""
MAX_RADIUS_SHARE = 0.05
"""Largest deviation of a source from the circle, as a fraction of its radius."""
MAX_GAP_FACTOR = 2.5
"""Largest gap between neighbouring views, as a multiple of the mean gap."""
MIN_VIEWS = 4


def check_circle(views: Sequence[View]) -> tuple[Array, float]:
    """The centre (3,) LPS mm and the radius in mm of the circle on which the sources of the views lie.

    Raises ReconstructionError unless the views look inwards from all sides, evenly and in one plane, with the rows of
    their images in that plane.
    """
    if len(views) < MIN_VIEWS:
        raise _refusal(f"{len(views)} views, expected at least {MIN_VIEWS}")
    sources = np.array([view.world_from_camera[:3, 3] for view in views])
    normal = np.linalg.svd(sources - sources.mean(axis=0))[2][2]
    right, along = (np.array([view.world_from_camera[:3, n] for view in views]) for n in (0, 2))
    tilt = np.rad2deg(np.arcsin(np.clip(np.abs(np.concatenate([right, along]) @ normal), 0, 1))).max()
    if tilt > MAX_TILT_DEGREES:
        raise _refusal(f"views or their rows are up to {tilt:.0f} degrees out of one plane")
    center, radius = _circle(sources, normal)
    deviation = np.abs(np.linalg.norm(sources - center, axis=1) - radius).max() / radius
    if deviation > MAX_RADIUS_SHARE:
        raise _refusal(f"sources deviate by up to {100 * deviation:.0f} % of its radius from a circle")
    gaps = _gaps(along, normal)
    if gaps.max() > MAX_GAP_FACTOR * 360 / len(views):
        raise _refusal(f"a gap of {gaps.max():.0f} degrees between views")
    return center, radius


def filtered_backprojection(xrays: Sequence[XRay], grid: Grid) -> np.ndarray:
    """Attenuation [k, j, i] >= 0, float32 1/mm, of views on a full circle.

    Line integrals are weighted by the cosine of the cone angle, filtered by a ramp with a Hann window along the rows,
    and backprojected with the inverse square of the depth; each view counts for its share of the circle. Rows are
    continued by their last values, which softens the edges of truncated images.
    Raises ReconstructionError for views that lie on no circle.
    """
    views = [xray.view for xray in xrays]
    center, radius = check_circle(views)
    shares = _shares(views, center)
    points, values = grid.points(), np.zeros(grid.shape)
    for xray, share in zip(xrays, shares, strict=True):
        view = xray.view
        camera = apply(view.camera_from_world, points)
        depth = camera[..., 2]
        pixels = camera @ view.K.T
        places = pixels[..., 1] / depth, pixels[..., 0] / depth
        image = _filtered(xray, radius)
        values += share * (radius / depth) ** 2 * map_coordinates(image, places, order=1, cval=0.0)
    return np.maximum(values / 2, 0).astype(np.float32)


def _filtered(xray: XRay, radius: float) -> np.ndarray:
    """The weighted and filtered line integrals, in 1/mm: pixels are those of a detector through the isocentre."""
    K, (width, height) = xray.view.K, xray.view.size
    x = (np.arange(width) - K[0, 2]) / K[0, 0]
    y = (np.arange(height) - K[1, 2]) / K[1, 1]
    weighted = np.where(xray.mask, xray.image, 0) / np.sqrt(1 + x**2 + y[:, None] ** 2)
    padded = np.pad(weighted, ((0, 0), (width // 2, width // 2)), mode="edge")
    ramp = _ramp(padded.shape[1], radius / K[0, 0])
    size = len(ramp)
    spectrum = fft.rfft(ramp) * (0.5 + 0.5 * np.cos(np.pi * np.arange(size // 2 + 1) / (size // 2)))
    filtered = fft.irfft(fft.rfft(padded, size, axis=1) * spectrum, size, axis=1)
    return filtered[:, width // 2 : width // 2 + width] * radius / K[0, 0]


def _ramp(count: int, spacing: float) -> np.ndarray:
    """The ramp filter in space, 1/mm^2, at offsets 0, 1, ..., -1 pixels (Kak and Slaney 1988, eq. 3.61)."""
    size = 2 * fft.next_fast_len(count, real=True)
    offsets = np.minimum(np.arange(size), size - np.arange(size))
    with np.errstate(divide="ignore"):
        odd = -1 / (np.pi * offsets * spacing) ** 2
    return np.where(offsets == 0, 1 / (4 * spacing**2), np.where(offsets % 2 == 1, odd, 0))


def _circle(sources: Array, normal: Array) -> tuple[Array, float]:
    """The centre and the radius of the circle through points (n, 3) in a plane, by least squares."""
    mean = sources.mean(axis=0)
    offset = sources - mean
    offset = offset - (offset @ normal)[:, None] * normal
    solution = np.linalg.lstsq(2 * offset, (offset**2).sum(axis=1), rcond=None)[0]
    center = mean + solution
    return center, float(np.linalg.norm(sources - center, axis=1).mean())


def _turns(along: Array, normal: Array) -> Array:
    """(n,) angles of directions (n, 3) about a normal, radians."""
    first = along[0] - (along[0] @ normal) * normal
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    return np.arctan2(along @ second, along @ first)


def _gaps(along: Array, normal: Array) -> Array:
    """(n,) degrees between neighbouring directions around the circle."""
    ordered = np.sort(np.rad2deg(_turns(along, normal)))
    return np.diff(ordered, append=ordered[0] + 360)


def _shares(views: Sequence[View], center: Array) -> Array:
    """(n,) radians of the circle that each view stands for: half of the gaps on its two sides."""
    sources = np.array([view.world_from_camera[:3, 3] for view in views]) - center
    normal = np.linalg.svd(sources)[2][2]
    turns = _turns(sources, normal)
    order = np.argsort(turns)
    gaps = np.diff(turns[order], append=turns[order][0] + 2 * np.pi)
    shares = np.empty(len(views))
    shares[order] = (gaps + np.roll(gaps, 1)) / 2
    return shares


def _refusal(found: str) -> ReconstructionError:
    return ReconstructionError(
        f"filtered backprojection (FDK) as a start: {found}; it needs views on a full circle: use the initialization "
        "'algebraic'"
    )
