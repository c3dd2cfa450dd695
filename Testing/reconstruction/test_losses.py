from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from IXGSLib.errors import GeometryError
from IXGSLib.reconstruction.losses import image_loss, image_loss_reference
from IXGSLib.reconstruction.total_variation import total_variation, total_variation_reference


def images(shape=(23, 30), seed=0, dtype=torch.float32):
    """A smooth image in 0 to 5, a noisy copy and weights, a fifth of which is zero."""
    g = torch.Generator().manual_seed(seed)
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in shape)
    image = 2.5 + 2.0 * torch.sin(rows / 4)[:, None] * torch.cos(columns / 6) + 0.2 * torch.rand(shape, generator=g)
    render = image + 0.6 * torch.randn(shape, generator=g)
    weight = (2 * torch.rand(shape, generator=g) - 0.4).clamp(min=0)
    return render.to(dtype), image.to(dtype), weight.to(dtype)


def value_and_gradient(loss, render, *arguments):
    render = render.detach().clone().requires_grad_()
    value = loss(render, *arguments)
    value.backward()
    return value.detach(), render.grad


@pytest.mark.parametrize("shape", [(11, 11), (12, 40), (50, 11), (64, 67), (10, 30), (1, 1)])
@pytest.mark.parametrize("ssim", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("masked", [False, True])
def test_kernels_give_the_reference(shape, ssim, masked):
    render, image, weight = images(shape)
    weight = weight if masked else weight + 0.1
    value, gradient = value_and_gradient(image_loss, render, image, weight, 5.0, ssim)
    expected, truth = value_and_gradient(
        image_loss_reference, render.double(), image.double(), weight.double(), 5.0, ssim
    )
    assert value == pytest.approx(float(expected), rel=2e-5)
    assert (gradient - truth).abs().max() <= 1e-4 * truth.abs().max()


def test_reference_gradient_is_that_of_the_loss():
    render, image, weight = images((11, 12), dtype=torch.float64)
    render.requires_grad_()
    loss = partial(image_loss_reference, image=image, weight=weight, scale=5.0, ssim_weight=0.3)
    assert torch.autograd.gradcheck(loss, (render,), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_images_have_no_loss(dtype):
    render, _, weight = images(dtype=dtype)
    value, gradient = value_and_gradient(image_loss, render, render.clone(), weight, 5.0, 0.5)
    assert float(value) == pytest.approx(0, abs=1e-6)
    assert gradient.abs().max() < 1e-6


@pytest.mark.parametrize("loss", [image_loss, image_loss_reference])
def test_ssim_is_that_of_scikit_image(loss):
    render, image, weight = images((40, 35))
    weight = torch.ones_like(weight)
    both, absolute = (float(loss(render, image, weight, 5.0, ssim)) for ssim in (1.0, 0.0))
    expected = structural_similarity(
        render.double().numpy(),
        image.double().numpy(),
        data_range=5.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert expected < 0.9
    assert 1 - (both - absolute) == pytest.approx(expected, abs=1e-5)
    assert absolute == pytest.approx(float((render - image).abs().mean()) / 5, rel=1e-5)


@pytest.mark.parametrize("loss", [image_loss, image_loss_reference])
def test_masked_pixels_take_no_part(loss):
    render, image, weight = images()
    value, gradient = value_and_gradient(loss, render, image, weight, 5.0, 0.25)
    other, same = value_and_gradient(loss, torch.where(weight > 0, render, 7 * render + 3), image, weight, 5.0, 0.25)
    assert torch.equal(value, other)
    assert torch.equal(gradient, same)
    assert not gradient[weight == 0].any()
    assert gradient[weight > 0].all()


def test_gradient_scales_with_what_comes_after():
    render, image, weight = images()
    _, once = value_and_gradient(image_loss, render, image, weight, 5.0, 0.25)
    _, twice = value_and_gradient(lambda *a: -2 * image_loss(*a), render, image, weight, 5.0, 0.25)
    assert torch.allclose(twice, -2 * once)


def test_memory_order_does_not_matter():
    render, image, weight = images()
    value, gradient = value_and_gradient(image_loss, render, image, weight, 5.0, 0.25)
    turned = [t.T.contiguous().T for t in (render, image, weight)]
    other, same = value_and_gradient(image_loss, turned[0], turned[1], turned[2], 5.0, 0.25)
    assert torch.equal(value, other)
    assert torch.equal(gradient, same)


def test_images_of_different_shapes_are_refused():
    render, image, weight = images()
    with pytest.raises(GeometryError, match=r"\(23, 30\), \(22, 30\)"):
        image_loss(render, image[1:], weight, 5.0, 0.25)


def test_total_variation_of_a_constant_is_nothing():
    values = torch.full((4, 5, 6), 0.3, requires_grad=True)
    loss = total_variation(values)
    loss.backward()
    assert 0 <= float(loss.detach()) < 2e-6
    assert not values.grad.any()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_total_variation_of_a_step_is_its_height_times_its_area(axis):
    values = torch.zeros((5, 6, 7), dtype=torch.float64)
    values.narrow(axis, 2, values.shape[axis] - 2).fill_(1.0)
    voxels_before_the_step = 1 / (values.shape[axis] - 1)
    assert float(total_variation(values)) == pytest.approx(voxels_before_the_step, abs=1e-5)


def test_total_variation_of_a_slope_is_its_steepness():
    k, j, i = np.meshgrid(np.arange(4), np.arange(5), np.arange(6), indexing="ij")
    assert float(total_variation(torch.tensor(1.0 * k - 2.0 * j + 2.0 * i))) == pytest.approx(3.0)
    assert float(total_variation(torch.tensor(1.0 * k - 2.0 * j))) == pytest.approx(math.sqrt(5))


@pytest.mark.parametrize("knee", [math.inf, 0.05])
def test_total_variation_gradient_is_that_of_its_value(knee):
    values = torch.rand((3, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: total_variation(v, knee), (values,))


def test_beyond_its_knee_total_variation_grows_as_a_root():
    def cost(height, knee):
        values = torch.zeros((3, 3, 3), dtype=torch.float64)
        values[1:] = height
        return float(total_variation(values, knee))

    assert cost(1e-3, 1.0) == pytest.approx(cost(1e-3, math.inf), rel=1e-3)
    assert cost(400.0, 1e-4) == pytest.approx(2 * cost(100.0, 1e-4), rel=1e-2)


def test_total_variation_of_a_single_slice_is_a_number():
    values = torch.rand((1, 4, 5), generator=torch.Generator().manual_seed(0), requires_grad=True)
    total_variation(values).backward()
    assert values.grad.isfinite().all()


@pytest.mark.parametrize("knee", [math.inf, 0.1])
@pytest.mark.parametrize("shape", [(9, 8, 7), (2, 2, 2), (3, 20, 2), (33, 5, 40)])
def test_compiled_total_variation_is_that_of_the_reference(shape, knee):
    torch.manual_seed(0)
    values = torch.randn(shape)
    values[0] = 0
    compiled, reference = values.clone().requires_grad_(), values.double().requires_grad_()
    ours, theirs = total_variation(compiled, knee), total_variation_reference(reference, knee)
    (3 * ours).backward()
    (3 * theirs).backward()
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)
    torch.testing.assert_close(compiled.grad.double(), reference.grad, rtol=1e-4, atol=1e-6)
