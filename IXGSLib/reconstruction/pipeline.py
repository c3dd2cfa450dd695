"""From a case to a volume."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..compute.device import Device
from ..compute.memory import part_count, report_out_of_memory, within_memory
from ..errors import Cancelled, ReconstructionError
from ..formats import Case
from ..gaussians import Cloud
from ..geometry import Grid, View
from ..geometry.coverage import check_views
from ..geometry.rigid import apply
from ..geometry.similarity import Similarity
from ..messages import collect_warnings, unique, warn
from ..psnr import psnr_of_error
from ..rendering import project, voxelize
from ..rendering.devices import choose_device
from ..version import __version__
from ..volume import Volume
from ..volume.resampling import resample
from ..xray import XRay
from ..xray.reduction import reduced
from .bone_prior import BonePrior
from .checkpoint import load_checkpoint, save_checkpoint
from .optimization import Images, Optimization
from .poses import moved
from .resolution import ResolvedSettings, resolve
from .result import Progress, Reconstruction, Stage
from .settings import Preset, ReconstructionSettings
from .start import Start, coarse_start, first_cloud
from .state import State

MIN_PIXELS_PER_VOXEL = 0.75
"""Images are reduced as long as their pixels, at the region, stay below this fraction of a voxel."""
MIN_VIEWS_TO_HOLD_OUT = 12
VIEWS_PER_HELD_OUT = 15
TISSUE_WARNING = (
    "soft tissue fills most of the region and was reconstructed as such; to see bone more clearly, standardise the "
    "X-rays first and choose a region that reaches beyond the bone"
)
PRIOR_WARNING = "the prior expects bone alone and was not used, because soft tissue fills the region"
PROGRESS_SECONDS = 0.2
CHECKPOINT_SECONDS = 20.0


def reconstruct(
    case: Case,
    preset: Preset = "standard",
    *,
    settings: ReconstructionSettings | Mapping[str, Any] | None = None,
    prior: BonePrior | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    checkpoints: Path | None = None,
    device: Device = "auto",
) -> Reconstruction:
    """Reconstruct the volume of a case.

    settings: changes to the preset by dotted name, such as {"cloud.gaussians": 20_000}, or all settings instead of a
    preset; these are used as they are, while the rest of a preset is adapted to the case (`resolve`).
    prior: the bone that is expected, on the grid of the region: the cloud starts from it and is kept near it where the
    X-rays do not speak against it. It is not used, with a warning, where soft tissue fills the region.
    on_progress: called several times a second. cancelled: called as often; once it returns True, Cancelled is raised.
    checkpoints: a folder for the state, from which a later call with the same case and settings continues.
    device: `auto` uses a GPU if one works; if a GPU cannot be used, a warning in the result says why.
    Raises GeometryError for views that cannot show the region, SettingsError for settings that cannot be used, and
    ReconstructionError if no usable cloud is found.
    """
    whole = isinstance(settings, ReconstructionSettings)
    run = _Run(case, settings if whole else preset, None if whole else settings, checkpoints, device, prior)  # type: ignore[arg-type]
    with report_out_of_memory(run.size):
        with _one_torch_thread(), collect_warnings() as messages:
            for progress in run.progress():
                if on_progress is not None:
                    on_progress(progress)
                if cancelled is not None and cancelled():
                    raise Cancelled("the reconstruction was cancelled")
        return run.result(messages)


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Keep torch's threads, which spin while they wait, off the cores that the kernels use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """One reconstruction: its stages in order, and the state that they share."""

    def __init__(
        self,
        case: Case,
        base: Preset | ReconstructionSettings,
        changes: Mapping[str, Any] | None,
        checkpoints: Path | None,
        device: Device,
        prior: BonePrior | None,
    ) -> None:
        self.case, self.base, self.changes = case, base, changes
        self.checkpoints, self.device = checkpoints, device
        self.prior = None if prior is None else prior.on(case.grid)
        self.resolved = self._resolve(tissue=False)
        self.key = _key(case, self.resolved, self.prior)
        self.began = time.perf_counter()
        self.durations: dict[str, float] = {}

    def progress(self) -> Iterator[Progress]:
        """Run all stages, reporting every PROGRESS_SECONDS."""
        yield self._initializing()
        self._initialize()
        self.first_step = self.optimization.state.step
        self._lap("initialization")
        yield self._optimizing("optimization")
        reported = saved = time.perf_counter()
        for run in self.optimization:
            now, step = time.perf_counter(), run.state.step
            every = self.resolved.settings.schedule.preview_every
            preview = self._preview() if every and step % every == 0 else None
            if now - reported > PROGRESS_SECONDS or preview is not None or run.finished:
                reported = now
                yield self._optimizing("refit" if run.refitting else "optimization", preview)
            if self.checkpoints is not None and now - saved > CHECKPOINT_SECONDS and not run.failed:
                saved = now
                save_checkpoint(self.checkpoints, step, self.key, *run.state.stored())
        self._lap("optimization")

    def result(self, messages: list[str]) -> Reconstruction:
        """The volume, its renders and how well they fit; messages: warnings so far."""
        run, case = self.optimization, self.case
        if run.failed:
            if not run.state.checked:
                raise ReconstructionError(
                    "the loss was not finite before the first checked cloud; check the X-rays for extreme values or "
                    "lower the rates"
                )
            failure = f"the loss was not finite after step {run.state.step}; the best cloud before it was kept"
            messages = [*messages, failure]
        cloud, views = self._in_frame_of_case()
        volume = _volume(cloud, case.grid)
        renders = tuple(_image(cloud, view) for view in views)
        self._lap("rendering")
        metrics = {"fit_psnr": _fit(renders, case.xrays, run.images.range)}
        if run.state.best_psnr is not None:
            metrics["held_out_psnr"] = run.state.best_psnr
        return Reconstruction(
            volume=volume,
            cloud=cloud.to("cpu"),
            views=views,
            renders=renders,
            held_out=tuple(case.views[n].id for n in run.images.held_out),
            metrics=metrics,
            settings=self.resolved.settings,
            reasons=self.resolved.reasons,
            warnings=unique(case.warnings, messages),
            durations=self.durations,
            used_prior=self.prior is not None and not run.state.found.tissue,
        )

    def _in_frame_of_case(self) -> tuple[Cloud, tuple[View, ...]]:
        """The cloud and the views; free poses are moved together so that they deviate least from those of the case.

        X-rays cannot tell a common motion or a common scale of all poses.
        """
        cloud, views = self.optimization.state.cloud.detach(), self.case.views
        if not self.resolved.settings.rates.pose > 0:
            return cloud, views
        found = self.optimization.state.poses.views(views)
        motion = Similarity.between(found, views, self.case.grid.center)
        return moved(cloud, motion), tuple(motion.views(found))

    def size(self) -> str:
        """The size of the problem, for messages about memory."""
        (width, height), shape = self.case.views[0].size, " x ".join(map(str, self.case.grid.shape))
        count = self.resolved.settings.cloud.max_gaussians
        return f"{count} Gaussians, {len(self.case.views)} views of {width} x {height} pixels and {shape} voxels"

    def _resolve(self, *, tissue: bool) -> ResolvedSettings:
        return resolve(self.base, len(self.case.xrays), self.changes, tissue=tissue)

    def _initialize(self) -> None:
        """Set up the optimisation, from the start or from a checkpoint."""
        check_views(self.case.views, self.case.grid)
        device = choose_device(self.device)
        xrays = [_usable(xray, self.case) for xray in self.case.xrays]
        settings = self.resolved.settings
        held_out = [n for n in _held_out(len(xrays), settings) if xrays[n].mask.any()]
        images = Images(xrays, held_out, settings, device)
        stored = load_checkpoint(self.checkpoints, self.key) if self.checkpoints is not None else None
        if stored is None:
            start = self._start([xrays[n] for n in images.training])
            state = State.beginning(start.cloud.to(device), start.findings, start.settings.rates, self.case.views)
        else:
            state = State.restored(*stored, device)
            self.resolved = self._resolve(tissue=state.found.tissue)
        if state.found.tissue:
            warn(TISSUE_WARNING)
        if state.found.tissue and self.prior is not None:
            warn(PRIOR_WARNING)
        expected = None if state.found.tissue else self.prior
        self.optimization = Optimization(images, self.case.grid, self.resolved.settings, state, expected)

    def _start(self, xrays: list[XRay]) -> Start:
        """The initial cloud for the training views, with the settings adapted to a coarse reconstruction."""
        coarse, findings = coarse_start(xrays, self.case.grid, self.resolved.settings)
        self.resolved = self._resolve(tissue=findings.tissue)
        settings = self.resolved.settings
        expected = None if self.prior is None or findings.tissue else self.prior.bone
        return Start(first_cloud(coarse, self.case.grid, settings, expected), settings, findings)

    def _preview(self) -> Volume:
        """The current state of the region."""
        return _volume(self.optimization.state.cloud.detach(), self._preview_grid())

    def _preview_grid(self) -> Grid:
        """The region in voxels of twice the size."""
        return self.case.grid.with_spacing(2 * float(self.case.grid.spacing.min()))

    def _initializing(self) -> Progress:
        """The start, with the bone that is expected as the first preview."""
        schedule, expected = self.resolved.settings.schedule, None
        if self.prior is not None and schedule.preview_every:
            expected = resample(self.prior.bone, self._preview_grid())
        return Progress(
            "initialization", 0, schedule.steps, None, None, self._seconds(), None, 0, expected, self.resolved
        )

    def _optimizing(self, stage: Stage, preview: Volume | None = None) -> Progress:
        run, state, seconds = self.optimization, self.optimization.state, self._seconds()
        done = state.step - self.first_step
        each = (seconds - self.durations["initialization"]) / done if done else None
        return Progress(
            stage=stage,
            step=state.step,
            steps=run.last_step,
            loss=run.loss,
            held_out_psnr=state.held_out_psnr,
            seconds=seconds,
            remaining=None if each is None else each * (run.last_step - state.step),
            gaussians=len(state.raw),
            volume=preview,
            resolved=self.resolved,
        )

    def _seconds(self) -> float:
        return time.perf_counter() - self.began

    def _lap(self, stage: str) -> None:
        self.durations[stage] = self._seconds() - sum(self.durations.values())


def _key(case: Case, resolved: ResolvedSettings, prior: BonePrior | None) -> str:
    """The key of a checkpoint: a hash of the X-rays, their views, the region, the settings and the prior."""
    settings = [__version__, resolved.settings.as_dict(), sorted(resolved.reasons.items())]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for xray in case.xrays:
        for array in (xray.view.K, xray.view.world_from_camera, xray.image, xray.mask):
            digest.update(array.tobytes())
    for volume in (prior.bone, prior.error) if prior is not None else ():
        digest.update(np.ascontiguousarray(volume.values).tobytes())
    digest.update(case.grid.world_from_index.tobytes() + bytes(str(case.grid.shape), "ascii"))
    return digest.hexdigest()


def _image(cloud: Cloud, view: View) -> np.ndarray:
    """The line integrals of a cloud in a view."""
    return within_memory(lambda: project(cloud, view).cpu().numpy())


def _volume(cloud: Cloud, grid: Grid) -> Volume:
    """The attenuation of a cloud on a grid."""

    def values() -> np.ndarray:
        result = np.empty(grid.shape, np.float32)
        # Split in two, renders of two parts of the cloud are in memory at once: half of it holds a quarter of the grid.
        step = -(-grid.shape[0] // part_count() ** 2)
        for first in range(0, grid.shape[0], step):
            slab = result[first : first + step]
            origin = apply(grid.world_from_index, (0, 0, first))
            part = Grid((len(slab), *grid.shape[1:]), grid.spacing, origin, grid.direction)
            slab[:] = voxelize(cloud, part).cpu().numpy()
        return result

    return Volume(within_memory(values), grid)


def _held_out(count: int, settings: ReconstructionSettings) -> list[int]:
    """Indices of the views to hold out, spread over the case; raises ReconstructionError if too few remain."""
    held_out = settings.schedule.held_out
    if held_out is None:
        held_out = max(1, round(count / VIEWS_PER_HELD_OUT)) if count >= MIN_VIEWS_TO_HOLD_OUT else 0
    if count - held_out < 2:
        raise ReconstructionError(
            f"{count} views, of which {held_out} are held out, expected at least two to reconstruct from; use more "
            "views or a smaller schedule.held_out"
        )
    return [int((n + 0.5) * count / held_out) for n in range(held_out)]


def _usable(xray: XRay, case: Case) -> XRay:
    """The X-ray reduced to the resolution of the region's voxels."""
    factor = MIN_PIXELS_PER_VOXEL * case.grid.spacing.min() / xray.view.pixel_size(case.grid.center)
    return reduced(xray, int(factor))


def _fit(renders: tuple[np.ndarray, ...], xrays: tuple[XRay, ...], peak: float) -> float:
    """PSNR in dB of all measured pixels of all views."""
    errors = [np.square(r - x.image, dtype=np.float64)[x.mask] for r, x in zip(renders, xrays, strict=True)]
    return psnr_of_error(float(np.concatenate(errors).mean()), peak)
