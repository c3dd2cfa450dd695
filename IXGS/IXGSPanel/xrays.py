"""Section 1: where the X-rays come from."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .child import Child, Ending
from .pictures import escaped, say
from .reading import Reading
from .scene_images import SceneImages
from .signal import Signal
from .stepper import Stepper
from .timing import timer
from .views_table import ViewsTable

if TYPE_CHECKING:
    from .panel import Panel

READ_CASE, READ_IMAGES = ("-m", "IXGSLib.jobs.read_case"), ("-m", "IXGSLib.jobs.read_images")
FEWEST = 2
"""X-rays of which something can be made."""
PAUSE_MILLISECONDS = 400
"""From the last change of where the X-rays are to reading them."""


class XRaysSection:
    """Where the X-rays come from, and what was found there.

    `changed` tells that there is a new reading or none.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.changed = Signal()
        self.reading: Reading | None = None
        self.case: Path | None = None
        self.problem = ""
        self._key: tuple[Any, ...] = ()
        self._folders: list[Path] = []
        self._ticks = "[]"
        self.table = ViewsTable(panel, self)
        self.images, self.copying = SceneImages(panel), Stepper()
        self.child = Child()
        self.child.ended.connect(self._on_read)
        self._soon = timer(PAUSE_MILLISECONDS, self.read)
        self._connect()

    def _connect(self) -> None:
        ui, kinds = self.ui, ctk.ctkPathLineEdit
        ui.casePath.filters = kinds.Dirs | kinds.Readable  # with Files, its dialog would offer no folders
        ui.calibrationPath.filters = kinds.Files | kinds.Readable
        ui.chooseFile.connect("clicked()", self.choose_file)
        ui.sampleCase.connect("clicked()", self.take_sample)
        ui.readAgain.connect("clicked()", self.read)
        ui.readImages.connect("clicked()", self.read_scene)
        self.images.changed.connect(self._on_images)

    @property
    def busy(self) -> bool:
        """Whether X-rays are being read."""
        return self.copying.busy or self.child.running

    # What the parameters say

    def update(self) -> None:
        """Show the rows that fit the source; read the X-rays when they are others than those last read."""
        parameters, ui = self.panel.parameters, self.ui
        files = parameters.source == "files"
        ui.filesWidget.visible = files
        ui.sceneWidget.visible = not files
        ui.chooseFile.visible = files
        ui.calibrationWidget.visible = files and self.needs_calibration
        if self._key != self._wanted():
            self._on_other_source()
        self._ticks = parameters.leftOut
        self._tell()

    def _on_other_source(self) -> None:
        p, before = self.panel.parameters, self._key
        self._key = self._wanted()
        self._soon.stop()
        self._forget()
        if before[1:2] != self._key[1:2] and any(before[1:2]) and p.leftOut == self._ticks:
            p.leftOut = "[]"  # it was said of other X-rays
        if p.source == "files":
            self._soon.start()

    @property
    def needs_calibration(self) -> bool:
        """Whether the path holds images without poses."""
        path = self.panel.parameters.casePath
        return bool(path) and Path(path).exists() and not is_case(Path(path))

    def _wanted(self) -> tuple[Any, ...]:
        p = self.panel.parameters
        if p.source == "scene":
            return ("scene",)
        rest = (p.calibrationPath, p.pixelValues, p.openField, p.pixelSize) if self.needs_calibration else ()
        return ("files", p.casePath, *rest)

    def image_arguments(self) -> list[str]:
        """What the command line needs to know of images that are no case."""
        p = self.panel.parameters
        if p.source == "scene" or not self.needs_calibration:
            return []
        words = ["--calibration", p.calibrationPath, "--values", p.pixelValues]
        words += ["--i0", repr(p.openField)] if p.openField else []
        return words + (["--pixel-spacing", repr(p.pixelSize), repr(p.pixelSize)] if p.pixelSize else [])

    def leaving_out(self) -> list[str]:
        """The views that are not ticked, for the command line."""
        out = self.table.left_out() & {shot.id for shot in self.reading.shots}
        return ["--leave-out", *sorted(out)] if out else []

    # Reading

    def take_sample(self) -> None:
        """Choose the sample case."""
        from IXGSLib.resources import resource

        try:
            sample = resource("SampleCase")
        except IXGSError as error:
            self._fail(str(error))
            return
        with slicer.util.NodeModify(self.panel.parameters.parameterNode):
            self.panel.parameters.source = "files"
            self.panel.parameters.casePath = str(sample)

    def choose_file(self) -> None:
        """Ask for one file: a case.json, or X-rays that are all in it."""
        before = self.panel.parameters.casePath
        path = qt.QFileDialog.getOpenFileName(self.ui.chooseFile.window(), _("X-rays in one file"), before)
        if path:
            self.panel.parameters.casePath = path

    def read(self) -> None:
        """Start to read the X-rays that the parameters name."""
        self._soon.stop()
        p = self.panel.parameters
        if p is None:
            return
        if p.source == "scene":
            self.read_scene()
            return
        self._forget()
        if not p.casePath or self._incomplete() or self.panel.requirements.missing():
            self._tell()
            return
        self._start(Path(p.casePath))

    def _start(self, case: Path) -> None:
        self.case = case
        folder = self._temporary()
        self.child.start([*READ_CASE, str(case), "--out", str(folder), *self.image_arguments()])
        self._tell()

    def _temporary(self) -> Path:
        """A folder that goes with the reading."""
        self._folders.append(Path(tempfile.mkdtemp(prefix="ixgs-case-", dir=slicer.app.temporaryPath)))
        return self._folders[-1]

    def _on_read(self, ending: Ending) -> None:
        if ending.done:
            self.reading = Reading.load(self._folders[-1])
            self.table.fill()
        else:
            self.problem = ending.error
        self._tell()
        self.changed.emit()

    def _forget(self) -> None:
        """Back to no X-rays."""
        self.copying.stop()
        self.child.forget()
        had, self.reading, self.case, self.problem = self.reading, None, None, ""
        while self._folders:
            shutil.rmtree(self._folders.pop(), ignore_errors=True)
        self.table.fill()
        if had is not None:
            self.changed.emit()

    def _fail(self, problem: str) -> None:
        self._forget()
        self.problem = problem
        self._tell()
        self.changed.emit()

    def _incomplete(self) -> str:
        """What the user has to choose next, or nothing."""
        p = self.panel.parameters
        if p.source == "scene":
            count = len(self.images.pairs())
            if count < FEWEST:
                return _(
                    "{count} X-rays in the list. Choose an X-ray and its pose, then press Add; at least two."
                ).format(count=count)
            return _("{count} X-rays in the list. Press Read.").format(count=count)
        if not p.casePath:
            return _("Choose a case or a folder of X-rays. To try IXGS, press Sample case.")
        if not Path(p.casePath).exists():
            return _("There is nothing at this path.")
        if self.needs_calibration and not p.calibrationPath:
            return _("These X-rays do not say how they were taken: choose their calibration.")
        return ""

    def _tell(self) -> None:
        """Say below the path what has to be done or what went wrong."""
        say(self.ui.xraysMessage, self.message())
        self.ui.readAgain.enabled = self.panel.parameters.source == "files" and bool(self.case or self.problem)
        found = self.reading is not None
        self.ui.viewsTable.visible = found
        self.ui.showCArm.visible = found
        self.ui.lookThrough.visible = found
        self.table.summarise()
        self.panel.check()

    def message(self) -> str:
        if self.busy:
            return _("Reading the X-rays ...")
        if self.problem:
            return _("<b>These X-rays cannot be used.</b> {problem}").format(problem=escaped(self.problem))
        if self.reading is not None:
            return ""
        missing = self.panel.requirements.missing()
        if missing:
            return _(
                "IXGS needs Python packages that Slicer does not have yet: {names}. Choose X-rays and press Apply; "
                "you are asked before anything is installed."
            ).format(names=", ".join(missing))
        return self._incomplete()

    # X-rays that are in the scene

    def read_scene(self) -> None:
        """Copy the X-rays of the list out of the scene, and start to read them."""
        self._forget()
        if self.panel.requirements.missing() or len(self.images.pairs()) < FEWEST:
            self._tell()
            return
        images = self._temporary()
        self.copying.start(self.images.copied(images), lambda done: self._start_images(images), self._refuse)
        self._tell()

    def _start_images(self, images: Path) -> None:
        self.case, folder = self._temporary() / "scene", self._temporary()
        self.child.start([*READ_IMAGES, str(images), "--case", str(self.case), "--out", str(folder)])
        self._tell()

    def _refuse(self, error: IXGSError) -> None:
        self._fail(str(error))

    def _on_images(self) -> None:
        self._forget()
        self._tell()

    def close(self) -> None:
        """Stop and drop everything, as when the scene goes."""
        self._soon.stop()
        self._key = ()
        self._forget()


def is_case(path: Path) -> bool:
    """Whether the poses are beside the X-rays already."""
    return (path / "case.json").is_file() if path.is_dir() else path.suffix.lower() == ".json"
