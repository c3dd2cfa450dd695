"""Scrolling the panel without changing values under the mouse."""

from __future__ import annotations

from typing import Any

import qt

INPUT_KINDS = (qt.QComboBox, qt.QAbstractSpinBox, qt.QSlider)


class WheelGuard(qt.QWidget):
    """An event filter, never shown: inputs without the focus ignore the mouse wheel, so that the panel scrolls."""

    def guard(self, page: Any) -> None:
        """Filter the events of every input of a page, including those inside other widgets."""
        for kind in INPUT_KINDS:
            for widget in page.findChildren(kind):
                widget.setFocusPolicy(qt.Qt.StrongFocus)  # the wheel must not give it the focus either
                widget.installEventFilter(self)

    def eventFilter(self, widget: Any, event: Any) -> bool:
        if event.type() != qt.QEvent.Wheel or widget.focus:
            return False
        event.ignore()  # passes it on to the page
        return True
