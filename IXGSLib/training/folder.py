"""The folder of a training, and what is written to it beside checkpoints and logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import IXGSError
from ..files import sha256, write_atomically
from ..version import __version__
from .checkpoint import CHECKPOINT_NAME


@dataclass(frozen=True)
class TrainingFolder:
    """A folder with training.json, checkpoint.safetensors, log.csv, epochs/epoch-NNNN.png and weights.safetensors.

    about: everything that the weights depend on, as JSON.
    """

    path: Path
    about: dict[str, Any]

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def key(self) -> str:
        """A hash of `about`, by which a checkpoint is known to belong to this training."""
        return sha256(json.dumps(self.about, sort_keys=True).encode())

    def prepare(self, device: torch.device) -> None:
        """Make the folder and training.json, or check that the folder holds a training; raises IXGSError."""
        file = self.path / "training.json"
        if self.path.exists() and not (self.path.is_dir() and (file.is_file() or not any(self.path.iterdir()))):
            raise IXGSError(
                f"{self.path}: holds other files, expected a new or an empty folder, or a training; choose another "
                "--out"
            )
        try:
            (self.path / "epochs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IXGSError(f"{self.path}: cannot be created ({error.strerror}); choose another --out") from error
        if not (self.path / CHECKPOINT_NAME).is_file():
            machine = {"ixgs": __version__, "torch": torch.__version__, "device": str(device)}
            content = {"format": "ixgs-training", "version": 1, **self.about, **machine}
            write_atomically(file, (json.dumps(content, indent=1) + "\n").encode())

    def save_page(self, epoch: int, page: bytes) -> None:
        """Write the page of images of an epoch."""
        write_atomically(self.path / "epochs" / f"epoch-{epoch:04d}.png", page)
