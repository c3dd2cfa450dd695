"""The volume rendered from the pose of each X-ray, beside that X-ray; a child process renders it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .child_process import ChildProcess, Ending
from .labels import escaped, set_picture, set_text
from .reading import Reading
from .selection import Selection

RENDER_VIEWS = ("-m", "IXGSLib.jobs.render_views")


class Comparison:
    """Pairs of pictures, one for each view of section 1."""

    def __init__(self, ui: Any, selection: Selection) -> None:
        self.ui, self.selection = ui, selection
        self.process = ChildProcess()
        self.process.ended.connect(self._on_ended)
        self._folder: Path | None = None
        self._pairs: list[dict[str, Any]] = []
        ui.comparedView.connect("currentIndexChanged(int)", self._show_pair)
        self.discard()

    def start(self, run: Path | None) -> None:
        """Render the volume of a run from the views of section 1."""
        reading = self.selection.reading
        problem = obstacle(run, reading)
        if problem:
            set_text(self.ui.comparisonMessage, problem)
            return
        self.discard()
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-renders-", dir=slicer.app.temporaryPath))
        self.process.start([*RENDER_VIEWS, str(run), "--reading", str(reading.folder), "--out", str(self._folder)])
        set_text(self.ui.comparisonMessage, _("Rendering the volume from the pose of each X-ray..."))

    def _on_ended(self, ending: Ending) -> None:
        if not ending.done:
            set_text(self.ui.comparisonMessage, "" if ending.cancelled else escaped(ending.error))
            return
        self._pairs = json.loads((self._folder / "renders.json").read_text(encoding="utf-8"))
        for pair in self._pairs:
            self.ui.comparedView.addItem(pair["id"])
        self.ui.comparedView.enabled = bool(self._pairs)

    def _show_pair(self, *_args: Any) -> None:
        number = self.ui.comparedView.currentIndex
        if not 0 <= number < len(self._pairs):
            return
        pair = self._pairs[number]
        set_picture(self.ui.measured, self._folder / pair["measured"])
        set_picture(self.ui.rendered, self._folder / pair["rendered"])
        unused = "" if pair["used"] else _(" This view was not used for the volume.")
        text = _("Left: the X-ray. Right: the volume from the same pose. They agree to {psnr:.1f} dB.").format(**pair)
        set_text(self.ui.comparisonMessage, text + unused)

    def discard(self) -> None:
        """Stop rendering and remove the pictures."""
        self.process.abandon()
        self._pairs = []
        self.ui.comparedView.clear()
        self.ui.comparedView.enabled = False
        set_text(self.ui.comparisonMessage, "")
        for label in (self.ui.measured, self.ui.rendered):
            set_picture(label, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def obstacle(run: Path | None, reading: Reading | None) -> str:
    """Why a run cannot be compared with the X-rays of section 1, or nothing."""
    if run is None:
        return _("This volume does not come from a run of IXGS on this computer.")
    if reading is None:
        return _("Choose the X-rays of this volume in section 1 first.")
    name = json.loads((run / "run.json").read_text(encoding="utf-8"))["case"]["name"]
    if name != reading.name:
        return _("This volume was made from the case {name}: choose its X-rays in section 1 first.").format(
            name=escaped(name)
        )
    return ""
