import numpy as np
import pytest
import torch

from IXGSLib.errors import ReconstructionError
from IXGSLib.gaussians.initialization import lattice_cloud, random_cloud, sampled_cloud
from IXGSLib.geometry import Grid
from IXGSLib.rendering import voxelize

TURNED = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
GRID = Grid((20, 24, 28), (2.0, 2.0, 2.0), (10, -20, 1300), TURNED)


def ball():
    points = GRID.points()
    return (0.04 * (((points - GRID.center) ** 2).sum(-1) < 12**2)).astype(np.float32)


def test_random_points_fill_the_region_with_the_mean_attenuation():
    cloud = random_cloud(GRID, 4000, 0.01, 0.7, np.random.default_rng(0))
    assert GRID.contains(cloud.position.numpy()).all()
    assert float(cloud.mass.sum()) == pytest.approx(0.01 * np.prod(GRID.size), rel=1e-4)
    inner = voxelize(cloud, GRID)[5:-5, 5:-5, 5:-5]
    assert float(inner.mean()) == pytest.approx(0.01, rel=0.05)


def test_sampled_points_follow_the_volume():
    values = ball()
    cloud = sampled_cloud(values, GRID, 5000, 0.7, np.random.default_rng(0))
    assert float(cloud.mass.sum()) == pytest.approx(values.sum() * GRID.voxel_volume, rel=0.05)
    drawn = voxelize(cloud, GRID).numpy()
    assert np.corrcoef(drawn.ravel(), values.ravel())[0, 1] > 0.9
    radius = np.linalg.norm(cloud.position.numpy() - GRID.center, axis=1)
    assert np.mean(np.abs(radius - 12) < 3) > 0.5


def test_a_lattice_holds_a_smooth_volume_evenly():
    values = np.zeros(GRID.shape, np.float32)
    values[2:-2, 2:-2, 2:-2] = 0.02
    cloud = lattice_cloud(values, GRID, 1500, 0.7, np.random.default_rng(0))
    assert len(cloud) == pytest.approx(1500, rel=0.15)
    assert float(cloud.mass.sum()) == pytest.approx(values.sum() * GRID.voxel_volume, rel=1e-4)
    inner = voxelize(cloud, GRID)[6:-6, 6:-6, 6:-6].numpy()
    assert inner.std() < 0.03 * inner.mean()
    assert inner.mean() == pytest.approx(0.02, rel=0.1)


def test_one_seed_gives_one_cloud():
    a, b = (sampled_cloud(ball(), GRID, 100, 0.7, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(a.position, b.position)


@pytest.mark.parametrize("draw", [sampled_cloud, lattice_cloud])
def test_an_empty_volume_is_refused(draw):
    with pytest.raises(ReconstructionError, match="empty"):
        draw(np.zeros(GRID.shape, np.float32), GRID, 10, 0.7, np.random.default_rng(0))
