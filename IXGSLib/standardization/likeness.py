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
    "axes": ("axes", "features"),
    "variances": ("axes",),
    "rest": (1,),
    "quantiles": (4,),
}
"""Shapes of the tensors of `LikenessModel`."""
AXES = 32
"""Directions in which the spread of features is kept, at most."""
QUANTILES = (0.5, 0.9, 0.95, 0.99)
"""Of the distances of pictures of other patients that are kept; LIMIT is one of them."""
LIMIT = 0.95


@dataclass(frozen=True, eq=False)
class LikenessModel:
    """Where the features of training pictures lie, as a Gaussian that is round beyond its main axes.

    mean, deviation: (features,) of each feature. axes: (axes, features) orthonormal, of the features so scaled;
    variances: (axes,) along them; rest: (1,) in every other direction (Tipping and Bishop, 1999).
    quantiles: (4,) QUANTILES of the distances of pictures of patients that the model is not made from.
    """

    mean: Tensor
    deviation: Tensor
    axes: Tensor
    variances: Tensor
    rest: Tensor
    quantiles: Tensor

    def tensors(self) -> dict[str, Tensor]:
        return asdict(self)

    def distance(self, features: Tensor) -> Tensor:
        """(pictures,) Mahalanobis distances of features (pictures, features), per root of their number."""
        scaled = (features - self.mean) / self.deviation
        along = scaled @ self.axes.T
        beyond = (scaled.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0) / self.rest
        return (((along.square() / self.variances).sum(dim=1) + beyond) / features.shape[1]).sqrt()

    def likeness(self, features: Tensor) -> Tensor:
        """(pictures,) at least 1 for the LIMIT part of pictures of other patients; the less, the less alike."""
        return self.quantiles[QUANTILES.index(LIMIT)] / self.distance(features).clamp(min=1e-6)

    def calibrated(self, distances: Tensor) -> LikenessModel:
        """The model with the quantiles of these distances."""
        return replace(self, quantiles=torch.quantile(distances, torch.tensor(QUANTILES)))


def fit(training: Tensor, others: Tensor) -> LikenessModel:
    """The model of features (pictures, features) of training pictures, its quantiles from those of other patients."""
    mean, deviation = training.mean(dim=0), training.std(dim=0).clamp(min=1e-6)
    scaled = (training - mean) / deviation
    _, singular, axes = torch.linalg.svd(scaled.double(), full_matrices=False)
    variances = singular.square() / max(len(training) - 1, 1)
    kept = min(AXES, len(variances) // 2)
    rest = (scaled.shape[1] - variances[:kept].sum()) / max(scaled.shape[1] - kept, 1)
    model = LikenessModel(
        mean,
        deviation,
        axes[:kept].float(),
        variances[:kept].float().clamp(min=1e-3),
        rest.float().clamp(min=1e-3)[None],
        torch.ones(len(QUANTILES)),
    )
    return model.calibrated(model.distance(others))


@torch.inference_mode()
def features(generator: Generator, pictures: Tensor) -> Tensor:
    """(pictures, features) float32: mean and spread of each channel of the encoder inside the field.

    pictures: (pictures, CHANNELS, rows, columns).
    """
    field = (pictures[:, -1:] > 0).float()
    parts = []
    for values in generator.encode(pictures)[:-1]:
        values = F.leaky_relu(values.float(), 0.2)
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
