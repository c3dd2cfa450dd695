"""The volume rendered from the pose of each X-ray, beside that X-ray; a child process renders it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError
from IXGSLib.runs.records import RUN, read_record

from .child_process import ChildProcess, Ending
from .labels import Message, escaped, set_picture
from .pictures import Enlarger, Pair
from .reading import Reading
from .selection import Selection
from .state import PanelState

RENDER_VIEWS = ("-m", "IXGSLib.jobs.render_views")


class Comparison:
    """Pairs of pictures, one for each view of section 1."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection
        self.message = Message(ui.comparisonMessage, self._basis)
        self.process = ChildProcess()
        self.process.ended.connect(self._on_ended)
        self._folder: Path | None = None
        self._pairs: list[dict[str, Any]] = []
        self._compared: tuple[Any, ...] | None = None
        self.enlarger = Enlarger()
        self.enlarger.watch((ui.measured, ui.rendered), self._large_pairs)
        ui.comparedView.connect("currentIndexChanged(int)", self._show_pair)
        self.discard()

    def _basis(self) -> tuple[Any, ...]:
        """What the comparison depends on: the volume and the X-rays."""
        p, reading = self.state.parameters, self.selection.reading
        return (None if p is None else p.volume, None if reading is None else reading.folder)

    def update(self) -> None:
        """Remove the pictures of other X-rays than those of section 1."""
        if self._compared is not None and self._compared != self._basis():
            self.discard()
        self.message.refresh()

    def start(self, run: Path | None) -> None:
        """Render the volume of a run from the views of section 1."""
        reading = self.selection.reading
        problem = obstacle(run, reading)
        if problem:
            self.message.show(problem)
            return
        self.discard()
        self._compared = self._basis()
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-renders-", dir=slicer.app.temporaryPath))
        self.process.start([*RENDER_VIEWS, str(run), "--reading", str(reading.folder), "--out", str(self._folder)])
        self.message.show(_("Rendering the volume from the pose of each X-ray..."))

    def _on_ended(self, ending: Ending) -> None:
        if not ending.done:
            self.message.show("" if ending.cancelled else escaped(ending.error))
            return
        self._pairs = json.loads((self._folder / "renders.json").read_text(encoding="utf-8"))
        for pair in self._pairs:
            self.ui.comparedView.addItem(pair["id"])
        self.ui.comparedView.enabled = bool(self._pairs)

    def _large_pairs(self) -> tuple[list[Pair], int]:
        pairs = [
            Pair(each["id"], self._folder / each["measured"], self._folder / each["rendered"], pair_text(each))
            for each in self._pairs
        ]
        return pairs, max(0, self.ui.comparedView.currentIndex)

    def _show_pair(self, *_args: Any) -> None:
        number = self.ui.comparedView.currentIndex
        if not 0 <= number < len(self._pairs):
            return
        pair = self._pairs[number]
        set_picture(self.ui.measured, self._folder / pair["measured"])
        set_picture(self.ui.rendered, self._folder / pair["rendered"])
        self.message.show(pair_text(pair))

    def discard(self) -> None:
        """Stop rendering and remove the pictures."""
        self.process.abandon()
        self._pairs, self._compared = [], None
        self.ui.comparedView.clear()
        self.ui.comparedView.enabled = False
        self.message.show("")
        for label in (self.ui.measured, self.ui.rendered):
            set_picture(label, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def pair_text(pair: dict[str, Any]) -> str:
    """What both pictures of a pair show."""
    unused = "" if pair["used"] else _(" This view was not used for the volume.")
    text = _("Left: the X-ray. Right: the volume from the same pose. They agree to {psnr:.1f} dB.").format(**pair)
    return text + unused


def obstacle(run: Path | None, reading: Reading | None) -> str:
    """Why a run cannot be compared with the X-rays of section 1, or nothing."""
    if run is None:
        return _("This volume does not come from a run of IXGS on this computer.")
    if reading is None:
        return _("Choose the X-rays of this volume in section 1 first.")
    try:
        record = read_record(run / RUN)
    except IXGSError as error:
        return escaped(str(error))
    if set(reading.hashes.values()) not in sources(record):
        return _(
            "This volume was not made from the files of section 1: choose the X-rays of the case {name} there first, "
            "unchanged."
        ).format(name=escaped(record["case"]["name"]))
    return ""


def sources(record: dict[str, Any]) -> list[set[str]]:
    """The SHA-256 of the files that a run read and, where its X-rays were standardized, of those before that.

    record: the content of run.json.
    """
    made = record.get("standardization") or {}
    return [set(files.values()) for files in (record["inputs"], made.get("source", {}).get("files", {})) if files]
