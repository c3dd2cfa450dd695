"""The difference between a render and an X-ray.

SSIM after Wang et al., IEEE TIP 2004: a Gaussian window of 11 x 11 pixels, sigma 1.5, k1 = .01, k2 = .03, averaged over
all windows inside the image.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compute.lanes import kernel
from ..compute.placement import tensor_like
from ..compute.threads import CHUNKS, run
from ..errors import GeometryError
from ..rendering import devices
from .kernel_constants import SSIM_WINDOW, SSIM_WINDOW_SIZE


def image_loss(render: Tensor, image: Tensor, weight: Tensor, scale: float, ssim_weight: float) -> Tensor:
    """Mean weight |render - image| / scale plus ssim_weight (1 - SSIM) of two images (height, width), a scalar.

    weight: (height, width), >= 0; pixels of weight 0 count as equal. scale: the range of line integrals.
    Differentiable with respect to the render. SSIM is left out if the image is smaller than its window.
    Raises GeometryError when shapes disagree.
    """
    if not render.shape == image.shape == weight.shape:
        shapes = ", ".join(str(tuple(t.shape)) for t in (render, image, weight))
        raise GeometryError(f"render, image and weight have shapes {shapes}, expected one shape (height, width)")
    kernels = devices.kernels_for(render)
    if kernels == "cuda":
        from .cuda.image_loss import ImageLoss

        return ImageLoss.apply(render, image, weight, scale, ssim_weight)
    if kernels == "cpu":
        return _ImageLoss.apply(render, image, weight, scale, ssim_weight)
    return image_loss_reference(render, image, weight, scale, ssim_weight)


def image_loss_reference(render: Tensor, image: Tensor, weight: Tensor, scale: float, ssim_weight: float) -> Tensor:
    """`image_loss` in plain torch, for any device and precision."""
    render = torch.where(weight > 0, render, image)
    absolute = (weight * (render - image).abs()).mean() / scale
    if ssim_weight == 0 or min(render.shape) < SSIM_WINDOW_SIZE:
        return absolute
    window = tensor_like(SSIM_WINDOW, render)
    maps = torch.stack([render, image, render * render, image * image, render * image])[:, None]
    maps = torch.nn.functional.conv2d(maps, window.reshape(1, 1, 1, -1))
    mx, my, mxx, myy, mxy = torch.nn.functional.conv2d(maps, window.reshape(1, 1, -1, 1))[:, 0]
    c1, c2 = (0.01 * scale) ** 2, (0.03 * scale) ** 2
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    structure = (2 * (mxy - mx * my) + c2) / (mxx - mx * mx + myy - my * my + c2)
    return absolute + ssim_weight * (1 - (luminance * structure).mean())


class _ImageLoss(torch.autograd.Function):
    """`image_loss_reference` with its gradient, compiled for the CPU."""

    @staticmethod
    def forward(ctx: Any, render, image, weight, scale: float, ssim_weight: float) -> Tensor:
        x, y, w = (np.ascontiguousarray(t.detach().numpy()) for t in (render, image, weight))
        height, width = x.shape
        sums, gradient = np.zeros((CHUNKS, 2)), np.empty_like(x)
        run(_absolute, height, x, y, w, np.float32(1 / (scale * x.size)), gradient, sums)
        loss = sums[:, 0].sum() / (scale * x.size)
        if ssim_weight and min(height, width) >= SSIM_WINDOW_SIZE:
            rows, columns = height - SSIM_WINDOW_SIZE + 1, width - SSIM_WINDOW_SIZE + 1
            across = np.zeros((5, height, columns), np.float32)
            partial = np.empty((3, rows, columns), np.float32)
            along = np.zeros((3, height, columns), np.float32)
            run(_filter_rows, height, x, y, w, SSIM_WINDOW, across)
            run(_similarity, rows, across, SSIM_WINDOW, np.float32(scale), partial, sums)
            run(_spread_columns, height, partial, SSIM_WINDOW, along)
            run(
                _spread_rows, height, along, x, y, w, SSIM_WINDOW, np.float32(-ssim_weight / (rows * columns)), gradient
            )
            loss += ssim_weight * (1 - sums[:, 1].sum() / (rows * columns))
        ctx.gradient = torch.from_numpy(gradient)
        return torch.tensor(loss, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return ctx.gradient * upstream[0], None, None, None, None


@kernel
def _absolute(chunk, start, stop, x, y, weight, unit, gradient, sums):
    total = 0.0
    for r in range(start, stop):
        for c in range(x.shape[1]):
            w = weight[r, c]
            # A product would propagate NaN from pixels that were not measured.
            difference = x[r, c] - y[r, c] if w > 0 else np.float32(0)
            total += w * abs(difference)
            gradient[r, c] = math.copysign(unit * w, difference) if difference != 0 else np.float32(0)
    sums[chunk, 0] = total


@kernel
def _filter_rows(chunk, start, stop, x, y, weight, window, out):
    columns = out.shape[2]
    for r in range(start, stop):
        for n in range(window.size):
            w = window[n]
            for c in range(columns):
                b = y[r, c + n]
                a = x[r, c + n] if weight[r, c + n] > 0 else b
                out[0, r, c] += w * a
                out[1, r, c] += w * b
                out[2, r, c] += w * a * a
                out[3, r, c] += w * b * b
                out[4, r, c] += w * a * b


@kernel
def _similarity(chunk, start, stop, across, window, scale, partial, sums):
    """SSIM of each window and its derivatives with respect to the window's means of x, x^2 and x y."""
    c1, c2 = (np.float32(0.01) * scale) ** 2, (np.float32(0.03) * scale) ** 2
    two = np.float32(2)
    total = 0.0
    columns = across.shape[2]
    means = np.empty((5, columns), np.float32)
    for r in range(start, stop):
        means[:] = 0
        for k in range(5):
            for n in range(window.size):
                w = window[n]
                for c in range(columns):
                    means[k, c] += w * across[k, r + n, c]
        for c in range(columns):
            mx, my, mxx, myy, mxy = means[0, c], means[1, c], means[2, c], means[3, c], means[4, c]
            a1, a2 = two * mx * my + c1, two * (mxy - mx * my) + c2
            b1, b2 = mx * mx + my * my + c1, mxx - mx * mx + myy - my * my + c2
            similarity = a1 * a2 / (b1 * b2)
            total += similarity
            partial[0, r, c] = two * (
                my * (a2 - a1) / (b1 * b2) - similarity * mx * (np.float32(1) / b1 - np.float32(1) / b2)
            )
            partial[1, r, c] = -similarity / b2
            partial[2, r, c] = two * a1 / (b1 * b2)
    sums[chunk, 1] = total


@kernel
def _spread_columns(chunk, start, stop, partial, window, out):
    rows, columns = partial.shape[1], partial.shape[2]
    for k in range(3):
        for r in range(start, stop):
            for n in range(max(0, r - rows + 1), min(window.size, r + 1)):
                w = window[n]
                for c in range(columns):
                    out[k, r, c] += w * partial[k, r - n, c]


@kernel
def _spread_rows(chunk, start, stop, along, x, y, weight, window, unit, gradient):
    columns = along.shape[2]
    two = np.float32(2)
    spread = np.empty((3, x.shape[1]), np.float32)
    for r in range(start, stop):
        spread[:] = 0
        for k in range(3):
            for n in range(window.size):
                w = window[n]
                for c in range(columns):
                    spread[k, c + n] += w * along[k, r, c]
        for c in range(x.shape[1]):
            if weight[r, c] > 0:
                gradient[r, c] += unit * (spread[0, c] + two * x[r, c] * spread[1, c] + y[r, c] * spread[2, c])
