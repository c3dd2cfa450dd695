import math

import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.gaussians.parameters import limit, pack, unpack


def cloud(n=50):
    torch.manual_seed(0)
    return Cloud(torch.randn(n, 3) * 50, torch.rand(n, 3) * 3 + 0.1, torch.randn(n, 4), torch.rand(n) * 0.06 + 1e-4)


def test_packing_and_unpacking_give_the_cloud_back():
    original = cloud()
    again = unpack(pack(original, 0.02), 0.02)
    for name in ("position", "scale", "rotation", "density"):
        torch.testing.assert_close(getattr(again, name), getattr(original, name), rtol=1e-4, atol=1e-7)


def test_very_dense_gaussians_survive_packing():
    dense = Cloud(torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1, 4), torch.tensor([50.0]))
    torch.testing.assert_close(unpack(pack(dense, 0.02), 0.02).density, dense.density)


def test_any_numbers_are_a_valid_cloud():
    torch.manual_seed(0)
    wild = unpack(10 * torch.randn(200, 11), 0.02)
    assert (wild.scale > 0).all()
    assert (wild.density >= 0).all()


def test_limits_hold_size_and_aspect():
    raw = pack(cloud(), 0.02)
    raw[:, 3:6] = torch.randn(50, 3) * 4
    before = raw.clone()
    limit(raw, 0.2, 12.0, 10.0)
    scale = raw[:, 3:6].exp()
    assert scale.min() >= 0.2 * (1 - 1e-6)
    assert scale.max() <= 12 * (1 + 1e-6)
    assert (scale.amax(1) / scale.amin(1)).max() <= 10 * (1 + 1e-5)
    torch.testing.assert_close(raw[:, :3], before[:, :3])
    kept = torch.full((1, 11), math.log(2.0))
    expected = kept.clone()
    limit(kept, 0.2, 12.0, 10.0)
    torch.testing.assert_close(kept, expected)
