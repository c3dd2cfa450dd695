"""The state of an optimisation on disk, from which it continues after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import ReconstructionError
from ..files import sha256, write_atomically

NAME = "checkpoint"
KEPT_CHECKPOINTS = 2


def save_checkpoint(folder: Path, step: int, key: str, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Write the state after a step and keep the newest ones; the JSON with the hash is written last.

    key: identifies the inputs of the optimisation; `load_checkpoint` compares it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save(tensors)
    stem = f"{NAME}-{step:06d}"
    write_atomically(folder / f"{stem}.safetensors", data)
    text = json.dumps({**numbers, "step": step, "key": key, "sha256": sha256(data)})
    write_atomically(folder / f"{stem}.json", text.encode())
    for old in sorted(folder.glob(f"{NAME}-*.json"))[:-KEPT_CHECKPOINTS]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def load_checkpoint(folder: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and numbers of the newest complete checkpoint of a folder, None when there is none.

    Raises ReconstructionError for a checkpoint with another key.
    """
    for path in sorted(folder.glob(f"{NAME}-*.json"), reverse=True):
        try:
            numbers = dict(json.loads(path.read_bytes()))
            data = path.with_suffix(".safetensors").read_bytes()
            if sha256(data) != numbers["sha256"]:
                continue
            tensors = load(data)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
            # An incomplete checkpoint must not invalidate the one before it.
            continue
        if numbers.get("key") != key:
            raise ReconstructionError(
                f"{path}: the checkpoint belongs to other X-rays or settings; resume with the same ones or use a new "
                "folder"
            )
        return tensors, numbers
    return None
