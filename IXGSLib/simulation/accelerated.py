"""The chain of `realistic` in torch, from a body on a GPU to the picture, for training data.

A radiograph is that of `realistic.radiograph` but for rounding, the places at which rays are sampled, and the random
numbers of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import fft
from torch import Tensor

from ..geometry import View
from ..geometry.rigid import apply
from ..rendering.joseph import lattice_rays
from .beam import DENSITY_G_CM3, beam, mass_attenuation
from .body import Body
from .collimator import exposed
from .display import MIN_SIGNAL
from .imaging_settings import ImagingSettings
from .realistic import MAX_SIGNAL, MIN_OPEN_BEAM, MIN_PATIENT_LINE_INTEGRAL, Subject, metal_in, table_of
from .scatter import NARROW_WIDTH_RATIO, REFERENCE_LINE_INTEGRAL
from .solids import box_thickness, thickness

SLAB = 32
"""Samples of every ray that are taken at once."""

Transfer = Callable[[Tensor], Tensor]
"""Modulation transfer function of the radial frequency in 1/mm."""


@dataclass(frozen=True, eq=False)
class DeviceBody:
    """A body whose values lie on a device.

    values: (4, k, j, i) float32, those of `Body.values`. body: its grid and densities; its own values are not used.
    """

    values: Tensor
    body: Body

    @classmethod
    def of(cls, body: Body, device: torch.device) -> DeviceBody:
        values = torch.tensor(np.asarray(body.values, np.float32), device=device)  # a map of a file cannot be shared
        return cls(values.permute(3, 0, 1, 2).contiguous(), body)

    def line_integrals(self, view: View) -> Tensor:
        """(4, height, width) of water, bone and metal at 70 keV and of enhanced bone.

        Rays are sampled between their ends in the lattice, outside of which the attenuation falls to zero within a
        voxel, in steps of at most the smallest side of a voxel.
        """
        grid = self.body.grid
        start, along, length = _sections(grid.shape, *lattice_rays(grid, view), view, self.values.device)
        count = max(1, math.ceil(float(length.max()) / float(grid.spacing.min())))
        last = torch.tensor(grid.shape[::-1], device=start.device).sub(1).clamp(min=1)
        total = torch.zeros((4, *length.shape), device=start.device)
        for first in range(0, count, SLAB):
            steps = torch.arange(first, min(first + SLAB, count), device=start.device)
            points = start + ((steps + 0.5) / count)[:, None, None, None] * along
            places = (2 * points / last - 1)[None]
            total += F.grid_sample(self.values[None], places, align_corners=True)[0].sum(1)
        water, bone = self.body.density
        return total * (length / count) * total.new_tensor([water, bone, 1, bone])[:, None, None]


@dataclass(frozen=True, eq=False)
class DeviceRadiograph:
    """A picture and its clean target on a device; the names are those of `realistic.Radiograph`.

    grey: (height, width) float32 from 0 to 1, not rounded to the bits of the settings.
    """

    signal: Tensor
    field: Tensor
    patient: Tensor
    target: Tensor
    grey: Tensor


def radiograph(
    body: DeviceBody, subject: Subject, view: View, settings: ImagingSettings, changes: DeviceBody | None = None
) -> DeviceRadiograph:
    """The radiograph of a subject whose body, and what lesions change of it, lie on a device."""
    pixel = float(np.mean(view.pixel_spacing or (1.0, 1.0)))
    lines, target = _line_integrals(body, subject, view, settings, changes)
    signal, gain = _detected(lines, settings)
    open_part = torch.from_numpy(exposed(view, settings, pixel)).to(lines.device)
    field = open_part > MIN_OPEN_BEAM
    total = lines.sum(0)
    primary = _focal_blur(signal, view, settings, subject, pixel) * open_part
    signal = primary + _scattered(primary, total, settings, pixel)
    behind = _behind_patient(signal, total, field)
    signal = _measured(signal, gain, behind, settings, pixel)
    ceiling = min(settings.saturation * behind, MAX_SIGNAL)
    patient = field & (total > MIN_PATIENT_LINE_INTEGRAL) & (signal < ceiling)
    patient = patient if bool(patient.any()) else field
    signal = signal.clamp(0, ceiling)
    return DeviceRadiograph(signal, field, patient, target, _displayed(signal, field, patient, settings, pixel))


def _sections(
    shape: tuple[int, int, int],
    source: np.ndarray,
    directions: np.ndarray,
    spacing: np.ndarray,
    view: View,
    device: torch.device,
) -> tuple[Tensor, Tensor, Tensor]:
    """Where rays enter a lattice, (h, w, 3) voxel indices, how far they go in it, likewise, and (h, w) that in mm.

    source, directions, spacing: of `lattice_rays`. A ray that misses the lattice has a length of zero.
    """
    width, height = view.size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], -1).double().to(device)
    along = pixels @ torch.from_numpy(directions).to(device).T
    along = torch.where(along.abs() < 1e-12, torch.full_like(along, 1e-12), along)
    origin = torch.from_numpy(source).to(device)
    ends = torch.tensor(shape[::-1], dtype=torch.float64, device=device)
    first, second = (-1 - origin) / along, (ends - origin) / along
    enter = torch.minimum(first, second).amax(-1).clamp(min=0)
    leave = torch.maximum(torch.maximum(first, second).amin(-1), enter)
    inside = (leave - enter)[..., None] * along
    length = torch.linalg.vector_norm(inside * torch.from_numpy(spacing).to(device), dim=-1)
    return (origin + enter[..., None] * along).float(), inside.float(), length.float()


def _line_integrals(
    body: DeviceBody, subject: Subject, view: View, settings: ImagingSettings, changes: DeviceBody | None
) -> tuple[Tensor, Tensor]:
    """(3, height, width) of water, bone and metal with table and implants, and (height, width) of the target."""
    found = body.line_integrals(view)
    if changes is not None:
        found = found + changes.line_integrals(view)
    lines, target = found[:3], found[3]
    water = mass_attenuation("water") / 10
    if settings.table:
        lines[0] += water * torch.from_numpy(box_thickness(table_of(subject, settings), view)).to(lines.device)
    metal = metal_in(subject, settings)
    if metal:
        inside = torch.from_numpy(thickness(metal, view)).to(lines.device)
        lines[0] = (lines[0] - water * inside).clamp(min=0)
        lines[2] += mass_attenuation(settings.metal) * DENSITY_G_CM3[settings.metal] / 10 * inside
    return lines, target


def _detected(lines: Tensor, settings: ImagingSettings) -> tuple[Tensor, Tensor]:
    """The signal and the ratio of its variance to its mean, as `beam.detected`."""
    known = beam(settings)
    quanta, energy, relative = (lines.new_tensor(part) for part in (known.quanta, known.energy, known.relative))
    passing = torch.exp(-torch.tensordot(relative.T, lines, 1))
    signal = torch.tensordot(quanta * energy, passing, 1)
    return signal, torch.tensordot(quanta * energy**2, passing, 1) / signal.clamp(min=1e-30)


def _focal_blur(signal: Tensor, view: View, settings: ImagingSettings, subject: Subject, pixel: float) -> Tensor:
    magnification = view.K[0, 0] * pixel / max(apply(view.camera_from_world, subject.isocentre)[2], 1.0)
    sigma = settings.focal_spot * max(magnification - 1, 0) / np.sqrt(12)
    return _blurred(signal, pixel, _gaussian(sigma), 4 * sigma) if sigma else signal


def _scattered(primary: Tensor, total: Tensor, settings: ImagingSettings, pixel: float) -> Tensor:
    source = primary * total.clamp(min=0) * (settings.scatter / REFERENCE_LINE_INTEGRAL)
    wide, narrow = _gaussian(settings.scatter_width), _gaussian(NARROW_WIDTH_RATIO * settings.scatter_width)
    return _blurred(
        source, pixel, lambda f: 0.7 * wide(f) + 0.3 * narrow(f), 3 * settings.scatter_width, "constant"
    ).clamp(min=0)


def _behind_patient(signal: Tensor, total: Tensor, field: Tensor) -> float:
    height, width = signal.shape
    sensor = torch.zeros_like(field)
    sensor[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    patient = sensor & field & (total > MIN_PATIENT_LINE_INTEGRAL)
    return float(signal[patient if bool(patient.any()) else field].mean())


def _measured(signal: Tensor, gain: Tensor, behind: float, settings: ImagingSettings, pixel: float) -> Tensor:
    generator = torch.Generator(signal.device).manual_seed(settings.seed)
    scale = 1.0
    if settings.quanta is not None:
        scale = settings.quanta * pixel**2 / behind
        signal = torch.poisson(signal.clamp(min=0) * scale / gain, generator) * gain / scale
    signal = _blurred(signal, pixel, lambda f: 1 / (1 + (f / settings.mtf50) ** 2), 5 / settings.mtf50)
    if settings.glare:
        part, width = settings.glare, 2 * math.pi * settings.glare_width
        spread: Transfer = lambda f: (1 - part) + part / torch.sqrt(1 + (width * f) ** 2)  # noqa: E731
        signal = _blurred(signal, pixel, spread, 4 * settings.glare_width, "constant")
    if settings.quanta is None:
        return signal
    noise = torch.randn(signal.shape, generator=generator, device=signal.device)
    return signal + noise * (settings.electronic_noise / scale)


def _displayed(signal: Tensor, field: Tensor, patient: Tensor, settings: ImagingSettings, pixel: float) -> Tensor:
    """The picture from 0 to 1, as `display.displayed` makes it before it is rounded."""
    values = torch.log(signal.clamp(min=MIN_SIGNAL)) if settings.logarithmic else signal.clamp(min=0)
    parts = torch.tensor(settings.window, device=signal.device, dtype=signal.dtype) / 100
    low, high = torch.quantile(values[patient], parts)
    grey = (values - low) / (high - low).clamp(min=1e-12)
    if settings.edge_amount:
        blur = _gaussian(settings.edge_width)
        soft, weight = (
            _blurred(image, pixel, blur, 4 * settings.edge_width)
            for image in (torch.where(field, grey, 0), field.to(grey.dtype))
        )
        grey = torch.where(field, grey + settings.edge_amount * (grey - soft / weight.clamp(min=1e-3)), grey)
    grey = (1 - grey if settings.inverted else grey).clamp(0, 1) ** settings.gamma
    return torch.where(field, grey, 0)


def _gaussian(sigma: float) -> Transfer:
    return lambda frequency: torch.exp(-2 * (math.pi * sigma * frequency) ** 2)


def _blurred(image: Tensor, pixel: float, transfer: Transfer, reach: float, beyond: str = "replicate") -> Tensor:
    """The image filtered by a transfer function, as `blur.blurred`; beyond: "replicate" or "constant"."""
    margin = min(int(np.ceil(reach / pixel)) + 1, max(image.shape))
    height, width = (fft.next_fast_len(n + 2 * margin, real=True) for n in image.shape)
    pads = (margin, width - image.shape[1] - margin, margin, height - image.shape[0] - margin)
    padded = F.pad(image[None, None], pads, mode=beyond)[0, 0]
    y = torch.fft.fftfreq(height, pixel, device=image.device)[:, None]
    x = torch.fft.rfftfreq(width, pixel, device=image.device)
    result = torch.fft.irfft2(torch.fft.rfft2(padded) * transfer(torch.hypot(y, x)), (height, width))
    return result[margin : margin + image.shape[0], margin : margin + image.shape[1]]
