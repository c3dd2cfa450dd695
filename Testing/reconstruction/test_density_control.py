import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.reconstruction.density_control import ControlLimits, control_density
from IXGSLib.reconstruction.parameters import pack, unpack
from IXGSLib.rendering import voxelize

UNIT = 0.02


def run(cloud, gradient, limits):
    raw = pack(cloud, UNIT)
    stay, added = control_density(raw, gradient, UNIT, limits, torch.Generator().manual_seed(0))
    return unpack(torch.cat([raw[stay], added]), UNIT)


def cloud(n=20, scale=2.0):
    torch.manual_seed(0)
    size = scale * (0.5 + torch.rand(n, 3))
    return Cloud(torch.randn(n, 3) * 10, size, torch.randn(n, 4), torch.rand(n) * 0.04 + 0.01)


def test_the_mass_is_kept_by_splitting_and_by_cloning():
    for wide in (0.1, 100.0):
        before = cloud()
        after = run(before, torch.rand(20), ControlLimits(max_count=100, fraction=0.5, min_density=0, split_scale=wide))
        assert len(after) == 30
        torch.testing.assert_close(after.mass.sum(), before.mass.sum(), rtol=1e-5, atol=0)


def test_the_strongest_pulled_are_doubled():
    before = cloud()
    pulled = torch.zeros(20)
    pulled[7] = 1
    after = run(before, pulled, ControlLimits(max_count=100, fraction=0.05, min_density=0, split_scale=100))
    unchanged = [n for n in range(20) if torch.equal(after.density[n], before.density[n].float())]
    assert len(after) == 21
    torch.testing.assert_close(after.density[7], before.density[7] / 2)
    torch.testing.assert_close(after.density[20], before.density[7] / 2)
    assert 7 not in unchanged


def test_splitting_hardly_changes_the_volume():
    one = Cloud(
        torch.zeros(1, 3), torch.tensor([[4.0, 2.0, 2.5]]), torch.tensor([[0.3, 0.5, -0.2, 0.7]]), torch.tensor([0.03])
    )
    grid = Grid.centered((0, 0, 0), (40, 40, 40), 1.0)
    two = run(one, torch.ones(1), ControlLimits(max_count=10, fraction=1.0, min_density=0, split_scale=1.0))
    before, after = voxelize(one, grid), voxelize(two, grid)
    assert len(two) == 2
    assert (after - before).abs().max() < 0.06 * before.max()


def test_the_cap_holds_and_the_faint_go():
    before = cloud()
    before = Cloud(
        before.position, before.scale, before.rotation, torch.where(torch.arange(20) < 5, 1e-7, before.density)
    )
    after = run(before, torch.rand(20), ControlLimits(max_count=18, fraction=1.0, min_density=1e-5, split_scale=1))
    assert len(after) == 18
    full = run(cloud(), torch.rand(20), ControlLimits(max_count=20, fraction=1.0, min_density=0, split_scale=1))
    assert len(full) == 20
