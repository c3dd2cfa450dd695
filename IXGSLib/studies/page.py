"""The page of a study: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from ..evaluation.page import DISCLAIMER, facts, page, section, table
from ..version import __version__
from . import tables, wording
from .curves import curves
from .folder import Record
from .hard_cases import divided, summary
from .plan import Plan
from .worst import worst_html

MAIN_METRICS = ("bone_dice", "bone_surface_distance", "volume_psnr", "volume_ssim", "view_psnr")
OTHER_METRICS = ("fit_psnr", "held_out_psnr", "view_ssim")
"""Metrics of every run; those that are in neither list are shown after the first ones."""
MAX_ROWS = 200


def study_page(plan: Plan, records: Sequence[Record], folder: Path, repaired: Sequence[Record] = ()) -> str:
    """The page of the finished runs of a plan.

    folder: that of the study, with the pictures of its runs. repaired: hard cases with one setting repaired.
    """
    done = [record for record in records if record["status"] == "done"]
    metrics = shown_metrics(done, plan.analysis.metric)
    parts = [
        _head(plan, records, done),
        section("Curves", curves(plan, done, metrics)),
        section("Paired differences", _differences(plan, records, metrics)),
        section("All conditions", _html(tables.conditions_table(plan, records, metrics))),
        section("Hard cases", _hard_cases(plan, done, repaired)),
        section("Worst runs", worst_html(plan, done, metrics, folder)),
        section("Failures", _html(tables.failures_table(plan, records))),
        section("Warnings", _html(tables.warnings_table(done))),
        section("Plan", _html(tables.plan_table(plan))),
        f"<footer>{DISCLAIMER} IXGS {__version__}. Every run with all settings and hashes is in results.csv and "
        "results.parquet.</footer>",
    ]
    return page(plan.name, "\n".join(part for part in parts if part))


def shown_metrics(done: Sequence[Record], first: str) -> list[str]:
    """The metrics of a page: that of the plan, the main ones, then those that only some studies have."""
    present = dict.fromkeys(name for record in done for name, value in record["metrics"].items() if value is not None)
    order = [first, *MAIN_METRICS, *(name for name in present if name not in (*MAIN_METRICS, *OTHER_METRICS))]
    return [name for name in dict.fromkeys(order) if name in present]


def differences_intro(plan: Plan, records: Sequence[Record]) -> str:
    """What the table of paired differences shows."""
    reference = wording.level(tables.reference_of(plan, records))
    title = wording.setting(plan.analysis.compare).split(",")[0]
    return (
        f"{title} compared with {reference}, in pairs of runs that differ in nothing else. In brackets the 95 % "
        "confidence interval of the mean: over patients where there are at least three, otherwise over runs, which "
        "says nothing about other patients."
    )


def _head(plan: Plan, records: Sequence[Record], done: Sequence[Record]) -> str:
    seconds = sum(record["seconds"] or 0 for record in records)
    numbers = [
        ("Runs", str(len(records))),
        ("Failed", str(len(records) - len(done))),
        ("Subjects", str(len({record["subject"] for record in records}))),
        ("Patients", str(len({record["patient"] for record in records}))),
        ("Time of all runs", f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"),
    ]
    described = f"<p>{escape(plan.description)}</p>\n" if plan.description else ""
    return (
        f'<h1>{escape(plan.name)}</h1>\n<p class="soft">Study of reconstructions from X-rays</p>\n{described}'
        f'<p class="notice">{DISCLAIMER}</p>\n{facts(numbers)}'
    )


def _differences(plan: Plan, records: Sequence[Record], metrics: Sequence[str]) -> str:
    found = _html(tables.differences_table(plan, records, metrics))
    return f"<p>{escape(differences_intro(plan, records))}</p>{found}" if found else ""


def _hard_cases(plan: Plan, done: Sequence[Record], repaired: Sequence[Record]) -> str:
    """The causes of hard cases, and which warnings flagged them; nothing for a study without hard cases."""
    hard, others = divided(plan, done)
    if not hard:
        return ""
    causes = (
        "<h3>Causes</h3>\n<p>Each hard case was computed again with one of its settings at a time at a favourable "
        "value. Its cause is the setting whose repair lifts it above both limits, and of several the one that gains "
        f"most.</p>{_html(tables.causes_table(plan, hard, repaired))}"
        if plan.repair
        else ""
    )
    flags = f"<h3>Flagged by verdicts and warnings</h3>\n{_html(tables.alarms_table(hard, others))}"
    return f"<p>{escape(summary(plan, hard, others))}</p>{causes}{flags}"


def _html(content: tables.Table) -> str:
    """The first MAX_ROWS rows of a table."""
    more = f"<p>The first {MAX_ROWS} of {len(content.rows)} rows.</p>" if len(content.rows) > MAX_ROWS else ""
    return more + table(content.head, content.rows[:MAX_ROWS], content.numbers)
