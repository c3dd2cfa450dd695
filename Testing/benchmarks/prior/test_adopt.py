"""A bone network that is used with the images of another standardising network."""

import pytest
import torch

from IXGSLib.files import sha256
from IXGSLib.prior.weights import load_bone_weights
from Testing.benchmarks.prior.adopt import main
from Testing.benchmarks.standardization.test_patients import bone_weights, weights


def test_it_belongs_to_the_other_network_and_keeps_its_own_numbers(tmp_path):
    first, second, third = (weights(tmp_path / name, [name.encode()]) for name in ("a", "b", "c"))
    found = bone_weights(tmp_path / "bone", first, [b"a"])
    assert main([str(found), str(second), "--out", str(tmp_path / "other")]) == 0
    assert main([str(tmp_path / "other"), str(third), "--out", str(tmp_path / "last")]) == 0
    before, after = load_bone_weights(found), load_bone_weights(tmp_path / "last")
    assert after.standardizer == sha256(third.read_bytes())
    assert after.about["trained_with"] == sha256(first.read_bytes())
    assert after.about["patients"] == before.about["patients"]
    for one, other in zip(before.network.parameters(), after.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_network_that_has_seen_a_patient_held_out_is_refused(tmp_path):
    first, second = (weights(tmp_path / name, [b"a", b"c"]) for name in "ab")
    found = bone_weights(tmp_path / "bone", first, [b"a"], [b"c"])
    with pytest.raises(SystemExit, match="held out"):
        main([str(found), str(second), "--out", str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()
