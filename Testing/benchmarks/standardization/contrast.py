"""How much of something small is in a volume, and whether it could be told from what is there anyway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from IXGSLib.geometry import Grid

CHANGED = 0.3
"""Part of the largest change of the truth from which a voxel belongs to an insert."""
UNTOUCHED = 0.01
"""Part of the largest change up to which a voxel may belong to a shell."""
SHELL = (1.5, 5.0)
"""Distance of a shell's voxels from the insert, mm."""
PLACES, ATTEMPTS = 200, 20_000
"""Other places with which an insert is compared, at most, and draws to find them."""
ALIKE = (0.5, 2.0)
"""Attenuation of another place over that of the insert's, in the truth without it."""


@dataclass(frozen=True, eq=False)
class Template:
    """The voxels of an insert and those of the shell around it: (voxels, 3) indices (k, j, i)."""

    inside: np.ndarray
    shell: np.ndarray

    def contrast(self, values: np.ndarray, shift: tuple[int, int, int] = (0, 0, 0)) -> float:
        """The mean inside less that of the shell, 1/mm, of values [k, j, i]; shift: by whole voxels (k, j, i)."""
        return _mean(values, self.inside, shift) - _mean(values, self.shell, shift)


@dataclass(frozen=True)
class Survival:
    """What is left of an insert in a volume.

    contrast: by how much the insert changed the contrast against its shell, 1/mm. part: of the same in the truth.
    detectability: d', the same over the standard deviation of that contrast among other places without an insert that
    hold as much bone, positive for a change in the right direction (a template observer; Barrett and Myers, Foundations
    of Image Science, 2004).
    """

    contrast: float
    part: float
    detectability: float


def template(change: np.ndarray, others: np.ndarray, grid: Grid) -> Template:
    """The template of an insert that changes the truth by `change`; others: the largest change by any insert."""
    size = np.abs(change)
    inside = size >= CHANGED * size.max()
    if not size.max() > 0:
        raise ValueError("the insert changes nothing of the truth, expected it in bone and within the region")
    away = ndimage.distance_transform_edt(~inside, sampling=grid.spacing[::-1])
    calm = np.maximum(size, np.abs(others)) <= UNTOUCHED * size.max()
    shell = (away >= SHELL[0]) & (away <= SHELL[1]) & calm
    return Template(np.argwhere(inside), np.argwhere(shell))


def places(pattern: Template, truth: np.ndarray, seed: int = 0) -> list[tuple[int, int, int]]:
    """Shifts by whole voxels to other places of as much bone in the truth without inserts."""
    generator = np.random.default_rng(seed)
    both = np.concatenate([pattern.inside, pattern.shell])
    low, high = -both.min(axis=0), np.array(truth.shape) - both.max(axis=0)
    own = _mean(truth, pattern.inside, (0, 0, 0))
    extent = np.ptp(pattern.inside, axis=0) / 2
    found: list[tuple[int, int, int]] = []
    for shift in generator.integers(low, high, (ATTEMPTS, 3)):
        k, j, i = (int(n) for n in shift)
        apart = bool((np.abs(shift) > extent).any())
        if apart and ALIKE[0] * own <= _mean(truth, pattern.inside, (k, j, i)) <= ALIKE[1] * own:
            found.append((k, j, i))
            if len(found) == PLACES:
                break
    return found


def survival(
    pattern: Template,
    volumes: tuple[np.ndarray, np.ndarray],
    truths: tuple[np.ndarray, np.ndarray],
    elsewhere: list[tuple[int, int, int]],
) -> Survival:
    """What of an insert is in a volume, both without and with it, given the truths without and with it."""
    before, after = (pattern.contrast(values) for values in volumes)
    wanted = pattern.contrast(truths[1]) - pattern.contrast(truths[0])
    spread = float(np.std([pattern.contrast(volumes[0], shift) for shift in elsewhere]))
    change = after - before
    return Survival(change, change / wanted, float(np.sign(wanted)) * change / spread if spread else float("nan"))


def _mean(values: np.ndarray, voxels: np.ndarray, shift: tuple[int, int, int]) -> float:
    return float(values[tuple((voxels + np.array(shift)).T)].mean(dtype=np.float64))
