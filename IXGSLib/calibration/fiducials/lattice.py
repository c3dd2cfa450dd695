"""The dots of a grid plate in an X-ray, and their places in the lattice, square or hexagonal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...errors import FormatError
from ...geometry.rigid import Array
from ...xray.distortion import filled

SCALES = (1.2, 1.6, 2.1, 2.8, 3.7, 5.0, 6.6)
"""Widths of the blob detector that are tried, px."""
SHADING = 0.03
"""Width of the filter that removes shading, as a fraction of the longer side of the image."""
MIN_RESPONSE = 0.35
"""Response of a dot, relative to the median of the hundred strongest."""
NEIGHBOURS = 6
"""Number of nearest dots from which the lattice is recognised."""
MAX_OFFSET = 0.25
"""Distance of a dot from its expected place, in spacings, up to which it belongs to the lattice."""
HEXAGONAL_DEGREES = 75.0
"""Angle between two basis vectors below which the lattice is hexagonal (60 degrees), not square (90 degrees)."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Dots (n, 2) px and their whole-numbered places (n, 2) in a lattice.

    basis: (2, 2) rows: the lattice's basis vectors of length one, 90 or 60 degrees apart. middle: px, the dot that has
    the place (0, 0).
    """

    dots: Array
    places: np.ndarray
    basis: Array
    spacing: float

    @property
    def hexagonal(self) -> bool:
        return bool(abs(self.basis[1, 0]) > 0.1)

    @property
    def ideal(self) -> Array:
        """(n, 2) places of the dots in an undistorted lattice of spacing one."""
        return self.places @ self.basis


def find_lattice(image: np.ndarray, mask: np.ndarray, name: str) -> Lattice:
    """The lattice of dots, dense or hollow, in a shot of a grid plate.

    image: line integrals or intensities (rows, columns). mask: bool, measured pixels.
    Raises FormatError for an image without a lattice.
    """
    values = filled(np.asarray(image, np.float64), mask)
    values = values - ndimage.gaussian_filter(values, SHADING * max(values.shape))
    # Between dense dots lie hollows in a lattice too, but fainter ones.
    found = sorted((_dots(sign * values, mask) for sign in (1, -1)), key=lambda one: -one[1])
    lattices = [lattice for dots, _ in found if (lattice := _indexed(dots)) is not None]
    if not lattices:
        most = max(len(dots) for dots, _ in found)
        raise FormatError(
            f"{name}: {most} dots without a lattice, expected a grid plate with dots in a square or hexagonal "
            "arrangement; check that it is a shot of the plate alone"
        )
    return lattices[0]


def _dots(values: np.ndarray, mask: np.ndarray) -> tuple[Array, float]:
    """(n, 2) px: the bright blobs of the size of most, to a fraction of a pixel, and the response of the detector."""
    best: Array = np.empty((0, 2))
    strength = 0.0
    inner = ndimage.binary_erosion(mask, iterations=4, border_value=0)
    for scale in SCALES:
        response = -(scale**2) * ndimage.gaussian_laplace(values, scale)
        size = 2 * int(np.ceil(1.5 * scale)) + 1
        peaks = (response == ndimage.maximum_filter(response, size)) & inner
        top = np.sort(response[peaks])[-100:]
        level = float(np.median(top)) if len(top) else 0.0
        if level > strength:
            strength = level
            best = _subpixel(response, *np.nonzero(peaks & (response > MIN_RESPONSE * level)))
    return best, strength


def _subpixel(response: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Array:
    """(n, 2) px: the peaks of parabolas through the neighbours of maxima."""
    height, width = response.shape
    kept = (rows > 0) & (rows < height - 1) & (columns > 0) & (columns < width - 1)
    rows, columns = rows[kept], columns[kept]
    middle = response[rows, columns]
    offsets = []
    for dy, dx in ((0, 1), (1, 0)):
        before, after = response[rows - dy, columns - dx], response[rows + dy, columns + dx]
        curve = before - 2 * middle + after
        offsets.append(np.clip(np.where(curve < 0, 0.5 * (before - after) / np.minimum(curve, -1e-12), 0), -0.5, 0.5))
    return np.stack([columns + offsets[0], rows + offsets[1]], axis=1)


def _indexed(dots: Array) -> Lattice | None:
    """The dots that grow into a lattice from the middle of the image; None without one."""
    if len(dots) < 4 * NEIGHBOURS:
        return None
    tree = cKDTree(dots)
    start = int(tree.query(dots.mean(axis=0))[1])
    vectors = _basis(dots, tree, start)
    if vectors is None:
        return None
    places = _grown(dots, tree, start, vectors)
    numbers = np.array(sorted(places))
    angle = np.arccos(vectors[0] @ vectors[1] / np.prod(np.linalg.norm(vectors, axis=1)))
    turned = np.pi / 3 if np.rad2deg(angle) < HEXAGONAL_DEGREES else np.pi / 2
    basis = np.array([[1.0, 0.0], [np.cos(turned), np.sin(turned)]])
    spacing = float(np.linalg.norm(vectors, axis=1).mean())
    return Lattice(dots[numbers], np.array([places[n] for n in numbers]), basis, spacing)


def _basis(dots: Array, tree: cKDTree, start: int) -> Array | None:
    """(2, 2) rows: two vectors to neighbours that most dots near `start` have, 60 or 90 degrees apart, clockwise.

    x points to the right and y down, so that a positive turn is clockwise on the screen.
    """
    _, near = tree.query(dots[start], 4 * NEIGHBOURS)
    steps = np.concatenate([dots[tree.query(dots[n], NEIGHBOURS + 1)[1][1:]] - dots[n] for n in near])
    reach = MAX_OFFSET * float(np.median(np.linalg.norm(steps, axis=1)))
    votes = (np.linalg.norm(steps[:, None] - steps, axis=2) <= reach).sum(axis=1)
    first = _mean_near(steps, steps[_shortest(steps, votes)], reach)
    along = np.arctan2(steps[:, 1], steps[:, 0]) - np.arctan2(first[1], first[0])
    turn = np.rad2deg(np.mod(along, 2 * np.pi))
    length = np.linalg.norm(steps, axis=1) / np.linalg.norm(first)
    beside = (turn > 45) & (turn < 105) & (np.abs(length - 1) < MAX_OFFSET)
    if not beside.any() or votes[beside].max() < NEIGHBOURS:
        return None
    second = _mean_near(steps, steps[np.flatnonzero(beside)[votes[beside].argmax()]], reach)
    return np.stack([first, second])


def _shortest(steps: Array, votes: np.ndarray) -> int:
    """A step that many dots have, the shortest of those, so that diagonals are not taken."""
    common = votes >= 0.6 * votes.max()
    lengths = np.where(common, np.linalg.norm(steps, axis=1), np.inf)
    near = np.flatnonzero(lengths < 1.15 * lengths.min())
    return int(near[votes[near].argmax()])


def _mean_near(steps: Array, step: Array, reach: float) -> Array:
    return steps[np.linalg.norm(steps - step, axis=1) <= reach].mean(axis=0)


def _grown(dots: Array, tree: cKDTree, start: int, vectors: Array) -> dict[int, tuple[int, int]]:
    """Places of dots, from neighbour to neighbour; each passes on the vectors between it and its own neighbours."""
    places, taken = {start: (0, 0)}, {(0, 0)}
    local = {start: vectors}
    queue = deque([start])
    while queue:
        n = queue.popleft()
        (i, j), own = places[n], local[n]
        for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
            place = (i + sign, j) if axis == 0 else (i, j + sign)
            gap, m = tree.query(dots[n] + sign * own[axis])
            if place in taken or m in places or gap > MAX_OFFSET * np.linalg.norm(own[axis]):
                continue
            places[int(m)] = place
            taken.add(place)
            step = sign * (dots[m] - dots[n])
            # Half of each new step, so that one dot that is a little off does not lead the growth astray.
            turned = own.copy()
            turned[axis] = 0.5 * own[axis] + 0.5 * step
            local[int(m)] = turned
            queue.append(int(m))
    return places
