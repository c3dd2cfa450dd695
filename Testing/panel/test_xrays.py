"""Section 1: the source of the X-rays and the table of their views."""

import json
import shutil

import pytest

from IXGSLib.formats import load_case
from IXGSLib.formats.calibrations.matrices import write_matrices

VIEW = 0
"""Column of the table."""


def texts(ui, row):
    return [ui.viewsTable.item(row, column).text() for column in range(5)]


def test_an_empty_panel_says_what_to_do_first(ui):
    assert "Sample case" in ui.xraysMessage.text
    assert not ui.viewsTable.visible
    assert not ui.applyButton.enabled
    assert "section 1" in ui.applyButton.toolTip


def test_the_sample_case_fills_the_table(panel, ui, wait):
    ui.sampleCase.click()
    assert "Reading" in ui.xraysMessage.text or panel.selection.reading is None
    wait(lambda: panel.selection.reading is not None)
    assert ui.viewsTable.rowCount == 25
    assert texts(ui, 0) == ["000", "100° RAO\n0°", "98%", "Given", ""]
    assert not ui.viewsTable.item(0, VIEW).icon().isNull()
    assert "25 of 25 views" in ui.viewsSummary.text
    assert ui.applyButton.enabled


def test_the_path_opens_a_folder_dialog_and_a_button_opens_a_file_dialog(panel, ui, small_case, monkeypatch):
    import ctk
    import qt

    assert not ui.casePath.filters & ctk.ctkPathLineEdit.Files  # with Files, CTK would only offer files
    answers = [str(small_case / "case.json"), ""]
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: answers.pop(0))
    for _ in range(2):  # the second time the dialog is cancelled
        ui.chooseFile.click()
        assert ui.casePath.currentPath == panel.parameters.casePath == str(small_case / "case.json")
    assert not panel.xrays.needs_calibration
    ui.source.currentIndex = 1
    assert not ui.chooseFile.visible


def test_clearing_a_path_clears_its_parameter(panel, ui):
    for name in ("casePath", "calibrationPath", "weights"):
        getattr(ui, name).currentPath = "a"
        assert getattr(panel.parameters, name) == "a"
        getattr(ui, name).currentPath = ""
        assert getattr(panel.parameters, name) != "a"
        assert not list(getattr(ui, name).nameFilters or ())


def test_unticking_a_view_leaves_it_out(read, ui):
    import qt

    item = ui.viewsTable.item(2, VIEW)
    item.setCheckState(qt.Qt.Unchecked)
    assert json.loads(read.parameters.leftOut) == [item.text()]
    assert read.selection.leave_out_arguments() == ["--leave-out", item.text()]
    assert f"{ui.viewsTable.rowCount - 1} of" in ui.viewsSummary.text
    item.setCheckState(qt.Qt.Checked)
    assert read.selection.leave_out_arguments() == []


def test_apply_needs_two_views(read, ui):
    import qt

    for row in range(1, ui.viewsTable.rowCount):
        ui.viewsTable.item(row, VIEW).setCheckState(qt.Qt.Unchecked)
    assert not ui.applyButton.enabled
    assert "two views" in ui.applyButton.toolTip


def test_images_without_poses_need_a_calibration(panel, ui, wait, small_case, tmp_path):
    case = load_case(small_case)
    images = tmp_path / "images"
    images.mkdir()
    for view in json.loads((small_case / "case.json").read_text())["views"]:
        shutil.copy(small_case / view["image"], images / f"{view['id']}.tiff")
    write_matrices(tmp_path / "matrices.csv", case.views)
    panel.parameters.casePath = str(images)
    assert ui.calibrationWidget.visible
    assert "calibration" in ui.xraysMessage.text
    panel.parameters.pixelValues = "line_integral"
    panel.parameters.calibrationPath = str(tmp_path / "matrices.csv")
    wait(lambda: panel.selection.reading is not None or panel.xrays.problem)
    assert not panel.xrays.problem
    assert [xray.id for xray in panel.selection.reading.xrays] == [view.id for view in case.views]
    assert "--calibration" in panel.selection.options


def test_format_and_unit_of_a_calibration_become_options(panel, ui, tmp_path):
    (tmp_path / "images").mkdir()
    panel.parameters.casePath = str(tmp_path / "images")
    panel.parameters.calibrationPath = str(tmp_path / "poses.txt")
    assert "--calibration-format" not in panel.xrays.image_options()
    assert "--unit" not in panel.xrays.image_options()
    panel.parameters.calibrationFormat, panel.parameters.calibrationUnit = "astra", "cm"
    words = panel.xrays.image_options()
    assert words[words.index("--calibration-format") + 1] == "astra"
    assert words[words.index("--unit") + 1] == "cm"
    assert "ASTRA" in ui.calibrationFormat.currentText
    assert ui.calibrationUnit.currentText == "Centimeters"


@pytest.mark.parametrize("content", ["", "{}", '{"format": "ixgs-case", "version": 99}'])
def test_the_reason_why_a_case_cannot_be_read_is_shown(panel, ui, wait, tmp_path, content):
    (tmp_path / "case.json").write_text(content)
    panel.parameters.casePath = str(tmp_path)
    wait(lambda: panel.xrays.problem)
    assert "cannot be used" in ui.xraysMessage.text
    assert not ui.applyButton.enabled
    assert not ui.viewsTable.visible


def test_a_path_that_does_not_exist_is_a_message(panel, ui, tmp_path):
    panel.parameters.casePath = str(tmp_path / "none")
    assert "nothing at this path" in ui.xraysMessage.text


def test_the_selected_x_ray_is_shown_below_the_table(read, ui):
    assert not ui.selectedPicture.pixmap.isNull()
    before = ui.selectedPicture.pixmap.toImage()
    ui.viewsTable.selectRow(3)
    assert ui.selectedPicture.pixmap.toImage() != before
    read.xrays.table.select_next(-1)
    assert read.selection.current.id == "002"
    for _ in range(4):
        read.xrays.table.select_next(1)
    assert read.selection.current.id == "000"  # the first follows the last
