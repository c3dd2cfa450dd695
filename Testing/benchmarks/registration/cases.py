"""The X-rays of the study of registration: of spines after their motion."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import Array
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.registration.pictures import pictures
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation.attenuation import bone_enhanced
from IXGSLib.simulation.body import body
from IXGSLib.simulation.imaging_settings import ImagingSettings
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.xray import XRay
from Testing.benchmarks.registration.patients import CACHE, motions, moved, patient

HERE = Path(__file__).parent
VIEWS = 25
ORDER = [0, 3, 5, 7, *(n for n in range(VIEWS) if n not in (0, 3, 5, 7))]
"""The first two views are 64 degrees apart."""
PHOTONS = 5e4
MOVED_SPACING = 1.5
"""Voxels of the moved anatomy that the X-rays show, mm."""


@cache
def enhanced(subject: str, posture: int, kind: str, views: int) -> Case:
    """The first X-rays of a spine, as `register` compares them with a CT: realistic ones with their bone enhanced."""
    case = case_of(subject, posture, kind, VIEWS)
    case = replace(case, xrays=case.xrays[:views], name=f"{kind}, {views} views")
    return case if kind == "bone" else replace(case, xrays=pictures(case, "classical"))


@cache
def case_of(subject: str, posture: int, kind: str, views: int) -> Case:
    """The X-rays of a spine after its motion, from the cache or newly made."""
    file = CACHE / f"{subject}-{posture}-{kind}.npz"
    center = patient(subject).middle
    if not file.exists():
        own = patient(subject)
        grid = Grid.centered(own.grid.center, 0.999 * own.grid.size, MOVED_SPACING)
        _save(file, moved(own, motions(own, posture), grid), grid, kind, center)
    return _case(file, kind, views, center)


def all_views(center: Array) -> list[View]:
    return trajectory(CArm(), random(VIEWS, seed=1)[ORDER], center)


def _save(file: Path, hounsfield: np.ndarray, grid: Grid, kind: str, center: Array) -> None:
    """Images and masks of all views."""
    views = all_views(center)
    if kind == "bone":
        attenuation = bone_enhanced(hounsfield)
        images = np.stack([project_volume(attenuation, grid, view) for view in views])
        counts = np.random.default_rng(0).poisson(PHOTONS * np.exp(-images))
        images, masks = -np.log(np.maximum(counts, 1) / PHOTONS), np.ones(images.shape, bool)
    else:
        subject = Subject(body(hounsfield, grid, 200.0, 30.0, spacing=1.25), center)
        taken = [radiograph(subject, view, ImagingSettings(seed=0), n) for n, view in enumerate(views)]
        images = np.stack([-np.log(np.maximum(each.signal, 1e-6)) for each in taken])
        masks = np.stack([each.field & (each.signal < each.ceiling) & (each.signal > 1e-5) for each in taken])
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, images=images.astype(np.float32), masks=masks)


def _case(file: Path, kind: str, views: int, center: Array) -> Case:
    values = "line_integral" if kind == "bone" else "intensity"
    with np.load(file) as arrays:
        images, masks = arrays["images"], arrays["masks"]
    xrays = [
        XRay(view, np.where(masks[n], images[n], 0), masks[n], values)  # type: ignore[arg-type]
        for n, view in enumerate(all_views(center)[:views])
    ]
    return Case(tuple(xrays), Grid.centered(center, np.full(3, 160.0), 1.25), f"{kind}, {views} views")
