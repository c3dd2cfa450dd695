"""The loss in frequency bands."""

import pytest
import torch
import torch.nn.functional as F

from IXGSLib.training.bands import SHELL_PIXELS, VARIANCES, band_loss, bands, lesion_weights


def images(count=2, size=64, seed=0):
    return torch.rand(count, 1, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_bands_add_up_to_the_image():
    image = images()
    *fine, total = bands(image)
    for band in reversed(fine):
        total = band + F.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(total, image)


def test_a_smooth_image_is_in_the_last_band_only():
    *fine, last = bands(torch.full((1, 1, 32, 32), 0.7))
    assert all(band.abs().max() < 1e-6 for band in fine)
    torch.testing.assert_close(last, torch.full((1, 1, 2, 2), 0.7))


def test_an_error_counts_more_in_a_band_where_images_vary_less():
    target = torch.zeros(1, 1, 64, 64)
    fine = 0.1 * (torch.arange(64) % 2 * 2 - 1.0).expand(1, 1, 64, 64)
    coarse = torch.full((1, 1, 64, 64), 0.1)
    assert VARIANCES[0] < VARIANCES[-1]
    assert band_loss(fine, target) > 100 * band_loss(coarse, target)
    assert band_loss(target, target) == 0


def test_images_of_dense_and_of_light_bone_count_alike():
    made, target = images(seed=1), images(seed=2)
    light, dense = (float(band_loss(density * made, density * target)) for density in (10, 20))
    assert dense == pytest.approx(light, rel=0.1)


def test_an_error_counts_by_the_weight_of_its_pixel_in_every_band():
    target, weights = torch.zeros(1, 1, 64, 64, dtype=torch.float64), torch.ones(1, 1, 64, 64, dtype=torch.float64)
    weights[..., 24:40, 24:40] = 5
    inside, outside = target.clone(), target.clone()
    inside[..., 28:36, 28:36], outside[..., :8, :8] = 0.1, 0.1
    plain = float(band_loss(inside, target))
    assert float(band_loss(inside, target, weights)) == pytest.approx(5 * plain, rel=0.05)
    assert float(band_loss(outside, target, weights)) < 1.1 * float(band_loss(outside, target))
    assert float(band_loss(inside, target, torch.ones_like(weights))) == plain


def test_only_pixels_in_and_around_lesions_count_more():
    lost = torch.zeros(2, 1, 32, 32)
    lost[0, 0, 16, 16] = 0.3
    lost[0, 0, 2, 2] = 0.001
    weights = lesion_weights(lost, 6.0)
    assert (weights[1] == 1).all()
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    near = ((rows - 16).abs() <= SHELL_PIXELS) & ((columns - 16).abs() <= SHELL_PIXELS)
    torch.testing.assert_close(weights[0, 0], torch.where(near, 6.0, 1.0))


def test_its_gradient_is_exact():
    made, target = images(1, 16, 3).requires_grad_(), images(1, 16, 4)
    assert torch.autograd.gradcheck(lambda values: band_loss(values, target), made)
