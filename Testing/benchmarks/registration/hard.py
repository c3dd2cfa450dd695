"""Trials that are meant to fail, so that the verdicts on failures can be counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from IXGSLib.formats import Case
from IXGSLib.geometry.coverage import convergence
from IXGSLib.geometry.rigid import Array
from IXGSLib.geometry.twists import changed, poses, with_poses
from IXGSLib.registration import read_anatomy
from IXGSLib.registration.anatomy import Anatomy
from IXGSLib.registration.starts import moved_along
from IXGSLib.xray import XRay
from Testing.benchmarks.registration.patients import Patient, random_motion

TASKS = {
    "starts 20 to 40 mm away": 4,
    "starts one level off": 2,
    "views 20 to 30 degrees apart": 2,
    "strong noise": 2,
    "a third of each image": 4,
    "poses off by up to 1 degree and 1 mm": 4,
    "poses off by up to 2 degrees and 3 mm": 4,
    "two vertebrae labelled": 2,
}
"""The number of views of each."""
POSE_ERRORS = {"poses off by up to 1 degree and 1 mm": (1.0, 1.0), "poses off by up to 2 degrees and 3 mm": (2.0, 3.0)}
SHARE, NOISE = 1 / 3, 1.5
"""Width of the part of an image, and noise relative to the standard deviation of the enhanced bone."""


@dataclass(frozen=True, eq=False)
class Made:
    """anatomy: where it differs from the patient's."""

    case: Case
    start: Array | None
    vertebrae: tuple[str, ...]
    anatomy: Anatomy | None = None


def made(trial: tuple[str, int], case: Case, own: Patient, start: Array | None) -> Made:
    """The inputs of a hard trial (task, number), from those of a usual one with all views."""
    task, number = trial
    generator = np.random.default_rng((number, 29))
    if task == "views 20 to 30 degrees apart":
        return Made(_near(case, generator), None, own.registered)
    case = _with(case, list(case.xrays[: TASKS[task]]))
    if task == "starts 20 to 40 mm away":
        return Made(case, _far(own, generator), own.registered)
    if task == "starts one level off":
        centers = np.array([own.center(own.label(name)) for name in own.registered])
        return Made(case, moved_along(centers, 1 if number % 2 else -1), own.registered)
    if task == "two vertebrae labelled":
        return _of_two(own, case, number)
    if task in POSE_ERRORS:
        return Made(_moved(case, generator, *POSE_ERRORS[task]), start, own.registered)
    return Made(_noisy(case, generator) if task == "strong noise" else _truncated(case), None, own.registered)


def _far(own: Patient, generator: np.random.Generator) -> Array:
    far = random_motion(generator, own.middle, 20.0, 1.0)
    way = generator.normal(size=3)
    far[:3, 3] += generator.uniform(20, 40) * way / np.linalg.norm(way)
    return far


def _of_two(own: Patient, case: Case, number: int) -> Made:
    """Labels of two neighbours, and no start."""
    upper = number % (len(own.registered) - 1)
    few = own.registered[upper : upper + 2]
    names = {label: name for label, name in own.vertebrae.items() if name in few}
    labels = np.where(np.isin(own.labels, list(names)), own.labels, 0).astype(np.float32)
    return Made(case, None, few, read_anatomy((own.hounsfield, own.grid), (labels, own.grid), names=names))


def _near(case: Case, generator: np.random.Generator) -> Case:
    """Two views 20 to 30 degrees apart."""
    axes = np.array([xray.view.axis for xray in case.xrays])
    angles = np.rad2deg(np.arccos(np.clip(axes @ axes.T, -1, 1)))
    pairs = np.argwhere((angles > 20.5) & (angles < 30))
    return _with(case, [case.xrays[n] for n in pairs[generator.integers(len(pairs))]])


def _noisy(case: Case, generator: np.random.Generator) -> Case:
    """Noise as of a dose far too low."""
    return _with(
        case,
        [
            replace(
                xray,
                image=(xray.image + generator.normal(0, NOISE * xray.image[xray.mask].std(), xray.image.shape)).astype(
                    np.float32
                ),
            )
            for xray in case.xrays
        ],
    )


def _truncated(case: Case) -> Case:
    """The middle third of each image alone."""

    def part(xray: XRay) -> XRay:
        mask, width = xray.mask.copy(), xray.mask.shape[1]
        rim = round((1 - SHARE) / 2 * width)
        mask[:, :rim] = mask[:, width - rim :] = False
        return replace(xray, image=np.where(mask, xray.image, 0), mask=mask)

    return _with(case, [part(xray) for xray in case.xrays])


def _moved(case: Case, generator: np.random.Generator, turn: float, shift: float) -> Case:
    """Poses that are off by a rotation and a shift each, about where the rays meet."""
    views = [xray.view for xray in case.xrays]
    errors = [_errors(generator, np.deg2rad(turn), shift) for _ in views]
    wrong = with_poses(views, changed(poses(views), np.array(errors), convergence(views)))
    return _with(case, [replace(xray, view=view) for xray, view in zip(case.xrays, wrong, strict=True)])


def _errors(generator: np.random.Generator, turn: float, shift: float) -> Array:
    """(6,) a rotation vector and a shift of random directions and of lengths up to these."""
    ways = generator.normal(size=(2, 3))
    ways *= generator.uniform(0, [turn, shift])[:, None] / np.linalg.norm(ways, axis=1)[:, None]
    return ways.ravel()


def _with(case: Case, xrays: list[XRay]) -> Case:
    return replace(case, xrays=tuple(xrays))
