"""What Apply runs: the commands, their settings and the folder of the run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import slicer

from IXGSLib.errors import IXGSError

from .advanced import AdvancedSettings
from .folders import new_run_folder
from .preparation import Preparation
from .selection import Selection
from .state import PanelState

PREVIEWS = 20
"""Approximate number of previews in a run."""


class RunPlan:
    """The choices of all sections as the commands of a run."""

    def __init__(
        self, state: PanelState, selection: Selection, preparation: Preparation, advanced: AdvancedSettings
    ) -> None:
        self.state, self.selection, self.preparation, self.advanced = state, selection, preparation, advanced
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def choices(self) -> dict[str, Any]:
        """Everything that decides the result of Apply; raises IXGSError for a region that cannot be used."""
        p = self.state.parameters
        return {
            "xrays": [str(self.selection.case), *self._view_arguments()],
            "poses": self.preparation.poses.arguments(),
            "standardization": self.preparation.standardization.arguments(),
            "prior": self.preparation.standardization.prior_arguments(),
            "region": self.preparation.region.arguments(),
            "preset": p.preset,
            "device": p.device,
            "settings": self.settings(),
        }

    def commands(self, out: Path) -> list[list[str]]:
        """The arguments of Python for each child process: one to standardise, if that is wanted, one to reconstruct.

        out: the folder of the run. Raises what `choices` raises.
        """
        p, case, views = self.state.parameters, self.selection.case, self._view_arguments()
        commands = []
        if self.preparation.standardization.method().method != "none":
            standardized = out.with_name(f"{out.name}-xrays")
            method = self.preparation.standardization.arguments()
            commands.append(["standardize", str(case), "--out", str(standardized), *method, *views])
            case, views = standardized, []
        words = ["reconstruct", str(case), "--out", str(out), "--preset", p.preset, "--device", p.device]
        words += ["--standardize", "none"]  # the command above has done it
        words += ["--settings", str(self.settings_file()), *self.preparation.region.arguments()]
        words += self.preparation.standardization.prior_arguments()
        words += self.preparation.poses.arguments()
        commands.append([*words, *views])
        return [["-m", "IXGSLib", *command, "--json", "--stop-on-eof"] for command in commands]

    def quick_command(self, out: Path) -> list[str]:
        """The arguments of Python for the child process of a quick look; raises what `choices` raises.

        out: a new folder. Poses are taken as they are, because refining them takes longer than a quick look may.
        """
        words = ["estimate", str(self.selection.case), "--out", str(out)]
        words += self.preparation.standardization.weights_arguments()
        words += [*self.preparation.region.arguments(), *self._view_arguments()]
        return ["-m", "IXGSLib", *words, "--json", "--stop-on-eof"]

    def settings(self) -> dict[str, Any]:
        """The settings that replace those of the preset, including how often previews are written."""
        values = self.advanced.changed()
        if self.state.parameters.livePreview and "schedule.preview_every" not in values:
            steps = self.advanced.resolved().settings.schedule.steps
            values["schedule.preview_every"] = max(1, steps // PREVIEWS)
        return values

    def settings_file(self) -> Path:
        """A file with these settings for the command line."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ixgs-run-", dir=slicer.app.temporaryPath)
        path = Path(self._folder.name) / "settings.json"
        path.write_text(json.dumps(self.settings()), encoding="utf-8")
        return path

    def new_folder(self) -> Path:
        """A folder for the next run that does not exist yet."""
        return new_run_folder(self.selection.reading.name, self.state.parameters.preset)

    def unfinished_run(self) -> Path | None:
        """The folder of the last run, if it ended early, can be resumed and has the same choices as now."""
        if self.state.parameters is None or self.selection.reading is None:
            return None
        last = json.loads(self.state.parameters.lastRun)
        try:
            same = last.get("asked") == self.choices()
        except IXGSError:
            return None
        folder = Path(last.get("folder", ""))
        begun = (folder / "run.json").is_file() and any((folder / "checkpoints").glob("*.json"))
        return folder if same and begun and not (folder / "done.json").exists() else None

    def remember(self, out: Path) -> None:
        """Keep folder and choices of the run that is started, so that it can be resumed."""
        self.state.parameters.lastRun = json.dumps({"folder": str(out), "asked": self.choices()})

    def _view_arguments(self) -> list[str]:
        return [*self.selection.options, *self.selection.leave_out_arguments()]
