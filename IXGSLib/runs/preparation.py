"""The inputs of a run: X-rays read, standardised and posed, the bone that is expected, settings and references."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..messages import collect_warnings
from .events import Reporter
from .refining import first_stage, pose_rate
from .request import RunRequest

if TYPE_CHECKING:
    from ..calibration.refinement import Refinement
    from ..evaluation.reference import Reference
    from ..formats import Case
    from ..prior.expectation import Expectation
    from ..reconstruction.resolution import ResolvedSettings


@dataclass(frozen=True, eq=False)
class Prepared:
    """The inputs of a run.

    resolved: the settings as they are before the initial volume is known. standardized: whether this run standardised
    the X-rays of the case. refinement: how it refined their poses, if it did. expectation: the bone that a network
    expects, if that is used. credit: that of the X-rays. durations: seconds of each stage, as far as it was needed.
    """

    case: Case
    standardized: bool
    refinement: Refinement | None
    expectation: Expectation | None
    changes: dict[str, Any]
    resolved: ResolvedSettings
    reference: Reference
    device: str
    credit: str
    durations: dict[str, float] = field(default_factory=dict)


def prepare(request: RunRequest, reporter: Reporter) -> Prepared:
    """Read the X-rays, standardise them, refine their poses and estimate their bone, as far as that is asked for.

    Raises IXGSError for a request that cannot be met.
    """
    from ..calibration import examine
    from ..evaluation.reference import Reference
    from ..formats.case_source import evenly
    from ..formats.credit import read_credit
    from ..reconstruction.resolution import resolve
    from ..rendering.devices import choose_device

    durations: dict[str, float] = {}
    with collect_warnings() as messages:
        credit = read_credit(request.case)
        device = choose_device(request.device).type
        _set_threads(request.threads)
        with _timed(durations, "reading"):
            loaded = evenly(_loaded(request, reporter), request.views)
        changes = request.changes()
        with _timed(durations, "standardization"):
            case = _standardized(loaded, request, reporter)
        made = case.standardization is not loaded.standardization
        with _timed(durations, "poses"):
            refinement = first_stage(case, request.refinement, reporter) if request.refine_poses else None
        if refinement is not None:
            case = refinement.case
            changes.setdefault("rates.pose", pose_rate(refinement))
        with _timed(durations, "prior"):
            expectation = _expectation(case, request)
        resolved = resolve(request.preset, len(case.xrays), changes)
        reference = Reference.load(request.truth, request.test).with_distinct_ids(case)
    findings = examine(loaded.with_poses(case.views)).warnings
    reference.check_place(case.grid)
    case = case.with_warnings([*messages, *findings])
    needed = {"reading": True, "standardization": made, "poses": refinement, "prior": expectation}
    durations = {stage: seconds for stage, seconds in durations.items() if needed[stage]}
    return Prepared(case, made, refinement, expectation, changes, resolved, reference, device, credit, durations)


@contextmanager
def _timed(durations: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    durations[stage] = time.perf_counter() - began


def _loaded(request: RunRequest, reporter: Reporter) -> Case:
    from .case_loading import load_case

    def report(done: int, total: int) -> None:
        reporter.report("progress", stage="tag conventions", step=done, steps=total)

    return load_case(request.images, request.case, request.device, report, reporter.note)


def _set_threads(count: int | None) -> None:
    """Limit the CPU threads of the kernels and of torch; None leaves them unlimited."""
    if count is None:
        return
    import torch

    from ..compute.threads import set_thread_count

    set_thread_count(count)
    torch.set_num_threads(count)


def _standardized(case: Case, request: RunRequest, reporter: Reporter) -> Case:
    from ..standardization import StandardizationSettings, standardize

    return standardize(
        case,
        StandardizationSettings(request.standardize, request.weights),
        lambda done, total: reporter.report("progress", stage="standardization", step=done, steps=total),
    )


def _expectation(case: Case, request: RunRequest) -> Expectation | None:
    from ..prior.expectation import expected_bone

    return expected_bone(case, request.prior, request.prior_weights)
