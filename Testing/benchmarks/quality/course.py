"""The course of a peer's iterations: their time, and the quality of their volumes."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from IXGSLib.geometry import Grid
from IXGSLib.psnr import psnr
from IXGSLib.volume import Volume
from IXGSLib.volume.resampling import resample

EVALUATE_EVERY = 5
METRICS = ("volume_psnr", "volume_ssim", "bone_dice", "bone_surface_distance", "view_psnr", "view_ssim")
LOWER_IS_BETTER = ("bone_surface_distance",)
Metrics = dict[str, float | None]


def peak_memory() -> float:
    """Peak memory of this process so far, MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class Course:
    """Iterations from the first on, the volume of the best PSNR, and the best value of every metric on the way.

    evaluate: all metrics of a volume; called every EVALUATE_EVERY iterations, outside the time that is counted.
    curve: seconds and PSNR after each iteration. memory: MB, the peak before the first evaluation.
    best_iteration, cpu_seconds: where the PSNR was the best, and what had been spent on all cores until then.
    """

    def __init__(
        self, iterations: Iterator[np.ndarray], grid: Grid, truth: Volume, evaluate: Callable[[Volume], Metrics]
    ) -> None:
        self._iterations, self._grid, self._truth, self._evaluate = iterations, grid, truth, evaluate
        self.curve: list[tuple[float, float]] = []
        self.best_of_each: dict[str, tuple[float, int]] = {}
        self.memory = 0.0
        self.best_iteration, self.cpu_seconds = 0, 0.0
        self._best: Volume | None = None
        self._wall, self._cpu = 0.0, 0.0

    @property
    def best_psnr(self) -> float:
        return self.curve[self.best_iteration - 1][1] if self.curve else -np.inf

    def run(self, count: int) -> Course:
        """Continue to iteration `count`."""
        while len(self.curve) < count:
            self._iterate()
        return self

    def metrics(self) -> Metrics:
        """All metrics of the volume with the best PSNR."""
        assert self._best is not None
        return self._looked_at(self._best, self.best_iteration)

    def _iterate(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        values = next(self._iterations)
        self._wall += time.perf_counter() - wall
        self._cpu += time.process_time() - cpu
        if not self.best_of_each:
            self.memory = peak_memory()
        volume, best = Volume(values, self._grid), self.best_psnr
        self.curve.append((self._wall, self._psnr(volume)))
        if self.curve[-1][1] > best:
            self._best, self.best_iteration, self.cpu_seconds = volume, len(self.curve), self._cpu
        if len(self.curve) % EVALUATE_EVERY == 0:
            self._looked_at(volume, len(self.curve))

    def _psnr(self, volume: Volume) -> float:
        """As in `compare_volumes`."""
        truth = self._truth.values
        return psnr(np.clip(resample(volume, self._truth.grid).values, truth.min(), truth.max()), truth)

    def _looked_at(self, volume: Volume, iteration: int) -> Metrics:
        found = self._evaluate(volume)
        for name, value in found.items():
            if value is None:
                continue
            sign = -1 if name in LOWER_IS_BETTER else 1
            if name not in self.best_of_each or sign * value > sign * self.best_of_each[name][0]:
                self.best_of_each[name] = (value, iteration)
        return found


def climbed(start: Callable[[float], Course], ladder: Sequence[float], trial: int) -> tuple[float, Course]:
    """The parameter from a ladder whose volume is the best after `trial` iterations, and its course so far.

    The search begins in the middle and continues in either direction while the PSNR rises.
    """
    courses: dict[int, Course] = {}

    def reached(n: int) -> float:
        if n not in courses:
            courses[n] = start(ladder[n]).run(trial)
        return courses[n].best_psnr

    best = len(ladder) // 2
    reached(best)
    for step in (1, -1):
        while 0 <= best + step < len(ladder) and reached(best + step) > reached(best):
            best += step
    return ladder[best], courses[best]
