"""The state of a training on disk: one safetensors file, replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import FormatError, SettingsError
from ..files import write_atomically

NAME = "checkpoint.safetensors"


def save_checkpoint(folder: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors, and in the file's header the numbers that JSON holds; an earlier checkpoint is replaced."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(folder / NAME, save(plain, {"state": json.dumps(state)}))


def load_checkpoint(folder: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The checkpoint of a folder, None when there is none.

    key: what the training is made from; raises SettingsError for a checkpoint of another, FormatError for a broken one.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            state = json.loads((opened.metadata() or {})["state"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise FormatError(f"{file}: not a checkpoint of a training ({error}); delete it to begin anew") from error
    if state.get("key") != key:
        raise SettingsError(
            f"{file}: belongs to other pairs, held-out patients or settings; give the same or choose another --out"
        )
    return tensors, state
