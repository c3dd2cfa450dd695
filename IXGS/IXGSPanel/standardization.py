"""Section 2: standardising the X-rays, and a preview of what it does to one of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import ctk
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import SettingsError
from IXGSLib.standardization import StandardizationSettings, resolve_method
from IXGSLib.standardization.method import ResolvedMethod

from .child_process import ChildProcess, Ending, Event
from .labels import escaped, set_picture, set_text
from .pictures import Album, Enlarger, Pair
from .selection import Selection
from .state import PanelState
from .wording import panel_text, sentence

STANDARDIZE_VIEW = ("-m", "IXGSLib.jobs.standardize_view")


class StandardizationSection:
    """The method and its weights, and the current view before and after."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection
        self.process = ChildProcess()
        self.process.event_received.connect(self._on_event)
        self.process.ended.connect(self._on_ended)
        self._folder: Path | None = None
        self._warnings: list[str] = []
        self._previewed: tuple[Any, ...] = ()
        ui.weights.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
        self.enlarger = Enlarger()
        self.enlarger.watch((ui.before, ui.after), self._large_pairs)
        ui.previewStandardization.connect("clicked()", self.preview)
        selection.current_changed.connect(self._on_current_changed)
        self.discard_preview()

    def update(self) -> None:
        self.ui.weights.enabled = self.state.parameters.standardization in ("auto", "pix2pix")
        self.ui.learnedPrior.enabled = self._by_network()
        if self._previewed and self._previewed != self._chosen():
            self.discard_preview()
        self._show_status()

    def _chosen(self) -> tuple[Any, ...]:
        """Everything that a preview depends on."""
        p, current = self.state.parameters, self.selection.current
        return (self.selection.case, p.standardization, p.weights, None if current is None else current.id)

    def method(self) -> ResolvedMethod:
        """The method for the X-rays of the selection, with "auto" resolved.

        Raises SettingsError for pix2pix without weights.
        """
        reading = self.selection.reading
        settings = StandardizationSettings(method=self.state.parameters.standardization, weights=self._weights())
        return resolve_method("intensity" if reading is None else reading.values, settings)

    def _by_network(self) -> bool:
        """Whether the network standardises the X-rays of the selection, or would once there are some."""
        if self.selection.reading is None:
            return self.state.parameters.standardization in ("auto", "pix2pix")
        return not self.problem() and self.method().method == "pix2pix"

    def problem(self) -> str:
        """Why the X-rays cannot be standardised, or nothing."""
        try:
            self.method()
        except SettingsError as error:
            return panel_text(str(error))
        return ""

    def arguments(self) -> list[str]:
        """The method as command-line arguments."""
        return ["--method", self.state.parameters.standardization, *self.weights_arguments()]

    def weights_arguments(self) -> list[str]:
        """The weights as command-line arguments, none if they are those that come with IXGS."""
        weights = self._weights()
        return [] if weights is None else ["--weights", str(weights)]

    def prior_arguments(self) -> list[str]:
        """The choice of a prior as command-line arguments of the reconstruction."""
        return ["--prior", "auto" if self.state.parameters.learnedPrior else "none"]

    def _weights(self) -> Path | None:
        """The weights that the user has chosen for the network."""
        p = self.state.parameters
        return Path(p.weights) if p.weights and p.standardization in ("auto", "pix2pix") else None

    # Preview

    def preview(self) -> None:
        """Standardise the current view."""
        selection = self.selection
        self.discard_preview()
        self._previewed = self._chosen()
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-standardized-", dir=slicer.app.temporaryPath))
        words = [str(selection.case), "--out", str(self._folder), "--view", selection.current.id]
        self.process.start([*STANDARDIZE_VIEW, *words, *self.arguments(), *selection.options])
        self._show_status()

    def _large_pairs(self) -> Album:
        if self._folder is None or self.process.running:
            return Album()
        caption = _("Left: the X-ray. Right: the X-ray after standardization.")
        files = self._folder / "before.png", self._folder / "after.png"
        return Album([Pair(self.selection.current.id, *files, caption)])

    def _on_event(self, event: Event) -> None:
        if event["event"] in ("warning", "note"):
            self._warnings.append(event["message"])

    def _on_ended(self, ending: Ending) -> None:
        if ending.done:
            set_picture(self.ui.before, self._folder / "before.png")
            set_picture(self.ui.after, self._folder / "after.png")
            self._show_status(_("Left: the X-ray. Right: the X-ray after standardization."), *self._warnings)
        else:
            self._show_status(_("<b>This view cannot be standardized.</b>"), sentence(ending.error))

    def _on_current_changed(self) -> None:
        self.discard_preview()
        self._show_status()

    def _show_status(self, heading: str = "", *details: str) -> None:
        """Show the outcome of a preview or, without a heading, what Apply will do."""
        label, problem = self.ui.standardizationMessage, self.problem()
        ready = self.selection.reading is not None and not problem and self.method().method != "none"
        self.ui.previewStandardization.enabled = ready and not self.process.running
        if heading:
            set_text(label, "<br>".join([heading, *map(escaped, details)]))
        elif self.process.running:
            set_text(label, _("Standardizing the selected view..."))
        elif not self._previewed:
            set_text(label, escaped(problem) or self._explanation())

    def _explanation(self) -> str:
        if self.selection.reading is None:
            return _("Choose X-rays first.")
        resolved = self.method()
        if resolved.method == "none":
            return _("The X-rays are used as they are.")
        text = _("Apply standardizes all views first. The X-rays themselves are not changed.")
        return "<br>".join([text, escaped(panel_text(resolved.message))] if resolved.message else [text])

    def discard_preview(self) -> None:
        """Stop the preview and remove its pictures."""
        self.process.abandon()
        self._previewed, self._warnings = (), []
        for label in (self.ui.before, self.ui.after):
            set_picture(label, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        self.discard_preview()
