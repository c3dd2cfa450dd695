"""Section 5: the volume, displayed, compared with its X-rays and rated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .comparison import Comparison
from .folders import run_folder
from .labels import Message, escaped, message_of, set_text
from .overlays import Overlays
from .rating import QUESTIONS, rating, save_rating
from .run_loading import RunLoading
from .run_poses import refinement_text
from .selection import Selection
from .state import PanelState
from .surface import BoneSurface
from .timers import single_shot_timer
from .vertebra import VertebraAxes
from .wording import panel_text

RENDER_DELAY_MILLISECONDS = 60
"""From a movement of the threshold to the new volume rendering."""


class ReviewSection:
    """Everything that can be done with a reconstructed volume."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state = ui, state
        self.comparison = Comparison(ui, state, selection)
        self.vertebra = VertebraAxes(ui, state)
        self.surface = BoneSurface(ui, state)
        self.overlays = Overlays(ui)
        self.loading = RunLoading(ui, state)
        self._volume: Any = None
        self.rating_message = Message(ui.ratingMessage, self._rating_basis)
        self._connect_rating()
        self._render_soon = single_shot_timer(RENDER_DELAY_MILLISECONDS, self._render)
        ui.suggestThreshold.connect("clicked()", self.suggest_threshold)
        ui.renderBone.connect("toggled(bool)", self._on_render_toggled)
        ui.compare.connect("clicked()", lambda: self.comparison.start(self.run_folder()))
        ui.openReport.connect("clicked()", self.open_report)
        ui.saveRating.connect("clicked()", self.save_rating)
        self._on_volume_changed()

    def update(self) -> None:
        volume = self.state.parameters.volume
        if volume is not self._volume:
            self._volume = volume
            self._on_volume_changed()
        self.surface.update()
        self.overlays.update()
        self.loading.update()
        self.comparison.update()
        self.rating_message.refresh()
        if self.ui.renderBone.checked:
            self._render_soon.start()

    def run_folder(self) -> Path | None:
        """The folder of the run that made the volume, if it is on this computer."""
        return run_folder(self._volume)

    def present(self) -> None:
        """Prepare the review of a volume that has just been made or loaded."""
        if self._volume is not None:
            self.suggest_threshold()

    def _on_volume_changed(self) -> None:
        """Remove what was shown of the last volume, and enable what can be done with this one."""
        self.comparison.discard()
        self.surface.discard()
        self.vertebra.discard()
        self._clear_rating()
        ui, run = self.ui, self.run_folder()
        self.overlays.review(self._volume, None if run is None or is_blinded(run) else run)
        ui.renderBone.checked = False
        for widget in (ui.threshold, ui.suggestThreshold, ui.segmentBone, ui.renderBone):
            widget.enabled = self._volume is not None
        ui.saveRating.enabled = run is not None
        for widget in (ui.openReport, ui.compare):
            widget.enabled = run is not None and not is_blinded(run)
        set_text(ui.volumeMessage, self._description(run))
        set_text(ui.refinementMessage, refinement_text(run))

    def _description(self, run: Path | None) -> str:
        if self._volume is None:
            return _("There is nothing to review yet: press Apply in section 4, or choose a volume.")
        if run is None:
            return _(
                "The folder of the run is not on this computer: the report, the comparison and the rating need it."
            )
        if is_blinded(run):
            return _("A blinded volume of a reader study. Rate it below; the rating is saved beside it.")
        done = _done(run)
        return "<br>".join(
            filter(None, [outcome_text(done), trust_text(done), confidence_text(done), prior_text(done)])
        )

    # Bone

    def suggest_threshold(self) -> None:
        """Set the threshold that suits the volume."""
        from IXGSLib.scene.bone import suggested_threshold

        try:
            self.state.parameters.threshold = suggested_threshold(self._volume)
        except IXGSError as error:
            self.surface.message.show(message_of(error))

    def _on_render_toggled(self, checked: bool) -> None:
        if self._volume is None:
            return
        displays = self._volume.GetNumberOfDisplayNodes()
        self._render()
        if self._volume.GetNumberOfDisplayNodes() > displays:
            slicer.util.resetThreeDViews()

    def _render(self) -> None:
        from IXGSLib.scene.bone import render_bone

        if self._volume is not None and self.state.parameters is not None:
            threshold = self.state.parameters.threshold or None
            try:
                render_bone(slicer.mrmlScene, self._volume, threshold, visible=self.ui.renderBone.checked)
            except IXGSError as error:
                self.surface.message.show(message_of(error))

    # The run

    def open_report(self) -> None:
        run = self.run_folder()
        if run is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(run / "report.html")))

    def save_rating(self) -> None:
        """Save the answers in the folder of the run."""
        ui, message = self.ui, self.rating_message
        answers, reader = self._answers(), ui.reader.text.strip()
        if not any(answers.values()):
            message.show(_("Answer at least one question first."))
            return
        if not reader:
            message.show(_("Enter the initials or number of the reader first: each reader has files of their own."))
            return
        content = rating(answers, reader, ui.remarks.plainText.strip(), self._volume.GetName())
        try:
            path, earlier = save_rating(self.run_folder(), content)
        except IXGSError as error:
            message.show(message_of(error))
            return
        text = _("Saved as {name} in the folder of the run.").format(name=escaped(path.name))
        if earlier:
            text += _(" Your earlier rating is kept in {names}.").format(
                names=escaped(", ".join(each.name for each in earlier))
            )
        message.show(text)

    def _answers(self) -> dict[str, int]:
        return {question: getattr(self.ui, question).currentIndex for question in QUESTIONS}

    def _rating_basis(self) -> tuple[Any, ...]:
        """What a message about the rating depends on."""
        return (self._volume, *self._answers().values(), self.ui.reader.text, self.ui.remarks.plainText)

    def _connect_rating(self) -> None:
        ui = self.ui
        for question in QUESTIONS:
            getattr(ui, question).connect("currentIndexChanged(int)", lambda _: self.rating_message.refresh())
        ui.reader.connect("textChanged(QString)", lambda _: self.rating_message.refresh())
        ui.remarks.connect("textChanged()", self.rating_message.refresh)

    def _clear_rating(self) -> None:
        for question in QUESTIONS:
            getattr(self.ui, question).currentIndex = 0
        self.ui.remarks.plainText = ""
        self.rating_message.show("")

    def on_node_removed(self, node: Any) -> None:
        self.surface.on_node_removed(node)
        self.overlays.on_node_removed(node)
        self.vertebra.on_node_removed(node)

    def close(self) -> None:
        self._render_soon.stop()
        self.loading.close()
        self.vertebra.discard()
        self.overlays.close()
        self._volume = None
        self._on_volume_changed()


