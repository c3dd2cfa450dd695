"""Sections that close when they are done, and the panel that scrolls to what comes next."""

from __future__ import annotations

from typing import Any

import qt

from .timers import single_shot_timer

SECTIONS = (
    *("xraysButton", "standardizationButton", "regionButton"),
    *("reconstructionButton", "reviewButton", "registrationButton"),
)
SETTLE_MILLISECONDS = 50
"""From a change of the layout to scrolling, which needs the new heights."""


class Folding:
    """Opens one section and shows it, with the others folded."""

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._next: Any = None
        self._scroll_soon = single_shot_timer(SETTLE_MILLISECONDS, self._scroll)

    def show_only(self, name: str) -> None:
        """Open a section, close the others and scroll to it."""
        for each in SECTIONS:
            getattr(self.ui, each).collapsed = each != name
        self.scroll_to(getattr(self.ui, name))

    def scroll_to(self, widget: Any) -> None:
        """Scroll until a widget is in sight, from its top on, once the layout has settled."""
        self._next = widget
        self._scroll_soon.start()

    def close(self) -> None:
        """Scroll no more, because the panel is being closed."""
        self._scroll_soon.stop()

    def _scroll(self) -> None:
        area = scroll_area_of(self._next)
        if area is not None:
            top = self._next.mapTo(area.widget(), qt.QPoint(0, 0)).y()
            area.verticalScrollBar().setValue(top)


def scroll_area_of(widget: Any) -> Any:
    """The scroll area around a widget, None if there is none."""
    while widget is not None and not hasattr(widget, "widgetResizable"):  # a property of QScrollArea only
        widget = widget.parentWidget()
    return widget
