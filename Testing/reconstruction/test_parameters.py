import math

import pytest
import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.reconstruction.parameters import limit, pack, unpack, unpack_reference


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


@pytest.mark.parametrize("spread", [1.0, 15.0])
def test_compiled_numbers_are_those_of_the_reference(spread):
    torch.manual_seed(0)
    raw = spread * torch.randn(300, 11)
    found, expected = (_with_gradient(function, raw) for function in (unpack, unpack_reference))
    for value, truth in zip(found, expected, strict=True):
        torch.testing.assert_close(value, truth, rtol=1e-5, atol=1e-9)


def test_gradient_of_the_reference():
    torch.manual_seed(0)
    raw = torch.randn(4, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: tuple(vars(unpack(r, 0.02)).values()), raw)


def test_compiled_limits_are_those_of_torch():
    torch.manual_seed(0)
    raw = 4 * torch.randn(300, 11)
    expected = raw.double()
    limit(raw, 0.2, 12.0, 10.0)
    limit(expected, 0.2, 12.0, 10.0)
    torch.testing.assert_close(raw, expected.float())


def test_numbers_that_are_not_finite_stay_so():
    raw = torch.zeros(3, 11)
    raw[0, 4], raw[1, 10] = math.nan, math.inf
    cloud = unpack(raw, 0.02)
    assert torch.isnan(cloud.scale[0, 1])
    assert torch.isinf(cloud.density[1])
    assert torch.isfinite(cloud.density[2])


def _with_gradient(function, raw):
    """The cloud's arrays and the gradient of the sum of their squares, of scales by the logarithm."""
    leaf = raw.clone().requires_grad_()
    cloud = function(leaf, 0.02)
    total = sum(t.square().sum() for t in (cloud.position, cloud.scale.log(), cloud.rotation, cloud.density / 0.02))
    (gradient,) = torch.autograd.grad(total, leaf)
    return *(t.detach() for t in vars(cloud).values()), gradient
