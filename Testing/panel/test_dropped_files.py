"""Files of a run or a case that are opened or dropped on Slicer."""

import json

import pytest


@pytest.fixture
def reader(window, monkeypatch):
    """The reader that Slicer makes of the module, and what it reports to the user."""
    import types

    import slicer

    from .harness.window import load_module

    messages = []
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: window.widget, raising=False)
    told = types.SimpleNamespace(AddMessage=lambda event, text: messages.append(text))
    made = load_module().IXGSFileReader(types.SimpleNamespace(loadedNodes=[], userMessages=lambda: told))
    made.messages = messages
    return made


def test_a_run_that_is_dropped_is_loaded_for_review(reader, panel, ui, finished):
    path = str(finished / "done.json")
    assert reader.canLoadFileConfidence(path) > 0.5
    assert reader.load({"fileName": path}) is True
    assert reader.parent.loadedNodes == [panel.parameters.volume.GetID()]
    assert "dB" in ui.volumeMessage.text
    assert not ui.reviewButton.collapsed


def test_a_case_that_is_dropped_is_chosen(reader, panel, small_case, wait):
    panel.parameters.source = "scene"
    path = str(small_case / "case.json")
    assert reader.canLoadFileConfidence(path) > 0.5
    assert reader.load({"fileName": path}) is True
    assert (panel.parameters.source, panel.parameters.casePath) == ("files", str(small_case))
    wait(lambda: panel.selection.reading is not None)


def test_a_registration_that_is_dropped_is_shown(reader, panel, ui, tmp_path):
    from Testing.registration.folders import written

    path = str(written(tmp_path / "spine-ct", {}) / "registration.json")
    assert reader.canLoadFileConfidence(path) > 0.5
    assert reader.load({"fileName": path}) is True
    assert reader.parent.loadedNodes == [panel.parameters.registration.GetID()]
    assert ui.vertebraeTable.rowCount == 4
    assert not ui.registrationButton.collapsed
    (tmp_path / "spine-ct" / "models" / "L2.stl").write_bytes(b"solid")
    assert reader.load({"fileName": path}) is False
    assert "models/L2.stl" in reader.messages[0]


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"format": "other"})])
def test_other_files_are_left_to_other_readers(reader, tmp_path, content):
    for name in ("done.json", "case.json", "registration.json", "run.json"):
        (tmp_path / name).write_text(content)
        assert reader.canLoadFileConfidence(str(tmp_path / name)) == 0.0
    assert reader.canLoadFileConfidence(str(tmp_path / "gone" / "done.json")) == 0.0
    assert reader.load({"fileName": str(tmp_path / "done.json")}) is False
    assert "neither the done.json of a run" in reader.messages[0]


def test_a_damaged_run_is_a_message(reader, panel, finished, tmp_path):
    import shutil

    folder = shutil.copytree(finished, tmp_path / "damaged")
    (folder / "volume.nrrd").write_bytes(b"no volume")
    assert reader.load({"fileName": str(folder / "done.json")}) is False
    assert "volume.nrrd" in reader.messages[0]
    assert panel.parameters.volume is None


def test_slicer_finds_the_reader_by_its_name_and_its_wildcards(reader):
    import fnmatch
    import re

    assert isinstance(reader.description(), str)
    assert isinstance(reader.fileType(), str)
    wildcards = [re.search(r"\((.*)\)", text).group(1) for text in reader.extensions()]
    for name in ("done.json", "case.json", "registration.json"):
        assert any(fnmatch.fnmatch(f"/runs/L3/{name}", wildcard) for wildcard in wildcards)


# Folders


@pytest.fixture
def drop(reader, monkeypatch):
    """drop(*paths): drops them on Slicer as its scripted file dialog passes them on; returns whether they are taken."""
    import types

    import qt
    import slicer

    from .harness.window import load_module

    def dropped(*paths):
        data, taken = qt.QMimeData(), []
        data.setUrls([qt.QUrl.fromLocalFile(str(path)) for path in paths])
        monkeypatch.setattr(slicer, "qSlicerFileDialog", types.SimpleNamespace(Read=0), raising=False)
        monkeypatch.setattr(slicer.util, "errorDisplay", reader.messages.append)
        dialog = types.SimpleNamespace(mimeData=lambda: data, acceptMimeData=taken.append)
        made = load_module().IXGSFileDialog(dialog)
        made.isMimeDataAccepted()
        if taken == [True]:
            made.dropEvent()
        return taken == [True]

    return dropped


def test_the_folder_of_a_case_is_chosen(drop, panel, small_case):
    assert drop(small_case)
    assert panel.parameters.casePath == str(small_case)


def test_the_folder_of_a_run_or_a_registration_is_loaded(drop, panel, finished, stored_registration):
    assert drop(finished)
    assert panel.parameters.volume is not None
    assert drop(stored_registration)
    assert panel.parameters.registration is not None


def test_other_folders_and_several_are_left_to_slicer(drop, panel, small_case, tmp_path):
    assert not drop(tmp_path)
    assert not drop(small_case, small_case)
    assert not drop(small_case / "case.json")  # which the reader of files takes
    assert panel.parameters.casePath == ""


def test_the_folder_of_a_damaged_registration_is_a_message(drop, reader, panel, stored_registration, tmp_path):
    import shutil

    folder = shutil.copytree(stored_registration, tmp_path / "damaged")
    (folder / "models" / "L2.stl").write_bytes(b"solid")
    assert drop(folder)
    assert "models/L2.stl" in reader.messages[0]
    assert panel.parameters.registration is None
