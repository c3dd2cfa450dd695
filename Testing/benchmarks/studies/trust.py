"""How well the verdicts of runs tell failures from other runs, with the limits of signs chosen on other patients.

The limits that are not a matter of definition are those that separate failures from other runs best: the difference
between the share of failures that is flagged and the share of false alarms is largest. Those of the library are
chosen on all patients, those of the test on all but the one whose runs are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from IXGSLib.evaluation.trust import LIMITS, Limit, Signs
from IXGSLib.evaluation.trust_section import FORMATS, NAMES
from IXGSLib.studies.folder import Record
from IXGSLib.studies.hard_cases import is_hard
from IXGSLib.studies.plan import Plan
from IXGSLib.studies.tables import Table, share

DEFINED = ("views", "core", "score")
"""Signs whose limits are not chosen here: few views, bone in splinters, and what the network was not trained on."""
CLEAR_DICE, CLEAR_DISTANCE = (0.4, 0.6), (2.5, 4.0)
"""Runs below both first or beyond both second values are clear: mm for distances."""


SAME_PATIENT = "lumbar"
"""The patient of the sample CT, which the other ready studies use."""


@dataclass(frozen=True)
class Run:
    """A run with its truth: the patient, whether it is a failure, and whether that is clear."""

    patient: str
    hard: bool
    clear: bool
    signs: Signs


def runs(plan: Plan, records: Sequence[Record]) -> list[Run]:
    """The finished runs that have a truth and signs."""
    found = []
    for record in records:
        hard = is_hard(record, plan.analysis) if record["status"] == "done" else None
        if hard is not None and record.get("trust"):
            found.append(Run(record["patient"], hard, _is_clear(record), Signs(**record["trust"]["signs"])))
    return found


def _is_clear(record: Record) -> bool:
    """Whether a run is far from the border between failures and others."""
    dice, distance = record["metrics"]["bone_dice"], record["metrics"]["bone_surface_distance"]
    if dice is None or distance is None:
        return True
    failed = dice < CLEAR_DICE[0] or distance > CLEAR_DISTANCE[1]
    return failed or (dice > CLEAR_DICE[1] and distance < CLEAR_DISTANCE[0])


def flagged(run: Run, limits: Sequence[Limit]) -> bool:
    return any(limit.is_passed(run.signs) for limit in limits)


def chosen(some: Sequence[Run]) -> tuple[Limit, ...]:
    """The limits that separate these runs best, one after the other in the order of LIMITS."""
    limits = tuple(LIMITS)
    for number, limit in enumerate(limits):
        if limit.sign not in DEFINED and (values := _values(limit, some)):
            tried = [(*limits[:number], replace(limit, value=v), *limits[number + 1 :]) for v in values]
            quality = [_separation(some, each) for each in tried]
            best = [each for each, found in zip(tried, quality, strict=True) if found == max(quality)]
            middle = np.mean([each[number].value for each in best])
            limits = min(best, key=lambda each: abs(each[number].value - middle))
    return limits


def _values(limit: Limit, some: Sequence[Run]) -> list[float]:
    """The middles between neighbouring values of a sign, and one that no run passes; none where no run has the sign."""
    found = sorted({getattr(run.signs, limit.sign) for run in some if limit.applies(run.signs)} - {None})
    if not found:
        return []
    ends = [*found, found[-1] + 0.01] if limit.above else [found[0] - 0.01, *found]
    return [round((low + high) / 2, 3) for low, high in pairwise(ends)]


def _separation(some: Sequence[Run], limits: Sequence[Limit]) -> float:
    hard = [flagged(run, limits) for run in some if run.hard]
    others = [flagged(run, limits) for run in some if not run.hard]
    return sum(hard) / max(len(hard), 1) - sum(others) / max(len(others), 1)


def left_out(some: Sequence[Run]) -> list[bool]:
    """Whether each run is flagged by the limits that are chosen on the other patients."""
    limits = {each: chosen([run for run in some if run.patient != each]) for each in {run.patient for run in some}}
    return [flagged(run, limits[run.patient]) for run in some]


def verdicts_table(some: Sequence[Run], more: Sequence[Run] = ()) -> Table:
    """Shares of failures and of other runs that are flagged, also by limits chosen without the patient.

    more: runs of other studies, all of the patient SAME_PATIENT.
    """
    limits = chosen([run for run in some if run.patient != SAME_PATIENT])
    ours, apart, other = [flagged(run, LIMITS) for run in some], left_out(some), [flagged(run, limits) for run in more]
    rows = [
        _row("This study, limits of IXGS, chosen on all patients", some, ours),
        _row("This study, limits chosen on the other patients", some, apart),
        _row("The same, runs far from the border alone", *_clear(some, apart)),
        _row("The other ready studies, limits chosen on the other patients", more, other),
        _row("The same, runs far from the border alone", *_clear(more, other)),
    ]
    return Table(("Verdict: review with care", "Failures flagged", "False alarms"), rows, (1, 2))


def _clear(some: Sequence[Run], verdicts: Sequence[bool]) -> tuple[list[Run], list[bool]]:
    """The runs far from the border, with their verdicts."""
    kept = [(run, verdict) for run, verdict in zip(some, verdicts, strict=True) if run.clear]
    return [run for run, _ in kept], [verdict for _, verdict in kept]


def _row(title: str, some: Sequence[Run], verdicts: Sequence[bool]) -> list[Any]:
    pairs = list(zip(some, verdicts, strict=True))
    hard, others = ([verdict for run, verdict in pairs if run.hard is kind] for kind in (True, False))
    return [title, share(sum(hard), len(hard)), share(sum(others), len(others))]


def limits_table() -> Table:
    """The limits of the library, in the words of the report."""
    rows = [
        [NAMES[limit.sign], _where(limit), f"{'above' if limit.above else 'below'} {_number(limit)}"]
        for limit in LIMITS
    ]
    return Table(("Sign", "X-rays", "Review with care"), rows, ())


def _number(limit: Limit) -> str:
    return FORMATS.get(limit.sign, "{:g}").format(limit.value)


def _where(limit: Limit) -> str:
    return {None: "all", True: "standardised", False: "as they are"}[limit.synthetic]


def explanation(some: Sequence[Run]) -> str:
    """What the tables show, as Markdown."""
    patients, failures = len({run.patient for run in some}), sum(run.hard for run in some)
    return (
        f"Of {len(some)} runs, those above and repaired ones, of {patients} patients, {failures} are failures. The "
        "limits of disagreement separate failures from other runs best: the share of failures flagged less the share "
        "of false alarms is largest. The other limits are rules of thumb. How the limits serve for a new patient is "
        "measured with some that were chosen without the patient whose runs are "
        f"judged. Far from the border are failures with a Dice below {CLEAR_DICE[0]:g} or more than "
        f"{CLEAR_DISTANCE[1]:g} mm, and good runs above {CLEAR_DICE[1]:g} and within {CLEAR_DISTANCE[0]:g} mm."
    )
