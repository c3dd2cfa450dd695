"""The mouse wheel turns the page, not the values that it passes over."""

from __future__ import annotations

from typing import Any

import qt

KINDS = (qt.QComboBox, qt.QAbstractSpinBox, qt.QSlider)


class WheelGuard(qt.QWidget):
    """Never shown: it keeps the wheel from boxes and sliders without the focus, so that their page scrolls instead."""

    def guard(self, page: Any) -> None:
        """Look after every box and slider of a page, those inside of other widgets too."""
        for kind in KINDS:
            for box in page.findChildren(kind):
                box.setFocusPolicy(qt.Qt.StrongFocus)  # the wheel shall not bring it the focus either
                box.installEventFilter(self)

    def eventFilter(self, box: Any, event: Any) -> bool:
        if event.type() != qt.QEvent.Wheel or box.focus:
            return False
        event.ignore()  # so that it goes on to the page
        return True
