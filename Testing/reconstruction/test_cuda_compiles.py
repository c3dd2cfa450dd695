"""Every Triton kernel of a step becomes machine code for real GPUs, also where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")
ARCHITECTURES = ("sm_80", "sm_90", "sm_120")
KERNELS = (
    *("images.draw", "images.gather", "volumes.fill", "volumes.gather"),
    *("image_loss.filter_rows", "image_loss.compare", "image_loss.spread_columns", "image_loss.spread_rows"),
    *("total_variation.vary", "adam.move"),
)


def test_all_kernels_of_a_step_compile_and_none_spills_its_registers(tmp_path):
    script = Path(__file__).with_name("compile_kernels.py")
    found = subprocess.run(
        [sys.executable, script, *ARCHITECTURES],
        env={**os.environ, "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    rows = re.findall(r"\| (\w+\.\w+) \| (sm_\d+) \| (\d+) \| (\d+) \|", found.stdout)
    assert {(kernel, architecture) for kernel, architecture, _, _ in rows} == {
        (kernel, architecture) for kernel in KERNELS for architecture in ARCHITECTURES
    }
    for kernel, architecture, registers, stack in rows:
        assert int(registers) > 0
        assert int(stack) == 0, f"{kernel} on {architecture}"
