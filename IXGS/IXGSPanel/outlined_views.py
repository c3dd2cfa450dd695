"""The X-rays of a registration with the outlines of its vertebrae."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError
from IXGSLib.registration.record import RegistrationRecord
from IXGSLib.registration.views import OutlinedView, colour_of, read_views

from .fiducials import scaled_picture
from .labels import message_of, set_text
from .outlines import Outline
from .pictures import Album, Enlarger, Pair
from .state import PanelState

SIDE = 340
"""Pixels along the longer side of the picture."""


class OutlinedViews:
    """One X-ray at a time, which opens large."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self._views: tuple[OutlinedView, ...] = ()
        self._record: RegistrationRecord | None = None
        self._chosen: str | None = None
        self._shown: tuple[Any, ...] = ()
        self.enlarger = Enlarger()
        self.enlarger.watch((ui.outlined,), self._large_pictures)
        ui.outlinedView.connect("currentIndexChanged(int)", lambda _: self.show())

    def take(self, folder: Path | None, record: RegistrationRecord | None, chosen: str | None) -> None:
        """Take the views of another registration.

        folder: None where it is not on this computer. record: None for none. chosen: the vertebra that is selected.
        """
        self._views, self._record, self._chosen, problem = (), record, chosen, ""
        if record is not None and folder is None:
            problem = _("The folder of the registration is not on this computer: its X-rays and its report are there.")
        elif record is not None:
            try:
                self._views = read_views(folder, record)
            except IXGSError as error:
                problem = message_of(error)
        box = self.ui.outlinedView
        box.clear()
        for view in self._views:
            box.addItem(view.id)
        for widget in (box, self.ui.showOutlines):
            widget.enabled = bool(self._views)
        set_text(self.ui.outlinesMessage, problem)
        self.show()

    def choose(self, name: str | None) -> None:
        """Draw the outline of another vertebra in bold."""
        self._chosen = name
        self.show()

    def update(self) -> None:
        if self._shown != self._state():
            self.show()

    def _state(self) -> tuple[Any, ...]:
        return (self._views, self.ui.outlinedView.currentIndex, self._chosen, self.ui.showOutlines.checked)

    def show(self) -> None:
        """Show the chosen view, with its outlines if they are wanted."""
        self._shown = self._state()
        number, label = self.ui.outlinedView.currentIndex, self.ui.outlined
        label.visible = 0 <= number < len(self._views)
        if label.visible:
            view = self._views[number]
            drawn = self.outlines(view) if self.ui.showOutlines.checked else ()
            label.setPixmap(scaled_picture(view.xray, SIDE, outlines=drawn))

    def outlines(self, view: OutlinedView) -> tuple[Outline, ...]:
        """The outlines of the vertebrae in a view."""
        vertebrae = () if self._record is None else self._record.vertebrae
        return tuple(
            Outline(each.name, view.outlines[each.name], colour_of(n), each.verified, each.name == self._chosen)
            for n, each in enumerate(vertebrae)
            if each.name in view.outlines
        )

    def _large_pictures(self) -> Album:
        box = self.ui.showOutlines
        pairs = [self._pair(view) for view in self._views]
        return Album(pairs, max(0, self.ui.outlinedView.currentIndex), box.text, box.checked)

    def _pair(self, view: OutlinedView) -> Pair:
        sides = _("Left: the X-ray. Right: its enhanced bone, with which the CT was compared.")
        plain = Pair(view.id, view.xray, view.compared, "" if view.compared is None else sides)
        key = _("Solid: verified. Dotted: not verified. Bold: selected.")
        drawn = replace(plain, caption=f"{key} {plain.caption}".strip(), outlines=self.outlines(view))
        return replace(plain, switched=drawn)
