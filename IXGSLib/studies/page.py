"""The page of a study: one self-contained HTML file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..evaluation.page import DISCLAIMER, facts, page, section, table
from ..evaluation.pictures import data_uri
from ..version import __version__
from . import wording
from .curves import curves
from .folder import RUNS, Record
from .hard_cases import kinds_of
from .hard_cases_page import hard_cases_html
from .picture import PICTURE
from .plan import Plan
from .statistics import differences, grouped, lower_is_better, mean_of, values_of

MAIN_METRICS = ("bone_dice", "bone_surface_distance", "volume_psnr", "volume_ssim", "view_psnr")
OTHER_METRICS = ("fit_psnr", "held_out_psnr", "view_ssim")
"""Metrics of every run; those that are in neither list are shown after the first one."""
MAX_ROWS, MAX_WORST, MAX_WARNINGS = 200, 8, 20


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
        section("All conditions", _conditions(plan, records, metrics)),
        section("Hard cases", hard_cases_html(plan, done, repaired)),
        section("Worst runs", _worst(plan, done, metrics, folder)),
        section("Failures", _failures(plan, records)),
        section("Warnings", _warnings(done)),
        section("Plan", _plan(plan)),
        f"<footer>{DISCLAIMER} IXGS {__version__}. Every run with all settings and hashes is in results.csv and "
        "results.parquet.</footer>",
    ]
    return page(plan.name, "\n".join(part for part in parts if part))


def shown_metrics(done: Sequence[Record], first: str) -> list[str]:
    """The metrics of a page: that of the plan, the main ones, then those that only some studies have."""
    present = dict.fromkeys(name for record in done for name, value in record["metrics"].items() if value is not None)
    order = [first, *MAIN_METRICS, *(name for name in present if name not in (*MAIN_METRICS, *OTHER_METRICS))]
    return [name for name in dict.fromkeys(order) if name in present]


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
        f'<h1>{escape(plan.name)}</h1>\n<p class="soft">Study of reconstructions from X-rays</p>\n'
        f'<p class="notice">{DISCLAIMER}</p>\n{described}{facts(numbers)}'
    )


def _differences(plan: Plan, records: Sequence[Record], metrics: Sequence[str]) -> str:
    """Each level against the reference, for each metric, and for each level of the curve's factor."""
    factor = plan.analysis.compare
    if not factor:
        return ""
    reference = plan.analysis.reference
    if reference is None:
        reference = next((record["condition"].get(factor) for record in records), None)
    parts = [("", list(records))]
    if plan.analysis.curve:
        groups = grouped(records, (plan.analysis.curve,))
        parts += [(f"{wording.setting(plan.analysis.curve)}: {wording.level(k[0])}", g) for k, g in groups.items()]
    rows = [
        [part or "All", wording.metric_title(metric), wording.level(each.level), *_difference_cells(each)]
        for part, group in parts
        for metric in (metrics if not part else metrics[:1])
        for each in differences(group, factor, reference, metric)
    ]
    intro = (
        f"<p>{escape(wording.setting(factor))} compared with {escape(wording.level(reference))}, in pairs of runs that "
        "differ in nothing else. In brackets the 95 % confidence interval of the mean: over patients where there are "
        "at least three, otherwise over runs, which says nothing about other patients.</p>"
    )
    head = ["Runs", "Metric", "Level", "Difference", "Better", "Pairs", "Lost", "Interval over"]
    return intro + table(head, rows, numbers=(3, 4, 5, 6)) if rows else ""


def _difference_cells(each: Any) -> list[str]:
    mean = each.difference
    over = f"{mean.independent} {mean.over}" if mean.has_interval else "–"
    shown = wording.with_interval(mean, wording.signed)
    return [shown, f"{100 * each.better:.0f} %", str(mean.values), str(each.lost), over]


