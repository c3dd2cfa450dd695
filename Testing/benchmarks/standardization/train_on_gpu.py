"""Train the network that standardises X-rays in a few minutes of a GPU, on pairs that are rendered on it.

    python Testing/benchmarks/standardization/train_on_gpu.py CT [...] --out FOLDER [--minutes N] [--count N]
                                                              [--start FILE] [--dry-run]

The CTs are prepared at the same time, and --count pairs of each are rendered. The rest of the minutes is for training:
its number of steps follows from the time of the first ones. FOLDER gets pairs/ and training/, and in weights/ what
make_model.py needs: the weights, and pairs.json and manifest.json of the pairs. Pairs that are in FOLDER are kept, a
training in it is replaced.
--dry-run: all of this on the CPU at toy sizes, where times mean nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.errors import Cancelled
from IXGSLib.training.loop import TrainingProgress, train
from IXGSLib.training.making import make_pairs
from IXGSLib.training.pair_format import PairFolder, open_pairs, prepare_folder
from IXGSLib.training.pair_settings import PairSettings
from IXGSLib.training.request import TrainingRequest
from IXGSLib.training.settings import TrainingSettings

RESERVE_S = 60.0
"""For the model of the training images and for writing the weights."""
FIRST_STEPS, WARM_STEPS = 40, 15
"""Steps by which the time of a step is measured, and those of them that are left out."""
FEWEST_STEPS = 100


@dataclass(frozen=True)
class Scale:
    """How much is rendered and how large a network is trained, on which device."""

    pairs: PairSettings
    training: TrainingSettings


FULL = Scale(
    PairSettings(device="cuda"),
    TrainingSettings(batch=32, workers=max(1, (os.cpu_count() or 2) - 1), checkpoint_every=2000),
)
TOY = Scale(
    PairSettings(size=32, contrast_agent=False),
    TrainingSettings(width=4, levels=4, batch=4, log_every=5, checkpoint_every=50),
)


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    options = _parser().parse_args(arguments)
    scale = TOY if options.dry_run else FULL
    scale = replace(scale, pairs=replace(scale.pairs, count=options.count))
    pairs = rendered(options.cts, options.out / "pairs", scale.pairs)
    _tell(began, f"{len(pairs.names)} pairs of {len(pairs.patients)} CTs")
    request = TrainingRequest(pairs, options.out / "training", scale.training, start=options.start)
    each = seconds_per_step(replace(request, out=options.out / "measured"))
    left = 60 * options.minutes - RESERVE_S - (time.monotonic() - began)
    steps = max(FEWEST_STEPS, int(left / each))
    _tell(began, f"{each:.3f} s a step of {scale.training.batch} pairs: {steps} steps")
    shutil.rmtree(request.out, ignore_errors=True)
    weights = train(replace(request, settings=replace(scale.training, steps=steps)), _Reporter(began))
    _collect(weights, options.out)
    _tell(began, f"{options.out / 'weights' / weights.name}")
    return 0


def rendered(cts: Sequence[Path], folder: Path, settings: PairSettings) -> PairFolder:
    """The pairs of all CTs, each CT by a process of its own, since most of the time goes into preparing them."""
    prepare_folder(folder, settings)
    jobs = max(1, (os.cpu_count() or 1) // len(cts))
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_render, args=([ct], folder, settings, jobs)) for ct in cts]
    for process in started:
        process.start()
    for ct, process in zip(cts, started, strict=True):
        process.join()
        if process.exitcode:
            raise SystemExit(f"{ct}: its pairs could not be rendered; the message is above")
    _render(list(cts), folder, settings, 1)  # nothing is missing now: it writes the manifest of all CTs
    return open_pairs(folder)


def _render(cts: list[Path], folder: Path, settings: PairSettings, jobs: int) -> None:
    for _ in make_pairs(cts, folder, settings, jobs):
        pass


def seconds_per_step(request: TrainingRequest) -> float:
    """The time of a training step, from the first steps of a training in a folder that is removed."""
    times: list[float] = []
    shutil.rmtree(request.out, ignore_errors=True)
    with suppress(Cancelled):
        train(request, lambda progress: times.append(time.monotonic()), lambda: len(times) == FIRST_STEPS)
    shutil.rmtree(request.out)
    return (times[-1] - times[WARM_STEPS]) / (FIRST_STEPS - 1 - WARM_STEPS)


def _collect(weights: Path, out: Path) -> None:
    (out / "weights").mkdir(exist_ok=True)
    records = [out / "pairs" / name for name in ("pairs.json", "manifest.json")]
    for file in (weights, weights.with_name("training.json"), weights.with_name("log.csv"), *records):
        shutil.copy(file, out / "weights")


@dataclass
class _Reporter:
    """Prints the course of a training twenty times."""

    began: float

    def __call__(self, progress: TrainingProgress) -> None:
        if progress.step % max(1, progress.steps // 20) == 0:
            _tell(self.began, f"step {progress.step} of {progress.steps}, {progress.remaining:.0f} s left")


def _tell(began: float, message: str) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {message}", flush=True)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("cts", type=Path, nargs="+", metavar="CT")
    made.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    made.add_argument("--minutes", type=float, default=12.0, metavar="N", help="for everything")
    made.add_argument("--count", type=int, default=2000, metavar="N", help="pairs of each CT")
    made.add_argument("--start", type=Path, metavar="FILE", help="weights to start from")
    made.add_argument("--dry-run", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
