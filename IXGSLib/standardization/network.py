"""A trained network, ready to standardise pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FormatError
from .distribution import LikenessModel, features
from .fitting import Fit
from .generator import Generator
from .normalization import channels
from .weights import load_weights


@dataclass(frozen=True, eq=False)
class Network:
    """A generator with what it was trained for.

    scale: line integrals that its output counts as one. size: pixels along either side of the pictures it was trained
    on, to which others are brought. likeness_model: None when the weights hold none. about: as the weights tell it.
    """

    generator: Generator
    scale: float
    size: int
    likeness_model: LikenessModel | None
    about: dict[str, Any]

    def apply(self, picture: np.ndarray, field: np.ndarray | None = None) -> np.ndarray:
        """The bone-enhanced line integrals (rows, columns) float32, not negative, on the pixels of the picture.

        picture: (rows, columns) numbers of any unit, in which dense tissue is bright: line integrals, or the negative
        of an intensity image (see `polarity`). field: (rows, columns) bool, the pixels that were measured; all when
        not given. The result is 0 outside it, and depends neither on the picture's offset and scale nor on any other
        picture. Its resolution is that of the training.
        Raises FormatError for a picture of other dimensions, without a field, or with NaN or infinity in the field.
        """
        field = _checked(picture, field)
        fit, values, inside = self._fitted(picture, field)
        with torch.inference_mode():
            made = self.generator(self._input(values, inside))[0, 0].float().cpu().numpy() * self.scale
        return fit.back(made, inside, field)

    def likeness(self, picture: np.ndarray, field: np.ndarray | None = None) -> float:
        """How much a picture is like those of the training, as `apply` takes it.

        At least 1 for 90 % of pictures of patients that the network has not seen; far below for what is no such X-ray.
        Raises FormatError as `apply` does, and for weights without a model of likeness.
        """
        if self.likeness_model is None:
            raise FormatError("the weights hold no likeness model, expected one; train the network again")
        field = _checked(picture, field)
        _, values, inside = self._fitted(picture, field)
        return float(self.likeness_model.likeness(features(self.generator, self._input(values, inside))))

    def _fitted(self, picture: np.ndarray, field: np.ndarray) -> tuple[Fit, np.ndarray, np.ndarray]:
        fit = Fit(picture.shape[0], picture.shape[1], self.size)
        return fit, *fit.square(picture, field)

    def _input(self, picture: np.ndarray, field: np.ndarray) -> torch.Tensor:
        device = next(self.generator.parameters()).device
        return torch.from_numpy(channels(picture, field)[None]).to(device)


def load_network(path: Path, device: str = "cpu") -> Network:
    """The network of a file of weights, on a device; raises what `load_weights` raises."""
    weights = load_weights(path)
    settings = weights.settings
    generator = Generator(settings.width, settings.levels, group=settings.group, initialized=False)
    generator.load_state_dict(weights.generator)
    generator.eval().requires_grad_(False).to(device)
    model = LikenessModel(**weights.likeness) if weights.likeness else None
    return Network(generator, settings.scale, weights.size, model, weights.about)


def _checked(picture: np.ndarray, field: np.ndarray | None) -> np.ndarray:
    """The field; raises FormatError for a picture that cannot be standardised."""
    if picture.ndim != 2 or picture.size == 0:
        raise FormatError(f"a picture of shape {picture.shape}, expected (rows, columns); give one X-ray at a time")
    field = np.ones(picture.shape, bool) if field is None else np.asarray(field, dtype=bool)
    if field.shape != picture.shape:
        raise FormatError(f"a field of {field.shape} pixels for a picture of {picture.shape}, expected the same")
    if not field.any():
        raise FormatError("the field is empty, expected measured pixels; check the mask of the X-ray")
    if not np.isfinite(picture[field]).all():
        raise FormatError("NaN or infinity in the field of a picture, expected numbers; mask those pixels")
    return field
