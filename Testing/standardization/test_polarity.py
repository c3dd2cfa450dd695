"""Polarity: its sign for images and their negatives."""

import numpy as np
import pytest

from IXGSLib.standardization.polarity import features, polarity
from IXGSLib.xray import read_pixels


def chest(shape=(200, 160)):
    """A body surrounded by air, with a spine, ribs and a metal ball; dense tissue is bright."""
    rows, columns = np.indices(shape) / max(shape)
    middle = 0.5 * shape[1] / max(shape)
    body = np.sqrt(np.clip(1 - ((columns - middle) / (0.8 * middle)) ** 2, 0, None))
    spine = 0.5 * (np.abs(columns - middle) < 0.06) * (0.7 + 0.3 * (np.sin(60 * rows) > -0.5))
    ribs = 0.15 * (np.sin(40 * rows + 8 * np.abs(columns - middle)) > 0.85) * (body > 0.1)
    ball = 1.5 * (np.hypot(rows - 0.3, columns - 0.25) < 0.02)
    noise = 0.01 * np.exp(body) * np.random.default_rng(0).standard_normal(shape)
    return body + spine + ribs + ball + noise


@pytest.mark.parametrize("gamma", [0.7, 1.0, 1.4])
def test_a_body_surrounded_by_air_is_recognised(gamma):
    picture = (chest() - chest().min()) ** gamma
    assert polarity(picture) > 0
    assert polarity(-picture) < 0


def test_inverting_the_image_changes_the_sign_only():
    picture, field = chest(), np.hypot(*(np.indices((200, 160)) - 80)) < 70
    assert polarity(1000 - 300 * picture, field) == pytest.approx(-polarity(picture, field), rel=1e-2, abs=1e-2)
    np.testing.assert_allclose(features(-picture, field), -features(picture, field), atol=0.01)


def test_a_constant_image_and_a_tiny_field_have_no_polarity():
    assert polarity(np.full((50, 50), 3.0)) == pytest.approx(0, abs=1e-9)
    field = np.zeros((500, 500), bool)
    field[250, 250] = True
    assert polarity(np.ones((500, 500)), field) == 0


@pytest.mark.filterwarnings("ignore:.*8-bit pixels:IXGSLib.errors.IXGSWarning")
def test_real_chest_and_abdomen_radiographs_are_recognised(data):
    files = sorted((data / "xray_styles").rglob("*.png"))  # all of which show dense tissue bright
    assert len(files) == 9
    for file in files:
        picture = read_pixels(file).values.astype(float)
        assert polarity(picture) > 0.5, file.name
        assert polarity(-picture) < -0.5, file.name


def test_a_body_on_a_background_without_noise_has_finite_features():
    """Squares that are blurred by sums of boxes end slightly below zero where the image is flat."""
    y, x = np.mgrid[:80, :80]
    bodies = [np.sqrt(np.clip(r**2 - (x - 40.0) ** 2 - (y - 37.0) ** 2, 0, None)) / 40 for r in (6.0, 9.3, 14.0)]
    for body in bodies:
        found = features(body, np.ones(body.shape, bool))
        assert np.isfinite(found).all()
