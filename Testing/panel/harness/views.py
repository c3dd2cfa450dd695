"""The three slice views beside the test panel, drawn by the slice pipeline of MRML."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

SIDE = 280
COLOURS = {"Red": "#f34a33", "Yellow": "#edd54c", "Green": "#6eb04b"}


class SliceViews(QtWidgets.QWidget):
    """The axial, sagittal and coronal slice views of the scene, redrawn ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._labels = {}
        for name, colour in COLOURS.items():
            label = QtWidgets.QLabel()
            label.setFixedSize(SIDE, SIDE)
            label.setStyleSheet(f"background: black; border-top: 4px solid {colour}")
            column.addWidget(label)
            self._labels[name] = label
        column.addStretch(1)
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.draw)
        self._timer.start(100)

    @property
    def showing(self) -> bool:
        """Whether a volume is shown."""
        return any(not QtWidgets.QLabel.pixmap(label).isNull() for label in self._labels.values())

    def draw(self) -> None:
        """Redraw the slices."""
        logics = slicer.app.layoutManager().mrmlSliceLogics()
        for n in range(logics.GetNumberOfItems()):
            logic = logics.GetItemAsObject(n)
            label = self._labels[logic.GetSliceNode().GetName()]
            if logic.GetSliceCompositeNode().GetBackgroundVolumeID() is None:
                label.clear()
                continue
            label.setPixmap(QtGui.QPixmap.fromImage(picture(logic)))


def picture(logic: Any) -> QtGui.QImage:
    """The slice of a vtkMRMLSliceLogic in its grey window, SIDE pixels wide and high."""
    node = logic.GetSliceNode()
    if tuple(node.GetDimensions()[:2]) != (SIDE, SIDE):
        node.SetDimensions(SIDE, SIDE, 1)
        logic.FitSliceToBackground()
    producer = logic.GetBlend()
    producer.Update()
    image = producer.GetOutput()
    scalars = image.GetPointData().GetScalars()
    if scalars is None:
        return QtGui.QImage()
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(scalars).reshape(height, width, -1)[::-1, :, :3]
    pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
    return QtGui.QImage(pixels.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()
