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
from .full_pictures import FullPictures
from .labels import escaped
from .outlines import Outline

SHARE_OF_WINDOW, MIN_SIDE = 0.75, 640
"""Longer side of the large picture, as a part of the main window, and at least this many pixels."""


@dataclass(frozen=True)
class Pair:
    """One or two pictures of a view: files, and what they show.

    second: None for a single picture. fiducials: drawn over the first picture, in its pixels. outlines: drawn over
    both. switched: what a check box of the window shows in place of this pair; None where there is nothing else.
    view_id: of the X-ray whose full picture can be asked for, empty for pictures that have all of their pixels.
    """

    title: str
    first: Path
    second: Path | None = None
    caption: str = ""
    fiducials: tuple[FiducialFinding, ...] = ()
    outlines: tuple[Outline, ...] = ()
    switched: Pair | None = None
    view_id: str = ""


@dataclass(frozen=True)
class Album:
    """Pairs to leaf through.

    number: that of the pair to show first. switch: the text of the check box for pairs that can be switched.
    on: whether the box is checked at first. full: reads pictures with all of their pixels.
    """

    pairs: Sequence[Pair] = ()
    number: int = 0
    switch: str = ""
    on: bool = False
    full: FullPictures | None = None


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

    The buttons and the arrow keys show the next and the previous pair; a check box shows what a pair is switched to,
    another one all pixels of the pictures, which can then be scrolled.
    """

    def __init__(self, album: Album, parent: Any) -> None:
        self.pairs, self.number, self.full = album.pairs, album.number, album.full
        self.dialog = qt.QDialog(parent)
        self.picture, self.caption = qt.QLabel(), qt.QLabel()
        self.picture.setAlignment(qt.Qt.AlignCenter)
        self.caption.wordWrap = True
        self.area = qt.QScrollArea()
        self.area.setAlignment(qt.Qt.AlignCenter)
        self.area.setWidget(self.picture)
        self.slider = qt.QSlider(qt.Qt.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.value = 50
        self.slider.toolTip = _("Move the border between both pictures.")
        self.slider.connect("valueChanged(int)", self._draw)
        self.switch = qt.QCheckBox(album.switch)
        self.switch.checked = album.on
        self.switch.connect("toggled(bool)", self._show_pair)
        self.pixels = qt.QCheckBox(_("Full resolution"))
        self.pixels.toolTip = _(
            "Show every pixel of the X-ray, which is read again for that. Scroll where it is larger than the window."
        )
        self.pixels.connect("toggled(bool)", self._show_pair)
        column = qt.QVBoxLayout(self.dialog)
        for widget in (self.area, self.slider, self.switch, self.pixels, self.caption):
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
        close.connect("clicked()", self.close)
        row.addWidget(close)
        return row

    def show(self) -> None:
        if self.full is not None:
            self.full.listen(self._show_pair)
        self.dialog.show()

    def close(self) -> None:
        if self.full is not None:
            self.full.listen(None)
        self.dialog.close()

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
        self.slider.visible = pair.second is not None
        first, remark = self._first(pair)
        self.caption.text = " ".join(filter(None, [remark, escaped(pair.caption)]))
        side = max(self._side(), _longer_side(first) if self.pixels.checked else 0)
        fiducials = _on_picture(pair.fiducials, pair.first, first)
        self._pixmaps = [scaled_picture(first, side, fiducials, pair.outlines)]
        if pair.second is not None:
            self._pixmaps.append(scaled_picture(pair.second, side, outlines=pair.outlines))
        self._draw()

    def _first(self, pair: Pair) -> tuple[Path, str]:
        """The file of the first picture as it is wanted and is there, and what is to be said of that."""
        if not self.pixels.checked or self.full is None or not pair.view_id:
            return pair.first, ""
        path = self.full.picture(pair.view_id, fiducials=bool(pair.fiducials))
        if path is not None:
            return path, ""
        self.full.ask_for(pair.view_id)
        return pair.first, escaped(self.full.problem) or _("Reading the X-ray in full resolution...")

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
        self.picture.adjustSize()
        if not self.pixels.checked:
            frame = 2 * self.area.frameWidth
            self.area.setMinimumSize(shown.width() + frame, shown.height() + frame)


def _longer_side(path: Path) -> int:
    picture = qt.QPixmap(str(path))
    return max(picture.width(), picture.height())


def _on_picture(fiducials: Sequence[FiducialFinding], path: Path, other: Path) -> tuple[FiducialFinding, ...]:
    """Fiducials in pixels of a picture, in those of another one with whole times as many."""
    if not fiducials or path == other:
        return tuple(fiducials)
    factor = qt.QPixmap(str(other)).width() // qt.QPixmap(str(path)).width()
    return tuple(one.resized((factor, factor)) for one in fiducials)
