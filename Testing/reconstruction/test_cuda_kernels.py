"""The Triton kernels of the optimisation give values and gradients of the reference; on a GPU, or interpreted."""

from __future__ import annotations

import math

import pytest
import torch

pytest.importorskip("triton")
from IXGSLib.reconstruction.adam import Adam
from IXGSLib.reconstruction.losses import image_loss, image_loss_reference
from IXGSLib.reconstruction.total_variation import total_variation, total_variation_reference
from Testing.rendering.triton_kernels import DEVICE, triton_kernels


@pytest.fixture(autouse=True)
def _kernels(one_torch_thread):
    with triton_kernels():
        yield


def value_and_gradient(loss, values, *arguments):
    values = values.detach().clone().requires_grad_()
    value = loss(values, *arguments)
    (-3 * value).backward()
    return value.detach().cpu().double(), values.grad.cpu().double()


def agree(found, expected):
    assert found[0] == pytest.approx(float(expected[0]), rel=2e-5, abs=1e-7)
    assert (found[1] - expected[1]).abs().max() <= 1e-4 * expected[1].abs().max()


def images(shape):
    """A smooth image in 0 to 5, a noisy copy and weights, a fifth of which is zero."""
    g = torch.Generator().manual_seed(0)
    rows, columns = (torch.arange(n, dtype=torch.float32) for n in shape)
    image = 2.5 + 2.0 * torch.sin(rows / 4)[:, None] * torch.cos(columns / 6) + 0.2 * torch.rand(shape, generator=g)
    render = image + 0.6 * torch.randn(shape, generator=g)
    return render, image, (2 * torch.rand(shape, generator=g) - 0.4).clamp(min=0)


@pytest.mark.parametrize("shape", [(11, 11), (12, 40), (33, 29), (10, 30), (1, 1)])
@pytest.mark.parametrize(("ssim", "masked"), [(0.0, False), (0.25, False), (0.25, True)])
def test_image_loss(shape, ssim, masked):
    render, image, weight = images(shape)
    weight = weight if masked else weight + 0.1
    found = value_and_gradient(image_loss, *(t.to(DEVICE) for t in (render, image, weight)), 5.0, ssim)
    agree(found, value_and_gradient(image_loss_reference, render.double(), image.double(), weight.double(), 5.0, ssim))


def test_equal_images_have_no_loss():
    _, image, weight = (t.to(DEVICE) for t in images((23, 30)))
    value, gradient = value_and_gradient(image_loss, image, image.clone(), weight, 5.0, 0.5)
    assert float(value) == pytest.approx(0, abs=1e-6)
    assert gradient.abs().max() < 1e-6


def test_what_was_not_measured_takes_no_part_whatever_it_is():
    render, image, weight = (t.to(DEVICE) for t in images((23, 30)))
    _, expected = value_and_gradient(image_loss, render, image, weight, 5.0, 0.25)
    value, found = value_and_gradient(image_loss, torch.where(weight > 0, render, math.nan), image, weight, 5.0, 0.25)
    assert value.isfinite()
    assert torch.equal(found, expected)
    assert not found[weight.cpu() == 0].any()


def test_a_render_that_is_not_finite_shows():
    render, image, weight = (t.to(DEVICE) for t in images((23, 30)))
    render[weight.nonzero()[0].unbind()] = math.nan
    assert value_and_gradient(image_loss, render, image, weight, 5.0, 0.25)[0].isnan()


def test_memory_order_of_images_does_not_matter():
    tensors = [t.to(DEVICE) for t in images((23, 30))]
    turned = [t.T.contiguous().T for t in tensors]
    for one, other in zip(*(value_and_gradient(image_loss, *t, 5.0, 0.25) for t in (tensors, turned)), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(9, 8, 7), (2, 2, 2), (5, 2, 40)])
@pytest.mark.parametrize("knee", [math.inf, 0.05])
def test_total_variation(shape, knee):
    values = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    found = value_and_gradient(total_variation, values.to(DEVICE), knee)
    agree(found, value_and_gradient(total_variation_reference, values.double(), knee))


def test_total_variation_of_a_constant_is_nothing():
    value, gradient = value_and_gradient(total_variation, torch.full((4, 5, 6), 0.3, device=DEVICE))
    assert 0 <= float(value) < 2e-6
    assert not gradient.any()


def test_total_variation_of_a_single_slice_is_nothing():
    value, gradient = value_and_gradient(total_variation, torch.rand((1, 4, 5), device=DEVICE))
    assert float(value) == 0
    assert not gradient.any()


def test_adam():
    g = torch.Generator().manual_seed(0)
    start, rates = torch.randn((70, 11), generator=g), torch.rand(11, generator=g)
    found, expected = start.to(DEVICE), start.double()
    ours, reference = Adam(found, rates.to(DEVICE)), Adam(expected, rates.double())
    for step in range(4):
        # A gradient with its rows and columns swapped in memory, and one number that never moves.
        gradient = torch.randn((11, 70), generator=g).T * 10.0**step
        gradient[3, 2] = 0
        ours.step(found, gradient.to(DEVICE), 0.5)
        reference.step(expected, gradient.double(), 0.5)
    for mine, truth in ((found, expected), (ours.first, reference.first), (ours.second, reference.second)):
        torch.testing.assert_close(mine.cpu().double(), truth, rtol=1e-5, atol=1e-6)
    assert found[3, 2] == start[3, 2]
