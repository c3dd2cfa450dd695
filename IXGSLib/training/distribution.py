"""The distribution model of a network, fitted to its pairs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..standardization.distribution import DistributionModel, all_features, fit
from ..standardization.generator import Generator
from .augmentation import sample
from .pair_format import PairFolder, patient_of
from .validation import spread

MAX_PICTURES = 1024
"""Largest number of images that the model is fitted to, and of those that it is calibrated on."""


def distribution_model(generator: Generator, training: PairFolder, held_out: PairFolder) -> DistributionModel:
    """The distribution model of training images, calibrated on held-out patients.

    Without held-out patients it is cross-validated: each patient is scored by the model of the others or, when there
    is only one patient, every second image by the model of the rest.
    """
    names = spread(training.names, MAX_PICTURES)
    values = all_features(generator, _pictures(training, names))
    if held_out.names:
        return fit(values, all_features(generator, _pictures(held_out, spread(held_out.names, MAX_PICTURES))))
    groups = [patient_of(name) for name in names]
    if len(set(groups)) == 1:
        groups = [str(index % 2) for index in range(len(names))]
    distances = []
    for group in sorted(set(groups)):
        inside = torch.tensor([each == group for each in groups])
        distances.append(fit(values[~inside], values[inside]).distance(values[inside]))
    return fit(values, values).calibrated(torch.cat(distances))


def _pictures(folder: PairFolder, names: Iterable[str]) -> Iterable[Tensor]:
    for name in names:
        yield torch.from_numpy(sample(folder.load(name)).picture)
