"""Fitting a cloud to X-rays, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compute.memory import within_memory
from ..errors import ReconstructionError
from ..gaussians import Cloud
from ..geometry import Grid
from ..rendering import project
from ..xray import XRay
from ..xray.reduction import reduced
from .adam import Adam
from .body_model import Trunk
from .density_control import Control, control
from .losses import WINDOW_SIZE, image_loss
from .order import Order
from .parameters import limit, pack, unpack
from .priors import Priors
from .settings import ReconstructionSettings


@dataclass(frozen=True, eq=False)
class _Target:
    """An X-ray as tensors; weight: how much a pixel counts, 1 in the mean over those that were measured."""

    xray: XRay
    image: Tensor
    mask: Tensor
    weight: Tensor
    pose: Tensor

    @classmethod
    def of(cls, xray: XRay, noise: float, device: torch.device) -> _Target:
        # Whatever stands in pixels that were not measured must not reach the windows around them.
        image, mask = np.where(xray.mask, xray.image, 0), xray.mask
        weight = np.where(mask, np.exp(-noise * np.maximum(image, 0)), 0)
        weight /= max(weight.sum(dtype=np.float64) / max(mask.sum(), 1), np.finfo(np.float32).tiny)
        arrays = image, mask, weight.astype(np.float32), xray.view.camera_from_world
        return cls(xray, *(torch.tensor(array).to(device) for array in arrays))


LOOK_EVERY = 20
"""Steps after which a GPU, which is not waited for in between, is asked whether the loss is still finite."""

_NUMBERS = (
    "step",
    "unit",
    "sparse",
    "loss",
    "held_out_psnr",
    "best_psnr",
    "stale",
    "checked",
    "reordered",
    "refit_from",
)


class Optimization:
    """A cloud on its way to the X-rays; iterating runs it and yields after every step.

    `raw` holds the free numbers of the cloud, `best` those with the best held-out views so far, `loss` that of the last
    step, `held_out_psnr` in dB that of the last check. Two runs from one seed take the same way, also when one of them
    was interrupted: all chance is drawn from the seed and the number of the step.
    """

    def __init__(
        self,
        xrays: Sequence[XRay],
        held_out: Sequence[int],
        grid: Grid,
        settings: ReconstructionSettings,
        device: torch.device | None = None,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.settings = settings
        self.grid = grid
        self.targets = [_Target.of(xray, settings.noise, self.device) for xray in xrays]
        self.small = [_Target.of(_halved(xray), settings.noise, self.device) for xray in xrays]
        self.held_out = list(held_out)
        self.training = [n for n in range(len(xrays)) if n not in set(held_out)]
        views = [xray.view for xray in xrays]
        self.all_in_turn = Order(views, settings.seed)
        self.training_in_turn = Order([views[n] for n in self.training], settings.seed)
        self.range = max((float(np.percentile(x.image[x.mask], 99.9)) for x in xrays if x.mask.any()), default=0.0)
        self.measured = float(np.mean([xray.mask.mean() for xray in xrays]))
        if not self.range > 0:
            raise ReconstructionError("no X-ray holds a positive line integral; check the values and I0 of the case")
        self.step = 0
        self.last_loss: Tensor | float | None = None
        self.sound: Tensor | None = None
        self.held_out_psnr: float | None = None
        self.best_psnr: float | None = None
        self.stale = 0
        self.checked = False
        self.reordered = False
        self.refit_from: int | None = None
        self.failed = False

    def start(self, cloud: Cloud, unit: float, sparse: bool, trunk: Trunk | None = None) -> None:
        """Begin at a cloud.

        unit: a typical attenuation in 1/mm, which sets the scale of density steps. sparse: whether most of the region
        is empty, as it is in bone-enhanced X-rays. trunk: what the region lies in, if it is full of soft tissue.
        """
        s = self.settings = self.settings if sparse else self.settings.for_tissue()
        self.unit, self.sparse, self.trunk = unit, sparse, trunk
        self.priors = Priors(self.grid, s, unit, sparse, trunk, self.device)
        self.raw = pack(cloud.to(self.device), unit)
        self.best = self.raw.clone()
        columns = [s.position_rate] * 3 + [s.scale_rate] * 3 + [s.rotation_rate] * 4 + [s.density_rate]
        self.adam = Adam(self.raw, torch.tensor(columns, device=self.device))
        self.pull = torch.zeros(len(self.raw), device=self.device)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restore` goes on as if nothing had happened."""
        tensors = {"raw": self.raw, "best": self.best, "pull": self.pull}
        tensors |= {"first": self.adam.first, "second": self.adam.second}
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        trunk = None if self.trunk is None else asdict(self.trunk)
        return tensors, {**numbers, "adam_steps": self.adam.steps, "trunk": trunk}

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go back to what `state` told."""
        tensors = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        trunk = None if state["trunk"] is None else Trunk(**state["trunk"])
        self.start(unpack(tensors["raw"], state["unit"]), state["unit"], state["sparse"], trunk)
        self.raw, self.best, self.pull = tensors["raw"], tensors["best"], tensors["pull"]
        self.adam.first, self.adam.second, self.adam.steps = tensors["first"], tensors["second"], state["adam_steps"]
        for name in _NUMBERS:
            setattr(self, name, state[name])

    @property
    def loss(self) -> float | None:
        """That of the last step; asking waits for a GPU."""
        return None if self.last_loss is None else float(self.last_loss)

    @loss.setter
    def loss(self, value: float | None) -> None:
        self.last_loss = value

    @property
    def cloud(self) -> Cloud:
        return unpack(self.raw, self.unit)

    @property
    def refitting(self) -> bool:
        return self.refit_from is not None

    @property
    def last_step(self) -> int:
        """Where the run ends: before the settings' last step when the held-out views stopped getting better."""
        return self.settings.steps if self.refit_from is None else self.refit_from + self.settings.refit_steps

    @property
    def finished(self) -> bool:
        return self.failed or self.step >= self.last_step

    def __iter__(self) -> Iterator[Optimization]:
        """Run to the end, or until the loss is not finite: then the best cloud so far stands and `failed` is set."""
        while not self.finished:
            self._advance()
            yield self

    def _advance(self) -> None:
        s = self.settings
        if not self._descend():
            return
        self.step += 1
        if self.refitting:
            return
        due = self.step >= s.steps - s.refit_steps
        if due or self.step % s.check_every == 0:
            self._check()
        if due or self.stale >= s.patience:
            self._refit()
        elif self.step % s.control_every == 0 and self.step <= self._last_control:
            self._control()

    def _descend(self) -> bool:
        """One step of Adam on one view; False when the loss was not finite.

        A GPU is not waited for in here, except by `_finite` every LOOK_EVERY steps, by the looks at held-out views and
        by density control: those every `check_every` and `control_every` steps, for a number or the length of a list.
        """
        loss, gradient = within_memory(self._gradient)
        if not self._finite(loss, gradient):
            self.raw, self.failed = self.best, True
            return False
        if self.step < self._last_control:
            self.pull += gradient[:, :3].norm(dim=1)
        self.adam.step(self.raw, gradient, self.settings.final_rate ** (self._clock() / self.settings.steps))
        s = self.settings
        limit(self.raw, s.smallest_scale, s.largest_scale, s.largest_aspect)
        return True

    def _gradient(self) -> tuple[Tensor, Tensor]:
        """The loss of this step and its gradient in the free numbers."""
        raw = self.raw.detach().requires_grad_()
        cloud = unpack(raw, self.unit)
        target = self._target()
        render = project(cloud, target.xray.view, target.pose)
        loss = image_loss(render, target.image, target.weight, self.range, self.settings.ssim_weight)
        if self.step % self.settings.tv_every == 0:
            # The loss of an image is a mean over all pixels; masked ones must not leave the priors to rule.
            loss = loss + self.priors(cloud, self.step) * (self.settings.tv_every * self.measured)
        (gradient,) = torch.autograd.grad(loss, raw)
        return loss.detach(), gradient

    def _finite(self, loss: Tensor, gradient: Tensor) -> bool:
        """Whether losses and gradients are finite so far; a GPU is asked now and then, and before its cloud is kept."""
        # A sum is finite when all of its terms are, and costs a tenth of looking at each.
        sound = torch.isfinite(loss) & torch.isfinite(gradient.sum())
        self.last_loss, self.sound = loss, sound if self.sound is None else sound & self.sound
        s, following = self.settings, self.step + 1
        marks = (LOOK_EVERY, s.check_every, s.control_every)
        look = self.device.type == "cpu" or following >= min(self.last_step, s.steps - s.refit_steps)
        if not look and all(following % mark for mark in marks):
            return True
        return bool(self.sound)

    def _clock(self) -> int:
        """The step for the schedule: a refit that begins early still runs at the rates of the last steps."""
        if self.refit_from is None:
            return self.step
        return self.settings.steps - self.settings.refit_steps + (self.step - self.refit_from)

    def _target(self) -> _Target:
        """The X-ray of this step."""
        number = self.all_in_turn(self.step) if self.refitting else self.training[self.training_in_turn(self.step)]
        return (self.small if self.step < self.settings.coarse_steps else self.targets)[number]

    @torch.no_grad()
    def _check(self) -> None:
        """Look at the held-out views and remember the best cloud; without such views it is the newest."""
        self.checked = True
        if not self.held_out:
            self.best, self.reordered = self.raw.clone(), False
            return
        cloud = self.cloud
        errors = [self._error(cloud, self.targets[n]) for n in self.held_out]
        self.held_out_psnr = float(10 * np.log10(self.range**2 / np.mean(errors)))
        if self.best_psnr is None or self.held_out_psnr > self.best_psnr:
            self.best, self.best_psnr, self.stale = self.raw.clone(), self.held_out_psnr, 0
            self.reordered = False
        else:
            self.stale += 1

    @staticmethod
    def _error(cloud: Cloud, target: _Target) -> float:
        render = within_memory(lambda: project(cloud, target.xray.view, target.pose))
        difference = (render - target.image)[target.mask]
        return float(difference.square().mean())

    def _refit(self) -> None:
        """Go on from the best cloud with all views, for the last steps of the schedule."""
        self.refit_from = self.step
        if self.reordered:
            self.adam = Adam(self.best, self.adam.rates)
        self.raw = self.best.clone()
        self.pull = torch.zeros(len(self.raw), device=self.device)

    def _control(self) -> None:
        s = self.settings
        limits = Control(s.most_gaussians, s.split_fraction, s.faintest_share * self.unit, self._wide())
        generator = torch.Generator().manual_seed(int(np.random.default_rng((s.seed, 3, self.step)).integers(2**62)))
        stay, added = control(self.raw, self.pull, self.unit, limits, generator)
        self.raw = torch.cat([self.raw[stay], added])
        self.adam.take(stay, len(added))
        self.reordered = True
        self.pull = torch.zeros(len(self.raw), device=self.device)

    @property
    def _last_control(self) -> int:
        """Gaussians that are added in the second half would not find their place before the end."""
        return self.settings.steps // 2

    def _wide(self) -> float:
        """Gaussians wider than the volume's voxels are split, the others cloned."""
        return float(self.grid.spacing.min())


def _halved(xray: XRay) -> XRay:
    return reduced(xray, 2) if min(xray.view.size) >= 2 * WINDOW_SIZE else xray
