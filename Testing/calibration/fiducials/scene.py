"""X-rays of a phantom in front of blurred anatomy, drawn in line integrals, with all that is true of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.fiducials.phantom import Phantom
from IXGSLib.calibration.fiducials.shots import Shot
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import inverse, rigid
from IXGSLib.simulation.solids import Capsule, ball, thickness

PIXEL = 0.75
"""Side of a detector pixel, mm."""
DISTANCE = 1000.0
"""From source to detector, mm."""
SIZE = 400
"""Side of an image, px."""
STEEL = 0.25
"""Attenuation of the balls, 1/mm."""
NOISE = 0.01


@dataclass(frozen=True)
class Scene:
    """True views around a phantom, and the X-rays that they take."""

    phantom: Phantom
    views: tuple[View, ...]
    shots: tuple[Shot, ...]


def intrinsics(size=SIZE, offset=(3.0, -4.0)):
    focal = DISTANCE / PIXEL * size / SIZE
    middle = (size - 1) / 2
    return np.array([[focal, 0, middle + offset[0]], [0, focal, middle + offset[1]], [0, 0, 1.0]])


def hand_held(count, phantom, seed=0, tilt=35.0, depth=650.0, size=SIZE):
    """Views of a C-arm that is moved by hand around the phantom."""
    rng = np.random.default_rng([seed, 7])
    middle = phantom.positions.mean(axis=0)
    views = []
    for n in range(count):
        turn = Rotation.from_euler("zxy", [rng.uniform(-180, 180), *rng.uniform(-tilt, tilt, 2)], degrees=True)
        R = turn.as_matrix()
        place = np.array([*rng.uniform(-12, 12, 2), depth + rng.uniform(-40, 40)])
        world_from_camera = inverse(rigid(R, place - R @ middle))
        views.append(View(intrinsics(size), world_from_camera, (size, size), f"{n:02d}", (PIXEL, PIXEL)))
    return tuple(views)


def anatomy(size, seed):
    rng = np.random.default_rng([seed, 11])
    coarse = ndimage.gaussian_filter(rng.standard_normal((size, size)), 12)
    fine = ndimage.gaussian_filter(rng.standard_normal((size, size)), 4)
    return 3 + 0.5 * coarse / coarse.std() + 0.03 * fine / fine.std()


def balls(phantom):
    radii = np.where(phantom.radii > 0, phantom.radii, 1.5)
    return [ball(place, radius) for place, radius in zip(phantom.positions, radii, strict=True)]


def picture(view: View, solids: list[Capsule], seed: int, noise: float = NOISE) -> np.ndarray:
    """Line integrals (rows, columns) of metal in front of anatomy."""
    fine = view.resized((2 * view.size[0], 2 * view.size[1]))
    metal = ndimage.gaussian_filter(thickness(solids, fine), 1.0)
    metal = metal.reshape(view.size[1], 2, view.size[0], 2).mean(axis=(1, 3))
    rng = np.random.default_rng([seed, 13])
    image = anatomy(view.size[0], seed) + STEEL * metal + noise * rng.standard_normal(metal.shape)
    return image.astype(np.float32)


def shot(view: View, solids: list[Capsule], seed: int, known: bool = True) -> Shot:
    image = picture(view, solids, seed)
    lengths = (DISTANCE, PIXEL) if known else (None, None)
    return Shot(view.id, image, np.ones(image.shape, bool), *lengths)


def scene(phantom: Phantom, count: int = 4, seed: int = 0, known: bool = True, more=(), **how) -> Scene:
    views = hand_held(count, phantom, seed, **how)
    solids = [*balls(phantom), *more]
    return Scene(phantom, views, tuple(shot(view, solids, seed + n, known) for n, view in enumerate(views)))


def mirrored(one: Shot) -> Shot:
    return replace(one, image=np.ascontiguousarray(one.image[:, ::-1]), mask=one.mask[:, ::-1])


def pose_error(found: View, true: View, places) -> float:
    """Largest distance in px between the projections of places (n, 3), world mm, by two views."""
    return float(np.linalg.norm(found.project(places)[0] - true.project(places)[0], axis=-1).max())


def around(phantom: Phantom):
    """(8, 3) the corners of a box of 60 mm around the middle of a phantom."""
    corners = np.array(np.meshgrid(*[(-30.0, 30.0)] * 3)).reshape(3, -1).T
    return phantom.positions.mean(axis=0) + corners
