"""Poses that could explain the shadows of a view: every assignment of three fiducials to three shadows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np

from ...geometry.rigid import Array
from .camera import Intrinsics, Pose
from .phantom import MIN_FIDUCIALS, Phantom
from .three_points import three_point_poses

DEPTH_SIZES = (0.8, 60.0)
"""Nearest and furthest distance from the source at which a phantom is looked for, in sizes of the phantom."""
FOCAL_FACTORS = (1.0, 0.8, 1.25)
"""Multiples of the focal length that are tried where it is hardly known."""
MIN_UNKNOWN_FOCAL_SD = 0.05
"""Relative standard deviation of the focal length from which these are tried."""
MIN_HEIGHT_RATIO = 0.15
"""Smallest ratio of a triangle's height to its longest side: flatter ones give no certain pose."""
MIN_SEEN_FRACTION = 0.4
"""Smallest fraction of the fiducials inside the image that must meet a shadow before the pose is fitted."""
MIN_ALIKE_TRACE, MAX_ALIKE_SHIFT = 2.98, 0.05
"""Trace of the rotation between two poses, and their distance relative to that from the source, of poses alike."""
CHUNK = 20_000
"""Number of triples whose poses are computed at once."""
MAX_TRIPLES = 100
"""Largest number of triples of shadows that are tried."""
MISSED = 0.01
"""Probability with which all triples may contain a shadow of something else, if half of the fiducials are seen."""
DRAWN = 4
"""Number of random triples of which the widest is taken."""
NONE, OUTSIDE = -1, -2
"""Pixels without a shadow nearby, and pixels that were not measured."""
LINE_PX = 2.5
"""Distance from a line within which a shadow lies on it."""
CROSS_RATIO_TOLERANCE = 0.04
"""Relative difference within which two cross-ratios agree."""


