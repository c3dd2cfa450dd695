"""L1 and SSIM of an image and their gradient, in four kernels.

The window is applied along rows, then along columns; the backward pass applies it in reverse order. The kernels
correspond to the CPU kernels in `..losses`; each program has BLOCK pixels or windows, numbered along rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...compute.placement import tensor_like
from ..kernel_constants import SSIM_WINDOW, SSIM_WINDOW_SIZE

BLOCK = 256
LAUNCH = {"TAPS": SSIM_WINDOW_SIZE, "BLOCK": BLOCK, "num_warps": 4}


class ImageLoss(torch.autograd.Function):
    """`..losses.image_loss_reference` with its gradient."""

    @staticmethod
    def forward(ctx: Any, render, image, weight, scale: float, ssim_weight: float) -> Tensor:
        x, y, weight = (tensor.contiguous() for tensor in (render, image, weight))
        height, width = x.shape
        similar = ssim_weight != 0 and min(height, width) >= SSIM_WINDOW_SIZE
        rows, columns = (n - SSIM_WINDOW_SIZE + 1 if similar else 0 for n in (height, width))
        pixels, strips, windows = height * width, height * columns, rows * columns
        terms = x.new_empty(_programs(pixels) + _programs(windows))
        gradient, along = torch.empty_like(x), x.new_empty((3, strips))
        taps = _taps(x.device)
        if similar:
            across, partial = x.new_empty((5, strips)), x.new_empty((3, windows))
            filter_rows[(_programs(strips),)](x, y, weight, taps, across, width, columns, strips, **LAUNCH)
            compare[(_programs(windows),)](
                across, taps, partial, terms[_programs(pixels) :], columns, strips, windows,
                (0.01 * scale) ** 2, (0.03 * scale) ** 2, ssim_weight / windows, **LAUNCH,
            )  # fmt: skip
            spread_columns[(_programs(strips),)](partial, taps, along, columns, strips, windows, **LAUNCH)
        spread_rows[(_programs(pixels),)](
            x, y, weight, along, taps, gradient, terms, width, columns, pixels, strips,
            1 / (scale * pixels), SIMILAR=similar, **LAUNCH,
        )  # fmt: skip
        ctx.gradient = gradient
        return terms.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return ctx.gradient * upstream[0], None, None, None, None


def _programs(count: int) -> int:
    return -(-count // BLOCK)


@lru_cache(maxsize=4)
def _taps(device: torch.device) -> Tensor:
    return tensor_like(SSIM_WINDOW, torch.empty(0, device=device))


@triton.jit
def filter_rows(x, y, weight, taps, across, width, columns, strips, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    """Windowed sums along rows of x, y, x x, y y and x y; across: (5, strips) with strips = height * columns."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = place < strips
    first = place // columns * width + place % columns
    sx = tl.zeros([BLOCK], tl.float32)
    sy, sxx, syy, sxy = sx, sx, sx, sx
    for n in tl.static_range(TAPS):
        tap = tl.load(taps + n)
        b = tl.load(y + first + n, mask=valid, other=0.0)
        measured = tl.load(weight + first + n, mask=valid, other=0.0) > 0
        a = tl.where(measured, tl.load(x + first + n, mask=valid, other=0.0), b)
        sx += tap * a
        sy += tap * b
        sxx += tap * a * a
        syy += tap * b * b
        sxy += tap * a * b
    tl.store(across + place, sx, mask=valid)
    tl.store(across + strips + place, sy, mask=valid)
    tl.store(across + 2 * strips + place, sxx, mask=valid)
    tl.store(across + 3 * strips + place, syy, mask=valid)
    tl.store(across + 4 * strips + place, sxy, mask=valid)


@triton.jit
def compare(
    across, taps, partial, terms, columns, strips, windows, c1, c2, unit, TAPS: tl.constexpr, BLOCK: tl.constexpr
):
    """The windows' terms of the loss, and their derivatives with respect to the means of x, x x and x y.

    partial: (3, windows).
    """
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = place < windows
    mx = tl.zeros([BLOCK], tl.float32)
    my, mxx, myy, mxy = mx, mx, mx, mx
    for n in tl.static_range(TAPS):
        tap = tl.load(taps + n)
        strip = across + place + n * columns
        mx += tap * tl.load(strip, mask=valid, other=0.0)
        my += tap * tl.load(strip + strips, mask=valid, other=0.0)
        mxx += tap * tl.load(strip + 2 * strips, mask=valid, other=0.0)
        myy += tap * tl.load(strip + 3 * strips, mask=valid, other=0.0)
        mxy += tap * tl.load(strip + 4 * strips, mask=valid, other=0.0)
    a1, a2 = 2 * mx * my + c1, 2 * (mxy - mx * my) + c2
    b1, b2 = mx * mx + my * my + c1, mxx - mx * mx + myy - my * my + c2
    similarity = a1 * a2 / (b1 * b2)
    slope = 2 * (my * (a2 - a1) / (b1 * b2) - similarity * mx * (1 / b1 - 1 / b2))
    tl.store(partial + place, -unit * slope, mask=valid)
    tl.store(partial + windows + place, unit * similarity / b2, mask=valid)
    tl.store(partial + 2 * windows + place, -2 * unit * a1 / (b1 * b2), mask=valid)
    tl.store(terms + tl.program_id(0), unit * tl.sum(tl.where(valid, 1 - similarity, 0.0), axis=0))


@triton.jit
def spread_columns(partial, taps, along, columns, strips, windows, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    """Derivatives of windows spread along columns; along: (3, strips)."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    s0 = tl.zeros([BLOCK], tl.float32)
    s1, s2 = s0, s0
    for n in tl.static_range(TAPS):
        tap = tl.load(taps + n)
        window = place - n * columns
        valid = (window >= 0) & (window < windows)
        s0 += tap * tl.load(partial + window, mask=valid, other=0.0)
        s1 += tap * tl.load(partial + windows + window, mask=valid, other=0.0)
        s2 += tap * tl.load(partial + 2 * windows + window, mask=valid, other=0.0)
    valid = place < strips
    tl.store(along + place, s0, mask=valid)
    tl.store(along + strips + place, s1, mask=valid)
    tl.store(along + 2 * strips + place, s2, mask=valid)


@triton.jit
def spread_rows(
    x, y, weight, along, taps, gradient, terms, width, columns, pixels, strips, unit,
    SIMILAR: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The pixels' terms of the loss, by their difference, and the gradient of the whole loss in each pixel."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = place < pixels
    share = unit * tl.load(weight + place, mask=valid, other=0.0)
    measured = share > 0
    a, b = tl.load(x + place, mask=measured, other=0.0), tl.load(y + place, mask=measured, other=0.0)
    slope = tl.where(a > b, share, tl.where(a < b, -share, 0.0))
    if SIMILAR:
        row, column = place // width, place % width
        s0 = tl.zeros([BLOCK], tl.float32)
        s1, s2 = s0, s0
        for n in tl.static_range(TAPS):
            tap = tl.load(taps + n)
            inside = measured & (column >= n) & (column - n < columns)
            strip = along + row * columns + column - n
            s0 += tap * tl.load(strip, mask=inside, other=0.0)
            s1 += tap * tl.load(strip + strips, mask=inside, other=0.0)
            s2 += tap * tl.load(strip + 2 * strips, mask=inside, other=0.0)
        slope += s0 + 2 * a * s1 + b * s2
    tl.store(gradient + place, slope, mask=valid)
    tl.store(terms + tl.program_id(0), tl.sum(share * tl.abs(a - b), axis=0))
