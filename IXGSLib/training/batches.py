"""The pairs of each step, which depend on the seed and the step only."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .augmentation import Sample, sample, varied
from .pair_format import PairFolder
from .processes import Processes
from .settings import TrainingSettings


class Batch(NamedTuple):
    """Pictures (pairs, CHANNELS, h, w), and targets and lost bone (pairs, 1, h, w) in units of the settings' scale."""

    pictures: Tensor
    targets: Tensor
    lost: Tensor


class Batches(Dataset):
    """Item n is the batch of this process in step n.

    Every pair is used once per epoch, in random order and with new augmentation. All processes together use the same
    pairs, whatever their number.
    """

    def __init__(self, folder: PairFolder, settings: TrainingSettings, processes: Processes) -> None:
        self.folder, self.settings = folder, settings
        self.share = settings.batch // processes.count
        self.first = processes.rank * self.share

    def __getitem__(self, step: int) -> Batch:
        start = step * self.settings.batch + self.first
        samples = [self._sample(index) for index in range(start, start + self.share)]
        pictures, targets, lost = (
            torch.from_numpy(np.stack([getattr(each, part) for each in samples]))
            for part in ("picture", "target", "lost")
        )
        return Batch(pictures, targets / self.settings.scale, lost / self.settings.scale)

    def _sample(self, index: int) -> Sample:
        epoch, number = divmod(index, len(self.folder.names))
        name = self.folder.names[_order(self.settings.seed, epoch, len(self.folder.names))[number]]
        generator = np.random.default_rng([self.settings.seed, 1, index])
        pair = varied(self.folder.load(name), self.settings, generator)
        shadow = float(generator.integers(2)) if generator.random() < self.settings.unknown_fields else None
        return sample(pair, shadow)


def load_batches(batches: Batches, start: int, processes: Processes) -> DataLoader:
    """The batches from step `start` to the last, prepared in advance by `workers` processes."""
    workers = batches.settings.workers
    return DataLoader(
        batches,
        batch_size=None,
        sampler=range(start, batches.settings.steps),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        pin_memory=processes.device.type == "cuda",
    )


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, epoch]).permutation(count)
