"""A trained network, ready to standardise images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FormatError
from .distribution import DistributionModel, features_of
from .fitting import Fit
from .generator import Generator
from .normalization import channels
from .weights import load_weights


@dataclass(frozen=True, eq=False)
class Network:
    """A generator and what is known of its training.

    scale: line integral that the generator's output counts as one. size: pixels along each side of the images it was
    trained on, to which others are resampled. distribution: None when the weights hold no such model. about: the
    header of the weights.
    """

    generator: Generator
    scale: float
    size: int
    distribution: DistributionModel | None
    about: dict[str, Any]

    def apply(self, picture: np.ndarray, field: np.ndarray | None = None) -> np.ndarray:
        """The bone-enhanced line integrals (rows, columns) float32, not negative, on the pixels of the image.

        picture: (rows, columns) in any unit, dense tissue bright: line integrals, or an inverted intensity image (see
        `polarity`). field: (rows, columns) bool, the pixels that were measured; by default all. The result is 0 outside
        the field and depends neither on offset and scale of the image nor on any other image. Its resolution is that of
        the training images.
        Raises FormatError for an image that is not 2D, an empty field, and NaN or infinity inside the field.
        """
        return self.apply_with_score(picture, field)[0]

    def apply_with_score(self, picture: np.ndarray, field: np.ndarray | None = None) -> tuple[np.ndarray, float | None]:
        """What `apply` returns, and the in-distribution score of the image; None for weights without such a model."""
        field = _checked(picture, field)
        fit, values, inside = self._fitted(picture, field)
        pictures = self._input(values, inside)
        with torch.inference_mode():
            levels = self.generator.encode(pictures)
            made = self.generator.decode(levels)[0, 0].float().cpu().numpy() * self.scale
            model = self.distribution
            score = None if model is None else float(model.score(features_of(levels, pictures)))
        return fit.back(made, inside, field), score

    def distribution_score(self, picture: np.ndarray, field: np.ndarray | None = None) -> float:
        """The in-distribution score of an image: how close it is to the training images; arguments as for `apply`.

        It is at least 1 for 90 % of the images of patients that the network has not seen, and far below 1 for what is
        no such X-ray. Raises FormatError as `apply` does, and for weights without a distribution model.
        """
        score = self.apply_with_score(picture, field)[1]
        if score is None:
            raise FormatError(
                "the weights hold no distribution model, expected one; let its training end, or train it again"
            )
        return score

    def _fitted(self, picture: np.ndarray, field: np.ndarray) -> tuple[Fit, np.ndarray, np.ndarray]:
        fit = Fit(picture.shape[0], picture.shape[1], self.size)
        return fit, *fit.square(picture, field)

    def _input(self, picture: np.ndarray, field: np.ndarray) -> torch.Tensor:
        device = next(self.generator.parameters()).device
        return torch.from_numpy(channels(picture, field)[None]).to(device)


def load_network(path: Path, device: str = "cpu") -> Network:
    """The network of a weights file, on a device; raises what `load_weights` raises."""
    weights = load_weights(path)
    generator = Generator(weights.settings)
    generator.load_state_dict(weights.generator)
    # Channels last in memory save a quarter of the time; torch's types do not know the argument.
    generator.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    distribution = DistributionModel(**weights.distribution) if weights.distribution else None
    return Network(generator, weights.settings.scale, weights.size, distribution, weights.about)


def _checked(picture: np.ndarray, field: np.ndarray | None) -> np.ndarray:
    """The field; raises FormatError for an image that cannot be standardised."""
    if picture.ndim != 2 or picture.size == 0:
        raise FormatError(f"an image of shape {picture.shape}, expected (rows, columns); give one X-ray at a time")
    field = np.ones(picture.shape, bool) if field is None else np.asarray(field, dtype=bool)
    if field.shape != picture.shape:
        raise FormatError(f"a field of {field.shape} pixels for an image of {picture.shape}, expected the same")
    if not field.any():
        raise FormatError("the field is empty, expected measured pixels; check the mask of the X-ray")
    if not np.isfinite(picture[field]).all():
        raise FormatError("NaN or infinity inside the field of an image, expected numbers; mask those pixels")
    return field
