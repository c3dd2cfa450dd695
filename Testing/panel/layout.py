"""What is wrong with the layout of a panel: texts that are cut, and contents that are wider than the panel."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .harness.ctk_widgets import ctkCollapsibleButton

TOLERANCE = 2
"""Pixels by which a text may exceed its widget, since styles round."""


def cut_texts(page: QtWidgets.QWidget) -> list[str]:
    """Names and texts of visible widgets that do not show their whole text."""
    found = []
    for kind in (QtWidgets.QAbstractButton, QtWidgets.QLabel, QtWidgets.QComboBox, QtWidgets.QHeaderView):
        for widget in page.findChildren(kind):
            if _is_in_sight(widget) and _is_cut(widget):
                found.append(f"{_name(widget)}: {_text(widget)}")
    return found


def contrast(one: QtGui.QColor, other: QtGui.QColor) -> float:
    """The contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def faint_texts(page: QtWidgets.QWidget, least: float = 4.5) -> list[str]:
    """Names of visible widgets that are enabled and whose text has less contrast than WCAG 2 asks for."""
    found = []
    for kind in (QtWidgets.QAbstractButton, QtWidgets.QLabel):
        for widget in page.findChildren(kind):
            palette = QtWidgets.QWidget.palette(widget)
            if _is_in_sight(widget) and QtWidgets.QWidget.isEnabled(widget) and _text(widget):
                roles = QtGui.QPalette.ColorRole
                button = isinstance(widget, QtWidgets.QPushButton)
                ink = palette.color(roles.ButtonText if button else roles.WindowText)
                if contrast(ink, palette.color(roles.Button if button else roles.Window)) < least:
                    found.append(_name(widget))
    return found


def _is_in_sight(widget: Any) -> bool:
    """Whether a widget is visible and in no folded section, which keeps its contents without laying them out."""
    if not QtWidgets.QWidget.isVisible(widget):
        return False
    above = QtWidgets.QWidget.parentWidget(widget)
    while above is not None:
        if isinstance(above, ctkCollapsibleButton) and above.property("collapsed"):
            return False
        above = QtWidgets.QWidget.parentWidget(above)
    return True


def _is_cut(widget: Any) -> bool:
    width = QtWidgets.QWidget.width(widget) + TOLERANCE
    if isinstance(widget, QtWidgets.QLabel):
        if widget.property("pixmap") is not None and not widget.property("pixmap").isNull():
            return bool(widget.property("pixmap").width() > width)
        if widget.property("wordWrap"):
            return bool(widget.heightForWidth(width - TOLERANCE) > QtWidgets.QWidget.height(widget) + TOLERANCE)
        return bool(widget.sizeHint().width() > width)
    if isinstance(widget, QtWidgets.QComboBox):
        if _is_of_nodes_or_paths(widget):
            return False  # names and paths of any length are elided
        arrow = 2 * QtWidgets.QWidget.fontMetrics(widget).height()
        text = QtWidgets.QWidget.fontMetrics(widget).horizontalAdvance(widget.property("currentText"))
        return bool(text + arrow / 2 > width)
    if isinstance(widget, QtWidgets.QHeaderView):
        return any(
            widget.sectionSizeFromContents(n).width() > widget.sectionSize(n) + TOLERANCE
            for n in range(QtWidgets.QHeaderView.count(widget))
            if widget.orientation() == QtCore.Qt.Orientation.Horizontal
        )
    return bool(_text(widget)) and bool(widget.sizeHint().width() > width)


def _is_of_nodes_or_paths(widget: Any) -> bool:
    """Whether a combo box shows a path or the name of a node; what it shows for none is a text of the panel."""
    above = QtWidgets.QWidget.parentWidget(widget)
    if type(above).__name__ == "qMRMLNodeComboBox":
        return above.currentNode() is not None
    return type(above).__name__ == "ctkPathLineEdit"


def _name(widget: Any) -> str:
    return str(widget.property("objectName")) or type(widget).__name__


def _text(widget: Any) -> str:
    return str(widget.property("currentText" if isinstance(widget, QtWidgets.QComboBox) else "text") or "")


def _luminance(colour: QtGui.QColor) -> float:
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
