"""The weights of a trained generator on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ..files import write_atomically

FORMAT, VERSION = "ixgs-standardizer", 1


def save_weights(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors in half precision, and what they are about as JSON in the header."""
    halves = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in tensors.items()}
    # One entry: safetensors writes several in any order, and equal weights should be equal files.
    header = {FORMAT: json.dumps({"version": VERSION, **about}, allow_nan=False)}
    write_atomically(path, save(halves, header))
