"""The part of a study's page about its hard cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..evaluation.page import table
from . import wording
from .folder import Record
from .hard_cases import SEVERAL, Alarm, alarms, cause, condition_key, is_flagged, is_hard
from .plan import Plan

CAUSES = ("Cause", "Hard cases", "Flagged", "For example")
ALARMS = ("Warning", "Hard cases flagged", "False alarms")


def hard_cases_html(plan: Plan, done: Sequence[Record], repaired: Sequence[Record]) -> str:
    """The causes of hard cases, and which warnings flagged them; nothing for a study without hard cases."""
    hard, others = divided(plan, done)
    if not hard:
        return ""
    causes = (
        "<h3>Causes</h3>\n<p>Each hard case was computed again with one of its settings at a time at a favourable "
        "value. Its cause is the setting whose repair lifts it above both limits, and of several the one that gains "
        "most.</p>" + table(CAUSES, cause_rows(plan, hard, repaired), numbers=(1, 2))
        if plan.repair
        else ""
    )
    flags = "<h3>Flagged by warnings</h3>\n" + table(ALARMS, alarm_rows(hard, others), numbers=(1, 2))
    return f"<p>{summary(plan, hard, others)}</p>{causes}{flags}"


def divided(plan: Plan, done: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The hard cases and the other runs that have a truth."""
    kinds = [(record, is_hard(record, plan.analysis)) for record in done]
    return [r for r, hard in kinds if hard], [r for r, hard in kinds if hard is False]


def summary(plan: Plan, hard: Sequence[Record], others: Sequence[Record]) -> str:
    return (
        f"{len(hard)} of {len(hard) + len(others)} runs have a bone overlap (Dice) below {plan.analysis.min_dice:g} or "
        f"a surface distance above {plan.analysis.max_distance:g} mm."
    )


def cause_rows(plan: Plan, hard: Sequence[Record], repaired: Sequence[Record]) -> list[list[str]]:
    """For each cause: its name, the number of hard cases, how many of them a warning flagged, and an example."""
    by_key = {condition_key(record["subject"], record["condition"]): record for record in repaired}
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in hard:
        groups[cause(plan, record, by_key)].append(record)
    rows = []
    for name, group in sorted(groups.items(), key=lambda item: -len(item[1])):
        title = "Several settings together" if name == SEVERAL else wording.setting(name).split(",")[0]
        flagged = sum(map(is_flagged, group))
        rows.append([title, str(len(group)), str(flagged), wording.condition(group[0]["condition"], plan.varied)])
    return rows


def alarm_rows(hard: Sequence[Record], others: Sequence[Record]) -> list[list[str]]:
    """For each kind of warning, and for any that is more than a notice: shares of hard cases and of other runs."""
    anything = Alarm("Any warning but notices", sum(map(is_flagged, hard)), sum(map(is_flagged, others)))
    return [
        [alarm.text, _share(alarm.flagged, len(hard)), _share(alarm.false, len(others))]
        for alarm in (anything, *alarms(hard, others))
    ]


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({100 * count / total:.0f} %)" if total else "–"
