"""Checkpoints of a training: one safetensors file, replaced atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import FormatError, SettingsError
from ..files import write_atomically

CHECKPOINT_NAME = "checkpoint.safetensors"


def save_checkpoint(folder: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors, and a JSON state in the file's header; an earlier checkpoint is replaced."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(folder / CHECKPOINT_NAME, save(plain, {"state": json.dumps(state)}))


def load_checkpoint(folder: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and the state of a folder's checkpoint, None when there is none.

    key: of the training. Raises SettingsError for a checkpoint of another training, FormatError for a damaged one.
    """
    file = folder / CHECKPOINT_NAME
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            state = json.loads((opened.metadata() or {})["state"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise FormatError(f"{file}: not a checkpoint of a training ({error}); delete it to start again") from error
    if state.get("key") != key:
        raise SettingsError(
            f"{file}: belongs to other pairs, held-out patients or settings; give the same or choose another --out"
        )
    return tensors, state
