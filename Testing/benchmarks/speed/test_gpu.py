"""The GPU's benchmark goes through on a machine without one, in a rehearsal that tells no times."""

from __future__ import annotations

import re

import pytest
import torch

from Testing.benchmarks.speed import gpu


def test_without_a_gpu_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device"):
        gpu.main([])


@pytest.mark.skipif(torch.cuda.is_available(), reason="is for machines without a GPU")
def test_a_dry_run_goes_through_everything_and_tells_no_times(capsys, one_torch_thread):
    pytest.importorskip("triton")
    gpu.main(["--dry-run"])
    told = capsys.readouterr().out
    assert "no GPU, a dry run" in told
    assert not re.search(r"\d ms|GB/s", told)
    assert re.findall(r"^\| (\d+) \| (\d+) \| dry run", told, re.MULTILINE) == [("12", "20"), ("12", "8")]
    assert re.findall(r"^\| (cpu|gpu) \| dry run", told, re.MULTILINE) == ["cpu", "gpu"]
    assert re.search(r"SSIM (0\.\d+|nan)", told)
