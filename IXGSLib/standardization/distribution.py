"""The in-distribution score: how close an image is to the images that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .generator import Generator

TENSOR_SHAPES: dict[str, tuple[str | int, ...]] = {
    "mean": ("features",),
    "deviation": ("features",),
    "pictures": ("pictures", "features"),
    "quantiles": (4,),
}
"""Shapes of the tensors of a `DistributionModel`."""
ENCODER_LEVELS = (1, 2)
"""Levels of the encoder whose features are compared: outer levels respond to noise, inner ones to almost nothing."""
NEIGHBOUR_COUNT = 5
"""Nearest training images over which distances are averaged."""
DISTANCE_QUANTILES = (0.5, 0.8, 0.9, 0.95)
"""Quantiles kept of the distances of images of unseen patients."""
LIMIT_QUANTILE = 0.9
"""The one of DISTANCE_QUANTILES at which the score is 1."""


@dataclass(frozen=True, eq=False)
class DistributionModel:
    """Features of training images, against which an image is compared by its nearest neighbours.

    mean, deviation: (features,) for standardising each feature. pictures: (pictures, features) standardised features.
    quantiles: (4,) DISTANCE_QUANTILES of the distances of patients that the model does not contain.
    """

    mean: Tensor
    deviation: Tensor
    pictures: Tensor
    quantiles: Tensor

    def tensors(self) -> dict[str, Tensor]:
        return asdict(self)

    def distance(self, features: Tensor) -> Tensor:
        """(pictures,) mean distance of features (pictures, features) to their neighbours, per root of their number.

        The distance to the k-th neighbour detects outliers (S. Ramaswamy et al., SIGMOD 2000; its mean: F. Angiulli
        and C. Pizzuti, PKDD 2002).
        """
        distances = torch.cdist((features - self.mean) / self.deviation, self.pictures)
        nearest = distances.topk(min(NEIGHBOUR_COUNT, len(self.pictures)), largest=False).values
        return nearest.mean(dim=1) / features.shape[1] ** 0.5

    def score(self, features: Tensor) -> Tensor:
        """(pictures,) scores of features (pictures, features): at least 1 for 90 % of images of unseen patients."""
        return self.quantiles[DISTANCE_QUANTILES.index(LIMIT_QUANTILE)] / self.distance(features).clamp(min=1e-6)

    def calibrated(self, distances: Tensor) -> DistributionModel:
        """The model with the quantiles of these distances."""
        return replace(self, quantiles=torch.quantile(distances, torch.tensor(DISTANCE_QUANTILES)))


def fit(training: Tensor, others: Tensor) -> DistributionModel:
    """The model of training features (pictures, features), calibrated on features of other patients."""
    mean, deviation = training.mean(dim=0), training.std(dim=0).clamp(min=1e-6)
    model = DistributionModel(mean, deviation, (training - mean) / deviation, torch.ones(len(DISTANCE_QUANTILES)))
    return model.calibrated(model.distance(others))


@torch.inference_mode()
def features(generator: Generator, pictures: Tensor) -> Tensor:
    """(pictures, features) float32: mean and spread, inside the field, of each channel of two encoder levels.

    pictures: (pictures, CHANNELS, rows, columns).
    """
    return features_of(generator.encode(pictures), pictures)


@torch.inference_mode()
def features_of(levels: Sequence[Tensor], pictures: Tensor) -> Tensor:
    """The same from what the encoder makes of the pictures at each level."""
    field = (pictures[:, -1:] > 0).float()
    parts = []
    for level in ENCODER_LEVELS:
        values = F.leaky_relu(levels[level].float(), 0.2)
        weight = F.interpolate(field, values.shape[-2:], mode="area") + 1e-6
        weight = weight / weight.sum(dim=(2, 3), keepdim=True)
        mean = (values * weight).sum(dim=(2, 3))
        spread = ((values - mean[..., None, None]).square() * weight).sum(dim=(2, 3)).sqrt()
        parts += [mean, spread]
    return torch.cat(parts, dim=1).cpu()


def all_features(generator: Generator, pictures: Iterable[Tensor]) -> Tensor:
    """`features` of pictures (CHANNELS, rows, columns), computed one at a time."""
    device = next(generator.parameters()).device
    return torch.cat([features(generator, picture[None].to(device)) for picture in pictures])
