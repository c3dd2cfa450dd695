"""Times of the renderer and of whole reconstructions on a GPU, in a table; refuses where there is none.

python Testing/benchmarks/gpu.py [kernels] [reconstruction]

Kernels: device events, medians of REPEATS, one view and as many voxels along each side as it has pixels (at most 256),
beside gsplat's own alpha rasteriser with one channel on the same splats and a floor: the bytes that must be moved and
the exponentials that must be taken, at the speed that this device reaches on a copy and could reach on exponentials.
Reconstruction: 30 views of 512 x 512 simulated from an analytic phantom, 256^3 voxels, on the GPU and on the CPU: the
time until the held-out views are as good as those of the CPU's standard preset, and the quality at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from IXGSLib.formats import Case
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction import reconstruct
from IXGSLib.rendering import project, voxelize
from IXGSLib.rendering.devices import proven
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.xray import XRay

CENTER = (-15.0, 60.0, 1300.0)
SIDE, REPEATS, WARM = 160.0, 21, 3
EXPONENTIALS = 16
"""Of each multiprocessor in a clock, by the tables of NVIDIA's programming guide."""
COUNTS, SIZES = (50_000, 200_000, 1_000_000), (256, 512, 1024, 2048)


def main(arguments: list[str]) -> None:
    if not torch.cuda.is_available():
        sys.exit("no CUDA device: this benchmark measures a GPU; on a processor run Testing/benchmarks/kernels.py")
    proof = proven()
    for reason in proof.refused:
        print(reason)
    if proof.module is None:
        sys.exit("no kernel works on this GPU, see above")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {proof.module.__name__}; medians of {REPEATS}")
    if not arguments or "kernels" in arguments:
        kernels()
    if not arguments or "reconstruction" in arguments:
        reconstruction()


def kernels() -> None:
    bandwidth, exponentials = _speeds()
    print(f"copy {bandwidth / 1e9:.0f} GB/s, exponentials {exponentials / 1e9:.0f} G/s")
    print("| Gaussians | pixels | project | back | gsplat alpha | back | floor | voxelize | back |")
    print("| ---: " * 9 + "|")
    for count in COUNTS:
        for size in SIZES:
            view = CArm(detector_pixels=(size, size)).view(33, 12, CENTER)
            grid = Grid.centered(CENTER, (SIDE,) * 3, SIDE / min(size, 256))
            cloud = _cloud(count)
            times = [*_times(lambda c=cloud, v=view: project(c, v), cloud), *_alpha(cloud, view)]
            # Each pixel of a box costs an exponential on the way there and one back.
            work = 2 * _drawn_pixels(cloud, view) / exponentials
            moved = (2 * 4 * size * size + 2 * 2 * 44 * count) / bandwidth
            times += [1e3 * max(work, moved), *_times(lambda c=cloud, g=grid: voxelize(c, g), cloud)]
            print(f"| {count} | {size} | " + " | ".join(f"{t:.2f} ms" if t is not None else "-" for t in times) + " |")


def _cloud(count: int) -> Cloud:
    """Gaussians as wide as their distance in a cube."""
    g = torch.Generator().manual_seed(0)
    scale = 0.7 * SIDE / count ** (1 / 3)
    position = (torch.rand(count, 3, generator=g) - 0.5) * SIDE + torch.tensor(CENTER)
    columns = (
        position,
        torch.full((count, 3), scale),
        torch.randn(count, 4, generator=g),
        torch.rand(count, generator=g),
    )
    return Cloud(*(column.cuda().requires_grad_() for column in columns))


def _times(render: Callable[[], torch.Tensor], cloud: Cloud) -> tuple[float, float]:
    """Milliseconds of a render and of its way back, by device events."""
    inputs = (cloud.position, cloud.scale, cloud.rotation, cloud.density)
    forward, backward = [], []
    for _ in range(WARM + REPEATS):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
        events[0].record()
        image = render()
        events[1].record()
        torch.autograd.grad(image, inputs, torch.ones_like(image), allow_unused=True)
        events[2].record()
        torch.cuda.synchronize()
        forward.append(events[0].elapsed_time(events[1]))
        backward.append(events[1].elapsed_time(events[2]))
    return float(np.median(forward[WARM:])), float(np.median(backward[WARM:]))


