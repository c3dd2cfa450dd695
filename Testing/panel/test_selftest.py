"""IXGSTest, the test that Slicer runs, also passes in the harness."""

import json

import pytest

from Testing.panel.conftest import SMALL


def test_ixgs_test(window, app, monkeypatch):
    import slicer

    from .harness.window import load_module

    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: window.widget, raising=False)
    window.panel.parameters.settings = json.dumps(SMALL)
    window.panel.parameters.leftOut = json.dumps([f"{n:03d}" for n in range(25) if n % 5])  # few views are faster
    load_module().IXGSTest().runTest()


def test_it_is_skipped_if_packages_are_missing(window, packages, monkeypatch):
    import unittest

    import slicer
    from IXGSPanel.selftest import reconstruct_sample

    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: window.widget, raising=False)
    packages.names = ["torch"]
    with pytest.raises(unittest.SkipTest, match="torch"):
        reconstruct_sample(None)


def test_the_console_example_is_in_the_user_guide(window, monkeypatch, small_case):
    """run_in_slicer.sh finds a complete example in the user guide that compiles."""
    from . import in_slicer

    example = in_slicer.console_example()
    assert "path/to" not in example
    compile(example, "user-guide.md", "exec")
    assert 'preset="standard"' in example
