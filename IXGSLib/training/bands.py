"""Differences between images in frequency bands."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

VARIANCES = (0.0009, 0.0022, 0.0075, 0.019, 0.39)
"""Mean variance of each band in images of bone of 256 x 256 pixels, in squared line integrals."""
WEIGHTS = (1.0, 1.0, 1.0, 0.7, 0.5)
"""Weight of each band. A volume averages over views, which leaves the errors of fine bands more than of coarse ones."""


MIN_LOST, SHELL_PIXELS = 0.02, 3
"""Line integral of lost bone from which a pixel shows a lesion, and width of the shell of pixels around lesions."""


def bands(images: Tensor) -> list[Tensor]:
    """The Laplacian pyramid of images (batch, 1, h, w), finest first: octaves from one pixel, and what remains.

    It is that of Burt and Adelson (IEEE Trans. Commun. 1983) with means of 2 x 2 pixels; sides are multiples of 16.
    """
    found, rest = [], images
    for _ in range(len(VARIANCES) - 1):
        coarse = F.avg_pool2d(rest, 2)
        found.append(rest - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False))
        rest = coarse
    return [*found, rest]


def band_loss(made: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """The weighted sum over the bands of squared differences of line integrals (batch, 1, h, w), a scalar.

    weights: (batch, 1, h, w) of the pixels; a coarser pixel has the largest of those in it. One each by default.

    Each is divided by the variance of the band, half that of the image and half the usual one, so that images of light
    and of dense bone count alike. Squares and not absolute differences, because a volume averages what it gets from
    many views: the mean of what an X-ray may show is wanted, and not its median.
    """
    weights = torch.ones_like(targets) if weights is None else weights
    total = made.new_zeros(())
    for weight, usual, one, other in zip(WEIGHTS, VARIANCES, bands(made), bands(targets), strict=True):
        variance = (usual + other.square().mean(dim=(1, 2, 3), keepdim=True)) / 2
        here = F.adaptive_max_pool2d(weights, one.shape[-2:])
        total = total + weight * (here * (one - other).square() / variance).mean()
    return total


def lesion_weights(lost: Tensor, weight: float) -> Tensor:
    """The weight of each pixel (batch, 1, h, w): `weight` in and around lesions, one elsewhere.

    lost: line integrals of the bone that lesions have replaced.
    """
    shown = F.max_pool2d((lost > MIN_LOST).float(), 2 * SHELL_PIXELS + 1, stride=1, padding=SHELL_PIXELS)
    return 1 + (weight - 1) * shown
