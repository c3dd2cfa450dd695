"""Models of C-arms: dimensions, spectrum, field, detector and display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ..errors import SettingsError
from ..geometry.trajectory import CArm
from ..simulation.imaging_settings import ImagingSettings


@dataclass(frozen=True)
class CArmModel:
    """One C-arm.

    exports_display: whether its X-rays are the pictures of its display, with window and edge enhancement, in place of
    the detector's signal.
    """

    arm: CArm = field(default_factory=CArm)
    imaging: ImagingSettings = field(default_factory=ImagingSettings)
    exports_display: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CArmModel:
        """The model with values for `arm` and `imaging`; raises SettingsError for unknown names and wrong values."""
        unknown = sorted(set(values) - {"arm", "imaging", "exports_display"})
        if unknown:
            raise SettingsError(f"unknown {', '.join(unknown)}, expected arm, imaging or exports_display")
        return cls(
            _filled(CArm(), "arm", values.get("arm", {})),
            _filled(ImagingSettings(), "imaging", values.get("imaging", {})),
            bool(values.get("exports_display", False)),
        )

    def with_pixels(self, count: int | None) -> CArmModel:
        """The model with `count` x `count` detector pixels on the same area; None keeps them."""
        return self if count is None else replace(self, arm=replace(self.arm, detector_pixels=(count, count)))


def _filled(default: Any, name: str, values: Any) -> Any:
    if not isinstance(values, Mapping):
        raise SettingsError(f"{name} is {values!r}, expected a table of settings")
    known = {each.name for each in fields(default)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingsError(f"{name} has no {', '.join(unknown)}, expected some of {', '.join(sorted(known))}")
    try:
        return replace(default, **{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})
    except TypeError as error:
        raise SettingsError(f"{name} holds a value of another kind ({error}); correct it") from error


MODELS: dict[str, CArmModel] = {
    "standard": CArmModel(),
    "hard-beam": CArmModel(imaging=ImagingSettings(kvp=125.0, copper=0.9)),
    "no-grid": CArmModel(imaging=ImagingSettings(scatter=2.0, scatter_width=60.0)),
    "small-round-field": CArmModel(
        CArm(source_isocentre=700.0, source_detector=1300.0, detector_size=300.0),
        ImagingSettings(field="round", field_size=0.62, field_penumbra=6.0),
    ),
    "old-intensifier": CArmModel(
        imaging=ImagingSettings(
            kvp=70.0, screen=0.08, field="round", mtf50=0.25, glare=0.3, glare_width=60.0, saturation=6.0, quanta=500.0
        )
    ),
    "display-pictures": CArmModel(
        imaging=ImagingSettings(edge_amount=4.0, edge_width=4.0, gamma=1.6, window=(8.0, 86.0)), exports_display=True
    ),
}
"""The models that plans may name: the standard one, whose values lie within the training data of the shipped network,
and others that lie outside of it, each in one respect: spectrum, scatter, field, detector, display."""
