"""A calibration phantom: the positions of its fiducials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import GeometryError
from ...geometry.rigid import Array

MIN_FIDUCIALS = 6
"""Fewest fiducials of a phantom, and of a view that is calibrated."""
MIN_SEPARATION_MM = 1.0
"""Smallest distance between two fiducials of a phantom."""
MIN_WIDTH_RATIO = 0.02
"""Second over first extent of the fiducials, below which they lie on a line."""
MAX_FLATNESS = 0.005
"""Third over first extent of the fiducials, up to which they lie in a plane."""
SYMMETRY_TOLERANCE = 0.01
"""Distance within which a rotated fiducial meets another, as a fraction of the phantom's size."""
MIN_DIAMETER_RATIO = 1.25
"""Ratio from which the diameters of two fiducials can be told apart in an X-ray."""
EXTENT_MM = (10.0, 1000.0)
"""Smallest and largest size of a phantom."""
UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
"""Millimetres in each unit of length."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """The fiducials of a calibration phantom, whose frame becomes the world of the calibrated views.

    positions: (fiducials, 3) LPS mm. labels: a name for each. diameters: (fiducials,) mm, None where they are unknown.
    Raises GeometryError for fiducials that cannot calibrate a view: fewer than MIN_FIDUCIALS, coincident, on a line,
    or arranged so that a rotation maps them onto each other.
    """

    positions: Array
    labels: tuple[str, ...] = ()
    diameters: Array | None = None
    name: str = "phantom"

    def __post_init__(self) -> None:
        positions = np.array(self.positions, dtype=np.float64)
        if positions.ndim != 2 or positions.shape[1] != 3 or not np.isfinite(positions).all():
            raise GeometryError(f"{self.name}: positions of shape {positions.shape}, expected x, y, z of each fiducial")
        labels = self.labels or tuple(str(n + 1) for n in range(len(positions)))
        positions.setflags(write=False)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "labels", labels)
        _check_labels(self)
        _check_arrangement(self)

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def size(self) -> float:
        """The largest distance between two fiducials, mm."""
        return float(_distances(self.positions).max())

    @cached_property
    def coplanar(self) -> bool:
        """Whether the fiducials lie in a plane."""
        extents = _extents(self.positions)
        return bool(extents[2] <= MAX_FLATNESS * extents[0])

    @cached_property
    def chiral(self) -> bool:
        """Whether the phantom differs from its mirror image, so that mirrored X-rays can be recognised."""
        return not self.coplanar and not _self_maps(self.positions, self._kinds, -1.0)

    @cached_property
    def lines(self) -> tuple[tuple[int, ...], ...]:
        """The largest sets of four or more fiducials that lie on a line, in the order along it."""
        return _lines(self.positions)

    @property
    def radii(self) -> Array:
        """(fiducials,) mm; 0 where they are unknown."""
        return np.zeros(len(self)) if self.diameters is None else self.diameters / 2

    @property
    def diameter_range(self) -> tuple[float, float] | None:
        """The smallest and the largest diameter, mm, if they are known."""
        return None if self.diameters is None else (float(self.diameters.min()), float(self.diameters.max()))

    def with_diameter(self, diameter: float) -> Phantom:
        """The phantom with one diameter, mm, for all fiducials."""
        return replace(self, diameters=np.full(len(self), float(diameter)))

    def mirrored(self) -> Array:
        """(fiducials, 3) the positions of the mirror image."""
        return self.positions * (-1.0, 1.0, 1.0)

    @cached_property
    def _kinds(self) -> np.ndarray:
        """(fiducials,) equal numbers for fiducials whose diameters cannot be told apart in an X-ray."""
        if self.diameters is None or self.diameters.max() < MIN_DIAMETER_RATIO * self.diameters.min():
            return np.zeros(len(self), int)
        return np.rint(np.log(self.diameters / self.diameters.min()) / np.log(MIN_DIAMETER_RATIO)).astype(int)


def _check_labels(phantom: Phantom) -> None:
    twice = sorted({label for label in phantom.labels if phantom.labels.count(label) > 1})
    if twice:
        raise GeometryError(
            f"{phantom.name}: more than one fiducial is labelled {', '.join(twice)}; labels must differ"
        )
    if len(phantom.labels) != len(phantom.positions):
        raise GeometryError(
            f"{phantom.name}: {len(phantom.labels)} labels for {len(phantom.positions)} fiducials, expected one each"
        )
    diameters = phantom.diameters
    if diameters is not None:
        diameters = np.array(diameters, dtype=np.float64)
        if diameters.shape != (len(phantom.positions),) or not (np.isfinite(diameters) & (diameters > 0)).all():
            raise GeometryError(f"{phantom.name}: expected one positive diameter, mm, for each fiducial")
        object.__setattr__(phantom, "diameters", diameters)


def _check_arrangement(phantom: Phantom) -> None:
    positions, name = phantom.positions, phantom.name
    if len(positions) < MIN_FIDUCIALS:
        raise GeometryError(
            f"{name}: {len(positions)} fiducials, expected at least {MIN_FIDUCIALS}; fewer give no pose that can be "
            "checked"
        )
    gaps = _distances(positions) + np.diag(np.full(len(positions), np.inf))
    if gaps.min() == 0:
        first, second = np.unravel_index(gaps.argmin(), gaps.shape)
        raise GeometryError(
            f"{name}: fiducials {phantom.labels[first]} and {phantom.labels[second]} have one position, expected "
            "different ones; correct the file"
        )
    _check_unit(phantom)
    if gaps.min() < MIN_SEPARATION_MM:
        first, second = np.unravel_index(gaps.argmin(), gaps.shape)
        raise GeometryError(
            f"{name}: fiducials {phantom.labels[first]} and {phantom.labels[second]} are {gaps.min():.2g} mm apart, "
            f"expected at least {MIN_SEPARATION_MM:g} mm; remove one, or state the unit of the positions"
        )
    extents = _extents(positions)
    if extents[1] <= MIN_WIDTH_RATIO * extents[0]:
        raise GeometryError(
            f"{name}: all fiducials lie on a line, which shows no rotation about it; add fiducials beside the line"
        )
    maps = _self_maps(positions, phantom._kinds, 1.0)
    if maps:
        moved = next(n for n, other in enumerate(maps[0]) if n != other)
        raise GeometryError(
            f"{name}: a rotation maps the fiducials onto each other, such as {phantom.labels[moved]} onto "
            f"{phantom.labels[maps[0][moved]]}, so that labels cannot be decided; add a fiducial or remove one, or "
            "state diameters that differ"
        )


def _check_unit(phantom: Phantom) -> None:
    size = float(_distances(phantom.positions).max())
    low, high = EXTENT_MM
    if low <= size <= high:
        return
    fitting = [unit for unit, factor in UNITS_MM.items() if factor > 1 and low <= size * factor <= high]
    cure = " or ".join(f"--unit {unit}" for unit in fitting) or "--unit"
    raise GeometryError(
        f"{phantom.name}: the fiducials are up to {size:.3g} mm apart, expected {low:g} to {high:g} mm; "
        f"state the unit of their positions: {cure}"
    )


def _distances(positions: Array) -> Array:
    """(n, n) distances between all points."""
    return np.linalg.norm(positions[:, None] - positions, axis=-1)


def _extents(positions: Array) -> Array:
    """(3,) root mean squares along the principal axes, the largest first."""
    return np.linalg.svd(positions - positions.mean(axis=0), compute_uv=False) / np.sqrt(len(positions))


def frames(triples: Array) -> Array:
    """(n, 3, 3) a right-handed orthonormal frame, as columns, of each triangle (n, 3 points, 3)."""
    first = triples[:, 1] - triples[:, 0]
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    third = np.cross(first, triples[:, 2] - triples[:, 0])
    third = third / np.linalg.norm(third, axis=1, keepdims=True)
    return np.stack([first, np.cross(third, first), third], axis=2)


def _self_maps(positions: Array, kinds: np.ndarray, sign: float) -> list[list[int]]:
    """Permutations other than the identity by which a rotation, or with sign -1 a reflection, maps points to points."""
    base = _widest_triangle(positions)
    reach = SYMMETRY_TOLERANCE * float(_distances(positions).max())
    source = positions * (sign, 1.0, 1.0)
    triples = _congruent(positions, source[base], reach)
    if not len(triples):
        return []
    rotation = frames(positions[triples]) @ frames(source[base][None]).transpose(0, 2, 1)
    moved = np.einsum("hij,nj->hni", rotation, source - source[base[0]]) + positions[triples[:, 0]][:, None]
    gaps = np.linalg.norm(moved[:, :, None] - positions, axis=-1)
    nearest = gaps.argmin(axis=2)
    fits = (gaps.min(axis=2) <= reach).all(axis=1) & (kinds[nearest] == kinds).all(axis=1)
    identity = np.arange(len(positions))
    return [row.tolist() for row in nearest[fits] if sign < 0 or (row != identity).any()]


def _widest_triangle(positions: Array) -> np.ndarray:
    """(3,) indices of points that span a large triangle."""
    gaps = _distances(positions)
    first, second = np.unravel_index(gaps.argmax(), gaps.shape)
    along = (positions[second] - positions[first]) / gaps[first, second]
    offset = positions - positions[first]
    height = np.linalg.norm(offset - (offset @ along)[:, None] * along, axis=1)
    return np.array([first, second, height.argmax()])


def _congruent(positions: Array, triangle: Array, reach: float) -> np.ndarray:
    """(n, 3) ordered triples of points whose sides are those of a triangle (3, 3), within `reach`."""
    gaps = _distances(positions)
    sides = _distances(triangle)
    first, second = np.nonzero(np.abs(gaps - sides[0, 1]) <= reach)
    fits = (np.abs(gaps[first] - sides[0, 2]) <= reach) & (np.abs(gaps[second] - sides[1, 2]) <= reach)
    pair, third = np.nonzero(fits)
    return np.stack([first[pair], second[pair], third], axis=1)


def _lines(positions: Array) -> tuple[tuple[int, ...], ...]:
    reach = MAX_FLATNESS * float(_distances(positions).max())
    found: set[tuple[int, ...]] = set()
    for first, second in combinations(range(len(positions)), 2):
        along = positions[second] - positions[first]
        along = along / np.linalg.norm(along)
        offset = positions - positions[first]
        place = offset @ along
        on = np.flatnonzero(np.linalg.norm(offset - place[:, None] * along, axis=1) <= reach)
        if len(on) >= 4:
            found.add(tuple(sorted(on.tolist(), key=lambda n: float(place[n]))))
    ordered = {min(line, line[::-1]) for line in found}
    return tuple(sorted(line for line in ordered if not any(set(line) < set(other) for other in ordered)))


def as_positions(values: ArrayLike, unit: str) -> Array:
    """(fiducials, 3) mm from numbers in another unit of UNITS_MM."""
    return np.asarray(values, dtype=np.float64) * UNITS_MM[unit]
