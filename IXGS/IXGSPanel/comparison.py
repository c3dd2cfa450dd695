"""The volume as each X-ray would see it, beside that X-ray; drawn in a process of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from .child import Child, Ending
from .pictures import escaped, say, show

if TYPE_CHECKING:
    from .panel import Panel

RENDER_VIEWS = ("-m", "IXGSLib.jobs.render_views")


class Comparison:
    """Pairs of pictures for the views of a run."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.child = Child()
        self.child.ended.connect(self._on_rendered)
        self._folder: Path | None = None
        self.pairs: list[dict[str, Any]] = []
        self.ui.compare.connect("clicked()", self.start)
        self.ui.comparedView.connect("currentIndexChanged(int)", self._show)
        self.forget()

    def start(self) -> None:
        """Render the run of the volume from the views of section 1."""
        run, reading = self.panel.review.run(), self.panel.xrays.reading
        problem = obstacle(run, reading)
        if problem:
            say(self.ui.comparisonMessage, problem)
            return
        self.forget()
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-renders-", dir=slicer.app.temporaryPath))
        self.child.start([*RENDER_VIEWS, str(run), "--reading", str(reading.folder), "--out", str(self._folder)])
        say(self.ui.comparisonMessage, _("Drawing the volume as the X-rays would see it ..."))

    def _on_rendered(self, ending: Ending) -> None:
        if not ending.done:
            say(self.ui.comparisonMessage, "" if ending.cancelled else escaped(ending.error))
            return
        self.pairs = json.loads((self._folder / "renders.json").read_text(encoding="utf-8"))
        for pair in self.pairs:
            self.ui.comparedView.addItem(pair["id"])
        self.ui.comparedView.enabled = bool(self.pairs)

    def _show(self, *_args: Any) -> None:
        number = self.ui.comparedView.currentIndex
        if not 0 <= number < len(self.pairs):
            return
        pair = self.pairs[number]
        show(self.ui.measured, self._folder / pair["measured"])
        show(self.ui.rendered, self._folder / pair["rendered"])
        used = "" if pair["used"] else _(" This view was not used for the volume.")
        text = _("Left the X-ray, right the volume from the same place; they agree to {psnr:.1f} dB.").format(**pair)
        say(self.ui.comparisonMessage, text + used)

    def forget(self) -> None:
        self.child.forget()
        self.pairs = []
        self.ui.comparedView.clear()
        say(self.ui.comparisonMessage, "")
        self.ui.comparedView.enabled = False
        for picture in (self.ui.measured, self.ui.rendered):
            show(picture, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def obstacle(run: Path | None, reading: Any) -> str:
    """Why there is nothing to compare, or nothing."""
    if run is None:
        return _("This volume is not from a run of IXGS on this computer.")
    if reading is None:
        return _("Choose the X-rays of this volume in section 1 first.")
    name = json.loads((run / "run.json").read_text(encoding="utf-8"))["case"]["name"]
    if name != reading.name:
        return _("This volume is from the case {name}: choose its X-rays in section 1 first.").format(
            name=escaped(name)
        )
    return ""
