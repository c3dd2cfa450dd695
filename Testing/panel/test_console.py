"""The logic without the panel, in Slicer's console and in a plain Python with slicer-core."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from IXGSLib.formats import save_case
from IXGSLib.reconstruction.resolution import resolve
from Testing.markdown import USER_GUIDE, blocks
from Testing.registration import phantom

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "registration.md"

SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/IXGS"]
from IXGS import IXGSLogic

steps = []
logic, report = IXGSLogic(), lambda event: steps.append(event.get("step"))
node = logic.reconstruct({case!r}, preset="preview", outputFolder={out!r}, onEvent=report)
print(node.GetName(), node.GetImageData().GetDimensions(), max(step or 0 for step in steps))
"""
GUIDE = """from IXGS import IXGSLogic

node = IXGSLogic().reconstruct("path/to/case", preset="standard")
"""


def test_a_script_gets_the_volume_node_in_a_plain_python(small_case, tmp_path):
    pytest.importorskip("slicer")
    script = SCRIPT.format(root=str(ROOT), case=str(small_case), out=str(tmp_path / "run"))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "done.json").is_file()
    assert int(done.stdout.split()[-1]) == resolve("preview", 6).settings.schedule.steps


REGISTRATION = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/IXGS"]
import slicer
from IXGS import IXGSLogic
from IXGSLib.scene import open_scene
from IXGSLib.scene.registrations import record_of, vertebrae_of

slicer.mrmlScene = open_scene()
from Testing.panel import spine

node = IXGSLogic().register(spine.add_ct(), {case!r}, spine.add_label_map(), levels=["L3"], outputFolder={out!r})
print([vertebra.verified for vertebra in record_of(node).vertebrae], vertebrae_of(node)["L3"].transform.GetName())
"""
REGISTRATION_GUIDE = """from IXGS import IXGSLogic
from IXGSLib.scene.registrations import record_of, vertebrae_of

node = IXGSLogic().register(ctNode, "path/to/case", segmentationNode)
for vertebra in record_of(node).vertebrae:
    print(vertebra.name, vertebra.verified, vertebra.doubts)
plan.SetAndObserveTransformNodeID(vertebrae_of(node)["L3"].transform.GetID())
"""


def test_a_script_registers_a_ct_in_a_plain_python(tmp_path):
    pytest.importorskip("slicer")
    case = save_case(phantom.case(2), tmp_path / "case").parent
    script = REGISTRATION.format(root=str(ROOT), case=str(case), out=str(tmp_path / "run"))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "registration.json").is_file()
    assert done.stdout.splitlines()[-1] == "[True] L3 CT to X-rays"


def test_a_ct_that_cannot_be_registered_raises_an_error_with_its_message(app, tmp_path):
    from IXGSLib.errors import IXGSError
    from Testing.panel import spine

    from .harness.window import load_module

    with pytest.raises(IXGSError, match="gone: does not exist"):
        load_module().IXGSLogic().register(spine.add_ct(), tmp_path / "gone", outputFolder=tmp_path / "out")


def test_the_page_of_registration_has_the_console_example():
    assert REGISTRATION_GUIDE in blocks(PAGE, "python")


def test_the_user_guide_has_the_console_example():
    assert GUIDE in blocks(USER_GUIDE, "python")


def test_a_failed_run_raises_an_error_with_its_message(app, tmp_path):
    from IXGSLib.errors import ReconstructionError

    from .harness.window import load_module

    with pytest.raises(ReconstructionError, match="gone: does not exist"):
        load_module().IXGSLogic().reconstruct(tmp_path / "gone")


def test_a_run_of_a_script_is_kept_beside_those_of_the_panel(app, panel, tmp_path, monkeypatch):
    from IXGSPanel import console

    from .harness.window import load_module

    started = []
    monkeypatch.setattr(console, "reconstruct", lambda *words: started.append(words))
    logic = load_module().IXGSLogic()
    (tmp_path / "runs" / "L3-preview").mkdir(parents=True)
    logic.reconstruct(tmp_path / "L3", preset="preview")
    assert started[0][1] == tmp_path / "runs" / "L3-preview-2"