def _conditions(plan: Plan, records: Sequence[Record], metrics: Sequence[str]) -> str:
    """A row for each condition, seeds and subjects averaged."""
    names = [name for name in plan.varied if name != "seed"]
    if plan.draws.count and not plan.factors:
        return ""
    rows = []
    for levels, group in grouped(records, names).items():
        failed = sum(record["status"] != "done" for record in group)
        means = [wording.with_interval(mean_of(values_of(group, metric))) for metric in metrics]
        rows.append([*(wording.level(each) for each in levels), f"{len(group)}", f"{failed}", *means])
    head = [*(wording.setting(name) for name in names), "Runs", "Failed", *(wording.metric_title(m) for m in metrics)]
    more = f"<p>The first {MAX_ROWS} of {len(rows)} conditions.</p>" if len(rows) > MAX_ROWS else ""
    return more + table(head, rows[:MAX_ROWS], numbers=range(len(names), len(head)))


def _worst(plan: Plan, done: Sequence[Record], metrics: Sequence[str], folder: Path) -> str:
    """Cards of the worst runs with slices of their volumes."""
    metric = plan.analysis.metric
    sign = -1 if lower_is_better(metric) else 1
    ranked = sorted(done, key=lambda r: _rank(r["metrics"].get(metric), sign))[:MAX_WORST]
    cards = [_card(plan, record, metrics, folder) for record in ranked]
    intro = (
        f"<p>The runs with the worst {escape(wording.metric(metric).name)} first: axial, coronal and sagittal slices "
        "of the volume, below them those of the truth where it is known.</p>"
    )
    return f'{intro}<div class="cards">{"".join(cards)}</div>' if cards else ""


def _rank(value: float | None, sign: int) -> float:
    """Runs whose metric is not defined are the worst."""
    return float("-inf") if value is None else sign * value


def _card(plan: Plan, record: Record, metrics: Sequence[str], folder: Path) -> str:
    picture = folder / RUNS / record["id"] / PICTURE
    shown = f'<img alt="Slices of the volume and the truth" style="width:100%" src="{_uri(picture)}">'
    missing = '<p class="soft">The picture of this run is not in the folder.</p>'
    values = ", ".join(
        f"{wording.metric(name).name} {wording.number(record['metrics'].get(name))} {wording.metric(name).unit}".strip()
        for name in metrics[:3]
    )
    count = len(record["warnings"])
    warned = f'<span class="tag warned">{count} warning{"s" * (count > 1)}</span>' if count else ""
    return (
        f'<article class="card"><header><b>{escape(record["subject"])}</b>{warned}<span class="soft">'
        f'{escape(wording.condition(record["condition"], plan.varied))}</span><span class="end">{record["id"]}</span>'
        f"</header>{shown if picture.is_file() else missing}<p>{escape(values)}</p></article>"
    )


def _uri(path: Path) -> str:
    if not path.is_file():
        return ""
    with Image.open(path, formats=["PNG"]) as image:
        return data_uri(np.asarray(image.convert("RGB")))


def _failures(plan: Plan, records: Sequence[Record]) -> str:
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
    return table(["Reason", "Runs", "Subjects", "For example"], rows, numbers=(1,))


def _warnings(done: Sequence[Record]) -> str:
    """What runs were warned of, the most frequent first; warnings that differ only in views and numbers are one."""
    kinds = [kinds_of(record["warnings"]) for record in done]
    examples = {kind: text for each in reversed(kinds) for kind, text in each.items()}
    counts = Counter(kind for each in kinds for kind in each)
    rows = [[examples[kind], str(count)] for kind, count in counts.most_common(MAX_WARNINGS)]
    return table(["Warning", "Runs"], rows, numbers=(1,))


def _plan(plan: Plan) -> str:
    rows = [[wording.setting(name), wording.level(value), "all runs"] for name, value in plan.settings.items()]
    rows += [[wording.setting(n), ", ".join(map(wording.level, each)), "factor"] for n, each in plan.factors.items()]
    rows += [[wording.condition(each, list(each)), "", "listed combination"] for each in plan.conditions]
    rows += [[wording.setting(name), f"{low:g} to {high:g}", "drawn"] for name, (low, high) in plan.draws.ranges]
    rows += [[wording.setting(n), ", ".join(map(wording.level, each)), "drawn"] for n, each in plan.draws.choices]
    return table(["Setting", "Value", "Use"], rows)
