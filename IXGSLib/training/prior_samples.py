"""The samples on which the bone network is trained: random patches of series, varied at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..prior.channels import ATTENUATION_UNIT, FROM_STANDARDIZED, PARTS, TOTAL, mirrored
from .prior_losses import MIN_LESION_SHARE
from .prior_settings import PriorTrainingSettings
from .series_format import SeriesFolder

STANDARDIZED_SPREAD, TOTAL_SPREADS = 0.15, (0.1, 0.1, 0.4)
"""Standard deviations of the logarithms of factors for the standardised views, and, drawn from three, for the X-rays:
how dense bone is shows in neither, and the open field of real X-rays is often not known."""
LESION_PATCHES = 0.8
"""Fraction of the patches of a series with lesions that show one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A patch of a series, float32.

    channels: (CHANNELS, nk, nj, ni) of `prior.channels`. bone: [k, j, i] of each part of the voxels, in units of the
    network. lesions: the fraction of each part that lies in a lesion.
    """

    channels: np.ndarray
    bone: np.ndarray
    lesions: np.ndarray


def samples(series: SeriesFolder, settings: PriorTrainingSettings, first: int) -> Iterator[Sample]:
    """The sample of each step from `first` on, which depends on the seed and the step only.

    Each patient is equally likely, whatever the number of its series.
    """
    for step in range(first, settings.steps):
        yield _sample(series, settings, np.random.default_rng([settings.seed, 3, step]))


def _sample(folder: SeriesFolder, settings: PriorTrainingSettings, generator: np.random.Generator) -> Sample:
    patients = folder.patients
    names = folder.of(patients[int(generator.integers(len(patients)))])
    series = folder.load(names[int(generator.integers(len(names)))])
    whole = series.channels[int(generator.integers(len(series.channels)))]
    k, j, i = _patch(series.lesions, settings.patch, generator)
    parts = tuple(slice(PARTS * each.start, PARTS * each.stop) for each in (k, j, i))
    stored = whole[:, k, j, i], series.bone[parts], series.lesions[parts]
    channels, bone, lesions = (part.astype(np.float32) for part in stored)
    bone /= ATTENUATION_UNIT
    channels[list(FROM_STANDARDIZED)] *= np.exp(generator.normal(0, STANDARDIZED_SPREAD))
    channels[TOTAL] *= np.exp(generator.normal(0, generator.choice(TOTAL_SPREADS)))
    if generator.random() < settings.unknown_units:
        channels[TOTAL] = 0
    if generator.random() < 0.5:
        channels, bone, lesions = mirrored(channels), bone[:, :, ::-1], lesions[:, :, ::-1]
    return Sample(channels, bone, lesions)


def _patch(lesions: np.ndarray, side: int, generator: np.random.Generator) -> tuple[slice, ...]:
    """The voxels [k, j, i] of a random patch, mostly of one that shows a lesion where there is any."""
    counts = [count // PARTS for count in lesions.shape]
    places = np.argwhere(lesions > MIN_LESION_SHARE) // PARTS
    if not len(places) or generator.random() > LESION_PATCHES:
        starts = [int(generator.integers(count - side + 1)) for count in counts]
    else:
        place = places[int(generator.integers(len(places)))] - generator.integers(side, size=3)
        starts = [int(start) for start in np.clip(place, 0, np.subtract(counts, side))]
    return tuple(slice(start, start + side) for start in starts)
