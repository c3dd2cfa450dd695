"""The curves of a study's page, and their knees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..evaluation.page import table
from . import wording
from .folder import Record
from .plan import Plan
from .plot import Axis, Line, legend, plot
from .statistics import Mean, grouped, knee, mean_of, values_of

MAX_PLOTS, MAX_LINES = 4, 8


def curves(plan: Plan, done: Sequence[Record], metrics: Sequence[str]) -> str:
    """Each metric against the factor of the plan's curve, with a line for each level of the compared factor."""
    factor = plan.analysis.curve
    levels = _sorted(
        {record["condition"].get(factor) for record in done if record["condition"].get(factor) is not None}
    )
    if not factor or len(levels) < 2:
        return ""
    places = _places(levels)
    axis = Axis(wording.setting(factor), [(places[level], wording.level(level)) for level in levels])
    groups = _lines(plan, done)
    drawn, rows = [], []
    for metric in metrics[:MAX_PLOTS]:
        lines = [_line(name, group, factor, metric, places) for name, group in groups]
        lines = [line for line in lines if line.means]
        if not lines:
            continue
        knees = [_knee(line, places, metric) for line in lines]
        marked = [None if each is None else places[each] for each in knees]
        drawn.append(plot(lines, axis, wording.metric_title(metric), marked))
        rows += [
            [wording.metric_title(metric), line.name or "All", wording.level(each)]
            for line, each in zip(lines, knees, strict=True)
            if each is not None
        ]
    return _together(plan, [name for name, _ in groups], drawn, rows)


def _together(plan: Plan, names: Sequence[str], drawn: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not drawn:
        return ""
    title = wording.setting(plan.analysis.curve)
    knees = (
        "<h3>Knees</h3>\n<p>The level beyond which a curve gains little: where it lies farthest above the chord "
        "between its ends, with levels on a logarithmic scale. A ring marks it.</p>"
        + table(["Metric", "Curve", title], rows, numbers=(2,))
        if rows
        else ""
    )
    intro = "<p>Means of all runs with their 95 % confidence intervals, where there are enough runs for one.</p>"
    return f'{intro}{legend(names)}<div class="pair">{"".join(drawn)}</div>{knees}'


def _lines(plan: Plan, done: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """The runs of each line by its name: by the compared factor or, without one, by all others but the seed."""
    names = [plan.analysis.compare] if plan.analysis.compare else []
    if not names:
        names = [name for name in plan.varied if name not in ("seed", plan.analysis.curve)]
    found = [
        (", ".join(f"{_in_words(name)} {wording.level(each)}" for name, each in zip(names, key, strict=True)), group)
        for key, group in grouped(done, names).items()
    ]
    return found if len(found) <= MAX_LINES else [("", list(done))]


def _in_words(name: str) -> str:
    """The title of a setting without its unit, in lower case."""
    return wording.setting(name).split(",")[0].lower()


def _line(name: str, group: Sequence[Record], factor: str, metric: str, places: dict[Any, float]) -> Line:
    found: list[tuple[float, Mean]] = []
    for (level,), records in grouped(group, (factor,)).items():
        mean = mean_of(values_of(records, metric))
        if mean is not None and level in places:
            found.append((places[level], mean))
    found.sort(key=lambda item: item[0])
    return Line(name, [place for place, _ in found], [mean for _, mean in found])


def _knee(line: Line, places: dict[Any, float], metric: str) -> Any:
    levels = {place: level for level, place in places.items()}
    at = [levels[place] for place in line.places]
    if not all(_is_number(level) and level > 0 for level in at):
        return None
    found = knee(at, [mean.mean for mean in line.means], metric)
    return next((level for level in at if level == found), None)


def _places(levels: Sequence[Any]) -> dict[Any, float]:
    """Where each level lies along the axis: by its logarithm where all are positive numbers, otherwise evenly."""
    if all(_is_number(level) and level > 0 for level in levels):
        return {level: float(np.log2(level)) for level in levels}
    if all(_is_number(level) for level in levels):
        return {level: float(level) for level in levels}
    return {level: float(number) for number, level in enumerate(levels)}


def _sorted(levels: set[Any]) -> list[Any]:
    numeric = all(_is_number(level) for level in levels)
    return sorted(levels, key=None if numeric else str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