@dataclass(frozen=True, eq=False)
class Shadows:
    """Round shadows in a view: centres (n, 2) px, radii (n,) px, and how certain each is, from 0 to 1.

    field: (rows, columns) bool, the measured pixels of the X-ray; all of them without it.
    """

    pixels: Array
    radii: Array
    certainty: Array
    field: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Poses (n), the number of shadows that each explains (n,), and how many were tried to find them."""

    intrinsics: Intrinsics
    rotations: Array
    translations: Array
    hits: np.ndarray
    tried: int

    def best(self, count: int) -> list[tuple[Intrinsics, Pose]]:
        """The poses that explain most shadows, several that are alike once."""
        chosen: list[int] = []
        for n in np.argsort(-self.hits, kind="stable")[: 20 * count]:
            if len(chosen) == count or self.hits[n] < MIN_FIDUCIALS:
                break
            if not any(alike(self._pose(n), self._pose(other)) for other in chosen):
                chosen.append(int(n))
        return [(self.intrinsics, self._pose(n)) for n in chosen]

    def _pose(self, n: int) -> Pose:
        return Pose(self.rotations[n], self.translations[n])


def alike(one: Pose, other: Pose) -> bool:
    """Whether two poses differ so little that a fit would make them one."""
    turned = np.trace(one.rotation.T @ other.rotation)
    apart = np.linalg.norm(one.translation - other.translation)
    return bool(turned >= MIN_ALIKE_TRACE and apart <= MAX_ALIKE_SHIFT * np.linalg.norm(one.translation))


def candidate_poses(
    phantom: Phantom, shadows: Shadows, intrinsics: Intrinsics, reach: float, generator: np.random.Generator
) -> Iterator[Candidates]:
    """Batches of poses: first from cross-ratios of four on a line, then from triples of shadows in random order.

    reach: distance in px within which a fiducial meets a shadow.
    """
    near = _near(shadows, intrinsics.size, reach)
    for pairs in _from_lines(phantom, shadows):
        yield _scored(phantom, shadows, intrinsics, near, *pairs)
    triples = _triples(phantom.positions)
    factors = FOCAL_FACTORS if intrinsics.focal_sd > MIN_UNKNOWN_FOCAL_SD else FOCAL_FACTORS[:1]
    for chosen in _chosen_triples(shadows, len(phantom), generator):
        for factor in factors:
            scaled = _scaled(intrinsics, factor)
            seen = np.broadcast_to(chosen, triples.shape)
            yield _scored(phantom, shadows, scaled, near, triples, seen)


def _scaled(intrinsics: Intrinsics, factor: float) -> Intrinsics:
    return replace(intrinsics, focal=intrinsics.focal * factor)


def _near(shadows: Shadows, size: tuple[int, int], reach: float) -> np.ndarray:
    """(height, width) int: the number of the shadow within `reach` of each pixel; NONE, or OUTSIDE the field."""
    width, height = size
    near = np.full((height, width), NONE, np.int32)
    if shadows.field is not None:
        near[~shadows.field] = OUTSIDE
    for n, (x, y) in enumerate(shadows.pixels):
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        window = near[top : int(y + reach) + 2, left : int(x + reach) + 2]
        rows, columns = np.ogrid[top : top + window.shape[0], left : left + window.shape[1]]
        window[np.hypot(columns - x, rows - y) <= reach] = n
    return near


def _triples(positions: Array) -> np.ndarray:
    """(n, 3) ordered triples of points that do not lie on a line."""
    found = np.array(list(permutations(range(len(positions)), 3)))
    return found[_heights(positions[found]) >= MIN_HEIGHT_RATIO]


def _heights(triangles: Array) -> Array:
    """(n,) the height of triangles (n, 3, dimensions) over their longest side."""
    sides = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2)
    half = sides.sum(axis=1) / 2
    area = np.sqrt(np.maximum(half * np.prod(half[:, None] - sides, axis=1), 0))
    return 2 * area / np.maximum(sides.max(axis=1), 1e-12) ** 2


def _chosen_triples(shadows: Shadows, fiducials: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Triples of shadows, certain ones more often, each the widest of several that were drawn."""
    share = min(1.0, max(MIN_FIDUCIALS, fiducials / 2) / len(shadows))
    count = min(MAX_TRIPLES, 1 + int(np.log(MISSED) / np.log1p(-min(share**3, 0.9))))
    weight = shadows.certainty / shadows.certainty.sum()
    done: set[tuple[int, ...]] = set()
    for _ in range(count):
        drawn = np.stack([generator.choice(len(shadows), 3, replace=False, p=weight) for _ in range(DRAWN)])
        corners = shadows.pixels[drawn]
        size = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
        chosen = drawn[(size * np.minimum(_heights(corners), 0.5)).argmax()]
        key = tuple(sorted(chosen.tolist()))
        if key not in done and _heights(shadows.pixels[chosen][None])[0] > 0.02:
            done.add(key)
            yield chosen


def _scored(
    phantom: Phantom,
    shadows: Shadows,
    intrinsics: Intrinsics,
    near: np.ndarray,
    fiducials: np.ndarray,
    seen: np.ndarray,
) -> Candidates:
    """The poses of triples of fiducials (n, 3) at shadows (n, 3), with the number of shadows that they explain."""
    rays = intrinsics.directions(shadows.pixels)
    parts = []
    for start in range(0, len(fiducials), CHUNK):
        part = slice(start, start + CHUNK)
        rotations, translations, _ = three_point_poses(phantom.positions[fiducials[part]], rays[seen[part]])
        hits = _hits(phantom, intrinsics, near, rotations, translations)
        kept = np.argsort(-hits, kind="stable")[:400]
        parts.append((rotations[kept], translations[kept], hits[kept], len(rotations)))
    if not parts:
        return Candidates(intrinsics, np.empty((0, 3, 3)), np.empty((0, 3)), np.empty(0, int), 0)
    rotations, translations, hits = (np.concatenate([each[n] for each in parts]) for n in range(3))
    return Candidates(intrinsics, rotations, translations, hits, sum(each[3] for each in parts))


