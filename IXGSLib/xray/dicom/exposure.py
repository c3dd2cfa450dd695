"""The exposure that DICOM attributes state for a frame."""

from __future__ import annotations

from ...errors import FormatError
from ..exposure import Exposure
from .decoding import count_frames
from .groups import FrameTags


def exposure(tags: FrameTags) -> Exposure | None:
    """Tube load, voltage and distance of a frame, None where no load is stated for it.

    The load of a single image is its exposure (PS3.3 C.8.7.2, C.8.11.3); that of a frame is the tube current over one
    pulse, since the exposure of a run is that of all its frames (PS3.17 FFF.2.1.7). Values that cannot be read count as
    not stated: nothing but the scale between views depends on them.
    """
    try:
        load = _load(tags)
        if not load:
            return None
        return Exposure(load, tags.number("KVP") or None, tags.number("DistanceSourceToDetector") or None)
    except FormatError:
        return None


def _load(tags: FrameTags) -> float | None:
    """mAs of a frame."""
    current = _first(tags, {"XRayTubeCurrentInmA": 1.0, "XRayTubeCurrentInuA": 1e-3, "XRayTubeCurrent": 1.0})
    pulse = _first(tags, {"AveragePulseWidth": 1.0, "FrameAcquisitionDuration": 1.0})
    if count_frames(tags) == 1:
        whole = _first(tags, {"ExposureInmAs": 1.0, "ExposureInuAs": 1e-3, "Exposure": 1.0})
        time = _first(tags, {"ExposureTimeInms": 1.0, "ExposureTimeInuS": 1e-3, "ExposureTime": 1.0})
        if whole or (current and time):
            return whole or (current or 0.0) * (time or 0.0) / 1000
    return current * pulse / 1000 if current and pulse else None


def _first(tags: FrameTags, factors: dict[str, float]) -> float | None:
    """The first of these attributes that is stated and above zero, times its factor."""
    for keyword, factor in factors.items():
        value = tags.number(keyword)
        if value is not None and value > 0:
            return value * factor
    return None
