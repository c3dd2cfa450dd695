"""Tables of the times of the renderer and of whole reconstructions on a GPU; refuses to run without one.

python Testing/benchmarks/speed/gpu.py [kernels] [reconstruction] [--dry-run]

Kernels: device events, medians. One view of a cloud whose Gaussians are as wide as their distance, and its cube in
voxels. For comparison gsplat's own alpha rasteriser with one channel on the same splats, made opaque, of which it draws
only the first few in each pixel; and a lower bound for forward and backward: the bytes that must be moved, at the speed
that this device reaches in a copy, or the exponentials that must be evaluated, at the speed that its maker states,
whichever takes longer.
Reconstruction: of views simulated from ellipsoids, on the CPU and on the GPU: the time until the held-out views are as
good as they finally are on the CPU, and the quality of the volume.
--dry-run: all of this at toy sizes on the CPU, where times mean nothing and are not reported.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.compute.device import Device
from IXGSLib.evaluation import compare_volumes
from IXGSLib.formats import Case
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction import Reconstruction, ReconstructionSettings, reconstruct
from IXGSLib.reconstruction.settings import PRESETS
from IXGSLib.rendering import devices, project, voxelize
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

CENTER = (-15.0, 60.0, 1300.0)
SIDE = 160.0
EXPONENTIALS = 16
"""Exponentials per multiprocessor and clock cycle, from the tables of NVIDIA's programming guide."""
GAUSSIAN = 3 * 4 * (3 + 3 + 4 + 1)
"""Bytes per Gaussian: read in the forward and in the backward pass, and its gradient written."""
ELLIPSOIDS = 40
THRESHOLD = 0.01
"""Attenuation in 1/mm that separates ellipsoids from empty space: half of the smallest attenuation of an ellipsoid."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured and where.

    copied: numbers of the copy that shows the speed of memory. first: of a reconstruction that compiles the kernels.
    """

    device: Device
    counts: tuple[int, ...]
    pixels: tuple[int, ...]
    voxels: tuple[int, ...]
    repeats: int
    warm: int
    copied: int
    views: int
    view_pixels: int
    case_voxels: int
    settings: ReconstructionSettings
    first: ReconstructionSettings

    def cell(self, milliseconds: float | None) -> str:
        """A time as the cell of a table; a dry run has none."""
        text = "-" if milliseconds is None else f"{milliseconds:.2f} ms"
        return text if self.device == "cuda" else "dry run"


FULL = Sizes(
    "cuda", (50_000, 200_000, 1_000_000), (256, 512, 1024, 2048), (128, 256), 21, 3, 1 << 27, 30, 512, 256,
    PRESETS["standard"], PRESETS["preview"],
)  # fmt: skip
_QUICK = PRESETS["preview"].updated(
    {
        "cloud.gaussians": 12,
        "cloud.background_gaussians": 0,
        "schedule.steps": 3,
        "schedule.coarse_steps": 1,
        "schedule.refit_steps": 1,
        "schedule.held_out": 1,
        "schedule.check_every": 1,
    }
)
TOY = Sizes("cpu", (12,), (20,), (8,), 1, 1, 1 << 10, 6, 24, 12, _QUICK, _QUICK)


def main(arguments: list[str]) -> None:
    dry = "--dry-run" in arguments
    chosen = [name for name in (kernels, reconstruction) if name.__name__ in arguments] or [kernels, reconstruction]
    if dry:
        from Testing.benchmarks.speed.gpu_rehearsal import rehearsal
    with rehearsal() if dry else nullcontext():
        if not torch.cuda.is_available():
            sys.exit("no CUDA device: this benchmark measures a GPU; on a CPU run Testing/benchmarks/speed/kernels.py")
        renderer = devices.gpu_renderer()
        for reason in renderer.failures:
            print(reason)
        if renderer.module is None:
            sys.exit("no kernel works on this GPU, see above")
        sizes = TOY if dry else FULL
        name, way = torch.cuda.get_device_name(), renderer.module.__name__
        print(f"{name}, torch {torch.__version__}, {way}; medians of {sizes.repeats}")
        for measure in chosen:
            measure(sizes)


