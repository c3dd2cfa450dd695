"""Small cases with a known truth: two ellipsoids seen by a dozen views, alone or in a body wider than the detector."""

import numpy as np

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction import ReconstructionSettings
from IXGSLib.reconstruction.body_model import BodyModel
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

CENTER = (-15.0, 60.0, 1300.0)
QUICK = ReconstructionSettings().updated(
    {
        "cloud.gaussians": 1500,
        "cloud.background_gaussians": 300,
        "cloud.max_gaussians": 1800,
        "cloud.background_margin": 40,
        "schedule.steps": 150,
        "schedule.coarse_steps": 30,
        "schedule.refit_steps": 30,
        "schedule.check_every": 20,
    }
)


BODY = BodyModel(QUICK.tissue.body_attenuation, (-11.0, 42.0, 1300.0), ((1 / 80, 0.0, 0.0), (0.0, 1 / 55, 0.0)))
"""It begins 37 mm behind the middle of the region and ends 73 mm before it."""


def blobs(points: np.ndarray, *, around: float = 0.0) -> np.ndarray:
    """Attenuation of two ellipsoids at points (..., 3), and of a ball outside the region when `around` is given."""
    local = points - CENTER
    first = ((local - (6, 2, -5)) ** 2 / np.square((9, 6, 12))).sum(-1) < 1
    second = ((local + (9, 4, 0)) ** 2 / np.square((6, 9, 7))).sum(-1) < 1
    ball = ((local - (0, 45, 0)) ** 2).sum(-1) < 10**2
    return 0.04 * first + 0.025 * second + around * ball


def make_case(count: int = 12, around: float = 0.0) -> tuple[Case, Volume]:
    """A case of two ellipsoids in a 48 mm region, and its truth."""
    grid = Grid.centered(CENTER, (48, 48, 48), 2.0)
    fine = Grid.centered(CENTER, (128, 128, 128), 1.0)
    values = blobs(fine.points(), around=around).astype(np.float32)
    case = Case(_seen(values, fine, count), grid, "ellipsoids")
    inner = Grid.centered(CENTER, (48, 48, 48), 1.0)
    truth = blobs(inner.points()).reshape(24, 2, 24, 2, 24, 2).mean(axis=(1, 3, 5))
    return case, Volume(truth, grid)


def make_body_case(count: int = 12) -> tuple[Case, Volume]:
    """The ellipsoids on top of soft tissue, which extends in BODY far beyond the region and the detector."""
    case, truth = make_case(count)
    fine = Grid.centered(CENTER, (200, 200, 320), 2.0)
    tissue = _seen(BODY.values(fine), fine, count)
    xrays = [XRay(x.view, x.image + y.image, x.mask) for x, y in zip(case.xrays, tissue, strict=True)]
    return Case(tuple(xrays), case.grid, "body"), Volume(truth.values + BODY.attenuation, truth.grid)


def _seen(values: np.ndarray, grid: Grid, count: int) -> tuple[XRay, ...]:
    """The X-rays of a volume [k, j, i] in 1/mm."""
    views = trajectory(CArm(detector_pixels=(64, 64), detector_size=130), random(count, 200, 25, seed=1), CENTER)
    images = [project_volume(values, grid, view) for view in views]
    return tuple(XRay(v, i, np.ones(i.shape, bool)) for v, i in zip(views, images, strict=True))
