"""A trained network applied to images of any size and grey scale, with reproducible results."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from IXGSLib.errors import FormatError
from IXGSLib.standardization.distribution import features
from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.network import Network, load_network
from IXGSLib.standardization.weights import save_weights


@pytest.fixture(scope="module")
def network(trained):
    return load_network(trained / "weights.safetensors")


class Copy(torch.nn.Module):
    """A generator that returns its grey channel, to expose the geometry of the resampling around it."""

    def __init__(self):
        super().__init__()
        self.offset = torch.nn.Parameter(torch.tensor(2.0), requires_grad=False)

    def encode(self, pictures):
        return [pictures]

    def decode(self, levels):
        return levels[0][:, :1] + self.offset


@pytest.fixture
def copier():
    return Network(Copy(), 1.0, 64, None, {})


def scene(shape, row=0.0, column=0.0):
    """A few soft blobs that move with (row, column) pixels, in units of the longer side."""
    rows, columns = (np.indices(shape) - np.array([[[row]], [[column]]])) / max(shape)
    middles = [(0.35, 0.3, 1.0), (0.55, 0.5, -0.8), (0.45, 0.62, 0.7), (0.65, 0.35, 0.6)]
    return sum(a * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 0.004) for r, c, a in middles).astype(np.float32)


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (101, 64), (512, 512), (700, 531), (16, 9), (1, 5)])
def test_the_result_has_the_shape_of_the_image(network, shape):
    made = network.apply(np.random.default_rng(0).random(shape, np.float32))
    assert made.shape == shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert (made >= 0).all()


def test_the_result_is_the_same_every_time_and_for_any_scale_and_offset(network):
    picture = scene((90, 70))
    first = network.apply(picture)
    network.apply(np.random.default_rng(1).random((50, 50)))
    assert np.array_equal(network.apply(picture), first)
    np.testing.assert_allclose(network.apply(65535 * picture + 1000), first, atol=1e-3)
    assert np.ptp(first) > 0


def test_the_result_ignores_pixels_outside_the_field_and_is_zero_there(network):
    picture, field = scene((80, 80)), np.hypot(*(np.indices((80, 80)) - 40)) < 30
    first = network.apply(picture, field)
    assert (first[~field] == 0).all()
    assert (first[field] > 0).any()
    for other in (np.nan, np.inf, 1e9, -5):
        assert np.array_equal(network.apply(np.where(field, picture, other), field), first)


@pytest.mark.parametrize("shape", [(64, 64), (50, 31), (127, 127), (90, 128), (256, 200)])
def test_resampling_does_not_shift_the_scene(copier, shape):
    picture = scene(shape)
    made = copier.apply(picture)
    step = -(-max(shape) // 64)
    for axis in (0, 1):
        fits = [np.corrcoef(np.roll(made, shift, axis).ravel(), picture.ravel())[0, 1] for shift in (-step, 0, step)]
        assert fits[1] > 0.99
        # The top of the parabola through the three lies within a thirtieth of a pixel of the network.
        assert abs(fits[0] - fits[2]) < 2 / 30 * abs(fits[0] - 2 * fits[1] + fits[2])


@pytest.mark.parametrize("shift", [(3, 0), (0, 5), (8, -7)])
def test_a_shifted_image_gives_a_shifted_result(copier, shift):
    one, other = copier.apply(scene((128, 128))), copier.apply(scene((128, 128), *shift))
    inner = (slice(20, -20), slice(20, -20))
    fits = [np.corrcoef(other[inner].ravel(), np.roll(one, by, (0, 1))[inner].ravel())[0, 1] for by in (shift, (0, 0))]
    assert fits[0] > 0.99
    assert fits[0] > fits[1]


def test_landscape_and_portrait_images_keep_their_field(network):
    for shape in ((60, 100), (100, 60)):
        field = np.zeros(shape, bool)
        field[10:50, 20:55] = True
        assert (network.apply(scene(shape), field)[~field] == 0).all()


@pytest.mark.parametrize(
    ("picture", "field", "words"),
    [
        (np.zeros((2, 3, 4)), None, ("shape (2, 3, 4)", "(rows, columns)")),
        (np.zeros((0, 3)), None, ("(0, 3)",)),
        (np.zeros((8, 8)), np.ones((8, 9), bool), ("(8, 9)", "expected the same")),
        (np.zeros((8, 8)), np.zeros((8, 8), bool), ("empty",)),
        (np.full((8, 8), np.nan), None, ("NaN or infinity",)),
    ],
)
def test_invalid_images_are_refused(picture, field, words, network):
    for method in (network.apply, network.distribution_score):
        with pytest.raises(FormatError) as error:
            method(picture, field)
        assert all(word in str(error.value) for word in words), error.value


def test_a_constant_image_gives_numbers(network):
    assert np.isfinite(network.apply(np.full((40, 40), 7.0))).all()
    assert np.isfinite(network.distribution_score(np.full((40, 40), 7.0)))


def test_training_images_score_higher_than_other_images(network, pairs):
    usual = [network.distribution_score(pair.picture, pair.field) for pair in map(pairs.load, pairs.names)]
    generator = np.random.default_rng(0)
    rows, columns = np.indices((32, 32))
    strange = [
        generator.random((32, 32)),
        ((rows // 2 + columns // 2) % 2).astype(float),
        np.full((32, 32), 5.0),
    ]
    assert max(network.distribution_score(picture) for picture in strange) < np.median(usual)


def test_the_score_of_an_image_is_that_of_its_features(network, pairs):
    pair = pairs.load(pairs.names[0])
    image, score = network.apply_with_score(pair.picture, pair.field)
    np.testing.assert_array_equal(image, network.apply(pair.picture, pair.field))
    pictures = network._input(pair.picture, pair.field)
    assert score == pytest.approx(float(network.distribution.score(features(network.generator, pictures))), rel=1e-5)


def test_weights_without_a_distribution_model_say_so(tmp_path):
    settings = GeneratorSettings(width=4, levels=4)
    about = {"settings": asdict(settings), "size": 32}
    save_weights(tmp_path / "w.safetensors", about, Generator(settings).state_dict())
    with pytest.raises(FormatError, match="no distribution model"):
        load_network(tmp_path / "w.safetensors").distribution_score(np.eye(40))
