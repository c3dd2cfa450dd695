"""A plain alternative by a differentiable renderer: nanodrr (V. Gopalakrishnan, MIT licence) with torch's Adam.

Each vertebra is rendered by itself; the correlation of its radiographs with the X-rays is maximised in all views, from
several starts at a coarse resolution, and from the best result at a finer one. nanodrr is no dependency of IXGS; it
is installed for this comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from IXGSLib.formats import Case
from IXGSLib.geometry.rigid import Array, apply, inverse
from IXGSLib.registration.adjustment import turned
from IXGSLib.registration.pictures import pictures
from IXGSLib.xray import XRay
from IXGSLib.xray.reduction import reduced
from Testing.benchmarks.registration.patients import Patient
from Testing.benchmarks.registration.plain import TRIES, part_of

STAGES = ((4, 60), (2, 40))
"""Reduction of the X-rays, and steps of Adam."""
SIDE_MM, SAMPLES = 110.0, 64
"""Side of the part of the X-rays around a vertebra, and samples along each ray."""
UNITS, RATE = (0.05, 0.05, 0.05, 3.0, 3.0, 3.0), 0.1
"""Radians and mm that count as one, and Adam's learning rate."""
MIN_PIXELS = 50


@dataclass(frozen=True, eq=False)
class Target:
    """Parts of the X-rays around a vertebra: images and masks (views, side, side), inverse intrinsics (views, 3, 3),
    world_from_camera (views, 4, 4), distances of source and detector (views,)."""

    images: torch.Tensor
    masks: torch.Tensor
    k_inv: torch.Tensor
    cameras: torch.Tensor
    distances: torch.Tensor


def in_gradients(patient: Patient, case: Case, start: Array, labels: Mapping[str, int]) -> dict[str, Array]:
    """(4, 4) world_from_ct of each vertebra."""
    xrays = pictures(case, "auto")
    return {name: _registered(patient, label, xrays, start) for name, label in labels.items()}


def _registered(patient: Patient, label: int, xrays: tuple[XRay, ...], start: Array) -> Array:
    subject, center = _subject(patient, label), patient.center(label)
    (coarse, steps), (fine, more) = STAGES
    found = []
    for shift in TRIES:
        pose = start.copy()
        pose[:3, 3] += shift
        found.append(_descended(subject, _target(xrays, coarse, apply(pose, center)), pose, center, steps))
    best = min(found, key=lambda each: each[0])[1]
    return _descended(subject, _target(xrays, fine, apply(best, center)), best, center, more)[1]


def _subject(patient: Patient, label: int) -> Any:
    """The vertebra as nanodrr renders it, in the axes of the CT."""
    from nanodrr.data import Subject

    attenuation, _, grid = part_of(patient, label)
    values = torch.from_numpy(attenuation)[None, None]
    world_from_index = np.asarray(grid.world_from_index)
    size = torch.tensor(attenuation.shape[::-1], dtype=torch.float32)
    scale = torch.eye(4)
    scale[:3, :3], scale[:3, 3] = torch.diag(2 / size), 1 / size - 1
    affine, back = (torch.from_numpy(m).float() for m in (world_from_index, np.linalg.inv(world_from_index)))
    center = torch.from_numpy(np.asarray(grid.center)).float()
    return Subject(values, torch.zeros_like(values), affine, back, scale, center, convert_to_mu=False)


def _target(xrays: tuple[XRay, ...], reduction: int, point: Array) -> Target:
    """Squares of SIDE_MM around a point in the world."""
    small = [reduced(xray, reduction) for xray in xrays]
    side = round(SIDE_MM / float(np.mean([xray.view.pixel_size(point) for xray in small])))
    parts = [_square(xray, point, side) for xray in small]
    images, masks, matrices, cameras = (np.stack(each) for each in zip(*parts, strict=True))
    k_inv = torch.from_numpy(np.linalg.inv(matrices)).float()
    distances = torch.full((len(parts),), 1500.0)
    return Target(torch.from_numpy(images), torch.from_numpy(masks), k_inv, torch.from_numpy(cameras), distances)


def _square(xray: XRay, point: Array, side: int) -> tuple[np.ndarray, np.ndarray, Array, Array]:
    corner = np.rint(xray.view.project(point[None])[0][0] - side / 2).astype(int)
    padded = [np.pad(each, side) for each in (np.where(xray.mask, xray.image, 0).astype(np.float32), xray.mask)]
    x, y = np.clip(corner + side, 0, np.array(padded[0].shape[::-1]) - side)
    image, mask = (each[y : y + side, x : x + side] for each in padded)
    K = xray.view.K.copy()
    # nanodrr puts the first pixel's centre at 0.5.
    K[:2, 2] += 0.5 + side - np.array([x, y])
    return image, mask, K, inverse(xray.view.camera_from_world)


def _descended(subject: Any, target: Target, pose: Array, center: Array, steps: int) -> tuple[float, Array]:
    """The lowest loss on the way from a pose, and its pose."""
    from nanodrr.drr import render

    change = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    units, place = torch.tensor(UNITS, dtype=torch.float64), torch.from_numpy(apply(pose, center))
    ct_from_world = torch.from_numpy(inverse(pose))
    adam = torch.optim.Adam([change], lr=RATE)
    best = (np.inf, pose)
    height, width = target.images.shape[1:]
    for _ in range(steps):
        adam.zero_grad()
        cameras = ct_from_world @ _undone(change * units, place) @ target.cameras
        images = render(subject, target.k_inv, cameras.float(), target.distances, height, width, SAMPLES)[:, 0]
        loss = _loss(images, target)
        if float(loss.detach()) < best[0]:
            best = (float(loss.detach()), turned(pose, (change * units).detach().numpy(), apply(pose, center)))
        loss.backward()
        adam.step()
    return best


def _undone(change: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """(4, 4) the inverse of a turn about a place and a shift."""
    x, y, z = change[:3]
    zero = torch.zeros_like(x)
    R = torch.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)).T
    t = place - R @ (place + change[3:])
    return torch.cat([torch.cat([R, t[:, None]], dim=1), torch.tensor([[0.0, 0, 0, 1]], dtype=R.dtype)])


def _loss(images: torch.Tensor, target: Target) -> torch.Tensor:
    """1 - the mean correlation, where the vertebra is seen."""
    losses = []
    for image, xray, mask in zip(images, target.images, target.masks, strict=True):
        seen = (image.detach() > 0) & mask
        if int(seen.sum()) < MIN_PIXELS:
            losses.append(1.0 + 0 * image.sum())
            continue
        losses.append(1 - torch.corrcoef(torch.stack([image[seen], xray[seen]]))[0, 1])
    return torch.stack(losses).mean()
