"""The methods that turn a prepared view into bone-enhanced line integrals."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..files import sha256
from . import classical
from .method import ResolvedMethod
from .preparation import PreparedView

Enhanced = tuple[np.ndarray, dict[str, Any]]
"""Line integrals of bone (rows, columns) float32, not negative, and what is recorded of the view."""


class Enhancer(Protocol):
    """A method, and what is recorded of it. parallel: whether views are worth processing at the same time."""

    about: dict[str, Any]
    parallel: bool

    def apply(self, view: PreparedView) -> Enhanced: ...


def enhancer(resolved: ResolvedMethod) -> Enhancer:
    """The method ready for use; raises what `load_weights` raises."""
    return Classical() if resolved.weights is None else Pix2Pix(resolved.weights)


def enhance_all(method: Enhancer, views: Sequence[PreparedView]) -> Iterator[Enhanced]:
    """The result of each view, in order."""
    if not method.parallel:
        yield from map(method.apply, views)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(method.apply, views)


class Classical:
    """Band weights; its filters release the interpreter lock."""

    parallel = True

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}

    def apply(self, view: PreparedView) -> Enhanced:
        return classical.enhanced(view.image, view.field, view.pixel), {}


class Pix2Pix:
    """A trained network, which uses threads of its own."""

    parallel = False

    def __init__(self, weights: Path) -> None:
        from .network import load_network  # torch takes seconds to import

        self.network = load_network(weights)
        self.about: dict[str, Any] = {"weights": {"name": weights.name, "sha256": sha256(weights.read_bytes())}}

    def apply(self, view: PreparedView) -> Enhanced:
        image, score = self.network.apply_with_score(view.image, view.field)
        return image, {} if score is None else {"distribution_score": round(score, 3)}
