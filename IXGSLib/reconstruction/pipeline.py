"""From a case to a volume."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..compute.memory import accounted, parts, within_memory
from ..errors import Cancelled, IXGSWarning, ReconstructionError
from ..formats import Case
from ..gaussians import Cloud
from ..gaussians.initialization import lattice_cloud, random_cloud, sampled_cloud
from ..geometry import Grid, View
from ..geometry.coverage import check_views
from ..geometry.rigid import apply
from ..rendering import project, voxelize
from ..rendering.devices import Device, chosen
from ..volume import Volume
from ..xray import XRay
from ..xray.reduction import reduced
from .algebraic import algebraic_start
from .body_model import Trunk
from .checkpoint import load_checkpoint, save_checkpoint
from .optimization import Optimization
from .result import Progress, Reconstruction, Stage
from .settings import Preset, ReconstructionSettings, settings_for

PIXELS_PER_VOXEL = 0.75
"""Images are averaged down while their pixels, at the region, stay below this share of a voxel."""
FEWEST_FOR_HELD_OUT = 12
VIEWS_PER_HELD_OUT = 15
FILLED = 0.3
"""Share of the typical attenuation from which a voxel holds something."""
SPARSE = 0.5
"""Share of such voxels below which the region counts as mostly empty."""
FULL = (
    "most of the region is full, as it is of soft tissue, and was reconstructed as such; bone shows better in X-rays "
    "that are standardised first, and in a region that reaches beyond the bone"
)
PROGRESS_SECONDS = 0.2
CHECKPOINT_SECONDS = 20.0


def reconstruct(
    case: Case,
    preset: Preset = "standard",
    *,
    settings: ReconstructionSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    checkpoints: Path | None = None,
    device: Device = "auto",
) -> Reconstruction:
    """The volume of a case.

    settings: in place of a preset, which is fitted to the number of views (`ReconstructionSettings.for_views`).
    on_progress: called several times a second. cancelled: asked as often; the work ends with Cancelled once it says
    True. checkpoints: a folder for the state, from which a call with the same case and settings goes on. device:
    `auto` takes a GPU where one works; where less than the best is left, a warning of the result says why. Raises
    GeometryError for views that cannot show the region, ReconstructionError when no usable cloud is found.
    """
    run = _Run(case, settings or settings_for(preset).for_views(len(case.xrays)), checkpoints, device)
    with accounted(run.size):
        with _one_torch_thread(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", IXGSWarning)
            for progress in run.progress():
                if on_progress is not None:
                    on_progress(progress)
                if cancelled is not None and cancelled():
                    raise Cancelled("the reconstruction was cancelled")
            noticed = [str(w.message) for w in caught if issubclass(w.category, IXGSWarning)]
        return run.result(noticed)


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Keep torch's own threads, which spin while they wait, from the cores that the kernels work on."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """One reconstruction: its stages in order, and what they leave behind."""

    def __init__(self, case: Case, settings: ReconstructionSettings, checkpoints: Path | None, device: Device) -> None:
        self.device = device
        self.case = case
        self.settings = settings
        self.folder = checkpoints
        self.began = time.perf_counter()
        self.durations: dict[str, float] = {}

    def progress(self) -> Iterator[Progress]:
        """Run all stages, telling how far they are every PROGRESS_SECONDS."""
        yield self._at("initialization")
        check_views(self.case.views, self.case.grid)
        device = chosen(self.device)
        xrays = [_usable(xray, self.case) for xray in self.case.xrays]
        self.held_out = [n for n in _held_out(len(xrays), self.settings) if xrays[n].mask.any()]
        self.optimization = Optimization(xrays, self.held_out, self.case.grid, self.settings, device)
        if not self._resume():
            training = [xrays[n] for n in self.optimization.training]
            self.optimization.start(*_beginning(training, self.case, self.settings))
        if not self.optimization.sparse:
            warnings.warn(FULL, IXGSWarning, stacklevel=2)
        self.first_step = self.optimization.step
        self._lap("initialization")
        yield self._at("optimization")
        told = saved = time.perf_counter()
        for state in self.optimization:
            now = time.perf_counter()
            every = self.settings.preview_every
            preview = self._preview() if every and state.step % every == 0 else None
            if now - told > PROGRESS_SECONDS or preview is not None or state.finished:
                told = now
                yield self._at("refit" if state.refitting else "optimization", preview)
            if self.folder is not None and now - saved > CHECKPOINT_SECONDS and not state.failed:
                saved = now
                self._save()
        self._lap("optimization")

    def result(self, noticed: list[str]) -> Reconstruction:
        """The volume, its renders and how well they fit."""
        optimization, case = self.optimization, self.case
        if optimization.failed:
            if not optimization.checked:
                raise ReconstructionError(
                    "the loss was not finite before there was a cloud to keep; "
                    "check the X-rays for extreme values or lower the rates"
                )
            noticed.append(f"the loss was not finite after step {optimization.step}; the best cloud before it was kept")
        cloud = optimization.cloud.detach()
        volume = _volume(cloud, case.grid)
        renders = tuple(_image(cloud, view) for view in case.views)
        self._lap("rendering")
        metrics = {"fit_psnr": _fit(renders, case.xrays, optimization.range)}
        if optimization.best_psnr is not None:
            metrics["held_out_psnr"] = optimization.best_psnr
        ids = tuple(case.views[n].id for n in self.held_out)
        every = tuple(dict.fromkeys([*case.warnings, *noticed]))
        return Reconstruction(volume, cloud.to("cpu"), renders, ids, metrics, self.settings, every, self.durations)

    def size(self) -> str:
        """What a device's memory has to suffice for."""
        (width, height), shape = self.case.views[0].size, " x ".join(map(str, self.case.grid.shape))
        count = self.settings.most_gaussians
        return f"{count} Gaussians, {len(self.case.views)} views of {width} x {height} pixels and {shape} voxels"

    def _preview(self) -> Volume:
        """The region as it is now, in voxels of twice the size."""
        grid = self.case.grid.with_spacing(2 * float(self.case.grid.spacing.min()))
        return _volume(self.optimization.cloud.detach(), grid)

    def _at(self, stage: Stage, preview: Volume | None = None) -> Progress:
        seconds = time.perf_counter() - self.began
        if stage == "initialization":
            return Progress(stage, 0, self.settings.steps, None, None, seconds, None, 0)
        state = self.optimization
        done = state.step - self.first_step
        each = (seconds - self.durations["initialization"]) / done if done else None
        remaining = None if each is None else each * (state.last_step - state.step)
        return Progress(
            stage=stage,
            step=state.step,
            steps=state.last_step,
            loss=state.loss,
            held_out_psnr=state.held_out_psnr,
            seconds=seconds,
            remaining=remaining,
            gaussians=len(state.raw),
            volume=preview,
        )

    def _lap(self, stage: str) -> None:
        self.durations[stage] = time.perf_counter() - self.began - sum(self.durations.values())

    def _key(self) -> str:
        """What a checkpoint belongs to: the X-rays, their views, the region and the settings."""
        digest = hashlib.sha256(json.dumps([__version__, self.settings.as_dict()], sort_keys=True).encode())
        for xray in self.case.xrays:
            for array in (xray.view.K, xray.view.world_from_camera, xray.image, xray.mask):
                digest.update(array.tobytes())
        digest.update(self.case.grid.world_from_index.tobytes() + bytes(str(self.case.grid.shape), "ascii"))
        return digest.hexdigest()

    def _save(self) -> None:
        tensors, state = self.optimization.state()
        assert self.folder is not None
        save_checkpoint(self.folder, self.optimization.step, tensors, {"key": self._key(), **state})

    def _resume(self) -> bool:
        found = load_checkpoint(self.folder, self._key()) if self.folder is not None else None
        if found is None:
            return False
        self.optimization.restore(*found)
        return True


