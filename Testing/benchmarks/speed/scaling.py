"""How the time of a step and of a short reconstruction grows with the size of the problem.

    python Testing/benchmarks/speed/scaling.py [--picture]

A step of the standard preset against the pixels of a view and the number of Gaussians, and a reconstruction of a few
steps against the number of views, a decade each, on the lumbar case. The medians are printed and go to bench.json, the
table to docs/benchmarks.md and the picture to Resources/Screenshots; with --picture nothing is measured.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from matplotlib.figure import Figure

from IXGSLib import reconstruct
from IXGSLib.formats import Case
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction.settings import PRESETS
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from Testing.benchmarks.quality import tables
from Testing.benchmarks.quality.cases import CASES, load
from Testing.benchmarks.quality.measure import warm_up
from Testing.benchmarks.quality.methods import METHODS, shortened
from Testing.benchmarks.quality.plots import COLOURS, FOLDER, panels, save
from Testing.benchmarks.store import Store

REPEATS = 3
STEPS, WHOLE_STEPS = 100, 300
SIDES = (128, 192, 286, 405)
GAUSSIANS = (10_000, 20_000, 50_000, 100_000)
VIEWS = (5, 10, 20, 50)
FINE = 1.0
"""Voxels in mm, small enough that no view is averaged down."""
AXES = {"pixels of a view": "ms a step", "Gaussians": "ms a step", "views": f"seconds for {WHOLE_STEPS} steps"}

Points = list[tuple[int, float]]


def main(arguments: list[str]) -> None:
    store = Store()
    if arguments != ["--picture"]:
        warm_up(METHODS["standard"])
        truth = load(*CASES["lumbar-50"]).truth
        store.add_scaling(measured(truth))
    tables.write(store.content)
    save(picture(store.content["scaling"]), FOLDER / "scaling.png")


def measured(truth: Volume) -> dict[str, Points]:
    """Times against sizes, named as in AXES."""
    fine = xrays(truth, 256, 10, FINE)
    sides = {side**2: side for side in SIDES}
    curves: dict[str, tuple[Sequence[int], Callable[[int], float]]] = {
        "pixels of a view": (list(sides), lambda pixels: step(xrays(truth, sides[pixels], 10, FINE))),
        "Gaussians": (GAUSSIANS, lambda count: step(fine, count)),
        "views": (VIEWS, lambda count: whole(xrays(truth, 256, count))),
    }
    return {name: _curve(name, *curve) for name, curve in curves.items()}


def xrays(truth: Volume, side: int, count: int, spacing: float | None = None) -> Case:
    """Views of a volume without noise, of `side` pixels along each side of the detector."""
    grid = truth.grid if spacing is None else truth.grid.with_spacing(spacing)
    views = trajectory(CArm(detector_pixels=(side, side)), random(count, seed=1), truth.grid.center)
    images = [project_volume(truth.values, truth.grid, view) for view in views]
    return Case(tuple(XRay(v, i, np.ones(i.shape, bool)) for v, i in zip(views, images, strict=True)), grid)


def step(case: Case, gaussians: int = PRESETS["standard"].cloud.gaussians) -> float:
    """Milliseconds of a full-size step, including density control and all else that happens every few steps."""
    settings = PRESETS["standard"].updated(
        {"schedule.steps": STEPS, "schedule.coarse_steps": 0, "schedule.refit_steps": 0, "schedule.held_out": 0}
    )
    settings = settings.updated({"cloud.gaussians": gaussians, "cloud.max_gaussians": gaussians})
    return 1000 * reconstruct(case, settings=settings).durations["optimization"] / STEPS


def whole(case: Case) -> float:
    """Seconds of a reconstruction of WHOLE_STEPS steps, from the X-rays to the volume."""
    start = time.perf_counter()
    reconstruct(case, settings=shortened(PRESETS["standard"], WHOLE_STEPS))
    return time.perf_counter() - start


def _curve(name: str, sizes: Sequence[int], time_of: Callable[[int], float]) -> Points:
    points = []
    for size in sizes:
        points.append((size, median(time_of(size) for _ in range(REPEATS))))
        print(f"{size} {name}: {points[-1][1]:.4g} {AXES[name]}", flush=True)
    return points


def picture(scaling: dict[str, Points]) -> Figure:
    """An axes for one size, on logarithmic scales, with the power law that fits best."""
    figure, axes = panels(len(scaling))
    for axis, (name, points) in zip(axes, scaling.items(), strict=True):
        sizes, times = np.array(points).T
        power = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        axis.plot(sizes, times, color=COLOURS["standard"], marker="o")
        axis.set(xscale="log", yscale="log", xlabel=name, ylabel=AXES[name], title=f"to the power of {power:.2f}")
        axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], fontsize=8)
        axis.set_xticks([], minor=True)
        axis.set_ylim(bottom=0.5 * times.min(), top=2 * times.max())
        axis.set_yticks(times, [f"{time:.3g}" for time in times], fontsize=8)
        axis.set_yticks([], minor=True)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
