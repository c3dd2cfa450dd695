"""Section 3: the region to reconstruct."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from IXGSLib.errors import IXGSError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import common_region

from .labels import message_of, set_text
from .selection import Selection
from .signal import Signal
from .state import PanelState
from .timers import single_shot_timer

UPDATE_DELAY_MILLISECONDS = 200
"""From the last movement of the box to new numbers about it."""


class RegionSection(VTKObservationMixin):
    """An ROI node that the user can drag; without one the region of the case is reconstructed.

    grid_changed: emitted with the grid when another region was chosen or the box was moved.
    """

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.state, self.selection = ui, state, selection
        self.grid_changed = Signal()
        self._observed: Any = None
        self._describe_soon = single_shot_timer(UPDATE_DELAY_MILLISECONDS, self._describe)
        ui.fitRegion.connect("clicked()", self.fit_to_views)
        ui.ownRegion.connect("clicked()", self.take_from_case)

    def update(self) -> None:
        node = self.state.parameters.region
        if node is not self._observed:
            self._observe(node)
        for button in (self.ui.fitRegion, self.ui.ownRegion):
            button.enabled = self.selection.reading is not None
        self._describe_soon.start()

    def _observe(self, node: Any) -> None:
        if self._observed is not None:
            self.removeObserver(self._observed, vtk.vtkCommand.ModifiedEvent, self._on_moved)
        self._observed = node
        if node is not None:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_moved)

    def _on_moved(self, caller: Any, event: Any) -> None:
        self._describe_soon.start()

    def fit_to_views(self) -> None:
        """Place the box where all ticked views see it."""
        try:
            self._place(common_region([xray.view for xray in self.selection.used], self.spacing() or None))
        except IXGSError as error:
            set_text(self.ui.regionMessage, message_of(error))

    def take_from_case(self) -> None:
        """Place the box where the case has its region."""
        self._place(self.selection.reading.grid)

    def _place(self, grid: Grid) -> None:
        from IXGSLib.scene.hierarchy import place_in_study
        from IXGSLib.scene.regions import add_region

        p = self.state.parameters
        p.region = add_region(slicer.mrmlScene, grid, _("Region"), node=p.region)
        place_in_study(slicer.mrmlScene, self.selection.reading.name, p.region)

    def spacing(self) -> float:
        """Voxel size in mm: as chosen, or that of the case; 0 without X-rays."""
        p, reading = self.state.parameters, self.selection.reading
        return p.voxelSize or (float(reading.grid.spacing.min()) if reading is not None else 0.0)

    def grid(self) -> Grid | None:
        """The grid to reconstruct, None without X-rays; raises GeometryError for a box that cannot be used."""
        from IXGSLib.scene.regions import region_of

        p, reading = self.state.parameters, self.selection.reading
        if reading is None:
            return None
        if p.region is not None:
            return region_of(p.region, self.spacing())
        return reading.grid.with_spacing(p.voxelSize) if p.voxelSize else reading.grid

    def arguments(self) -> list[str]:
        """The region as command-line arguments, none if it is that of the case."""
        p, grid = self.state.parameters, self.grid()
        if p.region is None:
            return ["--spacing", decimal(p.voxelSize)] if p.voxelSize else []
        words = ["--center", *map(decimal, grid.center), "--size", *map(decimal, grid.size)]
        words += ["--spacing", decimal(grid.spacing[0])]
        return [*words, "--direction", *map(decimal, np.ravel(grid.direction))]

    def _describe(self) -> None:
        if self.state.parameters is None:
            return
        try:
            grid = self.grid()
        except IXGSError as error:
            set_text(self.ui.regionMessage, message_of(error))
            return
        set_text(self.ui.regionMessage, self._description(grid))
        if grid is not None:
            self.grid_changed.emit(grid)

    def _description(self, grid: Grid | None) -> str:
        if grid is None:
            return _("Choose X-rays first; they determine the region.")
        region = _("The region of the case") if self.state.parameters.region is None else _("The region")
        sides = " x ".join(f"{side:.0f}" for side in grid.size)
        return _("{region}: {sides} mm, voxels of {spacing:.3g} mm, {millions:.1f} million voxels.").format(
            region=region, sides=sides, spacing=float(grid.spacing[0]), millions=float(np.prod(grid.shape)) / 1e6
        )

    def close(self) -> None:
        self._describe_soon.stop()
        self._observe(None)


def decimal(value: float) -> str:
    """A number without an exponent, because option parsers take -1e-17 for an option."""
    return f"{value:.9f}"
