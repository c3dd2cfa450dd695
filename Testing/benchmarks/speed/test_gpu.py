"""The GPU benchmark runs on a machine without a GPU, as a dry run that reports no times."""

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
def test_a_dry_run_executes_every_line_and_reports_no_times(capsys, one_torch_thread):
    pytest.importorskip("triton")
    gpu.main(["--dry-run"])
    output = capsys.readouterr().out
    assert "no GPU, a dry run" in output
    assert not re.search(r"\d ms|GB/s", output)
    assert re.findall(r"^\| (\d+) \| (\d+) \| dry run", output, re.MULTILINE) == [("12", "20"), ("12", "8")]
    assert re.findall(r"^\| (cpu|gpu) \| dry run", output, re.MULTILINE) == ["cpu", "gpu"]
    assert re.search(r"SSIM (0\.\d+|nan)", output)
