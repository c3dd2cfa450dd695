"""The logic without the panel, in Slicer's console and in a plain Python with slicer-core."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from IXGSLib.reconstruction.resolution import resolve

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/IXGS"]
from IXGS import IXGSLogic

steps = []
node = IXGSLogic().reconstruct({case!r}, preset="preview", onEvent=lambda event: steps.append(event.get("step")))
print(node.GetName(), node.GetImageData().GetDimensions(), max(step or 0 for step in steps))
"""
README = """    from IXGS import IXGSLogic

    node = IXGSLogic().reconstruct("path/to/case", preset="standard")
"""


def test_a_script_gets_the_volume_node_in_a_plain_python(small_case):
    pytest.importorskip("slicer")
    script = SCRIPT.format(root=str(ROOT), case=str(small_case))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == resolve("preview", 6).settings.schedule.steps


def test_the_readme_has_the_console_example():
    assert README in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_failed_run_raises_an_error_with_its_message(app, tmp_path):
    from IXGSLib.errors import ReconstructionError

    from .harness.window import load_module

    with pytest.raises(ReconstructionError, match="gone: does not exist"):
        load_module().IXGSLogic().reconstruct(tmp_path / "gone")
