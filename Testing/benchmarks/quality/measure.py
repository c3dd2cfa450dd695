"""One method on one case, measured in a separate process.

    python Testing/benchmarks/quality/measure.py CASE [METHOD SEED]

prints what bench.py stores of it as one line of JSON. With CASE alone its X-rays are made and IXGS's kernels compiled,
both of which are kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from IXGSLib.evaluation import compare_views, compare_volumes
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction import ReconstructionSettings
from IXGSLib.volume import Volume
from Testing.benchmarks.quality.cases import CASES, Benchmark, load
from Testing.benchmarks.quality.course import Course, Metrics, climbed, peak_memory
from Testing.benchmarks.quality.methods import METHODS, Ours, Peer, shortened
from Testing.benchmarks.scene import Scene


def measure(case: str, method: str, seed: int) -> dict[str, Any]:
    """Seconds, MB and metrics of a method on a case, named as in CASES and METHODS."""
    chosen, (scene, count) = METHODS[method], CASES[case]
    benchmark = load(scene, count)
    warm_up(chosen)
    if isinstance(chosen, Ours):
        found = ours(chosen.settings(seed, count), benchmark)
    else:
        found = peer(chosen, benchmark, _body_grid(scene) if chosen.body else None)
    return {"case": case, "method": method, "seed": seed} | found


def ours(settings: ReconstructionSettings, benchmark: Benchmark) -> dict[str, Any]:
    """IXGS with some settings. The unseen views are rendered from the cloud."""
    import torch

    from IXGSLib import reconstruct
    from IXGSLib.rendering import project

    case, before = benchmark.case, peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    result = reconstruct(case, settings=settings)
    found = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    found |= {"memory": peak_memory(), "memory_before": before}
    with torch.no_grad():
        renders = [project(result.cloud, view).numpy() for view in benchmark.unseen_views]
    return found | {"gaussians": len(result.cloud.position)} | _metrics(result.volume, renders, benchmark)


def peer(method: Peer, benchmark: Benchmark, grid: Grid | None = None) -> dict[str, Any]:
    """A peer at the iteration of its best PSNR to the truth, and at its best parameter. RTK renders the unseen views.

    grid: the region when not given, with one more layer of voxels around it: RTK cuts a lattice at the centres of its
    border voxels.
    """
    from Testing.benchmarks.quality import peers
    from Testing.benchmarks.quality.projector import Projector

    grid = benchmark.truth.grid.padded(float(benchmark.truth.grid.spacing.max())) if grid is None else grid
    problem = peers.Problem(benchmark.images, benchmark.views, grid)
    unseen = Projector(benchmark.unseen_views, grid)
    before = peak_memory()
    courses: list[Course] = []

    def evaluate(volume: Volume) -> Metrics:
        return _metrics(volume, list(unseen.forward(volume.values)), benchmark)

    def course(*parameter: float) -> Course:
        iterations = getattr(peers, method.function)(problem, *parameter)
        courses.append(Course(iterations, grid, benchmark.truth, evaluate))
        return courses[-1]

    if method.ladder:
        parameter, followed = climbed(course, method.ladder, method.trial)
    else:
        parameter, followed = None, course()
    metrics = followed.run(method.iterations).metrics()
    return {
        "parameter": parameter,
        "iteration": followed.best_iteration,
        "seconds": followed.curve[followed.best_iteration - 1][0],
        "cpu_seconds": followed.cpu_seconds,
        "memory": courses[0].memory,  # later ones stand on memory that evaluations took
        "memory_before": before,
        **metrics,
        "best": followed.best_of_each,
        "curve": followed.curve,
    }


def warm_up(method: Ours | Peer) -> None:
    """Run a method on a tiny problem, so that neither loading nor compiling is timed."""
    views = trajectory(CArm(detector_pixels=(24, 24)), random(4), np.zeros(3))
    images = np.full((4, 24, 24), 0.1, np.float32)
    grid = Grid.centered(np.zeros(3), np.full(3, 80), 5.0)
    nothing = Benchmark(views, images, views, images, Volume(np.full(grid.shape, 0.001), grid))
    if isinstance(method, Ours):
        few = shortened(method.settings(0, len(views)), 40)
        ours(
            few.updated(
                {
                    "cloud.gaussians": 500,
                    "cloud.background_gaussians": 100,
                    "control.every": 10,
                    "schedule.check_every": 10,
                }
            ),
            nothing,
        )
    else:
        peer(replace(method, iterations=min(2, method.iterations), ladder=method.ladder[:1], trial=1), nothing)


def _body_grid(scene: Scene) -> Grid:
    """A box around all of a CT, its voxels twice as large as the region's."""
    body = scene.body().grid
    return Grid.centered(body.center, body.size, 2 * scene.spacing, body.direction)


def _metrics(volume: Volume, renders: Sequence[np.ndarray], benchmark: Benchmark) -> Metrics:
    return compare_volumes(volume, benchmark.truth).as_dict() | compare_views(renders, benchmark.unseen).as_dict()


if __name__ == "__main__":
    if sys.argv[2:]:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        load(*CASES[sys.argv[1]])
        warm_up(METHODS["standard"])
