"""The scenes to reconstruct, the number of views of each, and their X-rays, which are cached."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from IXGSLib.formats import Case
from IXGSLib.geometry import View
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from Testing.benchmarks.scene import Scene

CACHE = Path(__file__).resolve().parents[3] / "build" / "benchmarks"
_LUMBAR = ("ct_tcga_ov_09_2043", (-15.0, 60.0, 1300.0))

SCENES = {
    "lumbar": Scene("lumbar", *_LUMBAR, views=50),
    "thoracic": Scene("thoracic, 1 mm", "ct_lidc_0314", (0.0, 245.0, -590.0), spacing=1.0),
    "crlm": Scene("thoracolumbar", "ct_crlm_1006", (15.0, 100.0, -280.0)),
    "tissue": Scene("lumbar, all tissue, truncated", *_LUMBAR, tissue="all", whole=True),
    "circle": Scene("lumbar, full circle", *_LUMBAR, views=50, circle=True),
    "detail": Scene("lumbar, 512 x 512, 1 mm", *_LUMBAR, spacing=1.0, pixels=512),
    "arc": Scene("lumbar, 90 degrees", *_LUMBAR, span=90.0),
}
_COUNTS = {
    "lumbar": (5, 10, 15, 20, 25, 30, 50),
    "thoracic": (10, 30),
    "crlm": (10, 30),
    "tissue": (30,),
    "circle": (50,),
    "detail": (30,),
    "arc": (30,),
}
CASES = {f"{name}-{count}": (SCENES[name], count) for name, counts in _COUNTS.items() for count in counts}
"""The scene and the number of views of each case."""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """X-rays with noise to reconstruct from, unseen ones without, and the truth. Images are [view, row, column]."""

    views: list[View]
    images: np.ndarray
    unseen_views: list[View]
    unseen_images: np.ndarray
    truth: Volume

    @property
    def case(self) -> Case:
        """The input of IXGS."""
        return Case(_xrays(self.views, self.images), self.truth.grid)

    @property
    def unseen(self) -> tuple[XRay, ...]:
        return _xrays(self.unseen_views, self.unseen_images)


def load(scene: Scene, count: int, cache: Path = CACHE) -> Benchmark:
    """The first `count` views of a scene, from the cache or newly simulated."""
    file = cache / f"{_key(scene)}.npz"
    if not file.exists():
        _make(scene, file)
    views, unseen = scene.poses()
    with np.load(file) as arrays:
        truth = Volume(arrays["truth"], scene.region)
        return Benchmark(views[:count], arrays["images"][:count], unseen, arrays["unseen"], truth)


def _make(scene: Scene, file: Path) -> None:
    from Testing.benchmarks.quality import radiographs  # loads RTK, which those who find the file do without

    truth, fine = radiographs.truth_and_object(scene.body(), scene.region, scene.whole)
    views, unseen = scene.poses()
    images = radiographs.exposed(radiographs.line_integrals(fine, views), scene.photons, seed=0)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, truth=truth.values, images=images, unseen=radiographs.line_integrals(fine, unseen))
    unfinished.replace(file)


def _key(scene: Scene) -> str:
    """A name that changes with the scene and with the code that makes its X-rays."""
    folder = Path(__file__).parent
    modules = (folder.parent / "scene.py", folder / "radiographs.py", folder / "projector.py")
    sources = [module.read_bytes() for module in modules]
    definition = json.dumps(asdict(scene), sort_keys=True).encode()
    return f"{scene.ct}-{hashlib.sha256(definition + b''.join(sources)).hexdigest()[:12]}"


def _xrays(views: list[View], images: np.ndarray) -> tuple[XRay, ...]:
    return tuple(XRay(view, image, np.ones(image.shape, bool)) for view, image in zip(views, images, strict=True))
