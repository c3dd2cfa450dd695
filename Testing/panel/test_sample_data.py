"""The sample cases in Slicer's module Sample Data."""

import sys
import types
from pathlib import Path

from .harness.window import load_module


def test_the_sample_cases_are_offered_and_chosen_in_the_panel(window, panel, monkeypatch, wait):
    import slicer

    registered = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **words: registered.append(words))
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: window.widget, raising=False)
    parent = types.SimpleNamespace()
    load_module().IXGS(parent).registerSampleData()
    assert len(registered) == 2
    for source, folder in zip(registered, ("SampleCase", "RealisticCase"), strict=True):
        assert source["category"] == "IXGS"
        assert Path(source["thumbnailFileName"]).is_file()
        assert source["customDownloader"](source) == []
        assert panel.parameters.casePath.endswith(folder)
    wait(lambda: panel.selection.reading is not None)
    assert panel.selection.reading.values == "intensity"
    assert len(panel.selection.xrays) == 16
    assert panel.standardization.method().method != "none"


def test_the_help_says_what_the_module_is_how_to_start_and_how_to_cite_it(app):
    parent = types.SimpleNamespace()
    load_module().IXGS(parent)
    for words in ("Gaussian splatting", "Sample case", "2504.14699", "user-guide.md", "Not a medical device"):
        assert words in parent.helpText
    assert "CC BY 3.0" in parent.acknowledgementText
