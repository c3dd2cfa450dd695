"""The bone network: bone from the start, doubt without influence, and estimates on any region."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.geometry import Grid
from IXGSLib.prior import estimation
from IXGSLib.prior.channels import ALGEBRAIC, ATTENUATION_UNIT, CHANNELS
from IXGSLib.prior.estimation import enclosing_lattice, estimate_bone, in_blocks
from IXGSLib.prior.network import FIRST_TRUST, BoneNetwork
from IXGSLib.prior.network_settings import BoneNetworkSettings
from IXGSLib.prior.weights import load_bone_weights
from IXGSLib.training.prior_loop import PriorRequest, train_prior
from Testing.prior.test_channels import CENTER, LATTICE, POINT, views  # noqa: F401

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = BoneNetwork(BoneNetworkSettings(width=4, levels=2, spacing=5.0))
    with torch.no_grad():
        for each in network.parameters():
            each.add_(0.05 * torch.randn_like(each))
    return network.eval()


def drawn(*shape):
    return torch.rand(1, CHANNELS, *shape, generator=torch.Generator().manual_seed(1))


def test_an_untrained_network_returns_a_share_of_the_algebraic_reconstruction():
    network = BoneNetwork(BoneNetworkSettings(width=4, levels=2))
    channels = drawn(8, 8, 8)
    wanted = FIRST_TRUST * channels[:, ALGEBRAIC].repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(network(channels).bone, wanted.repeat_interleave(2, 3))


def test_doubt_does_not_change_what_is_believed(network):
    found = network(drawn(8, 8, 8))
    found.log_error.sum().backward()
    assert all(each.grad is None for name, each in network.named_parameters() if not name.startswith("doubt."))
    assert any(each.grad is not None and each.grad.abs().max() > 0 for each in network.doubt.parameters())


def test_a_lattice_encloses_a_turned_region():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    region = Grid.centered(CENTER, np.array([50.0, 40.0, 30.0]), 1.0, turn)
    lattice = enclosing_lattice(region, 2.5, 8)
    assert all(count % 8 == 0 for count in lattice.shape)
    assert lattice.contains(region.corners()).all()
    np.testing.assert_allclose(lattice.center, region.center)


def test_a_small_lattice_is_one_block(network):
    channels = drawn(16, 24, 8)
    whole, found = network(channels), in_blocks(network, channels[0])
    torch.testing.assert_close(found.bone, whole.bone)
    torch.testing.assert_close(found.log_error, whole.log_error)


def test_a_large_lattice_is_put_together_from_blocks_that_overlap(network, monkeypatch):
    monkeypatch.setattr(estimation, "BLOCK_VOXELS", 16)
    monkeypatch.setattr(estimation, "BLOCK_OVERLAP", 4)
    channels = drawn(40, 16, 24)
    found = in_blocks(network, channels[0])
    assert found.bone.shape == (1, 80, 32, 48)
    assert torch.isfinite(found.bone).all()
    first = network(channels[:, :, :16, :, :16])
    # Voxels that no other block holds.
    torch.testing.assert_close(found.bone[:, :20, :, :14], first.bone[:, :20, :, :14])
    torch.testing.assert_close(found.log_error[:, :10, :, :7], first.log_error[:, :10, :, :7])


@pytest.mark.parametrize("count", [8, 64, 72, 112, 200])
def test_blocks_cover_a_side_and_overlap(count):
    starts = estimation._starts(count)
    ends = [start + estimation.BLOCK_VOXELS for start in starts]
    assert starts[0] == 0
    assert ends[-1] >= count
    assert len(starts) == 1 or ends[-1] == count
    assert all(end - start >= estimation.BLOCK_OVERLAP for start, end in zip(starts[1:], ends, strict=False))


def test_an_estimate_lies_on_the_grid_of_the_region(network, views):  # noqa: F811
    region = Grid.centered(CENTER, np.array([70.0, 60.0, 50.0]), 2.0, np.eye(3))
    estimate = estimate_bone(network, views, region)
    found = estimate.prior
    assert estimate.alone.values.max() > 0.005
    assert found.bone.grid.shape == found.error.grid.shape == region.shape
    assert found.bone.values.min() >= 0
    assert found.error.values.min() > 0
    moved = replace(region, origin=region.origin + (4.0, 0, 0))
    again = estimate_bone(network, views, moved).prior
    assert again.bone.values.shape == found.bone.values.shape


def test_training_teaches_the_network_to_find_bone(bone_settings, series, tmp_path):
    settings = replace(bone_settings, steps=200, checkpoint_every=200, patch=16, averaging=0.9, unknown_units=0.0)
    weights = train_prior(PriorRequest(series, tmp_path / "out", settings, device="cpu"))
    found = series.load(series.names[0])
    channels, bone = (part.astype(np.float32) for part in (found.channels[:1], found.bone))
    with torch.no_grad():
        made = load_bone_weights(weights).network(torch.from_numpy(channels)).bone[0].numpy()
    wanted = bone / ATTENUATION_UNIT
    algebraic = channels[0, ALGEBRAIC].repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert np.square(made - wanted).mean() < 0.7 * np.square(algebraic - wanted).mean()
