"""The generator: the architecture of the paper, and results that depend on one image only."""

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


def test_has_the_levels_and_channels_of_the_paper():
    with torch.device("meta"):
        generator = Generator(GeneratorSettings(width=64, levels=8, group=1), initialized=False)
    down = [level.convolution.out_channels for level in generator.down]
    up = [(level.convolution.in_channels, level.convolution.out_channels) for level in generator.up]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64)]
    assert [level.dropout.p for level in generator.up] == [0.5, 0.5, 0.5, 0, 0, 0, 0]
    made = generator(torch.empty(1, CHANNELS, 256, 256, device="meta"))
    assert made.shape == (1, 1, 256, 256)


def test_default_weights_fit_into_twenty_megabytes_in_half_precision():
    with torch.device("meta"):
        generator = Generator(GeneratorSettings(), initialized=False)
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


def test_dropout_acts_during_training_only(generator):
    picture = pictures(1)
    assert torch.equal(generator(picture), generator(picture))
    generator.train()
    assert not torch.equal(generator(picture), generator(picture))


def test_every_weight_receives_a_gradient(generator):
    generator(pictures()).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in generator.parameters())


def test_skips_carry_detail_past_the_innermost_level(generator):
    picture = pictures(1)
    changed = picture.clone()
    changed[0, 0, 5, 7] += 1
    with torch.no_grad():
        generator.up[0].convolution.weight.zero_()  # nothing of the innermost level is left
        difference = (generator(changed) - generator(picture)).abs()[0, 0]
    assert difference[3:8, 5:10].max() > 1e-6
