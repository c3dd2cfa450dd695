"""How much a picture is like those that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .generator import Generator

LIKENESS: dict[str, tuple[str | int, ...]] = {
    "mean": ("features",),
    "deviation": ("features",),
    "pictures": ("pictures", "features"),
    "quantiles": (4,),
}
"""Shapes of the tensors of `LikenessModel`."""
LEVELS = (1, 2)
"""Levels of the encoder that are looked at: outer ones tell noise apart, inner ones hardly tell anything."""
NEIGHBOURS = 5
"""Most alike pictures of the training whose mean distance counts."""
QUANTILES = (0.5, 0.8, 0.9, 0.95)
"""Of the distances of pictures of other patients that are kept; LIMIT is one of them."""
LIMIT = 0.9


@dataclass(frozen=True, eq=False)
class LikenessModel:
    """The features of training pictures, among which the nearest neighbours of a picture are sought.

    mean, deviation: (features,) of each feature. pictures: (pictures, features) so scaled.
    quantiles: (4,) QUANTILES of the distances of pictures of patients that the model is not made from.
    """

    mean: Tensor
    deviation: Tensor
    pictures: Tensor
    quantiles: Tensor

    def tensors(self) -> dict[str, Tensor]:
        return asdict(self)

    def distance(self, features: Tensor) -> Tensor:
        """(pictures,) mean distances of features (pictures, features) from their neighbours, per root of their number.

        The distance to the k-th neighbour tells novelty (S. Ramaswamy et al., SIGMOD 2000; the mean: F. Angiulli and
        C. Pizzuti, PKDD 2002).
        """
        apart = torch.cdist((features - self.mean) / self.deviation, self.pictures)
        nearest = apart.topk(min(NEIGHBOURS, len(self.pictures)), largest=False).values
        return nearest.mean(dim=1) / features.shape[1] ** 0.5

    def likeness(self, features: Tensor) -> Tensor:
        """(pictures,) at least 1 for the LIMIT part of pictures of other patients; the less, the less alike."""
        return self.quantiles[QUANTILES.index(LIMIT)] / self.distance(features).clamp(min=1e-6)

    def calibrated(self, distances: Tensor) -> LikenessModel:
        """The model with the quantiles of these distances."""
        return replace(self, quantiles=torch.quantile(distances, torch.tensor(QUANTILES)))


def fit(training: Tensor, others: Tensor) -> LikenessModel:
    """The model of features (pictures, features) of training pictures, its quantiles from those of other patients."""
    mean, deviation = training.mean(dim=0), training.std(dim=0).clamp(min=1e-6)
    model = LikenessModel(mean, deviation, (training - mean) / deviation, torch.ones(len(QUANTILES)))
    return model.calibrated(model.distance(others))


@torch.inference_mode()
def features(generator: Generator, pictures: Tensor) -> Tensor:
    """(pictures, features) float32: mean and spread of each channel of two levels of the encoder inside the field.

    pictures: (pictures, CHANNELS, rows, columns).
    """
    field = (pictures[:, -1:] > 0).float()
    parts = []
    levels = generator.encode(pictures)
    for level in LEVELS:
        values = F.leaky_relu(levels[level].float(), 0.2)
        weight = F.interpolate(field, values.shape[-2:], mode="area") + 1e-6
        weight = weight / weight.sum(dim=(2, 3), keepdim=True)
        mean = (values * weight).sum(dim=(2, 3))
        spread = ((values - mean[..., None, None]).square() * weight).sum(dim=(2, 3)).sqrt()
        parts += [mean, spread]
    return torch.cat(parts, dim=1).cpu()


def all_features(generator: Generator, pictures: Iterable[Tensor]) -> Tensor:
    """`features` of pictures (CHANNELS, rows, columns), one at a time."""
    device = next(generator.parameters()).device
    return torch.cat([features(generator, picture[None].to(device)) for picture in pictures])
