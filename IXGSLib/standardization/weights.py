"""The weights of a trained network on disk: safetensors, every part of which is checked before it is used."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError, SettingsError
from .distribution import TENSOR_SHAPES
from .generator import Generator
from .generator_settings import GeneratorSettings
from .safetensors_layout import CURE, Kind, Layout
from .weights_file import WeightsFormat, part, read_weights, stored, write_weights

FORMAT = WeightsFormat("ixgs-standardizer", 2)
MAX_IMAGE_SIZE_PX = 4096
DISTRIBUTION = "distribution"
"""Prefix of the distribution model's tensors."""
RECORDED_SETTINGS = frozenset(
    {
        "discriminator_width",
        "steps",
        "batch",
        "rate",
        "constant_part",
        "averaging",
        "patience",
        "seed",
        "band_weight",
        "adversarial_weight",
        "lesion_weight",
        "rotation",
        "zoom",
        "shift",
        "thickness",
        "gamma",
        "noise",
        "negatives",
        "unknown_fields",
        "saturated",
        "precision",
        "workers",
        "log_every",
        "checkpoint_every",
        "validation_pairs",
        "tensorboard",
    }
)
"""Settings of a training that a header records beside the generator's; nothing is computed with them."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The content of a weights file.

    about: the header: what the network was trained on and its scores, as in training.json. size: pixels along each side
    of the training images. generator: its tensors, float32. distribution: the tensors of `DistributionModel`, None for
    weights without it.
    """

    about: dict[str, Any]
    settings: GeneratorSettings
    size: int
    generator: dict[str, Tensor]
    distribution: dict[str, Tensor] | None


def save_weights(
    path: Path, about: dict[str, Any], generator: dict[str, Tensor], distribution: dict[str, Tensor] | None = None
) -> None:
    """Write the generator in half precision, with `about` and a hash of all numbers in the header.

    about: JSON, with the keys that `load_weights` needs: settings and size.
    """
    tensors = stored(generator, torch.float16, "generator")
    write_weights(path, FORMAT, about, tensors | stored(distribution or {}, torch.float32, DISTRIBUTION))


def load_weights(path: Path) -> Weights:
    """The weights of a file; nothing in it is executed, and every name and number is checked.

    Raises FormatError for a file that is not of this format and version, TruncatedFile for one that is cut off.
    """

    def kinds(about: dict[str, Any], layout: Layout) -> dict[str, Kind]:
        settings, _ = _settings(about, path.name)
        return {**_generator_kinds(settings), **_distribution_kinds(layout, path.name)}

    about, tensors = read_weights(path, FORMAT, kinds)
    settings, size = _settings(about, path.name)
    distribution = part(tensors, DISTRIBUTION) or None
    return Weights(about, settings, size, {n: t.float() for n, t in part(tensors, "generator").items()}, distribution)


def _settings(about: dict[str, Any], name: str) -> tuple[GeneratorSettings, int]:
    """The generator's settings and the size of the training images."""
    try:
        stated, size = dict(about["settings"]), about["size"]
        unknown = stated.keys() - RECORDED_SETTINGS - {each.name for each in fields(GeneratorSettings)}
        if unknown:
            raise SettingsError(f"unknown settings {', '.join(sorted(unknown))}")
        settings = GeneratorSettings.part_of(stated)
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise FormatError(
            f"{name}: the settings in its header are not those of a training ({error}); {CURE}"
        ) from error
    if type(size) is not int or not 0 < size <= MAX_IMAGE_SIZE_PX or size % settings.multiple:
        raise FormatError(f"{name}: made for images of {size} pixels, expected a multiple of {settings.multiple}")
    return settings, size


def _generator_kinds(settings: GeneratorSettings) -> dict[str, Kind]:
    """Type and shape of each tensor of a generator with these settings."""
    with torch.device("meta"):
        tensors = Generator(settings).state_dict()
    return {f"generator.{name}": ("F16", list(tensor.shape)) for name, tensor in tensors.items()}


def _distribution_kinds(layout: Layout, name: str) -> dict[str, Kind]:
    """Type and shape of each tensor of a distribution model with as many features as the one found; {} for none."""
    if not any(key.startswith(f"{DISTRIBUTION}.") for key in layout.entries):
        return {}
    found = layout.entries.get(f"{DISTRIBUTION}.pictures")
    pictures = found.kind[1] if found else []
    if len(pictures) != 2:
        raise FormatError(f"{name}: {DISTRIBUTION}.pictures is {pictures}, expected (pictures, features); {CURE}")
    count = {"pictures": pictures[0], "features": pictures[1]}
    return {
        f"{DISTRIBUTION}.{key}": ("F32", [count[each] if isinstance(each, str) else each for each in shape])
        for key, shape in TENSOR_SHAPES.items()
    }
