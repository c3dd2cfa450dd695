"""The volume rendered from the pose of each X-ray, beside that X-ray; a child process renders it."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError
from IXGSLib.runs.records import RUN, read_record

from .child_process import ChildProcess, Ending
from .labels import Message, escaped, message_of, set_picture, text_of
from .pictures import Album, Enlarger, Pair
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
        ui.givenPose.connect("toggled(bool)", self._show_pair)
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
            self.message.show("" if ending.cancelled else text_of(ending.error))
        else:
            self.take(self._folder)

    def take(self, folder: Path) -> None:
        """Show what the job render_views has written into a folder, which is deleted with the pictures."""
        self._folder, self._compared = folder, self._basis()
        self._pairs = json.loads((self._folder / "renders.json").read_text(encoding="utf-8"))
        for pair in self._pairs:
            self.ui.comparedView.addItem(pair["id"])
        self.ui.comparedView.enabled = bool(self._pairs)

    def _large_pairs(self) -> Album:
        pairs, box = [self._pair(each) for each in self._pairs], self.ui.givenPose
        return Album(pairs, max(0, self.ui.comparedView.currentIndex), box.text, box.checked)

    def _pair(self, each: dict[str, Any]) -> Pair:
        """An X-ray and its render, which is switched to that from the given pose if the run refined the pose."""
        measured, rendered = self._folder / each["measured"], self._folder / each["rendered"]
        pair = Pair(each["id"], measured, rendered, pair_text(each))
        if "given" not in each:
            return pair
        return replace(pair, switched=Pair(each["id"], measured, self._folder / each["given"], pair_text(each, True)))

    def _show_pair(self, *_args: Any) -> None:
        number = self.ui.comparedView.currentIndex
        if not 0 <= number < len(self._pairs):
            return
        pair, box = self._pair(self._pairs[number]), self.ui.givenPose
        box.visible = pair.switched is not None
        if pair.switched is not None and box.checked:
            pair = pair.switched
        set_picture(self.ui.measured, pair.first)
        set_picture(self.ui.rendered, pair.second)
        self.message.show(pair.caption)

    def discard(self) -> None:
        """Stop rendering and remove the pictures."""
        self.process.abandon()
        self._pairs, self._compared = [], None
        self.ui.comparedView.clear()
        self.ui.comparedView.enabled = False
        self.ui.givenPose.visible = self.ui.givenPose.checked = False
        self.message.show("")
        for label in (self.ui.measured, self.ui.rendered):
            set_picture(label, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def pair_text(pair: dict[str, Any], given: bool = False) -> str:
    """What both pictures of a pair show; given: the volume is seen from the given pose, not from the refined one."""
    unused = "" if pair["used"] else _(" This view was not used for the volume.")
    if given:
        text = _(
            "Left: the X-ray. Right: the volume from the pose as given. They agree to {given:.1f} dB; with the refined "
            "pose to {rendered:.1f} dB."
        )
    elif "given" in pair:
        text = _(
            "Left: the X-ray. Right: the volume from the refined pose. They agree to {rendered:.1f} dB; with the given "
            "pose to {given:.1f} dB."
        )
    else:
        text = _("Left: the X-ray. Right: the volume from the same pose. They agree to {rendered:.1f} dB.")
    return text.format(**pair["psnr"]) + unused


def obstacle(run: Path | None, reading: Reading | None) -> str:
    """Why a run cannot be compared with the X-rays of section 1, or nothing."""
    if run is None:
        return _("This volume does not come from a run of IXGS on this computer.")
    if reading is None:
        return _("Choose the X-rays of this volume in section 1 first.")
    try:
        record = read_record(run / RUN)
    except IXGSError as error:
        return message_of(error)
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