def is_blinded(run: Path) -> bool:
    """Whether a run is one of a reader study, of which only the volume is shown."""
    return _done(run).get("blinded") is True


def _done(run: Path) -> dict[str, Any]:
    return json.loads((run / "done.json").read_text(encoding="utf-8"))


def outcome_text(done: dict[str, Any]) -> str:
    """How well a run agrees with its X-rays and how long it took, from its done.json."""
    metrics, seconds = done["metrics"], sum(done["durations"].values())
    parts = [_("Agreement with the X-rays: {fit_psnr:.1f} dB").format(**metrics)]
    if metrics.get("held_out_psnr") is not None:
        parts.append(_("with held-out X-rays: {held_out_psnr:.1f} dB").format(**metrics))
    return ", ".join(parts) + _(" (higher is better). Computed in {seconds:.0f} s.").format(seconds=seconds)


def trust_text(done: dict[str, Any]) -> str:
    """The verdict on the volume of a run, from its done.json; empty for a run that has none."""
    if "trust" not in done:
        return ""
    reasons = done["trust"]["reasons"]
    if not reasons:
        return _("<b>Can this volume be trusted?</b> No sign of a failure was found.")
    return _("<b>Can this volume be trusted? Review with care:</b> {reasons}.").format(
        reasons=escaped("; ".join(map(panel_text, reasons)))
    )


def confidence_text(done: dict[str, Any]) -> str:
    """Where the volume of a run can be relied on, from its done.json; empty for a run that does not say."""
    return escaped(panel_text(done["confidence"]["sentence"])) if "confidence" in done else ""


def prior_text(done: dict[str, Any]) -> str:
    """Which part of the bone a learnt prior decided, as rich text, or nothing."""
    return escaped(panel_text(done["prior"]["sentence"])) if "prior" in done else ""
