"""The part of the detector that collimator blades or the round field of an image intensifier cover."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from . import penumbra, sharp_outline
from .circle import Array
from .field_outline import RAYS, Rays, outline, rays, runs

MIN_SIZE = 64
"""Smallest shorter side, in pixels, of images in which a field is searched for."""
WORKING_SIZE = 256
"""Pixels along the longer side of the image in which the field is searched for, to a fraction of such a pixel."""
TEXT_WIDTH = 7
"""Width in working pixels below which bright structures count as text or marks burnt into the image."""
MAX_EDGE_DISTANCE = 4.0
"""Largest distance in working pixels between edges from two methods that agree."""
END_RAYS = 9
"""Number of rays at the end of an edge from which it is extrapolated where the shadow leaves the image."""


def collimated(intensity: Array) -> Array:
    """(rows, columns) bool: pixels outside the open field, penumbra included; intensity: (rows, columns), finite.

    The outline of the field is the closed convex curve beyond which everything is dark and flat (field_outline); from
    there the penumbra is followed inwards to where the field is open (penumbra). Where scatter fills the shadow of
    sharp blades, sharp_outline finds them. A thick patient or metal at the border meets none of these conditions, and a
    semi-transparent wedge filter cannot be distinguished from a patient, so neither is masked.
    """
    nothing = np.zeros(intensity.shape, dtype=bool)
    if min(intensity.shape) < MIN_SIZE or not (intensity > 0).any():
        return nothing
    small = _without_text(_resized(np.asarray(intensity, np.float32)))
    fan = rays(small)
    radii = outline(fan)
    if radii is None or not np.isfinite(radii).all():
        shadow = _behind_sharp_edge(small, fan, radii)
        if shadow is not None:
            wider = Image.fromarray(ndimage.binary_dilation(shadow, iterations=2))
            return np.asarray(wider.resize(intensity.shape[::-1], Image.Resampling.NEAREST))
    if radii is None:
        return nothing
    return ~_drawn(_open_polygon(small, fan, radii), small.shape, intensity.shape)


def _resized(image: Array) -> Array:
    """The image with WORKING_SIZE pixels along its longer side."""
    scale = WORKING_SIZE / max(image.shape)
    height, width = (max(1, round(n * scale)) for n in image.shape)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), way))


def _without_text(image: Array) -> Array:
    """The image with narrow bright structures replaced by their surroundings."""
    around = ndimage.grey_opening(image, size=(TEXT_WIDTH, TEXT_WIDTH))
    text = (image >= 0.5 * image.max()) & (around < 0.5 * image)
    return np.where(ndimage.binary_dilation(text, iterations=2), around, image)


def _behind_sharp_edge(small: Array, fan: Rays, radii: Array | None) -> Array | None:
    """The shadow (rows, columns) beyond a sharp edge; given an outline, only that of a circle that agrees with it."""
    size = sharp_outline.EDGE_IMAGE_SIZE / max(small.shape)
    height, width = (max(1, round(n * size)) for n in small.shape)
    reduced = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BOX))
    level = np.log(np.maximum(reduced, sharp_outline.DARKNESS_FLOOR * small.max()))
    shadow = sharp_outline.shadow_outside(level, round_only=radii is not None)
    if shadow is None:
        return None
    shadow = np.asarray(Image.fromarray(shadow).resize(small.shape[::-1], Image.Resampling.NEAREST))
    if radii is None:
        return shadow
    edge = np.isfinite(radii)
    distance = np.abs(ndimage.distance_transform_edt(shadow) - ndimage.distance_transform_edt(~shadow))
    apart = ndimage.map_coordinates(distance, fan.points(np.where(edge, radii, 0))[edge].T, order=1, mode="nearest")
    return shadow if np.mean(apart < MAX_EDGE_DISTANCE) > 0.9 else None


def _open_polygon(small: Array, fan: Rays, radii: Array) -> Array:
    """(points, 2) the polygon (row, column) that encloses the open field."""
    edge = np.isfinite(radii)
    points = fan.points(_smoothed(np.where(edge, radii, fan.ends + 3.0), edge))
    along = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1), 1e-9)[:, None]
    inward *= -np.sign((inward * fan.directions).sum(axis=1))[:, None]
    inner = points + penumbra.depths(small, points, inward, radii < fan.ends)[:, None] * inward
    return inner if edge.all() else _continued(inner, edge, fan)


def _smoothed(radii: Array, edge: Array) -> Array:
    soft = ndimage.gaussian_filter1d(ndimage.median_filter(radii, 5, mode="wrap"), 1.5, mode="wrap")
    return np.where(edge, soft, radii)


def _continued(inner: Array, edge: Array, fan: Rays) -> Array:
    """(rays, 2) the inner points of the edges, which are continued by straight lines where there is no edge."""
    far = 4.0 * max(fan.ends)
    radii, lines = np.full(RAYS, far), []
    for run in runs(edge):
        offset = inner[run] - fan.center
        turns = np.unwrap(np.arctan2(offset[:, 0], offset[:, 1])) * RAYS / (2 * np.pi)
        order = np.argsort(turns)
        covered = np.arange(np.ceil(turns[order[0]]), turns[order[-1]])
        distance = np.linalg.norm(offset, axis=1)
        radii[covered.astype(int) % RAYS] = np.interp(covered, turns[order], distance[order])
        if len(run) > 3:
            lines += [offset[order][:END_RAYS], offset[order][-END_RAYS:]]
    gap = radii == far
    for line in lines:
        radii = np.where(gap, np.minimum(radii, _crossing(line, fan, far)), radii)
    return fan.points(radii)


def _crossing(line: Array, fan: Rays, far: float) -> Array:
    """(rays,) the radius at which each ray meets the line through points (n, 2), `far` where it does not."""
    middle = line.mean(axis=0)
    normal = np.linalg.svd(line - middle)[2][1]
    along = fan.directions @ normal
    hit = np.where(np.abs(along) > 1e-6, (normal @ middle) / np.where(along == 0, 1, along), far)
    beside = fan.directions @ middle > -0.2 * np.linalg.norm(middle)
    return np.where(beside & (hit > 0), hit, far)


def _drawn(points: Array, small: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """(rows, columns) bool: the inside of a polygon of working pixels in an image of another shape."""
    image = Image.new("1", (shape[1], shape[0]))
    corners = (points[:, ::-1] + 0.5) * np.array(shape[::-1]) / np.array(small[::-1]) - 0.5
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in corners], fill=1)
    return np.array(image)
