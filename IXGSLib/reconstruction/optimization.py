"""Fitting a cloud to X-rays, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..compute.memory import within_memory
from ..errors import ReconstructionError
from ..gaussians import Cloud
from ..geometry import Grid
from ..psnr import psnr_of_error
from ..rendering import project
from ..xray import XRay
from ..xray.reduction import reduced
from .adam import Adam
from .bone_prior import BonePrior
from .density_control import ControlLimits, control_density
from .kernel_constants import SSIM_WINDOW_SIZE
from .losses import image_loss
from .order import Order
from .parameters import limit, unpack
from .poses import PoseUnits
from .priors import Priors
from .settings import ReconstructionSettings
from .state import State

FINITE_CHECK_STEPS = 20
"""Steps between checks that the loss is finite on a GPU, which make the host wait for it."""


@dataclass(frozen=True, eq=False)
class _Target:
    """An X-ray as tensors; weight: that of each pixel, with a mean of 1 over the measured ones."""

    xray: XRay
    image: Tensor
    mask: Tensor
    weight: Tensor

    @classmethod
    def of(cls, xray: XRay, noise_exponent: float, device: torch.device) -> _Target:
        # The values of unmeasured pixels must not affect the windows around them.
        image, mask = np.where(xray.mask, xray.image, 0), xray.mask
        weight = np.where(mask, np.exp(-noise_exponent * np.maximum(image, 0)), 0)
        weight /= max(weight.sum(dtype=np.float64) / max(mask.sum(), 1), np.finfo(np.float32).tiny)
        arrays = image, mask, weight.astype(np.float32)
        return cls(xray, *(torch.tensor(array).to(device) for array in arrays))


class Images:
    """The X-rays on a device, at full and at half size, and which of them are held out."""

    def __init__(
        self, xrays: Sequence[XRay], held_out: Sequence[int], settings: ReconstructionSettings, device: torch.device
    ) -> None:
        exponent, seed = settings.loss.noise_exponent, settings.schedule.seed
        self.full = [_Target.of(xray, exponent, device) for xray in xrays]
        self.half = [_Target.of(_halved(xray), exponent, device) for xray in xrays]
        self.held_out = list(held_out)
        self.training = [n for n in range(len(xrays)) if n not in set(held_out)]
        views = [xray.view for xray in xrays]
        self.order_of_all = Order(views, seed)
        self.order_of_training = Order([views[n] for n in self.training], seed)
        self.range = max((float(np.percentile(x.image[x.mask], 99.9)) for x in xrays if x.mask.any()), default=0.0)
        self.measured_share = float(np.mean([xray.mask.mean() for xray in xrays]))
        if not self.range > 0:
            raise ReconstructionError("no X-ray holds a positive line integral; check the values and I0 of the case")

    def number_at(self, step: int, *, all_views: bool) -> int:
        """The number of the X-ray that a step uses."""
        return self.order_of_all(step) if all_views else self.training[self.order_of_training(step)]


class Optimization:
    """A cloud that is being fitted to the X-rays; iterating runs it and yields after every step.

    settings: resolved for the findings of the start. state: the initial state. expected: the bone that is expected in
    the region. Runs with the same seed are equal even if one was interrupted: all random numbers depend only on the
    seed and the number of the step.
    """

    def __init__(
        self,
        images: Images,
        grid: Grid,
        settings: ReconstructionSettings,
        state: State,
        expected: BonePrior | None = None,
    ) -> None:
        self.images, self.grid, self.settings, self.state = images, grid, settings, state
        self.device = state.raw.device
        self.priors = Priors(grid, settings, state.found, self.device, expected)
        self.pose_units = PoseUnits.of([target.xray.view for target in images.full], grid, self.device)
        self.failed = False
        self._all_finite: Tensor | None = None

    @property
    def loss(self) -> float | None:
        """The loss of the last step; reading it waits for a GPU."""
        return None if self.state.loss is None else float(self.state.loss)

    @property
    def refitting(self) -> bool:
        return self.state.refit_from is not None

    @property
    def last_step(self) -> int:
        """The last step: earlier than that of the schedule if the held-out views stopped improving."""
        schedule, began = self.settings.schedule, self.state.refit_from
        return schedule.steps if began is None else began + schedule.refit_steps

    @property
    def finished(self) -> bool:
        return self.failed or self.state.step >= self.last_step

    def __iter__(self) -> Iterator[Optimization]:
        """Run to the end, or until the loss is not finite: then the best cloud so far is kept and `failed` is set."""
        while not self.finished:
            self._advance()
            yield self

    def _advance(self) -> None:
        schedule, control, state = self.settings.schedule, self.settings.control, self.state
        if not self._descend():
            return
        state.step += 1
        if self.refitting:
            return
        due = state.step >= schedule.steps - schedule.refit_steps
        if due or state.step % schedule.check_every == 0:
            self._check()
        if due or state.checks_without_gain >= schedule.patience:
            self._begin_refit()
        elif state.step % control.every == 0 and state.step <= self._last_control:
            self._control()

    def _descend(self) -> bool:
        """One step of Adam on one view; False if the loss was not finite.

        The host does not wait for a GPU here, except in `_finite` every FINITE_CHECK_STEPS steps and in the checks of
        held-out views and the density control every `check_every` and `control.every` steps.
        """
        state, cloud = self.state, self.settings.cloud
        number = self.images.number_at(state.step, all_views=self.refitting)
        loss, gradient, pose_gradient = within_memory(lambda: self._gradient(number))
        if not self._finite(loss, gradient):
            state.raw, state.poses, self.failed = state.best, state.best_poses, True
            return False
        if pose_gradient is not None:
            state.poses.step(number, pose_gradient, self._pose_rate(), self.pose_units)
        if state.step < self._last_control:
            state.gradients += gradient[:, :3].norm(dim=1)
        state.adam.step(state.raw, gradient, self._rate_factor())
        limit(state.raw, cloud.min_scale, cloud.max_scale, cloud.max_aspect)
        return True

    def _gradient(self, number: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """The loss of one view and its gradients by the free parameters and, unless it is fixed, by the pose (3, 4)."""
        settings, step = self.settings.loss, self.state.step
        raw = self.state.raw.detach().requires_grad_()
        cloud = unpack(raw, self.state.found.typical)
        coarse = step < self.settings.schedule.coarse_steps
        target = (self.images.half if coarse else self.images.full)[number]
        pose = self.state.poses.matrices[number]
        if self._poses_free:
            pose = pose.clone().requires_grad_()
        render = project(cloud, target.xray.view, pose)
        loss = image_loss(render, target.image, target.weight, self.images.range, settings.ssim_weight)
        if step % settings.tv_every == 0:
            # The loss of an image is a mean over all pixels; if many are masked, the priors must not dominate.
            loss = loss + self.priors(cloud, step) * (settings.tv_every * self.images.measured_share)
        if self._poses_free:
            gradient, pose_gradient = torch.autograd.grad(loss, (raw, pose))
            return loss.detach(), gradient, pose_gradient
        (gradient,) = torch.autograd.grad(loss, raw)
        return loss.detach(), gradient, None

    def _finite(self, loss: Tensor, gradient: Tensor) -> bool:
        """Whether losses and gradients are finite so far; on a GPU checked periodically and before a cloud is kept."""
        # A sum is finite when all of its terms are, and costs a tenth of checking each.
        finite = torch.isfinite(loss) & torch.isfinite(gradient.sum())
        self.state.loss = loss
        self._all_finite = finite if self._all_finite is None else finite & self._all_finite
        schedule, following = self.settings.schedule, self.state.step + 1
        periods = (FINITE_CHECK_STEPS, schedule.check_every, self.settings.control.every)
        ask = self.device.type == "cpu" or following >= min(self.last_step, schedule.steps - schedule.refit_steps)
        if not ask and all(following % period for period in periods):
            return True
        return bool(self._all_finite)

    def _rate_factor(self) -> float:
        """The current fraction of the learning rates; a refit that begins early has those of the last steps."""
        schedule, step = self.settings.schedule, self.state.step
        if self.state.refit_from is not None:
            step = schedule.steps - schedule.refit_steps + (step - self.state.refit_from)
        return self.settings.rates.final ** (step / schedule.steps)

    @property
    def _poses_free(self) -> bool:
        return self.settings.rates.pose > 0

    def _pose_rate(self) -> float:
        return self.settings.rates.pose * self._rate_factor()

    @torch.no_grad()
    def _check(self) -> None:
        """Check the held-out views and keep the best cloud; without held-out views that is the latest."""
        state = self.state
        state.checked = True
        if not self.images.held_out:
            state.best, state.best_poses, state.reordered = state.raw.clone(), state.poses.copy(), False
            return
        cloud = state.cloud
        self._adjust_held_out(cloud)
        errors = [self._squared_error(cloud, n) for n in self.images.held_out]
        state.held_out_psnr = psnr_of_error(float(np.mean(errors)), self.images.range)
        if state.best_psnr is None or state.held_out_psnr > state.best_psnr:
            state.best, state.best_psnr, state.checks_without_gain = state.raw.clone(), state.held_out_psnr, 0
            state.best_poses, state.reordered = state.poses.copy(), False
        else:
            state.checks_without_gain += 1

    def _adjust_held_out(self, cloud: Cloud) -> None:
        """Move the poses of held-out views as often as those of the others; the cloud does not change."""
        if not self._poses_free:
            return
        settings = self.settings
        for number in self.images.held_out:
            target = self.images.full[number]
            for _ in range(max(1, settings.schedule.check_every // len(self.images.training))):
                pose = self.state.poses.matrices[number].clone().requires_grad_()
                with torch.enable_grad():
                    render = project(cloud.detach(), target.xray.view, pose)
                    loss = image_loss(render, target.image, target.weight, self.images.range, settings.loss.ssim_weight)
                    (gradient,) = torch.autograd.grad(loss, pose)
                self.state.poses.step(number, gradient, self._pose_rate(), self.pose_units)

    def _squared_error(self, cloud: Cloud, number: int) -> float:
        target, pose = self.images.full[number], self.state.poses.matrices[number]
        render = within_memory(lambda: project(cloud, target.xray.view, pose))
        difference = (render - target.image)[target.mask]
        return float(difference.square().mean())

    def _begin_refit(self) -> None:
        """Continue from the best cloud with all views, for the last steps of the schedule."""
        state = self.state
        state.refit_from = state.step
        if state.reordered:
            state.adam = Adam(state.best, state.adam.rates)
        state.raw, state.poses = state.best.clone(), state.best_poses.copy()
        state.gradients = torch.zeros(len(state.raw), device=self.device)

    def _control(self) -> None:
        control, state, seed = self.settings.control, self.state, self.settings.schedule.seed
        typical = state.found.typical
        limits = ControlLimits(
            max_count=self.settings.cloud.max_gaussians,
            fraction=control.split_fraction,
            min_density=control.min_density * typical,
            split_scale=float(self.grid.spacing.min()),
        )
        drawn = int(np.random.default_rng((seed, 3, state.step)).integers(2**62))
        stay, added = control_density(state.raw, state.gradients, typical, limits, torch.Generator().manual_seed(drawn))
        state.raw = torch.cat([state.raw[stay], added])
        state.adam.take(stay, len(added))
        state.reordered = True
        state.gradients = torch.zeros(len(state.raw), device=self.device)

    @property
    def _last_control(self) -> int:
        """The last step with density control: Gaussians added in the second half would not settle before the end."""
        return self.settings.schedule.steps // 2


def _halved(xray: XRay) -> XRay:
    return reduced(xray, 2) if min(xray.view.size) >= 2 * SSIM_WINDOW_SIZE else xray
