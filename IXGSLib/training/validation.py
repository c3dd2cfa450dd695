"""Scores of a network on patients that it was not trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch

from ..evaluation.metrics import ssim
from ..psnr import psnr
from ..standardization.generator import Generator
from .augmentation import sample
from .pair_format import PairFolder


@dataclass(frozen=True)
class Scores:
    """Means over images, inside their fields.

    l1: mean absolute difference of line integrals. psnr: in dB. ssim: at most 1. Both use the range of the target.
    """

    l1: float
    psnr: float
    ssim: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def spread(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """At most `count` of the names, evenly spaced."""
    indices = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return tuple(names[index] for index in indices)


def standardized(generator: Generator, pictures: np.ndarray, scale: float) -> np.ndarray:
    """Line integrals (pictures, rows, columns) float32 of (pictures, CHANNELS, rows, columns), 0 outside the field."""
    device = next(generator.parameters()).device
    with torch.inference_mode():
        made = generator(torch.from_numpy(pictures).to(device)).float().cpu().numpy()[:, 0]
    return made * scale * (pictures[:, -1] > 0)


def validate(generator: Generator, folder: PairFolder, names: tuple[str, ...], scale: float) -> Scores:
    """The scores of a generator, in evaluation mode, on the named pairs of a folder."""
    rows = []
    for name in names:
        pair = folder.load(name)
        given = sample(pair)
        made = standardized(generator, given.picture[None], scale)[0]
        inside, truth = pair.field, given.target[0]
        if inside.any() and np.ptp(truth[inside]) > 0:
            reach = float(np.ptp(truth[inside]))
            error = float(np.abs(made - truth)[inside].mean())
            rows.append((error, psnr(made[inside], truth[inside], data_range=reach), ssim(made, truth, mask=inside)))
    l1, decibels, similarity = np.nanmean(np.array(rows, dtype=float).reshape(-1, 3), axis=0).tolist()
    return Scores(l1, decibels, similarity)
