"""The weights of the bone network on disk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError, SettingsError
from ..standardization.safetensors_layout import CURE, Kind, Layout
from ..standardization.weights_file import WeightsFormat, part, read_weights, stored, write_weights
from .network import BoneNetwork
from .network_settings import BoneNetworkSettings

FORMAT = WeightsFormat("ixgs-bone-network", 3)


@dataclass(frozen=True, eq=False)
class BoneWeights:
    """A network ready for use, and the header of its file: what it was trained on, and its scores.

    standardizer: SHA-256 of the weights of the network that standardises, whose images it uses.
    """

    network: BoneNetwork
    about: dict[str, Any]

    @property
    def standardizer(self) -> str:
        return str(self.about["standardizer"])


def save_bone_weights(path: Path, about: dict[str, Any], network: BoneNetwork) -> None:
    """Write a network in half precision, with `about` (JSON) and a hash of all numbers in the header.

    about: with the keys that `load_bone_weights` needs: network (the settings) and standardizer.
    """
    write_weights(path, FORMAT, about, stored(dict(network.state_dict()), torch.float16, "network"))


def load_bone_weights(path: Path) -> BoneWeights:
    """The network of a file; nothing in it is executed, and every name and number is checked.

    Raises FormatError for a file that is not of this format and version, TruncatedFile for one that is cut off.
    """
    about, tensors = read_weights(path, FORMAT, lambda about, layout: _kinds(about, layout, path.name))
    network = BoneNetwork(_settings(about, path.name))
    network.load_state_dict({name: tensor.float() for name, tensor in part(tensors, "network").items()})
    return BoneWeights(network.eval().requires_grad_(False), about)


def _kinds(about: dict[str, Any], layout: Layout, name: str) -> dict[str, Kind]:
    with torch.device("meta"):
        tensors: dict[str, Tensor] = BoneNetwork(_settings(about, name)).state_dict()
    return {f"network.{key}": ("F16", list(tensor.shape)) for key, tensor in tensors.items()}


def _settings(about: dict[str, Any], name: str) -> BoneNetworkSettings:
    try:
        stated = dict(about["network"])
        unknown = stated.keys() - {each.name for each in fields(BoneNetworkSettings)}
        if unknown:
            raise SettingsError(f"unknown settings {', '.join(sorted(unknown))}")
        if not isinstance(about["standardizer"], str):
            raise SettingsError("no SHA-256 of the network that standardises")
        return BoneNetworkSettings(**stated)
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise FormatError(f"{name}: its header does not describe a bone network ({error}); {CURE}") from error
