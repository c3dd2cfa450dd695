"""The X-rays of one patient and the region to reconstruct from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..errors import FormatError
from ..geometry import Grid, View
from ..geometry.rigid import Array
from ..messages import unique
from ..xray import XRay
from .calibration_record import CalibrationRecord
from .standardization import Standardization
from .tag_choice import TagChoice


@dataclass(frozen=True, eq=False)
class Case:
    """The views, their images and the region to reconstruct, as one value.

    warnings: one sentence each, from reading the case; run.json and the report repeat them.
    hashes: SHA-256 of every file that was read: case.json by its name, the others numbered in their order.
    provenance: the origin of poses by view id: "fiducials" for poses from a phantom or markers; "refined" by the X-rays
    themselves; "tags" for approximate poses from DICOM tags, with deviations from the standard in brackets; views that
    are not listed have measured poses.
    standardization: how the X-rays were standardised, if they were.
    calibration: how the poses were calibrated, with the residuals of each view, if IXGS did it.
    tag_choice: how the X-rays chose the conventions of their DICOM tags, if they were asked to.
    Raises FormatError when two views share an id.
    """

    xrays: tuple[XRay, ...]
    grid: Grid
    name: str = ""
    warnings: tuple[str, ...] = ()
    hashes: dict[str, str] = field(default_factory=dict)
    standardization: Standardization | None = None
    provenance: dict[str, str] = field(default_factory=dict)
    calibration: CalibrationRecord | None = None
    tag_choice: TagChoice | None = None

    def __post_init__(self) -> None:
        ids = [xray.view.id for xray in self.xrays]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        if twice:
            raise FormatError(f"case '{self.name}': more than one view is named {', '.join(twice)}; names must differ")

    def with_warnings(self, messages: Iterable[str]) -> Case:
        """The case with further warnings; each is kept once."""
        return replace(self, warnings=unique(self.warnings, messages))

    def with_poses(self, views: Iterable[View]) -> Case:
        """The case with other poses for its views, found by their ids; original X-rays get the same poses."""
        poses = {view.id: view.world_from_camera for view in views}
        made = self.standardization
        if made is not None:
            raw = {id: _posed(xray, poses) for id, xray in made.raw.items()}
            made = Standardization(made.record, raw)
        return replace(self, xrays=tuple(_posed(xray, poses) for xray in self.xrays), standardization=made)

    @property
    def views(self) -> tuple[View, ...]:
        return tuple(xray.view for xray in self.xrays)


def _posed(xray: XRay, poses: Mapping[str, Array]) -> XRay:
    """The X-ray with the pose of its id, if there is one."""
    pose = poses.get(xray.view.id)
    return xray if pose is None else replace(xray, view=replace(xray.view, world_from_camera=pose))
