"""What takes the radiographs of pairs: the compiled simulation, or the same chain on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from ..errors import SettingsError
from ..geometry import View
from ..simulation import accelerated
from ..simulation.accelerated import DeviceBody
from ..simulation.body import Body
from ..simulation.imaging_settings import ImagingSettings
from ..simulation.realistic import Subject, radiograph
from .pair_format import MAX_GREY, Taken
from .pair_settings import PairDevice


class Camera(Protocol):
    """Takes radiographs of one anatomy; the bodies of subjects differ from it in grid and densities alone."""

    def take(self, subject: Subject, view: View, imaging: ImagingSettings) -> Taken: ...


def check_device(device: PairDevice) -> None:
    """Raise SettingsError where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            f"--device {device}: torch finds no CUDA device, expected one; install a CUDA build of torch and the GPU's "
            "driver, or use --device cpu"
        )


def camera(anatomy: Body, device: PairDevice) -> Camera:
    """The camera of an anatomy on a device."""
    return CompiledCamera() if device == "cpu" else DeviceCamera(anatomy, torch.device(device))


class CompiledCamera:
    """The simulation of `ixgs simulate`."""

    def take(self, subject: Subject, view: View, imaging: ImagingSettings) -> Taken:
        taken = radiograph(subject, view, imaging)
        changes = subject.changes
        lost = np.zeros_like(taken.target) if changes is None else -changes.line_integrals(view)[1]
        picture = taken.picture * (MAX_GREY / _levels(imaging))
        return Taken(np.rint(picture).astype(np.uint16), taken.target, lost)


class DeviceCamera:
    """The same in torch, with the anatomy in the memory of the device."""

    def __init__(self, anatomy: Body, device: torch.device) -> None:
        self.values, self.device = DeviceBody.of(anatomy, device).values, device

    @torch.inference_mode()
    def take(self, subject: Subject, view: View, imaging: ImagingSettings) -> Taken:
        changes = None if subject.changes is None else DeviceBody.of(subject.changes, self.device)
        taken = accelerated.radiograph(DeviceBody(self.values, subject.body), subject, view, imaging, changes)
        lost = torch.zeros_like(taken.target) if changes is None else -changes.line_integrals(view)[3]
        levels = _levels(imaging)
        picture = torch.round(torch.round(taken.grey * levels) * (MAX_GREY / levels)).to(torch.int32)
        return Taken(picture.cpu().numpy().astype(np.uint16), taken.target.cpu().numpy(), lost.cpu().numpy())


def _levels(imaging: ImagingSettings) -> int:
    """The largest grey value of a picture."""
    return int(2**imaging.bits - 1)
