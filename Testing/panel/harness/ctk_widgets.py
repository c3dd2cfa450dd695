"""Stand-ins for the CTK widgets that the panel uses, as the module `ctk`."""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A heading that shows or hides its contents."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._text, self._collapsed = "", False

    def header_size(self) -> QtCore.QSize:
        """The size of the heading, as that of a push button with an indicator, which depends on the font."""
        option, style = QtWidgets.QStyleOptionButton(), self.style()
        option.initFrom(self)
        text = self.fontMetrics().size(QtCore.Qt.TextFlag.TextShowMnemonic, self._text)
        metrics = QtWidgets.QStyle.PixelMetric
        width = text.width() + style.pixelMetric(metrics.PM_IndicatorWidth, option, self)
        width += style.pixelMetric(metrics.PM_CheckBoxLabelSpacing, option, self)
        height = max(text.height(), style.pixelMetric(metrics.PM_IndicatorHeight, option, self))
        size = QtCore.QSize(width, height)
        return style.sizeFromContents(QtWidgets.QStyle.ContentsType.CT_PushButton, option, size, self)

    @property
    def header(self) -> int:
        return self.header_size().height()

    def _get_text(self) -> str:
        return self._text

    def _set_text(self, text: str) -> None:
        self._text = text
        self.update()

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        changed = collapsed != self._collapsed
        self._collapsed = collapsed
        if self.layout() is not None:  # the contents keep their place outside the visible area
            self.layout().setEnabled(not collapsed)
        self.setMaximumHeight(self.header if collapsed else 16777215)
        self.updateGeometry()
        self.update()
        if changed:
            self.contentsCollapsed.emit(collapsed)

    text = Property(str, _get_text, _set_text)
    collapsed = Property(bool, _get_collapsed, _set_collapsed)

    def settle(self) -> None:
        """Make room for the heading after the contents were added."""
        margins = QtWidgets.QLayout.contentsMargins(self.layout())
        self.layout().setContentsMargins(margins.left(), self.header + 6, margins.right(), margins.bottom())

    def sizeHint(self) -> QtCore.QSize:
        return self._with_header(super().sizeHint())

    def minimumSizeHint(self) -> QtCore.QSize:
        return self._with_header(super().minimumSizeHint())

    def _with_header(self, hint: QtCore.QSize) -> QtCore.QSize:
        """As in CTK, a folded section is as narrow as its heading, and an open one at least as wide."""
        size = self.header_size()
        return size if self._collapsed else hint.expandedTo(size)

    def changeEvent(self, event: QtCore.QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.FontChange:  # the heading grows with the font
            self.setMaximumHeight(self.header if self._collapsed else 16777215)
            if self.layout() is not None:
                self.settle()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.position().y() < self.header:
            self._set_collapsed(not self._collapsed)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter, option = QtGui.QPainter(self), QtWidgets.QStyleOption()
        option.initFrom(self)
        header = QtCore.QRect(0, 0, QtWidgets.QWidget.rect(self).width(), self.header)
        painter.fillRect(header, option.palette.button().color().darker(108))
        option.rect = QtCore.QRect(6, 6, 14, 14)
        elements = QtWidgets.QStyle.PrimitiveElement
        arrow = elements.PE_IndicatorArrowRight if self._collapsed else elements.PE_IndicatorArrowDown
        self.style().drawPrimitive(arrow, option, painter, self)
        painter.drawText(header.adjusted(26, 0, -6, 0), QtCore.Qt.AlignVCenter, self._text)
        painter.end()


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that is typed or chosen."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, NoDotAndDotDot, Readable, Writable = 0x1, 0x2, 0x4, 0x6000, 0x10, 0x20

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._filters, self._names = self.Files, []
        self._combo, self._button = QtWidgets.QComboBox(self), QtWidgets.QToolButton(self)  # with the paths of before
        self._combo.setEditable(True)
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._edit = self._combo.lineEdit()
        self._button.setText("...")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        row.addWidget(self._button)
        self._edit.textChanged.connect(self._check)
        self._button.clicked.connect(self._browse)
        self._valid = False

    def _check(self, text: str) -> None:
        """As in CTK: an empty path is invalid, and only the change to an invalid path is signalled."""
        before, self._valid = self._valid, bool(text)
        if self._valid:
            self.currentPathChanged.emit(text)
        if self._valid != before:
            self.validInputChanged.emit(self._valid)

    def _browse(self) -> None:
        dialog = QtWidgets.QFileDialog
        if self._filters & self.Files:  # as in CTK, regardless of the other filters
            path = dialog.getOpenFileName(self, filter=";;".join(self._names))[0]
        else:
            path = dialog.getExistingDirectory(self)
        if path:
            self._edit.setText(path)

    def _get_path(self) -> str:
        return self._edit.property("text")

    def _set_path(self, path: str) -> None:
        self._edit.setText(path)

    def _get_filters(self) -> int:
        return self._filters

    def _set_filters(self, filters: int) -> None:
        self._filters = filters

    def _get_names(self) -> list:
        return self._names

    def _set_names(self, names: list) -> None:
        self._names = list(names)

    currentPath = Property(str, _get_path, _set_path)
    filters = Property(int, _get_filters, _set_filters)
    nameFilters = Property(list, _get_names, _set_names)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box."""

    valueChanged = Signal(float)
    STEPS = 1000

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._slider.setRange(0, self.STEPS)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)
        row.addWidget(self._box)
        self._box.valueChanged.connect(self._on_value)
        self._slider.sliderMoved.connect(self._on_moved)

    def _on_value(self, value: float) -> None:
        low, high = self._box.property("minimum"), self._box.property("maximum")
        self._slider.setValue(round(self.STEPS * (value - low) / ((high - low) or 1)))
        self.valueChanged.emit(value)

    def _on_moved(self, step: int) -> None:
        low, high = self._box.property("minimum"), self._box.property("maximum")
        self._box.setValue(low + step / self.STEPS * (high - low))


def _passed_on(name: str, kind: type) -> Any:
    return Property(
        kind,
        lambda self: self._box.property(name),
        lambda self, value: QtCore.QObject.setProperty(self._box, name, value),
    )


class _Slider(ctkSliderWidget):
    value = _passed_on("value", float)
    minimum = _passed_on("minimum", float)
    maximum = _passed_on("maximum", float)
    singleStep = _passed_on("singleStep", float)
    decimals = _passed_on("decimals", int)
    suffix = _passed_on("suffix", str)

    def _get_page(self) -> float:
        return 0.0

    def _set_page(self, step: float) -> None: ...

    pageStep = Property(float, _get_page, _set_page)


_Slider.__name__ = _Slider.__qualname__ = "ctkSliderWidget"

WIDGETS = {
    "ctkCollapsibleButton": ctkCollapsibleButton,
    "ctkPathLineEdit": ctkPathLineEdit,
    "ctkSliderWidget": _Slider,
}
ABSENT = (
    "ctkCheckBox ctkCheckablePushButton ctkDoubleSlider ctkDoubleSpinBox ctkComboBox ctkRangeWidget "
    "ctkDoubleRangeSlider ctkDirectoryButton ctkColorPickerButton"
)
"""Widgets that Slicer's Python files mention and this panel does not use."""


def install() -> types.ModuleType:
    """The module `ctk`."""
    ctk = types.ModuleType("ctk")
    for name, kind in WIDGETS.items():
        setattr(ctk, name, kind)
    for name in ABSENT.split():
        setattr(ctk, name, type(name, (), {}))
    return ctk
