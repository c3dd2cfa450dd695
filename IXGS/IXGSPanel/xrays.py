"""Section 1: where the X-rays come from, and which of them are used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.calibration.refinement.settings import MIN_VIEWS
from IXGSLib.errors import IXGSError, SettingsError
from IXGSLib.formats.case_source import CaseOptions
from IXGSLib.xray.dicom.conventions import Conventions

from .case_reader import CaseReader
from .dicom_series import choose_series
from .labels import message_of, set_text, text_of
from .parameters import UNITS
from .reading import Reading
from .scene_images import SceneImages
from .selection import Selection
from .sources import kind_of
from .state import PanelState
from .timers import single_shot_timer
from .views_table import ViewsTable
from .wording import panel_text

MIN_XRAYS = 2
"""The fewest X-rays that can be read from the scene."""
READ_DELAY_MILLISECONDS = 400
"""From the last change of the source to reading it."""


class XRaysSection:
    """The form of section 1; the X-rays that it reads become the selection of the panel.

    requirements: the Python packages that IXGS needs.
    """

    def __init__(self, ui: Any, state: PanelState, requirements: Any) -> None:
        self.ui, self.state, self.requirements = ui, state, requirements
        self.selection = Selection(state)
        self.problem = ""
        self.table = ViewsTable(ui, self.selection)
        self.images = SceneImages(ui, state)
        self.reader = CaseReader()
        self._source: tuple[Any, ...] = ()
        self._unticked = "[]"
        self._read_soon = single_shot_timer(READ_DELAY_MILLISECONDS, self.read)
        self._connect()

    def _connect(self) -> None:
        ui, flags = self.ui, ctk.ctkPathLineEdit
        ui.casePath.filters = flags.Dirs | flags.Readable  # with Files, its dialog would not offer folders
        ui.calibrationPath.filters = flags.Files | flags.Readable
        ui.chooseFile.connect("clicked()", self.choose_file)
        ui.chooseSeries.connect("clicked()", self.choose_series)
        ui.sampleCase.connect("clicked()", lambda: self.choose_sample())
        ui.readAgain.connect("clicked()", self.read)
        ui.readImages.connect("clicked()", self.read)
        self.images.changed.connect(self._on_images)
        self.reader.finished.connect(self.take)
        self.reader.failed.connect(self._on_failed)

    # The source

    def update(self) -> None:
        """Show the fields of the chosen source, and read the X-rays if the source has changed."""
        parameters, ui = self.state.parameters, self.ui
        files = parameters.source == "files"
        ui.filesWidget.visible = files
        ui.sceneWidget.visible = not files
        for button in (ui.chooseFile, ui.chooseSeries, ui.readAgain):
            button.visible = files
        ui.calibrationWidget.visible = files and self.needs_calibration
        for widget in (ui.tagConventionsLabel, ui.tagConventions):
            widget.visible = kind_of(parameters.casePath) == "tagged" and not parameters.calibrationPath
        self.images.show()
        if self._source != self._chosen_source():
            self._on_source_changed()
        self._unticked = parameters.leftOut
        self._show_status()

    def _chosen_source(self) -> tuple[Any, ...]:
        """Everything that decides which X-rays are read."""
        p = self.state.parameters
        if p.source == "scene":
            return ("scene",)
        choices = (p.calibrationPath, p.calibrationFormat, p.calibrationUnit, p.pixelValues, p.openField, p.pixelSize)
        choices += (self.tag_conventions,)
        rest = choices if self.needs_calibration else ()
        return ("files", p.casePath, *rest)

    def _on_source_changed(self) -> None:
        p, before = self.state.parameters, self._source
        self._source = self._chosen_source()
        self._read_soon.stop()
        self._drop()
        if before[1:2] != self._source[1:2] and any(before[1:2]) and p.leftOut == self._unticked:
            p.leftOut = "[]"  # those views belong to the earlier case
        if p.source == "files":
            self._read_soon.start()

    @property
    def needs_calibration(self) -> bool:
        """Whether the path holds images, whose poses a calibration states; tags of DICOM are only a start."""
        return kind_of(self.state.parameters.casePath) in ("images", "tagged")

    @property
    def tag_conventions(self) -> tuple[str, ...]:
        """How the tags deviate from the standard, where the poses come from them."""
        p = self.state.parameters
        tagged = kind_of(p.casePath) == "tagged" and not p.calibrationPath
        return tuple(p.tagConventions.replace(",", " ").split()) if tagged else ()

    def image_options(self) -> list[str]:
        """The command-line options that describe images without poses."""
        p = self.state.parameters
        if p.source == "scene" or not self.needs_calibration:
            return []
        if not p.calibrationPath:  # poses and values as the tags state them
            options = ["--i0", repr(p.openField)] if p.openField else []
            return [*options, "--tag-conventions", *self.tag_conventions] if self.tag_conventions else options
        options = ["--calibration", p.calibrationPath, "--values", p.pixelValues]
        options += ["--calibration-format", p.calibrationFormat] if p.calibrationFormat else []
        options += ["--unit", p.calibrationUnit] if p.calibrationUnit != UNITS[0] else []
        options += ["--i0", repr(p.openField)] if p.openField else []
        return options + (["--pixel-spacing", repr(p.pixelSize), repr(p.pixelSize)] if p.pixelSize else [])

    def choose(self, case: Path) -> None:
        """Choose a case or a folder of X-rays on disk."""
        with slicer.util.NodeModify(self.state.parameters.parameterNode):
            self.state.parameters.source = "files"
            self.state.parameters.casePath = str(case)

    def choose_sample(self, name: str = "SampleCase") -> None:
        """Choose a sample case that comes with IXGS."""
        from IXGSLib.resources import resource

        try:
            sample = resource(name)
        except IXGSError as error:
            self._drop()
            self._on_failed(panel_text(str(error)))
            return
        self.choose(sample)

    def choose_file(self) -> None:
        """Ask for a single file: a case.json, or a file that holds all X-rays."""
        before = self.state.parameters.casePath
        path = qt.QFileDialog.getOpenFileName(self.ui.chooseFile.window(), _("Choose a file with X-rays"), before)
        if path:
            self.state.parameters.casePath = path

    def choose_series(self) -> None:
        """Ask for a series in the DICOM database of Slicer."""
        self._dialog = choose_series(self.ui.chooseSeries.window(), self.choose)

    # Reading

    def read(self) -> None:
        """Start reading the X-rays of the chosen source, if everything for it is there."""
        self._read_soon.stop()
        p = self.state.parameters
        if p is None:
            return
        self._drop()
        if not self.requirements.missing():
            if p.source == "scene" and self.images.count() >= MIN_XRAYS:
                self.reader.read_images(self.images)
            elif p.source == "files" and not self._missing_input():
                self.reader.read_files(Path(p.casePath), self.image_options())
        self._show_status()

    def take(self, reading: Reading, case: Path, options: list[str]) -> None:
        """Make X-rays that were read the selection of the panel."""
        self._read_soon.stop()
        self.selection.replace(reading, case, options)
        self.table.fill()
        self._suggest_refinement()
        self._show_status()
        self.selection.changed.emit()

    def _suggest_refinement(self) -> None:
        """Refine approximate poses by default; the choice that the user makes for these X-rays stays."""
        p, source = self.state.parameters, json.dumps(self._chosen_source())
        if p.refinementDecidedFor != source:
            p.refinementDecidedFor = source
            p.refinePoses = self.selection.approximate and len(self.selection.xrays) >= MIN_VIEWS

    def _on_failed(self, problem: str) -> None:
        self.problem = problem
        self._show_status()
        self.selection.changed.emit()

    def _drop(self) -> None:
        """Stop reading and drop the X-rays."""
        self.reader.discard()
        self.problem, self.selection.busy = "", False
        had_reading = self.selection.reading is not None
        self.selection.replace(None)
        self.table.fill()
        if had_reading:
            self.selection.changed.emit()

    def _on_images(self) -> None:
        self._drop()
        self._show_status()

    # Messages

    def _show_status(self) -> None:
        """Say below the source what to do next or what went wrong, and show the table when there are X-rays."""
        self.selection.busy = self.reader.busy
        p, found = self.state.parameters, self.selection.reading is not None
        if p is None:
            return
        set_text(self.ui.xraysMessage, self._message())
        self.ui.readAgain.enabled = p.source == "files" and (found or self.reader.busy or bool(self.problem))
        for widget in (self.ui.viewsTable, self.ui.showCArm, self.ui.lookThrough):
            widget.visible = found
        self.table.summarise()
        self.selection.status_changed.emit()

    def _message(self) -> str:
        if self.reader.busy:
            return _("Reading the X-rays...")
        if self.problem:
            return _("<b>These X-rays cannot be used.</b> {problem}").format(problem=text_of(self.problem))
        if self.selection.reading is not None:
            return ""
        missing = self.requirements.missing()
        if missing:
            return _(
                "IXGS needs Python packages that are not installed in Slicer yet: {names}. Choose X-rays and press "
                "Apply; nothing is installed before you agree."
            ).format(names=", ".join(missing))
        return self._missing_input()

    def _missing_input(self) -> str:
        """What the user has to do next, or nothing if files can be read."""
        p = self.state.parameters
        if p.source == "scene":
            count = self.images.count()
            if count < MIN_XRAYS:
                return _(
                    "{count} X-rays in the list. Choose an X-ray and its pose, then press Add; at least two are needed."
                ).format(count=count)
            return _("{count} X-rays in the list. Press Read.").format(count=count)
        if not p.casePath:
            return _("Choose a case or a folder of X-rays. To try IXGS, press Sample case.")
        if not Path(p.casePath).exists():
            return _("There is nothing at this path.")
        if kind_of(p.casePath) == "images" and not p.calibrationPath:
            return _("These X-rays come without poses: choose their calibration.")
        return self._wrong_conventions()

    def _wrong_conventions(self) -> str:
        """Why the tag conventions cannot be used, or nothing."""
        try:
            if not CaseOptions(tag_conventions=self.tag_conventions).automatic:
                Conventions.deviating(self.tag_conventions)
        except SettingsError as error:
            return message_of(error)
        return ""

    def close(self) -> None:
        """Stop and drop everything when the scene is closed."""
        self._read_soon.stop()
        self._source = ()
        self._drop()
