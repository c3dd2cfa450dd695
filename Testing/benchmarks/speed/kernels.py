"""Milliseconds of the renderer: 50 000 Gaussians, 256 x 256 pixels, widths of 1, 2 and 4 pixels, and a 128^3 grid.

python Testing/benchmarks/speed/kernels.py [THREADS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from IXGSLib.compute.threads import set_thread_count, thread_count
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.reconstruction.losses import image_loss
from IXGSLib.rendering import project, voxelize

CENTER = (-15.0, 60.0, 1300.0)
COUNT, SIDE, REPEATS = 50_000, 160.0, 15


def main(arguments: list[str]) -> None:
    if arguments:
        set_thread_count(int(arguments[0]))
    torch.set_num_threads(1)
    view = CArm().view(33, 12, CENTER)
    grid = Grid.centered(CENTER, (SIDE,) * 3, 1.25)
    pixel = 300 / 256 * 620 / 1000
    image, weight = torch.rand(256, 256), torch.ones(256, 256)
    print(f"{thread_count()} threads; median of {REPEATS}")
    clouds = {width: _cloud(width * pixel) for width in (1, 2, 4)}
    for width, cloud in clouds.items():
        _report(f"project, sigma {width} px", lambda cloud=cloud: project(cloud, view))
    _report("voxelize 128^3, sigma 2 px", lambda: voxelize(clouds[2], grid))
    render = image.clone().requires_grad_()
    _report("image loss", lambda: image_loss(render, image + 0.1, weight, 1.0, 0.25))


def _cloud(scale: float) -> Cloud:
    generator = torch.Generator().manual_seed(0)
    position = (torch.rand(COUNT, 3, generator=generator) - 0.5) * SIDE + torch.tensor(CENTER)
    rotation, density = torch.randn(COUNT, 4, generator=generator), torch.rand(COUNT, generator=generator)
    values = (position, torch.full((COUNT, 3), scale), rotation, density)
    return Cloud(*(value.requires_grad_() for value in values))


def _report(name: str, function: Callable[[], torch.Tensor]) -> None:
    forward, backward = [], []
    for _ in range(REPEATS + 2):
        start = time.perf_counter()
        result = function()
        middle = time.perf_counter()
        result.sum().backward()
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)
    a, b = (1e3 * float(np.median(times[2:])) for times in (forward, backward))
    print(f"{name:28s} forward {a:6.1f} ms  backward {b:6.1f} ms  both {a + b:6.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
