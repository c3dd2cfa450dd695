"""Where blades or the round field of an image intensifier hide the detector."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from . import penumbra, sharp_outline
from .field_outline import RAYS, Rays, outline, rays, runs

SMALLEST = 64
WORKING_SIZE = 256


def collimated(intensity: np.ndarray) -> np.ndarray:
    if min(intensity.shape) < SMALLEST or not np.any(intensity > 0):
        return np.zeros(intensity.shape, dtype=bool)
    small = _without_text(_resized(np.asarray(intensity, np.float32)))
    found = rays(small)
    radii = outline(found)
    if radii is None or not np.isfinite(radii).all():
        shadow = _behind_sharp_edge(small, found, radii)
        if shadow is not None:
            wider = Image.fromarray(ndimage.binary_dilation(shadow, iterations=2))
            return np.asarray(wider.resize(intensity.shape[::-1], Image.Resampling.NEAREST))
    if radii is None:
        return np.zeros(intensity.shape, dtype=bool)
    return ~_drawn(_opened(small, found, radii), small.shape, intensity.shape)


def _behind_sharp_edge(small, found, radii):
    size = sharp_outline.SIZE / max(small.shape)
    image = Image.fromarray(small).resize([max(1, round(n * size)) for n in small.shape[::-1]], Image.Resampling.BOX)
    level = np.log(np.maximum(np.asarray(image), 1e-5 * small.max()))
    shadow = sharp_outline.shadow_outside(level, round_only=radii is not None)
    if shadow is None:
        return None
    shadow = np.asarray(Image.fromarray(shadow).resize(small.shape[::-1], Image.Resampling.NEAREST))
    if radii is None:
        return shadow
    edge = np.isfinite(radii)
    distance = np.abs(ndimage.distance_transform_edt(shadow) - ndimage.distance_transform_edt(~shadow))
    at = ndimage.map_coordinates(distance, found.points(np.where(edge, radii, 0))[edge].T, order=1, mode="nearest")
    return shadow if np.mean(at < 4) > 0.9 else None


def _opened(small, found: Rays, radii):
    """(points, 2) the polygon (row, column) in which the field is open."""
    edged = np.isfinite(radii)
    points = found.points(_smoothed(radii, found.ends + 3.0))
    along = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1), 1e-9)[:, None]
    inward *= -np.sign((inward * found.directions).sum(axis=1))[:, None]
    depth = penumbra.depths(small, points, inward, radii < found.ends)
    inner = points + depth[:, None] * inward
    return (
        np.concatenate([_arc(inner[run], found) for run in runs(edged)])
        if edged.all()
        else _joined(inner, edged, found)
    )


def _arc(inner, found):
    return inner


def _joined(inner, edged, found):
    far = 4.0 * max(found.ends)
    radii = np.full(RAYS, far)
    ends = []
    for run in runs(edged):
        offset = inner[run] - found.center
        angle = np.unwrap(np.arctan2(offset[:, 0], offset[:, 1]))
        order = np.argsort(angle)
        angle, distance = angle[order], np.linalg.norm(offset, axis=1)[order]
        grid = 2 * np.pi / RAYS * np.arange(np.ceil(angle[0] * RAYS / (2 * np.pi)), angle[-1] * RAYS / (2 * np.pi))
        index = np.rint(grid * RAYS / (2 * np.pi)).astype(int) % RAYS
        radii[index] = np.interp(grid, angle, distance)
        ends += [offset[order][:9], offset[order][-9:]] if len(run) > 3 else []
    gap = radii == far
    for end in ends:
        middle = end.mean(axis=0)
        normal = np.linalg.svd(end - middle)[2][1]
        reach = found.directions @ normal
        hit = np.where(np.abs(reach) > 1e-6, (normal @ middle) / np.where(reach == 0, 1, reach), far)
        near = found.directions @ middle > -0.2 * np.linalg.norm(middle)
        radii = np.where(gap & near & (hit > 0), np.minimum(radii, hit), radii)
    return found.points(radii)


def _smoothed(radii, ends):
    full = np.where(np.isfinite(radii), radii, ends)
    soft = ndimage.gaussian_filter1d(ndimage.median_filter(full, 5, mode="wrap"), 1.5, mode="wrap")
    return np.where(np.isfinite(radii), soft, full)


def _drawn(points, small, shape):
    image = Image.new("1", shape[::-1])
    corners = (points[:, ::-1] + 0.5) * np.array(shape[::-1]) / np.array(small[::-1]) - 0.5
    ImageDraw.Draw(image).polygon([tuple(p) for p in corners.tolist()], fill=1)
    return np.array(image)


def _without_text(image):
    top = image.max()
    opened = ndimage.grey_opening(image, size=(7, 7))
    text = (image >= 0.5 * top) & (opened < 0.5 * image)
    text = ndimage.binary_dilation(text, iterations=2)
    return np.where(text, opened, image)


def _resized(image: np.ndarray) -> np.ndarray:
    scale = WORKING_SIZE / max(image.shape)
    height, width = (max(1, round(n * scale)) for n in image.shape)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), way))
