"""The end of section 1: whether a run refines the poses of the X-rays."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from IXGSLib.calibration.refinement.settings import MIN_VIEWS

from .labels import set_text
from .selection import Selection
from .state import PanelState


class PoseRefinement:
    """The box *Refine poses* and the errors that are expected of the poses."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection

    def update(self) -> None:
        found, wanted = self.selection.reading is not None, self.state.parameters.refinePoses
        self.ui.refinePoses.visible = found
        self.ui.poseErrorsWidget.visible = found
        self.ui.poseErrorsWidget.enabled = wanted
        set_text(self.ui.posesMessage, (self.problem() or self._hint()) if found else "")

    def _hint(self) -> str:
        if self.state.parameters.refinePoses or not self.selection.approximate:
            return ""
        return _("These poses come from DICOM tags and are approximate: tick Refine poses.")

    def problem(self) -> str:
        """Why the poses cannot be refined, or nothing."""
        count = len(self.selection.used)
        if not self.state.parameters.refinePoses or count >= MIN_VIEWS:
            return ""
        return _(
            "Refining poses needs at least {least} X-rays, and {count} are ticked: tick more in section 1, or untick "
            "Refine poses."
        ).format(least=MIN_VIEWS, count=count)

    def arguments(self) -> list[str]:
        """The refinement as command-line arguments."""
        p = self.state.parameters
        if not p.refinePoses:
            return []
        errors = ["--refinement.rotation-error", repr(p.rotationError), "--refinement.shift-error", repr(p.shiftError)]
        return ["--refine-poses", *errors]

    def close(self) -> None:
        """Nothing of it outlives a scene."""
