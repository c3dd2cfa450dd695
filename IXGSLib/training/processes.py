"""The processes that train together under torchrun, or a single one."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import SettingsError


@dataclass(frozen=True)
class Processes:
    """This process among `count` and its device; the process of rank 0 writes the files."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def shared(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over all processes."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module, [self.device] if self.device.type == "cuda" else None)

    def agreed(self, value: float) -> float:
        """The value of rank 0."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)


@contextmanager
def together(requested: Literal["auto", "cpu", "cuda"]) -> Iterator[Processes]:
    """A context in which the processes of torchrun (WORLD_SIZE, RANK, LOCAL_RANK) communicate by NCCL or Gloo.

    Raises SettingsError for `cuda` where there is no GPU, or not one for each process of this machine.
    """
    count, rank, local = (int(os.environ.get(n, d)) for n, d in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0)))
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if requested == "cuda" and gpus <= local:
        raise SettingsError(
            f"--device cuda: {gpus} CUDA devices for process {local} of this machine, expected one for each; install "
            "a CUDA build of torch and the GPU's driver, start fewer processes, or use --device cpu"
        )
    device = torch.device("cuda", local) if requested != "cpu" and gpus > local else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if count == 1:
        yield Processes(0, 1, device)
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, device)
        distributed.barrier()
    finally:
        gc.collect()  # networks that share gradients keep the group and its threads alive
        distributed.destroy_process_group()
