"""Panels with the X-rays, the CT or a registration of a spine, and what its tests read from a panel."""

import shutil

import numpy as np
import pytest

from IXGSLib.formats import save_case
from Testing.panel import spine
from Testing.registration import phantom
from Testing.registration.folders import written

DOUBT = "restarts end 3.0 mm apart, expected at most 1 mm"


@pytest.fixture(scope="session")
def spine_case(tmp_path_factory):
    return save_case(phantom.case(2), tmp_path_factory.mktemp("spine") / "case").parent


@pytest.fixture(scope="session")
def spine_reading(tmp_path_factory):
    from IXGSLib.jobs.read_case import write_reading

    folder = tmp_path_factory.mktemp("reading")
    write_reading(phantom.case(2), folder)
    return folder


@pytest.fixture(scope="session")
def stored_registration(tmp_path_factory):
    """The folder of a registration in which L4 is not verified."""
    return written(tmp_path_factory.mktemp("stored") / "spine-ct", {"L4": (DOUBT,)})


@pytest.fixture
def spine_panel(panel, spine_case, spine_reading, tmp_path):
    """The panel with the X-rays of the spine."""
    from Testing.panel.conftest import taken  # which has this fixture

    return taken(panel, spine_case, shutil.copytree(spine_reading, tmp_path / "spine"))


@pytest.fixture
def ct_chosen(spine_panel):
    """The panel with the X-rays, the CT and its segmentation."""
    spine_panel.parameters.ct, spine_panel.parameters.ctVertebrae = spine.add_ct(), spine.add_segmentation()
    return spine_panel


@pytest.fixture
def registered(panel, ui, stored_registration, wait):
    """The panel with a registration that was made before."""
    panel.registration.loading.load(stored_registration)
    wait(lambda: panel.parameters.registration is not None)
    return panel


def transforms():
    import slicer

    from IXGSLib.scene.registrations import VERTEBRA

    nodes = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    return {node.GetAttribute(VERTEBRA): node for node in nodes if node.GetAttribute(VERTEBRA)}


def pose(node):
    """(4, 4) LPS mm of a transform node."""
    import vtk

    from IXGSLib.scene.frames import FLIP, matrix_array

    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(matrix)
    return FLIP @ matrix_array(matrix) @ FLIP


def cells(ui, row):
    return [ui.vertebraeTable.item(row, column).text() for column in range(ui.vertebraeTable.columnCount)]


def picture(label):
    from PySide6 import QtGui

    image = label.pixmap.toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., :3].copy()