def _alpha(cloud: Cloud, view: View) -> tuple[float | None, float | None]:
    """The same splats by gsplat's rasteriser with one channel; nothing where gsplat does not work."""
    if not proven().module.__name__.endswith("with_gsplat"):
        return None, None
    from gsplat import rasterization

    pose = torch.tensor(view.camera_from_world, dtype=torch.float32, device="cuda")[None]
    K = torch.tensor(view.K, dtype=torch.float32, device="cuda")[None]

    def render() -> torch.Tensor:
        return rasterization(
            cloud.position, cloud.rotation, cloud.scale, cloud.density.sigmoid(), cloud.density[:, None],
            pose, K, *view.size, eps2d=1 / 12, packed=False,
        )[0]  # fmt: skip

    return _times(render, cloud)


def _drawn_pixels(cloud: Cloud, view: View) -> float:
    """Pixels of all boxes of 3.5 standard deviations inside the image, about."""
    from IXGSLib.rendering.cuda.ellipses import footprints

    with torch.no_grad():
        pose = torch.tensor(view.camera_from_world, device="cuda")[:3]
        _, reach = footprints(cloud, view, pose)
        return float((2 * reach.clamp(min=0)).clamp(max=max(view.size)).prod(dim=1).sum())


def _speeds() -> tuple[float, float]:
    """Bytes per second of a copy, and the most exponentials per second: EXPONENTIALS in each clock."""
    values = torch.rand(1 << 27, device="cuda")
    other = torch.empty_like(values)
    copy = _fastest(lambda: other.copy_(values))
    device = torch.cuda.get_device_properties(0)
    return 8 * len(values) / copy, EXPONENTIALS * device.multi_processor_count * 1e3 * device.clock_rate


def _fastest(function: Callable[[], object]) -> float:
    """Seconds of the quickest of ten calls."""
    times = []
    for _ in range(10):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        function()
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop) / 1e3)
    return min(times)


def reconstruction() -> None:
    case = _case()
    start = time.perf_counter()
    expected = reconstruct(case, device="cpu")
    print(f"cpu: {time.perf_counter() - start:.1f} s, {_metrics(expected.metrics)}")
    goal = expected.metrics["held_out_psnr"]
    reconstruct(case, preset="preview", device="cuda")  # compiles
    reached: list[float] = []

    def watch(progress) -> None:
        if progress.held_out_psnr is not None and progress.held_out_psnr >= goal - 0.2:
            reached.append(progress.seconds)

    start = time.perf_counter()
    found = reconstruct(case, device="cuda", on_progress=watch)
    print(f"cuda: {time.perf_counter() - start:.1f} s, {_metrics(found.metrics)}; {found.durations}")
    print(f"cuda reaches the CPU's held-out views less 0.2 dB after {reached[0]:.1f} s" if reached else "not reached")


def _metrics(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f} dB" for name, value in metrics.items())


def _case() -> Case:
    """30 views of 512 x 512 pixels around a region of 256^3 voxels with ellipsoids in it."""
    grid = Grid.centered(CENTER, (SIDE,) * 3, SIDE / 256)
    points = grid.points() - np.array(CENTER)
    generator = np.random.default_rng(0)
    values = np.zeros(grid.shape, np.float32)
    for _ in range(40):
        middle, size = generator.uniform(-50, 50, 3), generator.uniform(3, 18, 3)
        values[(((points - middle) / size) ** 2).sum(-1) < 1] = generator.uniform(0.02, 0.05)
    views = trajectory(CArm(detector_pixels=(512, 512)), random(30, 200, 25, seed=1), CENTER)
    images = [project_volume(values, grid, view) for view in views]
    xrays = tuple(XRay(v, i, np.ones(i.shape, bool)) for v, i in zip(views, images, strict=True))
    return Case(xrays, grid, "ellipsoids")


if __name__ == "__main__":
    main(sys.argv[1:])
