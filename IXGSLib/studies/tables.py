"""The tables of a study, as rows of texts that a page lays out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import wording
from .folder import Record
from .hard_cases import alarms, cause_groups, is_flagged, kinds_of
from .plan import Plan
from .statistics import Difference, differences, grouped, mean_of, share_interval, values_of

MAX_WARNINGS = 20


@dataclass(frozen=True)
class Table:
    """A table; numbers: the columns that are right-aligned."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()


def differences_table(plan: Plan, records: Sequence[Record], metrics: Sequence[str]) -> Table:
    """Each level against the reference: for each metric, and for the first one at each level of the curve's factor."""
    factor = plan.analysis.compare
    head = ("Runs", "Metric", "Level", "Difference", "Better", "Pairs", "Lost", "Interval over")
    if not factor:
        return Table(head, ())
    reference = reference_of(plan, records)
    parts = [("All", list(records), metrics)]
    if plan.analysis.curve:
        title = wording.setting(plan.analysis.curve)
        groups = grouped(records, (plan.analysis.curve,)).items()
        parts += [(f"{title}: {wording.level(level)}", group, metrics[:1]) for (level,), group in groups]
    rows = [
        [part, wording.metric_title(metric), *_cells(each)]
        for part, group, shown in parts
        for metric in shown
        for each in differences(group, factor, reference, metric)
    ]
    return Table(head, rows, (3, 4, 5, 6))


def reference_of(plan: Plan, records: Sequence[Record]) -> Any:
    """The level that others are compared with: that of the plan or, without one, the first that occurs."""
    if plan.analysis.reference is not None:
        return plan.analysis.reference
    return next((record["condition"].get(plan.analysis.compare) for record in records), None)


def _cells(each: Difference) -> list[str]:
    mean = each.difference
    over = f"{mean.independent} {mean.over}" if mean.has_interval else "–"
    shown = wording.with_interval(mean, wording.signed)
    return [wording.level(each.level), shown, f"{100 * each.better:.0f} %", str(mean.values), str(each.lost), over]


def conditions_table(plan: Plan, records: Sequence[Record], metrics: Sequence[str]) -> Table:
    """A row for each condition, over seeds and subjects; none for a plan of draws, whose conditions occur once."""
    names = [name for name in plan.varied if name != "seed"]
    head = [*(wording.setting(name) for name in names), "Runs", "Failed", *(wording.metric_title(m) for m in metrics)]
    if plan.draws.count and not plan.factors:
        return Table(head, ())
    rows = []
    for levels, group in grouped(records, names).items():
        failed = sum(record["status"] != "done" for record in group)
        means = [wording.with_interval(mean_of(values_of(group, metric))) for metric in metrics]
        rows.append([*(wording.level(each) for each in levels), f"{len(group)}", f"{failed}", *means])
    return Table(head, rows, range(len(names), len(head)))


def failures_table(plan: Plan, records: Sequence[Record]) -> Table:
    """Failed runs by their reason, the most frequent first."""
    reasons: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["status"] != "done":
            reasons[record["reason"]].append(record)
    rows = [
        [
            reason,
            str(len(group)),
            ", ".join(dict.fromkeys(record["subject"] for record in group)),
            f"{group[0]['id']}: {wording.condition(group[0]['condition'], plan.varied)}",
        ]
        for reason, group in sorted(reasons.items(), key=lambda item: -len(item[1]))
    ]
    return Table(("Reason", "Runs", "Subjects", "For example"), rows, (1,))


def warnings_table(done: Sequence[Record]) -> Table:
    """What runs were warned of, the most frequent first; warnings that differ only in views and numbers are one."""
    kinds = [kinds_of(record["warnings"]) for record in done]
    examples = {kind: text for each in reversed(kinds) for kind, text in each.items()}
    counts = Counter(kind for each in kinds for kind in each)
    rows = [[examples[kind], str(count)] for kind, count in counts.most_common(MAX_WARNINGS)]
    return Table(("Warning", "Runs"), rows, (1,))


def plan_table(plan: Plan) -> Table:
    """The settings, factors, combinations and draws of a plan."""
    rows = [[wording.setting(name), wording.level(value), "all runs"] for name, value in plan.settings.items()]
    rows += [[wording.setting(n), ", ".join(map(wording.level, each)), "factor"] for n, each in plan.factors.items()]
    rows += [[wording.condition(each, list(each)), "", "listed combination"] for each in plan.conditions]
    rows += [[wording.setting(name), f"{low:g} to {high:g}", "drawn"] for name, (low, high) in plan.draws.ranges]
    rows += [[wording.setting(n), ", ".join(map(wording.level, each)), "drawn"] for n, each in plan.draws.choices]
    rows += [[wording.setting(name), wording.level(value), "favourable"] for name, value in plan.repair.items()]
    return Table(("Setting", "Value", "Use"), rows)


def causes_table(plan: Plan, hard: Sequence[Record], repaired: Sequence[Record]) -> Table:
    """For each cause: the number of hard cases, how many of them were flagged, and an example."""
    rows = []
    for name, group in cause_groups(plan, hard, repaired):
        title = wording.setting(name).split(",")[0] if name else "Several settings together"
        flagged = sum(map(is_flagged, group))
        rows.append([title, str(len(group)), str(flagged), wording.condition(group[0]["condition"], plan.varied)])
    return Table(("Cause", "Hard cases", "Flagged", "For example"), rows, (1, 2))


def alarms_table(hard: Sequence[Record], others: Sequence[Record]) -> Table:
    """For the verdict and for each kind of warning: shares of hard cases and of other runs."""
    counts = [("Verdict: review with care", sum(map(is_flagged, hard)), sum(map(is_flagged, others)))]
    counts += [(alarm.text, alarm.flagged, alarm.false) for alarm in alarms(hard, others)]
    rows = [[text, share(flagged, len(hard)), share(false, len(others))] for text, flagged, false in counts]
    return Table(("Sign", "Hard cases flagged", "False alarms"), rows, (1, 2))


def share(count: int, total: int) -> str:
    """A share with its confidence interval."""
    if not total:
        return "–"
    low, high = share_interval(count, total)
    return f"{count} of {total} ({100 * count / total:.0f} %, {100 * low:.0f} to {100 * high:.0f} %)"
