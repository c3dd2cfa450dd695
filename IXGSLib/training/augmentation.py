"""Augmentation of pairs: geometric for image and target alike, photometric for the image only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..standardization.normalization import channels
from .pair_format import Pair
from .settings import TrainingSettings

MAX_SATURATED_GREY = 0.004
"""Grey value up to which pixels may count as saturated."""
MIN_FIELD_FRACTION = 0.25
"""Fraction of the field that must remain unsaturated."""
THICKNESS_NODES = (3, 5, 9)
"""Nodes along each side of the lattices from which a smooth change of thickness is interpolated."""


def varied(pair: Pair, settings: TrainingSettings, generator: np.random.Generator) -> Pair:
    """The pair mirrored, rotated, scaled and shifted, its image with other soft tissue, gamma, noise or polarity.

    Patients are mirrored from left to right, never from head to foot. Pixels from beyond the edge of the image lie
    outside the field, and so do the thinnest pixels of some images.
    """
    picture, field, target, lost = _moved(pair, settings, generator)
    if generator.random() < settings.saturated:
        thick = field & (picture > MAX_SATURATED_GREY)
        field = thick if thick.sum() > MIN_FIELD_FRACTION * field.sum() else field
    picture = _thickened(picture, field, settings.thickness, generator)
    picture = picture ** np.exp(generator.uniform(-1, 1) * settings.gamma)
    noise = generator.uniform(0, settings.noise) * generator.standard_normal(picture.shape, np.float32)
    picture = np.clip(picture + noise, 0, 1)
    if generator.random() < settings.negatives:
        picture = 1 - picture
    return Pair(picture.astype(np.float32), field, target, lost)


@dataclass(frozen=True, eq=False)
class Sample:
    """What the network is given and what is expected of it, float32; outside the field the last two are 0.

    picture: (CHANNELS, rows, columns). target: (1, rows, columns) line integrals of bone. lost: (1, rows, columns)
    those of the bone that lesions have replaced.
    """

    picture: np.ndarray
    target: np.ndarray
    lost: np.ndarray


def sample(pair: Pair, shadow: float | None = None) -> Sample:
    """A pair as a sample; shadow: the grey value outside the field when the field is not given to the network."""
    target, lost = (np.where(pair.field, part, 0)[None].astype(np.float32) for part in (pair.target, pair.lost))
    if shadow is None:
        return Sample(channels(pair.picture, pair.field), target, lost)
    return Sample(channels(np.where(pair.field, pair.picture, shadow), np.ones_like(pair.field)), target, lost)


def _moved(
    pair: Pair, settings: TrainingSettings, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    mirrored = -1 if generator.random() < 0.5 else 1
    angle = np.deg2rad(generator.uniform(-1, 1) * settings.rotation)
    zoom = np.exp(generator.uniform(-1, 1) * np.log(settings.zoom))
    shift = generator.uniform(-1, 1, 2) * settings.shift
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    matrix = np.column_stack([rotation @ np.diag([mirrored, 1]), shift])
    parts = pair.picture, pair.field, pair.target, pair.lost
    images = torch.from_numpy(np.stack(parts).astype(np.float32))[None]
    grid = F.affine_grid(torch.from_numpy(matrix[None]).float(), list(images.shape), align_corners=False)
    picture, field, target, lost = F.grid_sample(images, grid, align_corners=False)[0].numpy()
    return np.clip(picture, 0, 1), field > 0.999, target, lost


def _thickened(picture: np.ndarray, field: np.ndarray, most: float, generator: np.random.Generator) -> np.ndarray:
    """The picture plus a smooth field of up to `most` times its spread, brought back to 0 to 1."""
    total = np.zeros(picture.shape, np.float32)
    for nodes in THICKNESS_NODES:
        lattice = torch.from_numpy(generator.standard_normal((1, 1, nodes, nodes), np.float32))
        smooth = F.interpolate(lattice, picture.shape, mode="bicubic", align_corners=True)[0, 0].numpy()
        total += np.float32(generator.uniform()) * smooth
    size = generator.uniform(0, most)
    if not size or not field.any():
        return picture
    total *= np.float32(size * picture[field].std() / max(float(total.std()), 1e-6))
    changed = picture + total
    low, high = changed[field].min(), changed[field].max()
    return np.clip((changed - low) / max(float(high - low), 1e-6), 0, 1)
