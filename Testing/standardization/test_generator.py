"""The generator: its levels, and results that depend on one image only."""

import pytest
import torch

from IXGSLib.standardization.generator import CHANNELS, Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings


@pytest.fixture(params=[1, 4])
def generator(request):
    torch.manual_seed(0)
    return Generator(GeneratorSettings(width=4, levels=4, group=request.param)).eval()


def pictures(count=2, size=32, seed=0):
    return torch.randn(count, CHANNELS, size, size, generator=torch.Generator().manual_seed(seed))


def test_the_finest_level_has_half_the_resolution_of_the_image():
    with torch.device("meta"):
        generator = Generator(GeneratorSettings(width=8, levels=5))
    levels = generator.encode(torch.empty(1, CHANNELS, 64, 96, device="meta"))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (8, 32, 48),
        (16, 16, 24),
        (24, 8, 12),
        (32, 4, 6),
        (32, 2, 3),
    ]


def test_default_weights_fit_into_twenty_megabytes_in_half_precision():
    with torch.device("meta"):
        generator = Generator(GeneratorSettings())
    assert sum(tensor.numel() for tensor in generator.state_dict().values()) * 2 < 20e6


@pytest.mark.parametrize("size", [16, 32, 48])
def test_output_is_as_large_as_the_input_and_not_negative(generator, size):
    made = generator(pictures(size=size))
    assert made.shape == (2, 1, size, size)
    assert (made >= 0).all()


def test_a_result_does_not_depend_on_the_rest_of_its_batch(generator):
    several = pictures(3)
    alone = torch.cat([generator(picture[None]) for picture in several])
    torch.testing.assert_close(generator(several), alone, rtol=1e-5, atol=1e-6)


def test_every_weight_receives_a_gradient(generator):
    wake(generator)
    generator(pictures()).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in generator.parameters())


def test_every_pixel_reaches_the_output_past_the_coarser_levels(generator):
    picture = pictures(1)
    changed = picture.clone()
    changed[0, 0, 5, 7] += 1
    with torch.no_grad():
        generator.up[0].past.weight[:, generator.stem.out_channels :] = 0  # nothing of the other levels is left
        difference = (generator(changed) - generator(picture)).abs()[0, 0]
    assert difference[4:6, 6:8].max() > 1e-4


def wake(generator):
    """Let the second convolutions, which begin at zero, contribute."""
    for name, weight in generator.named_parameters():
        if ".second." in name:
            torch.nn.init.normal_(weight, 0, 0.1)
