"""Files of network weights: safetensors with a JSON header, every part of which is checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FormatError
from ..files import sha256, write_atomically
from ..formats.strict_json import parse_json
from .safetensors_layout import CURE, Kind, Layout, check_layout, read_file, read_layout


@dataclass(frozen=True)
class WeightsFormat:
    """The name by which a format is marked in the header, and its version."""

    name: str
    version: int


def write_weights(path: Path, format: WeightsFormat, about: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write tensors, with `about` (JSON) and a hash of all numbers in the header."""
    content = {"version": format.version, **about, "sha256": _digest(tensors)}
    # A single entry, because safetensors writes several in any order and equal weights should be equal files.
    write_atomically(path, save(tensors, {format.name: json.dumps(content, allow_nan=False)}))


def read_weights(
    path: Path, format: WeightsFormat, kinds: Callable[[dict[str, Any], Layout], dict[str, Kind]]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header and the tensors of a file; nothing in it is executed, and every name and number is checked.

    kinds: the type and shape that each tensor has to have, from the header and the layout.
    Raises FormatError for a file that is not of this format and version, TruncatedFile for one that is cut off.
    """
    data = read_file(path)
    layout = read_layout(data, path.name)
    about = _about(layout.metadata, format, path.name)
    check_layout(layout, kinds(about, layout), len(data), path.name)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise FormatError(f"{path.name}: not safetensors ({error}); {CURE}") from error
    if about.get("sha256") != _digest(tensors):
        raise FormatError(f"{path.name}: its numbers have changed since they were written; copy the file again")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise FormatError(f"{path.name}: {name} holds NaN or infinity, expected finite numbers; {CURE}")
    return about, tensors


def stored(tensors: dict[str, Tensor], dtype: torch.dtype, prefix: str) -> dict[str, Tensor]:
    """Tensors as they are written, under names that begin with `prefix` and a dot."""
    return {f"{prefix}.{name}": each.detach().to("cpu", dtype).contiguous() for name, each in tensors.items()}


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under names that begin with `prefix` and a dot, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _about(metadata: Any, format: WeightsFormat, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get(format.name), str):
        raise FormatError(f"{name}: safetensors of something else, expected weights marked {format.name}; {CURE}")
    about = parse_json(metadata[format.name].encode(), name)
    version = about.get("version") if isinstance(about, dict) else None
    if version != format.version:
        raise FormatError(f"{name}: weights of version {version}, expected {format.version}; use those of this version")
    return about


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all numbers in the order of their names."""
    return sha256(b"".join(tensors[name].contiguous().numpy().tobytes() for name in sorted(tensors)))
