"""Generator and discriminator, and one training step of both."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..errors import FormatError
from ..standardization.generator import Generator
from .bands import band_loss, lesion_weights
from .batches import Batch
from .discriminator import Discriminator
from .processes import Processes
from .settings import TrainingSettings

ADAM_BETAS = ((0.9, 0.99), (0.5, 0.999))
"""Of the generator, and of the discriminator as in the paper."""
MAX_GRADIENT_NORM = 1.0
"""Norm to which a larger gradient of the generator is reduced."""


@dataclass(frozen=True)
class Losses:
    """The losses of one step: L1 in units of the scale, and the adversarial losses of generator and discriminator.

    Without a discriminator the adversarial losses are 0.
    """

    l1: Tensor
    adversarial: Tensor
    discriminator: Tensor


class Adversarial:
    """Both networks, their optimisers, and the moving average of the generator, which is the network that is used."""

    def __init__(self, settings: TrainingSettings, processes: Processes) -> None:
        self.settings, self.processes = settings, processes
        torch.manual_seed(settings.seed)
        device = processes.device
        self.generator = Generator(settings)
        self.discriminator = Discriminator(settings.discriminator_width, settings.group)
        for network in (self.generator, self.discriminator):
            # Channels last make a step a fifth faster; torch's types do not know the argument.
            network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.generator).eval().requires_grad_(False)
        self.shared = [processes.shared(network) for network in (self.generator, self.discriminator)]
        self.optimizers = [
            torch.optim.Adam(network.parameters(), settings.rate, betas)
            for network, betas in zip((self.generator, self.discriminator), ADAM_BETAS, strict=True)
        ]
        self.precision = _precision(settings.precision, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)

    def step(self, number: int, batch: Batch) -> Losses:
        """One step of the discriminator, if there is an adversarial loss, then one of the generator.

        batch: on any device.
        """
        self._prepare(number)
        pictures, targets, lost = (part.to(self.processes.device, non_blocking=True) for part in batch)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pictures.device.type, self.precision, self.precision != torch.float32):
            made = self.shared[0](pictures) * (pictures[:, -1:] > 0)
        scale, weight = self.settings.scale, self.settings.adversarial_weight
        weights = lesion_weights(lost * scale, self.settings.lesion_weight)
        loss = self.settings.band_weight * band_loss(made.float() * scale, targets * scale, weights)
        adversarial = discriminator = made.new_zeros(())
        if weight:
            adversarial, discriminator = self._judged(pictures, made, targets)
            loss = loss + weight * adversarial
        self._descend(0, loss)
        self.scaler.update()
        self._average(number)
        return Losses(F.l1_loss(made.detach().float(), targets), adversarial.detach(), discriminator.detach())

    def _judged(self, pictures: Tensor, made: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The adversarial losses of generator and discriminator after a step of the latter (Isola et al., 3.3)."""
        with torch.autocast(pictures.device.type, self.precision, self.precision != torch.float32):
            judged = self.shared[1](pictures.repeat(2, 1, 1, 1), torch.cat([targets, made.detach()])).float()
        true, false = judged.chunk(2)
        # Half the loss slows the discriminator down relative to the generator, as in the paper.
        discriminator = (_binary(true, True) + _binary(false, False)) / 2
        self._descend(1, discriminator)
        with torch.autocast(pictures.device.type, self.precision, self.precision != torch.float32):
            frozen = {name: value.detach() for name, value in self.discriminator.named_parameters()}
            judged = functional_call(self.discriminator, frozen, (pictures, made)).float()
        return _binary(judged, True), discriminator

    def start_from(self, generator: dict[str, Tensor]) -> None:
        """Load the weights of a trained generator."""
        for network in (self.generator, self.average):
            network.load_state_dict(generator)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that a step changes, as tensors and numbers; random numbers depend on the step alone."""
        tensors = {f"{name}.{key}": value for name, net in self._networks() for key, value in net.state_dict().items()}
        for n, optimizer in enumerate(self.optimizers):
            for key, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"adam{n}.{key}.{name}": value for name, value in moments.items()}
        return tensors, {"scaler": self.scaler.state_dict()}

    def load(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Load such a state; raises FormatError for one of other networks."""
        try:
            for name, network in self._networks():
                network.load_state_dict(_part(tensors, name))
            for n, optimizer in enumerate(self.optimizers):
                moments: dict[int, dict[str, Tensor]] = {}
                for key, value in _part(tensors, f"adam{n}").items():
                    number, name = key.split(".")
                    moments.setdefault(int(number), {})[name] = value
                optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
            self.scaler.load_state_dict(numbers["scaler"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise FormatError(f"the checkpoint is not of networks like these ({error}); use a new --out") from error

    def _networks(self) -> list[tuple[str, nn.Module]]:
        return [("generator", self.generator), ("discriminator", self.discriminator), ("average", self.average)]

    def _prepare(self, number: int) -> None:
        """Set the learning rate of a step."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate(self.settings, number)

    def _descend(self, which: int, loss: Tensor) -> None:
        optimizer = self.optimizers[which]
        optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if which == 0:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self.generator.parameters(), MAX_GRADIENT_NORM)
        self.scaler.step(optimizer)

    @torch.no_grad()
    def _average(self, number: int) -> None:
        """Update the moving average, whose decay grows at first so that the initial weights are soon forgotten."""
        kept = min(self.settings.averaging, (1 + number) / (10 + number))
        for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(value, 1 - kept)


def rate(settings: TrainingSettings, step: int) -> float:
    """The learning rate of Adam: constant, then decreasing linearly to zero after the last step."""
    constant = settings.constant_part * settings.steps
    return settings.rate * min(1.0, (settings.steps - step) / max(settings.steps - constant, 1))


def _binary(logits: Tensor, true: bool) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(true)))


def _precision(requested: str, device: torch.device) -> torch.dtype:
    if requested != "auto":
        return getattr(torch, requested)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Only matrix units multiply faster in bfloat16; older versions of torch do not tell whether there are any.
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if found.get("amx_bf16") else torch.float32


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}.")}
