"""Where blades or the round field of an image intensifier hide the detector."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from . import penumbra, sharp_outline
from .circle import Array
from .field_outline import RAYS, Rays, outline, rays, runs
from .surround import EXTENSION_PIXELS, extended, one_valued_border

MIN_BLADE_INSET = 40
"""Distance of blades from a border of one value, in working pixels, up to which their penumbra is followed from it."""
MIN_SIDE = 32
"""Shortest side of an image, in pixels, in which a field is sought."""
WORKING_SIDE = 256
"""Pixels along the longer side at which the field is sought; its edges are found to a fraction of such a pixel."""
MIN_STRUCTURE = 0.3
"""Smallest share of the variance that a mean over 3 x 3 pixels must keep; of pure noise it keeps a ninth."""
MAX_TEXT_WIDTH = 7
"""Largest width of text and marks burnt into the image, in working pixels."""
MAX_EDGE_DISTANCE = 4.0
"""Distance up to which two ways of finding an edge agree, in working pixels."""
MIN_MORE_RAYS = 20
"""Number of additional rays on which an edge must be seen for an image to be extended."""
BORDER_TOLERANCE = 4.0
"""Distance from the border of the image, in working pixels, from which a line counts as beyond it."""
END_RAYS = 9
"""Number of rays at the end of an edge that decide how it continues where the shadow leaves the image."""


def collimated(intensity: Array) -> Array:
    """(rows, columns) bool: pixels of an image of finite intensities that are not open field, the penumbra included.

    The outline of the field is the closed convex curve beyond which everything is dark and flat (field_outline); from
    there the penumbra is followed inwards to where the field is open (penumbra). Where scatter fills the shadow of
    sharp blades, sharp_outline finds them. Blades may lie far within a border of one value, and the shadow of a wide
    penumbra beyond the image (surround). A thick patient or metal at the border meets none of these conditions, and a
    semi-transparent wedge filter cannot be distinguished from a patient: they stay.
    """
    nothing = np.zeros(intensity.shape, dtype=bool)
    if min(intensity.shape) < MIN_SIDE or not (intensity > 0).any() or _is_noise(intensity):
        return nothing
    resized = _resized(np.asarray(intensity, np.float32))
    border = one_valued_border(resized)
    small = _without_text(np.where(border, resized.min(), resized))
    covered = nothing
    for points in _open_polygons(small, border):
        covered = covered | ~_drawn(points, small.shape, intensity.shape)
    return covered


def _is_noise(intensity: Array) -> bool:
    """Whether neighbouring pixels have little in common, unlike those of any shadow."""
    level = np.asarray(intensity, np.float32)
    return bool(np.var(ndimage.uniform_filter(level, 3)) < MIN_STRUCTURE * np.var(level))


def _open_polygons(small: Array, border: Array) -> list[Array]:
    """Polygons (points, 2) of (row, column) of working pixels, in all of which the field is open."""
    found = rays(small)
    radii = outline(found)
    polygons = [] if radii is not None and np.isfinite(radii).all() else _blades_beyond(small, radii)
    if not polygons or radii is None:
        radii = _sharp_radii(small, found, radii)
    within = _blades_within(small, border)
    if within is not None:
        polygons.append(_open_polygon(small, found, within))
    if radii is not None:
        others = np.full(RAYS, True) if within is None else np.isinf(within)
        polygons.append(_open_polygon(small, found, radii, others))
    return polygons


def _blades_within(small: Array, border: Array) -> Array | None:
    """(rays,) radii as of `outline` of blades far within a border, which outlines the whole field; None without."""
    if not border.any():
        return None
    found = rays(small, border)
    radii = outline(found)
    return None if radii is None or (found.ends - radii).max() <= MIN_BLADE_INSET else radii


def _blades_beyond(small: Array, radii: Array | None) -> list[Array]:
    """The open polygon of blades whose shadow lies beyond the image, if that shows far more edge than `radii`."""
    larger = extended(small)
    found = rays(larger)
    further = outline(found)
    known = 0 if radii is None else np.count_nonzero(np.isfinite(radii))
    if further is None or np.count_nonzero(np.isfinite(further)) < known + MIN_MORE_RAYS:
        return []
    return [_open_polygon(larger, found, further) - EXTENSION_PIXELS]


def _resized(image: Array) -> Array:
    """The image with WORKING_SIDE pixels along its longer side."""
    scale = WORKING_SIDE / max(image.shape)
    height, width = (max(1, round(n * scale)) for n in image.shape)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), way))


def _without_text(image: Array) -> Array:
    """The image with narrow bright structures replaced by what is around them."""
    around = ndimage.grey_opening(image, size=(MAX_TEXT_WIDTH, MAX_TEXT_WIDTH))
    text = (image >= 0.5 * image.max()) & (around < 0.5 * image)
    return np.where(ndimage.binary_dilation(text, iterations=2), around, image)


def _sharp_radii(small: Array, found: Rays, radii: Array | None) -> Array | None:
    """(rays,) radii as of `outline` of a sharp edge; beside an outline, only of a circle on which that outline lies."""
    size = sharp_outline.WORKING_SIDE / max(small.shape)
    height, width = (max(1, round(n * size)) for n in small.shape)
    reduced = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BOX))
    level = np.log(np.maximum(reduced, sharp_outline.MIN_RELATIVE_INTENSITY * small.max()))
    shadow = sharp_outline.shadow_outside(level, round_only=radii is not None)
    if shadow is None:
        return radii
    steps = np.arange(found.signal.shape[1])
    places = (found.center[:, None, None] + found.directions.T[:, :, None] * steps + 0.5) * size - 0.5
    beyond = ndimage.map_coordinates(shadow.astype(np.float32), places, order=1, mode="nearest") > 0.5
    beyond &= steps < found.ends[:, None]
    sharp = np.where(beyond.any(axis=1), beyond.argmax(axis=1).astype(float), np.inf)
    if radii is None:
        return sharp if np.isfinite(sharp).any() else None
    edge = np.isfinite(radii)
    apart = np.abs(np.minimum(sharp, found.ends)[edge] - radii[edge])
    return sharp if np.mean(apart < MAX_EDGE_DISTANCE) > 0.9 else radii


def _open_polygon(small: Array, found: Rays, radii: Array, valid: Array | bool = True) -> Array:
    """(points, 2) the polygon (row, column) in which the field is open; `valid` rays show its penumbra."""
    edge = np.isfinite(radii)
    points = found.points(_smoothed(np.where(edge, radii, found.ends + 3.0), edge))
    along = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1), 1e-9)[:, None]
    inward *= -np.sign((inward * found.directions).sum(axis=1))[:, None]
    inner = points + penumbra.depths(small, points, inward, (radii < found.ends) & valid)[:, None] * inward
    return inner if edge.all() else _continued(inner, points, edge, found)


def _smoothed(radii: Array, edge: Array) -> Array:
    soft = ndimage.gaussian_filter1d(ndimage.median_filter(radii, 5, mode="wrap"), 1.5, mode="wrap")
    return np.where(edge, soft, radii)


def _continued(inner: Array, outer: Array, edge: Array, found: Rays) -> Array:
    """(rays, 2) the inner points of some edges, and between them the straight lines on which those continue.

    An edge continues inside of its penumbra as far as its outer line, which the outline saw better, is beyond the
    image: elsewhere in the gap the outline found the field open.
    """
    far = 4.0 * max(found.ends)
    radii, lines = np.full(RAYS, far), []
    for run in runs(edge):
        offset = inner[run] - found.center
        turns = np.unwrap(np.arctan2(offset[:, 0], offset[:, 1])) * RAYS / (2 * np.pi)
        order = np.argsort(turns)
        covered = np.arange(np.ceil(turns[order[0]]), turns[order[-1]])
        distance = np.linalg.norm(offset, axis=1)
        radii[covered.astype(int) % RAYS] = np.interp(covered, turns[order], distance[order])
        if len(run) > 3:
            lines += [run[:END_RAYS], run[-END_RAYS:]]
    gap = radii == far
    for line in lines:
        depth = float(np.median(np.linalg.norm(inner[line] - outer[line], axis=1)))
        outside = _crossing(outer[line] - found.center, 0.0, found, far) > found.ends - BORDER_TOLERANCE
        within = np.where(outside, _crossing(outer[line] - found.center, depth, found, far), far)
        radii = np.where(gap, np.minimum(radii, within), radii)
    return found.points(radii)


def _crossing(line: Array, depth: float, found: Rays, far: float) -> Array:
    """(rays,) the radius at which each ray meets a line `depth` pixels inside of the line through points (n, 2).

    Points are relative to the centre of the rays; `far` where a ray does not meet it.
    """
    middle = line.mean(axis=0)
    normal = np.linalg.svd(line - middle)[2][1]
    normal = normal if normal @ middle > 0 else -normal
    along = found.directions @ normal
    hit = np.where(np.abs(along) > 1e-6, (normal @ middle - depth) / np.where(along == 0, 1, along), far)
    beside = found.directions @ middle > -0.2 * np.linalg.norm(middle)
    return np.where(beside & (hit > 0), hit, far)


def _drawn(points: Array, small: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """(rows, columns) bool: the inside of a polygon of working pixels in an image of another shape."""
    image = Image.new("1", (shape[1], shape[0]))
    corners = (points[:, ::-1] + 0.5) * np.array(shape[::-1]) / np.array(small[::-1]) - 0.5
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in corners], fill=1)
    return np.array(image)
