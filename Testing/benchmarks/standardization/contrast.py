"""Contrast and detectability of a small insert in a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from IXGSLib.geometry import Grid

MIN_INSERT_CHANGE = 0.3
"""Fraction of the largest change of the truth from which a voxel belongs to an insert."""
MAX_SHELL_CHANGE = 0.01
"""Fraction of the largest change up to which a voxel may belong to a shell."""
SHELL_DISTANCES_MM = (1.5, 5.0)
"""Range of distances of a shell's voxels from the insert."""
MAX_LOCATIONS, MAX_DRAWS = 200, 20_000
"""Largest number of reference locations without an insert, and of draws to find them."""
ATTENUATION_RATIOS = (0.5, 2.0)
"""Range of a reference location's attenuation relative to that of the insert's location without the insert."""


@dataclass(frozen=True, eq=False)
class Template:
    """The voxels of an insert and of the shell around it: (voxels, 3) indices (k, j, i)."""

    inside: np.ndarray
    shell: np.ndarray

    def contrast(self, values: np.ndarray, shift: tuple[int, int, int] = (0, 0, 0)) -> float:
        """The mean inside minus the mean of the shell, 1/mm, of values [k, j, i]; shift: in whole voxels (k, j, i)."""
        return _mean(values, self.inside, shift) - _mean(values, self.shell, shift)


@dataclass(frozen=True)
class Survival:
    """How much of an insert survives in a volume.

    contrast: change of the contrast to the shell that the insert caused, 1/mm. part: its ratio to the change in the
    truth. detectability: d', its ratio to the standard deviation of the contrast at reference locations with as much
    bone, positive for a change in the right direction (a template observer; Barrett and Myers, Foundations of Image
    Science, 2004).
    """

    contrast: float
    part: float
    detectability: float


def template(change: np.ndarray, others: np.ndarray, grid: Grid) -> Template:
    """The template of an insert that changes the truth by `change`; others: the largest change by any insert."""
    size = np.abs(change)
    inside = size >= MIN_INSERT_CHANGE * size.max()
    if not size.max() > 0:
        raise ValueError("the insert changes nothing of the truth, expected it in bone and within the region")
    distance = ndimage.distance_transform_edt(~inside, sampling=grid.spacing[::-1])
    unchanged = np.maximum(size, np.abs(others)) <= MAX_SHELL_CHANGE * size.max()
    shell = (distance >= SHELL_DISTANCES_MM[0]) & (distance <= SHELL_DISTANCES_MM[1]) & unchanged
    return Template(np.argwhere(inside), np.argwhere(shell))


def locations(pattern: Template, truth: np.ndarray, seed: int = 0) -> list[tuple[int, int, int]]:
    """Shifts in whole voxels to reference locations with as much bone in the truth without inserts."""
    generator = np.random.default_rng(seed)
    both = np.concatenate([pattern.inside, pattern.shell])
    low, high = -both.min(axis=0), np.array(truth.shape) - both.max(axis=0)
    own = _mean(truth, pattern.inside, (0, 0, 0))
    extent = np.ptp(pattern.inside, axis=0) / 2
    found: list[tuple[int, int, int]] = []
    for shift in generator.integers(low, high, (MAX_DRAWS, 3)):
        k, j, i = (int(n) for n in shift)
        apart = bool((np.abs(shift) > extent).any())
        if (
            apart
            and ATTENUATION_RATIOS[0] * own <= _mean(truth, pattern.inside, (k, j, i)) <= ATTENUATION_RATIOS[1] * own
        ):
            found.append((k, j, i))
            if len(found) == MAX_LOCATIONS:
                break
    return found


def survival(
    pattern: Template,
    volumes: tuple[np.ndarray, np.ndarray],
    truths: tuple[np.ndarray, np.ndarray],
    elsewhere: list[tuple[int, int, int]],
) -> Survival:
    """How much of an insert survives, from volumes and truths without and with it.

    elsewhere: shifts to reference locations.
    """
    before, after = (pattern.contrast(values) for values in volumes)
    wanted = pattern.contrast(truths[1]) - pattern.contrast(truths[0])
    spread = float(np.std([pattern.contrast(volumes[0], shift) for shift in elsewhere]))
    change = after - before
    return Survival(change, change / wanted, float(np.sign(wanted)) * change / spread if spread else float("nan"))


def _mean(values: np.ndarray, voxels: np.ndarray, shift: tuple[int, int, int]) -> float:
    return float(values[tuple((voxels + np.array(shift)).T)].mean(dtype=np.float64))
