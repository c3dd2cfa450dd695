"""Pictures in the panel that open large when they are clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from IXGSLib.formats.fiducial_findings import FiducialFinding

from .fiducials import scaled_picture
from .outlines import Outline

SHARE_OF_WINDOW, MIN_SIDE = 0.75, 640
"""Longer side of the large picture, as a part of the main window, and at least this many pixels."""


@dataclass(frozen=True)
class Pair:
    """One or two pictures of a view: files, and what they show.

    second: None for a single picture. fiducials: drawn over the first picture, in its pixels. outlines: drawn over
    both. switched: what a check box of the window shows in place of this pair; None where there is nothing else.
    """

    title: str
    first: Path
    second: Path | None = None
    caption: str = ""
    fiducials: tuple[FiducialFinding, ...] = ()
    outlines: tuple[Outline, ...] = ()
    switched: Pair | None = None


@dataclass(frozen=True)
class Album:
    """Pairs to leaf through.

    number: that of the pair to show first. switch: the text of the check box for pairs that can be switched.
    on: whether the box is checked at first.
    """

    pairs: Sequence[Pair] = ()
    number: int = 0
    switch: str = ""
    on: bool = False


class Enlarger(qt.QWidget):
    """An event filter, never shown: a click on one of its labels opens the pictures large.

    album: returns what the window shows; without pairs it does not open.
    """

    def watch(self, labels: Sequence[Any], album: Callable[[], Album]) -> None:
        """Open the album at a click on any of the labels."""
        self._album = album
        self.viewer: Any = None
        for label in labels:
            label.cursor = qt.QCursor(qt.Qt.PointingHandCursor)
            label.installEventFilter(self)

    def eventFilter(self, label: Any, event: Any) -> bool:
        if event.type() == qt.QEvent.MouseButtonPress:
            event.accept()  # so that the label gets the release too
            return True
        if event.type() != qt.QEvent.MouseButtonRelease:
            return False
        album = self._album()
        if album.pairs:
            self.viewer = PairViewer(album, label.window())
            self.viewer.show()
        return True


class PairViewer:
    """A window with one pair of pictures; a slider moves the border between them.

    The buttons and the arrow keys show the next and the previous pair; a check box shows what a pair is switched to.
    """

    def __init__(self, album: Album, parent: Any) -> None:
        self.pairs, self.number = album.pairs, album.number
        self.dialog = qt.QDialog(parent)
        self.picture, self.caption = qt.QLabel(), qt.QLabel()
        self.picture.setAlignment(qt.Qt.AlignCenter)
        self.caption.wordWrap = True
        self.slider = qt.QSlider(qt.Qt.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.value = 50
        self.slider.toolTip = _("Move the border between both pictures.")
        self.slider.connect("valueChanged(int)", self._draw)
        self.switch = qt.QCheckBox(album.switch)
        self.switch.checked = album.on
        self.switch.connect("toggled(bool)", self._show_pair)
        column = qt.QVBoxLayout(self.dialog)
        for widget in (self.picture, self.slider, self.switch, self.caption):
            column.addWidget(widget)
        column.addLayout(self._buttons())
        self._show_pair()

    def _buttons(self) -> Any:
        row = qt.QHBoxLayout()
        for text, key, step in ((_("Previous"), qt.Qt.Key_Left, -1), (_("Next"), qt.Qt.Key_Right, 1)):
            button = qt.QPushButton(text)
            button.setShortcut(qt.QKeySequence(key))
            button.enabled = len(self.pairs) > 1
            button.connect("clicked()", lambda step=step: self.step(step))
            row.addWidget(button)
        close = qt.QPushButton(_("Close"))
        close.connect("clicked()", self.dialog.close)
        row.addWidget(close)
        return row

    def show(self) -> None:
        self.dialog.show()

    def step(self, step: int) -> None:
        """Show a later or an earlier pair; the first follows the last."""
        self.number = (self.number + step) % len(self.pairs)
        self._show_pair()

    def _show_pair(self, *_args: Any) -> None:
        pair = self.pairs[self.number]
        self.switch.visible = pair.switched is not None
        if pair.switched is not None and self.switch.checked:
            pair = pair.switched
        self.dialog.windowTitle = pair.title
        self.caption.text = pair.caption
        self.slider.visible = pair.second is not None
        self._pixmaps = [scaled_picture(pair.first, self._side(), pair.fiducials, pair.outlines)]
        if pair.second is not None:
            self._pixmaps.append(scaled_picture(pair.second, self._side(), outlines=pair.outlines))
        self._draw()

    def _side(self) -> int:
        """The longer side of a picture, as large as the main window allows."""
        window = self.dialog.parentWidget().size
        return max(MIN_SIDE, round(SHARE_OF_WINDOW * min(window.width(), window.height())))

    def _draw(self, *_args: Any) -> None:
        """The first picture left of the border, the second right of it."""
        shown = self._pixmaps[0].copy()
        if len(self._pixmaps) == 2:
            border = round(shown.width() * self.slider.value / 100)
            painter = qt.QPainter(shown)
            painter.drawPixmap(border, 0, self._pixmaps[1], border, 0, shown.width() - border, shown.height())
            painter.setPen(qt.QPen(qt.QColor(255, 140, 0), 2))
            painter.drawLine(border, 0, border, shown.height())
            painter.end()
        self.picture.setPixmap(shown)
