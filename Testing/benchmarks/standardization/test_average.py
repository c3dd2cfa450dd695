"""The mean of weights and of those that they were trained from."""

from dataclasses import replace

import pytest
import torch

from IXGSLib.standardization.weights import load_weights
from IXGSLib.training.loop import train
from IXGSLib.training.request import TrainingRequest
from Testing.benchmarks.standardization.average import main
from Testing.training.conftest import pair_folder, pairs, small, trained  # noqa: F401


def test_weights_are_averaged_with_their_start(trained, pairs, pair_folder, small, tmp_path):  # noqa: F811
    first = trained / "weights.safetensors"
    settings = replace(small, steps=4, rate=5e-3)
    second = train(TrainingRequest(pairs, tmp_path / "out", settings, (pairs.patients[1],), "cpu", start=first))
    arguments = [str(second), str(first), "--pairs", str(pair_folder), "--share", "0.25"]
    assert main([*arguments, "--out", str(tmp_path / "mean.safetensors")]) == 0
    one, other, mean = (load_weights(file) for file in (first, second, tmp_path / "mean.safetensors"))
    changed = 0
    for name, value in mean.generator.items():
        torch.testing.assert_close(value, 0.75 * one.generator[name] + 0.25 * other.generator[name], rtol=0, atol=2e-3)
        changed += not torch.equal(one.generator[name], other.generator[name])
    assert changed > 10
    assert mean.about["share_of_start"] == 0.75
    assert mean.distribution is not None
    assert mean.about["patients"] == other.about["patients"]
    with pytest.raises(SystemExit, match="not trained from"):
        main([str(first), str(second), "--pairs", str(pair_folder), "--out", str(tmp_path / "wrong.safetensors")])