def kernels(sizes: Sizes) -> None:
    speeds = _speeds(sizes)
    speeds_text = "copy {:.0f} GB/s, exponentials {:.0f} G/s".format(*(speed / 1e9 for speed in speeds))
    print(speeds_text if sizes.device == "cuda" else "speeds: dry run")
    print("\n| Gaussians | pixels | project | back | floor | gsplat alpha | back |")
    print("| ---: " * 7 + "|")
    for count in sizes.counts:
        cloud = _cloud(count, sizes)
        for size in sizes.pixels:
            view = CArm(detector_pixels=(size, size)).view(33, 12, CENTER)
            # Waiting for the pose to be copied from the host is not part of the measured work.
            pose = torch.tensor(view.camera_from_world, device=sizes.device)
            found = [*_times(lambda c=cloud, v=view, p=pose: project(c, v, p), cloud, sizes)]
            found += [_floor(cloud, view, speeds), *_alpha(cloud, view, sizes)]
            print(f"| {count} | {size} | " + " | ".join(map(sizes.cell, found)) + " |", flush=True)
    print("\n| Gaussians | voxels along a side | voxelize | back | floor |")
    print("| ---: " * 5 + "|")
    for count in sizes.counts:
        cloud = _cloud(count, sizes)
        for size in sizes.voxels:
            grid = Grid.centered(CENTER, (SIDE,) * 3, SIDE / size)
            found = [*_times(lambda c=cloud, g=grid: voxelize(c, g), cloud, sizes), _floor(cloud, grid, speeds)]
            print(f"| {count} | {size} | " + " | ".join(map(sizes.cell, found)) + " |", flush=True)


def _cloud(count: int, sizes: Sizes) -> Cloud:
    """Gaussians as wide as their distance in a cube."""
    g = torch.Generator().manual_seed(0)
    scale = 0.7 * SIDE / count ** (1 / 3)
    position = (torch.rand(count, 3, generator=g) - 0.5) * SIDE + torch.tensor(CENTER)
    rotation, density = torch.randn(count, 4, generator=g), torch.rand(count, generator=g)
    columns = (position, torch.full((count, 3), scale), rotation, density)
    return Cloud(*(column.to(sizes.device).requires_grad_() for column in columns))


def _times(render: Callable[[], torch.Tensor], cloud: Cloud, sizes: Sizes) -> tuple[float, float]:
    """Milliseconds of the forward and the backward pass of a render, by device events."""
    inputs = (cloud.position, cloud.scale, cloud.rotation, cloud.density)
    forward, backward = [], []
    for _ in range(sizes.warm + sizes.repeats):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
        events[0].record()
        image = render()
        events[1].record()
        torch.autograd.grad(image, inputs, torch.ones_like(image), allow_unused=True)
        events[2].record()
        torch.cuda.synchronize()
        forward.append(events[0].elapsed_time(events[1]))
        backward.append(events[1].elapsed_time(events[2]))
    return float(np.median(forward[sizes.warm :])), float(np.median(backward[sizes.warm :]))


def _alpha(cloud: Cloud, view: View, sizes: Sizes) -> tuple[float | None, float | None]:
    """The same splats rendered by gsplat's rasteriser with one channel; no times if gsplat does not work."""
    if not devices.gpu_renderer().module.__name__.endswith("with_gsplat"):
        return None, None
    from gsplat import rasterization

    pose = torch.tensor(view.camera_from_world, dtype=torch.float32, device=sizes.device)[None]
    K = torch.tensor(view.K, dtype=torch.float32, device=sizes.device)[None]

    def render() -> torch.Tensor:
        return rasterization(
            cloud.position, cloud.rotation, cloud.scale, cloud.density.sigmoid(), cloud.density[:, None],
            pose, K, *view.size, eps2d=1 / 12, packed=False,
        )[0]  # fmt: skip

    return _times(render, cloud, sizes)


