"""The state of an optimisation on disk, from which it goes on after a crash."""

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
KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write the state after a step and keep the KEPT newest; the JSON that names the hash comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save(tensors)
    stem = f"{NAME}-{step:06d}"
    write_atomically(folder / f"{stem}.safetensors", data)
    text = json.dumps({"step": step, "sha256": sha256(data), **state})
    write_atomically(folder / f"{stem}.json", text.encode())
    for old in sorted(folder.glob(f"{NAME}-*.json"))[:-KEPT]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def load_checkpoint(folder: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole checkpoint of a folder, None when there is none.

    key: what the state was made from; raises ReconstructionError when the checkpoint was made from something else.
    """
    for path in sorted(folder.glob(f"{NAME}-*.json"), reverse=True):
        try:
            state = json.loads(path.read_text())
            data = path.with_suffix(".safetensors").read_bytes()
            if sha256(data) != state["sha256"]:
                continue
            tensors = load(data)
        except (OSError, ValueError, KeyError, SafetensorError):
            # A checkpoint that was cut off is no reason to lose the one before it.
            continue
        if state.get("key") != key:
            raise ReconstructionError(
                f"{path}: the checkpoint belongs to other X-rays or settings; "
                "resume with the same ones or use a new folder"
            )
        return tensors, state
    return None
