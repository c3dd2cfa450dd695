"""The bone that is expected in a case, and whether a network may say so."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IXGSNotice, SettingsError
from ..files import sha256
from ..resources import shipped_bone_weights
from .method import PriorMethod

if TYPE_CHECKING:
    from ..formats import Case
    from .estimation import BoneEstimate
    from .weights import BoneWeights

NOTICE = (
    "the volume rests in part on bone that a network trained on other patients expects in these X-rays: compare it "
    "with the X-rays themselves"
)


@dataclass(frozen=True, eq=False)
class Expectation:
    """The bone that a network expects in the region of a case; about: for records, as JSON."""

    estimate: BoneEstimate
    about: dict[str, Any]


def expected_bone(case: Case, method: PriorMethod = "auto", weights: Path | None = None) -> Expectation | None:
    """What the bone network expects in the region of a case; None where none is to be used.

    weights: of the bone network, by default those that come with IXGS. auto uses the network where the X-rays were
    standardised by the network that it was trained with, and says why where they were standardised otherwise; learnt
    raises SettingsError there. Raises what `load_bone_weights` raises.
    """
    if method == "none" or (method == "auto" and not _by_network(case)):
        return None
    file = weights or shipped_bone_weights()
    if file is None:
        if method == "auto":
            return None
        raise SettingsError(
            "a learnt prior without weights: none come with this IXGS; give --prior-weights FILE.safetensors, or use "
            "--prior none"
        )
    found = _loaded(file)
    obstacle = _obstacle(case, found)
    if not obstacle:
        return _expectation(case, file, found)
    if method == "learnt":
        raise SettingsError(f"the learnt prior cannot be used: {obstacle}, or use --prior none")
    _note(f"no learnt prior was used: {obstacle}")
    return None


def _by_network(case: Case) -> bool:
    made = case.standardization
    return made is not None and made.synthetic and made.method == "pix2pix"


def _obstacle(case: Case, weights: BoneWeights) -> str:
    """Why a network cannot be used for a case, and the cure; empty if it can be."""
    made = case.standardization
    if made is None or not _by_network(case):
        return "the X-rays were not standardised by a network, whose images it needs; use --standardize pix2pix"
    used = made.record.get("weights")
    if not isinstance(used, dict) or used.get("sha256") != weights.standardizer:
        return (
            "the X-rays were standardised by another network than the one that the prior was trained with; standardise "
            "them with that one"
        )
    if any(view.id not in made.raw for view in case.views):
        return "the original X-rays are not beside the standardised ones; standardise them again"
    return ""


def _loaded(file: Path) -> BoneWeights:
    from .weights import load_bone_weights

    return load_bone_weights(file)


def _note(message: str) -> None:
    warnings.warn(message, IXGSNotice, stacklevel=3)


def _expectation(case: Case, file: Path, weights: BoneWeights) -> Expectation:
    from .estimation import estimate_bone
    from .features import feature_views

    views = feature_views(case, weights.network.settings.pixels)
    estimate = estimate_bone(weights.network, views, case.grid)
    _note(NOTICE)
    return Expectation(
        estimate, {"method": "learnt", "weights": {"name": file.name, "sha256": sha256(file.read_bytes())}}
    )
