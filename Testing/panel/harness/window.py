"""The panel in a window that is labelled as a test, and pictures of it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .application import MODULE
from .mrml_widgets import qMRMLWidget

WIDTH = 400
LABEL = "Test panel of IXGS (not 3D Slicer)"


def load_module() -> ModuleType:
    """IXGS.py, as Slicer imports it."""
    if "IXGS" in sys.modules:
        return sys.modules["IXGS"]
    spec = importlib.util.spec_from_file_location("IXGS", MODULE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["IXGS"] = module
    spec.loader.exec_module(module)
    return module


class PanelWindow(QtWidgets.QWidget):
    """The widget of the module below a label that says that this is not Slicer.

    views: slice views to the right of the panel.
    """

    def __init__(self, views: QtWidgets.QWidget | None = None) -> None:
        super().__init__()
        self.setWindowTitle(LABEL)
        self.label = QtWidgets.QLabel(LABEL)
        self.label.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.label.setStyleSheet("background: #ffd54d; color: black; padding: 2px")
        self.content = QtWidgets.QWidget()
        inner = QtWidgets.QVBoxLayout(self.content)
        inner.setContentsMargins(0, 0, 0, 0)
        self.scroll = QtWidgets.QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setWidget(self.content)
        self.scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.label)
        row = QtWidgets.QHBoxLayout()
        outer.addLayout(row)
        row.addWidget(self.scroll)
        self.views = views
        self.scroll.setMinimumWidth(WIDTH)
        if views is not None:
            row.addWidget(views)
            row.setAlignment(self.scroll, QtCore.Qt.AlignmentFlag.AlignTop)
            self.scroll.setMaximumWidth(WIDTH)
        self.widget = load_module().IXGSWidget(self.content)
        self.widget.setup()
        self.resize(self.minimumSizeHint().width(), 900)

    def dispose(self) -> None:
        """Close the module as Slicer does when it ends."""
        self.panel.cleanup()
        self.content.findChild(qMRMLWidget).setMRMLScene(None)
        self.close()

    def in_sight(self, widget: QtWidgets.QWidget) -> bool:
        """Whether a widget lies within the visible part of the panel."""
        view = self.scroll.viewport()
        corner = widget.mapTo(view, QtCore.QPoint(0, 0))
        return 0 <= corner.y() <= QtWidgets.QWidget.height(view) - QtWidgets.QWidget.height(widget)

    def run(self) -> None:
        """Wait until the window is closed."""
        self.layout().itemAt(1).layout().setAlignment(self.scroll, QtCore.Qt.AlignmentFlag(0))
        QtWidgets.QApplication.exec()

    @property
    def panel(self) -> Any:
        return self.widget.panel

    def picture(self, path: Path, width: int = WIDTH) -> None:
        """Save a picture of the whole panel at its full height, with the slice views if they show a volume."""
        self.scroll.setFixedWidth(width)
        self.scroll.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if self.views is not None:
            self.views.setVisible(self.views.showing)
        for _ in range(6):  # nested layouts settle one after the other
            QtWidgets.QApplication.processEvents()
            inside = self.content.layout()
            height = max(inside.minimumSize().height(), inside.totalHeightForWidth(width - 2 * self.scroll.frameWidth))
            height += 4
            self.scroll.setFixedHeight(height)
            self.resize(self.minimumSizeHint())
        QtWidgets.QApplication.processEvents()
        grabbed: QtGui.QPixmap = self.grab()
        self.scroll.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert grabbed.save(str(path)), f"{path} cannot be written"
