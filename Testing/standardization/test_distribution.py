"""The in-distribution score: calibrated on unseen patients, and lower with the distance from the training images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from IXGSLib.resources import shipped_weights
from IXGSLib.standardization.distribution import TENSOR_SHAPES, features, fit
from IXGSLib.standardization.generator import CHANNELS, Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.network import load_network
from IXGSLib.standardization.polarity import polarity
from IXGSLib.xray import read_pixels

XRAYS = Path(__file__).resolve().parents[3] / "shared" / "data"


def drawn(count, seed, size=40):
    """Features with a few strong directions and some noise, of very different units."""
    mixing = torch.randn(5, size, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(count, 5, generator=generator) @ mixing + 0.1 * torch.randn(count, size, generator=generator)
    return values * torch.logspace(-3, 3, size) + 10


@pytest.fixture(scope="module")
def model():
    return fit(drawn(300, 0), drawn(400, 1))


def test_nine_of_ten_unseen_images_score_at_least_one(model):
    assert (model.score(drawn(400, 1)) >= 1).float().mean() == pytest.approx(0.9, abs=0.005)
    assert (model.score(drawn(2000, 2)) >= 1).float().mean() == pytest.approx(0.9, abs=0.04)


def test_the_score_falls_with_distance_in_every_direction(model):
    start = drawn(1, 3)
    generator = torch.Generator().manual_seed(4)
    for _ in range(10):
        direction = torch.randn(start.shape, generator=generator) * model.deviation
        values = model.score(model.mean + torch.tensor([[20.0], [40.0], [80.0]]) * direction)
        assert (values.diff() < 0).all()
        assert values[-1] == pytest.approx(float(values[0]) / 4, rel=0.1)


def test_unusual_combinations_of_usual_features_score_low(model):
    shuffled = drawn(400, 5)
    shuffled = torch.stack([column[torch.randperm(400)] for column in shuffled.T], dim=1)
    assert (model.score(shuffled) < 1).float().mean() > 0.95


def test_the_score_does_not_depend_on_the_units_of_the_features():
    scale = torch.logspace(2, -2, 40)
    one, other = fit(drawn(300, 0), drawn(400, 1)), fit(drawn(300, 0) * scale, drawn(400, 1) * scale)
    torch.testing.assert_close(one.score(drawn(9, 2)), other.score(drawn(9, 2) * scale), rtol=0.01, atol=0)


def test_few_images_and_constant_features_give_finite_scores():
    values = drawn(3, 0)
    values[:, 0] = 1
    model = fit(values[:2], values)
    assert torch.isfinite(model.score(values)).all()
    counts = {"pictures": 2, "features": 40}
    for name, shape in TENSOR_SHAPES.items():
        assert list(model.tensors()[name].shape) == [counts.get(each, each) for each in shape]


@pytest.mark.skipif(not XRAYS.is_dir(), reason="needs the X-rays beside the checkout")
@pytest.mark.filterwarnings("ignore:.*8-bit pixels")
def test_knees_score_lower_than_chests_with_the_shipped_network():
    network = load_network(shipped_weights())

    def scores(pattern):
        pictures = [read_pixels(file).values.astype(np.float32) for file in sorted(XRAYS.glob(pattern))]
        return [network.distribution_score(picture if polarity(picture) > 0 else -picture) for picture in pictures]

    knees, trunks = scores("xray_biplane_wrist_knee/frames/L_Hop*.tif"), scores("xray_styles/nih_cxr/*.png")
    assert max(knees) < min(trunks)
    assert np.median(knees) < 1 < min(trunks)


def test_features_depend_on_one_image_only():
    torch.manual_seed(0)
    generator = Generator(GeneratorSettings(width=4, levels=4)).eval()
    pictures = torch.randn(3, CHANNELS, 32, 32)
    pictures[:, -1] = 1
    values = features(generator, pictures)
    assert values.shape[0] == 3
    assert torch.isfinite(values).all()
    torch.testing.assert_close(values[1:2], features(generator, pictures[1:2]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(values[0], values[1], rtol=1e-2)
