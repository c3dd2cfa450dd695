"""Weights of the bone network: round trip, and refusal of everything else."""

import json
import struct

import pytest
import torch

from IXGSLib.errors import FormatError, TruncatedFile
from IXGSLib.prior.network import BoneNetwork
from IXGSLib.prior.network_settings import BoneNetworkSettings
from IXGSLib.prior.weights import FORMAT, load_bone_weights, save_bone_weights
from IXGSLib.resources import shipped_weights

SETTINGS = BoneNetworkSettings(width=4, levels=2)
ABOUT = {"network": SETTINGS.as_dict(), "standardizer": "0" * 64, "patients": ["a"]}


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(0)
    save_bone_weights(tmp_path / "bone.safetensors", ABOUT, BoneNetwork(SETTINGS))
    return tmp_path / "bone.safetensors"


def test_a_network_is_read_as_it_was_written(file):
    torch.manual_seed(0)
    network, found = BoneNetwork(SETTINGS), load_bone_weights(file)
    assert found.network.settings == SETTINGS
    assert found.standardizer == "0" * 64
    assert found.about["patients"] == ["a"]
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(found.network.state_dict()[name], tensor, rtol=1e-3, atol=1e-3)


def edit(file, change):
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, numbers = json.loads(data[8 : 8 + length]), data[8 + length :]
    about = json.loads(header["__metadata__"][FORMAT.name])
    change(about)
    header["__metadata__"][FORMAT.name] = json.dumps(about)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + numbers)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda about: about.update(version=9), "version 9"),
        (lambda about: about["network"].update(width=8), "expected F16"),
        (lambda about: about["network"].update(depth=3), "depth"),
        (lambda about: about.pop("network"), "network"),
        (lambda about: about.update(standardizer=None), "standardises"),
        (lambda about: about.update(sha256="0"), "have changed"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(file, change, words):
    edit(file, change)
    with pytest.raises(FormatError, match=words):
        load_bone_weights(file)


def test_other_weights_and_cut_files_are_refused(file):
    with pytest.raises(FormatError, match="something else"):
        load_bone_weights(shipped_weights())
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(TruncatedFile):
        load_bone_weights(file)
