"""The weights of a trained network on disk: safetensors, every part of which is checked before it is used."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FormatError, SettingsError
from ..files import sha256, write_atomically
from ..formats.strict_json import parse_json
from .distribution import TENSOR_SHAPES
from .generator import Generator
from .generator_settings import GeneratorSettings
from .safetensors_layout import CURE, Kind, Layout, check_layout, read_file, read_layout

FORMAT, VERSION = "ixgs-standardizer", 1
MAX_IMAGE_SIZE_PX = 4096
DISTRIBUTION, EARLIER_DISTRIBUTION = "distribution", "likeness"
"""Prefix of the distribution model's tensors, and the prefix that earlier files have."""
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
        "l1_weight",
        "adversarial_weight",
        "rotation",
        "zoom",
        "shift",
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
    tensors = {f"generator.{name}": _stored(tensor, torch.float16) for name, tensor in generator.items()}
    tensors |= {f"{DISTRIBUTION}.{key}": _stored(tensor, torch.float32) for key, tensor in (distribution or {}).items()}
    content = {"version": VERSION, **about, "sha256": _digest(tensors)}
    # A single entry, because safetensors writes several in any order and equal weights should be equal files.
    write_atomically(path, save(tensors, {FORMAT: json.dumps(content, allow_nan=False)}))


def load_weights(path: Path) -> Weights:
    """The weights of a file; nothing in it is executed, and every name and number is checked.

    Raises FormatError for a file that is not of this format and version, TruncatedFile for one that is cut off.
    """
    data = read_file(path)
    layout = read_layout(data, path.name)
    about = _about(layout.metadata, path.name)
    settings, size = _settings(about, path.name)
    check_layout(layout, {**_generator_kinds(settings), **_distribution_kinds(layout, path.name)}, len(data), path.name)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise FormatError(f"{path.name}: not safetensors ({error}); {CURE}") from error
    if about.get("sha256") != _digest(tensors):
        raise FormatError(f"{path.name}: its numbers have changed since they were written; copy the file again")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise FormatError(f"{path.name}: {name} holds NaN or infinity, expected finite numbers; {CURE}")
    distribution = _part(tensors, _distribution_prefix(layout)) or None
    return Weights(about, settings, size, {n: t.float() for n, t in _part(tensors, "generator").items()}, distribution)


def _about(metadata: Any, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get(FORMAT), str):
        raise FormatError(f"{name}: safetensors of something else, expected weights marked {FORMAT}; {CURE}")
    about = parse_json(metadata[FORMAT].encode(), name)
    version = about.get("version") if isinstance(about, dict) else None
    if version != VERSION:
        raise FormatError(f"{name}: weights of version {version}, expected {VERSION}; use those of this version")
    return about


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
        tensors = Generator(settings, initialized=False).state_dict()
    return {f"generator.{name}": ("F16", list(tensor.shape)) for name, tensor in tensors.items()}


def _distribution_kinds(layout: Layout, name: str) -> dict[str, Kind]:
    """Type and shape of each tensor of a distribution model with as many features as the one found; {} for none."""
    prefix = _distribution_prefix(layout)
    if not any(key.startswith(f"{prefix}.") for key in layout.entries):
        return {}
    found = layout.entries.get(f"{prefix}.pictures")
    pictures = found.kind[1] if found else []
    if len(pictures) != 2:
        raise FormatError(f"{name}: {prefix}.pictures is {pictures}, expected (pictures, features); {CURE}")
    count = {"pictures": pictures[0], "features": pictures[1]}
    return {
        f"{prefix}.{key}": ("F32", [count[each] if isinstance(each, str) else each for each in shape])
        for key, shape in TENSOR_SHAPES.items()
    }


def _distribution_prefix(layout: Layout) -> str:
    earlier = any(key.startswith(f"{EARLIER_DISTRIBUTION}.") for key in layout.entries)
    return EARLIER_DISTRIBUTION if earlier else DISTRIBUTION


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to("cpu", dtype).contiguous()


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}.")}


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all numbers in the order of their names."""
    return sha256(b"".join(tensors[name].contiguous().numpy().tobytes() for name in sorted(tensors)))
