"""The discriminator: patches of 70 x 70 pixels, judged with both images of the pair."""

import torch
from torch import nn

from IXGSLib.standardization.normalization import CHANNELS
from IXGSLib.training.discriminator import Discriminator


def inputs(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, CHANNELS, size, size, generator=generator), torch.randn(1, 1, size, size, generator=generator)


def test_judges_patches_of_seventy_pixels():
    torch.manual_seed(0)
    discriminator = Discriminator(4)
    # Normalisation looks at the whole picture; what remains without it is the field of the convolutions.
    discriminator.normalizations = nn.ModuleList([nn.Identity() for _ in discriminator.normalizations])
    picture, standardized = inputs(256)
    standardized.requires_grad_()
    judged = discriminator(picture, standardized)
    assert judged.shape == (1, 1, 30, 30)
    judged[0, 0, 15, 15].backward()
    seen = standardized.grad[0, 0] != 0
    for axis in (0, 1):
        places = seen.any(dim=axis).nonzero()
        assert int(places.max() - places.min()) + 1 == 70


def test_the_judgement_depends_on_the_image_and_its_standardised_form():
    torch.manual_seed(0)
    discriminator = Discriminator(4)
    picture, standardized = inputs(32)
    before = discriminator(picture, standardized)
    assert before.shape == (1, 1, 2, 2)
    assert not torch.allclose(before, discriminator(picture + picture.square(), standardized))
    assert not torch.allclose(before, discriminator(picture, standardized + standardized.square()))


def test_a_judgement_does_not_depend_on_the_rest_of_its_batch():
    torch.manual_seed(0)
    discriminator = Discriminator(4)
    both = [torch.cat(parts) for parts in zip(inputs(32, 1), inputs(32, 2), strict=True)]
    alone = torch.cat([discriminator(*inputs(32, seed)) for seed in (1, 2)])
    torch.testing.assert_close(discriminator(*both), alone, rtol=1e-5, atol=1e-6)
