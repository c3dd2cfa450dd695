"""The X-rays as a sequence in the scene."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from .reading import Reading, XRayPreview
from .selection import Selection
from .timers import single_shot_timer


class XRaySequence:
    """Adds the X-rays with their views and masks one by one, so that Slicer stays responsive."""

    def __init__(self, ui: Any, selection: Selection) -> None:
        self.ui, self.selection = ui, selection
        self._reading: Reading | None = None
        self._remaining: list[XRayPreview] = []
        self._node: Any = None
        self._windows: list[tuple[float, float]] = []
        self._add_soon = single_shot_timer(0, self._add_next)
        ui.addSequence.connect("clicked()", self.start)

    def update(self) -> None:
        reading = self.selection.reading
        self.ui.addSequence.visible = reading is not None
        self.ui.addSequence.enabled = self._reading is None
        if self._reading is not None and self._reading is not reading:
            self._remove_incomplete()

    def start(self) -> None:
        """Add all X-rays of section 1, ticked or not."""
        self._reading = self.selection.reading
        self._remaining, self._windows = [self.selection.final(xray) for xray in self._reading.xrays], []
        self.ui.addSequence.enabled = False
        self._add_soon.start()

    def _add_next(self) -> None:
        from IXGSLib.scene.hierarchy import place_in_study
        from IXGSLib.scene.xrays import add_xray_browser, add_xrays
        from IXGSLib.xray.windowing import grey_window

        if self._reading is None:
            return
        scene = slicer.mrmlScene
        if self._remaining:
            xray = self._remaining.pop(0)
            name = _("X-rays of {case}").format(case=self._reading.name)
            self._node = add_xrays(scene, [xray], name, self._reading.grid, self._node)
            self._windows.append(grey_window(xray.image, xray.mask))
            self._add_soon.start()
            return
        lows, highs = zip(*self._windows, strict=True)
        browser = add_xray_browser(scene, self._node, (min(lows), max(highs)))
        place_in_study(scene, self._reading.name, self._node, browser.GetProxyNode(self._node))
        self._stop()

    def on_node_removed(self, node: Any) -> None:
        if self._node is not None and node is self._node:
            self._stop()

    def _remove_incomplete(self) -> None:
        """Remove a sequence that has not got all of its X-rays yet."""
        node = self._node
        self._stop()
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)

    def _stop(self) -> None:
        self._add_soon.stop()
        self._reading, self._node = None, None
        self.ui.addSequence.enabled = True

    def close(self) -> None:
        self._stop()