def _image(cloud: Cloud, view: View) -> np.ndarray:
    """A cloud in a view."""
    return within_memory(lambda: project(cloud, view).cpu().numpy())


def _volume(cloud: Cloud, grid: Grid) -> Volume:
    """A cloud on a grid."""

    def values() -> np.ndarray:
        found = np.empty(grid.shape, np.float32)
        # In halves, renders of two parts of the cloud lie side by side: half of the memory is a quarter of the grid.
        step = -(-grid.shape[0] // parts() ** 2)
        for first in range(0, grid.shape[0], step):
            slab = found[first : first + step]
            origin = apply(grid.world_from_index, (0, 0, first))
            part = Grid((len(slab), *grid.shape[1:]), grid.spacing, origin, grid.direction)
            slab[:] = voxelize(cloud, part).cpu().numpy()
        return found

    return Volume(within_memory(values), grid)


def _held_out(count: int, settings: ReconstructionSettings) -> list[int]:
    """Numbers of the views to keep back, spread over the case; raises ReconstructionError if too few are left."""
    held = settings.held_out
    if held is None:
        held = max(1, round(count / VIEWS_PER_HELD_OUT)) if count >= FEWEST_FOR_HELD_OUT else 0
    if count - held < 2:
        raise ReconstructionError(f"{count} views less {held} held out, expected at least two to reconstruct from")
    return [int((n + 0.5) * count / held) for n in range(held)]


def _usable(xray: XRay, case: Case) -> XRay:
    """The X-ray at the resolution that the region's voxels can use."""
    return reduced(xray, int(PIXELS_PER_VOXEL * case.grid.spacing.min() / xray.view.pixel_size(case.grid.center)))


def _beginning(
    xrays: list[XRay], case: Case, settings: ReconstructionSettings
) -> tuple[Cloud, float, bool, Trunk | None]:
    """The cloud to start from, a typical attenuation in 1/mm, whether most of the region is empty, and the trunk."""
    generator = np.random.default_rng((settings.seed, 0))
    start = algebraic_start(xrays, case.grid, settings)
    if not start.region.any():
        raise ReconstructionError(
            "the X-rays hold no attenuation that the region could explain; check that the values are line integrals "
            "(or state intensity and I0) and that region and calibration share one frame (LPS, mm)"
        )
    unit = float(np.percentile(start.region[start.region > 0], 95))
    sparse = bool((start.region > FILLED * unit).mean() < SPARSE)
    settings = settings if sparse else settings.for_tissue()
    if settings.initialization == "random":
        region = random_cloud(
            case.grid, settings.gaussians, float(start.region.mean()), settings.initial_overlap, generator
        )
    else:
        region = sampled_cloud(start.region, start.region_grid, settings.gaussians, settings.initial_overlap, generator)
    if start.background is None:
        return region, unit, sparse, None
    draw = sampled_cloud if start.trunk is None else lattice_cloud
    around = draw(
        start.background, start.background_grid, settings.background_gaussians, settings.initial_overlap, generator
    )
    return Cloud.concatenated(region, around), unit, sparse, start.trunk


def _fit(renders: tuple[np.ndarray, ...], xrays: tuple[XRay, ...], scale: float) -> float:
    """PSNR in dB of all measured pixels of all views."""
    errors = [np.square(r - x.image, dtype=np.float64)[x.mask] for r, x in zip(renders, xrays, strict=True)]
    return float(10 * np.log10(scale**2 / np.concatenate(errors).mean()))
