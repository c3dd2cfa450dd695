"""Random anatomies like a given one: bent and stretched, of other tissue, with other gas in the bowel."""

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
from .spine import spine

LATTICE = 8.0
"""Spacing of the lattice on which smooth fields are drawn, mm."""
DISPLACEMENT = ((60.0, 7.0), (22.0, 1.5))
"""How smooth a displacement is and how large, each a standard deviation in mm."""
SOFT, BONE = ((12.0, 0.05), (40.0, 0.03)), ((12.0, 0.1), (40.0, 0.1))
"""How smooth the logarithm of a density is, mm, and its standard deviation."""
POCKETS = 12
"""Of gas, or of stool with gas in it, at most."""
POCKET, ROUNDNESS = (5.0, 25.0), 0.3
"""Radius of a pocket of gas, mm, and the standard deviation of the logarithm of its axes over that."""
STOOL, BUBBLE, GAS = 0.5, 2.0, (0.1, 0.6)
"""Part of the pockets that hold stool, how smooth its bubbles are, mm, and the part of it that is gas."""
BEFORE, ASIDE, BEYOND = (35.0, 130.0), 110.0, 200.0
"""Where gas is, mm: before the spine, to its sides, and above and below a place on it."""


def draw_anatomy(generator: np.random.Generator, patient: Body) -> Body:
    """A body of a patient's tissues at other places and of other densities; the target's bone goes with the bone.

    Displacement and densities of soft tissue and of bone are smooth random fields; gas takes the place of soft tissue
    in ellipsoids before the spine.
    """
    grid = patient.grid
    scale = grid.spacing / LATTICE
    shape = tuple(int(n) for n in np.ceil((np.array(grid.shape) - 1) * scale[::-1]) + 2)
    fields = [_smooth(generator, shape, DISPLACEMENT) / np.float32(spacing) for spacing in grid.spacing]
    fields += [_smooth(generator, shape, parts) for parts in (SOFT, BONE)]
    values = np.empty_like(patient.values, dtype=np.float32)
    run(_vary, len(values), patient.values, np.stack(fields, axis=-1), scale, values)
    anatomy = replace(patient, values=values)
    along = spine(anatomy)
    middle = along[int(generator.integers(len(along)))]
    for _ in range(int(generator.integers(POCKETS + 1))):
        _inflate(values, grid, middle, generator)
    return anatomy


def _smooth(
    generator: np.random.Generator, shape: tuple[int, ...], parts: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """[k, j, i] float32 on the lattice: Gaussian noise, the sum of fields of given smoothness and size.

    White noise of variance one has 1 / (2 sqrt(pi) sigma)^3 behind a Gaussian filter in three dimensions.
    """
    total = np.zeros(shape, np.float32)
    for smoothness, size in parts:
        sigma = smoothness / LATTICE
        noise = ndimage.gaussian_filter(generator.standard_normal(shape, np.float32), sigma, mode="wrap")
        total += np.float32(size * (2 * np.sqrt(np.pi) * sigma) ** 1.5) * noise
    return total


def _inflate(values: np.ndarray, grid: Grid, middle: Array, generator: np.random.Generator) -> None:
    """Let gas, or the gas in stool, take the place of soft tissue in an ellipsoid before the spine at `middle`."""
    sides = (generator.uniform(-ASIDE, ASIDE), -generator.uniform(*BEFORE), generator.uniform(-BEYOND, BEYOND))
    axes = np.exp(generator.uniform(*np.log(POCKET)) + generator.normal(0, ROUNDNESS, 3))
    center = apply(np.linalg.inv(grid.world_from_index), middle + sides)[::-1]
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
    if generator.random() < STOOL:
        bubbles = ndimage.gaussian_filter(generator.standard_normal(gas.shape, np.float32), BUBBLE / grid.spacing[::-1])
        gas &= bubbles < np.quantile(bubbles, generator.uniform(*GAS))
    part[gas, 0] = 0


@inlined
def _cell(x, length):
    """The lower end of the cell around a place, or of the nearest one, and the weight of its upper end."""
    n = min(max(math.floor(x), 0), length - 2)
    return n, min(max(x - n, 0.0), 1.0)


@inlined
def _interpolate(values, x, y, z, result):
    """Trilinear interpolation at a place, or the nearest one inside, of values [k, j, i, channel]; fills `result`."""
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
    """`varied` becomes a body's values moved and made denser by fields of displacement and logarithms of density."""
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
