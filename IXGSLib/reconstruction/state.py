"""The state of an optimisation, to be stored and restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ..gaussians import Cloud
from ..geometry import View
from .adam import Adam
from .body_model import BodyModel
from .parameters import pack, unpack
from .poses import Poses
from .settings import RateSettings
from .start import Findings


@dataclass
class State:
    """Everything that changes from step to step, and the findings of the start.

    raw: (N, COLUMNS) free parameters of the cloud. best: those with the best held-out views so far. poses: of all
    views; best_poses: those that belong to `best`.
    gradients: (N,) norms of the position gradients, summed since the last density control.
    loss: of the last step; a tensor on its device until the number is needed.
    held_out_psnr: dB, of the last check. checks_without_gain: checks since the best one. checked: whether `best` was
    set by a check. reordered: whether density control has changed the rows since then. refit_from: step at which the
    refit began, None before.
    """

    found: Findings
    raw: Tensor
    best: Tensor
    gradients: Tensor
    adam: Adam
    poses: Poses
    best_poses: Poses
    step: int = 0
    loss: Tensor | float | None = None
    held_out_psnr: float | None = None
    best_psnr: float | None = None
    checks_without_gain: int = 0
    checked: bool = False
    reordered: bool = False
    refit_from: int | None = None

    @classmethod
    def beginning(cls, cloud: Cloud, found: Findings, rates: RateSettings, views: Sequence[View]) -> State:
        """The state before the first step, on the device of the cloud."""
        raw = pack(cloud, found.typical)
        columns = [rates.position] * 3 + [rates.scale] * 3 + [rates.rotation] * 4 + [rates.density]
        adam = Adam(raw, torch.tensor(columns, device=raw.device))
        poses = Poses.of(views, raw.device)
        return cls(found, raw, raw.clone(), torch.zeros(len(raw), device=raw.device), adam, poses, poses.copy())

    @property
    def cloud(self) -> Cloud:
        return unpack(self.raw, self.found.typical)

    def stored(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restored` recreates the state."""
        tensors = {name: value for name in _TENSORS if isinstance(value := getattr(self, name), Tensor)}
        tensors |= {"first": self.adam.first, "second": self.adam.second, "rates": self.adam.rates}
        for owner in _POSES:
            tensors |= {f"{owner}.{each.name}": getattr(getattr(self, owner), each.name) for each in fields(Poses)}
        loss = None if self.loss is None else float(self.loss)
        numbers = {name: getattr(self, name) for name in _NUMBERS} | {"loss": loss, "adam_steps": self.adam.steps}
        return tensors, numbers | {"found": asdict(self.found)}

    @classmethod
    def restored(cls, tensors: dict[str, Tensor], numbers: dict[str, Any], device: torch.device) -> State:
        """The state stored by `stored`, on a device."""
        placed = {name: tensor.to(device) for name, tensor in tensors.items()}
        adam = Adam(placed["raw"], placed["rates"])
        adam.first, adam.second, adam.steps = placed["first"], placed["second"], numbers["adam_steps"]
        found = dict(numbers["found"])
        body = None if found["body"] is None else BodyModel(**found["body"])
        values: dict[str, Any] = {name: placed[name] for name in _TENSORS}
        values |= {name: numbers[name] for name in _NUMBERS}
        values |= {owner: Poses(*(placed[f"{owner}.{each.name}"] for each in fields(Poses))) for owner in _POSES}
        return cls(found=Findings(**(found | {"body": body})), adam=adam, **values)


_TENSORS = ("raw", "best", "gradients")
_POSES = ("poses", "best_poses")
_NUMBERS = tuple(each.name for each in fields(State) if each.name not in (*_TENSORS, *_POSES, "found", "adam"))
