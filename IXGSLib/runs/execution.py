"""The execution of a run, from its request to the result in its folder."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import GeometryError, IXGSError, ReconstructionError, alarms_and_notices
from ..files import check_writable, write_atomically
from ..formats.geometry_json import view_as_json
from ..messages import one_line
from .events import Reporter, finite
from .folder import LOG, PREVIEW, RunFolder
from .preparation import Prepared, prepare
from .provenance import case_record, environment_record
from .records import POSES
from .request import RunRequest
from .stopping import stop_asked

if TYPE_CHECKING:
    import numpy as np

    from ..evaluation.confidence import Confidence, Doubt
    from ..evaluation.prior_share import PriorShare
    from ..evaluation.reference import Metrics
    from ..evaluation.trust import Trust
    from ..formats import Case
    from ..reconstruction import Reconstruction
    from ..reconstruction.resolution import ResolvedSettings
    from ..reconstruction.result import Progress

_BYTES_PER_VOXEL = 10
"""float32, hardly compressed, and a share for surface, preview, confidence and expected error."""
_BYTES_PER_GAUSSIAN = 800
"""The parameters, their averages in three checkpoints, and the PLY file."""
_REPORT_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Outcome:
    """What a finished run measured, the verdict on its volume, and the confidence in each voxel if it was asked for.

    prior: where a learnt prior decided, if one was used. durations: seconds by stage.
    """

    metrics: Metrics
    trust: Trust
    confidence: Confidence | None
    prior: PriorShare | None
    durations: Mapping[str, float]


def execute(request: RunRequest, reporter: Reporter) -> Outcome:
    """Reconstruct a case into a folder.

    Raises IXGSError for a request that cannot be met, Cancelled when the user asks to stop.
    """
    check_writable(request.out)
    prepared = prepare(request, reporter)
    check_writable(request.out, _space(prepared))
    with RunFolder(request.out, _record(request, prepared), request.resume) as folder:
        reporter.log = folder.path / LOG
        _report_start(prepared, reporter)
        if prepared.standardized:
            _save_standardized(prepared.case, folder)
        try:
            return _Execution(request, prepared, folder, reporter).outcome()
        except (IXGSError, KeyboardInterrupt):
            if folder.resumable:
                reporter.warn("the work done so far is kept; continue it with the same command and --resume")
            raise


def _space(prepared: Prepared) -> int:
    """The bytes that a run needs about: volume, preview and surface, the cloud with its checkpoints, the report."""
    voxels, cloud = math.prod(prepared.case.grid.shape), prepared.resolved.settings.cloud
    gaussians = max(cloud.gaussians, cloud.max_gaussians)
    return _BYTES_PER_VOXEL * voxels + _BYTES_PER_GAUSSIAN * gaussians + _REPORT_BYTES


def _record(request: RunRequest, prepared: Prepared) -> dict[str, Any]:
    """The content of run.json."""
    from ..compute.threads import thread_count

    alarms, notices = alarms_and_notices(prepared.case.warnings)
    return {
        **case_record(prepared.case),
        "references": prepared.reference.hashes,
        "refinement": _refinement_record(request, prepared),
        "prior": {"method": "none"} if prepared.expectation is None else prepared.expectation.about,
        "preset": request.preset,
        "confidence": request.confidence,
        "changes": prepared.changes,
        **_settings_record(prepared.resolved),
        "seed": prepared.resolved.settings.schedule.seed,
        "device": {"asked": request.device, "used": prepared.device},
        "threads": thread_count(),
        "warnings": alarms,
        "notices": notices,
        **environment_record(),
    }


def _refinement_record(request: RunRequest, prepared: Prepared) -> dict[str, Any] | None:
    """The settings of the refinement of poses and its outcome."""
    if prepared.refinement is None:
        return None
    settings = dataclasses.asdict(request.refinement)
    return finite({"settings": settings, **prepared.refinement.as_dict()})


def _settings_record(resolved: ResolvedSettings) -> dict[str, Any]:
    """The settings of the run, and the reasons why some differ from those of the preset."""
    return {"settings": resolved.settings.as_dict(), "reasons": dict(resolved.reasons)}


def _report_start(prepared: Prepared, reporter: Reporter) -> None:
    case, schedule = prepared.case, prepared.resolved.settings.schedule
    reporter.report(
        "start",
        case=case.name,
        views=len(case.xrays),
        steps=schedule.steps,
        seed=schedule.seed,
        device=prepared.device,
    )
    for message in case.warnings:
        reporter.warn(message)


def _save_standardized(case: Case, folder: RunFolder) -> None:
    from ..formats import save_case

    folder.save_standardized(lambda path: save_case(case, path))


@dataclass(frozen=True, eq=False)
class _Execution:
    """The work of a run in its folder."""

    request: RunRequest
    prepared: Prepared
    folder: RunFolder
    reporter: Reporter

    def outcome(self) -> Outcome:
        """Reconstruct and write all outputs."""
        from ..evaluation.residuals import residual_warnings
        from ..evaluation.trust import judged, signs_of

        reporter, reference = self.reporter, self.prepared.reference
        result = self._reconstruction()
        for message in result.warnings:
            reporter.warn(message)
        reporter.report("writing")
        renders = reference.renders(result.cloud)
        reference_metrics, notes = reference.metrics(result.volume, renders)
        case = self.prepared.case.with_poses(result.views)
        for message in (*notes, *residual_warnings(case.xrays, result.renders)):
            reporter.warn(message)
        trust = judged(signs_of(case, result.renders, result.volume, result.metrics))
        began = time.perf_counter()
        confidence = self._confidence(case, result)
        durations = {**self.prepared.durations, **result.durations, "confidence": time.perf_counter() - began}
        metrics = {**result.metrics, **reference_metrics}
        outcome = Outcome(metrics, trust, confidence, self._prior_share(result), durations)
        self._write_volumes(result)
        self._write_maps(outcome)
        self._write_poses(result)
        self._write_report(result, renders, outcome)
        self._finish(outcome)
        return outcome

    def _finish(self, outcome: Outcome) -> None:
        """Write done.json and report the end."""
        from ..evaluation.confidence.summary import summary_of

        messages = {"warnings": self.reporter.warnings, "notices": self.reporter.notices}
        numbers: dict[str, Any] = {
            "metrics": outcome.metrics,
            "trust": outcome.trust.as_dict(),
            "durations": outcome.durations,
        }
        if outcome.prior is not None:
            numbers["prior"] = outcome.prior.as_dict()
        if outcome.confidence is not None:
            numbers["confidence"] = summary_of(outcome.confidence).as_dict()
        done = finite({**numbers, **messages})
        self.folder.finish(done)
        self.reporter.report("done", **done)

    def _confidence(self, case: Case, result: Reconstruction) -> Confidence | None:
        """The confidence in each voxel; None, with a warning unless it was not asked for, where there is none."""
        from ..evaluation.confidence import confidence_of

        if not self.request.confidence:
            return None
        try:
            return confidence_of(result.volume, case, result.renders, doubt=self._doubt(result))
        except GeometryError as error:
            self.reporter.warn(f"no confidence.nrrd: {one_line(error)}")
            return None

    def _doubt(self, result: Reconstruction) -> Doubt | None:
        """That of the learnt prior, if one was used."""
        from ..evaluation.confidence import Doubt

        expectation = self.prepared.expectation
        if expectation is None or not result.used_prior:
            return None
        return Doubt(expectation.estimate.prior.error, expectation.about["weights"]["sha256"])

    def _prior_share(self, result: Reconstruction) -> PriorShare | None:
        from ..evaluation.prior_share import prior_share

        if self.prepared.expectation is None or not result.used_prior:
            return None
        estimate = self.prepared.expectation.estimate
        return prior_share(result.volume, estimate.prior.bone, estimate.alone)

    def _reconstruction(self) -> Reconstruction:
        from .. import reconstruction

        prepared = self.prepared
        return reconstruction.reconstruct(
            prepared.case,
            self.request.preset,
            settings=prepared.changes,
            prior=None if prepared.expectation is None else prepared.expectation.estimate.prior,
            on_progress=self._report_progress,
            cancelled=stop_asked,
            checkpoints=self.folder.checkpoints,
            device=prepared.device,  # type: ignore[arg-type]
        )

    def _report_progress(self, progress: Progress) -> None:
        """Report progress as an event, with the file name as `preview` if a new preview was written."""
        if progress.resolved is not None:
            self.folder.update(_settings_record(progress.resolved))
        if progress.volume is None:
            self.reporter.report("progress", **progress.as_dict())
        else:
            self.folder.save(PREVIEW, progress.volume.save)
            self.reporter.report("progress", **progress.as_dict(), preview=PREVIEW)

    def _write_volumes(self, result: Reconstruction) -> None:
        from ..gaussians.ply import save_ply
        from ..volume.bone import bone_surface

        self.folder.save("volume.nrrd", result.volume.save)
        self.folder.save("gaussians.ply", lambda path: save_ply(result.cloud, path))
        try:
            surface = bone_surface(result.volume)
        except ReconstructionError as error:
            self.reporter.warn(f"no bone.stl: {one_line(error)}")
        else:
            self.folder.save("bone.stl", surface.save)

    def _write_maps(self, outcome: Outcome) -> None:
        if outcome.confidence is not None:
            self.folder.save("confidence.nrrd", outcome.confidence.save)
            self.folder.save("expected_error.nrrd", outcome.confidence.save_error)
        if outcome.prior is not None:
            self.folder.save("prior_share.nrrd", outcome.prior.save)

    def _write_poses(self, result: Reconstruction) -> None:
        """Write the final poses of refined views, as a calibration."""
        if self.prepared.refinement is None:
            return
        states = {view.id: finite(vars(view)) for view in self.prepared.refinement.views}
        views = [{**view_as_json(view), "refinement": states[view.id]} for view in result.views]
        text = json.dumps({"frame": "LPS", "unit": "mm", "views": views}, indent=1, allow_nan=False)
        self.folder.save(POSES, lambda path: write_atomically(path, text.encode()))

    def _write_report(self, result: Reconstruction, renders: list[np.ndarray], outcome: Outcome) -> None:
        """Write the report, in which test views follow those of the case, marked as not used."""
        from .. import evaluation

        case, reference = self.prepared.case.with_poses(result.views), self.prepared.reference
        test = reference.test.xrays if reference.test else ()
        unused = () if result.settings.schedule.refit_steps else result.held_out
        choice, environment = case.tag_choice, environment_record()
        notes = (choice.sentence,) if choice is not None and choice.decided else ()
        report = evaluation.Report(
            title=case.name or "Reconstruction",
            volume=result.volume,
            xrays=[*case.xrays, *test],
            renders=[*result.renders, *renders],
            truth=reference.truth,
            held_out=[*unused, *(xray.view.id for xray in test)],
            metrics=outcome.metrics,
            trust=outcome.trust,
            confidence=outcome.confidence,
            prior=outcome.prior,
            settings=result.settings.flat(),
            reasons=result.reasons,
            durations=outcome.durations,
            versions={"IXGS": environment["ixgs"], **environment["packages"]},
            standardization=case.standardization,
            refinement=self.prepared.refinement,
            provenance=case.provenance,
            calibration=case.calibration,
            test_views=[xray.view.id for xray in test],
            credit=self.prepared.credit,
            warnings=tuple(self.reporter.warnings),
            notices=tuple(self.reporter.notices),
            notes=notes,
        )
        self.folder.save("report.html", lambda path: evaluation.write_report(report, path))
