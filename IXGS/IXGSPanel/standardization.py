"""Section 2: X-rays to bone-enhanced radiographs, and what becomes of one of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctk
import slicer
from slicer.i18n import tr as _

from .child import Child, Ending, Event
from .pictures import escaped, say, show

if TYPE_CHECKING:
    from .panel import Panel

STANDARDIZE_VIEW = ("-m", "IXGSLib.jobs.standardize_view")


class StandardizationSection:
    """The method, its weights, and the selected view before and after."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.ui.weights.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
        self.ui.previewStandardization.connect("clicked()", self.preview)
        self.child = Child()
        self.child.told.connect(self._on_event)
        self.child.ended.connect(self._on_previewed)
        self._folder: Path | None = None
        self._told: Event = {}
        self._shown: tuple[Any, ...] = ()
        panel.xrays.table.selected.connect(self._on_selected)

    def update(self) -> None:
        p = self.panel.parameters
        self.ui.weights.enabled = p.standardization in ("auto", "pix2pix")
        if self._shown and self._shown != self._wanted():
            self.forget()
        self._tell()

    def _wanted(self) -> tuple[Any, ...]:
        p, shot = self.panel.parameters, self.panel.xrays.table.current()
        return (self.panel.xrays.case, p.standardization, p.weights, None if shot is None else shot.id)

    def method(self) -> str:
        """The method, with auto decided: nothing is done to X-rays that are line integrals already."""
        chosen, reading = self.panel.parameters.standardization, self.panel.xrays.reading
        if chosen != "auto" or reading is None:
            return chosen
        return "pix2pix" if reading.values == "intensity" else "none"

    def arguments(self) -> list[str]:
        """The method for the command line."""
        p = self.panel.parameters
        words = ["--method", p.standardization]
        return [*words, "--weights", p.weights] if p.weights and p.standardization in ("auto", "pix2pix") else words

    # The selected view

    def preview(self) -> None:
        """Standardise the selected view."""
        shot = self.panel.xrays.table.current()
        self.forget()
        self._shown = self._wanted()
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-standardized-", dir=slicer.app.temporaryPath))
        words = [*STANDARDIZE_VIEW, str(self.panel.xrays.case), "--out", str(self._folder), "--view", shot.id]
        self.child.start([*words, *self.arguments(), *self.panel.xrays.image_arguments()])
        self._tell()

    def _on_event(self, event: Event) -> None:
        if event["event"] == "standardized":
            self._told = event

    def _on_previewed(self, ending: Ending) -> None:
        if ending.done:
            for name, label in (("before", self.ui.before), ("after", self.ui.after)):
                show(label, self._folder / f"{name}.png")
            self._tell(_("Left before, right after: a synthetic image, not a measurement."), *self._told["warnings"])
        else:
            self._tell(_("<b>This view cannot be standardised.</b>"), ending.error)

    def _on_selected(self) -> None:
        self.forget()
        self._tell()

    def _tell(self, *words: str) -> None:
        reading, method = self.panel.xrays.reading, self.method()
        self.ui.previewStandardization.enabled = reading is not None and method != "none" and not self.child.running
        if words:
            head, *rest = words
            say(self.ui.standardizationMessage, " ".join([head, *map(escaped, rest)]))
        elif self.child.running:
            say(self.ui.standardizationMessage, _("Standardising the selected view ..."))
        elif not self._shown:
            say(self.ui.standardizationMessage, self._explained(reading, method))

    def _explained(self, reading: Any, method: str) -> str:
        if reading is None:
            return _("Choose X-rays first.")
        if method == "none":
            return _("The X-rays are used as they are.")
        return _("All views are standardised first when Apply is pressed; the X-rays themselves are kept.")

    def forget(self) -> None:
        """Drop the preview."""
        self.child.forget()
        self._shown, self._told = (), {}
        for label in (self.ui.before, self.ui.after):
            show(label, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        self.forget()
