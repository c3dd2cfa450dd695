"""What counts as like the training, measured on pairs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..standardization.distribution import LikenessModel, all_features, fit
from ..standardization.generator import Generator
from .augmentation import sample
from .pairs import PairFolder
from .validation import spread

PICTURES = 1024
"""Of which likeness is made, at most, and as many at most by which it is measured."""


def likeness_model(generator: Generator, training: PairFolder, held_out: PairFolder) -> LikenessModel:
    """The likeness model of training pictures, its quantiles from held-out patients.

    Without held-out patients the quantiles are those of each patient under the model of the others; of one patient
    alone, those of every second picture under the model of the rest.
    """
    names = spread(training.names, PICTURES)
    values = all_features(generator, _pictures(training, names))
    if held_out.names:
        return fit(values, all_features(generator, _pictures(held_out, spread(held_out.names, PICTURES))))
    groups = [name.rpartition("_")[0] for name in names]
    if len(set(groups)) == 1:
        groups = [str(place % 2) for place in range(len(names))]
    distances = []
    for group in sorted(set(groups)):
        inside = torch.tensor([each == group for each in groups])
        distances.append(fit(values[~inside], values[inside]).distance(values[inside]))
    return fit(values, values).calibrated(torch.cat(distances))


def _pictures(folder: PairFolder, names: Iterable[str]) -> Iterable[Tensor]:
    for name in names:
        yield torch.from_numpy(sample(folder.load(name))[0])