def _floor(cloud: Cloud, target: View | Grid, speeds: tuple[float, float]) -> float:
    """Lower bounds of a forward and a backward pass, ms: one exponential per pixel of each Gaussian's box in each."""
    from IXGSLib.rendering.cuda import ellipses

    bandwidth, exponentials = speeds
    shape = target.size[::-1] if isinstance(target, View) else target.shape
    with torch.no_grad():
        if isinstance(target, View):
            pose = torch.tensor(target.camera_from_world, device=cloud.position.device)[:3]
            _, reach = ellipses.footprints(cloud, target, pose)
        else:
            _, reach = ellipses.blobs(cloud, target)
        drawn = float((2 * reach.clamp(min=0)).clamp(max=max(shape)).double().prod(dim=1).sum())
    moved = 2 * 4 * float(np.prod(shape)) + GAUSSIAN * len(cloud)
    return 1e3 * max(2 * drawn / exponentials, moved / bandwidth)


def _speeds(sizes: Sizes) -> tuple[float, float]:
    """Bytes per second of a copy, and the peak rate of exponentials per second: EXPONENTIALS per clock cycle."""
    values = torch.rand(sizes.copied, device=sizes.device)
    other = torch.empty_like(values)
    copy = _fastest(lambda: other.copy_(values))
    device = torch.cuda.get_device_properties(0)
    return 8 * len(values) / copy, EXPONENTIALS * device.multi_processor_count * 1e3 * device.clock_rate


def _fastest(function: Callable[[], object]) -> float:
    """Seconds of the fastest of ten calls."""
    times = []
    for _ in range(10):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        function()
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop) / 1e3)
    return min(times)


def reconstruction(sizes: Sizes) -> None:
    case, truth = _case(sizes)
    views = f"{sizes.views} views of {sizes.view_pixels} x {sizes.view_pixels} pixels, {sizes.case_voxels}^3 voxels"
    print(f"\n{views}\n\n| device | time | in its steps | held-out views | all views | volume |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    goal = _reconstructed("cpu", "cpu", case, truth, sizes).metrics["held_out_psnr"]
    reconstruct(case, settings=sizes.first, device=sizes.device)  # compiles
    reached: list[float] = []

    def watch(progress) -> None:
        if progress.held_out_psnr is not None and progress.held_out_psnr >= goal:
            reached.append(progress.seconds)

    _reconstructed("gpu", sizes.device, case, truth, sizes, watch)
    when = f"after {sizes.cell(1e3 * reached[0])}" if reached else "not at all"
    print(f"\nThe GPU's held-out views are as good as those of the CPU in the end {when}.")


def _reconstructed(
    name: str, device: Device, case: Case, truth: Volume, sizes: Sizes, watch: Callable | None = None
) -> Reconstruction:
    """A reconstruction, whose row of the table is printed."""
    start = time.perf_counter()
    found = reconstruct(case, settings=sizes.settings, device=device, on_progress=watch)
    times = 1e3 * (time.perf_counter() - start), 1e3 * found.durations["optimization"]
    volume = compare_volumes(found.volume, truth, THRESHOLD)
    quality = f"{found.metrics['held_out_psnr']:.2f} dB | {found.metrics['fit_psnr']:.2f} dB | {volume.psnr:.2f} dB"
    quality += f", SSIM {volume.ssim:.4f}, Dice {volume.dice:.3f}"
    print(f"| {name} | {' | '.join(map(sizes.cell, times))} | {quality} |", flush=True)
    return found


def _case(sizes: Sizes) -> tuple[Case, Volume]:
    """Views around a region with ellipsoids in it, and its truth."""
    grid = Grid.centered(CENTER, (SIDE,) * 3, SIDE / sizes.case_voxels)
    points = grid.points() - np.array(CENTER)
    generator = np.random.default_rng(0)
    values = np.zeros(grid.shape, np.float32)
    for _ in range(ELLIPSOIDS):
        middle, size = generator.uniform(-50, 50, 3), generator.uniform(3, 18, 3)
        values[(((points - middle) / size) ** 2).sum(-1) < 1] = generator.uniform(0.02, 0.05)
    arm = CArm(detector_pixels=(sizes.view_pixels,) * 2)
    views = trajectory(arm, random(sizes.views, 200, 25, seed=1), CENTER)
    images = [project_volume(values, grid, view) for view in views]
    xrays = tuple(XRay(v, i, np.ones(i.shape, bool)) for v, i in zip(views, images, strict=True))
    return Case(xrays, grid, "ellipsoids"), Volume(values, grid)


if __name__ == "__main__":
    main(sys.argv[1:])
