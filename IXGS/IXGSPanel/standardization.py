"""Section 2: X-rays to bone-enhanced radiographs, and what becomes of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ctk
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from .panel import Panel


class StandardizationSection:
    """The method, its weights, and the selected view before and after."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.ui.weights.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
        self.ui.weights.nameFilters = [_("Weights (*.safetensors)")]

    def update(self) -> None:
        method = self.panel.parameters.standardization
        self.ui.weights.enabled = method == "pix2pix"

    def arguments(self) -> list[str]:
        return []

    def close(self) -> None: ...
