"""All bones of a spine in turn, each with its neighbours where they are, until none moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..geometry.coverage import views_per_point
from ..geometry.rigid import Array, apply
from .adjustment import Fit, Prior, Window, adjusted, change_between, mixed, shadow
from .bones import Bone, Spine
from .edges import edge_distance
from .pictures import Stack
from .projection import IMAGE, TARGET
from .settings import RegistrationSettings
from .similarity import correlations

ITERATIONS = 10
MIN_SEEN = 0.15
"""Fraction of a bone that two views must show for it to be adjusted."""
MIN_MOVE_MM = 0.05
"""Movement of all bones in a sweep below which no other follows."""


class Articulation:
    """The poses (bones, 4, 4) world_from_ct of a spine in X-rays of one resolution, and their shadows."""

    def __init__(self, spine: Spine, poses: Sequence[Array], stack: Stack, settings: RegistrationSettings) -> None:
        self.spine, self.stack, self.settings = spine, stack, settings
        self.poses = [np.asarray(pose) for pose in poses]
        self.shadows = [shadow(bone, pose, stack) for bone, pose in zip(spine.bones, self.poses, strict=True)]
        self.attached = {n: shadow(bone, self.poses[n], stack) for n, bone in spine.attached.items()}
        self.fits: list[Fit | None] = [None] * len(spine.bones)
        self.seen = [n for n, bone in enumerate(spine.bones) if self._is_seen(bone, self.poses[n])]

    def sweep(self, margin: float, iterations: int = ITERATIONS) -> float:
        """Adjust every bone once; returns the largest movement in mm."""
        largest = 0.0
        for n in self.seen:
            bone, before = self.spine.bones[n], self.poses[n]
            fit = self.fit(n, before, margin, iterations)
            self.place(n, fit)
            change = change_between(before, fit.pose, bone.center)
            largest = max(largest, float(np.linalg.norm(change[:3])) * bone.radius, float(np.linalg.norm(change[3:])))
        self._follow()
        return largest

    def _follow(self) -> None:
        """Bones that no view shows move with the nearest one that is seen."""
        for n in set(range(len(self.poses))) - set(self.seen) if self.seen else ():
            nearest = min(self.seen, key=lambda m: abs(m - n))
            if self.poses[n] is not self.poses[nearest]:
                self.move(n, self.poses[nearest])

    def _is_seen(self, bone: Bone, pose: Array) -> bool:
        seen = views_per_point([xray.view for xray in self.stack.xrays], apply(pose, bone.extent[::7]))
        return float((seen >= 2).mean()) >= MIN_SEEN

    def sweeps(self, count: int, margin: float, between: Callable[[], object] = lambda: None) -> None:
        """Up to `count` sweeps; between: called after each."""
        for _ in range(count):
            moved = self.sweep(margin)
            between()
            if moved < MIN_MOVE_MM:
                break

    def window(self, n: int, pose: Array, margin: float) -> Window:
        """The window of a bone around a pose, with all others drawn where they are."""
        own = self.shadows[n] if pose is self.poses[n] else shadow(self.spine.bones[n], pose, self.stack)
        others = np.zeros_like(own)
        for image in (*self.shadows[:n], *self.shadows[n + 1 :], *self.attached.values()):
            others += image
        return Window.around(self.stack, self.spine.bones[n], pose, own, others, margin)

    def fit(self, n: int, start: Array, margin: float, iterations: int = ITERATIONS) -> Fit:
        """The best pose of a bone near a start, its neighbours staying where they are."""
        return adjusted(self.window(n, start, margin), start, iterations, self.prior(n))

    def edge_distance(self, n: int, margin: float) -> float:
        """By how many mm the edges of a bone miss those of the X-rays in its surroundings."""
        window = self.window(n, self.poses[n], margin)
        return edge_distance(window, window.shadow(self.poses[n]))

    def place(self, n: int, fit: Fit) -> None:
        """Move a bone and what is attached to it."""
        self.fits[n] = fit
        self.move(n, fit.pose)

    def move(self, n: int, pose: Array) -> None:
        """Put a bone and what is attached to it at a pose."""
        self.poses[n] = pose
        self.shadows[n] = shadow(self.spine.bones[n], pose, self.stack)
        if n in self.attached:
            self.attached[n] = shadow(self.spine.attached[n], pose, self.stack)

    def prior(self, n: int) -> Prior:
        turn, shift = np.deg2rad(self.settings.turn_between), self.settings.shift_between
        neighbours = [self.poses[m] for m in (n - 1, n + 1) if 0 <= m < len(self.poses)]
        return Prior(neighbours, np.array([turn] * 3 + [shift] * 3))

    def agreement(self) -> Array:
        """(views,) 1 - correlation of all that is drawn with the X-rays, over all measured pixels."""
        lanes = np.zeros((*self.stack.images.shape, 8), np.float32)
        lanes[..., IMAGE] = sum((*self.shadows, *self.attached.values()))
        lanes[..., TARGET] = self.stack.images
        values, gradients = correlations(lanes, self.stack.masks)
        return mixed(values.loss, gradients.loss)
