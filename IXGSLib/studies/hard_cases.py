"""Runs that fail: which they are, what causes them, and whether their verdicts and warnings said so."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError, group_views
from ..evaluation.trust import CARE
from .condition import Condition
from .folder import Record
from .plan import Analysis, Plan, StudyRun, check_fits

SEVERAL = ""
"""The cause of a hard case that no single repair cures."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Alarm:
    """How well a kind of warning tells hard cases from others.

    text: an example, or the name of a group. flagged: hard cases with it. false: other runs with it.
    """

    text: str
    flagged: int
    false: int


def is_hard(record: Record, analysis: Analysis) -> bool | None:
    """Whether a run fails; None where it cannot be known because there is no truth.

    A finished run in whose volume no bone was found is a hard case too.
    """
    metrics = record["metrics"]
    if "bone_dice" not in metrics:
        return None
    dice, distance = metrics["bone_dice"], metrics.get("bone_surface_distance")
    return dice is None or dice < analysis.min_dice or distance is None or distance > analysis.max_distance


def repairs(plan: Plan, records: Sequence[Record]) -> list[StudyRun]:
    """Each hard case with one of its settings at a time replaced by the plan's favourable value."""
    hard = [record for record in records if is_hard(record, plan.analysis)]
    return [run for record in hard for run in repairs_of(plan, record)]


def repairs_of(plan: Plan, record: Record) -> list[StudyRun]:
    """A run for each setting of a hard case that is not at the plan's favourable value already."""
    subject = next(subject for subject in plan.subjects if subject.name == record["subject"])
    found = []
    for name, value in plan.repair.items():
        if record["condition"].get(name) == value:
            continue
        try:
            condition = Condition.from_dict({**record["condition"], name: value})
            check_fits(subject, condition)
        except SettingsError:  # the other settings of this run do not go with the favourable value
            continue
        found.append(StudyRun(subject, condition, plan.c_arm(condition)))
    return found


def cause(plan: Plan, record: Record, repaired: Mapping[str, Record]) -> str:
    """The setting whose repair cures a hard case, and of several the one that gains most; SEVERAL where none does.

    repaired: the records of repaired runs by `condition_key`.
    """
    gains: dict[str, float] = {}
    for name, value in plan.repair.items():
        other = repaired.get(condition_key(record["subject"], {**record["condition"], name: value}))
        if other is not None and is_hard(other, plan.analysis) is False:
            gains[name] = other["metrics"]["bone_dice"] - (record["metrics"]["bone_dice"] or 0)
    return max(gains, key=lambda name: gains[name], default=SEVERAL)


def divided(plan: Plan, done: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The hard cases and the other runs that have a truth."""
    kinds = [(record, is_hard(record, plan.analysis)) for record in done]
    return [r for r, hard in kinds if hard], [r for r, hard in kinds if hard is False]


def summary(plan: Plan, hard: Sequence[Record], others: Sequence[Record]) -> str:
    """How many runs are hard cases, in a sentence."""
    return (
        f"{len(hard)} of {len(hard) + len(others)} runs have a bone overlap (Dice) below {plan.analysis.min_dice:g} or "
        f"a surface distance above {plan.analysis.max_distance:g} mm."
    )


def cause_groups(plan: Plan, hard: Sequence[Record], repaired: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """The hard cases by their cause, the most frequent one first."""
    by_key = {condition_key(record["subject"], record["condition"]): record for record in repaired}
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in hard:
        groups[cause(plan, record, by_key)].append(record)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def condition_key(subject: str, condition: Mapping[str, Any]) -> str:
    """What identifies a run within a study."""
    return repr((subject, sorted(condition.items())))


def alarms(hard: Sequence[Record], others: Sequence[Record]) -> list[Alarm]:
    """Each kind of warning, the most frequent in hard cases first."""
    kinds = [kinds_of(record["warnings"]) for record in (*hard, *others)]
    examples = {kind: text for each in reversed(kinds) for kind, text in each.items()}
    count = len(hard)
    found = [
        Alarm(text, sum(kind in each for each in kinds[:count]), sum(kind in each for each in kinds[count:]))
        for kind, text in examples.items()
    ]
    return sorted(found, key=lambda alarm: (-alarm.flagged, alarm.false))


def is_flagged(record: Record) -> bool:
    """Whether the verdict on a run is to review it with care; for one without a verdict, whether it has warnings."""
    trust = record.get("trust")
    return bool(record["warnings"]) if trust is None else bool(trust["verdict"] == CARE)


def kinds_of(messages: Iterable[str]) -> dict[str, str]:
    """Warnings by their kind: without views and numbers, so that those of different runs can be counted together."""
    return {_NUMBER.sub("#", text): text for text in map(_general, messages)}


def _general(message: str) -> str:
    """A warning without the views that it names."""
    text = group_views([message])[0]
    return re.sub(r"^views? [^:]*: ", "", text)
