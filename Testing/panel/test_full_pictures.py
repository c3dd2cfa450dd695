"""The large window of section 1: X-rays with all of their pixels."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.formats import load_case, save_case
from IXGSLib.jobs.read_case import write_reading
from Testing.panel.conftest import taken

FACTOR = 16
"""Pixels of the large X-rays for each of the small case."""


@pytest.fixture(scope="module")
def large_case(small_case, tmp_path_factory):
    """Two X-rays of more pixels than a picture of the panel has, with a bright pixel in a corner."""
    case, xrays = load_case(small_case), []
    for xray in case.xrays[:2]:
        image = np.kron(xray.image, np.ones((FACTOR, FACTOR), np.float32))
        image[3, 7] = 40.0
        size = image.shape[::-1]
        mask = np.ones(image.shape, bool)
        xrays.append(replace(xray, view=xray.view.resized(size), image=image, mask=mask))
    return save_case(replace(case, xrays=tuple(xrays)), tmp_path_factory.mktemp("large") / "case").parent


@pytest.fixture(scope="module")
def large_reading(large_case, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    write_reading(load_case(large_case), folder)
    return folder


@pytest.fixture
def viewer(panel, ui, large_case, large_reading, tmp_path):
    from PySide6 import QtCore, QtTest

    taken(panel, large_case, shutil.copytree(large_reading, tmp_path / "reading"))
    QtTest.QTest.mouseClick(ui.selectedPicture, QtCore.Qt.LeftButton)
    yield panel.xrays.table.enlarger.viewer
    panel.xrays.table.enlarger.viewer.close()


def test_every_pixel_is_shown_on_demand(viewer, panel, large_case, wait):
    width, height = load_case(large_case).views[0].size
    assert width > 512
    fitted = viewer.picture.pixmap.width()
    assert panel.xrays.table.full._folder is None  # nothing is read before
    viewer.pixels.checked = True
    assert "Reading the X-ray in full resolution" in viewer.caption.text
    wait(lambda: viewer.picture.pixmap.width() == width)
    assert viewer.picture.pixmap.height() == height
    assert "Reading" not in viewer.caption.text
    shown = viewer.picture.pixmap.toImage()
    assert shown.pixelColor(7, 3).value() > shown.pixelColor(8, 3).value()  # a single pixel is in sight
    viewer.pixels.checked = False
    assert viewer.picture.pixmap.width() == fitted


def test_an_x_ray_smaller_than_the_window_fills_it(read, ui, wait):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseClick(ui.selectedPicture, QtCore.Qt.LeftButton)
    viewer = read.xrays.table.enlarger.viewer
    fitted = viewer.picture.pixmap.width()
    viewer.pixels.checked = True
    wait(lambda: viewer.caption.text == "")
    assert viewer.picture.pixmap.width() == fitted
    viewer.close()


def test_a_picture_is_read_once_and_others_when_they_are_shown(viewer, panel, wait):
    full = panel.xrays.table.full
    viewer.pixels.checked = True
    wait(lambda: full.picture("000") is not None)
    viewer.step(1)
    assert full.picture("001") is None
    wait(lambda: full.picture("001") is not None)
    assert not full.process.running
    viewer.step(-1)
    assert not full.process.running
    assert viewer.caption.text == ""


def test_a_case_that_is_gone_is_a_message(viewer, panel, wait, tmp_path):
    panel.selection.case = tmp_path / "gone"
    viewer.pixels.checked = True
    wait(lambda: "gone" in viewer.caption.text)
    assert viewer.picture.pixmap.width() > 0


def test_pictures_are_deleted_with_the_x_rays(viewer, panel, wait):
    full = panel.xrays.table.full
    viewer.pixels.checked = True
    wait(lambda: full.picture("000") is not None)
    folder = full._folder
    panel.parameters.casePath = ""
    assert not folder.exists()
    viewer._show_pair()
    assert "not in section 1 any more" in viewer.caption.text


def test_names_with_signs_of_html_are_shown_as_they_are(panel):
    from IXGSPanel.labels import escaped

    assert escaped("A & B") == "A & B"
    assert escaped("<b> &lt;") == "&lt;b> &amp;lt;"


def test_a_view_that_is_not_in_the_case_is_named(small_case, tmp_path):
    from IXGSLib.errors import FormatError
    from IXGSLib.formats.case_source import CaseOptions
    from IXGSLib.jobs.case_arguments import CaseArguments
    from IXGSLib.jobs.full_picture import write_full_picture

    with pytest.raises(FormatError, match="view 'sheep': is not in the case any more"):
        write_full_picture(CaseArguments(small_case, tmp_path, CaseOptions()), "sheep")