def _hits(
    phantom: Phantom, intrinsics: Intrinsics, near: np.ndarray, rotations: Array, translations: Array
) -> np.ndarray:
    """(n,) how many different shadows the fiducials meet; none where the phantom would be too near or far, or where
    most fiducials inside the image meet none."""
    hits = np.zeros(len(rotations), int)
    if not len(rotations):
        return hits
    # In single precision, since a tenth of a pixel does not matter here. The rows of each block are x, y and z.
    points = np.tensordot(rotations.astype(np.float32), phantom.positions.T.astype(np.float32), axes=1)
    points += translations.astype(np.float32)[:, :, None]
    low, high = (factor * phantom.size for factor in DEPTH_SIZES)
    possible = np.flatnonzero((points[:, 2].min(axis=1) > low) & (points[:, 2].max(axis=1) < high))
    x, y, depth = points[possible].transpose(1, 0, 2)
    height, width = near.shape
    columns = np.rint(intrinsics.focal * x / depth + intrinsics.centre[0])
    rows = np.rint(intrinsics.focal * intrinsics.aspect * y / depth + intrinsics.centre[1])
    seen = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    place = np.where(seen, rows * width + columns, 0).astype(np.int64)
    met = np.sort(np.where(seen, near.ravel()[place], OUTSIDE), axis=1)
    count = ((np.diff(met, axis=1, prepend=OUTSIDE) > 0) & (met >= 0)).sum(axis=1)
    hits[possible] = np.where(count >= MIN_SEEN_FRACTION * (met != OUTSIDE).sum(axis=1), count, 0)
    return hits


def _from_lines(phantom: Phantom, shadows: Shadows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Triples of fiducials and of shadows: the ends of four on a line with one cross-ratio, and any third."""
    quadruples = [quad for line in phantom.lines for quad in combinations(line, 4)]
    if not quadruples:
        return
    known = np.array([cross_ratio(phantom.positions[list(quad)]) for quad in quadruples])
    ends = []
    for seen in _lines_of_shadows(shadows.pixels):
        for four in combinations(seen, 4):
            ratio = cross_ratio(shadows.pixels[list(four)])
            for n in np.flatnonzero(np.abs(known / ratio - 1) <= CROSS_RATIO_TOLERANCE):
                quad = quadruples[n]
                ends += [((quad[0], quad[3]), (four[0], four[3])), ((quad[3], quad[0]), (four[0], four[3]))]
    for fiducials, pair in dict.fromkeys(ends):
        yield _with_third(phantom.positions, shadows.pixels, fiducials, pair)


def _with_third(
    positions: Array, pixels: Array, fiducials: tuple[int, int], pair: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    thirds = np.array(
        [(n, m) for n in range(len(positions)) if n not in fiducials for m in range(len(pixels)) if m not in pair]
    ).reshape(-1, 2)
    first = np.concatenate([np.broadcast_to(fiducials, (len(thirds), 2)), thirds[:, :1]], axis=1)
    second = np.concatenate([np.broadcast_to(pair, (len(thirds), 2)), thirds[:, 1:]], axis=1)
    wide = (_heights(positions[first]) >= MIN_HEIGHT_RATIO) & (_heights(pixels[second]) > 0.02)
    return first[wide], second[wide]


def cross_ratio(points: Array) -> float:
    """(AC / BC) / (AD / BD) of four points (4, dimensions) in their order on a line: the same in every projection."""
    a, b, c, d = points
    gaps = [np.linalg.norm(one - other) for one, other in ((a, c), (b, d), (b, c), (a, d))]
    return float(gaps[0] * gaps[1] / max(gaps[2] * gaps[3], 1e-12))


def _lines_of_shadows(pixels: Array) -> list[tuple[int, ...]]:
    """Sets of four or more shadows on a line, in the order along it, the longest first."""
    found: set[tuple[int, ...]] = set()
    for first, second in combinations(range(len(pixels)), 2):
        along = (pixels[second] - pixels[first]) / max(np.linalg.norm(pixels[second] - pixels[first]), 1e-12)
        offset = pixels - pixels[first]
        place = offset @ along
        aside = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0])
        on = np.flatnonzero((aside <= LINE_PX) & (place >= -1e-9) & (place <= place[second] + 1e-9))
        if 4 <= len(on) <= 8:
            found.add(tuple(sorted(on.tolist(), key=lambda n: float(place[n]))))
    unique = {min(line, line[::-1]) for line in found}
    return sorted(unique, key=lambda line: (-len(line), line))
