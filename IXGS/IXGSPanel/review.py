"""Section 5: the volume, looked at, compared with its X-rays and rated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .comparison import Comparison
from .pictures import escaped, say
from .rating import QUESTIONS, rating, save_rating
from .reconstruction import RUN
from .surface import BoneSurface
from .timing import timer
from .vertebra import VertebraAxes

if TYPE_CHECKING:
    from .panel import Panel

PAUSE_MILLISECONDS = 60
"""From a move of the threshold to the new volume rendering."""


class ReviewSection:
    """What can be done with a reconstructed volume."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.comparison, self.vertebra = Comparison(panel), VertebraAxes(panel)
        self.surface = BoneSurface(panel)
        self._volume: Any = None
        self._soon = timer(PAUSE_MILLISECONDS, self._render)
        self.ui.suggestThreshold.connect("clicked()", self.suggest)
        self.ui.renderBone.connect("toggled(bool)", self._on_rendering)
        self.ui.openReport.connect("clicked()", self.open_report)
        self.ui.saveRating.connect("clicked()", self.save_rating)
        panel.reconstruction.finished.connect(self._on_finished)
        self._on_volume()

    def update(self) -> None:
        volume = self.panel.parameters.volume
        if volume is not self._volume:
            self._volume = volume
            self._on_volume()
        if self.ui.renderBone.checked:
            self._soon.start()

    def run(self) -> Path | None:
        """The folder of the run that the volume is from, while it is there."""
        folder = None if self._volume is None else self._volume.GetAttribute(RUN)
        return Path(folder) if folder and (Path(folder) / "done.json").is_file() else None

    def _on_finished(self) -> None:
        self.ui.reviewButton.collapsed = False
        if self._volume is not None:
            self.suggest()

    def _on_volume(self) -> None:
        """Another volume, or none: what was shown of the last one goes."""
        self.comparison.forget()
        self.surface.forget()
        self._clear_rating()
        self.ui.renderBone.checked = False
        there, run = self._volume is not None, self.run()
        for widget in (self.ui.threshold, self.ui.suggestThreshold, self.ui.segmentBone, self.ui.renderBone):
            widget.enabled = there
        for widget in (self.ui.openReport, self.ui.saveRating, self.ui.compare):
            widget.enabled = run is not None
        say(self.ui.volumeMessage, self._sentence(run))

    def _sentence(self, run: Path | None) -> str:
        if self._volume is None:
            return _("Nothing to review yet: press Apply in section 4, or choose a volume.")
        if run is None:
            return _("This volume has no folder of a run on this computer: report, comparison and rating need it.")
        done = json.loads((run / "done.json").read_text(encoding="utf-8"))
        parts = [_("Agrees with its X-rays to {fit_psnr:.1f} dB").format(**done["metrics"])]
        if done["metrics"].get("held_out_psnr") is not None:
            parts.append(_("with X-rays that it was not made from to {held_out_psnr:.1f} dB").format(**done["metrics"]))
        seconds = sum(done["durations"].values())
        return ", ".join(parts) + _(" (more is better). Made in {seconds:.0f} s.").format(seconds=seconds)

    # Bone

    def suggest(self) -> None:
        """The threshold that suits the volume."""
        from IXGSLib.scene.bone import suggested_threshold

        try:
            self.panel.parameters.threshold = suggested_threshold(self._volume)
        except IXGSError as error:
            say(self.ui.surfaceMessage, escaped(str(error)))

    def _on_rendering(self, wanted: bool) -> None:
        if self._volume is None:
            return
        displays = self._volume.GetNumberOfDisplayNodes()
        self._render()
        if self._volume.GetNumberOfDisplayNodes() > displays:
            slicer.util.resetThreeDViews()

    def _render(self) -> None:
        from IXGSLib.scene.bone import render_bone

        if self._volume is not None and self.panel.parameters is not None:
            threshold = self.panel.parameters.threshold or None
            try:
                render_bone(slicer.mrmlScene, self._volume, threshold, visible=self.ui.renderBone.checked)
            except IXGSError as error:
                say(self.ui.surfaceMessage, escaped(str(error)))

    # The run

    def open_report(self) -> None:
        run = self.run()
        if run is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(run / "report.html")))

    def save_rating(self) -> None:
        run = self.run()
        answers = {question: getattr(self.ui, question).currentIndex for question in QUESTIONS}
        if not any(answers.values()):
            say(self.ui.ratingMessage, _("Rate at least one point first."))
            return
        content = rating(
            answers, self.ui.reader.text.strip(), self.ui.remarks.plainText.strip(), self._volume.GetName()
        )
        try:
            path = save_rating(run, content)
        except IXGSError as error:
            say(self.ui.ratingMessage, escaped(str(error)))
            return
        say(self.ui.ratingMessage, _("Saved as {name} in the folder of the run.").format(name=escaped(path.name)))

    def _clear_rating(self) -> None:
        for question in QUESTIONS:
            getattr(self.ui, question).currentIndex = 0
        self.ui.remarks.plainText = ""
        say(self.ui.ratingMessage, "")

    def on_removed(self, node: Any) -> None:
        self.surface.on_removed(node)
        self.vertebra.on_removed(node)

    def close(self) -> None:
        self._soon.stop()
        self.vertebra.forget()
        self._volume = None
        self._on_volume()
