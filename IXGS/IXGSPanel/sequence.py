"""The X-rays as a sequence in the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from .reading import Reading, Shot
from .timing import timer

if TYPE_CHECKING:
    from .panel import Panel


class XRaySequence:
    """The X-rays of a reading with their views and masks, added one after the other, so that nothing waits for all."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self._reading: Reading | None = None
        self._waiting: list[Shot] = []
        self._node: Any = None
        self._windows: list[tuple[float, float]] = []
        self._soon = timer(0, self._add_next)
        self.ui.addSequence.connect("clicked()", self.start)

    def update(self) -> None:
        reading = self.panel.xrays.reading
        self.ui.addSequence.visible = reading is not None
        self.ui.addSequence.enabled = self._reading is None
        if self._reading is not None and self._reading is not reading:
            self._drop()

    def start(self) -> None:
        """Add the X-rays of section 1, whether ticked or not."""
        self._reading = self.panel.xrays.reading
        self._waiting, self._windows = list(self._reading.shots), []
        self.ui.addSequence.enabled = False
        self._soon.start()

    def _add_next(self) -> None:
        from IXGSLib.scene.xrays import add_xray_browser, add_xrays, grey_window

        if self._reading is None:
            return
        scene = slicer.mrmlScene
        if self._waiting:
            shot = self._waiting.pop(0)
            name = _("X-rays of {case}").format(case=self._reading.name)
            self._node = add_xrays(scene, [shot], name, self._reading.grid, self._node)
            self._windows.append(grey_window([shot]))
            self._soon.start()
            return
        lows, highs = zip(*self._windows, strict=True)
        add_xray_browser(scene, self._node, (min(lows), max(highs)))
        self._forget()

    def on_removed(self, node: Any) -> None:
        if self._node is not None and node is self._node:
            self._forget()

    def _drop(self) -> None:
        """Remove what is half done."""
        node = self._node
        self._forget()
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)

    def _forget(self) -> None:
        self._soon.stop()
        self._reading, self._node = None, None
        self.ui.addSequence.enabled = True

    def close(self) -> None:
        self._forget()
