"""Section 3: the box to reconstruct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import common_region

from .pictures import say
from .timing import timer

if TYPE_CHECKING:
    from .panel import Panel

PAUSE_MILLISECONDS = 200
"""From the last move of the box to new numbers about it."""


class RegionSection:
    """An ROI node, made from what the views see and draggable from then on; without one the case's region is taken."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.ui.fitRegion.connect("clicked()", self.fit)
        self.ui.ownRegion.connect("clicked()", self.take_own)
        self._observed: Any = None
        self._soon = timer(PAUSE_MILLISECONDS, self._tell)

    def update(self) -> None:
        node = self.panel.parameters.region
        if node is not self._observed:
            self._observe(node)
        for button in (self.ui.fitRegion, self.ui.ownRegion):
            button.enabled = self.panel.xrays.reading is not None
        self._soon.start()

    def _observe(self, node: Any) -> None:
        if self._observed is not None:
            self.panel.removeObserver(self._observed, vtk.vtkCommand.ModifiedEvent, self._on_moved)
        self._observed = node
        if node is not None:
            self.panel.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_moved)

    def _on_moved(self, caller: Any, event: Any) -> None:
        self._soon.start()

    def fit(self) -> None:
        """Put the box where all ticked views see it."""
        try:
            self._place(common_region([shot.view for shot in self.panel.xrays.table.used()], self.spacing() or None))
        except IXGSError as error:
            say(self.ui.regionMessage, str(error))

    def take_own(self) -> None:
        """Put the box where the case has it."""
        self._place(self.panel.xrays.reading.grid)

    def _place(self, grid: Grid) -> None:
        from IXGSLib.scene.regions import add_region

        p = self.panel.parameters
        p.region = add_region(slicer.mrmlScene, grid, _("Region"), node=p.region)

    def spacing(self) -> float:
        """Side of a voxel in mm: what was chosen, or the case's own; 0 while nothing is known."""
        p, reading = self.panel.parameters, self.panel.xrays.reading
        return p.voxelSize or (float(reading.grid.spacing.min()) if reading is not None else 0.0)

    def grid(self) -> Grid | None:
        """The lattice to reconstruct on; None before there are X-rays. Raises GeometryError for a box that is none."""
        from IXGSLib.scene.regions import region_of

        p, reading = self.panel.parameters, self.panel.xrays.reading
        if reading is None:
            return None
        if p.region is not None:
            return region_of(p.region, self.spacing())
        return reading.grid.with_spacing(p.voxelSize) if p.voxelSize else reading.grid

    def arguments(self) -> list[str]:
        """The region for the command line; nothing where it is the case's own."""
        p, grid = self.panel.parameters, self.grid()
        if p.region is None:
            return ["--spacing", decimal(p.voxelSize)] if p.voxelSize else []
        words = ["--center", *map(decimal, grid.center), "--size", *map(decimal, grid.size)]
        words += ["--spacing", decimal(grid.spacing[0])]
        return [*words, "--direction", *map(decimal, np.ravel(grid.direction))]

    def _tell(self) -> None:
        if self.panel.parameters is None:
            return
        try:
            grid = self.grid()
        except IXGSError as error:
            say(self.ui.regionMessage, str(error))
            return
        say(self.ui.regionMessage, self._sentence(grid))
        if grid is not None:
            self.panel.xrays.table.show_coverage(grid)

    def _sentence(self, grid: Grid | None) -> str:
        if grid is None:
            return _("Choose X-rays first; the region follows from them.")
        whose = _("The case's own region") if self.panel.parameters.region is None else _("The region")
        sides = " x ".join(f"{side:.0f}" for side in grid.size)
        return _("{whose}: {sides} mm in voxels of {spacing:.3g} mm, {millions:.1f} million in all.").format(
            whose=whose, sides=sides, spacing=float(grid.spacing[0]), millions=float(np.prod(grid.shape)) / 1e6
        )

    def close(self) -> None:
        self._soon.stop()
        self._observe(None)


def decimal(value: float) -> str:
    """A number that no parser of options takes for an option, as it would -1e-17."""
    return f"{value:.9f}"
