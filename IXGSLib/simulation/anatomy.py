"""Random variations of an anatomy: deformation, tissue densities and bowel gas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..compute.lanes import inlined, kernel
from ..compute.threads import run
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from .body import Body
from .mineral import mineralized
from .spine import spine

LATTICE_SPACING_MM = 8.0
"""Spacing of the lattice on which smooth random fields are drawn."""
DISPLACEMENT_FIELDS_MM = ((60.0, 7.0), (22.0, 1.5))
"""Smoothness and amplitude of the displacement's components, both as standard deviations."""
SOFT_DENSITY_FIELDS = ((12.0, 0.05), (40.0, 0.03))
"""Smoothness in mm and standard deviation of the log density of soft tissue, per component."""
BONE_DENSITY_FIELDS = ((12.0, 0.1), (40.0, 0.1))
"""Smoothness in mm and standard deviation of the log density of bone, per component."""
MINERAL_FACTORS = (0.5, 1.7)
"""Range of the factor by which cancellous bone exceeds soft tissue: from osteoporosis to youth."""
MAX_GAS_POCKETS = 12
"""Largest number of pockets of gas, or of stool with gas in it."""
POCKET_RADII_MM = (5.0, 25.0)
POCKET_LOG_AXIS_DEVIATION = 0.3
"""Standard deviation of the logarithm of a pocket's semi-axes over its radius."""
STOOL_PROBABILITY = 0.5
"""Probability that a pocket holds stool."""
BUBBLE_SIGMA_MM = 2.0
"""Smoothness of the bubbles in stool."""
STOOL_GAS_FRACTIONS = (0.1, 0.6)
"""Smallest and largest fraction of stool that is gas."""
ANTERIOR_DISTANCES_MM = (35.0, 130.0)
"""Distances of gas in front of the spine."""
MAX_LATERAL_DISTANCE_MM, MAX_AXIAL_DISTANCE_MM = 110.0, 200.0
"""Largest distances of gas from a point on the spine, to the sides and along the body."""


def draw_anatomy(generator: np.random.Generator, patient: Body) -> Body:
    """A random variation of a patient: deformed, with other tissue densities and bowel gas.

    The displacement and the log densities of soft tissue and bone are smooth random fields; enhanced bone varies with
    the bone. Cancellous bone is as dense as in a younger or an older patient, so that more or less of it is enhanced.
    Gas replaces soft tissue in ellipsoids in front of the spine.
    """
    grid = patient.grid
    scale = grid.spacing / LATTICE_SPACING_MM
    shape = tuple(int(n) for n in np.ceil((np.array(grid.shape) - 1) * scale[::-1]) + 2)
    fields = [_smooth(generator, shape, DISPLACEMENT_FIELDS_MM) / np.float32(spacing) for spacing in grid.spacing]
    fields += [_smooth(generator, shape, parts) for parts in (SOFT_DENSITY_FIELDS, BONE_DENSITY_FIELDS)]
    values = np.empty_like(patient.values, dtype=np.float32)
    run(_vary, len(values), patient.values, np.stack(fields, axis=-1), scale, values)
    mineral = float(np.exp(generator.uniform(*np.log(MINERAL_FACTORS))))
    anatomy = mineralized(replace(patient, values=values), mineral)
    values = anatomy.values
    along = spine(anatomy)
    middle = along[int(generator.integers(len(along)))]
    for _ in range(int(generator.integers(MAX_GAS_POCKETS + 1))):
        _inflate(values, grid, middle, generator)
    return anatomy


def _smooth(
    generator: np.random.Generator, shape: tuple[int, ...], parts: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """[k, j, i] float32 on the lattice: a sum of Gaussian random fields of given (smoothness in mm, amplitude).

    A Gaussian filter in three dimensions reduces the variance of white noise to 1 / (2 sqrt(pi) sigma)^3.
    """
    total = np.zeros(shape, np.float32)
    for smoothness, amplitude in parts:
        sigma = smoothness / LATTICE_SPACING_MM
        noise = ndimage.gaussian_filter(generator.standard_normal(shape, np.float32), sigma, mode="wrap")
        total += np.float32(amplitude * (2 * np.sqrt(np.pi) * sigma) ** 1.5) * noise
    return total


def _inflate(values: np.ndarray, grid: Grid, middle: Array, generator: np.random.Generator) -> None:
    """Replace soft tissue by gas, or by stool with gas, in an ellipsoid in front of the spine at `middle`."""
    offset = (
        generator.uniform(-MAX_LATERAL_DISTANCE_MM, MAX_LATERAL_DISTANCE_MM),
        -generator.uniform(*ANTERIOR_DISTANCES_MM),
        generator.uniform(-MAX_AXIAL_DISTANCE_MM, MAX_AXIAL_DISTANCE_MM),
    )
    axes = np.exp(generator.uniform(*np.log(POCKET_RADII_MM)) + generator.normal(0, POCKET_LOG_AXIS_DEVIATION, 3))
    center = apply(np.linalg.inv(grid.world_from_index), middle + offset)[::-1]
    half = (axes / grid.spacing)[::-1]
    low = np.maximum(np.floor(center - half), 0).astype(int)
    high = np.minimum(np.ceil(center + half) + 1, grid.shape).astype(int)
    if np.any(low >= high):
        return
    part = values[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
    z, y, x = (
        ((np.arange(*ends) - middle) / size) ** 2
        for ends, middle, size in zip(zip(low, high, strict=True), center, half, strict=True)
    )
    distance = z[:, None, None] + y[:, None] + x
    gas = (distance < 1) & (part[..., 1] == 0)
    if generator.random() < STOOL_PROBABILITY:
        noise = generator.standard_normal(gas.shape, np.float32)
        bubbles = ndimage.gaussian_filter(noise, BUBBLE_SIGMA_MM / grid.spacing[::-1])
        gas &= bubbles < np.quantile(bubbles, generator.uniform(*STOOL_GAS_FRACTIONS))
    part[gas, 0] = 0


@inlined
def _cell(x, length):
    """The lower index of the cell around a coordinate, clamped to the lattice, and the weight of its upper index."""
    n = min(max(math.floor(x), 0), length - 2)
    return n, min(max(x - n, 0.0), 1.0)


@inlined
def _interpolate(values, x, y, z, result):
    """Trilinear interpolation of values [k, j, i, channel] at a point, clamped to the lattice; fills `result`."""
    i, u = _cell(x, values.shape[2])
    j, v = _cell(y, values.shape[1])
    k, w = _cell(z, values.shape[0])
    result[:] = np.float32(0)
    for n in range(8):
        a, b, c = n & 1, (n >> 1) & 1, n >> 2
        weight = np.float32((u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w))
        for m in range(len(result)):
            result[m] += weight * values[k + c, j + b, i + a, m]


@kernel
def _vary(chunk, start, stop, values, fields, scale, varied):
    """Fill `varied` with a body's values, displaced and scaled by fields of displacement and log density."""
    drawn = np.empty(5, np.float32)
    found = np.empty(4, np.float32)
    for k in range(start, stop):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                _interpolate(fields, i * scale[0], j * scale[1], k * scale[2], drawn)
                _interpolate(values, i + drawn[0], j + drawn[1], k + drawn[2], found)
                soft, bone = math.exp(drawn[3]), math.exp(drawn[4])
                varied[k, j, i, 0] = found[0] * soft
                varied[k, j, i, 1] = found[1] * bone
                varied[k, j, i, 2] = found[2]
                varied[k, j, i, 3] = found[3] * bone
