"""The X-rays that the panel works on."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from IXGSLib.geometry import View

from .reading import Reading, XRayPreview
from .signal import Signal
from .state import PanelState


class Selection:
    """The X-rays that were read, the view that is selected in the table and the views that are used.

    reading: None while there are no usable X-rays. case: their case or images on disk, for child processes.
    options: the command-line options with which `case` is read. current: the selected view.
    busy: whether X-rays are being read.
    changed: emitted after X-rays were read, could not be read or were dropped. current_changed: after another view was
    selected. status_changed: after the X-rays became busy, ready or unusable.
    """

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self.changed, self.current_changed, self.status_changed = Signal(), Signal(), Signal()
        self.reading: Reading | None = None
        self.case: Path | None = None
        self.options: list[str] = []
        self.current: XRayPreview | None = None
        self.busy = False
        self._final: dict[str, XRayPreview] = {}
        self._moved: set[str] = set()

    @property
    def xrays(self) -> tuple[XRayPreview, ...]:
        """All views of the reading."""
        return self.reading.xrays if self.reading is not None else ()

    @property
    def approximate(self) -> bool:
        """Whether poses come from DICOM tags."""
        return any(xray.poses.startswith("tags") for xray in self.xrays)

    @property
    def unticked(self) -> set[str]:
        """Ids of the views that the user has unticked, in this case or an earlier one."""
        return set(json.loads(self._state.parameters.leftOut)) if self._state.parameters is not None else set()

    @property
    def used(self) -> list[XRayPreview]:
        """The views that are ticked."""
        unticked = self.unticked
        return [xray for xray in self.xrays if xray.id not in unticked]

    def tick(self, view_id: str, ticked: bool) -> None:
        """Use a view, or leave it out."""
        unticked = self.unticked - {view_id} if ticked else self.unticked | {view_id}
        self._state.parameters.leftOut = json.dumps(sorted(unticked))

    def select(self, row: int) -> None:
        """Make a row of the table the current view."""
        self.current = self.xrays[row] if 0 <= row < len(self.xrays) else None
        self.current_changed.emit()

    def replace(self, reading: Reading | None, case: Path | None = None, options: list[str] | None = None) -> None:
        """Take other X-rays, or none; their first view becomes the current one. The caller emits `changed`."""
        self.reading, self.case, self.options = reading, case, options or []
        self.current = self.xrays[0] if self.xrays else None
        self._final, self._moved = {}, set()

    def take_final_poses(self, views: Mapping[str, View], refined: Collection[str] = ()) -> None:
        """Take the final poses of the run under review, by view id; none if it is of other X-rays or kept the given.

        refined: ids of the views whose poses the run refined. Those of others may have changed a little too.
        """
        self._moved = {id for id in refined if id in views}
        self._final = {xray.id: _posed(xray, views[xray.id]) for xray in self.xrays if xray.id in views}

    def final(self, xray: XRayPreview) -> XRayPreview:
        """The X-ray at its final pose or, where there is none, at its given one."""
        return self._final.get(xray.id, xray)

    def given_pose(self, xray: XRayPreview) -> View | None:
        """The view of an X-ray as it was given, None unless the run under review has refined its pose."""
        return xray.view if xray.id in self._moved else None

    def leave_out_arguments(self) -> list[str]:
        """The views that are left out, as command-line arguments."""
        left_out = self.unticked & {xray.id for xray in self.xrays}
        return ["--leave-out", *sorted(left_out)] if left_out else []


def _posed(xray: XRayPreview, view: View) -> XRayPreview:
    """The X-ray with the pose of a view."""
    return replace(xray, view=replace(xray.view, world_from_camera=view.world_from_camera))
